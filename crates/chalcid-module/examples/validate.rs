//! Measures decoding and validating of modules: `cargo run --release -p chalcid-module --example validate -- FILE.wasm…`
//!
//! Prints, for each, the best of many runs on one thread and on all, the speed, and how much of the code the quick acceptor takes.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use chalcid_module::features::{Feature, Features};
use chalcid_module::{decode_and_validate, validate};

/// The least time that `work` took, in milliseconds: by the wall, and of this thread's processor.
fn best(mut work: impl FnMut()) -> (f64, f64) {
    let mut best = (f64::MAX, f64::MAX);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1500) {
        let (start, used) = (Instant::now(), processor_time());
        work();
        best.0 = best.0.min(start.elapsed().as_secs_f64() * 1e3);
        best.1 = best.1.min((processor_time() - used) * 1e3);
    }
    best
}

/// Seconds that this thread has run; 0 where the system does not say.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn main() {
    let features = Features::default().with(Feature::Exceptions).with(Feature::Threads);
    let threads = std::thread::available_parallelism().unwrap().get();
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        let (one, used) = best(|| drop(decode_and_validate(&bytes, &features, None).unwrap()));
        let flags = features.to_wasmparser();
        let library = || drop(wasmparser::Validator::new_with_features(flags).validate_all(&bytes).unwrap());
        let (_, library) = best(library);
        let (all, _) = best(|| {
            drop(decode_and_validate(&bytes, &features, chalcid_module::helpers_for(&bytes, threads)).unwrap())
        });
        let share = validate::quick_share(&bytes, &features).unwrap();
        println!(
            "{path}: {:.1} MB, code {:.1} MB; library {library:.2} ms running; one thread {one:.2} ms ({used:.2} running, ratio {:.2}), {} threads {all:.2} ms; quick: {:.2} % of bodies, {:.2} % of bytes",
            bytes.len() as f64 / 1e6,
            share.bytes as f64 / 1e6,
            used / library,
            threads,
            100.0 * share.accepted_bodies as f64 / share.bodies as f64,
            100.0 * share.accepted_bytes as f64 / share.bytes as f64,
        );
    }
}

//! Programs of fixed seeds. In `fuzz/oracle`, `SEEDS=1000..2000 cargo test` runs others.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chalcid::{Config, Engine};
use chalcid_oracle::{Coverage, Random, compare, generate};

fn seeds(default: Range<u64>) -> Range<u64> {
    let Ok(seeds) = std::env::var("SEEDS") else { return default };
    let (start, end) = seeds.split_once("..").unwrap();
    start.parse().unwrap()..end.parse().unwrap()
}

fn agree(config: Config, seeds: Range<u64>) -> Coverage {
    let engine = Engine::new(config).unwrap();
    let mut coverage = Coverage::default();
    let mut differences = Vec::new();
    for seed in seeds {
        let Some(program) = generate(seed) else { continue };
        let mut random = Random::new(seed);
        let run = || compare(&engine, &program, &mut random, &mut coverage);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => {}
            Ok(Err(difference)) => differences.push(format!("seed {seed}: {difference}")),
            Err(_) => differences.push(format!("seed {seed}: panicked")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    println!("{coverage:?}");
    coverage
}

#[test]
fn engines_agree() {
    let coverage = agree(Config::new(), seeds(0..400));
    // The test is worth something only if programs get to do something.
    assert!(coverage.instances > 50, "{coverage:?}");
    assert!(coverage.returned > 100 && coverage.trapped > 100, "{coverage:?}");
}

#[test]
fn engines_agree_without_signals() {
    agree(Config::new().signals(false), seeds(400..450));
}

#[test]
fn engines_agree_unoptimised() {
    agree(Config::new().optimize(false), seeds(450..500));
}

#[test]
fn engines_agree_for_an_old_cpu() {
    agree(Config::new().cpu_features([]), seeds(500..550));
}

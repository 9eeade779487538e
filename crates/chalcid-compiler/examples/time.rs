//! Times the compilation of modules, function by function on one thread: `time [--quick|--baseline] FILE…`. Where the system tells it, the time
//! is what the thread spent on a CPU, which other programs disturb least.

use std::error::Error;
use std::time::{Duration, Instant};

use chalcid_compiler::{Compiler, OptLevel, Settings, Tier};
use chalcid_module::features::{Feature, Features};
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::VMContextLayout;

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, paths): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let opt_level = if flags.iter().any(|flag| flag == "--quick") { OptLevel::None } else { OptLevel::Speed };
    let tier = if flags.iter().any(|flag| flag == "--baseline") { Tier::Baseline } else { Tier::Optimizing };
    let compiler = Compiler::new(Settings { opt_level, verify: false, ..Settings::default() })?;
    let features = Feature::ALL.iter().fold(Features::WASM3, |features, &feature| features.with(feature));
    for path in paths {
        let bytes = wat::parse_file(&path)?;
        let module = chalcid_module::decode_and_validate(&bytes, &features, None)?;
        let layout = VMContextLayout::new(&module);
        let mut slowest = (Duration::ZERO, 0, 0);
        let (mut code, mut tables, mut input, mut failed, mut fallen_back) = (0, 0, 0, 0, 0);
        let start = Moment::now();
        for (func, body) in module.bodies.iter().enumerate() {
            let (begin, end) = (body.start as usize, body.end as usize);
            let one = Moment::now();
            match compiler.compile_function(
                tier,
                &module,
                &layout,
                DefinedFuncIdx::new(func),
                &bytes[begin..end],
                begin,
            ) {
                Ok(compiled) => {
                    fallen_back += usize::from(compiled.tier != tier);
                    code += compiled.code.len();
                    tables += size_of_val(&compiled.traps[..]) + size_of_val(&compiled.source_map[..]);
                }
                Err(error) => {
                    failed += 1;
                    if failed < 4 {
                        println!("function {func}: {}", error.to_string().lines().next().unwrap_or_default());
                    }
                }
            }
            input += end - begin;
            slowest = slowest.max((one.elapsed(), func, end - begin));
        }
        let time = start.elapsed();
        println!(
            "{path}: {} functions of {input} bytes ({failed} not compiled, {fallen_back} by the other tier) to {code} bytes and {tables} bytes of tables in {time:.2?}, {:.2} MB/s; slowest {} of {} bytes {:.2?}",
            module.bodies.len(),
            input as f64 / 1e6 / time.as_secs_f64(),
            slowest.1,
            slowest.2,
            slowest.0
        );
    }
    Ok(())
}

/// A moment of the thread.
struct Moment {
    wall: Instant,
    on_cpu: Option<Duration>,
}

impl Moment {
    fn now() -> Self {
        let on_cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let on_cpu = on_cpu.and_then(|line| line.split(' ').next()?.parse().ok()).map(Duration::from_nanos);
        Self { wall: Instant::now(), on_cpu }
    }

    fn elapsed(&self) -> Duration {
        match (self.on_cpu, Self::now().on_cpu) {
            (Some(then), Some(now)) => now - then,
            _ => self.wall.elapsed(),
        }
    }
}

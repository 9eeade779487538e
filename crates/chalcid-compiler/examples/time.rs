//! Times the compilation of modules, function by function on one thread: `time [--quick|--baseline] [--rounds=N] FILE…`. Where the system tells it,
//! the time is what the thread spent on a CPU, which other programs disturb least; of several rounds, the quickest counts.

use std::error::Error;
use std::time::{Duration, Instant};

use chalcid_compiler::{Compiler, OptLevel, Settings, Tier};
use chalcid_module::declarations::Declarations;
use chalcid_module::features::{Feature, Features};
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::VMContextLayout;

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, paths): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let opt_level = if flags.iter().any(|flag| flag == "--quick") { OptLevel::None } else { OptLevel::Speed };
    let tier = if flags.iter().any(|flag| flag == "--baseline") { Tier::Baseline } else { Tier::Optimizing };
    let compiler = Compiler::new(Settings { opt_level, verify: false, ..Settings::default() })?;
    let features = Feature::ALL.iter().fold(Features::WASM3, |features, &feature| features.with(feature));
    let rounds = flags.iter().find_map(|flag| flag.strip_prefix("--rounds=")).map_or(Ok(1), str::parse)?;
    for path in paths {
        let bytes = wat::parse_file(&path)?;
        let module = chalcid_module::decode_and_validate(&bytes, &features, None)?;
        let layout = VMContextLayout::new(&module);
        let quickest =
            (0..rounds).map(|_| round(&compiler, tier, &module, &layout, &bytes)).min_by_key(|round| round.time);
        let Some(Round { time, slowest, code, tables, failed, fallen_back }) = quickest else { continue };
        let bodies = module.bodies.all(&bytes);
        let input: usize = bodies.iter().map(|body| body.len()).sum();
        println!(
            "{path}: {} functions of {input} bytes ({failed} not compiled, {fallen_back} by the other tier) to {code} bytes and {tables} bytes of tables in {time:.2?}, {:.2} MB/s; slowest {} of {} bytes {:.2?}",
            bodies.len(),
            input as f64 / 1e6 / time.as_secs_f64(),
            slowest.1,
            bodies.get(slowest.1).map_or(0, |body| body.len()),
            slowest.0
        );
    }
    Ok(())
}

/// What compiling a whole module took and gave.
#[derive(Default)]
struct Round {
    time: Duration,
    slowest: (Duration, usize),
    code: usize,
    tables: usize,
    failed: usize,
    fallen_back: usize,
}

fn round(compiler: &Compiler, tier: Tier, module: &Declarations, layout: &VMContextLayout, bytes: &[u8]) -> Round {
    let mut round = Round::default();
    let start = Moment::now();
    for (func, body) in module.bodies.all(bytes).iter().enumerate() {
        let (begin, end) = (body.start as usize, body.end as usize);
        let one = Instant::now();
        match compiler.compile_function(tier, module, layout, DefinedFuncIdx::new(func), &bytes[begin..end], begin) {
            Ok(compiled) => {
                round.fallen_back += usize::from(compiled.tier != tier);
                round.code += compiled.code.len();
                round.tables += size_of_val(&compiled.traps[..]) + size_of_val(&compiled.source_map[..]);
            }
            Err(error) => {
                round.failed += 1;
                if round.failed < 4 {
                    println!("function {func}: {}", error.to_string().lines().next().unwrap_or_default());
                }
            }
        }
        round.slowest = round.slowest.max((one.elapsed(), func));
    }
    round.time = start.elapsed();
    round
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

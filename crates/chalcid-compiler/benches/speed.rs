//! How fast each tier compiles: megabytes of function bodies a second, on one core.
//!
//! `cargo bench -p chalcid-compiler` compiles every function of the programs in `benches/kernels/` by each tier; with paths as
//! arguments, those modules instead. In brackets what code each byte becomes, and how many functions the baseline tier left to the other one
//! or neither compiled.

#![allow(clippy::unwrap_used, reason = "failing is how a bench reports")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chalcid_compiler::{CompileError, Compiler, Settings, Tier};
use chalcid_module::artifact::CompiledCode;
use chalcid_module::declarations::Declarations;
use chalcid_module::features::{Feature, Features};
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::VMContextLayout;

struct Module {
    name: String,
    bytes: Vec<u8>,
    declarations: Declarations,
    layout: VMContextLayout,
}

impl Module {
    fn read(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(path).unwrap();
        let features = Feature::ALL.iter().fold(Features::WASM3, |features, &feature| features.with(feature));
        let declarations = chalcid_module::decode_and_validate(&bytes, &features, None).unwrap();
        let layout = VMContextLayout::new(&declarations);
        Self { name, bytes, declarations, layout }
    }

    /// Bytes of its function bodies.
    fn size(&self) -> usize {
        self.declarations.bodies.all(&self.bytes).iter().map(|range| (range.end - range.start) as usize).sum()
    }

    /// Compiles one of its functions.
    fn compile(&self, func: usize, tier: Tier, compiler: &Compiler) -> Result<CompiledCode, CompileError> {
        let range = &self.declarations.bodies.all(&self.bytes)[func];
        let (start, end) = (range.start as usize, range.end as usize);
        let body = &self.bytes[start..end];
        compiler.compile_function(tier, &self.declarations, &self.layout, DefinedFuncIdx::new(func), body, start)
    }

    /// Compiles all its functions, several times. Each counts by its quickest round: on a busy machine, some are left alone.
    fn measure(&self, tier: Tier, compiler: &Compiler) -> Made {
        let begun = Instant::now();
        let mut best = vec![Duration::MAX; self.declarations.bodies.len()];
        let mut made = Made::default();
        for round in 0.. {
            made = Made::default();
            for (func, best) in best.iter_mut().enumerate() {
                let start = Instant::now();
                let compiled = black_box(self.compile(func, tier, compiler));
                *best = start.elapsed().min(*best);
                made.code += compiled.as_ref().map_or(0, |code| code.code.len());
                made.left += usize::from(compiled.map_or(true, |code| code.tier != tier));
            }
            if round >= 2 && begun.elapsed() > Duration::from_millis(200) {
                break;
            }
        }
        made.time = best.iter().sum();
        made
    }
}

/// What came of a module.
#[derive(Default)]
struct Made {
    /// Bytes of code.
    code: usize,
    /// Functions that the tier did not compile.
    left: usize,
    /// How long it took.
    time: Duration,
}

fn main() {
    let named: Vec<PathBuf> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).map(PathBuf::from).collect();
    let paths = if named.is_empty() {
        let kernels = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/kernels")).unwrap();
        let mut paths: Vec<_> = kernels.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
        paths.sort();
        paths
    } else {
        named
    };
    let compiler = Compiler::new(Settings::default()).unwrap();
    let tiers = [Tier::Baseline, Tier::Optimizing];
    println!("{:32} {:>10}  {:^26}  {:^26}", "module", "bytes", "baseline", "optimising");
    let (mut bytes, mut times) = (0, [Duration::ZERO; 2]);
    let speed = |bytes: usize, time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    for module in paths.iter().map(|path| Module::read(path)) {
        let size = module.size();
        bytes += size;
        let columns = [0, 1].map(|number| {
            let Made { code, left, time } = module.measure(tiers[number], &compiler);
            times[number] += time;
            let expansion = code as f64 / size as f64;
            let column = format!("{:.2} MB/s ({expansion:.2}, {left})", speed(size, time));
            format!("{column:>26}")
        });
        println!("{:32} {size:>10}  {}", module.name, columns.join("  "));
    }
    println!("{:32} {bytes:>10}  {:>16.2} MB/s {:>21.2} MB/s", "all", speed(bytes, times[0]), speed(bytes, times[1]));
}

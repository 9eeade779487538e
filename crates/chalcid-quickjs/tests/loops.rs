//! Makes and drops instances by the hundred thousand and looks at what stays: every file of `tests/lifetimes` in the root, each in a process
//! of its own, since most of what is looked at belongs to a process.
//!
//! A file sets `round`, a function that makes something and keeps nothing, and perhaps `settled`, which is called when everything was
//! collected and throws if it knows better. After a warm-up a sample is taken, and another when all rounds are done. Between them nothing
//! may have grown: JavaScript's objects, as QuickJS counts them; the engine's entities; bytes in use by the allocator and by QuickJS; mappings;
//! resident memory now and at its peak. The first two must be equal, the others have room for what an allocator does; time is no
//! matter.
//!
//! A first line `// rounds: N` in a file says how many fit into a test run without optimisation.
//!
//! `CHALCID_LIFETIMES=1000000 cargo test --release -p chalcid-quickjs --test loops -- --nocapture weak` makes a million in the files whose
//! names contain "weak", and prints the figures.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fmt, fs};

use chalcid_quickjs::rquickjs::context::EvalOptions;
use chalcid_quickjs::rquickjs::{CatchResultExt, Context, Ctx, FromJs, Function, Runtime, qjs};
use libtest_mimic::{Arguments, Failed, Trial};

/// Rounds of each file, unless it or `CHALCID_LIFETIMES` says otherwise.
const ROUNDS: u64 = 100_000;
/// Part of the rounds that comes before the first sample: what grows to its steady size has grown then.
const WARM_UP: u64 = 5;
/// Parts between which the mappings are counted without a collection.
const PARTS: u64 = 20;

/// Says to a process of this binary which file to run.
const FILE: &str = "CHALCID_LIFETIMES_FILE";

/// What is there at one moment.
#[derive(Clone, Copy)]
struct Sample {
    objects: i64,
    entities: usize,
    quickjs_bytes: i64,
    allocated_bytes: usize,
    mappings: usize,
    resident_bytes: usize,
    peak_bytes: usize,
}

/// Collects everything that can be collected.
fn collect(ctx: &Ctx<'_>) {
    // A registry's jobs hold what they are about to be called with; and a chain between the heaps goes piece by piece.
    for _ in 0..3 {
        chalcid_quickjs::collect_garbage(ctx);
        while ctx.execute_pending_job() {}
    }
}

impl Sample {
    /// Looks.
    fn take(ctx: &Ctx<'_>) -> Self {
        let mut usage = std::mem::MaybeUninit::<qjs::JSMemoryUsage>::uninit();
        // SAFETY: the runtime is alive and this thread's; the call fills the whole struct.
        let usage = unsafe {
            qjs::JS_ComputeMemoryUsage(qjs::JS_GetRuntime(ctx.as_raw().as_ptr()), usage.as_mut_ptr());
            usage.assume_init()
        };
        // SAFETY: the call has no conditions.
        let allocator = unsafe { libc::mallinfo2() };
        Self {
            objects: usage.obj_count,
            entities: chalcid_quickjs::agent(ctx).unwrap().entities(),
            quickjs_bytes: usage.malloc_size,
            allocated_bytes: allocator.uordblks + allocator.hblkhd,
            mappings: mappings(),
            resident_bytes: status("VmRSS:"),
            peak_bytes: status("VmHWM:"),
        }
    }

    /// What has grown since `before`, if anything has.
    fn growth(&self, before: &Self) -> Vec<String> {
        const MIB: usize = 1 << 20;
        let mut grown = Vec::new();
        let mut look = |what: &str, before: usize, after: usize, room: usize| {
            if after > before + room {
                grown.push(format!("{what}: {before} became {after}"));
            }
        };
        look("JavaScript objects", before.objects as usize, self.objects as usize, 0);
        look("entities", before.entities, self.entities, 0);
        look("bytes of QuickJS", before.quickjs_bytes as usize, self.quickjs_bytes as usize, MIB / 4);
        look("allocated bytes", before.allocated_bytes, self.allocated_bytes, MIB / 2);
        look("mappings", before.mappings, self.mappings, 32);
        look("resident bytes", before.resident_bytes, self.resident_bytes, 16 * MIB);
        look("peak of resident bytes", before.peak_bytes, self.peak_bytes, 32 * MIB);
        grown
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = |bytes: usize| bytes >> 10;
        write!(
            f,
            "{} objects, {} entities, {} mappings, KiB: QuickJS {}, allocated {}, resident {}, peak {}",
            self.objects,
            self.entities,
            self.mappings,
            kib(self.quickjs_bytes as usize),
            kib(self.allocated_bytes),
            kib(self.resident_bytes),
            kib(self.peak_bytes)
        )
    }
}

fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// A size that the system tells of this process, in bytes.
fn status(name: &str) -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// How many rounds a file runs.
fn rounds(source: &str) -> u64 {
    let given = env::var("CHALCID_LIFETIMES").ok().and_then(|text| text.parse().ok());
    let fitting = source.lines().next().and_then(|line| line.strip_prefix("// rounds: ")?.parse().ok());
    given.or(fitting.filter(|_| cfg!(debug_assertions))).unwrap_or(ROUNDS)
}

/// What the process has used of a processor.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the struct.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn evaluate<'js, T: FromJs<'js>>(ctx: &Ctx<'js>, source: impl Into<Vec<u8>>, name: &str) -> Result<T, String> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.to_owned());
    ctx.eval_with_options(source, options).catch(ctx).map_err(|error| error.to_string())
}

/// What was found of a file.
struct Figures {
    rounds: u64,
    /// Processor time of a round.
    time: Duration,
    before: Sample,
    after: Sample,
    /// The most that were met, where nobody had asked for a collection.
    most_mappings: usize,
}

fn measure(ctx: &Ctx<'_>, file: &Path) -> Result<Figures, String> {
    chalcid_quickjs::init(ctx).map_err(|error| error.to_string())?;
    let harness = fs::read_to_string(tests().join("js-api/harness.js")).unwrap();
    evaluate::<()>(ctx, harness, "harness.js")?;
    let source = fs::read_to_string(file).unwrap();
    let rounds = rounds(&source);
    evaluate::<()>(ctx, source, &file.file_name().unwrap().to_string_lossy())?;
    let run: Function<'_> = evaluate(ctx, "(n) => { while (n-- > 0) round(); }", "rounds")?;
    let run = |rounds: u64| {
        let ran = run.call::<_, ()>((rounds as f64,)).catch(ctx).map_err(|error| error.to_string());
        while ctx.execute_pending_job() {}
        ran
    };
    let settle = || {
        collect(ctx);
        evaluate::<()>(ctx, "globalThis.settled?.()", "settled")?;
        collect(ctx);
        Ok::<_, String>(Sample::take(ctx))
    };
    run(rounds / WARM_UP)?;
    let before = settle()?;
    let (mut most_mappings, start) = (0, processor_time());
    for _ in 0..PARTS {
        run(rounds / PARTS)?;
        most_mappings = most_mappings.max(mappings());
    }
    let time = (processor_time() - start) / rounds as u32;
    Ok(Figures { rounds, time, before, after: settle()?, most_mappings })
}

/// Runs a file in this process.
fn run(file: &Path) -> Result<(), String> {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    let figures = context.with(|ctx| measure(&ctx, file))?;
    // QuickJS aborts the process if anything is left of either.
    drop(context);
    drop(runtime);
    let Figures { rounds, time, before, after, most_mappings } = figures;
    println!("{}, {rounds} rounds of {time:.2?}", file.file_stem().unwrap().to_string_lossy());
    println!("    before: {before}\n    after:  {after}\n    most mappings: {most_mappings}");
    let grown = after.growth(&before);
    if grown.is_empty() { Ok(()) } else { Err(grown.join("\n")) }
}

/// Runs a file in a process of its own.
fn run_apart(file: &Path) -> Result<(), Failed> {
    let output = Command::new(env::current_exe()?).env(FILE, file).output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

fn main() -> ExitCode {
    if let Some(file) = env::var_os(FILE) {
        return match run(Path::new(&file)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::FAILURE
            }
        };
    }
    let mut files: Vec<PathBuf> = fs::read_dir(tests().join("lifetimes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "js"))
        .collect();
    files.sort();
    let trials = files.into_iter().map(|file| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        Trial::test(name, move || run_apart(&file))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

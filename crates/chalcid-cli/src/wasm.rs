//! The engine of WebAssembly that a program gets: what the command line says about it, and what is left to do when the program ends.

use std::cell::OnceCell;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use chalcid::{CodeCache, CodeCacheError, Config, Engine, Error, Stats, TierPolicy, TierStats};
use clap::{Args, ValueEnum};

/// What the command line says.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Which compilers of WebAssembly to use
    #[arg(long, value_name = "TIER", value_enum)]
    wasm_tier: Option<Tier>,

    /// When the program ends, print what compiling WebAssembly took to standard error
    #[arg(long)]
    wasm_stats: bool,

    /// Tell `perf` the names of WebAssembly's functions
    #[arg(long)]
    profile: bool,

    /// Compile everything anew, and keep nothing of it
    #[arg(long)]
    no_code_cache: bool,

    /// Where to keep compiled WebAssembly (the user's cache directory if not given)
    #[arg(long, value_name = "DIR", conflicts_with = "no_code_cache")]
    code_cache_dir: Option<PathBuf>,
}

/// The choices of `--wasm-tier`.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum Tier {
    /// Quickly, and nothing else
    Baseline,
    /// Optimised, and nothing else
    Optimizing,
    /// Quickly at first; what runs hot is optimised in the background
    Auto,
}

impl From<Tier> for TierPolicy {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Baseline => Self::Baseline,
            Tier::Optimizing => Self::Optimizing,
            Tier::Auto => Self::Auto,
        }
    }
}

/// The engine of one program, made when WebAssembly is first used.
#[derive(Default)]
pub struct Wasm {
    options: Options,
    engine: OnceCell<Engine>,
}

impl Wasm {
    /// Nothing yet.
    pub fn new(options: Options) -> Self {
        Self { options, engine: OnceCell::new() }
    }

    /// The engine.
    pub fn engine(&self) -> Result<Engine, Error> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine.clone());
        }
        let made = Engine::new(self.options.config())?;
        Ok(self.engine.get_or_init(|| made).clone())
    }

    /// The program waits for something: time to save what was compiled, in the background.
    pub fn idle(&self) {
        if let Some(engine) = self.engine.get() {
            engine.save_code_in_background();
        }
    }

    /// The program ends: saves what was compiled, and prints what was asked for or went wrong.
    pub fn finish(&self) {
        let Some(engine) = self.engine.get() else {
            if self.options.wasm_stats {
                crate::errors::warn("WebAssembly: not used");
            }
            return;
        };
        engine.save_code();
        if let Some(error) = engine.code_cache_error()
            && self.options.concerns(error)
        {
            crate::errors::warn(&format!("Warning: {error}"));
        }
        if self.options.wasm_stats {
            crate::errors::warn(Report(engine.stats()).to_string().trim_end());
        }
    }
}

impl Options {
    fn config(&self) -> Config {
        let mut config = Config::new().perf_map(self.profile);
        if let Some(tier) = self.wasm_tier {
            config = config.tier(tier.into());
        }
        let directory = match &self.code_cache_dir {
            _ if self.no_code_cache => None,
            Some(directory) => Some(directory.clone()),
            None => CodeCache::platform_directory("chalcid"),
        };
        match directory {
            Some(directory) => config.code_cache(CodeCache::new(directory)),
            None => config,
        }
    }

    /// Whether an error is the user's to know. That a home directory is not there or cannot be written to is nothing unusual.
    fn concerns(&self, error: &CodeCacheError) -> bool {
        self.code_cache_dir.is_some() || !matches!(error, CodeCacheError::Unavailable { .. })
    }
}

/// Statistics for people to read.
struct Report(Stats);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.0;
        writeln!(f, "WebAssembly:")?;
        let (modules, bytes, time) = (stats.modules, Bytes(stats.module_bytes), Time(stats.module_time));
        write!(f, "  modules     {modules} of {bytes} decoded and validated in {time}")?;
        if stats.known_modules > 0 {
            write!(f, "; {} known", stats.known_modules)?;
        }
        writeln!(f)?;
        write!(f, "  code cache  {} found, {} not found", stats.cache_hits, stats.cache_misses)?;
        let loaded = &stats.loaded;
        if loaded.functions > 0 {
            let (bytes, time) = (Bytes(loaded.code_bytes), Time(loaded.time));
            write!(f, "; {} functions of {bytes} loaded in {time}", loaded.functions)?;
        }
        if stats.damaged > 0 {
            write!(f, "; {} chunks damaged", stats.damaged)?;
        }
        if stats.saved > 0 {
            let (bytes, time) = (Bytes(stats.saved_bytes), Time(stats.saved_time));
            write!(f, "; {} entries of {bytes} written in {time}", stats.saved)?;
        }
        writeln!(f)?;
        tier(f, "baseline  ", &stats.baseline)?;
        tier(f, "optimizing", &stats.optimizing)?;
        writeln!(f, "  tier-ups    {}", stats.tier_ups)
    }
}

fn tier(f: &mut fmt::Formatter<'_>, name: &str, tier: &TierStats) -> fmt::Result {
    write!(f, "  {name}  {} functions", tier.functions)?;
    if tier.functions > 0 {
        let (wasm, code, time) = (Bytes(tier.wasm_bytes), Bytes(tier.code_bytes), Time(tier.time));
        write!(f, ", {wasm} of wasm to {code} of code in {time}")?;
        let rate = tier.wasm_bytes as f64 / tier.time.as_secs_f64() / 1e6;
        if rate.is_finite() {
            write!(f, " ({rate:.1} MB/s)")?;
        }
    }
    if tier.failed > 0 {
        write!(f, ", {} failed", tier.failed)?;
    }
    writeln!(f)
}

/// A number of bytes, in decimal units.
pub(crate) struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ 0..1000 => write!(f, "{bytes} B"),
            bytes @ 1000..1_000_000 => write!(f, "{:.1} kB", bytes as f64 / 1e3),
            bytes => write!(f, "{:.1} MB", bytes as f64 / 1e6),
        }
    }
}

/// A time, in the unit that suits it.
struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_micros() {
            micros @ 0..1000 => write!(f, "{micros} µs"),
            micros @ 1000..1_000_000 => write!(f, "{:.1} ms", micros as f64 / 1e3),
            micros => write!(f, "{:.2} s", micros as f64 / 1e6),
        }
    }
}

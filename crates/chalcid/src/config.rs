//! What an embedder chooses about an engine.

use chalcid_compiler::{OptLevel, Settings, Tier};
use chalcid_module::features::Features;
use chalcid_module::layout::HEAT_OF_ENTRY;

use crate::CodeCache;

/// Which tiers compile functions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TierPolicy {
    /// The baseline tier alone: code at once, about half as fast as it could be. What the tier does not know yet is optimised.
    Baseline,
    /// The optimising tier alone: good code, after some time.
    Optimizing,
    /// The baseline tier first, and the optimising tier for what turns out to be hot.
    #[default]
    Auto,
}

impl TierPolicy {
    /// The tier that compiles a function when it is first called.
    pub(crate) fn first_tier(self) -> Tier {
        match self {
            Self::Baseline | Self::Auto => Tier::Baseline,
            Self::Optimizing => Tier::Optimizing,
        }
    }
}

/// Settings of an [`Engine`](crate::Engine), each with a sensible default.
///
/// ```
/// # fn main() -> Result<(), chalcid::Error> {
/// let engine = chalcid::Engine::new(chalcid::Config::new().interruptible(true))?;
/// # drop(engine);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) features: Features,
    pub(crate) settings: Settings,
    pub(crate) threads: Option<usize>,
    pub(crate) tier: TierPolicy,
    /// Heat that a function lacks to be hot when its code is new.
    pub(crate) hot_after: u32,
    pub(crate) code_cache: Option<CodeCache>,
    pub(crate) perf_map: bool,
    pub(crate) heap_limit: u64,
    pub(crate) heap_stress: bool,
}

/// Calls after which a function is hot, see [`Config::hot_after`].
const HOT_AFTER: u32 = 2000;
/// The heat that is hot.
pub(crate) const HOT: u32 = 1 << 31;

impl Config {
    /// The defaults: every finished proposal, traps from signals, no interruption.
    pub fn new() -> Self {
        Self {
            features: Features::default(),
            settings: Settings { counters: TierPolicy::default() == TierPolicy::Auto, ..Settings::default() },
            threads: None,
            tier: TierPolicy::default(),
            hot_after: HOT_AFTER * HEAT_OF_ENTRY,
            code_cache: None,
            perf_map: false,
            heap_limit: chalcid_vm::DEFAULT_HEAP_LIMIT,
            heap_stress: false,
        }
    }

    /// Which proposals modules may use.
    pub fn features(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// Whether faulting instructions become traps by way of a signal handler (the default). Without it every memory access and
    /// division is checked by code, and no handler is installed.
    pub fn signals(mut self, signals: bool) -> Self {
        self.settings.signals = signals;
        self
    }

    /// Whether running code can be interrupted, see [`Agent::interrupt_handle`](crate::Agent::interrupt_handle). It costs a
    /// check in every loop and function.
    pub fn interruptible(mut self, interruptible: bool) -> Self {
        self.settings.interruptible = interruptible;
        self
    }

    /// Whether code is optimised (the default). Otherwise it is made as quickly as possible.
    pub fn optimize(mut self, optimize: bool) -> Self {
        self.settings.opt_level = if optimize { OptLevel::Speed } else { OptLevel::None };
        self
    }

    /// Which tiers compile functions.
    pub fn tier(mut self, tier: TierPolicy) -> Self {
        self.tier = tier;
        self.settings.counters = tier == TierPolicy::Auto;
        self
    }

    /// Calls after which a function is hot, and is optimised by the policy [`TierPolicy::Auto`]; some turns of its loops count as a call. 2,000 by default.
    pub fn hot_after(mut self, calls: u32) -> Self {
        self.hot_after = calls.max(1).saturating_mul(HEAT_OF_ENTRY).min(HOT);
        self
    }

    /// The heat of a function whose code is new.
    pub(crate) fn cold(&self) -> u32 {
        HOT - self.hot_after
    }

    /// Whether the names of functions are written where Linux's `perf` looks for them, in `/tmp/perf-PID.map`. It concerns the whole process, and must be said before
    /// any engine compiles.
    pub fn perf_map(mut self, write: bool) -> Self {
        self.perf_map = write;
        self
    }

    /// Where compiled code is kept for the next time; by default nowhere.
    pub fn code_cache(mut self, cache: CodeCache) -> Self {
        self.code_cache = Some(cache);
        self
    }

    /// Extensions of the instruction set to use, by the code generator's names (`"has_avx"`), in place of what this CPU has: none of those that
    /// are not named. Code that uses an extension which the CPU lacks does not work.
    pub fn cpu_features<'n>(mut self, features: impl IntoIterator<Item = (&'n str, bool)>) -> Self {
        let named = features.into_iter().map(|(name, on)| (name.to_owned(), on));
        self.settings.isa_flags = Some(named.collect());
        self
    }

    /// Bytes that structures, arrays and exceptions of an agent may take; 2 GiB by default, and never more than 4. What finds no room
    /// traps with "allocation failed".
    pub fn heap_limit(mut self, bytes: u64) -> Self {
        self.heap_limit = bytes;
        self
    }

    /// Whether unreachable structures, arrays and exceptions are looked for at every chance, and made unusable: slow, for finding faults of the
    /// engine.
    pub fn heap_stress(mut self, stress: bool) -> Self {
        self.heap_stress = stress;
        self
    }

    /// Threads that decode and compile in the background; by default as many as the machine runs at once. They start when first
    /// needed.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

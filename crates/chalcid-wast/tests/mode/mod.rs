//! The engine's modes.

use chalcid::{Config, TierPolicy};

/// What changes the code that is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Code of the optimising tier; memory accesses that fault become traps.
    Default,
    /// Every access and division is checked by code.
    WithoutSignals,
    /// Loops and functions look whether they shall stop.
    Interruptible,
    /// Code is made as quickly as possible: by the other register allocator, and without optimisation.
    Quick,
    /// Code for the least CPU: calls in place of what it lacks.
    LeastCpu,
    /// The heap is collected at every allocation and call, and what is freed made unusable.
    Collecting,
    /// Code of the baseline tier, where it knows how.
    Baseline,
    /// What was called once is hot: code of either tier, replaced while it runs.
    Auto,
    /// Code of the baseline tier with every check explicit.
    BaselineWithoutSignals,
    /// Code of the baseline tier, while the heap is collected at every allocation and call.
    BaselineCollecting,
}

impl Mode {
    /// Every mode.
    pub const ALL: &[Mode] = &[
        Mode::Default,
        Mode::WithoutSignals,
        Mode::Interruptible,
        Mode::Quick,
        Mode::LeastCpu,
        Mode::Collecting,
        Mode::Baseline,
        Mode::Auto,
        Mode::BaselineWithoutSignals,
        Mode::BaselineCollecting,
    ];

    /// What it adds to a test's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::WithoutSignals => " without signals",
            Self::Interruptible => " interruptible",
            Self::Quick => " quick",
            Self::LeastCpu => " least CPU",
            Self::Collecting => " collecting",
            Self::Baseline => " baseline",
            Self::Auto => " auto",
            Self::BaselineWithoutSignals => " baseline without signals",
            Self::BaselineCollecting => " baseline collecting",
        }
    }

    /// The engine's settings.
    pub fn config(self) -> Config {
        let optimizing = || Config::new().tier(TierPolicy::Optimizing);
        match self {
            Self::Default => optimizing(),
            Self::WithoutSignals => optimizing().signals(false),
            Self::Interruptible => optimizing().interruptible(true),
            Self::Quick => optimizing().optimize(false),
            Self::LeastCpu => optimizing().cpu_features([]),
            Self::Collecting => optimizing().heap_stress(true),
            Self::Baseline => Config::new().tier(TierPolicy::Baseline),
            Self::Auto => Config::new().tier(TierPolicy::Auto).hot_after(1),
            Self::BaselineWithoutSignals => Config::new().tier(TierPolicy::Baseline).signals(false),
            Self::BaselineCollecting => Config::new().tier(TierPolicy::Baseline).heap_stress(true),
        }
    }
}

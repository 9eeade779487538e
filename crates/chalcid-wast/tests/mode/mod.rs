//! The engine's modes.

use chalcid::Config;

/// What changes the code that is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Memory accesses that fault become traps.
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
}

impl Mode {
    /// Every mode.
    pub const ALL: &[Mode] =
        &[Mode::Default, Mode::WithoutSignals, Mode::Interruptible, Mode::Quick, Mode::LeastCpu, Mode::Collecting];

    /// What it adds to a test's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::WithoutSignals => " without signals",
            Self::Interruptible => " interruptible",
            Self::Quick => " quick",
            Self::LeastCpu => " least CPU",
            Self::Collecting => " collecting",
        }
    }

    /// The engine's settings.
    pub fn config(self) -> Config {
        match self {
            Self::Default => Config::new(),
            Self::WithoutSignals => Config::new().signals(false),
            Self::Interruptible => Config::new().interruptible(true),
            Self::Quick => Config::new().optimize(false),
            Self::LeastCpu => Config::new().cpu_features([]),
            Self::Collecting => Config::new().heap_stress(true),
        }
    }
}

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
}

impl Mode {
    /// Every mode.
    pub const ALL: &[Mode] = &[Mode::Default, Mode::WithoutSignals, Mode::Interruptible];

    /// What it adds to a test's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::WithoutSignals => " without signals",
            Self::Interruptible => " interruptible",
        }
    }

    /// The engine's settings.
    pub fn config(self) -> Config {
        match self {
            Self::Default => Config::new(),
            Self::WithoutSignals => Config::new().signals(false),
            Self::Interruptible => Config::new().interruptible(true),
        }
    }
}

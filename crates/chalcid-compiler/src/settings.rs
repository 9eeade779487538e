//! What the embedder and the engine choose about generated code. Part of the key of every cached artifact.

/// How much effort goes into optimising.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OptLevel {
    /// As little as possible.
    None,
    /// As much as pays.
    #[default]
    Speed,
}

/// Settings of a compiler.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Settings {
    /// Whether faulting instructions are turned into traps by a signal handler. Without it every check is explicit.
    pub signals: bool,
    /// Whether loops and function entries look whether they are asked to stop.
    pub interruptible: bool,
    /// Whether code of the baseline tier counts how warm its functions are.
    pub counters: bool,
    /// Effort of the optimiser.
    pub opt_level: OptLevel,
    /// Whether explicitly checked indices cannot be speculated past their check.
    pub spectre_guards: bool,
    /// Whether the intermediate representation is verified between passes. For tests: it costs a third of the time.
    pub verify: bool,
    /// CPU features by Cranelift's names, for a CPU other than the one that compiles; absent to ask the CPU itself.
    pub isa_flags: Option<Vec<(String, bool)>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signals: true,
            interruptible: false,
            counters: false,
            opt_level: OptLevel::Speed,
            spectre_guards: true,
            verify: cfg!(debug_assertions),
            isa_flags: None,
        }
    }
}

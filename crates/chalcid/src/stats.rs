//! What an engine has done so far, counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chalcid_compiler::Tier;

/// What an engine has done so far: of [`Engine::stats`](crate::Engine::stats).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Modules that were made.
    pub modules: u64,
    /// Their bytes.
    pub module_bytes: u64,
    /// Time it took to decode and validate them.
    pub module_time: Duration,
    /// Of them, those whose bytes the engine had found valid before.
    pub known_modules: u64,
    /// What the baseline tier compiled.
    pub baseline: TierStats,
    /// What the optimising tier compiled.
    pub optimizing: TierStats,
    /// Functions whose baseline code was replaced.
    pub tier_ups: u64,
    /// Modules that the code cache had an entry for.
    pub cache_hits: u64,
    /// Modules that it had none for.
    pub cache_misses: u64,
    /// What was taken from the cache instead of being compiled.
    pub loaded: TierStats,
    /// Chunks of entries that were not as they had been written.
    pub damaged: u64,
    /// Entries that were written.
    pub saved: u64,
    /// Bytes of them.
    pub saved_bytes: u64,
    /// Time it took to write them.
    pub saved_time: Duration,
}

/// Functions that came from one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TierStats {
    /// How many.
    pub functions: u64,
    /// Bytes of wasm code that they were made from; 0 where nobody looked.
    pub wasm_bytes: u64,
    /// Bytes of their machine code.
    pub code_bytes: u64,
    /// Time it took, on all threads together.
    pub time: Duration,
    /// Functions that could not be compiled.
    pub failed: u64,
}

/// The counters behind [`Stats`].
#[derive(Default, Debug)]
pub(crate) struct Counters {
    modules: Tally,
    baseline: Tally,
    optimizing: Tally,
    loaded: Tally,
    saved: Tally,
    known_modules: AtomicU64,
    tier_ups: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    damaged: AtomicU64,
}

/// Events with sizes and times.
#[derive(Default, Debug)]
struct Tally {
    count: AtomicU64,
    input: AtomicU64,
    output: AtomicU64,
    nanos: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    fn add(&self, count: usize, input: usize, output: usize, time: Duration) {
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        self.input.fetch_add(input as u64, Ordering::Relaxed);
        self.output.fetch_add(output as u64, Ordering::Relaxed);
        self.nanos.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    fn time(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    fn tier(&self) -> TierStats {
        TierStats {
            functions: self.count.load(Ordering::Relaxed),
            wasm_bytes: self.input.load(Ordering::Relaxed),
            code_bytes: self.output.load(Ordering::Relaxed),
            time: self.time(),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

impl Counters {
    pub(crate) fn count_module(&self, len: usize, time: Duration) {
        self.modules.add(1, len, 0, time);
    }

    pub(crate) fn count_known(&self) {
        self.known_modules.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_compiled(&self, tier: Tier, wasm: usize, code: usize, time: Duration) {
        self.of(tier).add(1, wasm, code, time);
    }

    pub(crate) fn count_failed(&self, tier: Tier) {
        self.of(tier).failed.fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, tier: Tier) -> &Tally {
        match tier {
            Tier::Baseline => &self.baseline,
            Tier::Optimizing => &self.optimizing,
        }
    }

    pub(crate) fn count_tier_up(&self) {
        self.tier_ups.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_lookup(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_loaded(&self, functions: usize, code: usize, time: Duration) {
        self.loaded.add(functions, 0, code, time);
    }

    pub(crate) fn count_damaged(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_saved(&self, bytes: usize, time: Duration) {
        self.saved.add(1, 0, bytes, time);
    }

    pub(crate) fn stats(&self) -> Stats {
        let modules = self.modules.tier();
        let saved = self.saved.tier();
        Stats {
            modules: modules.functions,
            module_bytes: modules.wasm_bytes,
            module_time: modules.time,
            known_modules: self.known_modules.load(Ordering::Relaxed),
            baseline: self.baseline.tier(),
            optimizing: self.optimizing.tier(),
            tier_ups: self.tier_ups.load(Ordering::Relaxed),
            cache_hits: self.hits.load(Ordering::Relaxed),
            cache_misses: self.misses.load(Ordering::Relaxed),
            loaded: self.loaded.tier(),
            damaged: self.damaged.load(Ordering::Relaxed),
            saved: saved.functions,
            saved_bytes: saved.code_bytes,
            saved_time: saved.time,
        }
    }
}

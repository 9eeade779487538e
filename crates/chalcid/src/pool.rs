//! The engine's background threads: started when first needed, gone with the engine.

use std::sync::OnceLock;

/// A pool that may not exist yet, or ever.
#[derive(Debug)]
pub(crate) struct Pool {
    wanted: Option<usize>,
    /// How many there are to be, once somebody has asked: to ask the system means to read several files.
    threads: OnceLock<usize>,
    pool: OnceLock<Option<rayon::ThreadPool>>,
}

/// Decoding, validating and compiling recurse little, but they do so over a guest's input.
const STACK_SIZE: usize = 8 << 20;

impl Pool {
    pub(crate) fn new(threads: Option<usize>) -> Self {
        Self { wanted: threads, threads: OnceLock::new(), pool: OnceLock::new() }
    }

    /// The threads, unless the system refuses them: then the caller does the work itself.
    pub(crate) fn get(&self) -> Option<&rayon::ThreadPool> {
        self.pool
            .get_or_init(|| {
                let start = |threads| {
                    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_SIZE);
                    builder.thread_name(|index| format!("chalcid-{index}")).build().ok()
                };
                // A system that refuses many may grant one.
                start(self.threads()).or_else(|| start(1))
            })
            .as_ref()
    }

    /// How many threads there are to be.
    pub(crate) fn threads(&self) -> usize {
        let available = || std::thread::available_parallelism().map_or(1, |count| count.get());
        *self.threads.get_or_init(|| self.wanted.unwrap_or_else(available))
    }

    /// Runs `work` in the background, or here where there are no threads.
    pub(crate) fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        match self.get() {
            Some(pool) => pool.spawn(work),
            None => work(),
        }
    }
}

//! What has run hot, on its way to the optimising tier.
//!
//! ```text
//!   code that counts ──► hot ──► queue (bounded, hottest first) ──► a few of the engine's threads ──► publish into the slot
//! ```
//!
//! Baseline code counts calls and turns of loops. Each time a function's count reaches the threshold it is reported here, so that the reports of a function
//! say how hot it is. Nobody waits for anything: calls go to the new code once the slot holds it, frames that run the old code end in
//! it, and it stays where it is until the module goes. A function is published at most once by each tier, so what is kept for the sake
//! of such frames is no more than the baseline code of what was hot.
//!
//! # Limits
//! The queue is bounded; what finds it full is reported again when it is hotter. One thread is always left for other work, where there
//! are several. Large functions are compiled one at a time. What the optimiser refuses for being too complex, or fails to
//! compile, stays as it is for good. A module in the queue is not kept alive by it.
//!
//! Where the system refuses threads, a function that has been reported [`PATIENCE`] times is compiled where it runs.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use chalcid_module::index::DefinedFuncIdx;
use chalcid_vm::ModuleObject;

use crate::pool::Pool;

/// Most functions that wait.
const LONGEST_QUEUE: usize = 512;
/// Most threads that optimise at the same time.
const MOST_WORKERS: usize = 4;
/// Bytes of wasm from which on a function is optimised alone.
pub(crate) const LARGE: usize = 32 << 10;
/// Reports of a function after which it is compiled at once, where there are no threads.
const PATIENCE: u32 = 4;

/// The queue of an engine.
pub(crate) struct TierUp {
    queue: Mutex<Queue>,
    /// Signalled when a worker stops.
    stopped: Condvar,
    /// Held by who compiles a large function.
    pub(crate) large: Mutex<()>,
    most_workers: usize,
}

#[derive(Default)]
struct Queue {
    waiting: HashMap<Place, Candidate>,
    workers: usize,
    /// Reports so far: who was first goes first.
    reports: u64,
}

/// A function of a module, by the module's address: that is its own as long as there is a weak reference.
type Place = (usize, DefinedFuncIdx);

struct Candidate {
    module: Weak<ModuleObject>,
    reports: u32,
    since: u64,
}

/// What the reporter of a hot function has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reported {
    /// Nothing.
    Queued,
    /// To compile it: there are no threads.
    CompileHere,
}

impl TierUp {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            queue: Mutex::default(),
            stopped: Condvar::new(),
            large: Mutex::default(),
            most_workers: (threads - 1).clamp(1, MOST_WORKERS),
        }
    }

    /// Queues a function, and sees to it that somebody works through the queue by calling `optimize`.
    pub(crate) fn report(
        self: &Arc<Self>,
        module: &Arc<ModuleObject>,
        func: DefinedFuncIdx,
        pool: &Pool,
        optimize: fn(&Arc<ModuleObject>, DefinedFuncIdx),
    ) -> Reported {
        let threads = pool.get();
        let mut queue = self.lock();
        let reports = queue.report(module, func);
        match threads {
            None if reports >= PATIENCE => {
                queue.waiting.remove(&place(module, func));
                return Reported::CompileHere;
            }
            None => {}
            Some(threads) if queue.workers < self.most_workers => {
                queue.workers += 1;
                drop(queue);
                let this = self.clone();
                threads.spawn(move || this.work(optimize));
            }
            Some(_) => {}
        }
        Reported::Queued
    }

    /// Compiles what waits until nothing does.
    fn work(&self, optimize: fn(&Arc<ModuleObject>, DefinedFuncIdx)) {
        let worker = Worker(self);
        while let Some((module, func)) = self.next() {
            optimize(&module, func);
        }
        // `next` has counted it down.
        std::mem::forget(worker);
    }

    /// The hottest function of those whose modules are still there. When there is none the worker that asked is no worker any more: whoever
    /// queues the next function starts another.
    fn next(&self) -> Option<(Arc<ModuleObject>, DefinedFuncIdx)> {
        let mut queue = self.lock();
        loop {
            let hottest = queue.waiting.iter().max_by_key(|(_, waiting)| waiting.rank()).map(|(place, _)| *place);
            let Some(hottest) = hottest else {
                queue.workers -= 1;
                self.stopped.notify_all();
                return None;
            };
            let module = queue.waiting.remove(&hottest).and_then(|candidate| candidate.module.upgrade());
            if let Some(module) = module {
                return Some((module, hottest.1));
            }
        }
    }

    /// Whether a function is in the queue.
    pub(crate) fn waits(&self, module: &ModuleObject, func: DefinedFuncIdx) -> bool {
        self.lock().waiting.contains_key(&place(module, func))
    }

    /// Waits until nothing waits or is being compiled.
    pub(crate) fn wait(&self) {
        let mut queue = self.lock();
        while queue.workers > 0 {
            queue = self.stopped.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Counts a report, and returns how many there were while the function waits; 0 when there is no place for it.
    fn report(&mut self, module: &Arc<ModuleObject>, func: DefinedFuncIdx) -> u32 {
        self.reports += 1;
        if let Some(candidate) = self.waiting.get_mut(&place(module, func)) {
            candidate.reports = candidate.reports.saturating_add(1);
            return candidate.reports;
        }
        if self.waiting.len() >= LONGEST_QUEUE {
            self.waiting.retain(|_, waiting| waiting.module.strong_count() > 0);
        }
        if self.waiting.len() >= LONGEST_QUEUE {
            return 0;
        }
        let candidate = Candidate { module: Arc::downgrade(module), reports: 1, since: self.reports };
        self.waiting.insert(place(module, func), candidate);
        1
    }
}

impl Candidate {
    /// Greater for what is to be compiled sooner.
    fn rank(&self) -> (u32, u64) {
        (self.reports, u64::MAX - self.since)
    }
}

fn place(module: &ModuleObject, func: DefinedFuncIdx) -> Place {
    (std::ptr::from_ref(module) as usize, func)
}

/// A thread that works through the queue; counted down here if compiling panics.
struct Worker<'a>(&'a TierUp);

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.0.lock().workers -= 1;
        self.0.stopped.notify_all();
    }
}

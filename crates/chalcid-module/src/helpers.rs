//! Work that threads share while the one that has it waits: threads that are started for it and gone after it. So it neither waits for
//! what runs in the background, nor does a program that has no such work start threads.
//!
//! Some systems leave a new thread on the processor of the one that made it until that one's turn is over, which may be longer than the work takes,
//! though others are idle. So a thread that finds itself there moves on; and the one that has the work steps aside, once and for a moment, where none has
//! arrived when its first piece is done.

use std::num::NonZero;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{Builder, scope};
use std::time::Duration;

/// Bytes of a module for each thread that helps. With fewer, the work is done before a thread has woken up.
const SHARE: usize = 256 * 1024;

/// How many threads besides the one that asks pay for looking at every byte of a module, where `threads` in all may work.
pub fn helpers_for(bytes: &[u8], threads: usize) -> Option<NonZero<usize>> {
    NonZero::new((bytes.len() / SHARE).min(threads.saturating_sub(1)))
}

/// How long the thread that has the work waits for another to arrive: about twice what it takes one to.
const ARRIVAL: Duration = Duration::from_micros(200);

/// Does work on this thread and up to `helpers` others at a time. Each makes a worker, and calls `step` with it until that says that nothing is left. Where
/// the system refuses threads, there are fewer.
pub fn together<W>(helpers: NonZero<usize>, worker: impl Fn() -> W + Sync, step: impl Fn(&mut W) -> bool + Sync) {
    together_after(ARRIVAL, helpers, worker, step);
}

/// The same, where the thread that has the work waits so long for another at most.
fn together_after<W>(
    patience: Duration,
    helpers: NonZero<usize>,
    worker: impl Fn() -> W + Sync,
    step: impl Fn(&mut W) -> bool + Sync,
) {
    let (arrivals, here) = (Arrivals::default(), processor::current());
    let help = || {
        processor::leave(here);
        let mut worker = worker();
        arrivals.arrive();
        while step(&mut worker) {}
    };
    scope(|scope| {
        let start = || Builder::new().name("chalcid-helper".to_owned()).spawn_scoped(scope, help).is_ok();
        let started = (0..helpers.get()).take_while(|_| start()).count();
        let mut worker = worker();
        let mut is_left = step(&mut worker);
        if is_left && started > 0 {
            arrivals.wait(patience);
        }
        while is_left {
            is_left = step(&mut worker);
        }
    });
}

/// Whether any thread has arrived, ready to work.
#[derive(Default)]
struct Arrivals {
    any: Mutex<bool>,
    changed: Condvar,
}

impl Arrivals {
    fn arrive(&self) {
        *self.any.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    fn wait(&self, patience: Duration) {
        let any = self.any.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing depends on it: without help, the work is done here.
        let _ = self.changed.wait_timeout_while(any, patience, |any| !*any);
    }
}

#[cfg(target_os = "linux")]
mod processor {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

    pub(super) fn current() -> usize {
        sched_getcpu()
    }

    /// Moves this thread to another processor, if it runs on this one and may run on others.
    pub(super) fn leave(processor: usize) {
        if current() != processor || processor >= CpuSet::MAX_CPU {
            return;
        }
        let Ok(all) = sched_getaffinity(None) else { return };
        let mut others = all;
        others.unset(processor);
        // Should the system not allow it, the thread stays where it is.
        if others.count() > 0 && sched_setaffinity(None, &others).is_ok() {
            let _ = sched_setaffinity(None, &all);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod processor {
    pub(super) fn current() {}

    pub(super) fn leave((): ()) {}
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "failing is how a test reports")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn large_modules_have_helpers_and_small_ones_none() {
        let count = |len: usize, threads| helpers_for(&vec![0; len], threads).map_or(0, NonZero::get);
        assert_eq!((count(0, 8), count(SHARE - 1, 8), count(SHARE, 8), count(3 * SHARE, 8)), (0, 0, 1, 3));
        assert_eq!(
            (count(30 * SHARE, 8), count(30 * SHARE, 2), count(30 * SHARE, 1), count(30 * SHARE, 0)),
            (7, 1, 0, 0)
        );
    }

    #[test]
    fn everybody_works_and_everything_is_done() {
        let (next, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let workers = AtomicUsize::new(0);
        let worker = || {
            workers.fetch_add(1, Ordering::Relaxed);
        };
        together(NonZero::new(3).unwrap(), worker, |()| match next.fetch_add(1, Ordering::Relaxed) {
            taken @ 0..1000 => {
                sum.fetch_add(taken, Ordering::Relaxed);
                true
            }
            _ => false,
        });
        assert_eq!(sum.into_inner(), 499_500);
        assert!((1..=4).contains(&workers.into_inner()));
    }

    #[test]
    fn work_goes_on_when_help_has_arrived() {
        let asks = std::thread::current().id();
        let (workers, own) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let worker = || {
            workers.fetch_add(1, Ordering::Relaxed);
        };
        // Two pieces, which are left to the one that has them. It does the first at once, and waits for ever if it has to.
        together_after(Duration::MAX, NonZero::new(1).unwrap(), worker, |()| {
            if std::thread::current().id() != asks {
                return false;
            }
            let is_first = own.fetch_add(1, Ordering::Relaxed) == 0;
            assert!(is_first || workers.load(Ordering::Relaxed) == 2);
            is_first
        });
        assert_eq!(own.into_inner(), 2);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn whoever_moves_on_may_go_back() {
        let may_run_on = || rustix::thread::sched_getaffinity(None).unwrap();
        let before = may_run_on();
        processor::leave(processor::current());
        assert_eq!(may_run_on(), before);
    }
}

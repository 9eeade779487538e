//! Work that threads share while the one that has it waits: threads that are started for it and gone after it. So it neither waits for
//! what runs in the background, nor does a program that has no such work start threads.

use std::num::NonZero;
use std::thread::{Builder, scope};

/// Bytes of a module for each thread that helps. With fewer, the work is done before a thread has woken up.
const SHARE: usize = 256 * 1024;

/// How many threads besides the one that asks pay for looking at every byte of a module, where `threads` in all may work.
pub fn helpers_for(bytes: &[u8], threads: usize) -> Option<NonZero<usize>> {
    NonZero::new((bytes.len() / SHARE).min(threads.saturating_sub(1)))
}

/// Runs `work` on this thread and up to `helpers` others at a time. Where the system refuses threads, there are fewer.
pub(crate) fn together(helpers: NonZero<usize>, work: impl Fn() + Sync) {
    scope(|scope| {
        for _ in 0..helpers.get() {
            if Builder::new().name("chalcid-helper".to_owned()).spawn_scoped(scope, &work).is_err() {
                break;
            }
        }
        work();
    });
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
        together(NonZero::new(3).unwrap(), || {
            loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    taken @ 0..1000 => drop(sum.fetch_add(taken, Ordering::Relaxed)),
                    _ => return,
                }
            }
        });
        assert_eq!(sum.into_inner(), 499_500);
    }
}

//! Bytes that are kept for long and may be many: the bytes of modules.
//!
//! To touch fresh memory page by page takes several times as long as to copy into it. So a large copy lies in large pages where the system has
//! them; of small ones the system is asked for many at a time; and two threads share what takes long even so.

use std::mem::MaybeUninit;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use chalcid_module::helpers::together;

/// The size of the pages that large copies are to lie in. Where the system's are of another size, its advice is lost.
const LARGE_PAGE: usize = 2 << 20;
/// Bytes from which on memory is likely to be fresh: allocators ask the system for so many.
const FRESH: usize = 128 << 10;
/// How many bytes of small pages are asked for together: what is still in the processor's cache when it is copied into.
const STEP: usize = 128 << 10;
/// Bytes from which on a second thread saves time.
const WORTH_HELP: usize = 2 * LARGE_PAGE;

/// A copy of bytes. Of the threads that may help, one is made use of where it saves time.
pub fn copy_bytes(bytes: &[u8], helpers: Option<NonZero<usize>>) -> Arc<[u8]> {
    if bytes.len() < FRESH {
        return bytes.into();
    }
    let mut copy = Arc::<[u8]>::new_uninit_slice(bytes.len());
    if let Some(unwritten) = Arc::get_mut(&mut copy) {
        fill(unwritten, bytes, helpers);
    }
    // SAFETY: a new `Arc` has one owner, so that all of it was just written.
    unsafe { copy.assume_init() }
}

/// Writes to all of a block to which nobody has written.
fn fill(block: &mut [MaybeUninit<u8>], bytes: &[u8], helpers: Option<NonZero<usize>>) {
    let helper = helpers.filter(|_| block.len() >= WORTH_HELP).map(|_| NonZero::<usize>::MIN);
    let pieces = Mutex::new(pieces(block, bytes));
    let step = || {
        let piece = pieces.lock().unwrap_or_else(PoisonError::into_inner).pop();
        piece.map(Piece::write).is_some()
    };
    match helper {
        Some(helper) => together(helper, || (), |()| step()),
        None => while step() {},
    }
}

/// A part of a copy.
struct Piece<'a> {
    to: &'a mut [MaybeUninit<u8>],
    from: &'a [u8],
    /// Whether it is a large page.
    is_large: bool,
}

/// A copy in parts: whole large pages, which are asked for, and what lies before and after them.
fn pieces<'a>(to: &'a mut [MaybeUninit<u8>], from: &'a [u8]) -> Vec<Piece<'a>> {
    let before = to.as_ptr().align_offset(LARGE_PAGE).min(to.len());
    let (first, to) = to.split_at_mut(before);
    let (first_from, from) = from.split_at(before);
    let large = to.len() / LARGE_PAGE * LARGE_PAGE;
    advise(&mut to[..large], Wish::LargePages);
    let mut pieces = vec![Piece { to: first, from: first_from, is_large: false }];
    for (to, from) in to.chunks_mut(LARGE_PAGE).zip(from.chunks(LARGE_PAGE)) {
        let is_large = to.len() == LARGE_PAGE;
        pieces.push(Piece { to, from, is_large });
    }
    pieces
}

impl Piece<'_> {
    fn write(self) {
        if self.is_large {
            self.to.write_copy_of_slice(self.from);
            return;
        }
        for (to, from) in self.to.chunks_mut(STEP).zip(self.from.chunks(STEP)) {
            advise(to, Wish::AllPages);
            to.write_copy_of_slice(from);
        }
    }
}

/// What the system is asked for.
enum Wish {
    /// Large pages when they are touched.
    LargePages,
    /// Every page now.
    AllPages,
}

/// Asks for pages for those that lie within a block. A system that has none, or does not know the wish, says so: the block is as good as it was.
fn advise(block: &mut [MaybeUninit<u8>], wish: Wish) {
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};
        let page = rustix::param::page_size();
        let before = block.as_ptr().align_offset(page).min(block.len());
        let within = (block.len() - before) / page * page;
        let advice = match wish {
            Wish::LargePages => Advice::LinuxHugepage,
            Wish::AllPages => Advice::LinuxPopulateWrite,
        };
        if within > 0 {
            // SAFETY: the range lies in the block, and the advice changes nothing that its owner could see.
            let _ = unsafe { madvise(block[before..].as_mut_ptr().cast(), within, advice) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (block, wish);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_all_sizes_are_equal() {
        let near = |len: usize| [len - 1, len, len + 1];
        let sizes = [1, FRESH, FRESH + STEP, LARGE_PAGE, WORTH_HELP, 2 * LARGE_PAGE, 5 * LARGE_PAGE + 4097].map(near);
        for len in sizes.concat() {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
            for helpers in [None, NonZero::new(3)] {
                assert!(*copy_bytes(&bytes, helpers) == *bytes, "{len} {helpers:?}");
            }
        }
    }
}

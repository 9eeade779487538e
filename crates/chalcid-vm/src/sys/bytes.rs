//! Bytes that are kept for long and may be many: the bytes of modules.

use std::mem::MaybeUninit;
use std::sync::Arc;

/// The size of the pages that large copies are to lie in. Where the system's are of another size, its advice is lost.
const LARGE_PAGE: usize = 2 << 20;

/// A copy of bytes. That of a large slice lies in large pages where the system has them: touching fresh memory page by page takes
/// several times as long as copying into it.
pub fn copy_bytes(bytes: &[u8]) -> Arc<[u8]> {
    if bytes.len() < LARGE_PAGE {
        return bytes.into();
    }
    let mut copy = Arc::<[u8]>::new_uninit_slice(bytes.len());
    if let Some(unwritten) = Arc::get_mut(&mut copy) {
        want_large_pages(unwritten);
        unwritten.write_copy_of_slice(bytes);
    }
    // SAFETY: a new `Arc` has one owner, so that all of it was just written.
    unsafe { copy.assume_init() }
}

/// Asks for large pages for those that lie within a block which nobody has written to. A system that has none says so, or does not: the
/// block is as good as it was.
fn want_large_pages(block: &mut [MaybeUninit<u8>]) {
    let (start, len) = (block.as_mut_ptr(), block.len());
    let before = start.addr().next_multiple_of(LARGE_PAGE) - start.addr();
    let within = len.saturating_sub(before) & !(LARGE_PAGE - 1);
    #[cfg(target_os = "linux")]
    if within > 0 {
        let start = start.wrapping_add(before).cast();
        // SAFETY: the range lies in the block, and the advice changes nothing that its owner could see.
        let _ = unsafe { rustix::mm::madvise(start, within, rustix::mm::Advice::LinuxHugepage) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = within;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_all_sizes_are_equal() {
        for len in [0, 1, LARGE_PAGE - 1, LARGE_PAGE, LARGE_PAGE + 1, 2 * LARGE_PAGE - 1, 5 * LARGE_PAGE + 4097] {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
            assert!(*copy_bytes(&bytes) == *bytes, "{len}");
        }
    }
}

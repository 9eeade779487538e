//! Memory that is zero at first, taken from the system unwritten where it is large, and given back at once: a block of fixed size, and a
//! growable array. Both can fail.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// A type for which all zero bits are a value that needs no drop.
///
/// # Safety
/// That must be so.
pub(crate) unsafe trait Zeroable: Copy {}

// SAFETY: 0 is a number.
unsafe impl Zeroable for usize {}

/// The system has no memory for the array.
#[derive(Debug)]
pub(crate) struct OutOfMemory;

/// Bytes from which on a block is pages of its own. The allocator would keep them when they are freed, and write zeros over them when they
/// are used again; as it is, an instance with a large table or many functions takes only the pages of it that it touches.
const LARGE: usize = 8 << 10;

/// A block of memory. Its owner decides what is in it.
pub(crate) struct ZeroedBlock {
    start: NonNull<u8>,
    layout: Layout,
}

impl ZeroedBlock {
    /// A block of zeros.
    pub(crate) fn new(layout: Layout) -> Result<Self, OutOfMemory> {
        let start = match layout.size() {
            0 => return Ok(Self { start: NonNull::dangling(), layout }),
            LARGE.. if layout.align() <= 4096 => {
                let protection = ProtFlags::READ | ProtFlags::WRITE;
                // SAFETY: a new mapping at an address of the system's choice touches no memory in use.
                let start =
                    unsafe { mmap_anonymous(std::ptr::null_mut(), layout.size(), protection, MapFlags::PRIVATE) };
                start.map_err(|_| OutOfMemory)?.cast()
            }
            // SAFETY: the size is not 0.
            _ => unsafe { alloc_zeroed(layout) },
        };
        Ok(Self { start: NonNull::new(start).ok_or(OutOfMemory)?, layout })
    }

    /// Its first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for ZeroedBlock {
    fn drop(&mut self) {
        match self.layout.size() {
            0 => {}
            LARGE.. if self.layout.align() <= 4096 => {
                // SAFETY: the mapping is ours and of this size, and its user is gone.
                let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.layout.size()) };
                // When the system refuses, memory is lost, and nothing worse.
                debug_assert!(unmapped.is_ok());
            }
            // SAFETY: the block was allocated with this very layout.
            _ => unsafe { dealloc(self.start.as_ptr(), self.layout) },
        }
    }
}

/// The array.
pub(crate) struct ZeroedVec<T: Zeroable> {
    start: NonNull<T>,
    /// What `start` points to; nothing where the capacity is 0.
    block: Option<ZeroedBlock>,
    len: usize,
    capacity: usize,
}

impl<T: Zeroable> Default for ZeroedVec<T> {
    fn default() -> Self {
        Self { start: NonNull::dangling(), block: None, len: 0, capacity: 0 }
    }
}

impl<T: Zeroable> ZeroedVec<T> {
    pub(crate) fn as_mut_ptr(&self) -> *mut T {
        self.start.as_ptr()
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: `len` elements are initialised, with zeros at least.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Lengthens the array to `len`, which is no less than now; there is room for `most` at most.
    pub(crate) fn grow(&mut self, len: usize, most: usize) -> Result<(), OutOfMemory> {
        if len > self.capacity {
            let roomy = self.capacity.saturating_mul(2).min(most).max(len);
            let capacity = if self.capacity == 0 { len } else { roomy };
            let layout = Layout::array::<T>(capacity).map_err(|_| OutOfMemory)?;
            let block = ZeroedBlock::new(layout)?;
            let start = block.start().cast::<T>();
            // SAFETY: both arrays have room for the `self.len` elements, and the new one is apart from the old.
            unsafe { std::ptr::copy_nonoverlapping(self.start.as_ptr(), start.as_ptr(), self.len) };
            self.start = start;
            self.block = Some(block);
            self.capacity = capacity;
        }
        self.len = self.len.max(len);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "failing is how a test reports")]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_and_zeroes() {
        let mut array = ZeroedVec::<usize>::default();
        assert!(array.as_slice().is_empty());
        for len in [1, 2, 3, 10, 11, 1000, 999, 5000] {
            let before = array.as_slice().to_vec();
            array.grow(len, 5000).unwrap();
            assert_eq!(&array.as_slice()[..before.len()], before);
            assert!(array.as_slice()[before.len()..].iter().all(|element| *element == 0));
            array.as_mut_slice().fill(len);
        }
        assert_eq!(array.as_slice().len(), 5000);
        assert!(array.grow(usize::MAX, usize::MAX).is_err());
        assert!(array.grow(usize::MAX / 8, usize::MAX / 8).is_err());
        assert_eq!(array.as_slice(), [5000; 5000]);
    }
}

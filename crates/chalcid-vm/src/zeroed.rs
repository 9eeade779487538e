//! A growable array whose fresh elements are all zero bits, taken from the system unwritten, and whose growth can fail.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

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

/// The array.
pub(crate) struct ZeroedVec<T: Zeroable> {
    start: NonNull<T>,
    len: usize,
    capacity: usize,
}

impl<T: Zeroable> Default for ZeroedVec<T> {
    fn default() -> Self {
        Self { start: NonNull::dangling(), len: 0, capacity: 0 }
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
            // SAFETY: the layout has a size: `len > self.capacity >= 0`, and no `Zeroable` here is of size 0.
            let start = NonNull::new(unsafe { alloc_zeroed(layout) }.cast::<T>()).ok_or(OutOfMemory)?;
            // SAFETY: both arrays have room for the `self.len` elements, and the new one is apart from the old.
            unsafe { std::ptr::copy_nonoverlapping(self.start.as_ptr(), start.as_ptr(), self.len) };
            self.free();
            self.start = start;
            self.capacity = capacity;
        }
        self.len = self.len.max(len);
        Ok(())
    }

    fn free(&mut self) {
        if self.capacity > 0
            && let Ok(layout) = Layout::array::<T>(self.capacity)
        {
            // SAFETY: the array was allocated with this very layout.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) }
        }
    }
}

impl<T: Zeroable> Drop for ZeroedVec<T> {
    fn drop(&mut self) {
        self.free();
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

//! Address space: reserved, made accessible, given back.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap};

use super::image::ImageFile;

/// The system's page size.
pub(crate) fn page_size() -> usize {
    static SIZE: AtomicUsize = AtomicUsize::new(0);
    match SIZE.load(Ordering::Relaxed) {
        0 => {
            let size = rustix::param::page_size();
            SIZE.store(size, Ordering::Relaxed);
            size
        }
        size => size,
    }
}

/// Address space of our own; unmapped when dropped.
pub(crate) struct Reservation {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a reservation is an address range; what is done with the memory behind it is its user's affair.
unsafe impl Send for Reservation {}
// SAFETY: as above.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves `len` bytes (a multiple of the page size), all inaccessible.
    pub(crate) fn new(len: usize) -> Result<Self, Errno> {
        if len == 0 {
            return Ok(Self::empty());
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address of the system's choice touches no memory in use.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), len, ProtFlags::empty(), flags) }?;
        NonNull::new(start.cast()).map(|start| Self { start, len }).ok_or(Errno::NOMEM)
    }

    /// No address space.
    pub(crate) fn empty() -> Self {
        Self { start: NonNull::dangling(), len: 0 }
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Makes a range readable and writable; it reads as zero at first.
    pub(crate) fn commit(&self, offset: usize, len: usize) -> Result<(), Errno> {
        if len == 0 {
            return Ok(());
        }
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(Errno::INVAL);
        }
        let start: *mut c_void = self.start.as_ptr().wrapping_add(offset).cast();
        // SAFETY: the range lies within our own reservation; making it accessible cannot break anyone.
        unsafe { mprotect(start, len, MprotectFlags::READ | MprotectFlags::WRITE) }
    }

    /// Gives the memory of an accessible range back to the system; it reads as zero afterwards.
    pub(crate) fn discard(&self, offset: usize, len: usize) -> Result<(), Errno> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(Errno::INVAL);
        }
        let start: *mut c_void = self.start.as_ptr().wrapping_add(offset).cast();
        // SAFETY: the range lies within our own reservation, and its owner says that nothing in it is needed.
        unsafe { madvise(start, len, Advice::LinuxDontNeed) }
    }

    /// Replaces accessible pages by pages of a file, to be copied when they are written. When the system refuses, the range is accessible
    /// as before, with what it held before or zeros; where even that is not so, the error is `FAULT`.
    pub(crate) fn map_image(&self, offset: usize, len: usize, file: &ImageFile, at: usize) -> Result<(), Errno> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(Errno::INVAL);
        }
        let start: *mut c_void = self.start.as_ptr().wrapping_add(offset).cast();
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the range lies within our own reservation, which nothing but guest memory lies in.
        let mapped = unsafe { mmap(start, len, protection, flags, file.descriptor(), at as u64) };
        match mapped {
            Ok(_) => Ok(()),
            // Fails where there is a hole.
            Err(error) => self.commit(offset, len).map_or(Err(Errno::FAULT), |()| Err(error)),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: the range is ours, and its last user is gone.
            let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
            // When the system refuses, the address space stays reserved: a leak, and nothing worse.
            debug_assert!(unmapped.is_ok());
        }
    }
}

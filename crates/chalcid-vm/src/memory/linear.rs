//! A mapping for a memory's bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use rustix::io::Errno;

use super::MemoryError;
use crate::sys::image::ImageFile;
use crate::sys::mapping::{Reservation, page_size};
use crate::vmcontext::VMMemory;

/// Reservations of static memories, by start: a fault is one of ours only inside them.
static RESERVED: RwLock<BTreeMap<usize, usize>> = RwLock::new(BTreeMap::new());

/// Whether an address lies in the reservation of a static memory. Takes a lock: for threads that are in machine code.
pub(crate) fn reserved_range_contains(address: usize) -> bool {
    let reserved = RESERVED.read().unwrap_or_else(PoisonError::into_inner);
    reserved.range(..=address).next_back().is_some_and(|(start, len)| address - start < *len)
}

/// Reserved address space of which the front is accessible memory.
pub struct LinearMemory {
    /// Base and current length; what code reads when the memory is shared.
    pub(super) vm: VMMemory,
    /// Bytes it can grow to without moving.
    capacity: usize,
    reservation: Reservation,
    /// Bytes that are accessible: the length, rounded up to the system's pages. Held while growing.
    accessible: Mutex<usize>,
}

impl LinearMemory {
    /// Reserves `before + capacity + after` bytes and makes the first `len` of the middle part accessible.
    pub(super) fn new(before: u64, len: u64, capacity: u64, after: u64) -> Result<Self, MemoryError> {
        let failed = MemoryError::System { bytes: capacity.max(len) };
        let total = before.checked_add(capacity).and_then(|total| total.checked_add(after)).ok_or(failed)?;
        let round = |bytes: u64| usize::try_from(bytes).ok()?.checked_next_multiple_of(page_size());
        let (Some(before), Some(total), Some(accessible)) = (round(before), round(total), round(len)) else {
            return Err(failed);
        };
        let reservation = Reservation::new(total).map_err(|_| failed)?;
        reservation.commit(before, accessible).map_err(|_| failed)?;
        let base = reservation.start().wrapping_add(before);
        if after > 0 {
            RESERVED
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(reservation.start() as usize, reservation.len());
        }
        Ok(Self {
            vm: VMMemory { base: AtomicPtr::new(base), length: AtomicUsize::new(len as usize) },
            capacity: capacity as usize,
            reservation,
            accessible: Mutex::new(accessible),
        })
    }

    /// No bytes at all.
    pub(super) fn empty() -> Self {
        Self {
            vm: VMMemory { base: AtomicPtr::new(std::ptr::null_mut()), length: AtomicUsize::new(0) },
            capacity: 0,
            reservation: Reservation::empty(),
            accessible: Mutex::new(0),
        }
    }

    /// The first byte.
    pub fn base(&self) -> *mut u8 {
        self.vm.base.load(Ordering::Acquire)
    }

    /// How many bytes can be accessed.
    pub fn len(&self) -> usize {
        self.vm.length.load(Ordering::Acquire)
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes it can grow to without moving.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Grows in place to `len`, which is at most the capacity and no less than now.
    pub(super) fn set_len(&self, len: usize) -> Result<(), MemoryError> {
        let mut accessible = self.accessible.lock().unwrap_or_else(PoisonError::into_inner);
        self.grow_locked(&mut accessible, len)
    }

    /// Adds bytes in place, whichever agents do so at the same time; returns the length before.
    pub(super) fn grow_shared(&self, added: u64, limit: u64) -> Result<usize, MemoryError> {
        let mut accessible = self.accessible.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.len();
        let bytes = (before as u64).saturating_add(added);
        if bytes > limit {
            return Err(MemoryError::Limit { bytes, limit });
        }
        if bytes > self.capacity as u64 {
            return Err(MemoryError::System { bytes });
        }
        self.grow_locked(&mut accessible, bytes as usize)?;
        Ok(before)
    }

    /// Lets accessible pages be those of a file, copied when written. Their contents so far are lost.
    pub(super) fn map_image(&self, offset: usize, len: usize, file: &ImageFile, at: usize) -> Result<(), MemoryError> {
        let failed = MemoryError::System { bytes: len as u64 };
        let accessible = self.accessible.lock().unwrap_or_else(PoisonError::into_inner);
        if offset.checked_add(len).is_none_or(|end| end > *accessible) {
            return Err(failed);
        }
        let front = self.base() as usize - self.reservation.start() as usize;
        self.reservation.map_image(front + offset, len, file, at).map_err(|error| {
            if error == Errno::FAULT {
                self.vm.length.store(0, Ordering::Release);
            }
            failed
        })
    }

    fn grow_locked(&self, accessible: &mut usize, len: usize) -> Result<(), MemoryError> {
        let failed = MemoryError::System { bytes: len as u64 };
        let wanted = len.checked_next_multiple_of(page_size()).ok_or(failed)?;
        if wanted > *accessible {
            let offset = self.base() as usize - self.reservation.start() as usize;
            self.reservation.commit(offset + *accessible, wanted - *accessible).map_err(|_| failed)?;
            *accessible = wanted;
        }
        self.vm.length.store(len, Ordering::Release);
        Ok(())
    }
}

impl Drop for LinearMemory {
    fn drop(&mut self) {
        if self.reservation.len() > 0 {
            RESERVED.write().unwrap_or_else(PoisonError::into_inner).remove(&(self.reservation.start() as usize));
        }
    }
}

impl fmt::Debug for LinearMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinearMemory({:p}, {} bytes)", self.base(), self.len())
    }
}

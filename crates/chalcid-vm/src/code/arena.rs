//! Memory for machine code, mapped twice.
//!
//! ```text
//!   memory file ──┬── mapped readable + executable   (where code runs)
//!                 └── mapped readable + writable     (where it is written)
//! ```
//!
//! The arena is a list of *segments*, each a file in memory of some tens of megabytes, of which the system provides only pages that were written.
//! Space is given out by best fit in steps of [`GRANULE`] bytes; freed neighbours are joined, and whole stretches of free pages go back to the system.
//! Segments themselves stay: address space is all they cost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{CodeError, watch};
use crate::arch;
use crate::sys::code::DualMapping;

/// Alignment of every piece of code, and the step of sizes: a cache line.
const GRANULE: usize = 64;
/// Largest alignment that can be asked for.
const LARGEST_ALIGNMENT: usize = 4096;
/// Free stretches go back to the system in blocks of this size.
const RETURN_BLOCK: usize = 64 * 1024;
/// Sizes of segments to try, best first.
const SEGMENT_SIZES: [usize; 4] = [64 << 20, 16 << 20, 4 << 20, 1 << 20];
/// Most segments.
const SEGMENTS: usize = 256;

/// Bounds of the executable mappings, for readers without the lock: start and end, 0 where there is none yet.
static BOUNDS: [(AtomicUsize, AtomicUsize); SEGMENTS] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; SEGMENTS];
static COUNT: AtomicUsize = AtomicUsize::new(0);

static ARENA: Mutex<Arena> = Mutex::new(Arena::new());

/// Whether an address lies in the arena. Takes no lock.
pub(crate) fn contains(pc: usize) -> bool {
    BOUNDS[..COUNT.load(Ordering::Acquire)]
        .iter()
        .any(|(start, end)| (start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed)).contains(&pc))
}

struct Arena {
    segments: Vec<DualMapping>,
    /// Free stretches: length by segment and offset.
    free: BTreeMap<(usize, usize), usize>,
    /// The same as (length, segment, offset).
    by_length: BTreeSet<(usize, usize, usize)>,
}

/// A piece of the arena; free again when dropped.
pub(crate) struct Allocation {
    segment: usize,
    offset: usize,
    len: usize,
    executable: *const u8,
    writable: *mut u8,
}

// SAFETY: an allocation is exclusive: nobody else writes its bytes, whichever thread has it.
unsafe impl Send for Allocation {}
// SAFETY: through a shared reference it can only be asked for its address, or written by whoever has not published it yet.
unsafe impl Sync for Allocation {}

/// Space for `len` bytes at an alignment that is a power of two.
pub(crate) fn allocate(len: usize, alignment: usize) -> Result<Allocation, CodeError> {
    if !alignment.max(1).is_power_of_two() || alignment > LARGEST_ALIGNMENT {
        return Err(CodeError::Malformed);
    }
    let len = len.max(1).checked_next_multiple_of(GRANULE).ok_or(CodeError::OutOfMemory)?;
    let slack = alignment.max(GRANULE) - GRANULE;
    let mut arena = ARENA.lock().unwrap_or_else(PoisonError::into_inner);
    let (segment, offset) = match arena.take(len, slack, alignment.max(GRANULE)) {
        Some(place) => place,
        None => {
            arena.add_segment(len + slack)?;
            arena.take(len, slack, alignment.max(GRANULE)).ok_or(CodeError::OutOfMemory)?
        }
    };
    let mapping = &arena.segments[segment];
    Ok(Allocation {
        segment,
        offset,
        len,
        executable: mapping.executable().wrapping_add(offset),
        writable: mapping.writable().wrapping_add(offset),
    })
}

impl Arena {
    const fn new() -> Self {
        Self { segments: Vec::new(), free: BTreeMap::new(), by_length: BTreeSet::new() }
    }

    fn add_segment(&mut self, least: usize) -> Result<(), CodeError> {
        let index = self.segments.len();
        if index >= SEGMENTS {
            return Err(CodeError::OutOfMemory);
        }
        let least = least.checked_next_multiple_of(SEGMENT_SIZES[3]).ok_or(CodeError::OutOfMemory)?;
        let mapping = SEGMENT_SIZES
            .iter()
            .map(|size| (*size).max(least))
            .find_map(|size| DualMapping::new(size, watch::is_watched()).ok())
            .ok_or(CodeError::OutOfMemory)?;
        let start = mapping.executable() as usize;
        BOUNDS[index].0.store(start, Ordering::Relaxed);
        BOUNDS[index].1.store(start + mapping.len(), Ordering::Relaxed);
        COUNT.store(index + 1, Ordering::Release);
        self.insert_free(index, 0, mapping.len());
        self.segments.push(mapping);
        Ok(())
    }

    /// Takes a stretch of `len` bytes, `slack` more being enough to align it.
    fn take(&mut self, len: usize, slack: usize, alignment: usize) -> Option<(usize, usize)> {
        let (found, segment, start) = *self.by_length.range((len + slack, 0, 0)..).next()?;
        self.remove_free(segment, start, found);
        let offset = start.next_multiple_of(alignment);
        if offset > start {
            self.insert_free(segment, start, offset - start);
        }
        let (end, found_end) = (offset + len, start + found);
        if found_end > end {
            self.insert_free(segment, end, found_end - end);
        }
        Some((segment, offset))
    }

    fn insert_free(&mut self, segment: usize, offset: usize, len: usize) {
        self.free.insert((segment, offset), len);
        self.by_length.insert((len, segment, offset));
    }

    fn remove_free(&mut self, segment: usize, offset: usize, len: usize) {
        self.free.remove(&(segment, offset));
        self.by_length.remove(&(len, segment, offset));
    }

    fn release(&mut self, segment: usize, offset: usize, len: usize) {
        let (mut start, mut end) = (offset, offset + len);
        let before = self.free.range(..(segment, offset)).next_back().map(|(place, len)| (*place, *len));
        if let Some(((before_segment, before_offset), before_len)) = before
            && before_segment == segment
            && before_offset + before_len == start
        {
            self.remove_free(segment, before_offset, before_len);
            start = before_offset;
        }
        if let Some(after_len) = self.free.get(&(segment, end)).copied() {
            self.remove_free(segment, end, after_len);
            end += after_len;
        }
        self.insert_free(segment, start, end - start);
        // Blocks that are wholly free now and were not before: they overlap what was freed.
        let first = (offset / RETURN_BLOCK * RETURN_BLOCK).max(start.next_multiple_of(RETURN_BLOCK));
        let last = ((offset + len).next_multiple_of(RETURN_BLOCK)).min(end / RETURN_BLOCK * RETURN_BLOCK);
        if first < last {
            self.segments[segment].give_back(first, last - first);
        }
    }
}

impl Allocation {
    /// Where the code runs.
    #[inline]
    pub(crate) fn address(&self) -> *const u8 {
        self.executable
    }

    /// A copy of the first `len` bytes, which nobody writes any more.
    pub(crate) fn read(&self, len: usize) -> Vec<u8> {
        assert!(len <= self.len, "more code than its allocation holds");
        // SAFETY: the bytes are inside the executable mapping, which is readable and stays for the life of the process; only
        // `write` writes them, before the code is published.
        unsafe { std::slice::from_raw_parts(self.executable, len) }.to_vec()
    }

    /// Writes code that nothing runs yet.
    pub(crate) fn write(&self, code: &[u8]) {
        assert!(code.len() <= self.len, "code larger than its allocation");
        // SAFETY: the bytes are ours alone, and inside the writable mapping, which stays for the life of the process.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), self.writable, code.len()) };
        arch::synchronize_code(self.executable, code.len());
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        ARENA.lock().unwrap_or_else(PoisonError::into_inner).release(self.segment, self.offset, self.len);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "failing is how a test reports")]
mod tests {
    use super::*;

    /// Bytes that are free, after checking that the two indices say the same and that no two stretches touch.
    fn free_bytes(arena: &Arena) -> usize {
        assert_eq!(arena.free.len(), arena.by_length.len());
        let mut end = None;
        for ((segment, offset), len) in &arena.free {
            assert!(arena.by_length.contains(&(*len, *segment, *offset)));
            assert_ne!(end, Some((*segment, *offset)), "neighbours that were not joined");
            end = Some((*segment, offset + len));
        }
        arena.free.values().sum()
    }

    #[test]
    fn space_is_given_out_once_and_joined_again() {
        let mut arena = Arena::new();
        arena.segments.push(DualMapping::new(1 << 20, false).unwrap());
        arena.insert_free(0, 0, 1 << 20);
        let mut state = 1u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        let mut taken: Vec<(usize, usize)> = Vec::new();
        for _ in 0..20_000 {
            if random(2) == 0 || taken.is_empty() {
                let len = (random(100) + 1) * GRANULE;
                let alignment = GRANULE << random(4);
                if let Some((_, offset)) = arena.take(len, alignment - GRANULE, alignment) {
                    assert!(offset.is_multiple_of(alignment) && offset + len <= 1 << 20);
                    assert!(taken.iter().all(|(start, other)| offset + len <= *start || start + other <= offset));
                    taken.push((offset, len));
                }
            } else {
                let (offset, len) = taken.swap_remove(random(taken.len()));
                arena.release(0, offset, len);
            }
        }
        let used: usize = taken.iter().map(|(_, len)| len).sum();
        assert_eq!(free_bytes(&arena) + used, 1 << 20);
        for (offset, len) in taken {
            arena.release(0, offset, len);
        }
        assert_eq!(arena.free.get(&(0, 0)), Some(&(1 << 20)));
    }

    #[test]
    fn written_code_is_seen_where_it_runs() {
        let allocation = allocate(100, 16).unwrap();
        allocation.write(&[0x90; 100]);
        assert!(contains(allocation.address() as usize));
        assert!(!contains(written_code_is_seen_where_it_runs as *const () as usize));
        // SAFETY: the allocation is ours and readable.
        let seen = unsafe { std::slice::from_raw_parts(allocation.address(), 100) };
        assert_eq!(seen, [0x90; 100]);
        assert!(matches!(allocate(1, 3), Err(CodeError::Malformed)));
        assert!(matches!(allocate(1, 8192), Err(CodeError::Malformed)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn no_mapping_is_writable_and_executable() {
        let _allocation = allocate(1, 1).unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let protections: Vec<_> = maps.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert!(protections.iter().all(|protection| !(protection.contains('w') && protection.contains('x'))));
        let ours: Vec<_> = maps.lines().filter(|line| line.contains("chalcid-code")).collect();
        assert!(ours.iter().any(|line| line.contains(" r-xs ")) && ours.iter().any(|line| line.contains(" rw-s ")));
    }
}

//! The displays of types, where compiled code finds them: see [`type_info`].
//!
//! # Invariants
//! - Whoever reads a pointer of the tables finds a display behind it: of its type, as long as that is registered, else one of zeros. What is
//!   taken away is replaced in the tables first; the pointers are atomic, since code on other threads reads them meanwhile.
//! - The tables themselves stay where they are as long as the registry lives.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::canonical::HashMap;
use crate::index::DefTypeId;
use crate::layout::type_info::{ALWAYS, CHUNK_BITS, CHUNK_MASK, ID_BITS};

type Chunk = Box<[AtomicPtr<u32>]>;

/// The display of what is no type.
static NONE: [u32; 1 + ALWAYS as usize] = [0; 1 + ALWAYS as usize];

/// The tables, and what their pointers lead to.
#[derive(Debug)]
pub(super) struct Displays {
    top: Box<[AtomicPtr<AtomicPtr<u32>>]>,
    /// What the places of `top` without a chunk of their own lead to.
    _empty: Chunk,
    chunks: HashMap<u32, Chunk>,
    /// The displays of a recursion group, one after another, by its first type.
    displays: HashMap<DefTypeId, Box<[u32]>>,
}

fn empty_chunk() -> Chunk {
    (0..=CHUNK_MASK).map(|_| AtomicPtr::new(NONE.as_ptr().cast_mut())).collect()
}

impl Displays {
    pub(super) fn new() -> Self {
        let empty = empty_chunk();
        let top = (0..1 << (ID_BITS - CHUNK_BITS)).map(|_| AtomicPtr::new(empty.as_ptr().cast_mut())).collect();
        Self { top, _empty: empty, chunks: HashMap::default(), displays: HashMap::default() }
    }

    /// The table of chunks. An `AtomicPtr` is a pointer to whoever only reads it.
    pub(super) fn as_ptr(&self) -> *const *const *const u32 {
        self.top.as_ptr().cast()
    }

    /// Adds the types of a recursion group, whose supertypes are known.
    pub(super) fn add(&mut self, ids: &[DefTypeId], supertype: impl Fn(DefTypeId) -> Option<DefTypeId>) {
        let Some(&first) = ids.first() else { return };
        let mut words = Vec::new();
        let mut starts = Vec::with_capacity(ids.len());
        for &id in ids {
            let start = words.len();
            words.push(0);
            words.extend(std::iter::successors(Some(id), |id| supertype(*id)).map(|id| id.0));
            let depth = words.len() - start - 2;
            words[start] = depth as u32;
            words[start + 1..].reverse();
            words.resize(words.len().max(start + 1 + ALWAYS as usize), 0);
            starts.push(start);
        }
        let words = words.into_boxed_slice();
        for (&id, start) in ids.iter().zip(starts) {
            self.set(id, words.as_ptr().wrapping_add(start).cast_mut());
        }
        self.displays.insert(first, words);
    }

    /// Takes away what was added for a recursion group.
    pub(super) fn remove(&mut self, ids: &[DefTypeId]) {
        for &id in ids {
            self.set(id, NONE.as_ptr().cast_mut());
        }
        if let Some(first) = ids.first() {
            self.displays.remove(first);
        }
    }

    fn set(&mut self, id: DefTypeId, display: *mut u32) {
        let place = id.0 >> CHUNK_BITS;
        let Some(top) = self.top.get(place as usize) else { return };
        let chunk = self.chunks.entry(place).or_insert_with(|| {
            let chunk = empty_chunk();
            top.store(chunk.as_ptr().cast_mut(), Ordering::Release);
            chunk
        });
        chunk[(id.0 & CHUNK_MASK) as usize].store(display, Ordering::Release);
    }

    #[cfg(test)]
    pub(super) fn of(&self, id: DefTypeId) -> Vec<u32> {
        let place = id.0 >> CHUNK_BITS;
        let pointer = match self.chunks.get(&place) {
            Some(chunk) => chunk[(id.0 & CHUNK_MASK) as usize].load(Ordering::Acquire),
            None => NONE.as_ptr().cast_mut(),
        };
        let all = self.displays.values().map(|words| &words[..]).chain([&NONE[..]]);
        let (words, start) = all
            .filter_map(|words| {
                let start = words.iter().position(|word| std::ptr::from_ref(word) == pointer.cast_const())?;
                Some((words, start))
            })
            .next()
            .unwrap_or((&[], 0));
        let len = words.get(start).map_or(0, |depth| (depth + 1).max(ALWAYS) as usize);
        words.get(start..start + 1 + len).unwrap_or(&[]).to_vec()
    }
}

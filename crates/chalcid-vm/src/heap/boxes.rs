//! Boxes: what a value of the host is while wasm, or an object, holds it.
//!
//! A box owns one host value in a slab beside the memory of objects: no pointer of the host is ever in wasm's reach. A reference of wasm is
//! the box's number and a tag.

use chalcid_module::heap_layout::{BOX_SHIFT, BOX_TAG, OBJECT_MASK};

use super::HeapFull;
use crate::value::RawHostValue;

/// No collection below this many boxes.
pub(super) const SMALLEST_DUE: usize = 1024;
/// Most boxes that a reference can name.
const MOST: usize = (1 << (32 - BOX_SHIFT)) - 1;

/// The slab.
pub(super) struct Boxes {
    slots: Vec<Slot>,
    /// First free slot, as index + 1; 0 for none.
    free: u32,
    live: usize,
    /// Number of boxes at which a collection is due.
    due: usize,
}

enum Slot {
    /// Next free slot, as index + 1.
    Free(u32),
    Full {
        value: RawHostValue,
        marked: bool,
    },
}

impl Default for Boxes {
    fn default() -> Self {
        Self { slots: Vec::new(), free: 0, live: 0, due: SMALLEST_DUE }
    }
}

/// Whether a reference is one of a box.
pub(super) fn is_box(reference: u32) -> bool {
    reference & OBJECT_MASK == BOX_TAG
}

fn reference(index: u32) -> u32 {
    (index + 1) << BOX_SHIFT | BOX_TAG
}

fn index(reference: u32) -> Option<usize> {
    if is_box(reference) { (reference >> BOX_SHIFT).checked_sub(1).map(|index| index as usize) } else { None }
}

impl Boxes {
    #[inline]
    pub(super) fn live(&self) -> usize {
        self.live
    }

    pub(super) fn is_due(&self) -> bool {
        self.live >= self.due
    }

    /// The value in a box, which keeps it.
    pub(super) fn get(&self, reference: u32) -> Option<RawHostValue> {
        match self.slots.get(index(reference)?) {
            Some(Slot::Full { value, .. }) => Some(*value),
            _ => None,
        }
    }

    /// A box of a value, which it takes over.
    pub(super) fn insert(&mut self, value: RawHostValue) -> Result<u32, HeapFull> {
        let full = Slot::Full { value, marked: false };
        let index = if let Some(free) = self.free.checked_sub(1) {
            let slot = &mut self.slots[free as usize];
            if let Slot::Free(next) = *slot {
                self.free = next;
            }
            *slot = full;
            free
        } else {
            if self.slots.len() >= MOST || self.slots.try_reserve(1).is_err() {
                return Err(HeapFull);
            }
            self.slots.push(full);
            self.slots.len() as u32 - 1
        };
        self.live += 1;
        Ok(reference(index))
    }

    pub(super) fn begin_marking(&mut self) {
        for slot in &mut self.slots {
            if let Slot::Full { marked, .. } = slot {
                *marked = false;
            }
        }
    }

    /// Marks a box; whether it was not marked before.
    pub(super) fn mark(&mut self, reference: u32) -> bool {
        match index(reference).and_then(|index| self.slots.get_mut(index)) {
            Some(Slot::Full { marked, .. }) => !std::mem::replace(marked, true),
            _ => false,
        }
    }

    /// References to the boxes that are not marked.
    pub(super) fn unmarked(&self) -> impl Iterator<Item = u32> {
        let is_unmarked = |slot: &Slot| matches!(slot, Slot::Full { marked: false, .. });
        let unmarked = self.slots.iter().enumerate().filter(move |(_, slot)| is_unmarked(slot));
        unmarked.map(|(index, _)| reference(index as u32))
    }

    /// Frees a box; its value is the caller's.
    pub(super) fn take(&mut self, reference: u32) -> Option<RawHostValue> {
        let index = index(reference)?;
        let slot = self.slots.get_mut(index)?;
        let Slot::Full { value, .. } = *slot else { return None };
        *slot = Slot::Free(std::mem::replace(&mut self.free, index as u32 + 1));
        self.live -= 1;
        Some(value)
    }

    /// Frees the boxes that are not marked; their values are the caller's.
    pub(super) fn sweep(&mut self) -> Vec<RawHostValue> {
        let mut dead = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if let Slot::Full { value, marked } = slot
                && !*marked
            {
                dead.push(*value);
                *slot = Slot::Free(std::mem::replace(&mut self.free, index as u32 + 1));
            }
        }
        self.live -= dead.len();
        // Sweeping looks at every slot: those that there are may as well be used.
        self.due = self.live.saturating_mul(2).max(self.slots.len()).max(SMALLEST_DUE);
        dead
    }

    /// Frees all boxes; their values are the caller's.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = RawHostValue> {
        std::mem::take(self).slots.into_iter().filter_map(|slot| match slot {
            Slot::Full { value, .. } => Some(value),
            Slot::Free(_) => None,
        })
    }
}

//! The heap of references: what an `externref` is while wasm holds it.
//!
//! On the stack of wasm a host value is a 32-bit reference: the number of a *box* in a slab, shifted left by one (an odd number is an unboxed
//! 31-bit integer, 0 is null). A box owns one host value. No pointer of the host is ever in wasm's reach: a corrupt reference finds another box,
//! or none.
//!
//! A box lives while something can name it: a frame of wasm (by its stack map), values on their way in or out of an activation, or an open scope
//! of the host. Boxes are collected by marking from these when their number has doubled, at a call that makes one; and all at
//! once when the outermost scope closes, since then no frame is left. Tables and globals do not hold boxes but values of their own.
//!
//! # What comes here later
//! Structures, arrays and exceptions are objects of this heap, whose references are the same 32-bit numbers: `VMAgent.HEAP_BASE` and
//! `HEAP_BOUND` name a linear block that machine code reads through checked indices, and a box becomes one kind of object in
//! it, holding the number of a slot in the slab of host values (so that the block itself never holds a host pointer). Roots stay what they are
//! here; marking gains the tracing of fields, and tables and globals of the `any` hierarchy become roots of the agent.

use std::cell::{Cell, RefCell};

use crate::agent::Agent;
use crate::reference::RefSlot;
use crate::traps::roots;
use crate::value::{HostValue, RawHostValue, ValRaw};

/// No collection below this many boxes.
const SMALLEST_DUE: usize = 1024;
/// Most boxes: references are even 32-bit numbers.
const MOST: usize = (1 << 31) - 1;

/// The slab of boxes.
pub(crate) struct Heap {
    boxes: RefCell<Boxes>,
    /// References that open scopes of the host hold, in the order they were made.
    host_roots: RefCell<Vec<u32>>,
    /// Length of `host_roots`.
    rooted: Cell<usize>,
    live: Cell<usize>,
    due: Cell<usize>,
}

#[derive(Default)]
struct Boxes {
    slots: Vec<Slot>,
    /// First free slot, as index + 1; 0 for none.
    free: u32,
}

enum Slot {
    /// Next free slot, as index + 1.
    Free(u32),
    Full {
        value: RawHostValue,
        marked: bool,
    },
}

impl Default for Heap {
    fn default() -> Self {
        Self {
            boxes: RefCell::default(),
            host_roots: RefCell::default(),
            rooted: Cell::new(0),
            live: Cell::new(0),
            due: Cell::new(SMALLEST_DUE),
        }
    }
}

/// There is no room for another box.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the heap of references is full")]
pub struct HeapFull;

impl Boxes {
    fn get(&self, reference: u32) -> Option<RawHostValue> {
        match self.slots.get(index(reference)?) {
            Some(Slot::Full { value, .. }) => Some(*value),
            _ => None,
        }
    }
}

fn index(reference: u32) -> Option<usize> {
    if reference & 1 == 1 { None } else { (reference as usize >> 1).checked_sub(1) }
}

fn is_immediate(reference: u32) -> bool {
    reference & 1 == 1
}

impl Heap {
    /// Whether a reference is one that wasm may be given: an immediate, or a box that is there.
    pub(crate) fn contains(&self, reference: u32) -> bool {
        is_immediate(reference) || self.boxes.borrow().get(reference).is_some()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.live.get() == 0
    }

    /// How many references scopes hold.
    #[inline]
    pub(crate) fn host_roots(&self) -> usize {
        self.rooted.get()
    }

    /// Lets go of all but the first references that scopes hold.
    #[inline]
    pub(crate) fn truncate_host_roots(&self, len: usize) {
        if self.rooted.get() > len {
            self.host_roots.borrow_mut().truncate(len);
            self.rooted.set(len);
        }
    }

    /// Lets the open scope hold a reference.
    pub(crate) fn root(&self, reference: u32) {
        if index(reference).is_some() {
            self.host_roots.borrow_mut().push(reference);
            self.rooted.set(self.rooted.get() + 1);
        }
    }

    /// Puts a host value, which it takes over, into a box. May collect first: what the caller holds must be rooted.
    pub(crate) fn allocate(&self, agent: &Agent, value: RawHostValue) -> Result<u32, HeapFull> {
        if self.live.get() >= self.due.get() {
            self.collect(agent);
        }
        let boxes = &mut *self.boxes.borrow_mut();
        let full = Slot::Full { value, marked: false };
        let index = if let Some(free) = boxes.free.checked_sub(1) {
            let slot = &mut boxes.slots[free as usize];
            if let Slot::Free(next) = *slot {
                boxes.free = next;
            }
            *slot = full;
            free
        } else {
            if boxes.slots.len() >= MOST || boxes.slots.try_reserve(1).is_err() {
                return Err(HeapFull);
            }
            boxes.slots.push(full);
            boxes.slots.len() as u32 - 1
        };
        self.live.set(self.live.get() + 1);
        Ok((index + 1) << 1)
    }

    /// The slot for a table or global that a reference of wasm means.
    pub(crate) fn slot_of(&self, agent: &Agent, reference: u32) -> RefSlot {
        if is_immediate(reference) {
            return RefSlot::immediate(reference);
        }
        let value = self.boxes.borrow().get(reference);
        match value {
            // SAFETY: the box owns the value, so it is alive, and the hooks accept it.
            Some(value) => RefSlot::host(unsafe { HostValue::from_raw(agent, agent.hooks().clone_value(value)) }),
            None => RefSlot::NULL,
        }
    }

    /// The reference for wasm that a slot means; takes what the slot owns.
    pub(crate) fn reference_of(&self, agent: &Agent, slot: RefSlot) -> Result<u32, HeapFull> {
        match (slot.as_immediate(), slot.as_host()) {
            (Some(bits), _) => Ok(bits),
            (None, Some(value)) => self.allocate(agent, value).inspect_err(|_| slot.release(agent)),
            (None, None) => Ok(0),
        }
    }

    /// Frees every box. No frame of wasm is left.
    #[cold]
    pub(crate) fn clear(&self, agent: &Agent) {
        self.truncate_host_roots(0);
        let boxes = self.boxes.take();
        self.live.set(0);
        self.due.set(SMALLEST_DUE);
        // Dropping a value may run code of the host, which may come back here: nothing is borrowed.
        for slot in boxes.slots {
            if let Slot::Full { value, .. } = slot {
                // SAFETY: the box owned the value, and is gone.
                unsafe { agent.hooks().drop_value(value) }
            }
        }
    }

    fn collect(&self, agent: &Agent) {
        roots::for_each_reference(agent, &mut |reference| self.mark(reference));
        for reference in self.host_roots.borrow().iter() {
            self.mark(*reference);
        }
        self.free_unmarked(agent);
        // Sweeping looks at every slot: those that there are may as well be used.
        let slots = self.boxes.borrow().slots.len();
        self.due.set(self.live.get().saturating_mul(2).max(slots).max(SMALLEST_DUE));
    }

    fn mark(&self, reference: u32) {
        if let Some(index) = index(reference)
            && let Some(Slot::Full { marked, .. }) = self.boxes.borrow_mut().slots.get_mut(index)
        {
            *marked = true;
        }
    }

    fn free_unmarked(&self, agent: &Agent) {
        let mut dead = Vec::new();
        {
            let boxes = &mut *self.boxes.borrow_mut();
            for (index, slot) in boxes.slots.iter_mut().enumerate() {
                if let Slot::Full { value, marked } = slot
                    && !std::mem::take(marked)
                {
                    dead.push(*value);
                    *slot = Slot::Free(std::mem::replace(&mut boxes.free, index as u32 + 1));
                }
            }
        }
        self.live.set(self.live.get() - dead.len());
        // Dropping a value may run code of the host, which may come back here: nothing is borrowed any more.
        for value in dead {
            // SAFETY: the box owned the value and is free now.
            unsafe { agent.hooks().drop_value(value) }
        }
    }
}

impl Agent {
    /// A host value as bits for wasm, `None` as null; valid while a scope is open that was when it was made.
    pub fn extern_to_raw(&self, value: Option<HostValue>) -> Result<ValRaw, HeapFull> {
        let Some(value) = value else { return Ok(ValRaw::ZERO) };
        let heap = &self.inner().heap;
        let raw = value.into_raw();
        let reference = heap.allocate(self, raw).inspect_err(|_| {
            // SAFETY: the value was not taken over.
            unsafe { self.hooks().drop_value(raw) }
        })?;
        heap.root(reference);
        Ok(ValRaw::u32(reference))
    }

    /// The host value that bits from wasm mean; `None` for null, and for what is no host value of this agent.
    pub fn extern_from_raw(&self, value: ValRaw) -> Option<HostValue> {
        let value = self.inner().heap.boxes.borrow().get(value.get_u32())?;
        // SAFETY: the box owns the value, so it is alive, and the hooks accept it.
        Some(unsafe { HostValue::from_raw(self, self.hooks().clone_value(value)) })
    }
}

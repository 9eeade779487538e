//! The heap: structures, arrays, exceptions, and what an `externref` is while wasm holds it.
//!
//! ```text
//!  wasm holds       32-bit references (chalcid_module::heap_layout)
//!                     │ objects                          │ boxes                    fields hold functions
//!                     ▼                                  ▼                          ▼ by number
//!  space            blocks, lines, large objects       boxes: values of the host  functions: VMFuncRef table
//!                     ▲                                  ▲                          ▲
//!  collector        roots ──► mark ──────────────────────┴──────────────────────────┘ ──► sweep
//! ```
//!
//! # Safety
//! A reference is an offset, and the heap holds no pointer of the host: what Rust reads and writes of it is checked against its bounds
//! ([`space`]), and nothing that it says is believed ([`mark`]).
//!
//! # Allocation
//! Code allocates by moving `vmagent::ALLOC_CURSOR` up to `ALLOC_LIMIT` within a *hole* of zeroed lines, and asks [`Heap::allocate`] when it does
//! not fit. Objects larger than half a block lie in blocks of their own. Nothing ever moves.
//!
//! # Collection
//! It marks from the roots and frees what was not marked, while wasm stands at a call. Roots are the references in frames (by their stack
//! maps), those that open scopes of the host hold (arguments, results, values in flight), handles ([`ObjectRef`], also in a pending
//! exception), and the slots of tables, globals and element segments. It is due when as many bytes were handed out as were
//! live after the last one, and at least [`SMALLEST_DUE`]; when there are twice as many boxes; and when there is no room.
//!
//! What one collection leaves free beyond what can be handed out before the next goes back to the system.
//!
//! # Limits
//! Objects take at most `AgentSettings::heap_limit` bytes in whole blocks, large ones included. When a collection leaves less than a
//! sixty-fourth of that free, the host's collector is asked for cycles through both heaps. If that does not help, or the system refuses memory,
//! allocation fails: in code by the trap `AllocationFailed`, elsewhere by [`HeapFull`].
//!
//! # Boxes
//! While there are no objects, all boxes go when the outermost scope closes, since nothing can name them any longer. Once there are,
//! boxes are collected as objects are.
//!
//! # Cycles through the heap
//! An object that refers to a function keeps the function's instance: the table of functions holds a handle; an exception keeps its tag, a box a value of the
//! host. Every table and global with objects is a root as long as it lives. So an instance whose own globals reach its functions through
//! objects (a table of methods in a global) holds itself, as far as a collection of the heap alone can see.
//!
//! Who looks for cycles looks through the heap, without freeing ([`reach`]): in plain Rust the search for cycles of entities, when no scope is
//! open, by itself after a collection and by `Agent::collect_cycles`; with a host that collects for itself, its collector, which the engine tells
//! what the objects of the heap hold, one by one and each exactly once (`lifetimes::host`). What a host object holds of the heap
//! is an [`ObjectBody`], which is asked; an [`ObjectRef`] is held from outside.
//!
//! While wasm is running (a scope is open), functions are plain pointers in its frames. A cycle through a function in a field stays until
//! the host collects with no wasm on the stack; one through values of the host does not have to wait.

mod boxes;
mod exceptions;
mod functions;
mod layouts;
mod mark;
mod object;
mod reach;
mod roots;
mod space;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::rc::Rc;

use chalcid_module::heap_layout::{ARRAY_LENGTH, OBJECT_MASK};
use chalcid_module::index::DefTypeId;
use chalcid_module::types::RefType;

use crate::agent::Agent;
use crate::func::FuncInst;
use crate::module::ModuleObject;
use crate::reference::{RefSlot, RefValue};
use crate::traps;
use crate::value::{HostValue, RawHostValue, ValRaw};
use crate::vmcontext::VMFuncRef;

use boxes::Boxes;
use exceptions::Tags;
use functions::HeapFuncs;
use layouts::{Layout, Layouts};
use mark::Marker;
use roots::Roots;
use space::{BLOCK, LINE, Space};

pub(crate) use functions::no_functions;
pub use object::ObjectError;
pub(crate) use reach::Leaf;
pub(crate) use roots::Holder;
pub use roots::{ObjectBody, ObjectRef};
pub(crate) use space::space_contains;

/// No collection is due before so many bytes were handed out.
const SMALLEST_DUE: u64 = 4 << 20;
/// Bytes that objects may take by default.
pub const DEFAULT_HEAP_LIMIT: u64 = 2 << 30;
/// Smallest size of a large object.
const LARGE: u32 = BLOCK / 2;

/// The heap of an agent.
pub(crate) struct Heap {
    limit: u64,
    /// Collects at every chance, and poisons what it frees.
    stress: bool,
    /// Absent until a module needs it.
    space: RefCell<Option<Space>>,
    /// End of the hole that the agent's cursor moves in.
    hole_end: Cell<u32>,
    /// Whether there may be objects.
    has_objects: Cell<bool>,
    /// Bytes handed out at which a collection is due.
    due: Cell<u64>,
    epoch: Cell<u8>,
    collecting: Cell<bool>,
    /// Whether entities that only reach each other through objects are to be looked for when the outermost scope closes.
    cycles_due: Cell<bool>,
    collections: Cell<u64>,
    /// Bytes of objects that the last collection left.
    live: Cell<u64>,
    boxes: RefCell<Boxes>,
    funcs: RefCell<HeapFuncs>,
    tags: RefCell<Tags>,
    layouts: RefCell<Layouts>,
    roots: Roots,
}

/// There is no room for another object or box.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the heap of references is full")]
pub struct HeapFull;

impl Heap {
    pub(crate) fn new(limit: u64, stress: bool) -> Self {
        Self {
            limit,
            stress,
            space: RefCell::new(None),
            hole_end: Cell::new(0),
            has_objects: Cell::new(false),
            due: Cell::new(SMALLEST_DUE),
            epoch: Cell::new(1),
            collecting: Cell::new(false),
            cycles_due: Cell::new(false),
            collections: Cell::new(0),
            live: Cell::new(0),
            boxes: RefCell::default(),
            funcs: RefCell::default(),
            tags: RefCell::default(),
            layouts: RefCell::default(),
            roots: Roots::default(),
        }
    }

    /// Reserves the address space, before code that may hold objects runs.
    pub(crate) fn reserve(&self, agent: &Agent) -> Result<(), HeapFull> {
        let mut space = self.space.borrow_mut();
        if space.is_none() {
            let made = Space::new(self.limit, self.stress).ok_or(HeapFull)?;
            agent.vm().heap_base.set(made.base());
            *space = Some(made);
        }
        Ok(())
    }

    /// Whether nothing has to be done when the outermost scope closes.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        !self.cycles_due.get() && (self.has_objects.get() || self.boxes.borrow().live() == 0)
    }

    /// Whether cycles are to be looked for, asked once.
    pub(crate) fn take_cycles_due(&self) -> bool {
        self.cycles_due.take()
    }

    /// Frees every box, unless objects may hold some. No frame of wasm is left.
    #[cold]
    pub(crate) fn settle(&self, agent: &Agent) {
        self.truncate_scoped(0);
        if self.has_objects.get() {
            return;
        }
        let boxes: Vec<_> = self.boxes.borrow_mut().take_all().collect();
        drop_values(agent, boxes);
    }

    // Roots.

    /// How many references scopes hold.
    #[inline]
    pub(crate) fn scoped(&self) -> usize {
        self.roots.scoped()
    }

    /// Lets go of all but the first references that scopes hold.
    #[inline]
    pub(crate) fn truncate_scoped(&self, len: usize) {
        self.roots.truncate(len);
    }

    /// Lets the open scope hold a reference.
    pub(crate) fn root(&self, reference: u32) {
        if reference != 0 && reference & 1 == 0 {
            self.roots.push(reference);
        }
    }

    /// Whether a reference is one that wasm may be given: it needs no memory, is a box that is there, or an object that an open scope holds.
    pub(crate) fn contains(&self, reference: u32) -> bool {
        if reference & OBJECT_MASK == 0 {
            reference == 0 || self.roots.holds(reference)
        } else {
            reference & 1 == 1 || self.boxes.borrow().get(reference).is_some()
        }
    }

    /// An entity whose slots may hold objects.
    pub(crate) fn list(&self, holder: Holder) {
        self.roots.list(holder);
    }

    /// The entity goes, or has no slots any more.
    pub(crate) fn unlist(&self, holder: Holder) {
        self.roots.unlist(holder);
    }

    /// Keeps the types of a module whose instance goes, as long as there may be objects of them.
    pub(crate) fn keep_types(&self, agent: &Agent, module: &ModuleObject) {
        if self.has_objects.get() {
            let mut layouts = self.layouts.borrow_mut();
            for ty in layouts::object_types(module) {
                layouts.get(agent.types(), ty.0);
            }
        }
    }

    // Allocation.

    /// Room for an object of a layout, zeroed but for its header. May collect first: what the caller holds must be rooted.
    fn allocate(&self, agent: &Agent, layout: &Rc<Layout>, size: u32, length: Option<u32>) -> Result<u32, HeapFull> {
        let due = self.space.borrow().as_ref().is_some_and(|space| space.allocated() >= self.due.get());
        if self.stress || due {
            self.collect(agent);
        }
        let before = layout.before();
        let size = before + size;
        let start = match self.room(agent, size) {
            Some(start) => start,
            None => {
                self.collect(agent);
                match self.reserved_room(agent, size) {
                    Some(start) => start,
                    None => {
                        agent.hooks().collect_garbage();
                        self.collect(agent);
                        self.reserved_room(agent, size).ok_or(HeapFull)?
                    }
                }
            }
        };
        let reference = start + before;
        self.has_objects.set(true);
        if layout.id != 0 {
            // A collection on the way may have forgotten it.
            self.layouts.borrow_mut().keep(layout);
        }
        let header = u64::from(layout.id) | u64::from(layout.kind as u8) << 32;
        self.write(reference, &header.to_le_bytes());
        if let Some(length) = length {
            self.write(reference + ARRAY_LENGTH, &length.to_le_bytes());
        }
        Ok(reference)
    }

    /// Room in what a forced collection has freed, if that is enough to go on: a heap that is nearly full would collect all the time.
    fn reserved_room(&self, agent: &Agent, size: u32) -> Option<u32> {
        let free = self.space.borrow().as_ref().map(|space| (space.limit() - space.used(), space.limit()));
        free.filter(|(free, limit)| *free >= limit / 64).and_then(|_| self.room(agent, size))
    }

    fn room(&self, agent: &Agent, size: u32) -> Option<u32> {
        self.reserve(agent).ok()?;
        let mut space = self.space.borrow_mut();
        let space = space.as_mut()?;
        if size > LARGE {
            return space.large(size);
        }
        let vm = agent.vm();
        // Code moves the cursor within the hole, and no further.
        let (mut cursor, mut end) = (vm.alloc_cursor.get() as u32, self.hole_end.get());
        if end.saturating_sub(cursor) < size {
            if size > LINE {
                return space.medium(size);
            }
            let hole = space.hole(size)?;
            (cursor, end) = (hole.start, hole.end);
        }
        self.set_hole(agent, cursor + size, end);
        Some(cursor)
    }

    fn set_hole(&self, agent: &Agent, cursor: u32, end: u32) {
        let vm = agent.vm();
        self.hole_end.set(end);
        vm.alloc_cursor.set(u64::from(cursor));
        vm.alloc_limit.set(if self.stress { 0 } else { u64::from(end) });
        // Code allocates without telling.
        self.has_objects.set(true);
    }

    /// Puts a host value, which it takes over, into a box. May collect first: what the caller holds must be rooted.
    pub(crate) fn new_box(&self, agent: &Agent, value: RawHostValue) -> Result<u32, HeapFull> {
        if self.stress || self.boxes.borrow().is_due() {
            self.collect(agent);
        }
        let inserted = self.boxes.borrow_mut().insert(value);
        if inserted.is_err() {
            drop_values(agent, [value]);
        }
        inserted
    }

    /// The number by which fields hold a function. Never collects.
    pub(crate) fn func_to_heap(&self, agent: &Agent, func: NonNull<VMFuncRef>) -> Result<u32, HeapFull> {
        let known = self.funcs.borrow_mut().find(func);
        if let Some(number) = known {
            return Ok(number);
        }
        // Making a handle may call the host, which must not find the table borrowed.
        // SAFETY: whoever asks keeps the function.
        let owner = unsafe { FuncInst::from_vm(func) }.into_owner();
        let inserted = self.funcs.borrow_mut().insert(agent.vm(), func, owner);
        inserted.map_err(|(full, owner)| {
            drop(owner);
            full
        })
    }

    // Access.

    fn read<const N: usize>(&self, place: u32) -> [u8; N] {
        self.space.borrow().as_ref().map_or([0; N], |space| space.read(place))
    }

    fn read_u32(&self, place: u32) -> u32 {
        u32::from_le_bytes(self.read(place))
    }

    pub(crate) fn write(&self, place: u32, bytes: &[u8]) {
        if let Some(space) = &mut *self.space.borrow_mut() {
            space.write(place, bytes);
        }
    }

    /// Repeats the first of some elements in a row.
    fn repeat(&self, first: u32, size: u32, times: u32) {
        let pattern: [u8; 16] = self.read(first);
        let Some(pattern) = pattern.get(..size as usize) else { return };
        self.fill(first, pattern, times);
    }

    /// Fills a range with copies of a pattern.
    pub(crate) fn fill(&self, place: u32, pattern: &[u8], times: u32) {
        if let Some(space) = &mut *self.space.borrow_mut() {
            space.fill(place, pattern, times);
        }
    }

    /// Copies a range; source and target may overlap.
    pub(crate) fn copy(&self, to: u32, from: u32, len: u32) {
        if let Some(space) = &mut *self.space.borrow_mut() {
            space.copy(to, from, len);
        }
    }

    /// The slot for a table or global that a reference of wasm means.
    pub(crate) fn slot_of(&self, agent: &Agent, reference: u32) -> RefSlot {
        if reference & 1 == 1 || reference & OBJECT_MASK == 0 {
            return RefSlot::bits(reference);
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
        match slot.as_host() {
            Some(value) => self.new_box(agent, value),
            None => Ok(slot.as_bits()),
        }
    }

    // Collection.

    /// Number of collections so far.
    pub(crate) fn collections(&self) -> u64 {
        self.collections.get()
    }

    /// Bytes that objects take, in whole blocks.
    pub(crate) fn used(&self) -> u64 {
        self.space.borrow().as_ref().map_or(0, Space::used)
    }

    /// Bytes of objects that the last collection left.
    pub(crate) fn live(&self) -> u64 {
        self.live.get()
    }

    /// Collects where faults of the collector are looked for.
    #[inline]
    pub(crate) fn stress(&self, agent: &Agent) {
        if self.stress {
            self.collect(agent);
        }
    }

    /// Frees every object, box, function and tag that no root reaches. Wasm must stand at calls, and references that the caller holds be rooted.
    #[cold]
    pub(crate) fn collect(&self, agent: &Agent) {
        self.collect_from(agent, true);
    }

    fn collect_from(&self, agent: &Agent, roots: bool) {
        if self.collecting.replace(true) {
            return;
        }
        self.collections.set(self.collections.get() + 1);
        self.begin_marking(agent);
        let (values, owners, tags);
        {
            let (mut space, mut boxes) = (self.space.borrow_mut(), self.boxes.borrow_mut());
            let (mut funcs, mut tag_table) = (self.funcs.borrow_mut(), self.tags.borrow_mut());
            let mut layouts = self.layouts.borrow_mut();
            let mut marker = Marker {
                types: agent.types(),
                space: space.as_mut(),
                boxes: &mut boxes,
                funcs: &mut funcs,
                tags: &mut tag_table,
                layouts: &mut layouts,
                epoch: self.epoch.get(),
                grey: 0,
                last: None,
                leaves: None,
            };
            if roots {
                traps::roots::for_each_reference(agent, &mut |reference| {
                    debug_assert!(marker.is_reference(reference), "a stack map names {reference:#x}");
                    marker.reference(reference);
                });
                self.roots.for_each(&mut |reference| marker.reference(reference));
            }
            marker.drain();
            drop(marker);
            values = boxes.sweep();
            owners = funcs.sweep(agent.has_scope());
            tags = tag_table.sweep();
            layouts.sweep();
            if let Some(space) = space.as_mut() {
                let live = space.sweep();
                self.live.set(live);
                self.due.set(live.max(SMALLEST_DUE));
                space.trim(self.due.get());
                if live == 0 {
                    self.has_objects.set(false);
                }
            }
            // Where a host looks after entities, it does.
            self.cycles_due.set(agent.is_plain() && !funcs.is_empty());
        }
        self.collecting.set(false);
        // What follows may run code of the host, which may come back here: nothing is borrowed any more.
        drop_values(agent, values);
        for owner in owners {
            // Frames may hold the function, taken from an object that is gone.
            owner.defer();
        }
        for tag in tags {
            agent.defer(tag.erase());
        }
    }

    /// Forgets all marks.
    fn begin_marking(&self, agent: &Agent) {
        let vm = agent.vm();
        self.hole_end.set(0);
        vm.alloc_cursor.set(0);
        vm.alloc_limit.set(0);
        self.next_epoch();
        if let Some(space) = &mut *self.space.borrow_mut() {
            space.begin_marking();
        }
        self.boxes.borrow_mut().begin_marking();
        self.funcs.borrow_mut().begin_marking();
        self.tags.borrow_mut().begin_marking();
        self.layouts.borrow_mut().begin_marking();
    }

    fn next_epoch(&self) {
        self.epoch.set(self.epoch.get() % u8::MAX + 1);
    }

    /// Gives up the boxes, for an agent that goes; their values are the caller's.
    pub(crate) fn take_values(&self) -> Vec<RawHostValue> {
        self.boxes.borrow_mut().take_all().collect()
    }
}

fn drop_values(agent: &Agent, values: impl IntoIterator<Item = RawHostValue>) {
    for value in values {
        // SAFETY: the box owned the value, and is gone.
        unsafe { agent.hooks().drop_value(value) }
    }
}

impl Agent {
    /// A host value as bits for wasm, `None` as null; valid while a scope is open that was when it was made.
    pub fn extern_to_raw(&self, value: Option<HostValue>) -> Result<ValRaw, HeapFull> {
        let Some(value) = value else { return Ok(ValRaw::ZERO) };
        let heap = &self.inner().heap;
        let reference = heap.new_box(self, value.into_raw())?;
        if self.has_scope() {
            heap.root(reference);
        }
        Ok(ValRaw::u32(reference))
    }

    /// The host value that bits from wasm mean; `None` for null, and for what is no host value of this agent.
    pub fn extern_from_raw(&self, value: ValRaw) -> Option<HostValue> {
        let value = self.inner().heap.boxes.borrow().get(value.get_u32())?;
        // SAFETY: the box owns the value, so it is alive, and the hooks accept it.
        Some(unsafe { HostValue::from_raw(self, self.hooks().clone_value(value)) })
    }

    /// A reference as bits for wasm; valid while a scope is open that was when it was made.
    pub fn ref_to_raw(&self, value: &RefValue) -> Result<ValRaw, HeapFull> {
        let heap = &self.inner().heap;
        if let RefValue::Func(func) = value {
            return Ok(self.func_to_raw(func.as_ref()));
        }
        let reference = heap.bits_of(self, value)?;
        if self.has_scope() {
            heap.root(reference);
        }
        Ok(ValRaw::u32(reference))
    }

    /// The reference of another hierarchy than the functions' that bits from wasm mean; null for what is none of this agent.
    pub fn ref_from_raw(&self, value: ValRaw) -> RefValue {
        let heap = &self.inner().heap;
        let reference = value.get_u32();
        if heap.contains(reference) { heap.value_of(self, reference) } else { RefValue::Host(None) }
    }

    /// Whether a reference is a value of a type.
    pub fn ref_matches(&self, value: &RefValue, ty: &RefType<DefTypeId>) -> bool {
        crate::table::value_matches(self, value, ty)
    }

    /// Frees every object of the heap and lets go of what they hold of the host: for a host that goes and must have its values back. What still
    /// refers to an object refers to nothing afterwards; no code of wasm may run any more.
    pub fn abandon_heap(&self) {
        // What became reachable a moment ago survives one collection.
        for _ in 0..2 {
            self.inner().heap.collect_from(self, false);
        }
    }

    /// Frees the objects of the heap, and the host's values, that wasm cannot reach any more. It runs by itself when there is need.
    pub fn collect_garbage(&self) {
        self.inner().heap.collect(self);
    }

    /// Bytes that objects of the heap take, those included that wait for the collector.
    pub fn heap_size(&self) -> u64 {
        self.inner().heap.used()
    }

    /// Bytes of objects that the last collection left.
    pub fn live_heap_size(&self) -> u64 {
        self.inner().heap.live()
    }

    /// How often the heap was collected.
    pub fn heap_collections(&self) -> u64 {
        self.inner().heap.collections()
    }
}

//! Tables.
//!
//! A *function table* is an array of words that machine code reads: 0 where an element is not filled yet, else the `VMFuncRef` pointer (or 0 for
//! null) with its lowest bit set. Applying a segment of functions fills nothing: it notes which stretch of the table stands for
//! which functions of which instance (a [`LazyRange`]), and an element is filled when it is first asked for. Elements that are neither filled nor
//! noted are null. What keeps the functions alive is counted beside the array ([`Owners`]).
//!
//! Other tables hold [`RefSlot`]s, which machine code never sees.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ptr::NonNull;

use chalcid_module::index::{DefTypeId, ElemIdx};
use chalcid_module::layout::TABLE_FILLED;
use chalcid_module::registry::TypeHandle;
use chalcid_module::types::{AbsHeapType, HeapType, Hierarchy, RefType, TableType};

use crate::agent::Agent;
use crate::entity::{Entity, Sealed, Strong, Tracer};
use crate::func::{FuncInst, func_matches, hierarchy};
use crate::heap::Holder;
use crate::instance::Instance;
use crate::owners::Owners;
use crate::reference::{RefSlot, RefValue};
use crate::vmcontext::{VMFuncRef, VMTable};
use crate::zeroed::ZeroedVec;

/// Most elements of a table.
pub const MAX_TABLE_ELEMENTS: u64 = 10_000_000;

/// Why a table operation failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TableError {
    /// More elements than the declared maximum or the implementation's limit.
    #[error("table size of {elements} elements exceeds its limit of {limit}")]
    Limit {
        /// Elements asked for (saturated).
        elements: u64,
        /// Elements allowed.
        limit: u64,
    },
    /// The system gives no more memory.
    #[error("no memory for a table of {elements} elements")]
    System {
        /// Elements asked for.
        elements: u64,
    },
    /// An index outside the table.
    #[error("out of bounds table access")]
    OutOfBounds,
    /// A reference that is no value of the element type.
    #[error("the reference is not a value of the table's element type")]
    Type,
}

/// A stretch of a function table that stands for part of an element segment.
struct LazyRange<I = Strong<Instance>> {
    len: u64,
    instance: I,
    segment: ElemIdx,
    /// Position in the segment of the stretch's first element.
    first: u32,
}

/// A table instance.
pub struct TableInst {
    ty: TableType<DefTypeId>,
    vm: VMTable,
    content: Content,
    /// Keeps the identity of the element type its own.
    _registered: Option<TypeHandle>,
}

enum Content {
    Func {
        elements: RefCell<ZeroedVec<usize>>,
        owners: Owners,
        /// Stretches by their first index; they do not overlap. A filled element goes before them.
        lazy: RefCell<BTreeMap<u64, LazyRange>>,
        /// Whether any element was ever filled.
        touched: Cell<bool>,
    },
    Ref(RefCell<ZeroedVec<RefSlot>>),
}

impl TableInst {
    /// Makes a table of its minimum size, all null.
    pub fn new(agent: &Agent, ty: TableType<DefTypeId>) -> Result<Strong<Self>, TableError> {
        let content = match hierarchy(agent.types(), &ty.element) {
            Hierarchy::Func => Content::Func {
                elements: RefCell::default(),
                owners: Owners::default(),
                lazy: RefCell::default(),
                touched: Cell::new(false),
            },
            Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => Content::Ref(RefCell::default()),
        };
        let vm = VMTable { elements: Cell::new(std::ptr::null_mut()), length: Cell::new(0) };
        let table = Self { ty, vm, content, _registered: registered(agent, &ty.element) };
        table.resize(ty.limits.min)?;
        let table = Strong::new(agent, table);
        if !table.is_func() {
            agent.inner().heap.list(Holder::Table(table.as_ptr()));
        }
        Ok(table)
    }

    /// Its type, with the limits it was made with.
    pub fn ty(&self) -> &TableType<DefTypeId> {
        &self.ty
    }

    /// Current number of elements.
    pub fn size(&self) -> u64 {
        self.vm.length.get()
    }

    pub(crate) fn vm_ptr(&self) -> *const VMTable {
        &raw const self.vm
    }

    pub(crate) fn is_func(&self) -> bool {
        matches!(self.content, Content::Func { .. })
    }

    /// Checks a range of elements.
    pub(crate) fn check(&self, start: u64, len: u64) -> Result<(), TableError> {
        match start.checked_add(len) {
            Some(end) if end <= self.size() => Ok(()),
            _ => Err(TableError::OutOfBounds),
        }
    }

    fn resize(&self, elements: u64) -> Result<(), TableError> {
        let limit = self.ty.limits.max.unwrap_or(u64::MAX).min(MAX_TABLE_ELEMENTS);
        if elements > limit {
            return Err(TableError::Limit { elements, limit });
        }
        let (len, most) = (elements as usize, limit as usize);
        let failed = TableError::System { elements };
        match &self.content {
            Content::Func { elements, .. } => {
                let mut elements = elements.borrow_mut();
                elements.grow(len, most).map_err(|_| failed)?;
                self.vm.elements.set(elements.as_mut_ptr());
            }
            Content::Ref(slots) => slots.borrow_mut().grow(len, most).map_err(|_| failed)?,
        }
        self.vm.length.set(elements);
        Ok(())
    }

    /// Adds null elements; returns the size before.
    pub(crate) fn grow_by(&self, delta: u64) -> Result<u64, TableError> {
        let before = self.size();
        self.resize(before.saturating_add(delta))?;
        Ok(before)
    }

    fn word(&self, index: u64) -> usize {
        match &self.content {
            Content::Func { elements, .. } => elements.borrow().as_slice().get(index as usize).copied().unwrap_or(0),
            Content::Ref(_) => 0,
        }
    }

    fn set_word(&self, index: u64, word: usize) {
        if let Content::Func { elements, touched, .. } = &self.content {
            touched.set(true);
            if let Some(element) = elements.borrow_mut().as_mut_slice().get_mut(index as usize) {
                *element = word;
            }
        }
    }

    /// The function at an index of a function table that is in bounds; fills the element.
    pub(crate) fn func_at(&self, index: u64) -> Option<NonNull<VMFuncRef>> {
        let word = self.word(index);
        if word != 0 {
            return NonNull::new((word & !TABLE_FILLED) as *mut VMFuncRef);
        }
        let Content::Func { owners, lazy, .. } = &self.content else { return None };
        let source = lazy.borrow().range(..=index).next_back().and_then(|(start, range)| {
            let offset = index - start;
            (offset < range.len).then(|| (range.instance.clone(), range.segment, range.first + offset as u32))
        });
        let func = source.and_then(|(instance, segment, item)| instance.element_func(segment, item));
        if let Some(func) = &func {
            // SAFETY: the handle keeps the function.
            unsafe { owners.add(func.as_ptr(), 1) };
        }
        let ptr = func.as_ref().map(FuncInst::as_ptr);
        self.set_word(index, ptr.map_or(0, |ptr| ptr.as_ptr() as usize) | TABLE_FILLED);
        ptr
    }

    /// Sets an element of a function table that is in bounds.
    ///
    /// # Safety
    /// The function must be alive and of the element type.
    pub(crate) unsafe fn set_func_at(&self, index: u64, func: Option<NonNull<VMFuncRef>>) {
        let Content::Func { owners, .. } = &self.content else { return };
        let word = func.map_or(0, |func| func.as_ptr() as usize) | TABLE_FILLED;
        let before = NonNull::new((self.word(index) & !TABLE_FILLED) as *mut VMFuncRef);
        // SAFETY: the caller says that the function is alive, and the table keeps the one before.
        if unsafe { Owners::are_same(before, func) } {
            self.set_word(index, word);
            return;
        }
        if let Some(func) = func {
            // SAFETY: the caller says that the function is alive.
            unsafe { owners.add(func, 1) };
        }
        self.set_word(index, word);
        if let Some(before) = before {
            // SAFETY: filling the element had counted it.
            unsafe { owners.remove(before) };
        }
    }

    /// Fills elements of a function table that are in bounds and were just added.
    ///
    /// # Safety
    /// The function must be alive and of the element type.
    pub(crate) unsafe fn fill_fresh(&self, start: u64, func: NonNull<VMFuncRef>, len: u64) {
        let Content::Func { elements, owners, touched, .. } = &self.content else { return };
        // SAFETY: the caller says that the function is alive.
        unsafe { owners.add(func, len as usize) };
        touched.set(true);
        let mut elements = elements.borrow_mut();
        for element in elements.as_mut_slice().iter_mut().skip(start as usize).take(len as usize) {
            *element = func.as_ptr() as usize | TABLE_FILLED;
        }
    }

    /// Lets a stretch that is in bounds stand for part of an element segment of functions.
    pub(crate) fn set_lazily(&self, start: u64, len: u64, instance: &Strong<Instance>, segment: ElemIdx, first: u32) {
        let Content::Func { lazy, touched, .. } = &self.content else { return };
        if len == 0 {
            return;
        }
        if touched.get() {
            for index in start..start + len {
                if self.word(index) != 0 {
                    // SAFETY: null is of every element type that a segment is applied to lazily.
                    unsafe { self.set_func_at(index, None) };
                    self.set_word(index, 0);
                }
            }
        }
        let range = LazyRange { len, instance: instance.clone(), segment, first };
        // Handles are made and dropped without a mutable borrow, since both may call the host.
        let split = lazy
            .borrow()
            .range(..start)
            .next_back()
            .and_then(|(before, left)| (before + left.len > start + len).then(|| left.instance.clone()));
        let replaced = insert_range(&mut lazy.borrow_mut(), start, range, split);
        drop(replaced);
    }

    /// The reference at an index of another table that is in bounds, as a slot of the caller's own.
    pub(crate) fn slot_at(&self, agent: &Agent, index: u64) -> RefSlot {
        let Content::Ref(slots) = &self.content else { return RefSlot::NULL };
        let slot = slots.borrow().as_slice().get(index as usize).copied().unwrap_or(RefSlot::NULL);
        slot.duplicate(agent)
    }

    /// Visits the objects that the elements refer to.
    pub(crate) fn for_each_object(&self, visit: &mut dyn FnMut(u32)) {
        if let Content::Ref(slots) = &self.content {
            for slot in slots.borrow().as_slice() {
                visit(slot.as_bits());
            }
        }
    }

    /// Sets an element of another table that is in bounds; takes what the slot owns.
    pub(crate) fn set_slot_at(&self, agent: &Agent, index: u64, slot: RefSlot) {
        let Content::Ref(slots) = &self.content else { return slot.release(agent) };
        let before = match slots.borrow_mut().as_mut_slice().get_mut(index as usize) {
            Some(element) => std::mem::replace(element, slot),
            None => slot,
        };
        before.release(agent);
    }
}

/// Puts a range into the map and cuts away what it covers of others; returns ranges that vanished, to be dropped without a borrow. `split` is a
/// handle for the right half of a range that the new one splits.
fn insert_range<I>(
    ranges: &mut BTreeMap<u64, LazyRange<I>>,
    start: u64,
    range: LazyRange<I>,
    split: Option<I>,
) -> Vec<LazyRange<I>> {
    let end = start + range.len;
    let mut replaced = Vec::new();
    if let Some((&before, left)) = ranges.range_mut(..start).next_back()
        && before + left.len > start
    {
        let left_end = before + left.len;
        left.len = start - before;
        if let Some(instance) = split
            && left_end > end
        {
            let (segment, first) = (left.segment, left.first + (end - before) as u32);
            ranges.insert(end, LazyRange { len: left_end - end, instance, segment, first });
        }
    }
    while let Some((&next, _)) = ranges.range(start..end).next() {
        let Some(mut old) = ranges.remove(&next) else { break };
        let old_end = next + old.len;
        if old_end > end {
            old.first += (end - next) as u32;
            old.len = old_end - end;
            ranges.insert(end, old);
        } else {
            replaced.push(old);
        }
    }
    ranges.insert(start, range);
    replaced
}

impl Strong<TableInst> {
    /// Checks that a reference is a value of the element type.
    fn check_type(&self, value: &RefValue) -> Result<(), TableError> {
        if value_matches(self.agent(), value, &self.ty.element) { Ok(()) } else { Err(TableError::Type) }
    }

    /// The element at an index.
    pub fn get(&self, index: u64) -> Option<RefValue> {
        self.check(index, 1).ok()?;
        let agent = self.agent();
        Some(if self.is_func() {
            // SAFETY: the table keeps its functions.
            RefValue::Func(self.func_at(index).map(|func| unsafe { FuncInst::from_vm(func) }))
        } else {
            let slot = self.slot_at(agent, index);
            let value = slot.to_value(agent);
            slot.release(agent);
            value
        })
    }

    /// Sets the element at an index.
    pub fn set(&self, index: u64, value: &RefValue) -> Result<(), TableError> {
        self.fill(index, value, 1)
    }

    /// Sets a range of elements to one reference.
    pub fn fill(&self, start: u64, value: &RefValue, len: u64) -> Result<(), TableError> {
        self.check_type(value)?;
        self.check(start, len)?;
        self.fill_checked(start, value, len);
        Ok(())
    }

    /// Adds elements that hold a reference; returns the size before.
    pub fn grow(&self, delta: u64, value: &RefValue) -> Result<u64, TableError> {
        self.check_type(value)?;
        let before = self.grow_by(delta)?;
        if !is_null(value) {
            self.fill_checked(before, value, delta);
        }
        Ok(before)
    }

    fn fill_checked(&self, start: u64, value: &RefValue, len: u64) {
        let agent = self.agent();
        for index in start..start + len {
            match value {
                // SAFETY: the handle keeps the function, and its type was checked.
                RefValue::Func(func) if self.is_func() => unsafe {
                    self.set_func_at(index, func.as_ref().map(FuncInst::as_ptr));
                },
                other => self.set_slot_at(agent, index, RefSlot::from_value(other)),
            }
        }
    }

    /// Copies elements between tables, or within one, whose element types were found to match.
    pub(crate) fn copy_from(&self, source: &Self, dst: u64, src: u64, len: u64) -> Result<(), TableError> {
        self.check(dst, len)?;
        source.check(src, len)?;
        if self.is_func() != source.is_func() {
            return Err(TableError::Type);
        }
        let agent = self.agent();
        let copy = |offset: u64| {
            if self.is_func() {
                let func = source.func_at(src + offset);
                // SAFETY: the source keeps the function until it is in both; validation compared the element types.
                unsafe { self.set_func_at(dst + offset, func) }
            } else {
                self.set_slot_at(agent, dst + offset, source.slot_at(agent, src + offset));
            }
        };
        if self.same(source) && dst > src {
            (0..len).rev().for_each(copy)
        } else {
            (0..len).for_each(copy)
        }
        Ok(())
    }
}

fn is_null(value: &RefValue) -> bool {
    matches!(value, RefValue::Func(None) | RefValue::Host(None))
}

/// A count on the concrete type that a reference type names.
pub(crate) fn registered(agent: &Agent, ty: &RefType<DefTypeId>) -> Option<TypeHandle> {
    agent.types().retain(ty.heap.defined()?).ok()
}

/// Whether a reference is a value of a type.
pub(crate) fn value_matches(agent: &Agent, value: &RefValue, ty: &RefType<DefTypeId>) -> bool {
    let hierarchy = hierarchy(agent.types(), ty);
    match value {
        RefValue::Func(None) => ty.nullable && hierarchy == Hierarchy::Func,
        RefValue::Host(None) => ty.nullable && hierarchy != Hierarchy::Func,
        RefValue::Func(Some(func)) => {
            hierarchy == Hierarchy::Func
                && func.agent().same(agent)
                && func.owner().is_alive()
                && func_matches(agent, func.type_id(), ty)
        }
        RefValue::Host(Some(value)) => {
            value.agent().same(agent) && matches!(ty.heap, HeapType::Abstract(AbsHeapType::Extern | AbsHeapType::Any))
        }
        RefValue::I31(bits) => bits & 1 == 1 && agent.inner().heap.matches(agent, *bits, ty),
        RefValue::Object(object) => {
            object.agent().same(agent) && agent.inner().heap.matches(agent, object.reference(), ty)
        }
    }
}

impl Sealed for TableInst {}

impl Entity for TableInst {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        match &self.content {
            Content::Func { owners, lazy, .. } => {
                owners.trace(tracer);
                for range in lazy.borrow().values() {
                    tracer.entity(&range.instance);
                }
            }
            Content::Ref(slots) => {
                for slot in slots.borrow().as_slice() {
                    slot.trace(tracer);
                }
            }
        }
    }

    fn clear(&self, agent: &Agent) {
        self.vm.length.set(0);
        self.vm.elements.set(std::ptr::null_mut());
        match &self.content {
            Content::Func { elements, owners, lazy, .. } => {
                drop(elements.take());
                owners.clear();
                for range in lazy.take().into_values() {
                    agent.defer(range.instance.erase());
                }
            }
            Content::Ref(slots) => {
                agent.inner().heap.unlist(Holder::Table(self));
                let slots = slots.take();
                for slot in slots.as_slice() {
                    slot.release(agent);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ranges_cover_earlier_ones() {
        let mut state = 7u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..200 {
            let mut ranges = BTreeMap::new();
            let mut naive = vec![None; 100];
            for owner in 0..30u32 {
                let start = random(90);
                let len = random(100 - start) + 1;
                let first = random(1000) as u32;
                let range = LazyRange { len, instance: owner, segment: ElemIdx(owner), first };
                let split = ranges.range(..start).next_back().map(|(_, left): (_, &LazyRange<u32>)| left.instance);
                insert_range(&mut ranges, start, range, split);
                for offset in 0..len {
                    naive[(start + offset) as usize] = Some((owner, first + offset as u32));
                }
            }
            let mut end = 0;
            let mut seen = vec![None; 100];
            for (start, range) in &ranges {
                assert!(*start >= end && range.len > 0, "ranges overlap");
                end = start + range.len;
                for offset in 0..range.len {
                    seen[(start + offset) as usize] = Some((range.instance, range.first + offset as u32));
                }
            }
            assert_eq!(seen, naive);
        }
    }
}

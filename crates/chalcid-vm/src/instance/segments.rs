//! Element and data segments: applied at instantiation, and by instructions.

use std::collections::BTreeMap;
use std::sync::Arc;

use chalcid_module::data::Offset;
use chalcid_module::declarations::{ElementItems, SegmentMode};
use chalcid_module::index::{DataIdx, ElemIdx};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::AddressType;

use super::{AllocateError, Instance, const_expr};
use crate::agent::Agent;
use crate::entity::Strong;
use crate::failure::Failure;
use crate::func::Misuse;
use crate::global::GlobalValue;
use crate::heap::Holder;
use crate::memory::MemInst;
use crate::module::ModuleObject;
use crate::reference::{RefSlot, RefValue};
use crate::table::TableInst;

impl Strong<Instance> {
    /// Applies the active segments in order, elements before data, as instantiation does. Those applied before a trap stay.
    pub fn initialize(&self) -> Result<(), Failure> {
        let module = self.module().clone();
        let declarations = module.declarations();
        for (index, segment) in declarations.elements.iter().enumerate() {
            let elem = ElemIdx::new(index);
            match &segment.mode {
                SegmentMode::Active { target, offset } => {
                    let table = self.table(*target).ok_or(Misuse::Finalised)?;
                    let offset = self.offset(offset, table.ty().address)?;
                    let len = items(&segment.items) as u64;
                    table.check(offset, len).map_err(|_| self.agent().trap(TrapCode::TableOutOfBounds))?;
                    if table.is_func() && matches!(segment.items, ElementItems::Functions(_)) {
                        table.set_lazily(offset, len, self, elem, 0);
                    } else {
                        self.init_elements(&table, elem, offset, 0, len as u32)?;
                    }
                    self.drop_element(elem);
                }
                SegmentMode::Declared => self.drop_element(elem),
                SegmentMode::Passive => {}
            }
        }
        let mapped = self.map_data(&module);
        if mapped == declarations.data.len() {
            return Ok(());
        }
        // Most modules have one.
        let mut last = None;
        for (index, segment) in declarations.data.iter(module.bytes()).enumerate().skip(mapped) {
            let Some((target, offset)) = segment.place else { continue };
            let memory = match &last {
                Some((known, memory)) if *known == target => memory,
                _ => &last.insert((target, self.memory(target).ok_or(Misuse::Finalised)?)).1,
            };
            let offset = match offset {
                Offset::Constant(offset) => offset,
                Offset::Computed(offset) => self.offset(&offset, memory.ty().address)?,
            };
            let bytes = module.bytes().get(segment.bytes.start as usize..segment.bytes.end as usize);
            if bytes.is_none_or(|bytes| memory.write(offset, bytes).is_err()) {
                return Err(self.agent().trap(TrapCode::MemoryOutOfBounds));
            }
            self.drop_data(DataIdx::new(index));
        }
        Ok(())
    }

    /// Maps the image of the module's data, if it has one and nobody can have written to the memories yet; gives the number of segments
    /// that it stands for. The active ones among them are dropped.
    fn map_data(&self, module: &ModuleObject) -> usize {
        let Some(image) = module.data_image().filter(|_| !self.shown.get()) else { return 0 };
        let edges = self.edges.borrow();
        let mapped = image.parts.iter().all(|part| {
            let memory = edges.memories.get(part.memory.index());
            memory.is_some_and(|memory| memory.map_image(part, &image.file).is_ok())
        });
        // Where some parts were mapped, copying writes the same bytes once more.
        if !mapped {
            return 0;
        }
        let mut next = 0;
        for &passive in &image.passive {
            self.dropped_data.insert_all(next..passive);
            next = passive + 1;
        }
        self.dropped_data.insert_all(next..image.segments);
        image.segments
    }

    fn offset(&self, expr: &chalcid_module::const_expr::ConstExpr, address: AddressType) -> Result<u64, Failure> {
        match (const_expr::evaluate(self, expr), address) {
            (Ok(GlobalValue::Number(value)), AddressType::I32) => Ok(u64::from(value.get_u32())),
            (Ok(GlobalValue::Number(value)), AddressType::I64) => Ok(value.get_u64()),
            (Ok(GlobalValue::Ref(_)), _) => Err(Failure::Error(Box::new(AllocateError::Malformed))),
            (Err(error), _) => Err(Failure::Error(Box::new(error))),
        }
    }

    /// `table.init`: copies elements of a segment into a table.
    pub(crate) fn init_elements(
        &self,
        table: &Strong<TableInst>,
        segment: ElemIdx,
        dst: u64,
        src: u32,
        len: u32,
    ) -> Result<(), Failure> {
        let module = self.module().clone();
        let segment_items = module
            .declarations()
            .elements
            .get(segment.index())
            .filter(|_| !self.dropped_elements.contains(segment.index()))
            .map(|segment| &segment.items);
        let available = segment_items.map_or(0, items);
        let end = (src as usize).checked_add(len as usize);
        if end.is_none_or(|end| end > available) || table.check(dst, u64::from(len)).is_err() {
            return Err(self.agent().trap(TrapCode::TableOutOfBounds));
        }
        for offset in 0..len {
            let index = dst + u64::from(offset);
            let item = (src + offset) as usize;
            match segment_items {
                Some(ElementItems::Functions(functions)) => {
                    let func = functions.get(item).and_then(|func| self.func(*func));
                    // SAFETY: the handle keeps the function; validation showed that the segment's type is the table's.
                    unsafe { table.set_func_at(index, func.as_ref().map(|func| func.as_ptr())) };
                }
                Some(ElementItems::Expressions(_)) => {
                    let value = self.element(segment, src + offset)?;
                    table.set(index, &value).map_err(|error| Failure::Error(Box::new(error)))?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// `elem.drop`.
    pub(crate) fn drop_element(&self, segment: ElemIdx) {
        self.dropped_elements.insert(segment.index());
        let dropped = |elem| elem == segment;
        Instance::drop_elements(self, self.agent(), dropped);
    }

    /// Number of elements that a segment has left: none once it is dropped.
    pub(crate) fn element_count(&self, segment: ElemIdx) -> u32 {
        let declared = self.module().declarations().elements.get(segment.index());
        let left = declared.filter(|_| !self.dropped_elements.contains(segment.index()));
        left.map_or(0, |segment| items(&segment.items) as u32)
    }

    /// An element of a segment. Expressions that make objects are evaluated once.
    pub(crate) fn element(&self, segment: ElemIdx, item: u32) -> Result<RefValue, Failure> {
        let failed = |error: AllocateError| match error {
            AllocateError::OutOfMemory => self.agent().trap(TrapCode::AllocationFailed),
            AllocateError::NullDescriptor => self.agent().trap(TrapCode::NullDescriptorReference),
            error => Failure::Error(Box::new(error)),
        };
        let declarations = Arc::clone(self.module().declarations());
        let malformed = || failed(AllocateError::Malformed);
        let items = &declarations.elements.get(segment.index()).ok_or_else(malformed)?.items;
        let exprs = match items {
            ElementItems::Functions(functions) => {
                let func = functions.get(item as usize).and_then(|func| self.func(*func)).ok_or_else(malformed)?;
                return Ok(RefValue::Func(Some(func)));
            }
            ElementItems::Expressions(exprs) => exprs,
        };
        let agent = self.agent();
        let held = |elements: &BTreeMap<ElemIdx, Box<[RefSlot]>>| Some(*elements.get(&segment)?.get(item as usize)?);
        let found = held(&self.elements.borrow());
        if let Some(slot) = found {
            return Ok(slot.to_value(agent));
        }
        let expr = exprs.get(item as usize).ok_or_else(malformed)?;
        if !exprs.iter().any(const_expr::makes_objects) {
            return const_expr::evaluate_ref(self, expr).map_err(failed);
        }
        let mut values = Vec::new();
        for expr in exprs {
            values.push(const_expr::evaluate_ref(self, expr).map_err(failed)?);
        }
        let slots = values.iter().map(RefSlot::from_value).collect();
        self.elements.borrow_mut().insert(segment, slots);
        agent.inner().heap.list(Holder::Instance(self.as_ptr()));
        values.into_iter().nth(item as usize).ok_or_else(malformed)
    }

    /// The bytes that a data segment has left: none once it is dropped.
    pub(crate) fn data_bytes(&self, segment: DataIdx) -> &[u8] {
        let module = self.module();
        if self.dropped_data.contains(segment.index()) {
            return &[];
        }
        let declared = module.declarations().data.get(module.bytes(), segment);
        declared
            .and_then(|segment| module.bytes().get(segment.bytes.start as usize..segment.bytes.end as usize))
            .unwrap_or(&[])
    }

    /// `memory.init`: copies bytes of a segment into a memory.
    pub(crate) fn init_memory(
        &self,
        memory: &Strong<MemInst>,
        segment: DataIdx,
        dst: u64,
        src: u32,
        len: u32,
    ) -> Result<(), Failure> {
        let bytes = self.data_bytes(segment);
        let end = (src as usize).checked_add(len as usize);
        let source = end.and_then(|end| bytes.get(src as usize..end));
        match source {
            Some(source) if memory.write(dst, source).is_ok() => Ok(()),
            _ => Err(self.agent().trap(TrapCode::MemoryOutOfBounds)),
        }
    }

    /// `data.drop`.
    pub(crate) fn drop_data(&self, segment: DataIdx) {
        self.dropped_data.insert(segment.index());
    }
}

impl Instance {
    /// Gives up the elements of some segments that were kept.
    pub(super) fn drop_elements(&self, agent: &Agent, which: impl Fn(ElemIdx) -> bool) {
        let (dropped, kept) = self.elements.take().into_iter().partition(|(segment, _)| which(*segment));
        let dropped: BTreeMap<ElemIdx, Box<[RefSlot]>> = dropped;
        if kept.is_empty() && !dropped.is_empty() {
            agent.inner().heap.unlist(Holder::Instance(self));
        }
        self.elements.replace(kept);
        for slot in dropped.values().flatten() {
            slot.release(agent);
        }
    }
}

fn items(items: &ElementItems) -> usize {
    match items {
        ElementItems::Functions(functions) => functions.len(),
        ElementItems::Expressions(exprs) => exprs.len(),
    }
}

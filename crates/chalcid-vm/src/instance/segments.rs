//! Element and data segments: applied at instantiation, and by instructions.

use chalcid_module::declarations::{ElementItems, SegmentMode};
use chalcid_module::index::{DataIdx, ElemIdx};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::AddressType;

use super::{Instance, const_expr};
use crate::entity::Strong;
use crate::failure::Failure;
use crate::func::Misuse;
use crate::global::GlobalValue;
use crate::memory::MemInst;
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
        for (index, segment) in declarations.data.iter().enumerate() {
            if let SegmentMode::Active { target, offset } = &segment.mode {
                let data = DataIdx::new(index);
                let memory = self.memory(*target).ok_or(Misuse::Finalised)?;
                let offset = self.offset(offset, memory.ty().address)?;
                self.init_memory(&memory, data, offset, 0, segment.bytes.len() as u32)?;
                self.drop_data(data);
            }
        }
        Ok(())
    }

    fn offset(&self, expr: &chalcid_module::const_expr::ConstExpr, address: AddressType) -> Result<u64, Failure> {
        match (const_expr::evaluate(self, expr), address) {
            (Ok(GlobalValue::Number(value)), AddressType::I32) => Ok(u64::from(value.get_u32())),
            (Ok(GlobalValue::Number(value)), AddressType::I64) => Ok(value.get_u64()),
            (Ok(GlobalValue::Ref(_)), _) => Err(Failure::Error(Box::new(super::AllocateError::Malformed))),
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
                Some(ElementItems::Expressions(exprs)) => {
                    let Some(expr) = exprs.get(item) else { continue };
                    let value =
                        const_expr::evaluate_ref(self, expr).map_err(|error| Failure::Error(Box::new(error)))?;
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
        let module = self.module();
        let bytes = module
            .declarations()
            .data
            .get(segment.index())
            .filter(|_| !self.dropped_data.contains(segment.index()))
            .and_then(|segment| module.bytes().get(segment.bytes.start as usize..segment.bytes.end as usize))
            .unwrap_or(&[]);
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

fn items(items: &ElementItems) -> usize {
    match items {
        ElementItems::Functions(functions) => functions.len(),
        ElementItems::Expressions(exprs) => exprs.len(),
    }
}

//! Structures.

use chalcid_module::heap_layout::storage_size;
use chalcid_module::index::TypeIdx;
use chalcid_module::trap_code::TrapCode;
use wasmparser::Operator;

use super::state::Baseline;
use crate::objects::{Extend, FieldClass};
use crate::{AbiType, CompileError};

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::StructNew { struct_type_index } => b.struct_new(TypeIdx(struct_type_index))?,
        Operator::StructNewDefault { struct_type_index } => b.struct_new_default(TypeIdx(struct_type_index))?,
        Operator::StructGet { struct_type_index, field_index }
        | Operator::StructGetU { struct_type_index, field_index } => {
            b.struct_get(TypeIdx(struct_type_index), field_index, Extend::Unsigned)?;
        }
        Operator::StructGetS { struct_type_index, field_index } => {
            b.struct_get(TypeIdx(struct_type_index), field_index, Extend::Signed)?;
        }
        Operator::StructSet { struct_type_index, field_index } => {
            b.struct_set(TypeIdx(struct_type_index), field_index)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

impl Baseline<'_> {
    fn struct_new(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let (fields, layout) = self.struct_layouts.structure(self.module, ty)?;
        let made = self.new_struct(ty, layout.size)?;
        let from = self.height() - fields.len();
        let storages = fields.iter().map(|field| field.storage);
        let object = self.initialize(made, from, storages.zip(layout.offsets.iter().copied()));
        self.push_gpr(AbiType::GcRef, object);
        Ok(())
    }

    fn struct_new_default(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let (_, layout) = self.struct_layouts.structure(self.module, ty)?;
        let made = self.new_struct(ty, layout.size)?;
        self.release_gpr(made.base);
        self.push_gpr(AbiType::GcRef, made.object);
        Ok(())
    }

    fn struct_get(&mut self, ty: TypeIdx, field: u32, extend: Extend) -> Result<(), CompileError> {
        let (storage, offset) = self.struct_layouts.field(self.module, ty, field)?;
        let val = self.pop();
        let reference = self.in_gpr(val);
        let size = storage_size(&storage);
        let (mem, trap) = self.in_nullable(reference, offset, size, TrapCode::NullStructureReference);
        self.release_gpr(reference);
        self.push_field(self.field_class(storage), extend, mem, trap);
        Ok(())
    }

    fn struct_set(&mut self, ty: TypeIdx, field: u32) -> Result<(), CompileError> {
        let (storage, offset) = self.struct_layouts.field(self.module, ty, field)?;
        let class = self.field_class(storage);
        let mut val = self.pop();
        if class == FieldClass::Func {
            val = self.func_number(val);
        }
        let val = self.storable(class, val);
        let reference = self.pop();
        let reference = self.in_gpr(reference);
        let size = storage_size(&storage);
        let (mem, trap) = self.in_nullable(reference, offset, size, TrapCode::NullStructureReference);
        self.store_field(class, val, mem, trap);
        self.release_gpr(reference);
        self.release(val);
        Ok(())
    }
}

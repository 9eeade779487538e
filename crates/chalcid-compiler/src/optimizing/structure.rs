//! Structures.

use chalcid_module::heap_layout::storage_size;
use chalcid_module::index::TypeIdx;
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::StorageType;
use cranelift_codegen::ir::Value;
use wasmparser::Operator;

use super::bounds::Place;
use super::object::Extend;
use super::translator::FuncTranslator;
use crate::CompileError;

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::StructNew { struct_type_index } => t.struct_new(TypeIdx(struct_type_index))?,
        Operator::StructNewDefault { struct_type_index } => t.struct_new_default(TypeIdx(struct_type_index))?,
        Operator::StructGet { struct_type_index, field_index }
        | Operator::StructGetU { struct_type_index, field_index } => {
            t.struct_get(TypeIdx(struct_type_index), field_index, Extend::Unsigned)?;
        }
        Operator::StructGetS { struct_type_index, field_index } => {
            t.struct_get(TypeIdx(struct_type_index), field_index, Extend::Signed)?;
        }
        Operator::StructSet { struct_type_index, field_index } => {
            t.struct_set(TypeIdx(struct_type_index), field_index)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

impl FuncTranslator<'_> {
    fn struct_new(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let (fields, layout) = self.structure(ty)?;
        let Some(reference) = self.new_struct(ty, layout.size) else { return Ok(()) };
        let storages = fields.iter().map(|field| field.storage);
        self.initialize_fields(reference, storages.zip(layout.offsets.iter().copied()));
        self.push(reference);
        Ok(())
    }

    fn struct_new_default(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let (_, layout) = self.structure(ty)?;
        if let Some(reference) = self.new_struct(ty, layout.size) {
            self.push(reference);
        }
        Ok(())
    }

    fn struct_get(&mut self, ty: TypeIdx, field: u32, extend: Extend) -> Result<(), CompileError> {
        let reference = self.pop();
        let (storage, place) = self.field_place(ty, field, reference)?;
        self.push_field(storage, extend, place);
        Ok(())
    }

    fn struct_set(&mut self, ty: TypeIdx, field: u32) -> Result<(), CompileError> {
        let (reference, value) = self.pop2();
        let storage = self.field(ty, field)?.0;
        let bits = self.field_bits(storage, value);
        let (storage, place) = self.field_place(ty, field, reference)?;
        self.store_field(storage, bits, place);
        Ok(())
    }

    /// What a field of a structure type holds, and where.
    fn field(&mut self, ty: TypeIdx, field: u32) -> Result<(StorageType, u32), CompileError> {
        self.struct_layouts.field(self.module, ty, field)
    }

    /// A field of a structure that may be null.
    fn field_place(&mut self, ty: TypeIdx, field: u32, reference: Value) -> Result<(StorageType, Place), CompileError> {
        let (storage, offset) = self.field(ty, field)?;
        let flags = self.field_flags(storage);
        let size = storage_size(&storage);
        let place = self.place_in_object(reference, offset, size, flags, TrapCode::NullStructureReference);
        Ok((storage, place))
    }
}

//! What both tiers know about objects of the heap: what fields hold, where they lie, and which objects code makes by itself.
//!
//! A field never holds a pointer. A function is held as its number in the table of functions that objects refer to. A number is valid as long as a
//! field holds it, so it is asked for when the object is there, and stored before anything else can happen.

use std::collections::HashMap;
use std::rc::Rc;

use chalcid_module::declarations::Declarations;
use chalcid_module::heap_layout::{self, FieldsLayout, storage_size};
use chalcid_module::index::{TagIdx, TypeIdx};
use chalcid_module::layout::NULL_GUARD;
use chalcid_module::types::{CompType, FieldType, FuncType, Hierarchy, StorageType, SubType, ValType};

use crate::signature::hierarchy;
use crate::{CompileError, Settings};

/// Largest object in bytes that code makes by itself.
pub(crate) const LARGEST_INLINE: u32 = 1024;

/// So many equal elements of a new array are stored one by one at most.
pub(crate) const UNROLLED: u32 = 16;

/// How a packed field becomes an `i32`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extend {
    /// By its sign.
    Signed,
    /// By zeros. Also for fields that are not packed.
    Unsigned,
}

/// What a field or an element holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum FieldClass {
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
    V128,
    /// A function's number.
    Func,
    /// A reference into the heap.
    Ref,
}

impl FieldClass {
    /// What a field or an element of a storage type holds.
    pub fn of(storage: StorageType, module: &Declarations) -> Self {
        match storage {
            StorageType::I8 => FieldClass::I8,
            StorageType::I16 => FieldClass::I16,
            StorageType::Val(ValType::I32) => FieldClass::I32,
            StorageType::Val(ValType::I64) => FieldClass::I64,
            StorageType::Val(ValType::F32) => FieldClass::F32,
            StorageType::Val(ValType::F64) => FieldClass::F64,
            StorageType::Val(ValType::V128) => FieldClass::V128,
            StorageType::Val(ValType::Ref(ty)) => match hierarchy(ty.heap, module) {
                Hierarchy::Func => FieldClass::Func,
                Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => FieldClass::Ref,
            },
        }
    }
}

/// A defined type by its index.
pub(crate) fn sub_type(module: &Declarations, ty: TypeIdx) -> Result<&SubType, CompileError> {
    module.types.get(ty.index()).ok_or_else(|| CompileError::Internal(format!("no type {}", ty.0)))
}

/// Element type of an array type.
pub(crate) fn element(module: &Declarations, ty: TypeIdx) -> Result<FieldType, CompileError> {
    match &sub_type(module, ty)?.comp {
        CompType::Array(element) => Ok(*element),
        _ => Err(CompileError::Internal(format!("type {} is no array type", ty.0))),
    }
}

/// The type of a tag.
pub(crate) fn tag_type(module: &Declarations, tag: TagIdx) -> Result<&FuncType, CompileError> {
    let ty = module.tags.get(tag.index()).and_then(|&ty| module.func_type(ty));
    ty.ok_or_else(|| CompileError::Internal(format!("no tag {}", tag.0)))
}

/// Layouts of the structure types that a function uses, each worked out once.
#[derive(Default)]
pub(crate) struct StructLayouts(HashMap<TypeIdx, Rc<FieldsLayout>>);

impl StructLayouts {
    /// Fields of a structure type, and where they lie.
    pub fn structure<'a>(
        &mut self,
        module: &'a Declarations,
        ty: TypeIdx,
    ) -> Result<(&'a [FieldType], Rc<FieldsLayout>), CompileError> {
        let CompType::Struct(fields) = &sub_type(module, ty)?.comp else {
            return Err(CompileError::Internal(format!("type {} is no structure type", ty.0)));
        };
        let layout = self.0.entry(ty).or_insert_with(|| Rc::new(heap_layout::structure(fields)));
        Ok((fields, layout.clone()))
    }

    /// What a field of a structure type holds, and where.
    pub fn field(
        &mut self,
        module: &Declarations,
        ty: TypeIdx,
        field: u32,
    ) -> Result<(StorageType, u32), CompileError> {
        let (fields, layout) = self.structure(module, ty)?;
        match (fields.get(field as usize), layout.offsets.get(field as usize)) {
            (Some(field), Some(&offset)) => Ok((field.storage, offset)),
            _ => Err(CompileError::Internal(format!("no field {field} in type {}", ty.0))),
        }
    }
}

/// Offsets of the first elements of an array that is not too large.
pub(crate) fn element_offsets(
    storage: StorageType,
    length: u32,
) -> impl ExactSizeIterator<Item = u32> + DoubleEndedIterator + Clone {
    let size = storage_size(&storage);
    (0..length).map(move |index| heap_layout::elements_offset(size) + index * size)
}

/// Bytes of a structure type's objects before the place that references name.
pub(crate) fn before_structure(module: &Declarations, ty: TypeIdx) -> u32 {
    let described = module.types.get(ty.index()).is_some_and(|ty| ty.descriptor.is_some());
    if described { heap_layout::DESCRIPTOR_SIZE } else { 0 }
}

/// Size of an array of a known length, if code makes it by itself.
pub(crate) fn inline_array_size(element_size: u32, length: u64) -> Option<u32> {
    let size = heap_layout::array_size(element_size, u32::try_from(length).ok()?)?;
    (size <= LARGEST_INLINE).then_some(size)
}

/// Length of the longest array that code makes by itself.
pub(crate) fn longest_inline(element_size: u32) -> u32 {
    (LARGEST_INLINE - heap_layout::elements_offset(element_size)) / element_size
}

/// Whether an access that ends at `end` bytes behind a null reference is known to fault: nothing is ever mapped at the beginning of the heap.
pub(crate) fn null_faults(settings: &Settings, end: u32) -> bool {
    settings.signals && u64::from(end) <= NULL_GUARD
}

//! Types of the decoding library turned into ours. All concrete references are module-relative: they are read from the bytes,
//! never taken from the library's validator, which replaces them by identities of its own.

use std::ops::Range;

use wasmparser as wp;

use crate::error::CompileError;
use crate::index::TypeIdx;
use crate::types::*;

/// Appends the types of the type section, and where each recursion group begins and ends among them.
pub(super) fn type_section(
    section: wp::TypeSectionReader<'_>,
    types: &mut Vec<SubType>,
    groups: &mut Vec<Range<u32>>,
) -> Result<(), CompileError> {
    for group in section {
        let start = types.len() as u32;
        for (offset, ty) in group?.into_types_and_offsets() {
            types.push(sub_type(&ty).map_err(|unsupported| unsupported.at(offset))?);
        }
        groups.push(start..types.len() as u32);
    }
    Ok(())
}

/// A type that belongs to a proposal this crate does not know. The validator refuses such types first, unless its switch is on.
pub(super) struct Unsupported(&'static str);

impl Unsupported {
    pub(super) fn at(self, offset: u64) -> CompileError {
        CompileError::at(offset as usize, self.0)
    }
}

fn sub_type(ty: &wp::SubType) -> Result<SubType, Unsupported> {
    let composite = &ty.composite_type;
    if composite.shared {
        return Err(Unsupported("shared types are not supported"));
    }
    let supertype = match ty.supertype_idxs[..] {
        [] => None,
        [index] => Some(type_idx(index.unpack())?),
        _ => return Err(Unsupported("a type with several supertypes is not supported")),
    };
    let related = |index: Option<wp::PackedIndex>| index.map(|index| type_idx(index.unpack())).transpose();
    let (descriptor, describes) = (related(composite.descriptor_idx)?, related(composite.describes_idx)?);
    let comp = match &composite.inner {
        wp::CompositeInnerType::Func(ty) => CompType::Func(FuncType {
            params: ty.params().iter().map(|&ty| val_type(ty)).collect::<Result<_, _>>()?,
            results: ty.results().iter().map(|&ty| val_type(ty)).collect::<Result<_, _>>()?,
        }),
        wp::CompositeInnerType::Struct(ty) => {
            CompType::Struct(ty.fields.iter().map(field_type).collect::<Result<_, _>>()?)
        }
        wp::CompositeInnerType::Array(ty) => CompType::Array(field_type(&ty.0)?),
        wp::CompositeInnerType::Cont(_) => return Err(Unsupported("continuation types are not supported")),
    };
    Ok(SubType { is_final: ty.is_final, supertype, descriptor, describes, comp })
}

fn field_type(ty: &wp::FieldType) -> Result<FieldType, Unsupported> {
    let storage = match ty.element_type {
        wp::StorageType::I8 => StorageType::I8,
        wp::StorageType::I16 => StorageType::I16,
        wp::StorageType::Val(ty) => StorageType::Val(val_type(ty)?),
    };
    Ok(FieldType { storage, mutable: ty.mutable })
}

fn type_idx(index: wp::UnpackedIndex) -> Result<TypeIdx, Unsupported> {
    index.as_module_index().map(TypeIdx).ok_or(Unsupported("type reference is not relative to its module"))
}

pub(super) fn val_type(ty: wp::ValType) -> Result<ValType, Unsupported> {
    Ok(match ty {
        wp::ValType::I32 => ValType::I32,
        wp::ValType::I64 => ValType::I64,
        wp::ValType::F32 => ValType::F32,
        wp::ValType::F64 => ValType::F64,
        wp::ValType::V128 => ValType::V128,
        wp::ValType::Ref(ty) => ValType::Ref(ref_type(ty)?),
    })
}

pub(super) fn ref_type(ty: wp::RefType) -> Result<RefType, Unsupported> {
    Ok(RefType { nullable: ty.is_nullable(), heap: heap_type(ty.heap_type())? })
}

pub(super) fn heap_type(ty: wp::HeapType) -> Result<HeapType, Unsupported> {
    use wp::AbstractHeapType as A;
    Ok(HeapType::Abstract(match ty {
        wp::HeapType::Concrete(index) => return Ok(HeapType::Concrete(type_idx(index)?)),
        wp::HeapType::Exact(index) => return Ok(HeapType::Exact(type_idx(index)?)),
        wp::HeapType::Abstract { shared: true, .. } => return Err(Unsupported("shared references are not supported")),
        wp::HeapType::Abstract { shared: false, ty } => match ty {
            A::Func => AbsHeapType::Func,
            A::NoFunc => AbsHeapType::NoFunc,
            A::Extern => AbsHeapType::Extern,
            A::NoExtern => AbsHeapType::NoExtern,
            A::Any => AbsHeapType::Any,
            A::Eq => AbsHeapType::Eq,
            A::I31 => AbsHeapType::I31,
            A::Struct => AbsHeapType::Struct,
            A::Array => AbsHeapType::Array,
            A::None => AbsHeapType::None,
            A::Exn => AbsHeapType::Exn,
            A::NoExn => AbsHeapType::NoExn,
            A::Cont | A::NoCont => return Err(Unsupported("continuation references are not supported")),
        },
    }))
}

fn address_type(is_64: bool) -> AddressType {
    if is_64 { AddressType::I64 } else { AddressType::I32 }
}

pub(super) fn memory_type(ty: &wp::MemoryType) -> MemoryType {
    MemoryType {
        limits: Limits { min: ty.initial, max: ty.maximum },
        address: address_type(ty.memory64),
        shared: ty.shared,
        page_size_log2: ty.page_size_log2() as u8,
    }
}

pub(super) fn table_type(ty: &wp::TableType) -> Result<TableType, Unsupported> {
    if ty.shared {
        return Err(Unsupported("shared tables are not supported"));
    }
    Ok(TableType {
        element: ref_type(ty.element_type)?,
        limits: Limits { min: ty.initial, max: ty.maximum },
        address: address_type(ty.table64),
    })
}

pub(super) fn global_type(ty: &wp::GlobalType) -> Result<GlobalType, Unsupported> {
    if ty.shared {
        return Err(Unsupported("shared globals are not supported"));
    }
    Ok(GlobalType { content: val_type(ty.content_type)?, mutable: ty.mutable })
}

//! Types as a body writes them, as the types that declarations are made of.

use chalcid_module::index::TypeIdx;
use chalcid_module::types::{AbsHeapType, HeapType, RefType, ValType};

use crate::CompileError;

/// A value type as the body writes it; `None` for one that the compiler does not know.
pub(crate) fn val_type(ty: wasmparser::ValType) -> Option<ValType> {
    Some(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => ValType::Ref(ref_type(ty)?),
    })
}

/// A reference type as the body writes it; `None` for one that the compiler does not know.
pub(crate) fn ref_type(ty: wasmparser::RefType) -> Option<RefType> {
    Some(RefType { nullable: ty.is_nullable(), heap: heap_type(ty.heap_type())? })
}

/// A heap type as the body writes it; `None` for one that the compiler does not know.
pub(crate) fn heap_type(ty: wasmparser::HeapType) -> Option<HeapType> {
    use wasmparser::AbstractHeapType as Abs;
    Some(match ty {
        wasmparser::HeapType::Abstract { shared: false, ty } => HeapType::Abstract(match ty {
            Abs::Func => AbsHeapType::Func,
            Abs::NoFunc => AbsHeapType::NoFunc,
            Abs::Extern => AbsHeapType::Extern,
            Abs::NoExtern => AbsHeapType::NoExtern,
            Abs::Any => AbsHeapType::Any,
            Abs::Eq => AbsHeapType::Eq,
            Abs::I31 => AbsHeapType::I31,
            Abs::Struct => AbsHeapType::Struct,
            Abs::Array => AbsHeapType::Array,
            Abs::None => AbsHeapType::None,
            Abs::Exn => AbsHeapType::Exn,
            Abs::NoExn => AbsHeapType::NoExn,
            Abs::Cont | Abs::NoCont => return None,
        }),
        wasmparser::HeapType::Concrete(index) => HeapType::Concrete(TypeIdx(index.as_module_index()?)),
        wasmparser::HeapType::Exact(index) => HeapType::Exact(TypeIdx(index.as_module_index()?)),
        _ => return None,
    })
}

/// A reference type as a cast writes it.
pub(crate) fn cast_target(heap: wasmparser::HeapType, nullable: bool) -> Result<RefType, CompileError> {
    let heap = heap_type(heap).ok_or_else(|| CompileError::Internal(format!("unknown heap type {heap:?}")))?;
    Ok(RefType { nullable, heap })
}

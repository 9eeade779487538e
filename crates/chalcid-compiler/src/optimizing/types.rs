//! The machine's view of WebAssembly types.

use chalcid_module::declarations::Declarations;
use chalcid_module::index::TypeIdx;
use chalcid_module::types::{AbsHeapType, HeapType, RefType, ValType};
use cranelift_codegen::ir::{Type, types};

use crate::signature::AbiType;

/// Type of a pointer.
pub(crate) const POINTER: Type = types::I64;

/// How a value is held: its machine type, and whether the collector must find it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Repr {
    /// Its machine type.
    pub ty: Type,
    /// Whether it is a reference into the heap, which stack maps list.
    pub is_gc_ref: bool,
}

impl Repr {
    const fn plain(ty: Type) -> Self {
        Self { ty, is_gc_ref: false }
    }

    const GC_REF: Self = Self { ty: types::I32, is_gc_ref: true };
}

/// How a value that travels as `ty` is held. Vectors are `I8X16` wherever no instruction asks for other lanes.
pub(crate) fn abi_repr(ty: AbiType) -> Repr {
    match ty {
        AbiType::I32 => Repr::plain(types::I32),
        AbiType::I64 => Repr::plain(types::I64),
        AbiType::F32 => Repr::plain(types::F32),
        AbiType::F64 => Repr::plain(types::F64),
        AbiType::V128 => Repr::plain(types::I8X16),
        AbiType::FuncRef => Repr::plain(POINTER),
        AbiType::GcRef => Repr::GC_REF,
    }
}

/// How values of a type are held.
pub(crate) fn repr(module: &Declarations, ty: ValType) -> Repr {
    abi_repr(AbiType::of_module(ty, module))
}

/// How references to a heap type are held.
pub(crate) fn heap_repr(module: &Declarations, heap: HeapType) -> Repr {
    abi_repr(AbiType::of_heap_type(heap, module))
}

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

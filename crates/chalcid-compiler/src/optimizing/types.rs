//! The machine's view of WebAssembly types.

use chalcid_module::declarations::Declarations;
use chalcid_module::types::{HeapType, ValType};
use cranelift_codegen::ir::{Type, types};

use crate::signature::AbiType;
pub(crate) use crate::types::{heap_type, val_type};

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

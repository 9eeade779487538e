//! Value types as the quick acceptor compares them: numbers.

use crate::types::{AbsHeapType, HeapType, RefType, ValType};

/// A value type in 32 bits. Equal numbers are equal types; unequal ones may be, too, where both are references to concrete types.
pub(super) type Ty = u32;

/// A value of unreachable code: of every type.
pub(super) const BOTTOM: Ty = 0;
pub(super) const I32: Ty = 1;
pub(super) const I64: Ty = 2;
pub(super) const F32: Ty = 3;
pub(super) const F64: Ty = 4;
pub(super) const V128: Ty = 5;
pub(super) const FUNCREF: Ty = reference(true, ABSTRACT | AbsHeapType::Func as u32);
pub(super) const EXTERNREF: Ty = reference(true, ABSTRACT | AbsHeapType::Extern as u32);

const REFERENCE: u32 = 1 << 31;
const NULLABLE: u32 = 1 << 30;
/// The heap type is an abstract one; else the index of a type, of which there are fewer than 2^29.
const ABSTRACT: u32 = 1 << 29;
/// The concrete type itself, none below it: where such types may be, nothing is accepted here.
const EXACT: u32 = 1 << 28;
const HEAP: u32 = NULLABLE - 1;

const fn reference(nullable: bool, heap: u32) -> Ty {
    REFERENCE | if nullable { NULLABLE } else { 0 } | heap
}

/// A reference to a type by its index.
pub(super) fn concrete(nullable: bool, index: u32) -> Ty {
    debug_assert!(index < ABSTRACT);
    reference(nullable, index)
}

pub(super) fn of_val(ty: ValType) -> Ty {
    match ty {
        ValType::I32 => I32,
        ValType::I64 => I64,
        ValType::F32 => F32,
        ValType::F64 => F64,
        ValType::V128 => V128,
        ValType::Ref(ty) => of_ref(ty),
    }
}

pub(super) fn of_ref(ty: RefType) -> Ty {
    match ty.heap {
        HeapType::Abstract(heap) => reference(ty.nullable, ABSTRACT | heap as u32),
        HeapType::Concrete(index) => concrete(ty.nullable, index.0),
        HeapType::Exact(index) => reference(ty.nullable, EXACT | index.0),
    }
}

pub(super) fn is_number(ty: Ty) -> bool {
    (I32..=V128).contains(&ty)
}

pub(super) fn is_reference(ty: Ty) -> bool {
    ty & REFERENCE != 0
}

/// The same reference without null.
pub(super) fn non_null(ty: Ty) -> Ty {
    ty & !NULLABLE
}

/// Whether locals of the type have a value before they are set.
pub(super) fn is_defaultable(ty: Ty) -> bool {
    !is_reference(ty) || ty & NULLABLE != 0
}

/// The index of the concrete type that a reference is to.
pub(super) fn concrete_index(ty: Ty) -> Option<u32> {
    (is_reference(ty) && ty & ABSTRACT == 0).then_some(ty & HEAP)
}

/// Whether one reference type is below another as far as that shows without knowing what concrete types are; `is_func` says which of
/// them are function types.
pub(super) fn is_below(sub: Ty, sup: Ty, is_func: impl Fn(u32) -> bool) -> bool {
    if !is_reference(sub) || !is_reference(sup) || (sub & NULLABLE != 0 && sup & NULLABLE == 0) {
        return false;
    }
    sub & HEAP == sup & HEAP || (sup & HEAP == FUNCREF & HEAP && concrete_index(sub).is_some_and(is_func))
}

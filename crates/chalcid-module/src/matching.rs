//! Matching of the specification's chapter "Validation", section "Matching": which types may stand where another is expected.
//!
//! Every function takes the subtype first. What a concrete reference means, the [`DefTypes`] says that they are given: the types
//! of one module, or those of the whole engine.

use crate::types::*;

/// An identity space of defined types.
pub trait DefTypes<I> {
    /// Whether two identities are of the same type.
    fn same(&self, a: I, b: I) -> bool;

    /// The declared supertype of a type.
    fn supertype(&self, ty: I) -> Option<I>;

    /// The abstract heap type right above a type: `func`, `struct` or `array`. Absent where the type is not known.
    fn kind(&self, ty: I) -> Option<AbsHeapType>;
}

/// Whether a defined type is another or one of its declared subtypes.
pub fn match_def_type<I: Copy>(types: &impl DefTypes<I>, sub: I, sup: I) -> bool {
    // The hierarchy has a limited depth, and no cycles: a supertype is declared before its subtypes.
    let mut next = Some(sub);
    while let Some(ty) = next {
        if types.same(ty, sup) {
            return true;
        }
        next = types.supertype(ty);
    }
    false
}

/// Whether an abstract heap type is another or below it.
pub fn match_abs_heap_type(sub: AbsHeapType, sup: AbsHeapType) -> bool {
    use AbsHeapType::*;
    sub == sup
        || match sup {
            Func => sub == NoFunc,
            Extern => sub == NoExtern,
            Exn => sub == NoExn,
            Any => sub.hierarchy() == Hierarchy::Any,
            Eq => matches!(sub, I31 | Struct | Array | None),
            I31 | Struct | Array => sub == None,
            NoFunc | NoExtern | NoExn | None => false,
        }
}

/// Whether a heap type matches another.
pub fn match_heap_type<I: Copy>(types: &impl DefTypes<I>, sub: HeapType<I>, sup: HeapType<I>) -> bool {
    match (sub, sup) {
        (HeapType::Abstract(sub), HeapType::Abstract(sup)) => match_abs_heap_type(sub, sup),
        (HeapType::Concrete(sub) | HeapType::Exact(sub), HeapType::Concrete(sup)) => match_def_type(types, sub, sup),
        (HeapType::Exact(sub), HeapType::Exact(sup)) => types.same(sub, sup),
        (HeapType::Concrete(_), HeapType::Exact(_)) => false,
        (HeapType::Concrete(sub) | HeapType::Exact(sub), HeapType::Abstract(sup)) => {
            types.kind(sub).is_some_and(|kind| match_abs_heap_type(kind, sup))
        }
        (HeapType::Abstract(sub), HeapType::Concrete(sup) | HeapType::Exact(sup)) => match sub {
            AbsHeapType::NoFunc => types.kind(sup) == Some(AbsHeapType::Func),
            AbsHeapType::None => matches!(types.kind(sup), Some(AbsHeapType::Struct | AbsHeapType::Array)),
            _ => false,
        },
    }
}

/// Whether a reference type matches another.
pub fn match_ref_type<I: Copy>(types: &impl DefTypes<I>, sub: RefType<I>, sup: RefType<I>) -> bool {
    (sup.nullable || !sub.nullable) && match_heap_type(types, sub.heap, sup.heap)
}

/// Whether a value type matches another.
pub fn match_val_type<I: Copy>(types: &impl DefTypes<I>, sub: ValType<I>, sup: ValType<I>) -> bool {
    match (sub, sup) {
        (ValType::I32, ValType::I32)
        | (ValType::I64, ValType::I64)
        | (ValType::F32, ValType::F32)
        | (ValType::F64, ValType::F64)
        | (ValType::V128, ValType::V128) => true,
        (ValType::Ref(sub), ValType::Ref(sup)) => match_ref_type(types, sub, sup),
        _ => false,
    }
}

/// Whether limits match others: at least as large a minimum, and a maximum no larger where one is wanted.
pub fn match_limits(sub: Limits, sup: Limits) -> bool {
    sub.min >= sup.min
        && match (sub.max, sup.max) {
            (_, None) => true,
            (Some(sub), Some(sup)) => sub <= sup,
            (None, Some(_)) => false,
        }
}

/// Whether a memory type matches another.
pub fn match_memory_type(sub: MemoryType, sup: MemoryType) -> bool {
    sub.address == sup.address
        && sub.shared == sup.shared
        && sub.page_size_log2 == sup.page_size_log2
        && match_limits(sub.limits, sup.limits)
}

/// Whether a table type matches another. Elements are read and written, so their types must match both ways.
pub fn match_table_type<I: Copy>(types: &impl DefTypes<I>, sub: TableType<I>, sup: TableType<I>) -> bool {
    sub.address == sup.address
        && match_limits(sub.limits, sup.limits)
        && match_ref_type(types, sub.element, sup.element)
        && match_ref_type(types, sup.element, sub.element)
}

/// Whether a global type matches another. A mutable one is read and written, so its type must match both ways.
pub fn match_global_type<I: Copy>(types: &impl DefTypes<I>, sub: GlobalType<I>, sup: GlobalType<I>) -> bool {
    sub.mutable == sup.mutable
        && match_val_type(types, sub.content, sup.content)
        && (!sub.mutable || match_val_type(types, sup.content, sub.content))
}

/// Whether a tag type matches another: both ways, since exceptions are made and taken apart.
pub fn match_tag_type<I: Copy>(types: &impl DefTypes<I>, sub: I, sup: I) -> bool {
    match_def_type(types, sub, sup) && match_def_type(types, sup, sub)
}

/// Whether something of one external type may be imported as another.
pub fn match_extern_type<I: Copy>(types: &impl DefTypes<I>, sub: ExternType<I>, sup: ExternType<I>) -> bool {
    match (sub, sup) {
        (ExternType::Func(sub), ExternType::Func(sup)) => match_def_type(types, sub, sup),
        (ExternType::Table(sub), ExternType::Table(sup)) => match_table_type(types, sub, sup),
        (ExternType::Memory(sub), ExternType::Memory(sup)) => match_memory_type(sub, sup),
        (ExternType::Global(sub), ExternType::Global(sup)) => match_global_type(types, sub, sup),
        (ExternType::Tag(sub), ExternType::Tag(sup)) => match_tag_type(types, sub, sup),
        _ => false,
    }
}

/// The abstract heap type right above a composite type.
pub fn kind_of<I>(comp: &CompType<I>) -> AbsHeapType {
    match comp {
        CompType::Func(_) => AbsHeapType::Func,
        CompType::Struct(_) => AbsHeapType::Struct,
        CompType::Array(_) => AbsHeapType::Array,
    }
}

#[cfg(test)]
mod tests;

//! What both tiers know about tests of types: what is to be tested of a reference, and what need not be.
//!
//! A test is a chain of branches, the cheapest first:
//!
//! | target | test of what is not null |
//! |---|---|
//! | a hierarchy's top | none |
//! | its bottom | none: it fails |
//! | `i31` | the lowest bit |
//! | `eq` | not a box of a host value: exceptions never get there |
//! | `struct`, `array` | an object, of the kind |
//! | a defined type | an object, of the very type; unless that is final or exact, or of one that has it in its display |
//!
//! The display of a type lists its supertypes by their depth, and a type's depth is known here, so that no test takes longer for deeper hierarchies.
//! What the operator says of the reference already is not tested again.

use chalcid_module::declarations::Declarations;
use chalcid_module::heap_layout::Kind;
use chalcid_module::index::TypeIdx;
use chalcid_module::matching::{DefTypes, kind_of, match_heap_type};
use chalcid_module::types::{AbsHeapType, HeapType, RefType};

use crate::CompileError;
use crate::types::ref_type;

/// What a reference is tested for, once it is known not to be null.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Test {
    Always,
    Never,
    I31,
    Eq,
    Kind(Kind),
    /// Of the type or below it.
    Def(TypeIdx),
    /// Of the very type.
    Exact(TypeIdx),
}

impl Test {
    /// The test for a heap type. A final type has nothing below it.
    pub fn of(heap: HeapType, module: &Declarations) -> Self {
        use AbsHeapType as A;
        match heap {
            HeapType::Abstract(A::Any | A::Extern | A::Exn | A::Func) => Test::Always,
            HeapType::Abstract(A::None | A::NoExtern | A::NoExn | A::NoFunc) => Test::Never,
            HeapType::Abstract(A::I31) => Test::I31,
            HeapType::Abstract(A::Eq) => Test::Eq,
            HeapType::Abstract(A::Struct) => Test::Kind(Kind::Struct),
            HeapType::Abstract(A::Array) => Test::Kind(Kind::Array),
            HeapType::Concrete(ty) if module.types.get(ty.index()).is_some_and(|ty| ty.is_final) => Test::Exact(ty),
            HeapType::Concrete(ty) => Test::Def(ty),
            HeapType::Exact(ty) => Test::Exact(ty),
        }
    }
}

/// What is known of a reference before it is tested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether it is null or an object.
    pub object: bool,
}

impl Known {
    pub const NOTHING: Self = Self { nullable: true, object: false };

    /// What a reference's type says.
    pub fn by_type(ty: RefType) -> Self {
        let object = match ty.heap {
            HeapType::Abstract(AbsHeapType::Struct | AbsHeapType::Array) => true,
            HeapType::Abstract(_) => false,
            HeapType::Concrete(_) | HeapType::Exact(_) => true,
        };
        Self { nullable: ty.nullable, object }
    }
}

/// A cast from one type to another, as `br_on_cast` writes it: what is known, and what is left to test for.
pub(crate) fn cast(
    module: &Declarations,
    from: wasmparser::RefType,
    to: wasmparser::RefType,
) -> Result<(Known, RefType), CompileError> {
    let (from, to) = both(from, to)?;
    if is_subtype(module, from.heap, to.heap) {
        // Only null can tell the two apart.
        let top = RefType { nullable: to.nullable, heap: HeapType::Abstract(AbsHeapType::Any) };
        return Ok((Known { nullable: from.nullable, object: false }, top));
    }
    Ok((Known::by_type(from), to))
}

/// A cast by a descriptor: what is known, what is to be tested for before there is a descriptor to compare, and whether null will do.
pub(crate) struct DescriptorCast {
    pub known: Known,
    pub typed: RefType,
    pub nullable: bool,
}

impl DescriptorCast {
    /// The cast of a reference of a type, or of one nothing is known about.
    pub fn new(module: &Declarations, from: Option<RefType>, to: RefType) -> Result<Self, CompileError> {
        let Some(ty) = to.heap.defined() else {
            return Err(CompileError::Internal("a cast by descriptor to a type without one".into()));
        };
        let described = HeapType::Concrete(ty);
        let has_descriptor = from.is_some_and(|from| is_subtype(module, from.heap, described));
        let heap = if has_descriptor { HeapType::Abstract(AbsHeapType::Any) } else { described };
        let known = from.map_or(Known::NOTHING, Known::by_type);
        Ok(Self { known, typed: RefType { nullable: false, heap }, nullable: to.nullable })
    }

    /// The cast that a branch writes.
    pub fn of_branch(
        module: &Declarations,
        from: wasmparser::RefType,
        to: wasmparser::RefType,
    ) -> Result<Self, CompileError> {
        let (from, to) = both(from, to)?;
        Self::new(module, Some(from), to)
    }
}

fn both(from: wasmparser::RefType, to: wasmparser::RefType) -> Result<(RefType, RefType), CompileError> {
    match (ref_type(from), ref_type(to)) {
        (Some(from), Some(to)) => Ok((from, to)),
        _ => Err(CompileError::Internal(format!("unknown type {from} or {to}"))),
    }
}

/// The types of a module, compared by their indices. Two that are equal by their structure may count as different.
struct ByIndex<'a>(&'a Declarations);

impl DefTypes<TypeIdx> for ByIndex<'_> {
    fn same(&self, a: TypeIdx, b: TypeIdx) -> bool {
        a == b
    }

    fn supertype(&self, ty: TypeIdx) -> Option<TypeIdx> {
        self.0.types.get(ty.index())?.supertype
    }

    fn kind(&self, ty: TypeIdx) -> Option<AbsHeapType> {
        self.0.types.get(ty.index()).map(|ty| kind_of(&ty.comp))
    }
}

/// Whether every reference of a heap type is one of another, as far as indices show.
pub(crate) fn is_subtype(module: &Declarations, sub: HeapType, sup: HeapType) -> bool {
    match_heap_type(&ByIndex(module), sub, sup)
}

/// How many declared supertypes a type has. Validation bounds it.
pub(crate) fn depth(module: &Declarations, ty: TypeIdx) -> u32 {
    let types = ByIndex(module);
    std::iter::successors(types.supertype(ty), |&ty| types.supertype(ty)).count() as u32
}

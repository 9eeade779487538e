//! The machine's view of function types: what the trampolines of a type depend on.
//!
//! Many types share one [`Signature`], so an engine needs few trampolines, however many types its modules declare.

use chalcid_module::declarations::Declarations;
use chalcid_module::index::{DefTypeId, TypeIdx};
use chalcid_module::matching::DefTypes;
use chalcid_module::types::{AbsHeapType, CompType, FuncType, HeapType, Hierarchy, ValType};

/// How a value travels between functions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum AbiType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 128-bit vector.
    V128,
    /// Function reference: a `VMFuncRef` pointer, or 0.
    FuncRef,
    /// Reference into the heap: 32 bits, 0 for null.
    GcRef,
}

impl AbiType {
    /// How values of a type of a module travel.
    pub fn of_module(ty: ValType, module: &Declarations) -> Self {
        Self::new(ty, |heap| hierarchy(heap, module))
    }

    /// How references to a heap type of a module travel.
    pub fn of_heap_type(heap: HeapType, module: &Declarations) -> Self {
        Self::of_hierarchy(hierarchy(heap, module))
    }

    fn new<I>(ty: ValType<I>, hierarchy: impl FnOnce(HeapType<I>) -> Hierarchy) -> Self {
        match ty {
            ValType::I32 => Self::I32,
            ValType::I64 => Self::I64,
            ValType::F32 => Self::F32,
            ValType::F64 => Self::F64,
            ValType::V128 => Self::V128,
            ValType::Ref(ty) => Self::of_hierarchy(hierarchy(ty.heap)),
        }
    }

    fn of_hierarchy(hierarchy: Hierarchy) -> Self {
        match hierarchy {
            Hierarchy::Func => Self::FuncRef,
            Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => Self::GcRef,
        }
    }
}

/// The hierarchy a heap type of a module belongs to.
pub(crate) fn hierarchy(heap: HeapType, module: &Declarations) -> Hierarchy {
    match heap {
        HeapType::Abstract(ty) => ty.hierarchy(),
        HeapType::Concrete(TypeIdx(index)) => match module.types.get(index as usize).map(|ty| &ty.comp) {
            Some(CompType::Func(_)) => Hierarchy::Func,
            _ => Hierarchy::Any,
        },
    }
}

/// The hierarchy a heap type of the engine belongs to.
fn engine_hierarchy(heap: HeapType<DefTypeId>, types: &impl DefTypes<DefTypeId>) -> Hierarchy {
    match heap {
        HeapType::Abstract(ty) => ty.hierarchy(),
        HeapType::Concrete(id) => types.kind(id).map_or(Hierarchy::Any, AbsHeapType::hierarchy),
    }
}

/// How the parameters and results of a function travel.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Signature {
    /// Parameters.
    pub params: Box<[AbiType]>,
    /// Results.
    pub results: Box<[AbiType]>,
}

impl Signature {
    /// The signature of functions of a type of a module.
    pub fn of_module(ty: &FuncType, module: &Declarations) -> Self {
        Self::new(ty, |ty| AbiType::of_module(ty, module))
    }

    /// The signature of functions of a type of the engine.
    pub fn of_engine(ty: &FuncType<DefTypeId>, types: &impl DefTypes<DefTypeId>) -> Self {
        Self::new(ty, |ty| AbiType::new(ty, |heap| engine_hierarchy(heap, types)))
    }

    fn new<I: Copy>(ty: &FuncType<I>, travel: impl Fn(ValType<I>) -> AbiType) -> Self {
        let list = |types: &[ValType<I>]| types.iter().map(|&ty| travel(ty)).collect();
        Self { params: list(&ty.params), results: list(&ty.results) }
    }

    /// Number of `ValRaw`s that a call through a trampoline needs: its parameters and its results share them.
    pub fn values(&self) -> usize {
        self.params.len().max(self.results.len())
    }
}

//! The machine's view of function types: what the trampolines of a type depend on.
//!
//! Many types share one [`Signature`], so an engine needs few trampolines, however many types its modules declare.

use chalcid_module::declarations::Declarations;
use chalcid_module::index::{DefTypeId, TypeIdx};
use chalcid_module::matching::DefTypes;
use chalcid_module::types::{AbsHeapType, CompType, FuncType, HeapType, Hierarchy, ValType};

/// Registers for results, of either kind.
const RESULT_REGISTERS: usize = 8;

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
        HeapType::Concrete(TypeIdx(index)) | HeapType::Exact(TypeIdx(index)) => {
            match module.types.get(index as usize).map(|ty| &ty.comp) {
                Some(CompType::Func(_)) => Hierarchy::Func,
                _ => Hierarchy::Any,
            }
        }
    }
}

/// The hierarchy a heap type of the engine belongs to.
fn engine_hierarchy(heap: HeapType<DefTypeId>, types: &impl DefTypes<DefTypeId>) -> Hierarchy {
    match heap {
        HeapType::Abstract(ty) => ty.hierarchy(),
        HeapType::Concrete(id) | HeapType::Exact(id) => types.kind(id).map_or(Hierarchy::Any, AbsHeapType::hierarchy),
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

    /// Whether functions of the signature return some of their results through memory: the caller then passes the place for them
    /// before the context. Eight registers hold numbers and references, eight others hold floats and vectors.
    pub fn returns_through_memory(&self) -> bool {
        let in_float_registers = |ty: &&AbiType| matches!(ty, AbiType::F32 | AbiType::F64 | AbiType::V128);
        let floats = self.results.iter().filter(in_float_registers).count();
        floats > RESULT_REGISTERS || self.results.len() - floats > RESULT_REGISTERS
    }

    /// Number of `ValRaw`s that a call through a trampoline needs: its parameters and its results share them.
    pub fn values(&self) -> usize {
        self.params.len().max(self.results.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

    use cranelift_codegen::cursor::{Cursor, FuncCursor};
    use cranelift_codegen::ir::{self, InstBuilder, UserFuncName, types};
    use cranelift_codegen::settings::{self, Configurable};

    use super::{AbiType, Signature};
    use crate::optimizing::wasm_signature;

    /// The lazy-compile stubs of the running side have to know where the context is, so the rule must be the code generator's.
    #[test]
    fn results_are_in_memory_when_the_code_generator_says_so() {
        let mut flags = settings::builder();
        flags.set("enable_multi_ret_implicit_sret", "false").unwrap();
        let isa = cranelift_native::builder().unwrap().finish(settings::Flags::new(flags)).unwrap();
        let fits = |signature: &Signature| {
            let mut func = ir::Function::with_name_signature(UserFuncName::default(), wasm_signature(signature));
            let block = func.dfg.make_block();
            func.layout.append_block(block);
            func.dfg.append_block_param(block, types::I64);
            let mut cursor = FuncCursor::new(&mut func);
            cursor.goto_bottom(block);
            cursor.ins().trap(ir::TrapCode::unwrap_user(1));
            let mut context = cranelift_codegen::Context::for_function(func);
            context.compile(&*isa, &mut Default::default()).is_ok()
        };
        use AbiType::*;
        for ints in 0..11 {
            for floats in 0..11 {
                let mut results: Vec<_> = [I32, I64, FuncRef, GcRef].into_iter().cycle().take(ints).collect();
                results.extend([F32, V128, F64].into_iter().cycle().take(floats));
                let signature = Signature { params: [].into(), results: results.into() };
                assert_eq!(fits(&signature), !signature.returns_through_memory(), "{ints} {floats}");
            }
        }
    }
}

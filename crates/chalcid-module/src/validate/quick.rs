//! The quick acceptor: most function bodies of most modules shown to be valid in one tight pass.
//!
//! It only ever accepts. Whatever it does not know, or finds wrong, or finds too large, it leaves to the validating library, which
//! alone decides and words the error: a body that is declined here for no good reason costs time and nothing else. So the one
//! danger is accepting what the library would refuse, and the tests are after that: every body of the test suite, every operator
//! with every combination of operand types, and many thousands of damaged bodies.
//!
//! # What it is
//! The algorithm of the specification's appendix, over numbers for types and flat tables of signatures. It knows the operators of
//! versions 1.0 and 2.0, vectors, atomics, tail calls, several memories and tables of either address size, wide arithmetic, and
//! references to functions by type where equal indices are enough to compare them. It leaves exceptions, aggregates, stack switching,
//! and locals without a default value.
//!
//! # What it counts
//! The same [work](super::budget) as the rest of validation: functions that use a type of many parameters or results are left to the
//! library, so that only `br_table` is left to count here. Operand stacks are left to it long before they reach their limit.

mod atomic;
mod body;
mod bulk;
mod operands;
mod ty;
mod vector;

use wasmparser::WasmFeatures;

use self::operands::STACK;
use self::ty::Ty;
use crate::declarations::Declarations;
use crate::index::*;
use crate::leb;
use crate::limits;
use crate::types::{AddressType, CompType, FuncType};

/// Most parameters and results together of a signature that is handled here; the same bound that calls are counted from.
use super::budget::WIDE;

/// What a module says that its bodies are checked against.
pub(super) struct Quick<'a> {
    declarations: &'a Declarations,
    features: WasmFeatures,
    data_count: Option<u32>,
    /// Work that one function may take.
    budget: u64,
    /// Parameters and results of all signatures, one after another.
    pool: Vec<Ty>,
    /// By type index.
    signatures: Vec<Signature>,
    globals: Vec<Global>,
    /// Address type of the first memory, which nearly every access goes to.
    memory0: Option<Ty>,
}

/// A signature: where its parameters, followed by its results, lie in the pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Signature {
    start: u32,
    params: u8,
    results: u8,
}

#[derive(Clone, Copy)]
struct Global {
    ty: Ty,
    mutable: bool,
}

/// What a thread uses again from body to body.
pub(super) struct Scratch {
    stack: Box<[Ty; STACK]>,
    frames: Vec<body::Frame>,
    locals: Vec<Ty>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { stack: Box::new([ty::BOTTOM; STACK]), frames: Vec::new(), locals: Vec::new() }
    }
}

impl Signature {
    const EMPTY: Self = Self { start: 0, params: 0, results: 0 };
    /// Stands for what is no function type, or one that is not handled here.
    const UNKNOWN: Self = Self { start: u32::MAX, params: 0, results: 0 };
    /// One result and no parameter. The pool begins with these types.
    const I32: Self = Self { start: 0, params: 0, results: 1 };
    const I64: Self = Self { start: 1, params: 0, results: 1 };
    const F32: Self = Self { start: 2, params: 0, results: 1 };
    const F64: Self = Self { start: 3, params: 0, results: 1 };
    const V128: Self = Self { start: 4, params: 0, results: 1 };
    const FUNCREF: Self = Self { start: 5, params: 0, results: 1 };
    const EXTERNREF: Self = Self { start: 6, params: 0, results: 1 };
}

impl<'a> Quick<'a> {
    /// Prepares for the bodies of a module; `None` where a feature is on that changes what known operators mean.
    pub(super) fn new(
        declarations: &'a Declarations,
        features: WasmFeatures,
        data_count: Option<u32>,
        budget: u64,
    ) -> Option<Self> {
        let unknown = WasmFeatures::CUSTOM_DESCRIPTORS
            | WasmFeatures::SHARED_EVERYTHING_THREADS
            | WasmFeatures::ACQUIRE_RELEASE_ATOMICS
            | WasmFeatures::MULTIBYTE_ARRAY_ACCESS;
        if features.intersects(unknown) || !features.floats() {
            return None;
        }
        let mut pool = vec![ty::I32, ty::I64, ty::F32, ty::F64, ty::V128, ty::FUNCREF, ty::EXTERNREF];
        let mut signature = |ty: &FuncType| {
            if ty.params.len() + ty.results.len() > WIDE {
                return Signature::UNKNOWN;
            }
            let start = pool.len() as u32;
            pool.extend(ty.params.iter().chain(&ty.results).map(|&ty| ty::of_val(ty)));
            Signature { start, params: ty.params.len() as u8, results: ty.results.len() as u8 }
        };
        let signatures = declarations.types.iter().map(|ty| match &ty.comp {
            CompType::Func(ty) => signature(ty),
            _ => Signature::UNKNOWN,
        });
        let signatures = signatures.collect();
        let global = |global: &crate::declarations::GlobalDecl| Global {
            ty: ty::of_val(global.ty.content),
            mutable: global.ty.mutable,
        };
        Some(Self {
            declarations,
            features,
            data_count,
            budget,
            pool,
            signatures,
            globals: declarations.globals.iter().map(global).collect(),
            memory0: declarations.memories.first().map(|memory| address(memory.address)),
        })
    }

    /// Whether a body is valid, and if so, the work it took that counts. `None` says nothing.
    pub(super) fn accept(&self, func: FuncIdx, body: &[u8], scratch: &mut Scratch) -> Option<u64> {
        let signature = self.signature_of_function(func.0)?;
        let code = self.locals(signature, body, &mut scratch.locals)?;
        self.instructions(signature, code, scratch)
    }

    /// Reads the declarations of locals; gives what follows.
    fn locals<'b>(&self, signature: Signature, body: &'b [u8], locals: &mut Vec<Ty>) -> Option<&'b [u8]> {
        // A declaration of a few bytes may stand for 50,000 locals: those are better kept as they are declared.
        let most = (256 + 8 * body.len()).min(limits::MAX_LOCALS);
        locals.clear();
        locals.extend_from_slice(self.params(signature));
        let (groups, mut code) = leb::u32(body)?;
        for _ in 0..groups {
            let (count, rest) = leb::u32(code)?;
            let (ty, rest) = self.val_type(rest)?;
            let count = count as usize;
            if count > most - locals.len() || !ty::is_defaultable(ty) {
                return None;
            }
            locals.resize(locals.len() + count, ty);
            code = rest;
        }
        Some(code)
    }

    /// A value type in a body.
    fn val_type<'b>(&self, code: &'b [u8]) -> leb::Read<'b, Ty> {
        let (&byte, rest) = code.split_first()?;
        let ty = match byte {
            0x7f => ty::I32,
            0x7e => ty::I64,
            0x7d => ty::F32,
            0x7c => ty::F64,
            0x7b if self.features.simd() => ty::V128,
            0x70 if self.features.reference_types() => ty::FUNCREF,
            0x6f if self.features.reference_types() && self.features.gc_types() => ty::EXTERNREF,
            0x63 | 0x64 => {
                let (index, rest) = self.concrete_heap_type(rest)?;
                return Some((ty::concrete(byte == 0x63, index), rest));
            }
            _ => return None,
        };
        Some((ty, rest))
    }

    /// The index of a type that a reference may be to.
    fn concrete_heap_type<'b>(&self, code: &'b [u8]) -> leb::Read<'b, u32> {
        let (index, rest) = leb::i33(code)?;
        let index = u32::try_from(index).ok()?;
        let allowed = self.features.reference_types() && (self.features.gc() || self.features.function_references());
        (allowed && (index as usize) < self.declarations.types.len()).then_some((index, rest))
    }

    fn signature_of_type(&self, index: u32) -> Option<Signature> {
        self.signatures.get(index as usize).copied().filter(|signature| *signature != Signature::UNKNOWN)
    }

    fn signature_of_function(&self, index: u32) -> Option<Signature> {
        self.signature_of_type(self.declarations.functions.get(index as usize)?.0)
    }

    fn params(&self, signature: Signature) -> &[Ty] {
        let start = signature.start as usize;
        &self.pool[start..start + usize::from(signature.params)]
    }

    fn results(&self, signature: Signature) -> &[Ty] {
        let start = signature.start as usize + usize::from(signature.params);
        &self.pool[start..start + usize::from(signature.results)]
    }

    /// Address type of a memory.
    fn memory(&self, index: u32) -> Option<Ty> {
        self.declarations.memories.get(index as usize).map(|memory| address(memory.address))
    }

    /// Address and element type of a table.
    fn table(&self, index: u32) -> Option<(Ty, Ty)> {
        let table = &self.declarations.tables.get(index as usize)?.ty;
        Some((address(table.address), ty::of_ref(table.element)))
    }

    /// Whether a type is found to be below another.
    fn matches(&self, sub: Ty, sup: Ty) -> bool {
        let is_func = |index: u32| {
            let ty = self.declarations.types.get(index as usize);
            ty.is_some_and(|ty| matches!(ty.comp, CompType::Func(_)))
        };
        sub == sup || ty::is_below(sub, sup, is_func)
    }
}

fn address(ty: AddressType) -> Ty {
    match ty {
        AddressType::I32 => ty::I32,
        AddressType::I64 => ty::I64,
    }
}

#[cfg(test)]
mod tests;

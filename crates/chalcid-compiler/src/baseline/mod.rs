//! The baseline tier for x86-64: one pass over a body straight to machine code.
//!
//! There is no intermediate representation. `state` holds an abstract operand stack whose entries are in registers, are constants, stand for
//! locals, are a condition in the flags, or lie in slots of the frame; an operator takes its operands from wherever they are and leaves
//! its result in a register. What makes the code better than that sounds is decided by a quick first look at the body (`scan`): the most
//! used locals, the context and the base of memory 0 have registers of their own for the whole function (`frame`), so that control joins without moving
//! them. A result goes straight to the register of the local that the next operator sets; a comparison stays in the flags for the branch or
//! select behind it.
//!
//! `asm` encodes, `reg` says which register is for what, `abi` where values travel, `cold` holds what is not expected to run. The other
//! files are the families of operators. What no family knows is an error by which the compiler leaves the function to the optimising tier.
//!
//! The running side cannot tell the tiers apart: calling convention, frame pointers, trap sites, stack maps and source positions are those
//! that the optimising tier gives.
//!
//! # Bounds
//! Every operator takes time and code in proportion to what it passes; the whole code is bounded ([`LARGEST_CODE`]), and so are
//! the frame and the stack maps. Beyond that the function is refused, and the optimising tier may try.

mod abi;
mod asm;
mod cold;
mod features;
mod frame;
mod output;
mod reg;
mod scan;
mod state;

mod moves;
mod registers;
mod stack;

mod allocation;
mod array;
mod atomic;
mod bounds;
mod bulk;
mod call;
mod cast;
mod control;
mod convert;
mod descriptor;
mod exception;
mod float;
mod memory;
mod numeric;
mod object;
mod reference;
mod structure;
mod table;
mod variable;
mod vector;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chalcid_module::artifact::CompiledCode;
use wasmparser::{BinaryReader, FunctionBody, Operator};

pub(crate) use features::CpuFeatures;
use state::Baseline;

use crate::optimizing::Input;
use crate::types::val_type;
use crate::{AbiType, CompileError, Settings};

/// Most bytes of code that a function may take.
const LARGEST_CODE: u32 = 64 << 20;

/// Compiles a function.
pub(crate) fn compile_function(
    input: Input<'_>,
    settings: &Settings,
    cpu: CpuFeatures,
) -> Result<CompiledCode, CompileError> {
    // The boundary of the tier: a panic within is a fault of ours, which a hostile module must not turn into the end of the process.
    let compiled = catch_unwind(AssertUnwindSafe(|| match compile(input, settings, cpu, false)? {
        Some(compiled) => Ok(compiled),
        None => compile(input, settings, cpu, true)?.ok_or_else(|| CompileError::Internal("narrow slots".to_owned())),
    }));
    compiled.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic");
        Err(CompileError::Internal(format!("baseline: {message}")))
    })
}

/// Compiles a function; gives nothing where slots turn out to be too narrow.
fn compile(
    input: Input<'_>,
    settings: &Settings,
    cpu: CpuFeatures,
    wide: bool,
) -> Result<Option<CompiledCode>, CompileError> {
    let Input { module, layout, .. } = input;
    let ty = module
        .functions
        .get(module.func_index(input.func).index())
        .and_then(|&ty| module.func_type(ty))
        .ok_or_else(|| CompileError::Internal(format!("no defined function {}", input.func.0)))?;

    let body = FunctionBody::new(BinaryReader::new(input.body, input.body_offset as u64));
    let mut locals: Vec<AbiType> = ty.params.iter().map(|&ty| AbiType::of_module(ty, module)).collect();
    for declared in body.get_locals_reader()? {
        let (count, ty) = declared?;
        let ty = val_type(ty).ok_or_else(|| CompileError::Internal(format!("unknown type {ty}")))?;
        locals.resize(locals.len() + count as usize, AbiType::of_module(ty, module));
    }
    let mut operators = body.get_operators_reader()?;
    let start = operators.original_position() as usize - input.body_offset;
    let scan = scan::scan(&input.body[start..], locals.len());
    let wide = wide || scan.wide || locals.contains(&AbiType::V128);

    let mut b = Baseline::new(module, layout, settings, cpu, ty, input.func.0, input.body);
    // A module is at most 1 GiB long, so that every offset fits.
    b.offset = input.body_offset as u32;
    b.begin(&locals, &scan, wide)?;
    b.push_function_frame();
    b.enter();
    while !b.ended() {
        let (op, offset) = operators.read_with_offset()?;
        b.offset = offset as u32;
        b.next = operators.original_position() as usize - input.body_offset;
        b.operator(&op, offset as usize)?;
        if b.too_narrow {
            return Ok(None);
        }
    }
    b.finish().map(Some)
}

impl Baseline<'_> {
    /// Compiles one operator.
    #[inline]
    fn operator(&mut self, op: &Operator<'_>, offset: usize) -> Result<(), CompileError> {
        if !self.reachable {
            return control::translate_unreachable(self, op);
        }
        if self.cond_pending
            && !matches!(
                op,
                Operator::BrIf { .. }
                    | Operator::If { .. }
                    | Operator::Select
                    | Operator::TypedSelect { .. }
                    | Operator::I32Eqz
            )
        {
            self.settle_cond();
        }
        let known = variable::translate(self, op)?
            || memory::translate(self, op)?
            || numeric::translate(self, op)?
            || control::translate(self, op)?
            || call::translate(self, op)?
            || float::translate(self, op)?
            || convert::translate(self, op)?
            || reference::translate(self, op)?
            || structure::translate(self, op)?
            || array::translate(self, op)?
            || cast::translate(self, op)?
            || exception::translate(self, op)?
            || table::translate(self, op)?
            || bulk::translate(self, op)?
            || vector::translate(self, op)?
            || descriptor::translate(self, op)?
            || atomic::translate(self, op)?;
        if !known {
            return Err(unsupported(op, offset));
        }
        debug_assert_eq!(self.held(), (0, 0), "registers still held after {op:?}");
        self.check_size()
    }

    /// Fails when there is too much code, or too much beside it.
    fn check_size(&self) -> Result<(), CompileError> {
        self.check_maps()?;
        let size = self.asm.pos();
        if size <= LARGEST_CODE {
            return Ok(());
        }
        Err(CompileError::TooComplex { what: "bytes of code", count: size.into(), limit: LARGEST_CODE.into() })
    }
}

/// The error for an operator no family knows: its name without its immediates.
fn unsupported(op: &Operator<'_>, offset: usize) -> CompileError {
    let printed = format!("{op:?}");
    let name = printed.split([' ', '{', '(']).next().unwrap_or_default();
    CompileError::Unsupported { operator: name.to_owned(), offset }
}

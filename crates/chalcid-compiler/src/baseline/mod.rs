//! The baseline tier for x86-64: one pass over a body straight to machine code.
//!
//! There is no intermediate representation. `state` holds an abstract operand stack whose entries are in registers, are constants, stand for
//! locals, are a condition in the flags, or lie in slots of the frame; an operator takes its operands from wherever they are and leaves
//! its result in a register. What makes the code better than that sounds is decided by a quick first look at the body (`scan`): the most
//! used locals, the context, the base of memory 0 and that of the heap have registers of their own for the whole function (`frame`), so that control joins without moving
//! them. A result goes straight to the register of the local that the next operator sets; a comparison stays in the flags for the branch or
//! select behind it.
//!
//! `operator` reads, `asm` encodes (with `label` and `pool`), `stack`, `registers` and `moves` are what can be done with the state, `reg` says which register
//! is for what, `abi` where values travel, `cold` holds what is not expected to run, `locals` says which locals are used, `scratch` the memory that is used again. The other
//! files are the families of operators. What no family knows is an error by which the compiler leaves the function to the optimising tier.
//!
//! `trampoline` makes the code at the border in the same manner: it stands beside the rest and shares the encoder, the registers and the places of values.
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
mod label;
mod locals;
mod operator;
mod output;
mod pool;
mod reg;
mod scan;
mod scratch;
mod state;

mod moves;
mod registers;
mod stack;

mod allocation;
mod array;
mod atomic;
mod bounds;
mod branch;
mod bulk;
mod call;
mod cast;
mod control;
mod convert;
mod descriptor;
mod divide;
mod exception;
mod float;
mod memory;
mod numeric;
mod object;
mod reference;
mod structure;
mod table;
pub(crate) mod trampoline;
mod variable;
mod vector;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chalcid_module::artifact::CompiledCode;
use wasmparser::{BinaryReader, FunctionBody};

pub(crate) use features::CpuFeatures;
use locals::Declared;
use scratch::Scratch;
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
    // What the compilation used of the thread's memory is given up then.
    let compiled = catch_unwind(AssertUnwindSafe(|| {
        let mut scratch = Scratch::take();
        let compiled = match compile(input, settings, cpu, false, &mut scratch)? {
            Some(compiled) => Some(compiled),
            None => compile(input, settings, cpu, true, &mut scratch)?,
        };
        scratch.keep();
        compiled.ok_or_else(|| CompileError::Internal("narrow slots".to_owned()))
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
    scratch: &mut Scratch,
) -> Result<Option<CompiledCode>, CompileError> {
    let Input { module, layout, .. } = input;
    let ty = module
        .functions
        .get(module.func_index(input.func).index())
        .and_then(|&ty| module.func_type(ty))
        .ok_or_else(|| CompileError::Internal(format!("no defined function {}", input.func.0)))?;

    let body = FunctionBody::new(BinaryReader::new(input.body, input.body_offset as u64));
    let mut locals = Declared { module, params: &ty.params, runs: std::mem::take(&mut scratch.runs) };
    for declared in body.get_locals_reader()? {
        let (count, ty) = declared?;
        let ty = val_type(ty).ok_or_else(|| CompileError::Internal(format!("unknown type {ty}")))?;
        locals.declare(count, AbiType::of_module(ty, module));
    }
    let start = body.get_operators_reader()?.original_position() as usize - input.body_offset;
    let scan = scan::scan(&input.body[start..], locals.count(), std::mem::take(&mut scratch.uses));
    let unknown = || CompileError::Unsupported { operator: "of unknown number".to_owned(), offset: input.body_offset };
    let mut scan = scan.ok_or_else(unknown)?;

    let mut b = Baseline::new(module, layout, settings, cpu, ty, input.func.0, input.body, scratch);
    // A module is at most 1 GiB long, so that every offset fits.
    b.body_offset = input.body_offset as u32;
    b.offset = b.body_offset;
    b.next = start;
    b.begin(&locals, &mut scan, wide)?;
    (scratch.runs, scratch.uses) = (locals.runs, scan.locals);
    scratch.runs.clear();
    b.push_function_frame();
    b.enter();
    while !b.ended() {
        b.operator()?;
        if b.too_narrow {
            b.recycle(scratch);
            return Ok(None);
        }
    }
    let compiled = b.finish()?;
    b.recycle(scratch);
    Ok(Some(compiled))
}

impl Baseline<'_> {
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

//! The optimising tier: wasm operators to Cranelift's intermediate representation, and that to machine code.
//!
//! `translator` holds the state of one translation and what every operator needs; `operator` routes an operator to the file
//! of its family. The families follow the chapters of the specification. `function` walks over a body, `trampoline` builds the
//! borders to the running side, `output` turns what Cranelift gives into an artifact.

mod apply;
mod function;
mod operator;
mod output;
mod region;
mod trampoline;
mod translator;
mod types;

mod atomic;
mod bounds;
mod call;
mod control;
mod conversion;
mod memory;
mod numeric;
mod reference;
mod table;
mod variable;
mod vector;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chalcid_module::artifact::CompiledCode;
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir;
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::FunctionBuilderContext;

pub(crate) use function::Input;

use crate::{CompileError, Settings, Signature};

/// Bytes of stack that the running side keeps free below the stack limit, for frames that check the limit only once they are
/// there. Larger frames are not compiled when there are no signals.
pub const MAX_UNCHECKED_FRAME: u32 = 64 * 1024;

/// What Cranelift allocates and every compilation of a thread uses again.
struct Scratch {
    context: Context,
    builder: FunctionBuilderContext,
}

impl Scratch {
    fn new() -> Box<Self> {
        Box::new(Self { context: Context::new(), builder: FunctionBuilderContext::new() })
    }
}

thread_local! {
    static SCRATCH: RefCell<Option<Box<Scratch>>> = const { RefCell::new(None) };
}

/// Compiles a function.
pub(crate) fn compile_function(
    input: Input<'_>,
    settings: &Settings,
    isa: &dyn TargetIsa,
) -> Result<CompiledCode, CompileError> {
    generate(
        isa,
        |func, builder| function::translate(input, settings, isa, func, builder),
        |frame| {
            if settings.signals || frame <= MAX_UNCHECKED_FRAME {
                return Ok(());
            }
            Err(CompileError::TooComplex {
                what: "bytes of stack frame",
                count: frame.into(),
                limit: MAX_UNCHECKED_FRAME.into(),
            })
        },
    )
}

/// Compiles the trampoline from the running side into wasm functions of a type.
pub(crate) fn compile_entry_trampoline(
    signature: &Signature,
    settings: &Settings,
    isa: &dyn TargetIsa,
) -> Result<CompiledCode, CompileError> {
    let build = |func: &mut ir::Function, builder: &mut FunctionBuilderContext| {
        trampoline::entry(signature, settings, isa, func, builder);
        Ok(())
    };
    generate(isa, build, |_| Ok(()))
}

/// Compiles the trampoline from wasm into host functions of a type.
pub(crate) fn compile_host_trampoline(
    signature: &Signature,
    settings: &Settings,
    isa: &dyn TargetIsa,
) -> Result<CompiledCode, CompileError> {
    let build = |func: &mut ir::Function, builder: &mut FunctionBuilderContext| {
        trampoline::host(signature, settings, isa, func, builder);
        Ok(())
    };
    generate(isa, build, |_| Ok(()))
}

/// Builds a function and generates its code.
///
/// The boundary of the compiler: a panic within is a fault of ours or of the code generator, which a hostile module must not
/// turn into the end of the process. The scratch memory is lost then, since nothing is known about its state.
fn generate(
    isa: &dyn TargetIsa,
    build: impl FnOnce(&mut ir::Function, &mut FunctionBuilderContext) -> Result<(), CompileError>,
    check_frame: impl FnOnce(u32) -> Result<(), CompileError>,
) -> Result<CompiledCode, CompileError> {
    let mut scratch = SCRATCH.take().unwrap_or_else(Scratch::new);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let Scratch { context, builder } = &mut *scratch;
        context.clear();
        if let Err(error) = build(&mut context.func, builder) {
            // The builder's state is only consistent after a translation that ended.
            *builder = FunctionBuilderContext::new();
            return Err(error);
        }
        let compiled = context
            .compile(isa, &mut ControlPlane::default())
            .map_err(|error| CompileError::Internal(error.inner.to_string()))?;
        check_frame(compiled.buffer.frame_layout().map_or(0, |layout| layout.frame_to_fp_offset))?;
        output::artifact(compiled)
    }));
    match outcome {
        Ok(result) => {
            SCRATCH.set(Some(scratch));
            result
        }
        Err(panic) => {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic");
            Err(CompileError::Internal(message.to_owned()))
        }
    }
}

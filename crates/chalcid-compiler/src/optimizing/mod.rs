//! The optimising tier: wasm operators to Cranelift's intermediate representation, and that to machine code.
//!
//! `translator` holds the state of one translation and what every operator needs; `operator` routes an operator to the file
//! of its family. The families follow the chapters of the specification. `function` walks over a body, `trampoline` builds the
//! borders to the running side, `output` turns what Cranelift gives into an artifact.

mod apply;
mod function;
mod hoist;
mod operator;
mod output;
mod region;
mod trampoline;
mod translator;
mod types;

mod allocation;
mod array;
mod atomic;
mod bounds;
mod bulk;
mod call;
mod cast;
mod control;
mod conversion;
mod descriptor;
mod exception;
mod i31;
mod memory;
mod numeric;
mod object;
mod reference;
mod structure;
mod table;
mod variable;
mod vector;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chalcid_module::artifact::{CompiledCode, SourcePosition};
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir;
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::print_errors::pretty_error;
use cranelift_codegen::settings as flags;
use cranelift_codegen::{CompiledCode as IrCode, Context};
use cranelift_frontend::FunctionBuilderContext;

pub(crate) use function::Input;
#[cfg(test)]
pub(crate) use translator::wasm_signature;
pub(crate) use types::{heap_type, val_type};

use crate::budget::Effort;
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

/// What became of a function, for people to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// The intermediate representation as it was translated.
    pub translated: String,
    /// The intermediate representation after the optimiser.
    pub optimized: String,
    /// The machine code.
    pub assembly: String,
}

/// The two ways to generate code.
pub(crate) trait Targets {
    /// As the settings say.
    fn full(&self) -> &dyn TargetIsa;
    /// As quickly as possible.
    fn quick(&self) -> Result<&dyn TargetIsa, CompileError>;
}

/// Compiles a function.
pub(crate) fn compile_function(
    input: Input<'_>,
    settings: &Settings,
    targets: &impl Targets,
) -> Result<CompiledCode, CompileError> {
    function(input, settings, targets, |context, isa| {
        let compiled = compile(context, isa)?;
        if !settings.signals {
            check_frame(compiled)?;
        }
        output::artifact(compiled)
    })
}

/// Compiles a function, and tells where in the module every stretch of its code comes from.
pub(crate) fn source_map_of(
    input: Input<'_>,
    settings: &Settings,
    targets: &impl Targets,
) -> Result<Vec<SourcePosition>, CompileError> {
    function(input, settings, targets, |context, isa| Ok(output::whole_source_map(compile(context, isa)?)))
}

/// Compiles a function, and lists what became of it.
pub(crate) fn list_function(
    input: Input<'_>,
    settings: &Settings,
    targets: &impl Targets,
) -> Result<Listing, CompileError> {
    function(input, settings, targets, |context, isa| {
        let translated = context.func.display().to_string();
        context.set_disasm(true);
        let assembly = compile(context, isa)?.vcode.clone().unwrap_or_default();
        let optimized = context.func.display().to_string();
        Ok(Listing { translated, optimized, assembly })
    })
}

/// Translates a function, and does `then` with it for the target that it is light enough for.
fn function<T>(
    input: Input<'_>,
    settings: &Settings,
    targets: &impl Targets,
    then: impl FnOnce(&mut Context, &dyn TargetIsa) -> Result<T, CompileError>,
) -> Result<T, CompileError> {
    let build = |func: &mut ir::Function, builder: &mut FunctionBuilderContext| {
        function::translate(input, settings, targets.full(), func, builder)
    };
    guarded(build, |context, work| {
        let isa = match work.effort(&context.func)? {
            Effort::Full => targets.full(),
            Effort::Quick => targets.quick()?,
        };
        then(context, isa)
    })
}

/// Compiles the trampoline from the running side into wasm functions of a signature.
pub(crate) fn compile_entry_trampoline(
    signature: &Signature,
    settings: &Settings,
    isa: &dyn TargetIsa,
) -> Result<CompiledCode, CompileError> {
    let build = |func: &mut ir::Function, builder: &mut FunctionBuilderContext| {
        trampoline::entry(signature, settings, isa, func, builder);
        Ok(())
    };
    guarded(build, |context, ()| output::artifact(compile(context, isa)?))
}

/// Compiles the trampoline from wasm into host functions of a signature.
pub(crate) fn compile_host_trampoline(
    signature: &Signature,
    settings: &Settings,
    isa: &dyn TargetIsa,
) -> Result<CompiledCode, CompileError> {
    let build = |func: &mut ir::Function, builder: &mut FunctionBuilderContext| {
        trampoline::host(signature, settings, isa, func, builder);
        Ok(())
    };
    guarded(build, |context, ()| output::artifact(compile(context, isa)?))
}

/// Generates the code of the function in `context`.
fn compile<'c>(context: &'c mut Context, isa: &dyn TargetIsa) -> Result<&'c IrCode, CompileError> {
    if isa.flags().opt_level() != flags::OptLevel::None {
        hoist::hoist_memory_headers(context);
    }
    context
        .compile(isa, &mut ControlPlane::default())
        .map_err(|error| CompileError::Internal(pretty_error(error.func, error.inner)))
}

/// Without signals a frame checks the stack limit only once it is there.
fn check_frame(compiled: &IrCode) -> Result<(), CompileError> {
    let frame = compiled.buffer.frame_layout().map_or(0, |layout| layout.frame_to_fp_offset);
    if frame <= MAX_UNCHECKED_FRAME {
        return Ok(());
    }
    Err(CompileError::TooComplex {
        what: "bytes of stack frame",
        count: frame.into(),
        limit: MAX_UNCHECKED_FRAME.into(),
    })
}

/// Builds a function in memory that is used again, and does `then` with it.
///
/// The boundary of the compiler: a panic within is a fault of ours or of the code generator, which a hostile module must not
/// turn into the end of the process. The memory is given up then, since nothing is known about its state.
fn guarded<B, T>(
    build: impl FnOnce(&mut ir::Function, &mut FunctionBuilderContext) -> Result<B, CompileError>,
    then: impl FnOnce(&mut Context, B) -> Result<T, CompileError>,
) -> Result<T, CompileError> {
    let mut scratch = SCRATCH.take().unwrap_or_else(Scratch::new);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let Scratch { context, builder } = &mut *scratch;
        context.clear();
        match build(&mut context.func, builder) {
            Ok(built) => then(context, built),
            Err(error) => {
                // The builder is only in order after a translation that ended.
                *builder = FunctionBuilderContext::new();
                Err(error)
            }
        }
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

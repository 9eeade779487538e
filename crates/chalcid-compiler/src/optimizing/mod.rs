//! The optimising tier: wasm operators to Cranelift's intermediate representation, and that to machine code.
//!
//! `translator` holds the state of one translation and what every operator needs; `operator` routes an operator to the file
//! of its family. The families follow the chapters of the specification. `function` walks over a body, `locals` says where locals live, `trampoline` builds the
//! borders to the running side, `output` turns what Cranelift gives into an artifact.

mod apply;
mod function;
mod hoist;
mod locals;
mod loop_variables;
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

use locals::Home;

use crate::budget::Effort;
use crate::{CompileError, Settings, Signature};

/// Bytes of stack that the running side keeps free below the stack limit, for frames that check the limit only once they are
/// there. Larger frames are not compiled when there are no signals.
pub const MAX_UNCHECKED_FRAME: u32 = 64 * 1024;

/// What Cranelift allocates and every compilation of a thread uses again.
struct Scratch {
    generator: Generator,
    builder: FunctionBuilderContext,
}

/// The part of it that makes code of a translated function.
struct Generator {
    context: Context,
    registers: regalloc2::Ctx,
}

impl Scratch {
    fn new() -> Box<Self> {
        let generator = Generator { context: Context::new(), registers: regalloc2::Ctx::default() };
        Box::new(Self { generator, builder: FunctionBuilderContext::new() })
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
    function(input, settings, targets, |generator, isa| {
        let compiled = compile(generator, isa)?;
        if !settings.signals {
            check_frame(&compiled)?;
        }
        let artifact = output::artifact(&compiled)?;
        debug_assert_eq!(artifact.check(), Ok(()));
        Ok(artifact)
    })
}

/// Compiles a function, and tells where in the module every stretch of its code comes from.
pub(crate) fn source_map_of(
    input: Input<'_>,
    settings: &Settings,
    targets: &impl Targets,
) -> Result<Vec<SourcePosition>, CompileError> {
    function(input, settings, targets, |generator, isa| Ok(output::whole_source_map(&compile(generator, isa)?)))
}

/// Compiles a function, and lists what became of it.
pub(crate) fn list_function(
    input: Input<'_>,
    settings: &Settings,
    targets: &impl Targets,
) -> Result<Listing, CompileError> {
    function(input, settings, targets, |generator, isa| {
        let translated = generator.context.func.display().to_string();
        generator.context.set_disasm(true);
        let assembly = compile(generator, isa)?.vcode.unwrap_or_default();
        let optimized = generator.context.func.display().to_string();
        Ok(Listing { translated, optimized, assembly })
    })
}

/// Translates a function, and does `then` with it for the target that it is light enough for. Locals live in the frame where
/// their values are too hard to find; that is no code for who wants it optimised.
fn function<T>(
    input: Input<'_>,
    settings: &Settings,
    targets: &impl Targets,
    then: impl FnOnce(&mut Generator, &dyn TargetIsa) -> Result<T, CompileError>,
) -> Result<T, CompileError> {
    let build = |func: &mut ir::Function, builder: &mut FunctionBuilderContext| {
        let mut translate =
            |home, func: &mut ir::Function| function::translate(input, settings, targets.full(), func, builder, home);
        if let Some(work) = translate(Home::Variables, func)? {
            return work.effort(func);
        }
        targets.quick()?;
        func.clear();
        let work = translate(Home::Frame, func)?;
        let work = work.ok_or_else(|| CompileError::Internal("a search for what is in the frame".to_owned()))?;
        work.effort(func)?;
        Ok(Effort::Quick)
    };
    guarded(build, |generator, effort| {
        let isa = match effort {
            Effort::Full => targets.full(),
            Effort::Quick => targets.quick()?,
        };
        then(generator, isa)
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
    guarded(build, |generator, ()| output::artifact(&compile(generator, isa)?))
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
    guarded(build, |generator, ()| output::artifact(&compile(generator, isa)?))
}

/// Generates the code of the function in the generator's context.
fn compile(generator: &mut Generator, isa: &dyn TargetIsa) -> Result<IrCode, CompileError> {
    let Generator { context, registers } = generator;
    let optimizes = isa.flags().opt_level() != flags::OptLevel::None;
    if optimizes {
        hoist::hoist_memory_headers(context);
    }
    let plane = &mut ControlPlane::default();
    let code = context.optimize(isa, plane).and_then(|()| {
        if optimizes {
            loop_variables::keep_registers(&mut context.func);
            context.verify_if(isa)?;
        }
        isa.compile_function(&context.func, &context.domtree, registers, context.want_disasm, plane)
    });
    code.map(|code| code.apply_params(&context.func.params))
        .map_err(|error| CompileError::Internal(pretty_error(&context.func, error)))
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
    then: impl FnOnce(&mut Generator, B) -> Result<T, CompileError>,
) -> Result<T, CompileError> {
    let mut scratch = SCRATCH.take().unwrap_or_else(Scratch::new);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let Scratch { generator, builder } = &mut *scratch;
        generator.context.clear();
        match build(&mut generator.context.func, builder) {
            Ok(built) => then(generator, built),
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

//! The compiler as the engine sees it: settings in, code out.

use std::sync::OnceLock;

use chalcid_module::artifact::{CompiledCode, Tier};
use chalcid_module::declarations::Declarations;
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::VMContextLayout;
use cranelift_codegen::isa::{self, OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self as flags, Configurable};

use crate::baseline::{self, CpuFeatures};
use crate::optimizing::{self, Input, Listing, Targets};
use crate::{CompileError, OptLevel, Settings, Signature};

/// Compiles functions for one target with one set of settings. Any number of threads may use it at once.
pub struct Compiler {
    settings: Settings,
    /// The target with the optimiser as the settings say.
    full: OwnedTargetIsa,
    /// The target with the quickest code generation, for functions that would take too long otherwise; made when needed.
    quick: OnceLock<Result<OwnedTargetIsa, CompileError>>,
    /// What the baseline tier may use of the CPU, where there is such a tier for it.
    cpu: Option<CpuFeatures>,
}

impl Compiler {
    /// A compiler for the CPU it runs on, or for the features that the settings name.
    pub fn new(settings: Settings) -> Result<Self, CompileError> {
        let full = target(&settings, settings.opt_level)?;
        let is_x86_64 = full.triple().architecture == target_lexicon::Architecture::X86_64;
        let cpu = is_x86_64.then(|| CpuFeatures::of(&*full));
        Ok(Self { settings, full, quick: OnceLock::new(), cpu })
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything that decides what code this compiler makes, as a text: what it was built from apart, two compilers of one text make code
    /// that works in each other's place.
    pub fn fingerprint(&self) -> String {
        let extensions: Vec<_> = self.full.isa_flags().iter().map(ToString::to_string).collect();
        let (triple, flags) = (self.full.triple(), self.full.flags());
        format!("cranelift {} {triple} {:?} {extensions:?} {flags}", cranelift_codegen::VERSION, self.settings)
    }

    /// Compiles the function `func` of a module. `body` is its code entry without the size, which lies at `body_offset` in the
    /// module; it must have passed validation. Wants up to some hundred kilobytes of stack.
    ///
    /// What the baseline tier does not know is compiled by the optimising tier; the code says which tier made it.
    pub fn compile_function(
        &self,
        tier: Tier,
        module: &Declarations,
        layout: &VMContextLayout,
        func: DefinedFuncIdx,
        body: &[u8],
        body_offset: usize,
    ) -> Result<CompiledCode, CompileError> {
        let input = Input { module, layout, func, body, body_offset };
        if tier == Tier::Baseline
            && let Some(cpu) = self.cpu
        {
            match baseline::compile_function(input, &self.settings, cpu) {
                Ok(compiled) => return Ok(compiled),
                // What is refused here may still be something that the other tier does.
                Err(CompileError::Internal(message)) if cfg!(debug_assertions) => {
                    return Err(CompileError::Internal(message));
                }
                Err(_) => {}
            }
        }
        optimizing::compile_function(input, &self.settings, self)
    }

    /// Compiles a function by the optimising tier as the settings say, or not at all: what is too complex to be optimised, as its error says, is no
    /// gain over the code that there is.
    pub fn optimize_function(
        &self,
        module: &Declarations,
        layout: &VMContextLayout,
        func: DefinedFuncIdx,
        body: &[u8],
        body_offset: usize,
    ) -> Result<CompiledCode, CompileError> {
        let input = Input { module, layout, func, body, body_offset };
        optimizing::compile_function(input, &self.settings, &FullOnly(self))
    }

    /// Compiles a function as [`Self::compile_function`] does, and lists what became of it, for people to read.
    pub fn list_function(
        &self,
        module: &Declarations,
        layout: &VMContextLayout,
        func: DefinedFuncIdx,
        body: &[u8],
        body_offset: usize,
    ) -> Result<Listing, CompileError> {
        let input = Input { module, layout, func, body, body_offset };
        optimizing::list_function(input, &self.settings, self)
    }

    /// Compiles a function as [`Self::compile_function`] does, for people to look at: the source map of what was optimised is whole.
    pub fn compile_for_people(
        &self,
        tier: Tier,
        module: &Declarations,
        layout: &VMContextLayout,
        func: DefinedFuncIdx,
        body: &[u8],
        body_offset: usize,
    ) -> Result<CompiledCode, CompileError> {
        let mut code = self.compile_function(tier, module, layout, func, body, body_offset)?;
        if code.tier == Tier::Optimizing {
            let input = Input { module, layout, func, body, body_offset };
            code.source_map = optimizing::source_map_of(input, &self.settings, self)?;
        }
        Ok(code)
    }

    /// The trampoline `fn(vmctx, code, values: *mut ValRaw)`, of C convention, through which the running side calls wasm functions
    /// of a signature. It passes `vmctx` and the parameters it finds in `values` to `code`, and leaves the results there.
    pub fn compile_entry_trampoline(&self, signature: &Signature) -> Result<CompiledCode, CompileError> {
        if self.cpu.is_some()
            && let Some(code) = baseline::trampoline::entry(signature)
        {
            return Ok(code);
        }
        optimizing::compile_entry_trampoline(signature, &self.settings, &*self.full)
    }

    /// The code of every host function of a signature: called as a wasm function with a `VMHostContext`, it passes the parameters to the
    /// context's function in an array of `ValRaw` as long as the longer of parameters and results, and returns the results
    /// it finds there, or raises what is pending.
    pub fn compile_host_trampoline(&self, signature: &Signature) -> Result<CompiledCode, CompileError> {
        if self.cpu.is_some()
            && let Some(code) = baseline::trampoline::host(signature, &self.settings)
        {
            return Ok(code);
        }
        optimizing::compile_host_trampoline(signature, &self.settings, &*self.full)
    }
}

impl Targets for Compiler {
    fn full(&self) -> &dyn TargetIsa {
        &*self.full
    }

    fn quick(&self) -> Result<&dyn TargetIsa, CompileError> {
        let made = self.quick.get_or_init(|| target(&self.settings, OptLevel::None));
        made.as_ref().map(|isa| &**isa).map_err(Clone::clone)
    }
}

/// The target with the optimiser, and no other.
struct FullOnly<'a>(&'a Compiler);

impl Targets for FullOnly<'_> {
    fn full(&self) -> &dyn TargetIsa {
        self.0.full()
    }

    fn quick(&self) -> Result<&dyn TargetIsa, CompileError> {
        Err(CompileError::TooComplex { what: "points of work to optimise it", count: 0, limit: 0 })
    }
}

/// Builds the target.
fn target(settings: &Settings, opt_level: OptLevel) -> Result<OwnedTargetIsa, CompileError> {
    let builder = match &settings.isa_flags {
        None => cranelift_native::builder().map_err(|message| CompileError::Target(message.to_owned()))?,
        Some(named) => {
            let mut builder = isa::lookup(target_lexicon::Triple::host()).map_err(unsupported)?;
            for (name, value) in named {
                builder.set(name, if *value { "true" } else { "false" }).map_err(unsupported)?;
            }
            builder
        }
    };
    let flags = shared_flags(settings, opt_level).map_err(unsupported)?;
    builder.finish(flags).map_err(unsupported)
}

/// The flags that do not depend on the CPU.
fn shared_flags(settings: &Settings, opt_level: OptLevel) -> Result<flags::Flags, flags::SetError> {
    let mut builder = flags::builder();
    match opt_level {
        OptLevel::None => {
            builder.set("opt_level", "none")?;
            builder.set("regalloc_algorithm", "single_pass")?;
        }
        OptLevel::Speed => {
            builder.set("opt_level", "speed")?;
            builder.set("regalloc_algorithm", "backtracking")?;
        }
    }
    builder.set("enable_verifier", if settings.verify { "true" } else { "false" })?;
    // Backtraces follow frame pointers; nothing unwinds by tables.
    builder.set("preserve_frame_pointers", "true")?;
    builder.set("unwind_info", "false")?;
    // The prologue compares with the stack limit, and counts the whole frame.
    builder.set("enable_probestack", "false")?;
    // Calls of the running side's functions are absolute, so that code can lie anywhere.
    builder.set("is_pic", "false")?;
    builder.set("use_colocated_libcalls", "false")?;
    // Results that registers do not hold are returned in memory that the caller provides.
    builder.set("enable_multi_ret_implicit_sret", "true")?;
    Ok(flags::Flags::new(builder))
}

fn unsupported(error: impl ToString) -> CompileError {
    CompileError::Target(error.to_string())
}

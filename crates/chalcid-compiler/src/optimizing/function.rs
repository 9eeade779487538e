//! A whole function: its entry, its locals, and the walk over its operators.

use chalcid_module::declarations::Declarations;
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::{VMContextLayout, vmagent, vmcontext};
use chalcid_module::trap_code::TrapCode;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, GlobalValueData, InstBuilder, MemFlagsData, SourceLoc};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use wasmparser::{BinaryReader, FunctionBody};

use super::locals::Home;
use super::operator;
use super::region::Region;
use super::translator::{FuncTranslator, wasm_signature};
use super::types::{POINTER, repr, val_type};
use crate::budget::Work;
use crate::{CompileError, Settings, Signature};

/// What a translation reads.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    /// The module's declarations.
    pub module: &'a Declarations,
    /// Where an instance keeps what code reads.
    pub layout: &'a VMContextLayout,
    /// Which function.
    pub func: DefinedFuncIdx,
    /// Its locals and instructions.
    pub body: &'a [u8],
    /// Where the body lies in the module.
    pub body_offset: usize,
}

/// Translates a function into `func`, which is empty, and tells what was counted of the work ahead. Gives nothing where the values of its locals
/// are too hard to find: then they have to live in the frame.
pub(crate) fn translate(
    input: Input<'_>,
    settings: &Settings,
    isa: &dyn TargetIsa,
    func: &mut ir::Function,
    builder_context: &mut FunctionBuilderContext,
    home: Home,
) -> Result<Option<Work>, CompileError> {
    let module = input.module;
    let ty = module
        .functions
        .get(module.func_index(input.func).index())
        .and_then(|&ty| module.func_type(ty))
        .ok_or_else(|| CompileError::Internal(format!("no defined function {}", input.func.0)))?;

    func.signature = wasm_signature(&Signature::of_module(ty, module));
    func.name = ir::UserFuncName::user(0, input.func.0);
    if settings.signals {
        limit_stack(func);
    }

    let mut builder = FunctionBuilder::new(func, builder_context);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    builder.seal_block(entry);
    builder.set_srcloc(source_location(input.body_offset as u64));
    let vmctx = builder.block_params(entry)[0];

    let mut t = FuncTranslator::new(builder, input, settings, isa, ty, vmctx, home);
    t.push_function_frame();
    for (position, &ty) in ty.params.iter().enumerate() {
        let value = t.builder.block_params(entry)[position + 1];
        t.declare_parameter(repr(module, ty), value);
    }

    let body = FunctionBody::new(BinaryReader::new(input.body, input.body_offset as u64));
    for locals in body.get_locals_reader()? {
        let (count, ty) = locals?;
        let ty = val_type(ty).ok_or_else(|| CompileError::Internal(format!("unknown type {ty}")))?;
        t.locals.declare(count, repr(module, ty));
    }

    if !settings.signals {
        t.check_stack();
    }
    t.check_interrupt();

    let mut hints = module.branch_hints.of(module.func_index(input.func));
    let mut operators = body.get_operators_reader()?;
    while !t.ended() {
        let (op, offset) = operators.read_with_offset()?;
        if !hints.is_empty() {
            t.likely = hints.at(offset as usize - input.body_offset);
        }
        t.builder.set_srcloc(source_location(offset));
        operator::translate(&mut t, &op, offset as usize)?;
        t.work.operator(t.height());
        t.work.check(t.builder.func)?;
        if t.locals.search.is_too_much() {
            drop(t);
            // The builder is only in order after a translation that ended.
            *builder_context = FunctionBuilderContext::new();
            return Ok(None);
        }
    }
    t.map_frame()?;
    Ok(Some(t.finish()))
}

/// A module is at most 1 GiB long, so that every offset fits.
fn source_location(offset: u64) -> SourceLoc {
    SourceLoc::new(offset as u32)
}

/// Makes the prologue trap when the frame would reach below the agent's stack limit. `vmctx` leads to the agent, in the
/// contexts of instances and of host functions alike.
pub(crate) fn limit_stack(func: &mut ir::Function) {
    let flags = MemFlagsData::trusted().with_readonly().with_can_move();
    let flags = func.dfg.mem_flags.insert_unchecked(flags);
    let vmctx = func.create_global_value(GlobalValueData::VMContext);
    let agent = func.create_global_value(GlobalValueData::Load {
        base: vmctx,
        offset: (vmcontext::AGENT as i32).into(),
        global_type: POINTER,
        flags,
    });
    let limit = func.create_global_value(GlobalValueData::Load {
        base: agent,
        offset: (vmagent::STACK_LIMIT as i32).into(),
        global_type: POINTER,
        flags,
    });
    func.stack_limit = Some(limit);
}

impl FuncTranslator<'_> {
    /// Without signals, compares the stack pointer with the agent's limit once the frame is there. The running side leaves
    /// room for [`crate::MAX_UNCHECKED_FRAME`] below the limit, and no larger frame is compiled in this mode.
    fn check_stack(&mut self) {
        let agent = self.load_vmctx_ptr(vmcontext::AGENT);
        let limit = self.load_mutable(POINTER, Region::Agent, agent, vmagent::STACK_LIMIT);
        let sp = self.ins().get_stack_pointer(POINTER);
        let exhausted = self.ins().icmp(IntCC::UnsignedLessThan, sp, limit);
        self.trap_if(exhausted, TrapCode::CallStackExhausted);
    }
}

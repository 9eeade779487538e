//! Trampolines: the two borders between compiled code and the running side, one of each kind for every signature.
//!
//! ```text
//! entry   running side ──Tail──► (vmctx, code, values)  reads the parameters, calls by the wasm convention, writes the results
//! host    wasm ──Tail──► (context, params…)          writes the parameters, calls the context's function, reads the results
//! ```
//! Values travel in an array of `ValRaw`, 16 bytes each, every value in its lowest bytes. The array is as long as the longer of
//! parameters and results; results take the place of parameters.
//!
//! On x86-64 most types have theirs from `baseline/trampoline.rs`, which makes the same in one pass; here is what they do, for every type and CPU.
//!
//! The wasm convention preserves no register. So the running side, which is entered in C, saves what C wants preserved once, where it calls an entry
//! trampoline: by the same convention, whose first three parameters are in the registers of C.

use chalcid_module::builtins::Builtin;
use chalcid_module::layout::{POINTER_SIZE, VAL_RAW_SIZE, vmagent, vmcontext, vmhostcontext};
use chalcid_module::trap_code::TrapCode;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, AbiParam, InstBuilder, MemFlagsData, StackSlotData, StackSlotKind, Value, types};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use super::function::limit_stack;
use super::translator::{builtin_signature, ir_trap_code, wasm_signature};
use super::types::{POINTER, abi_repr};
use crate::{AbiType, Settings, Signature};

/// Values whose passing takes less of the stack than code may use without asking.
const FEW_VALUES: usize = 16;

/// Alignment of an array of `ValRaw`, as a power of two.
const VALUES_ALIGN_SHIFT: u8 = 4;

/// Builds the trampoline from the running side into wasm functions of a type.
pub(super) fn entry(
    signature: &Signature,
    settings: &Settings,
    isa: &dyn TargetIsa,
    func: &mut ir::Function,
    builder_context: &mut FunctionBuilderContext,
) {
    let mut sig = ir::Signature::new(CallConv::Tail);
    sig.params.push(AbiParam::special(POINTER, ir::ArgumentPurpose::VMContext));
    sig.params.extend([AbiParam::new(POINTER), AbiParam::new(POINTER)]);
    func.signature = sig;
    // The function itself looks at the limit; a frame with few values more there is always room for.
    if settings.signals && signature.values() > FEW_VALUES {
        limit_stack(func);
    }

    let mut t = Trampoline::new(func, builder_context);
    let [vmctx, code, values] = *t.params.as_slice() else { return };
    let mut args = vec![vmctx];
    args.extend(signature.params.iter().enumerate().map(|(position, &ty)| t.load(values, position, ty)));
    let callee = t.builder.import_signature(wasm_signature(signature));
    let call = t.builder.ins().call_indirect(callee, code, &args);
    for (position, result) in t.builder.inst_results(call).to_vec().into_iter().enumerate() {
        t.store(values, position, result);
    }
    t.builder.ins().return_(&[]);
    t.builder.finalize(isa.frontend_config());
}

/// Builds the trampoline from wasm into host functions of a type: the machine code of all of them.
pub(super) fn host(
    signature: &Signature,
    settings: &Settings,
    isa: &dyn TargetIsa,
    func: &mut ir::Function,
    builder_context: &mut FunctionBuilderContext,
) {
    func.signature = wasm_signature(signature);
    if settings.signals {
        limit_stack(func);
    }

    let mut t = Trampoline::new(func, builder_context);
    let context = t.params[0];
    t.record_exit(context);

    let count = signature.values() as u32;
    let slot = t.builder.create_sized_stack_slot(StackSlotData::new(
        StackSlotKind::ExplicitSlot,
        count * VAL_RAW_SIZE,
        VALUES_ALIGN_SHIFT,
    ));
    let values = t.builder.ins().stack_addr(POINTER, slot, 0);
    for position in 0..signature.params.len() {
        let param = t.params[position + 1];
        t.store(values, position, param);
    }

    let mut sig = ir::Signature::new(isa.default_call_conv());
    sig.params.extend([AbiParam::new(POINTER), AbiParam::new(POINTER), AbiParam::new(types::I32)]);
    sig.returns.push(AbiParam::new(types::I32));
    let sig = t.builder.import_signature(sig);
    let function = t.load_fixed(context, vmhostcontext::CALL);
    let count = t.builder.ins().iconst(types::I32, i64::from(count));
    let call = t.builder.ins().call_indirect(sig, function, &[context, values, count]);
    let success = t.builder.inst_results(call)[0];
    t.raise_if_zero(success, context, isa);

    let results: Vec<_> =
        signature.results.iter().enumerate().map(|(position, &ty)| t.load(values, position, ty)).collect();
    t.builder.ins().return_(&results);
    t.builder.finalize(isa.frontend_config());
}

/// A trampoline under construction.
struct Trampoline<'a> {
    builder: FunctionBuilder<'a>,
    params: Vec<Value>,
}

impl<'a> Trampoline<'a> {
    fn new(func: &'a mut ir::Function, builder_context: &'a mut FunctionBuilderContext) -> Self {
        let mut builder = FunctionBuilder::new(func, builder_context);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let params = builder.block_params(entry).to_vec();
        Self { builder, params }
    }

    fn load(&mut self, values: Value, position: usize, ty: AbiType) -> Value {
        let ty = abi_repr(ty).ty;
        self.builder.ins().load(ty, value_flags(), values, value_offset(position))
    }

    fn store(&mut self, values: Value, position: usize, value: Value) {
        self.builder.ins().store(value_flags(), value, values, value_offset(position));
    }

    fn load_fixed(&mut self, base: Value, offset: u32) -> Value {
        let flags = MemFlagsData::trusted().with_readonly().with_can_move();
        self.builder.ins().load(POINTER, flags, base, offset as i32)
    }

    /// Notes where wasm was left: the frame and the return address of the wasm function that called this trampoline.
    fn record_exit(&mut self, context: Value) {
        let agent = self.load_fixed(context, vmcontext::AGENT);
        let own_frame = self.builder.ins().get_frame_pointer(POINTER);
        let caller_frame = self.builder.ins().load(POINTER, MemFlagsData::trusted(), own_frame, 0);
        let return_address = self.builder.ins().get_return_address(POINTER);
        let flags = MemFlagsData::trusted();
        self.builder.ins().store(flags, caller_frame, agent, vmagent::LAST_EXIT_FP as i32);
        self.builder.ins().store(flags, return_address, agent, vmagent::LAST_EXIT_PC as i32);
    }

    fn raise_if_zero(&mut self, success: Value, context: Value, isa: &dyn TargetIsa) {
        let failed = self.builder.create_block();
        let go_on = self.builder.create_block();
        self.builder.set_cold_block(failed);
        let is_zero = self.builder.ins().icmp_imm_u(IntCC::Equal, success, 0);
        self.builder.ins().brif(is_zero, failed, &[], go_on, &[]);
        self.builder.seal_block(failed);
        self.builder.seal_block(go_on);

        self.builder.switch_to_block(failed);
        let sig = self.builder.import_signature(builtin_signature(Builtin::raise, isa.default_call_conv()));
        let builtins = self.load_fixed(context, vmhostcontext::BUILTINS);
        let raise = self.load_fixed(builtins, Builtin::raise as u32 * POINTER_SIZE);
        self.builder.ins().call_indirect(sig, raise, &[context]);
        self.builder.ins().trap(ir_trap_code(TrapCode::Unreachable));

        self.builder.switch_to_block(go_on);
    }
}

/// `ValRaw`s are aligned, and reading or writing them never faults.
fn value_flags() -> MemFlagsData {
    MemFlagsData::trusted()
}

fn value_offset(position: usize) -> i32 {
    // Bounded by the limit on parameters and results.
    (position as u32 * VAL_RAW_SIZE) as i32
}

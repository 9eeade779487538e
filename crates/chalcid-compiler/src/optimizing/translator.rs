//! The state of translating one function, and what the operators of every family need.
//!
//! A [`FuncTranslator`] mirrors the validation algorithm of the specification: a stack of operands, here Cranelift values, a
//! stack of control frames, and whether the code at hand is reachable. Unreachable code is skipped but for its nesting, so the
//! families see reachable code only, on which popping what validation promised never fails.
//!
//! # Invariants
//! - A `v128` on the operand stack is `I8X16`.
//! - A reference into the heap is `I32`, and declared to need stack maps once: by [`FuncTranslator::push_gc_ref`], as a block
//!   parameter, or through its variable.
//! - After [`FuncTranslator::trap`] and after every operator that does not fall through, `reachable` is false and the current
//!   block is filled.

use std::collections::HashMap;

use chalcid_module::builtins::{Builtin, BuiltinType, Failure};
use chalcid_module::declarations::Declarations;
use chalcid_module::index::{FuncIdx, TypeIdx};
use chalcid_module::layout::{POINTER_SIZE, VMContextLayout, vmcontext};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{AddressType, FuncType, ValType};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, AbiParam, BlockArg, FuncRef, InstBuilder, InstructionData, MemFlagsData, Opcode, SigRef, Signature, Type,
    Value, ValueDef, types,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder};

use super::control::Frame;
use super::exception::Handlers;
use super::function::Input;
use super::locals::{Home, Locals};
use super::region::Region;
use super::types::{POINTER, Repr, abi_repr, repr};
use crate::budget::Work;
use crate::objects::StructLayouts;
use crate::{AbiType, CompileError, Settings};

/// The state of translating one function.
pub(crate) struct FuncTranslator<'a> {
    /// Where instructions go.
    pub builder: FunctionBuilder<'a>,
    /// The module's declarations.
    pub module: &'a Declarations,
    /// Where an instance keeps what code reads.
    pub layout: &'a VMContextLayout,
    /// What the embedder chose.
    pub settings: &'a Settings,
    /// The target.
    pub isa: &'a dyn TargetIsa,
    /// Type of the function.
    pub ty: &'a FuncType,
    /// The instance: the function's first parameter.
    pub vmctx: Value,
    /// Whether the code at hand can be reached.
    pub reachable: bool,
    /// Control frames, the function's own first.
    pub(super) frames: Vec<Frame<'a>>,
    /// Handlers around the code at hand, the innermost last.
    pub(super) handlers: Vec<Handlers>,
    /// How many frames were opened in unreachable code.
    pub(super) skipped_frames: usize,
    /// What is counted of the work that the code generator will have.
    pub(super) work: Work,
    /// Whether the producer expects the branch at hand to be taken.
    pub(super) likely: Option<bool>,
    /// Whether the code at hand is not expected to run, so that all its blocks lie apart.
    pub(super) in_cold_path: bool,
    /// An empty vector to reuse.
    pub(super) spare_block_args: Vec<BlockArg>,
    /// An empty vector to reuse.
    spare_values: Vec<Value>,
    /// Locals, parameters first.
    pub(super) locals: Locals,
    /// Operands.
    stack: Vec<Value>,
    /// Signatures of builtins that were used, by number.
    builtin_sigs: Vec<Option<SigRef>>,
    /// Signatures of function types that were used.
    type_sigs: HashMap<TypeIdx, SigRef>,
    /// The function at hand, once it has called itself.
    pub(super) itself: Option<FuncRef>,
    /// Layouts of structure types that were used.
    pub(super) struct_layouts: StructLayouts,
}

impl<'a> FuncTranslator<'a> {
    /// Starts a translation: `builder` is in the function's entry block, whose first parameter is `vmctx`.
    pub(super) fn new(
        mut builder: FunctionBuilder<'a>,
        input: Input<'a>,
        settings: &'a Settings,
        isa: &'a dyn TargetIsa,
        ty: &'a FuncType,
        vmctx: Value,
        home: Home,
    ) -> Self {
        // Without a region of their own, stores of references that live across calls would seem to change everything.
        builder
            .make_stack_map_alias_region(Box::new(|regions, _, slot, _| Some(Region::declare_spilled(slot, regions))));
        Self {
            builder,
            module: input.module,
            layout: input.layout,
            settings,
            isa,
            ty,
            vmctx,
            reachable: true,
            frames: Vec::new(),
            handlers: Vec::new(),
            skipped_frames: 0,
            work: Work::default(),
            likely: None,
            in_cold_path: false,
            spare_block_args: Vec::new(),
            spare_values: Vec::new(),
            locals: Locals::new(home, input.body.len()),
            stack: Vec::new(),
            builtin_sigs: vec![None; Builtin::ALL.len()],
            type_sigs: HashMap::new(),
            itself: None,
            struct_layouts: StructLayouts::default(),
        }
    }

    /// Ends the translation, and tells what was counted.
    pub(super) fn finish(self) -> Work {
        self.builder.finalize(self.isa.frontend_config());
        self.work
    }

    /// Inserts an instruction.
    #[inline]
    pub fn ins<'s>(&'s mut self) -> FuncInstBuilder<'s, 'a> {
        self.builder.ins()
    }

    /// Type of a value.
    #[inline]
    pub fn type_of(&self, value: Value) -> Type {
        self.builder.func.dfg.value_type(value)
    }
}

/// The operand stack.
impl FuncTranslator<'_> {
    /// Pushes a number, a function reference, a `v128` that is `I8X16`, or a reference that was declared to the collector.
    #[inline]
    pub fn push(&mut self, value: Value) {
        debug_assert!({
            let ty = self.type_of(value);
            !ty.is_vector() || ty == types::I8X16
        });
        self.stack.push(value);
    }

    /// Pushes a vector of any lanes.
    pub fn push_vector(&mut self, value: Value) {
        let value = self.cast_vector(value, types::I8X16);
        self.stack.push(value);
    }

    /// Pushes a reference into the heap, which has to be found by the collector from here on.
    pub fn push_gc_ref(&mut self, value: Value) {
        self.work.has_references = true;
        self.builder.declare_value_needs_stack_map(value);
        self.stack.push(value);
    }

    /// Pushes a value that is held as `repr` says.
    pub fn push_as(&mut self, value: Value, repr: Repr) {
        if repr.is_gc_ref { self.push_gc_ref(value) } else { self.push(value) }
    }

    /// Pops an operand.
    #[inline]
    pub fn pop(&mut self) -> Value {
        match self.stack.pop() {
            Some(value) => value,
            None => underflow(),
        }
    }

    /// Pops two operands; the deeper one comes first.
    #[inline]
    pub fn pop2(&mut self) -> (Value, Value) {
        let second = self.pop();
        let first = self.pop();
        (first, second)
    }

    /// Pops three operands; the deepest one comes first.
    #[inline]
    pub fn pop3(&mut self) -> (Value, Value, Value) {
        let third = self.pop();
        let (first, second) = self.pop2();
        (first, second, third)
    }

    /// Pops a `v128` as a vector of the type `lanes`.
    pub fn pop_vector(&mut self, lanes: Type) -> Value {
        let value = self.pop();
        self.cast_vector(value, lanes)
    }

    /// Pops two `v128`s as vectors of the type `lanes`; the deeper one comes first.
    pub fn pop2_vectors(&mut self, lanes: Type) -> (Value, Value) {
        let second = self.pop_vector(lanes);
        let first = self.pop_vector(lanes);
        (first, second)
    }

    /// The operand on top.
    pub fn peek(&self) -> Value {
        match self.stack.last() {
            Some(&value) => value,
            None => underflow(),
        }
    }

    /// The topmost `count` operands, the deepest first.
    pub fn peek_n(&self, count: usize) -> &[Value] {
        match self.stack.len().checked_sub(count) {
            Some(start) => &self.stack[start..],
            None => underflow(),
        }
    }

    /// Drops the topmost `count` operands.
    pub fn drop_n(&mut self, count: usize) {
        match self.stack.len().checked_sub(count) {
            Some(height) => self.stack.truncate(height),
            None => underflow(),
        }
    }

    /// Number of operands.
    pub fn height(&self) -> usize {
        self.stack.len()
    }

    /// Drops operands down to a height.
    pub fn truncate(&mut self, height: usize) {
        self.stack.truncate(height);
    }

    /// Reinterprets a vector's lanes. Sees through earlier casts, and gives constants the type at once: the code generator has
    /// rules for operands that are constant, which a cast in between would hide.
    pub fn cast_vector(&mut self, value: Value, lanes: Type) -> Value {
        if self.type_of(value) == lanes {
            return value;
        }
        let dfg = &self.builder.func.dfg;
        if let ValueDef::Result(inst, _) = dfg.value_def(value) {
            match dfg.insts[inst] {
                InstructionData::UnaryConst { opcode: Opcode::Vconst, constant_handle } => {
                    return self.ins().vconst(lanes, constant_handle);
                }
                InstructionData::LoadNoOffset { opcode: Opcode::Bitcast, arg, .. } if self.type_of(arg).is_vector() => {
                    return self.cast_vector(arg, lanes);
                }
                _ => {}
            }
        }
        self.ins().bitcast(lanes, MemFlagsData::new().with_endianness(ir::Endianness::Little), value)
    }

    /// Pops an index or a length of an address type, as 64 bits.
    pub fn pop_address(&mut self, address: AddressType) -> Value {
        let value = self.pop();
        self.extend_address(value, address)
    }

    /// Widens an index or a length of an address type to 64 bits.
    pub fn extend_address(&mut self, value: Value, address: AddressType) -> Value {
        match address {
            AddressType::I32 => self.ins().uextend(types::I64, value),
            AddressType::I64 => value,
        }
    }

    /// Pushes a 64-bit index, length or size as a value of an address type.
    pub fn push_address(&mut self, value: Value, address: AddressType) {
        let value = match address {
            AddressType::I32 => self.ins().ireduce(types::I32, value),
            AddressType::I64 => value,
        };
        self.push(value);
    }
}

/// Validation makes the operand stack deep enough for every operator; the boundary of the compiler turns this into an error.
#[cold]
#[track_caller]
fn underflow() -> ! {
    panic!("operand stack underflow: the body was not validated")
}

/// Memory of the engine.
impl FuncTranslator<'_> {
    /// Flags for an access to well-formed memory of the engine in `region`: aligned, and it cannot trap.
    pub fn flags(&mut self, region: Region) -> MemFlagsData {
        let region = region.declare(self.module, self.builder.func);
        MemFlagsData::trusted().with_alias_region(Some(region))
    }

    /// Loads a field that never changes while an instance lives; such loads are merged and moved freely.
    pub fn load_fixed(&mut self, ty: Type, base: Value, offset: u32) -> Value {
        let flags = MemFlagsData::trusted().with_readonly().with_can_move();
        self.ins().load(ty, flags, base, offset as i32)
    }

    /// Loads a pointer that never changes from the instance.
    pub fn load_vmctx_ptr(&mut self, offset: u32) -> Value {
        self.load_fixed(POINTER, self.vmctx, offset)
    }

    /// Loads a field that other code may change.
    pub fn load_mutable(&mut self, ty: Type, region: Region, base: Value, offset: u32) -> Value {
        let flags = self.flags(region);
        self.ins().load(ty, flags, base, offset as i32)
    }

    /// A 32-bit constant.
    pub fn i32_const(&mut self, value: u32) -> Value {
        self.ins().iconst(types::I32, i64::from(value))
    }

    /// A 64-bit constant.
    pub fn i64_const(&mut self, value: u64) -> Value {
        self.ins().iconst(types::I64, value as i64)
    }
}

/// Traps.
impl FuncTranslator<'_> {
    /// Traps when `condition` is not zero.
    pub fn trap_if(&mut self, condition: Value, code: TrapCode) {
        if self.settings.signals {
            self.ins().trapnz(condition, ir_trap_code(code));
        } else {
            let (trap, go_on) = self.cold_branch(condition);
            self.builder.switch_to_block(trap);
            self.trap(code);
            self.go_on_in(go_on);
        }
    }

    /// Traps when `condition` is zero.
    pub fn trap_unless(&mut self, condition: Value, code: TrapCode) {
        if self.settings.signals {
            self.ins().trapz(condition, ir_trap_code(code));
        } else {
            let inverted = self.ins().icmp_imm_u(IntCC::Equal, condition, 0);
            self.trap_if(inverted, code);
        }
    }

    /// Traps. What follows is unreachable.
    pub fn trap(&mut self, code: TrapCode) {
        if self.settings.signals {
            self.ins().trap(ir_trap_code(code));
        } else {
            let number = self.i32_const(code as u32);
            self.call_builtin(Builtin::trap, &[number]);
        }
        self.reachable = false;
    }

    /// Branches to a new cold block when `condition` is not zero, else to a new block: `(cold, other)`. The caller fills the
    /// cold block, and then goes on in the other one by [`Self::go_on_in`].
    pub fn cold_branch(&mut self, condition: Value) -> (ir::Block, ir::Block) {
        let cold = self.builder.create_block();
        let go_on = self.builder.create_block();
        self.builder.set_cold_block(cold);
        if self.in_cold_path {
            self.builder.set_cold_block(go_on);
        }
        self.ins().brif(condition, cold, &[], go_on, &[]);
        self.builder.seal_block(cold);
        (cold, go_on)
    }

    /// Gives `fast`, but when `condition` is not zero what `slow` gives, whose code lies apart. `slow` gives nothing when it
    /// has ended its block.
    pub fn cold_path(&mut self, condition: Value, fast: Value, slow: impl FnOnce(&mut Self) -> Option<Value>) -> Value {
        let cold = self.builder.create_block();
        let join = self.builder.create_block();
        let result = self.builder.append_block_param(join, self.type_of(fast));
        self.builder.set_cold_block(cold);
        self.ins().brif(condition, cold, &[], join, &[fast.into()]);
        self.builder.seal_block(cold);
        self.builder.switch_to_block(cold);
        if let Some(value) = self.in_cold(slow) {
            self.ins().jump(join, &[value.into()]);
        }
        self.go_on_in(join);
        result
    }

    /// Does what makes code that is not expected to run.
    pub fn in_cold<R>(&mut self, make: impl FnOnce(&mut Self) -> R) -> R {
        let outer = std::mem::replace(&mut self.in_cold_path, true);
        let made = make(self);
        self.in_cold_path = outer;
        made
    }

    /// Goes on in a block whose predecessors are all there.
    pub fn go_on_in(&mut self, block: ir::Block) {
        self.builder.seal_block(block);
        self.builder.switch_to_block(block);
        self.reachable = true;
    }
}

/// Calls into the running side.
impl FuncTranslator<'_> {
    /// Calls a builtin and gives its result, where it has one that says something. A builtin that fails does not return, and one
    /// that never returns ends the block.
    pub fn call_builtin(&mut self, builtin: Builtin, args: &[Value]) -> Option<Value> {
        debug_assert_eq!(builtin.params().len(), args.len(), "{builtin:?}");
        let sig = self.builtin_signature(builtin);
        let table = self.load_vmctx_ptr(vmcontext::BUILTINS);
        let entry = self.load_fixed(POINTER, table, builtin as u32 * POINTER_SIZE);
        self.count_call();
        let all_args = self.call_args(self.vmctx, args);
        let call = self.ins().call_indirect(sig, entry, &all_args);
        self.call_emitted(call);
        self.return_values(all_args);
        match builtin.failure() {
            Failure::Never | Failure::MinusOne => self.builder.inst_results(call).first().copied(),
            Failure::Zero => None,
            Failure::Diverges => {
                // Never reached, but a block has to end.
                self.ins().trap(ir_trap_code(TrapCode::Unreachable));
                self.reachable = false;
                None
            }
        }
    }

    /// The arguments of a call, the callee's context first, in a vector to give back by [`Self::return_values`].
    fn call_args(&mut self, vmctx: Value, args: &[Value]) -> Vec<Value> {
        let mut all = std::mem::take(&mut self.spare_values);
        all.clear();
        all.push(vmctx);
        all.extend_from_slice(args);
        all
    }

    /// The arguments of a call that takes the topmost `count` operands, which stay on the stack.
    pub(super) fn call_args_from_stack(&mut self, vmctx: Value, count: usize) -> Vec<Value> {
        let mut all = std::mem::take(&mut self.spare_values);
        all.clear();
        all.push(vmctx);
        all.extend_from_slice(self.peek_n(count));
        all
    }

    /// Takes a vector back.
    pub(super) fn return_values(&mut self, values: Vec<Value>) {
        self.spare_values = values;
    }

    /// Counts the work of a call that the values at hand may have to outlive.
    pub(super) fn count_call(&mut self) {
        self.work.call(self.stack.len(), self.locals.variables());
    }

    /// Signature of a builtin.
    fn builtin_signature(&mut self, builtin: Builtin) -> SigRef {
        if let Some(sig) = self.builtin_sigs[builtin as usize] {
            return sig;
        }
        let sig = self.builder.import_signature(builtin_signature(builtin, self.isa.default_call_conv()));
        self.builtin_sigs[builtin as usize] = Some(sig);
        sig
    }
}

/// Types.
impl<'a> FuncTranslator<'a> {
    /// How values of a type are held.
    pub fn repr(&self, ty: ValType) -> Repr {
        repr(self.module, ty)
    }

    /// A function type by its index.
    pub fn func_type(&self, ty: TypeIdx) -> Result<&'a FuncType, CompileError> {
        self.module.func_type(ty).ok_or_else(|| CompileError::Internal(format!("type {} is no function type", ty.0)))
    }

    /// Index of a function's type.
    pub fn type_of_func(&self, func: FuncIdx) -> Result<TypeIdx, CompileError> {
        let ty = self.module.functions.get(func.index());
        ty.copied().ok_or_else(|| CompileError::Internal(format!("no function {}", func.0)))
    }

    /// Signature of a function type.
    pub fn signature(&mut self, ty: TypeIdx) -> Result<SigRef, CompileError> {
        if let Some(&sig) = self.type_sigs.get(&ty) {
            return Ok(sig);
        }
        let sig = self
            .builder
            .import_signature(wasm_signature(&crate::Signature::of_module(self.func_type(ty)?, self.module)));
        self.type_sigs.insert(ty, sig);
        Ok(sig)
    }
}

/// The code generator's signature of wasm functions: the instance first, then the parameters.
pub(crate) fn wasm_signature(signature: &crate::Signature) -> Signature {
    let value = |&ty: &AbiType| AbiParam::new(abi_repr(ty).ty);
    let mut sig = Signature::new(CallConv::Tail);
    sig.params.push(AbiParam::special(POINTER, ir::ArgumentPurpose::VMContext));
    sig.params.extend(signature.params.iter().map(value));
    sig.returns.extend(signature.results.iter().map(value));
    sig
}

/// Signature of a builtin under the platform's C convention.
pub(crate) fn builtin_signature(builtin: Builtin, call_conv: CallConv) -> Signature {
    let param = |ty: &BuiltinType| {
        AbiParam::new(match ty {
            BuiltinType::Ptr | BuiltinType::I64 => types::I64,
            BuiltinType::I32 | BuiltinType::GcRef => types::I32,
        })
    };
    let mut sig = Signature::new(call_conv);
    sig.params.push(AbiParam::new(POINTER));
    sig.params.extend(builtin.params().iter().map(param));
    sig.returns.extend(builtin.result().iter().map(param));
    sig
}

/// Our trap code as Cranelift's.
pub(crate) const fn ir_trap_code(code: TrapCode) -> ir::TrapCode {
    ir::TrapCode::unwrap_user(code as u8)
}

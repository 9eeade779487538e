//! Calls: direct, imported, through tables and through references, their tail-calling variants, and calls of builtins.
//!
//! At a call all entries below the arguments are in their slots, and locals in registers that calls destroy are in their homes. Arguments
//! for the stack go below the frame; the callee pops them.

use chalcid_module::builtins::{Builtin, Failure};
use chalcid_module::index::{FuncIdx, TableIdx, TypeIdx};
use chalcid_module::layout::{CODE_SLOT_SIZE, TABLE_FILLED, vmcontext, vmfuncimport, vmfuncref};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{FuncType, HeapType};
use wasmparser::Operator;

use super::abi::{Place, Places};
use super::asm::{Alu, Cc};
use super::cast::{Next, Ways};
use super::cold::ColdKind;
use super::frame::RESULTS_HOME;
use super::reg::{Gpr, Mem, PARAM_GPRS, R11, RAX, RBP, RCX, RDI, RESULT_GPRS, RSI, RSP, XMM15};
use super::scratch::Moves;
use super::state::{At, Baseline, Val, in_xmm, is_wide, load_op};
use crate::objects::sub_type;
use crate::type_test::{Test, is_subtype};
use crate::{AbiType, CompileError, Signature};

/// What a call goes to.
#[derive(Clone, Copy)]
enum Callee {
    /// A function of this module, by its number among those defined.
    Defined(u32),
    /// An import, by the place of its `VMFuncImport`.
    Imported(u32),
    /// The `VMFuncRef` in `rax`.
    Reference,
}

/// Compiles an operator of this family, but for `call`.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::ReturnCall { function_index } => b.call_direct(FuncIdx(function_index), true)?,
        Operator::CallIndirect { type_index, table_index } => {
            b.call_indirect(TypeIdx(type_index), TableIdx(table_index), false)?;
        }
        Operator::ReturnCallIndirect { type_index, table_index } => {
            b.call_indirect(TypeIdx(type_index), TableIdx(table_index), true)?;
        }
        Operator::CallRef { type_index } => b.call_ref(TypeIdx(type_index), false)?,
        Operator::ReturnCallRef { type_index } => b.call_ref(TypeIdx(type_index), true)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// An argument of a builtin.
#[derive(Clone, Copy)]
pub(super) enum Arg {
    Imm(u64),
    Val(Val),
}

impl<'a> Baseline<'a> {
    pub fn call_direct(&mut self, func: FuncIdx, tail: bool) -> Result<(), CompileError> {
        let ty = self.module.functions.get(func.index());
        let ty = *ty.ok_or_else(|| CompileError::Internal(format!("no function {}", func.0)))?;
        let callee = match self.module.defined_index(func) {
            Some(defined) => Callee::Defined(defined.0),
            None => Callee::Imported(self.layout.func_import(func)),
        };
        self.emit_call(callee, ty, tail)
    }

    fn call_indirect(&mut self, ty: TypeIdx, table: TableIdx, tail: bool) -> Result<(), CompileError> {
        let element = self.table_decl(table)?.ty.element;
        let index = self.pop();
        let func = self.table_func(table, index, TrapCode::UndefinedElement, Some(TrapCode::UninitializedElement))?;
        if !is_subtype(self.module, element.heap, HeapType::Concrete(ty)) {
            self.check_func_type(func, ty)?;
        }
        self.move_to(Val { ty: AbiType::FuncRef, at: At::Gpr(func) }, RAX);
        self.emit_call(Callee::Reference, ty, tail)
    }

    /// Traps unless a function's type is the type `ty` of this module, or below it.
    fn check_func_type(&mut self, func: Gpr, ty: TypeIdx) -> Result<(), CompileError> {
        let exact = sub_type(self.module, ty)?.is_final;
        let test = if exact { Test::Exact(ty) } else { Test::Def(ty) };
        let temporaries = self.type_temporaries(test);
        let matches = self.asm.label();
        let fails = self.cold(ColdKind::Trap(TrapCode::IndirectCallTypeMismatch));
        let ways = Ways { matches, fails, next: Next::Matches };
        self.compare_types(Mem::new(func, vmfuncref::TYPE_ID as i32), test, temporaries, ways);
        self.asm.bind(matches);
        self.release_temporaries(temporaries);
        Ok(())
    }

    fn call_ref(&mut self, ty: TypeIdx, tail: bool) -> Result<(), CompileError> {
        let func = self.pop();
        self.move_to(func, RAX);
        if self.settings.signals {
            // Null is address 0, where nothing is ever mapped: a load is the check.
            self.trap_site(TrapCode::NullFunctionReference);
            self.asm.load(true, R11, Mem::new(RAX, vmfuncref::SLOT as i32));
        } else {
            self.asm.test(true, RAX, RAX);
            self.trap_if(Cc::E, TrapCode::NullFunctionReference);
        }
        self.emit_call(Callee::Reference, ty, tail)
    }

    /// A function type by its index.
    pub fn func_type(&self, ty: TypeIdx) -> Result<&'a FuncType, CompileError> {
        self.module.func_type(ty).ok_or_else(|| CompileError::Internal(format!("type {} is no function type", ty.0)))
    }

    fn emit_call(&mut self, callee: Callee, ty: TypeIdx, tail: bool) -> Result<(), CompileError> {
        let ty = self.func_type(ty)?;
        // Few results never go through memory.
        let through_memory =
            ty.results.len() > RESULT_GPRS.len() && Signature::of_module(ty, self.module).returns_through_memory();
        let base = self.height() - ty.params.len();
        let mut places = Places::of_params(through_memory);
        let mut places_of = std::mem::take(&mut self.moves.places);
        places_of.clear();
        places_of.extend(self.entries(base).iter().map(|entry| places.next(entry.ty)));
        let args_size = places.stack_size();
        if tail {
            return self.tail_call(callee, through_memory, &places_of, args_size);
        }
        self.spill_registers(base);
        self.save_lost();
        if !self.handlers.is_empty() {
            self.save_kept();
        }

        let results_size = if through_memory {
            let mut places = Places::of_results();
            for &ty in &ty.results {
                places.next(AbiType::of_module(ty, self.module));
            }
            places.stack_size()
        } else {
            0
        };
        let outgoing = args_size + results_size;
        if outgoing > 0 {
            self.max_outgoing = self.max_outgoing.max(outgoing);
            self.asm.alu_ri(Alu::Sub, true, RSP, outgoing as i32);
        }
        self.place_args(base, &places_of, through_memory);
        self.moves.places = places_of;
        if through_memory {
            self.asm.lea(true, RDI, Mem::new(RSP, args_size as i32));
        }
        self.truncate(base);
        if matches!(callee, Callee::Reference) {
            self.release_gpr(RAX);
        }
        let references = self.references();
        let target = self.callee_code(callee, through_memory);
        self.locate();
        self.asm.call(target);
        self.map_here(outgoing, references);
        self.throws_here();
        self.take_results(ty, results_size);
        Ok(())
    }

    /// Loads what the code of a callee is called through, and its context into the register for that, where the caller's is.
    fn callee_code(&mut self, callee: Callee, through_memory: bool) -> Mem {
        let vmctx = if through_memory { RSI } else { RDI };
        match callee {
            Callee::Defined(func) => {
                self.asm.load(true, R11, Mem::new(vmctx, vmcontext::CODE_SLOTS as i32));
                Mem::new(R11, (func * CODE_SLOT_SIZE) as i32)
            }
            Callee::Imported(import) => {
                self.asm.load(true, R11, Mem::new(vmctx, (import + vmfuncimport::SLOT) as i32));
                self.asm.load(true, vmctx, Mem::new(vmctx, (import + vmfuncimport::VMCTX) as i32));
                Mem::new(R11, 0)
            }
            Callee::Reference => {
                self.asm.load(true, R11, Mem::new(RAX, vmfuncref::SLOT as i32));
                self.asm.load(true, vmctx, Mem::new(RAX, vmfuncref::VMCTX as i32));
                Mem::new(R11, 0)
            }
        }
    }

    /// Puts the entries from a height on, and the context, where a callee expects them. The entries stay.
    fn place_args(&mut self, base: usize, places: &[Place], through_memory: bool) {
        let Moves { mut gprs, mut xmms, loads: mut others, places: spare } = std::mem::take(&mut self.moves);
        for (position, &place) in places.iter().enumerate() {
            let val = self.entry_at(base + position);
            match (place, val.at) {
                (Place::Stack(offset), _) => self.store_val(Mem::new(RSP, offset), val),
                (Place::Gpr(dst), At::Gpr(src)) => gprs.push((dst, src, is_wide(val.ty))),
                (Place::Xmm(dst), At::Xmm(src)) => xmms.push((dst, src)),
                _ => others.push((place, val)),
            }
        }
        self.move_vmctx(&mut gprs, &mut others, through_memory);
        self.move_gprs(&mut gprs);
        self.move_xmms(&mut xmms);
        for (place, val) in others.drain(..) {
            match place {
                Place::Gpr(dst) => self.load_gpr(dst, val),
                Place::Xmm(dst) => self.load_xmm(dst, val),
                Place::Stack(_) => {}
            }
        }
        self.moves = Moves { gprs, xmms, loads: others, places: spare };
    }

    fn move_vmctx(&self, gprs: &mut Vec<(Gpr, Gpr, bool)>, others: &mut Vec<(Place, Val)>, through_memory: bool) {
        let dst = if through_memory { RSI } else { RDI };
        let val = self.vmctx_val();
        match val.at {
            At::Gpr(src) => gprs.push((dst, src, true)),
            _ => others.push((Place::Gpr(dst), val)),
        }
    }

    /// Takes results from where a callee left them. The place for results is on top of the stack.
    fn take_results(&mut self, ty: &FuncType, results_size: u32) {
        let mut places = Places::of_results();
        let mut in_memory = Vec::new();
        for &ty in &ty.results {
            let ty = AbiType::of_module(ty, self.module);
            let place = places.next(ty);
            match place {
                Place::Gpr(reg) if self.owns(reg) => {
                    self.take(reg);
                    if !is_wide(ty) {
                        self.asm.zero_extend(reg);
                    }
                    self.push_gpr(ty, reg);
                }
                Place::Xmm(reg) if self.owns_xmm(reg) => {
                    self.take_xmm(reg);
                    self.push_xmm(ty, reg);
                }
                Place::Gpr(reg) => {
                    self.store_val(self.slot(self.height()), Val { ty, at: At::Gpr(reg) });
                    self.push_slot(ty);
                }
                Place::Xmm(reg) => {
                    self.store_val(self.slot(self.height()), Val { ty, at: At::Xmm(reg) });
                    self.push_slot(ty);
                }
                Place::Stack(offset) => {
                    in_memory.push((self.height(), ty, offset));
                    self.push_slot(ty);
                }
            }
        }
        for (height, ty, offset) in in_memory {
            let val = Val { ty, at: At::Mem(Mem::new(RSP, offset)) };
            self.store_val(self.slot(height), val);
        }
        if results_size > 0 {
            self.asm.alu_ri(Alu::Add, true, RSP, results_size as i32);
        }
        self.reload_lost();
    }

    /// Calls with the frame given up. New arguments on the stack end where those of this function end, and are made below the frame first.
    fn tail_call(
        &mut self,
        callee: Callee,
        through_memory: bool,
        places: &[Place],
        args_size: u32,
    ) -> Result<(), CompileError> {
        let base = self.height() - places.len();
        if args_size > 0 {
            self.max_outgoing = self.max_outgoing.max(args_size);
            self.asm.alu_ri(Alu::Sub, true, RSP, args_size as i32);
        }
        self.place_args(base, places, through_memory);
        if through_memory {
            self.asm.load(true, RDI, RESULTS_HOME);
        }
        self.truncate(base);
        if matches!(callee, Callee::Reference) {
            self.release_gpr(RAX);
        }
        let target = self.callee_code(callee, through_memory);
        self.asm.load(true, R11, target);
        self.restore_saved();
        // The return address lies below the parameters.
        let top = 16 + self.frame.params_size as i32 - args_size as i32;
        if top == 16 && args_size == 0 {
            self.asm.leave();
        } else {
            // `rax` gets the return address, `rbp` the caller's; `r10` the frame.
            let frame = super::reg::R10;
            self.asm.load(true, RAX, Mem::frame(8));
            self.asm.mov_rr(true, frame, RBP);
            self.asm.load(true, RBP, Mem::new(frame, 0));
            // From the uppermost word down: the destination lies above the source.
            self.asm.store(true, Mem::new(RSP, -8), RBP);
            let mut word = args_size as i32;
            while word > 0 {
                word -= 8;
                self.asm.load(true, RBP, Mem::new(RSP, word));
                self.asm.store(true, Mem::new(frame, top + word), RBP);
            }
            self.asm.load(true, RBP, Mem::new(RSP, -8));
            self.asm.lea(true, RSP, Mem::new(frame, top - 8));
            self.asm.store(true, Mem::new(RSP, 0), RAX);
        }
        self.asm.jmp_reg(R11);
        self.reachable = false;
        Ok(())
    }

    /// Calls a builtin. Its result, where it has one that says something, is in `rax`, which is held then.
    pub fn call_builtin(&mut self, builtin: Builtin, args: &[Arg]) -> Result<Option<Gpr>, CompileError> {
        debug_assert_eq!(builtin.params().len(), args.len(), "{builtin:?}");
        self.spill_registers(usize::MAX);
        self.save_lost();
        let Moves { mut gprs, xmms, loads: mut others, places } = std::mem::take(&mut self.moves);
        for (&arg, &dst) in args.iter().zip(&PARAM_GPRS[1..]) {
            match arg {
                Arg::Imm(bits) => others.push((Place::Gpr(dst), Val { ty: AbiType::I64, at: At::Const(bits) })),
                Arg::Val(Val { ty, at: At::Gpr(src) }) => gprs.push((dst, src, is_wide(ty))),
                Arg::Val(val) => others.push((Place::Gpr(dst), val)),
            }
        }
        self.move_vmctx(&mut gprs, &mut others, false);
        self.move_gprs(&mut gprs);
        for (place, val) in others.drain(..) {
            if let Place::Gpr(dst) = place {
                self.load_gpr(dst, val);
            }
        }
        self.moves = Moves { gprs, xmms, loads: others, places };
        for arg in args {
            if let Arg::Val(val) = arg {
                self.release(*val);
            }
        }
        let references = self.references();
        self.call_entry(builtin);
        self.map_here(0, references);
        self.reload_lost();
        match builtin.failure() {
            Failure::Never | Failure::MinusOne if builtin.result().is_some() => {
                self.take(RAX);
                Ok(Some(RAX))
            }
            Failure::Diverges => {
                self.asm.ud2();
                self.reachable = false;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Puts the results of the function, which are in the lowest slots, where its caller expects them.
    pub fn place_results(&mut self, types: &[AbiType]) {
        let mut places = Places::of_results();
        let places: Vec<Place> = types.iter().map(|&ty| places.next(ty)).collect();
        let scratch = RCX;
        if self.frame.through_memory {
            self.asm.load(true, scratch, RESULTS_HOME);
        }
        for (height, (&place, &ty)) in places.iter().zip(types).enumerate() {
            if let Place::Stack(offset) = place {
                let src = self.slot(height);
                if in_xmm(ty) {
                    self.asm.rm(load_op(ty), false, XMM15.0, src);
                    self.store_val(Mem::new(scratch, offset), Val { ty, at: At::Xmm(XMM15) });
                } else {
                    self.asm.load(is_wide(ty), R11, src);
                    self.store_val(Mem::new(scratch, offset), Val { ty, at: At::Gpr(R11) });
                }
            }
        }
        for (height, (&place, &ty)) in places.iter().zip(types).enumerate() {
            let val = Val { ty, at: At::Mem(self.slot(height)) };
            match place {
                Place::Gpr(dst) => self.load_gpr(dst, val),
                Place::Xmm(dst) => self.load_xmm(dst, val),
                Place::Stack(_) => {}
            }
        }
    }

    /// The `VMFuncRef` of an element of a function table, in a register that is held: asks for it where it was not asked for yet.
    pub fn table_func(
        &mut self,
        table: TableIdx,
        index: Val,
        outside: TrapCode,
        null: Option<TrapCode>,
    ) -> Result<Gpr, CompileError> {
        let index = self.in_gpr(index);
        let func = self.alloc();
        self.load_table_element(table, index, func, outside)?;
        let kind = |table, index, result, null| ColdKind::TableFunc { table, index, result, null };
        if null.is_some() {
            // One test catches both an element that was not asked for yet and null.
            self.asm.alu_ri(Alu::And, true, func, !(TABLE_FILLED as i32));
            let (cold, back) = self.cold_and_back(kind(table.0, index, func, null));
            self.asm.jcc(Cc::E, cold);
            self.asm.bind(back);
        } else {
            self.asm.test(true, func, func);
            let (cold, back) = self.cold_and_back(kind(table.0, index, func, null));
            self.asm.jcc(Cc::E, cold);
            self.asm.bind(back);
            self.asm.alu_ri(Alu::And, true, func, !(TABLE_FILLED as i32));
        }
        self.release_gpr(index);
        Ok(func)
    }
}

//! Variable and parametric instructions: locals, globals, `drop` and `select`.

use chalcid_module::builtins::Builtin;
use chalcid_module::const_expr::ConstOp;
use chalcid_module::declarations::GlobalDecl;
use chalcid_module::index::GlobalIdx;
use chalcid_module::layout::{GLOBAL_ASK, vmglobal};
use chalcid_module::types::{Hierarchy, ValType};
use wasmparser::Operator;

use super::asm::{Alu, Cc, Op};
use super::call::Arg;
use super::cold::ColdKind;
use super::reg::{Gpr, Mem, R11, Xmm};
use super::state::{At, Baseline, Cond, Loc, NO_PIN, Val, in_xmm, is_wide};
use crate::signature::hierarchy;
use crate::{AbiType, CompileError};

/// Compiles an operator of this family that is not among the frequent ones.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::F32Const { value } => b.push(AbiType::F32, Loc::Const(value.bits().into())),
        Operator::F64Const { value } => b.push(AbiType::F64, Loc::Const(value.bits())),
        Operator::TypedSelect { .. } => b.select(),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Where a global lies.
enum Place {
    Memory(Mem),
    /// With the running side, as a function reference that can be read in place.
    FuncRef(Mem),
    /// Written by the running side alone, which may have to be asked for it.
    Ref(Mem),
}

impl<'a> Baseline<'a> {
    /// `local.set`. Gives the register where the value came from if it still has it.
    pub fn set_local(&mut self, index: u32) {
        let val = self.pop();
        self.settle_local(index);
        self.write_local(index, val);
        self.release(val);
    }

    fn write_local(&mut self, index: u32, val: Val) {
        let local = self.locals[index as usize];
        if local.pin == NO_PIN {
            self.store_val(local.home(), val);
        } else if in_xmm(local.ty) {
            self.load_xmm(Xmm(local.pin), val);
        } else {
            self.load_gpr(Gpr(local.pin), val);
        }
    }

    pub fn tee_local(&mut self, index: u32) {
        let val = self.pop();
        self.settle_local(index);
        let local = self.locals[index as usize];
        if local.pin != NO_PIN {
            self.write_local(index, val);
            self.release(val);
            return self.push_local(index);
        }
        match val.at {
            At::Const(bits) => {
                self.write_local(index, val);
                self.push(val.ty, Loc::Const(bits));
            }
            At::Gpr(reg) if self.owns(reg) => {
                self.write_local(index, val);
                self.push_gpr(val.ty, reg);
            }
            At::Xmm(reg) if self.owns_xmm(reg) => {
                self.write_local(index, val);
                self.push_xmm(val.ty, reg);
            }
            _ if in_xmm(val.ty) => {
                let reg = self.in_own_xmm(val);
                self.write_local(index, Val { ty: val.ty, at: At::Xmm(reg) });
                self.push_xmm(val.ty, reg);
            }
            _ => {
                let reg = self.in_own_gpr(val);
                self.write_local(index, Val { ty: val.ty, at: At::Gpr(reg) });
                self.push_gpr(val.ty, reg);
            }
        }
    }

    fn global(&self, index: GlobalIdx) -> Result<&'a GlobalDecl, CompileError> {
        let global = self.module.globals.get(index.index());
        global.ok_or_else(|| CompileError::Internal(format!("no global {}", index.0)))
    }

    /// Where a global lies; the place may need the scratch register.
    fn global_place(&mut self, index: GlobalIdx, content: ValType) -> Place {
        let heap = match content {
            ValType::Ref(ty) => Some(hierarchy(ty.heap, self.module)),
            _ => None,
        };
        let vmctx = self.vmctx();
        match self.layout.inline_global(index) {
            Some(offset) if heap.is_none() => Place::Memory(Mem::new(vmctx, offset as i32)),
            _ => {
                self.asm.load(true, R11, Mem::new(vmctx, self.layout.global_pointer(index) as i32));
                let place = Mem::new(R11, vmglobal::VALUE as i32);
                match heap {
                    Some(Hierarchy::Func) => Place::FuncRef(place),
                    Some(Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn) => Place::Ref(place),
                    None => Place::Memory(place),
                }
            }
        }
    }

    pub fn global_get(&mut self, index: GlobalIdx) -> Result<(), CompileError> {
        let global = self.global(index)?;
        if let Some((ty, bits)) = constant_global(global) {
            self.push(ty, Loc::Const(bits));
            return Ok(());
        }
        let ty = AbiType::of_module(global.ty.content, self.module);
        match self.global_place(index, global.ty.content) {
            Place::Memory(place) | Place::FuncRef(place) => {
                let val = Val { ty, at: At::Mem(place) };
                if in_xmm(ty) {
                    let reg = self.result_xmm();
                    self.load_xmm(reg, val);
                    self.push_xmm(ty, reg);
                } else {
                    let reg = self.result_gpr();
                    self.load_gpr(reg, val);
                    self.push_gpr(ty, reg);
                }
            }
            Place::Ref(place) => {
                let result = self.alloc();
                self.asm.load(true, result, place);
                const { assert!(GLOBAL_ASK == u64::MAX) };
                self.asm.alu_ri(Alu::Cmp, true, result, -1);
                let (cold, back) = self.cold_and_back(ColdKind::GlobalRef { global: index.0, result });
                self.asm.jcc(Cc::E, cold);
                self.asm.bind(back);
                self.push_gpr(ty, result);
            }
        }
        Ok(())
    }

    pub fn global_set(&mut self, index: GlobalIdx) -> Result<(), CompileError> {
        let global = self.global(index)?;
        let mut val = self.pop();
        // The scratch register may hold the place.
        if let At::Mem(_) = val.at {
            val.at = if in_xmm(val.ty) { At::Xmm(self.in_xmm(val)) } else { At::Gpr(self.in_gpr(val)) };
        }
        if let At::Const(bits) = val.at
            && matches!(val.ty, AbiType::I64 | AbiType::F64 | AbiType::FuncRef)
            && bits as i32 as u64 != bits
        {
            val.at = if in_xmm(val.ty) { At::Xmm(self.in_xmm(val)) } else { At::Gpr(self.in_gpr(val)) };
        }
        let number = Arg::Imm(index.0.into());
        let is_func = match global.ty.content {
            ValType::Ref(ty) => Some(hierarchy(ty.heap, self.module) == Hierarchy::Func),
            _ => None,
        };
        match is_func {
            Some(true) => {
                self.call_builtin(Builtin::global_set_func, &[number, Arg::Val(val)])?;
            }
            Some(false) => {
                self.call_builtin(Builtin::global_set_ref, &[number, Arg::Val(val)])?;
            }
            None => {
                if let Place::Memory(place) = self.global_place(index, global.ty.content) {
                    self.store_val(place, val);
                }
                self.release(val);
            }
        }
        Ok(())
    }

    /// `select`: the first operand if the condition is not zero.
    pub fn select(&mut self) {
        let cond = self.pop();
        let cond = self.test_cond(cond);
        let second = self.pop();
        let first = self.pop();
        let ty = first.ty;
        if in_xmm(ty) {
            let dst = self.in_own_xmm(first);
            let taken = self.asm.label();
            self.branch_if(cond, taken);
            self.load_xmm(dst, second);
            self.asm.bind(taken);
            self.release(second);
            return self.push_xmm(ty, dst);
        }
        // What the condition chooses is moved over the other one.
        let wide = is_wide(ty);
        if let Cond::Int(cc) = cond
            && let At::Gpr(second) = second.at
            && self.owns(second)
            && !matches!(first.at, At::Gpr(reg) if self.owns(reg))
        {
            match first.at {
                At::Gpr(reg) => self.asm.cmov(cc, wide, second, reg),
                At::Mem(mem) => self.asm.rm(Op::two(0, 0x40 | cc as u8), wide, second.0, mem),
                _ => {
                    let reg = self.in_gpr(first);
                    self.asm.cmov(cc, wide, second, reg);
                    self.release_gpr(reg);
                }
            }
            return self.push_gpr(ty, second);
        }
        let dst = self.in_own_gpr(first);
        let other = match second.at {
            At::Gpr(reg) => reg,
            _ => {
                self.load_gpr(R11, second);
                R11
            }
        };
        match cond {
            Cond::Int(cc) => self.asm.cmov(cc.not(), wide, dst, other),
            Cond::FloatEq => {
                self.asm.cmov(Cc::Ne, wide, dst, other);
                self.asm.cmov(Cc::P, wide, dst, other);
            }
            Cond::FloatNe => {
                // Equal and ordered chooses the second.
                let ordered = self.asm.short_jcc(Cc::P);
                self.asm.cmov(Cc::E, wide, dst, other);
                self.asm.bind_short(ordered);
            }
        }
        self.release(second);
        self.push_gpr(ty, dst);
    }
}

/// The value of a global that is a number known from the module alone.
fn constant_global(global: &GlobalDecl) -> Option<(AbiType, u64)> {
    if global.ty.mutable {
        return None;
    }
    let [op] = global.init.as_ref()?.ops() else { return None };
    Some(match *op {
        ConstOp::I32Const(value) => (AbiType::I32, (value as u32).into()),
        ConstOp::I64Const(value) => (AbiType::I64, value as u64),
        ConstOp::F32Const(bits) => (AbiType::F32, bits.into()),
        ConstOp::F64Const(bits) => (AbiType::F64, bits),
        _ => return None,
    })
}

//! Moving values between registers, the frame and the flags, and choosing registers for results.

use super::asm::{Cc, Op};
use super::reg::{Gpr, Mem, R11, XMM15, Xmm};
use super::state::{At, Baseline, Cond, Local, NO_PIN, NONE, Val, in_xmm, invalid, is_wide, load_op, store_op};
use crate::AbiType;

/// Moving values. None of these touches the flags, but for conditions.
impl Baseline<'_> {
    /// Loads a value of an integer type into a register. Does not give up the value's own.
    pub fn load_gpr(&mut self, dst: Gpr, val: Val) {
        let wide = is_wide(val.ty);
        match val.at {
            At::Gpr(src) => self.asm.mov_rr(wide, dst, src),
            At::Mem(mem) => self.asm.load(wide, dst, mem),
            At::Const(bits) => self.asm.mov_ri(dst, bits),
            At::Cond(cond) => self.set_cond(dst, cond),
            At::Xmm(_) => invalid(),
        }
    }

    fn set_cond(&mut self, dst: Gpr, cond: Cond) {
        match cond {
            Cond::Int(cc) => self.asm.setcc(cc, dst),
            Cond::FloatEq => {
                self.asm.setcc(Cc::Np, R11);
                self.asm.setcc(Cc::E, dst);
                self.asm.rr(Op::one(0x22).byte(), false, dst.0, R11.0);
            }
            Cond::FloatNe => {
                self.asm.setcc(Cc::P, R11);
                self.asm.setcc(Cc::Ne, dst);
                self.asm.rr(Op::one(0x0a).byte(), false, dst.0, R11.0);
            }
        }
        self.asm.movzx8(dst, dst);
    }

    /// Loads a value of a float or vector type into a register.
    pub fn load_xmm(&mut self, dst: Xmm, val: Val) {
        match val.at {
            At::Xmm(src) => self.asm.mov_xx(dst, src),
            At::Mem(mem) => self.asm.rm(load_op(val.ty), false, dst.0, mem),
            At::Const(0) => self.asm.sse(Op::two(0, 0x57), dst, dst),
            At::Const(bits) => {
                let size = if val.ty == AbiType::F32 { 4 } else { 8 };
                let mem = self.asm.constant(bits.into(), size);
                self.asm.rm(load_op(val.ty), false, dst.0, mem);
            }
            At::Gpr(_) | At::Cond(_) => invalid(),
        }
    }

    /// Stores a value. Uses the scratch registers.
    pub fn store_val(&mut self, dst: Mem, val: Val) {
        match val.at {
            At::Gpr(src) => self.asm.store(is_wide(val.ty), dst, src),
            At::Xmm(src) => self.asm.rm(store_op(val.ty), false, src.0, dst),
            At::Const(bits) => {
                let wide = matches!(val.ty, AbiType::I64 | AbiType::F64 | AbiType::FuncRef);
                if !wide || bits as i32 as u64 == bits {
                    self.asm.store_imm(wide, dst, bits as i32);
                } else {
                    self.asm.mov_ri(R11, bits);
                    self.asm.store(true, dst, R11);
                }
            }
            At::Mem(src) if src == dst => {}
            At::Mem(src) => match val.ty {
                AbiType::V128 => {
                    self.asm.rm(Op::two(0, 0x10), false, XMM15.0, src);
                    self.asm.rm(Op::two(0, 0x11), false, XMM15.0, dst);
                }
                ty => {
                    let wide = matches!(ty, AbiType::I64 | AbiType::F64 | AbiType::FuncRef);
                    self.asm.load(wide, R11, src);
                    self.asm.store(wide, dst, R11);
                }
            },
            At::Cond(cond) => {
                self.set_cond_scratch(cond);
                self.asm.store(false, dst, R11);
            }
        }
    }

    fn set_cond_scratch(&mut self, cond: Cond) {
        let reg = self.alloc();
        self.set_cond(reg, cond);
        self.asm.mov_rr(false, R11, reg);
        self.release_gpr(reg);
    }

    /// The value in a register to read: its own, a local's, or a new one.
    #[inline]
    pub fn in_gpr(&mut self, val: Val) -> Gpr {
        match val.at {
            At::Gpr(reg) => reg,
            _ => {
                let reg = self.alloc();
                self.load_gpr(reg, val);
                reg
            }
        }
    }

    /// The value in a register to write.
    #[inline]
    pub fn in_own_gpr(&mut self, val: Val) -> Gpr {
        match val.at {
            At::Gpr(reg) if self.owns(reg) => reg,
            _ => {
                let reg = self.alloc();
                self.load_gpr(reg, val);
                reg
            }
        }
    }

    #[inline]
    pub fn in_xmm(&mut self, val: Val) -> Xmm {
        match val.at {
            At::Xmm(reg) => reg,
            _ => {
                let reg = self.alloc_xmm();
                self.load_xmm(reg, val);
                reg
            }
        }
    }

    #[inline]
    pub fn in_own_xmm(&mut self, val: Val) -> Xmm {
        match val.at {
            At::Xmm(reg) if self.owns_xmm(reg) => reg,
            _ => {
                let reg = self.alloc_xmm();
                self.load_xmm(reg, val);
                reg
            }
        }
    }

    /// Moves a value into a certain register, which is held from then on. The operator at hand must not hold it but for the value.
    pub fn move_to(&mut self, val: Val, reg: Gpr) {
        if val.at == At::Gpr(reg) {
            return;
        }
        self.take(reg);
        self.load_gpr(reg, val);
        self.release(val);
    }

    /// The local that the next operator sets, if it has a register and nothing stands for its value.
    #[inline]
    fn next_set(&self) -> Option<&Local> {
        let [opcode @ (0x21 | 0x22), rest @ ..] = self.body.get(self.next..)? else { return None };
        let _ = opcode;
        let index = match *rest {
            [byte, ..] if byte < 0x80 => u32::from(byte),
            [low, high, ..] if high < 0x80 => u32::from(low & 0x7f) | u32::from(high) << 7,
            _ => return None,
        };
        let local = self.locals.get(index as usize)?;
        if local.pin == NO_PIN || local.head != NONE { None } else { Some(local) }
    }

    /// The register of the local that the next operator sets: a result can be put there right away.
    #[inline]
    pub fn hint(&self) -> Option<Gpr> {
        let local = self.next_set()?;
        if in_xmm(local.ty) { None } else { Some(Gpr(local.pin)) }
    }

    #[inline]
    pub fn hint_xmm(&self) -> Option<Xmm> {
        let local = self.next_set()?;
        if in_xmm(local.ty) { Some(Xmm(local.pin)) } else { None }
    }

    /// A register for a result: of the local that is set next, or a new one.
    #[inline]
    pub fn result_gpr(&mut self) -> Gpr {
        match self.hint() {
            Some(reg) => reg,
            None => self.alloc(),
        }
    }

    #[inline]
    pub fn result_xmm(&mut self) -> Xmm {
        match self.hint_xmm() {
            Some(reg) => reg,
            None => self.alloc_xmm(),
        }
    }
}

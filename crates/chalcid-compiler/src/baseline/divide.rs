//! Division of integers.
//!
//! Divisors are tested before the division: a fault would not tell zero from a quotient that does not fit, and the tests cost little
//! beside a division.

use chalcid_module::trap_code::TrapCode;

use super::asm::{Alu, Cc, Op};
use super::reg::{Gpr, R11, RAX, RDX};
use super::state::{At, Baseline, Val, is_wide};
use crate::AbiType;

use AbiType::I32;

impl Baseline<'_> {
    pub fn divide(&mut self, ty: AbiType, signed: bool, remainder: bool) {
        let wide = is_wide(ty);
        let right = self.pop();
        let left = self.pop();
        let known = match right.at {
            At::Const(bits) => Some(if wide { bits } else { bits & 0xffff_ffff }),
            _ => None,
        };
        if let Some(divisor) = known
            && self.divide_by_constant(ty, left, divisor, signed, remainder)
        {
            return;
        }
        // The divisor in a register of its own: neither rax nor rdx.
        let divisor = match right.at {
            At::Gpr(reg) if reg != RAX && reg != RDX => reg,
            _ => {
                let reg = self.alloc_but_special();
                self.load_gpr(reg, right);
                self.release(right);
                reg
            }
        };
        self.put_in_rax(left);
        if known.is_none_or(|known| known == 0) {
            self.asm.test(wide, divisor, divisor);
            self.trap_if(Cc::E, TrapCode::IntegerDivideByZero);
        }
        let minus_one = if wide { u64::MAX } else { 0xffff_ffff };
        let mut done = None;
        if signed && known.is_none_or(|known| known == minus_one) {
            self.asm.alu_ri(Alu::Cmp, wide, divisor, -1);
            let other = self.asm.short_jcc(Cc::Ne);
            if remainder {
                // Nothing remains of a division by -1; the CPU would fault on the least integer.
                self.asm.zero(RDX);
                done = Some(self.asm.short_jmp());
            } else {
                // Negation overflows for the least integer alone.
                self.asm.rr(Op::one(0xf7), wide, 3, RAX.0);
                self.trap_if(Cc::O, TrapCode::IntegerOverflow);
                done = Some(self.asm.short_jmp());
            }
            self.asm.bind_short(other);
        }
        if signed {
            self.asm.sign_into_rdx(wide);
        } else {
            self.asm.zero(RDX);
        }
        self.asm.rr(Op::one(0xf7), wide, if signed { 7 } else { 6 }, divisor.0);
        if let Some(done) = done {
            self.asm.bind_short(done);
        }
        self.release_gpr(divisor);
        let (result, other) = if remainder { (RDX, RAX) } else { (RAX, RDX) };
        self.release_gpr(other);
        self.push_gpr(ty, result);
    }

    /// Divides an integer of 32 bits by a constant: multiplies by its reciprocal, which 64 bits hold precisely enough. Answers whether it did.
    ///
    /// Unsigned: the upper half of `x × (⌊2^64 / d⌋ + 1)` is right since what the factor is too large by, times x, stays below 2^64.
    fn divide_by_constant(&mut self, ty: AbiType, left: Val, divisor: u64, signed: bool, remainder: bool) -> bool {
        if ty != I32 || signed || divisor < 3 || divisor.is_power_of_two() {
            return false;
        }
        self.put_in_rax(left);
        let dividend = if remainder { Some(self.alloc_but_special()) } else { None };
        if let Some(reg) = dividend {
            self.asm.mov_rr(false, reg, RAX);
        }
        self.asm.mov_ri(R11, u64::MAX / divisor + 1);
        self.asm.rr(Op::one(0xf7), true, 4, R11.0);
        self.release_gpr(RAX);
        if let Some(reg) = dividend {
            self.asm.rr(Op::one(0x69), false, RDX.0, RDX.0);
            self.asm.put4(divisor as u32);
            self.asm.alu_rr(Alu::Sub, false, reg, RDX);
            self.release_gpr(RDX);
            self.push_gpr(I32, reg);
        } else {
            self.push_gpr(I32, RDX);
        }
        true
    }

    /// Puts the left operand of a division, or of a multiplication to a pair, into rax, and holds rdx for the other half.
    pub(super) fn put_in_rax(&mut self, left: Val) {
        if left.at == At::Gpr(RDX) {
            self.take(RAX);
            self.asm.mov_rr(is_wide(left.ty), RAX, RDX);
        } else {
            self.move_to(left, RAX);
            self.take(RDX);
        }
    }

    /// A register that no division needs.
    fn alloc_but_special(&mut self) -> Gpr {
        let reg = self.alloc();
        if reg != RAX && reg != RDX {
            return reg;
        }
        let other = self.alloc_but_special();
        self.release_gpr(reg);
        other
    }
}

//! Numeric instructions on integers.

use wasmparser::Operator;

use super::asm::{Alu, Cc, Op, Shift};
use super::reg::{Gpr, Mem, R11, RAX, RCX, RDX};
use super::state::{At, Baseline, Cond, Loc, Val, is_wide};
use crate::{AbiType, CompileError};

use AbiType::{I32, I64};

/// The right operand of an instruction.
#[derive(Clone, Copy)]
pub(super) enum Src {
    Gpr(Gpr),
    Mem(Mem),
    Imm(i32),
}

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as O;
    match op {
        O::I32Add => b.add(I32),
        O::I64Add => b.add(I64),
        O::I32Sub => b.binary(I32, Alu::Sub, false),
        O::I64Sub => b.binary(I64, Alu::Sub, false),
        O::I32And => b.binary(I32, Alu::And, true),
        O::I64And => b.binary(I64, Alu::And, true),
        O::I32Or => b.binary(I32, Alu::Or, true),
        O::I64Or => b.binary(I64, Alu::Or, true),
        O::I32Xor => b.binary(I32, Alu::Xor, true),
        O::I64Xor => b.binary(I64, Alu::Xor, true),
        O::I32Mul => b.multiply(I32),
        O::I64Mul => b.multiply(I64),

        O::I32Eqz => b.eqz(),
        O::I64Eqz => {
            let val = b.pop();
            match val.at {
                At::Mem(mem) => b.asm.alu_mi(Alu::Cmp, true, mem, 0),
                _ => {
                    let reg = b.in_gpr(val);
                    b.asm.test(true, reg, reg);
                    b.release_gpr(reg);
                }
            }
            b.push_cond(Cond::Int(Cc::E));
        }
        O::I32Eq | O::I64Eq => b.compare(Cc::E),
        O::I32Ne | O::I64Ne => b.compare(Cc::Ne),
        O::I32LtS | O::I64LtS => b.compare(Cc::L),
        O::I32LtU | O::I64LtU => b.compare(Cc::B),
        O::I32GtS | O::I64GtS => b.compare(Cc::G),
        O::I32GtU | O::I64GtU => b.compare(Cc::A),
        O::I32LeS | O::I64LeS => b.compare(Cc::Le),
        O::I32LeU | O::I64LeU => b.compare(Cc::Be),
        O::I32GeS | O::I64GeS => b.compare(Cc::Ge),
        O::I32GeU | O::I64GeU => b.compare(Cc::Ae),

        O::I32Shl => b.shift(I32, Shift::Shl),
        O::I64Shl => b.shift(I64, Shift::Shl),
        O::I32ShrS => b.shift(I32, Shift::Sar),
        O::I64ShrS => b.shift(I64, Shift::Sar),
        O::I32ShrU => b.shift(I32, Shift::Shr),
        O::I64ShrU => b.shift(I64, Shift::Shr),
        O::I32Rotl => b.shift(I32, Shift::Rol),
        O::I64Rotl => b.shift(I64, Shift::Rol),
        O::I32Rotr => b.shift(I32, Shift::Ror),
        O::I64Rotr => b.shift(I64, Shift::Ror),

        O::I32DivS => b.divide(I32, true, false),
        O::I64DivS => b.divide(I64, true, false),
        O::I32DivU => b.divide(I32, false, false),
        O::I64DivU => b.divide(I64, false, false),
        O::I32RemS => b.divide(I32, true, true),
        O::I64RemS => b.divide(I64, true, true),
        O::I32RemU => b.divide(I32, false, true),
        O::I64RemU => b.divide(I64, false, true),

        O::I32Clz => b.count_leading(I32),
        O::I64Clz => b.count_leading(I64),
        O::I32Ctz => b.count_trailing(I32),
        O::I64Ctz => b.count_trailing(I64),
        O::I32Popcnt if b.cpu.popcnt => b.count_ones(I32),
        O::I64Popcnt if b.cpu.popcnt => b.count_ones(I64),

        O::I32Extend8S => b.extend(I32, I32, Op::two(0, 0xbe).byte()),
        O::I32Extend16S => b.extend(I32, I32, Op::two(0, 0xbf)),
        O::I64Extend8S => b.extend(I64, I64, Op::two(0, 0xbe).byte()),
        O::I64Extend16S => b.extend(I64, I64, Op::two(0, 0xbf)),
        O::I64Extend32S | O::I64ExtendI32S => b.extend(I64, I64, Op::one(0x63)),
        O::I64ExtendI32U => {
            // The upper half is zero already.
            let val = b.pop();
            b.retype(val, I64);
        }
        O::I32WrapI64 => b.wrap(),

        O::I64Add128 => b.wide_binary(Alu::Add, Alu::Adc),
        O::I64Sub128 => b.wide_binary(Alu::Sub, Alu::Sbb),
        O::I64MulWideS => b.wide_multiply(5),
        O::I64MulWideU => b.wide_multiply(4),
        _ => return Ok(false),
    }
    Ok(true)
}

impl Baseline<'_> {
    /// A value as the right operand of an instruction.
    #[inline]
    pub(super) fn src(&mut self, val: Val) -> Src {
        match val.at {
            At::Gpr(reg) => Src::Gpr(reg),
            At::Mem(mem) => Src::Mem(mem),
            At::Const(bits) if !is_wide(val.ty) => Src::Imm(bits as i32),
            At::Const(bits) if bits as i32 as u64 == bits => Src::Imm(bits as i32),
            _ => Src::Gpr(self.in_gpr(val)),
        }
    }

    #[inline]
    pub(super) fn release_src(&mut self, src: Src) {
        if let Src::Gpr(reg) = src {
            self.release_gpr(reg);
        }
    }

    #[inline]
    pub(super) fn alu(&mut self, op: Alu, wide: bool, dst: Gpr, src: Src) {
        match src {
            Src::Gpr(reg) => self.asm.alu_rr(op, wide, dst, reg),
            Src::Mem(mem) => self.asm.alu_rm(op, wide, dst, mem),
            Src::Imm(imm) => self.asm.alu_ri(op, wide, dst, imm),
        }
    }

    /// The left operand in a register to write, and the right one: for an instruction that replaces the left one. The register may be
    /// that of the local which is set next.
    #[inline]
    fn operands(&mut self, left: Val, right: Val, commutes: bool) -> (Gpr, Src) {
        let hint = self.hint();
        let (left, right) =
            if commutes && self.is_better_left(left, right, hint) { (right, left) } else { (left, right) };
        let dst = match (left.at, hint) {
            (At::Gpr(reg), _) if self.owns(reg) => reg,
            (_, Some(reg)) if right.at != At::Gpr(reg) => {
                self.load_gpr(reg, left);
                reg
            }
            _ => {
                let reg = self.alloc();
                self.load_gpr(reg, left);
                reg
            }
        };
        let src = self.src(right);
        (dst, src)
    }

    /// Whether an operation that commutes had better overwrite its right operand.
    #[inline]
    fn is_better_left(&self, left: Val, right: Val, hint: Option<Gpr>) -> bool {
        let is_hint = |val: Val| matches!((val.at, hint), (At::Gpr(reg), Some(hint)) if reg == hint);
        let is_owned = |val: Val| matches!(val.at, At::Gpr(reg) if self.owns(reg));
        if is_hint(left) {
            false
        } else if is_hint(right) {
            true
        } else if is_owned(left) {
            false
        } else {
            is_owned(right) || matches!(left.at, At::Const(_))
        }
    }

    #[inline]
    fn binary(&mut self, ty: AbiType, op: Alu, commutes: bool) {
        let right = self.pop();
        let left = self.pop();
        let (dst, src) = self.operands(left, right, commutes);
        self.alu(op, is_wide(ty), dst, src);
        self.release_src(src);
        self.push_gpr(ty, dst);
    }

    /// Addition: where the left operand is not to be overwritten, its sum can be had elsewhere by `lea`.
    #[inline]
    fn add(&mut self, ty: AbiType) {
        let right = self.pop();
        let left = self.pop();
        let wide = is_wide(ty);
        // With the local's own register as the left operand, `add` is shorter.
        let hint = self.hint();
        let (left, right) = match (left.at, right.at) {
            (At::Const(_), _) => (right, left),
            (_, At::Gpr(reg)) if Some(reg) == hint => (right, left),
            _ => (left, right),
        };
        if let At::Gpr(base) = left.at
            && (!self.owns(base) || hint.is_some())
            && Some(base) != hint
        {
            let sum = match right.at {
                At::Const(bits) if !wide => Some(Mem::new(base, bits as i32)),
                At::Const(bits) if bits as i32 as u64 == bits => Some(Mem::new(base, bits as i32)),
                At::Gpr(index) if !self.owns(index) || hint.is_some() => Some(Mem::indexed(base, index, 0, 0)),
                _ => None,
            };
            if let Some(sum) = sum {
                let dst = self.result_gpr();
                self.asm.lea(wide, dst, sum);
                self.release(left);
                self.release(right);
                return self.push_gpr(ty, dst);
            }
        }
        let (dst, src) = self.operands(left, right, true);
        self.alu(Alu::Add, wide, dst, src);
        self.release_src(src);
        self.push_gpr(ty, dst);
    }

    fn multiply(&mut self, ty: AbiType) {
        let wide = is_wide(ty);
        let mut right = self.pop();
        let mut left = self.pop();
        if matches!(left.at, At::Const(_)) {
            std::mem::swap(&mut left, &mut right);
        }
        if let At::Const(bits) = right.at
            && (!wide || bits as i32 as u64 == bits)
            && !matches!(left.at, At::Const(_))
        {
            let imm = bits as i32;
            let src = self.src(left);
            let dst = match (self.hint(), src) {
                (Some(reg), _) => reg,
                (None, Src::Gpr(reg)) if self.owns(reg) => reg,
                _ => self.alloc(),
            };
            let short = imm as i8 as i32 == imm;
            let op = Op::one(if short { 0x6b } else { 0x69 });
            match src {
                Src::Gpr(reg) => self.asm.rr(op, wide, dst.0, reg.0),
                Src::Mem(mem) => self.asm.rm(op, wide, dst.0, mem),
                Src::Imm(_) => {}
            }
            if short {
                self.asm.put1(imm as u8)
            } else {
                self.asm.put4(imm as u32)
            }
            if let Src::Gpr(reg) = src
                && reg != dst
            {
                self.release_gpr(reg);
            }
            return self.push_gpr(ty, dst);
        }
        let (dst, src) = self.operands(left, right, true);
        let op = Op::two(0, 0xaf);
        match src {
            Src::Gpr(reg) => self.asm.rr(op, wide, dst.0, reg.0),
            Src::Mem(mem) => self.asm.rm(op, wide, dst.0, mem),
            Src::Imm(imm) => {
                self.asm.rr(Op::one(0x69), wide, dst.0, dst.0);
                self.asm.put4(imm as u32);
            }
        }
        self.release_src(src);
        self.push_gpr(ty, dst);
    }

    fn eqz(&mut self) {
        let val = self.pop();
        match val.at {
            At::Cond(cond) => return self.push_cond(cond.not()),
            At::Mem(mem) => self.asm.alu_mi(Alu::Cmp, false, mem, 0),
            _ => {
                let reg = self.in_gpr(val);
                self.asm.test(false, reg, reg);
                self.release_gpr(reg);
            }
        }
        self.push_cond(Cond::Int(Cc::E));
    }

    #[inline]
    fn compare(&mut self, cc: Cc) {
        let right = self.pop();
        let left = self.pop();
        let wide = is_wide(left.ty);
        let src = self.src(right);
        if let (At::Mem(mem), Src::Imm(imm)) = (left.at, src) {
            self.asm.alu_mi(Alu::Cmp, wide, mem, imm);
            return self.push_cond(Cond::Int(cc));
        }
        let dst = self.in_gpr(left);
        match src {
            Src::Imm(0) => self.asm.test(wide, dst, dst),
            _ => self.alu(Alu::Cmp, wide, dst, src),
        }
        self.release_src(src);
        self.release_gpr(dst);
        self.push_cond(Cond::Int(cc));
    }

    fn shift(&mut self, ty: AbiType, op: Shift) {
        let wide = is_wide(ty);
        let count = self.pop();
        if let At::Const(bits) = count.at {
            let count = bits as u8 & if wide { 63 } else { 31 };
            let val = self.pop();
            let dst = match val.at {
                At::Gpr(reg) if self.owns(reg) => reg,
                _ => {
                    let dst = self.result_gpr();
                    self.load_gpr(dst, val);
                    self.release(val);
                    dst
                }
            };
            if count != 0 {
                self.asm.shift_ri(op, wide, dst, count);
            }
            return self.push_gpr(ty, dst);
        }
        let val = self.pop();
        if self.cpu.bmi2 && !matches!(op, Shift::Rol | Shift::Ror) {
            // shlx, sarx, shrx: any register holds the count.
            let count_reg = self.in_gpr(count);
            let src = self.in_gpr(val);
            let dst = match self.hint() {
                Some(reg) => reg,
                None if self.owns(src) => src,
                None => self.alloc(),
            };
            let prefix = match op {
                Shift::Shl => 1,
                Shift::Sar => 2,
                _ => 3,
            };
            self.asm.vex2_rr(prefix, wide, 0xf7, dst.0, count_reg.0, src.0);
            self.release_gpr(count_reg);
            if src != dst {
                self.release_gpr(src);
            }
            return self.push_gpr(ty, dst);
        }
        // The value must not be where the count has to be.
        if val.at == At::Gpr(RCX) {
            let other = self.alloc();
            self.asm.mov_rr(true, other, RCX);
            self.release_gpr(RCX);
            self.move_to(count, RCX);
            return self.shift_by_cl(ty, op, other);
        }
        self.move_to(count, RCX);
        let dst = self.in_own_gpr(val);
        self.shift_by_cl(ty, op, dst);
    }

    fn shift_by_cl(&mut self, ty: AbiType, op: Shift, dst: Gpr) {
        self.asm.shift_cl(op, is_wide(ty), dst);
        self.release_gpr(RCX);
        self.push_gpr(ty, dst);
    }

    fn count_leading(&mut self, ty: AbiType) {
        let wide = is_wide(ty);
        let val = self.pop();
        let src = self.in_gpr(val);
        self.release_gpr(src);
        let dst = self.result_gpr();
        if self.cpu.lzcnt {
            self.asm.rr(Op::two(0xf3, 0xbd), wide, dst.0, src.0);
        } else {
            // The place of the highest bit, of -1 where there is none; its distance from the top.
            let bits = if wide { 63 } else { 31 };
            self.asm.rr(Op::two(0, 0xbd), wide, R11.0, src.0);
            self.asm.mov_ri(dst, bits * 2 + 1);
            self.asm.cmov(Cc::Ne, false, dst, R11);
            self.asm.alu_ri(Alu::Xor, false, dst, bits as i32);
        }
        self.push_gpr(ty, dst);
    }

    fn count_trailing(&mut self, ty: AbiType) {
        let wide = is_wide(ty);
        let val = self.pop();
        let src = self.in_gpr(val);
        self.release_gpr(src);
        let dst = self.result_gpr();
        if self.cpu.bmi1 {
            self.asm.rr(Op::two(0xf3, 0xbc), wide, dst.0, src.0);
        } else {
            self.asm.rr(Op::two(0, 0xbc), wide, R11.0, src.0);
            self.asm.mov_ri(dst, if wide { 64 } else { 32 });
            self.asm.cmov(Cc::Ne, false, dst, R11);
        }
        self.push_gpr(ty, dst);
    }

    fn count_ones(&mut self, ty: AbiType) {
        let val = self.pop();
        let src = self.in_gpr(val);
        self.release_gpr(src);
        let dst = self.result_gpr();
        self.asm.rr(Op::two(0xf3, 0xb8), is_wide(ty), dst.0, src.0);
        self.push_gpr(ty, dst);
    }

    /// Sign-extends the lowest bits of the value on top.
    fn extend(&mut self, ty: AbiType, width: AbiType, op: Op) {
        let val = self.pop();
        // Only the lowest bits are read, wherever they are.
        let src = self.src(val);
        let dst = match src {
            Src::Gpr(reg) => {
                self.release_gpr(reg);
                self.result_gpr()
            }
            _ => self.result_gpr(),
        };
        match src {
            Src::Gpr(reg) => self.asm.rr(op, is_wide(width), dst.0, reg.0),
            Src::Mem(mem) => self.asm.rm(op, is_wide(width), dst.0, mem),
            Src::Imm(imm) => {
                self.asm.mov_ri(dst, imm as u32 as u64);
                self.asm.rr(op, is_wide(width), dst.0, dst.0);
            }
        }
        self.push_gpr(ty, dst);
    }

    /// `i32.wrap_i64`.
    fn wrap(&mut self) {
        let val = self.pop();
        match val.at {
            At::Const(bits) => self.push(I32, Loc::Const(bits & 0xffff_ffff)),
            _ => {
                let narrow = Val { ty: I32, ..val };
                let dst = match (val.at, self.hint()) {
                    (At::Gpr(reg), None) if self.owns(reg) => {
                        self.asm.zero_extend(reg);
                        return self.push_gpr(I32, reg);
                    }
                    (_, Some(reg)) => reg,
                    _ => self.alloc(),
                };
                self.load_gpr(dst, narrow);
                self.release(val);
                self.push_gpr(I32, dst);
            }
        }
    }

    /// Pushes a value again as one of another integer type whose bits are the same.
    pub(super) fn retype(&mut self, val: Val, ty: AbiType) {
        match val.at {
            At::Const(bits) => self.push(ty, Loc::Const(bits)),
            At::Gpr(reg) if self.owns(reg) => self.push_gpr(ty, reg),
            _ => {
                let reg = self.result_gpr();
                self.load_gpr(reg, val);
                self.push_gpr(ty, reg);
            }
        }
    }

    /// Adds or subtracts pairs.
    fn wide_binary(&mut self, low: Alu, high: Alu) {
        let (right_high, right_low) = (self.pop(), self.pop());
        let (left_high, left_low) = (self.pop(), self.pop());
        let dst_low = self.in_own_gpr(left_low);
        let dst_high = self.in_own_gpr(left_high);
        // Loading a constant keeps the flags.
        let right_low = self.src(right_low);
        let right_high = self.src(right_high);
        self.alu(low, true, dst_low, right_low);
        self.alu(high, true, dst_high, right_high);
        self.release_src(right_low);
        self.release_src(right_high);
        self.push_gpr(I64, dst_low);
        self.push_gpr(I64, dst_high);
    }

    /// Multiplies to a pair: `mul` or `imul` by their number.
    fn wide_multiply(&mut self, number: u8) {
        let right = self.pop();
        let left = self.pop();
        self.asm_scratch(right);
        self.release(right);
        self.put_in_rax(left);
        self.asm.rr(Op::one(0xf7), true, number, R11.0);
        self.push_gpr(I64, RAX);
        self.push_gpr(I64, RDX);
    }

    /// Loads a value into the scratch register.
    pub(super) fn asm_scratch(&mut self, val: Val) {
        self.load_gpr(R11, val);
    }
}

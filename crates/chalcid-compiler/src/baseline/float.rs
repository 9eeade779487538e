//! Numeric instructions on floats.
//!
//! `minss` and its kin give the second operand where one is a NaN or both are zeros, so these cases are told apart first.

use wasmparser::Operator;

use super::asm::{Cc, Op};
use super::reg::{Mem, R11, XMM15, Xmm};
use super::state::{At, Baseline, Cond, Val};
use crate::{AbiType, CompileError};

use AbiType::{F32, F64};

const ADD: u8 = 0x58;
const MUL: u8 = 0x59;
const SUB: u8 = 0x5c;
const MIN: u8 = 0x5d;
const DIV: u8 = 0x5e;
const MAX: u8 = 0x5f;
const SQRT: u8 = 0x51;

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as O;
    match op {
        O::F32Add => b.binary_float(F32, ADD, true),
        O::F64Add => b.binary_float(F64, ADD, true),
        O::F32Sub => b.binary_float(F32, SUB, false),
        O::F64Sub => b.binary_float(F64, SUB, false),
        O::F32Mul => b.binary_float(F32, MUL, true),
        O::F64Mul => b.binary_float(F64, MUL, true),
        O::F32Div => b.binary_float(F32, DIV, false),
        O::F64Div => b.binary_float(F64, DIV, false),
        O::F32Min => b.min_max(F32, true),
        O::F64Min => b.min_max(F64, true),
        O::F32Max => b.min_max(F32, false),
        O::F64Max => b.min_max(F64, false),
        O::F32Eq | O::F64Eq => b.compare_floats(Cond::FloatEq, false),
        O::F32Ne | O::F64Ne => b.compare_floats(Cond::FloatNe, false),
        O::F32Gt | O::F64Gt => b.compare_floats(Cond::Int(Cc::A), false),
        O::F32Ge | O::F64Ge => b.compare_floats(Cond::Int(Cc::Ae), false),
        O::F32Lt | O::F64Lt => b.compare_floats(Cond::Int(Cc::A), true),
        O::F32Le | O::F64Le => b.compare_floats(Cond::Int(Cc::Ae), true),
        O::F32Sqrt => b.unary_float(F32, scalar(F32, SQRT), None),
        O::F64Sqrt => b.unary_float(F64, scalar(F64, SQRT), None),
        O::F32Nearest if b.cpu.sse42 => b.unary_float(F32, Op::x3a(0x0a), Some(8)),
        O::F64Nearest if b.cpu.sse42 => b.unary_float(F64, Op::x3a(0x0b), Some(8)),
        O::F32Floor if b.cpu.sse42 => b.unary_float(F32, Op::x3a(0x0a), Some(9)),
        O::F64Floor if b.cpu.sse42 => b.unary_float(F64, Op::x3a(0x0b), Some(9)),
        O::F32Ceil if b.cpu.sse42 => b.unary_float(F32, Op::x3a(0x0a), Some(10)),
        O::F64Ceil if b.cpu.sse42 => b.unary_float(F64, Op::x3a(0x0b), Some(10)),
        O::F32Trunc if b.cpu.sse42 => b.unary_float(F32, Op::x3a(0x0a), Some(11)),
        O::F64Trunc if b.cpu.sse42 => b.unary_float(F64, Op::x3a(0x0b), Some(11)),
        O::F32Abs => b.mask_float(F32, 0x7fff_ffff, Op::two(0, 0x54)),
        O::F64Abs => b.mask_float(F64, 0x7fff_ffff_ffff_ffff, Op::two(0, 0x54)),
        O::F32Neg => b.mask_float(F32, 0x8000_0000, Op::two(0, 0x57)),
        O::F64Neg => b.mask_float(F64, 0x8000_0000_0000_0000, Op::two(0, 0x57)),
        O::F32Copysign => b.copysign(F32),
        O::F64Copysign => b.copysign(F64),
        O::F32DemoteF64 => b.convert_float(F32, Op::two(0xf2, 0x5a)),
        O::F64PromoteF32 => b.convert_float(F64, Op::two(0xf3, 0x5a)),
        _ => return Ok(false),
    }
    Ok(true)
}

/// The scalar instruction of an opcode.
pub(super) const fn scalar(ty: AbiType, opcode: u8) -> Op {
    Op::two(if matches!(ty, F32) { 0xf3 } else { 0xf2 }, opcode)
}

/// The comparison that sets the flags.
const fn compare(ty: AbiType) -> Op {
    Op::two(if matches!(ty, F32) { 0 } else { 0x66 }, 0x2e)
}

/// The right operand of an instruction.
#[derive(Clone, Copy)]
enum Src {
    Xmm(Xmm),
    Mem(Mem),
}

impl Baseline<'_> {
    fn float_src(&mut self, val: Val) -> Src {
        match val.at {
            At::Xmm(reg) => Src::Xmm(reg),
            At::Mem(mem) => Src::Mem(mem),
            At::Const(bits) => Src::Mem(self.asm.constant(bits.into(), if val.ty == F32 { 4 } else { 8 })),
            _ => Src::Xmm(self.in_xmm(val)),
        }
    }

    fn float_op(&mut self, op: Op, dst: Xmm, src: Src) {
        match src {
            Src::Xmm(reg) => self.asm.sse(op, dst, reg),
            Src::Mem(mem) => self.asm.rm(op, false, dst.0, mem),
        }
    }

    fn release_float_src(&mut self, src: Src) {
        if let Src::Xmm(reg) = src {
            self.release_xmm(reg);
        }
    }

    /// The left of two operands in a register to write, and the right one: the other way round where the operation commutes and that saves a move.
    pub(super) fn left_operand(&mut self, mut left: Val, mut right: Val, commutes: bool) -> (Xmm, Val) {
        let hint = self.hint_xmm();
        let owned = |b: &Self, val: Val| matches!(val.at, At::Xmm(reg) if b.owns_xmm(reg));
        let is_hint = |val: Val| matches!((val.at, hint), (At::Xmm(reg), Some(hint)) if reg == hint);
        if commutes && !is_hint(left) && (is_hint(right) || owned(self, right) && !owned(self, left)) {
            std::mem::swap(&mut left, &mut right);
        }
        let dst = match (left.at, hint) {
            (At::Xmm(reg), _) if self.owns_xmm(reg) => reg,
            (_, Some(reg)) if right.at != At::Xmm(reg) => {
                self.load_xmm(reg, left);
                reg
            }
            _ => {
                let reg = self.alloc_xmm();
                self.load_xmm(reg, left);
                reg
            }
        };
        (dst, right)
    }

    fn binary_float(&mut self, ty: AbiType, opcode: u8, commutes: bool) {
        let right = self.pop();
        let left = self.pop();
        let (dst, right) = self.left_operand(left, right, commutes);
        let src = self.float_src(right);
        self.float_op(scalar(ty, opcode), dst, src);
        self.release_float_src(src);
        self.push_xmm(ty, dst);
    }

    fn min_max(&mut self, ty: AbiType, min: bool) {
        let right = self.pop();
        let left = self.pop();
        let dst = self.in_own_xmm(left);
        let src = self.in_xmm(right);
        self.asm.sse(compare(ty), dst, src);
        let differ = self.asm.short_jcc(Cc::Ne);
        let unordered = self.asm.short_jcc(Cc::P);
        // Equal: only zeros can differ in their bits.
        self.asm.sse(Op::two(0, if min { 0x56 } else { 0x54 }), dst, src);
        let done = self.asm.short_jmp();
        self.asm.bind_short(unordered);
        self.asm.sse(scalar(ty, ADD), dst, src);
        let also_done = self.asm.short_jmp();
        self.asm.bind_short(differ);
        self.asm.sse(scalar(ty, if min { MIN } else { MAX }), dst, src);
        self.asm.bind_short(done);
        self.asm.bind_short(also_done);
        self.release_xmm(src);
        self.push_xmm(ty, dst);
    }

    /// Compares; *less* is *greater* with the operands changed, so that NaN needs no test.
    fn compare_floats(&mut self, cond: Cond, swap: bool) {
        let mut right = self.pop();
        let mut left = self.pop();
        if swap {
            std::mem::swap(&mut left, &mut right);
        }
        let ty = left.ty;
        let dst = self.in_xmm(left);
        let src = self.float_src(right);
        self.float_op(compare(ty), dst, src);
        self.release_float_src(src);
        self.release_xmm(dst);
        self.push_cond(cond);
    }

    fn unary_float(&mut self, ty: AbiType, op: Op, imm: Option<u8>) {
        let val = self.pop();
        // From a register: these instructions keep the upper bits of their destination, which they would have to wait for.
        let src = self.in_xmm(val);
        self.release_xmm(src);
        let dst = self.result_xmm();
        self.asm.sse(op, dst, src);
        if let Some(imm) = imm {
            self.asm.put1(imm);
        }
        self.push_xmm(ty, dst);
    }

    fn convert_float(&mut self, ty: AbiType, op: Op) {
        self.unary_float(ty, op, None);
    }

    /// Changes the sign by a mask.
    fn mask_float(&mut self, ty: AbiType, mask: u64, op: Op) {
        let val = self.pop();
        let dst = match val.at {
            At::Xmm(reg) if self.owns_xmm(reg) => reg,
            _ => {
                let dst = self.result_xmm();
                self.load_xmm(dst, val);
                dst
            }
        };
        self.load_mask(ty, mask);
        self.asm.sse(op, dst, XMM15);
        self.push_xmm(ty, dst);
    }

    fn load_mask(&mut self, ty: AbiType, mask: u64) {
        self.asm.mov_ri(R11, mask);
        self.asm.mov_xr(ty == F64, XMM15, R11);
    }

    fn copysign(&mut self, ty: AbiType) {
        let right = self.pop();
        let left = self.pop();
        let dst = self.in_own_xmm(left);
        let sign = self.in_own_xmm(right);
        let mask = if ty == F64 { 1 << 63 } else { 1 << 31 };
        self.load_mask(ty, mask);
        self.asm.sse(Op::two(0, 0x54), sign, XMM15);
        // andnps: the complement of the first, and the second.
        self.asm.sse(Op::two(0, 0x55), XMM15, dst);
        self.asm.sse(Op::two(0, 0x56), XMM15, sign);
        self.asm.mov_xx(dst, XMM15);
        self.release_xmm(sign);
        self.push_xmm(ty, dst);
    }
}

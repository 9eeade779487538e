//! Arithmetic on lanes of floats, with the rules of the scalar instructions.

use wasmparser::Operator;

use super::{PAND, PXOR, lanes32, lanes64, p};
use crate::baseline::asm::Op;
use crate::baseline::reg::{XMM15, Xmm};
use crate::baseline::state::Baseline;

/// The instruction of an opcode on lanes of 64 bits, or of 32.
const fn packed(double: bool, opcode: u8) -> Op {
    Op::two(if double { 0x66 } else { 0 }, opcode)
}

/// Compiles the instruction if it is one of these.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> bool {
    use Operator as O;
    match op {
        O::F32x4Ceil => b.vector_unary(Op::x3a(0x08), Some(10)),
        O::F64x2Ceil => b.vector_unary(Op::x3a(0x09), Some(10)),
        O::F32x4Floor => b.vector_unary(Op::x3a(0x08), Some(9)),
        O::F64x2Floor => b.vector_unary(Op::x3a(0x09), Some(9)),
        O::F32x4Trunc => b.vector_unary(Op::x3a(0x08), Some(11)),
        O::F64x2Trunc => b.vector_unary(Op::x3a(0x09), Some(11)),
        O::F32x4Nearest => b.vector_unary(Op::x3a(0x08), Some(8)),
        O::F64x2Nearest => b.vector_unary(Op::x3a(0x09), Some(8)),
        O::F32x4Abs => b.vector_in_place(|b, dst| b.with_constant(PAND, dst, lanes32(0x7fff_ffff))),
        O::F64x2Abs => b.vector_in_place(|b, dst| b.with_constant(PAND, dst, lanes64(0x7fff_ffff_ffff_ffff))),
        O::F32x4Neg => b.vector_in_place(|b, dst| b.with_constant(PXOR, dst, lanes32(1 << 31))),
        O::F64x2Neg => b.vector_in_place(|b, dst| b.with_constant(PXOR, dst, lanes64(1 << 63))),
        O::F32x4Sqrt => b.vector_unary(packed(false, 0x51), None),
        O::F64x2Sqrt => b.vector_unary(packed(true, 0x51), None),
        O::F32x4Add => b.vector_binary(packed(false, 0x58), true),
        O::F64x2Add => b.vector_binary(packed(true, 0x58), true),
        O::F32x4Sub => b.vector_binary(packed(false, 0x5c), false),
        O::F64x2Sub => b.vector_binary(packed(true, 0x5c), false),
        O::F32x4Mul => b.vector_binary(packed(false, 0x59), true),
        O::F64x2Mul => b.vector_binary(packed(true, 0x59), true),
        O::F32x4Div => b.vector_binary(packed(false, 0x5e), false),
        O::F64x2Div => b.vector_binary(packed(true, 0x5e), false),
        O::F32x4Min => b.vector_pair(|b, dst, src| min(b, dst, src, false)),
        O::F64x2Min => b.vector_pair(|b, dst, src| min(b, dst, src, true)),
        O::F32x4Max => b.vector_pair(|b, dst, src| max(b, dst, src, false)),
        O::F64x2Max => b.vector_pair(|b, dst, src| max(b, dst, src, true)),
        // What `minps` gives where the two are not in order is its second operand. Relaxed, the same.
        O::F32x4PMin | O::F32x4RelaxedMin => b.vector_swapped(packed(false, 0x5d)),
        O::F64x2PMin | O::F64x2RelaxedMin => b.vector_swapped(packed(true, 0x5d)),
        O::F32x4PMax | O::F32x4RelaxedMax => b.vector_swapped(packed(false, 0x5f)),
        O::F64x2PMax | O::F64x2RelaxedMax => b.vector_swapped(packed(true, 0x5f)),
        _ => return false,
    }
    true
}

/// The minimum of both orders: they differ where one is a NaN, or both are zeros.
fn min(b: &mut Baseline<'_>, dst: Xmm, src: Xmm, double: bool) {
    let op = packed(double, 0x5d);
    b.asm.mov_xx(XMM15, src);
    b.asm.sse(op, XMM15, dst);
    b.asm.sse(op, dst, src);
    // The union has the sign of a negative zero, and is a NaN where either is.
    b.asm.sse(packed(double, 0x56), XMM15, dst);
    b.asm.sse_imm(packed(double, 0xc2), dst, XMM15, 3);
    b.asm.sse(packed(double, 0x56), XMM15, dst);
    quiet(b, dst, double);
}

/// The maximum of both orders.
fn max(b: &mut Baseline<'_>, dst: Xmm, src: Xmm, double: bool) {
    let op = packed(double, 0x5f);
    b.asm.mov_xx(XMM15, src);
    b.asm.sse(op, XMM15, dst);
    b.asm.sse(op, dst, src);
    // Where they differ: a NaN, or zeros of both signs, of which the difference is the positive one.
    b.asm.sse(packed(double, 0x57), dst, XMM15);
    b.asm.sse(packed(double, 0x56), XMM15, dst);
    b.asm.sse(packed(double, 0x5c), XMM15, dst);
    b.asm.sse_imm(packed(double, 0xc2), dst, XMM15, 3);
    quiet(b, dst, double);
}

/// Clears the payload of NaNs, of which `dst` is the mask, in the scratch register; moves the outcome to `dst`.
fn quiet(b: &mut Baseline<'_>, dst: Xmm, double: bool) {
    let (shift, bits) = if double { (p(0x73), 13) } else { (p(0x72), 10) };
    b.asm.sse_imm(shift, Xmm(2), dst, bits);
    b.asm.sse(packed(double, 0x55), dst, XMM15);
}

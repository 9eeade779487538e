//! Conversions between lanes of integers and lanes of floats.

use wasmparser::Operator;

use super::{PAND, PXOR, lanes32, lanes64, p};
use crate::AbiType::V128;
use crate::baseline::asm::Op;
use crate::baseline::reg::{XMM15, Xmm};
use crate::baseline::state::Baseline;

/// `cvttps2dq`, `cvtdq2ps`.
const TO_INT: Op = Op::two(0xf3, 0x5b);
const TO_FLOAT: Op = Op::two(0, 0x5b);
/// `cvttpd2dq`.
const NARROW_TO_INT: Op = p(0xe6);

/// Compiles the instruction if it is one of these.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> bool {
    use Operator as O;
    match op {
        O::I32x4TruncSatF32x4S => b.vector_in_place(truncate_signed),
        O::I32x4TruncSatF32x4U | O::I32x4RelaxedTruncF32x4U => b.vector_in_place(truncate_unsigned),
        O::I32x4RelaxedTruncF32x4S => b.vector_unary(TO_INT, None),
        O::I32x4TruncSatF64x2SZero => b.vector_in_place(|b, dst| {
            // The greatest integer where it is a number, 0 where not: the lesser of that and the float, or 0 for a NaN.
            b.asm.mov_xx(XMM15, dst);
            b.asm.sse_imm(p(0xc2), XMM15, XMM15, 0);
            let limit = b.alloc_xmm();
            b.vector_constant(limit, lanes64(0x41df_ffff_ffc0_0000));
            b.asm.sse(PAND, XMM15, limit);
            b.release_xmm(limit);
            b.asm.sse(p(0x5d), dst, XMM15);
            b.asm.sse(NARROW_TO_INT, dst, dst);
        }),
        O::I32x4RelaxedTruncF64x2SZero => b.vector_unary(NARROW_TO_INT, None),
        O::I32x4TruncSatF64x2UZero | O::I32x4RelaxedTruncF64x2UZero => b.vector_in_place(|b, dst| {
            // Within the range and whole, plus 2^52: the integer is then in the lower half of each lane.
            b.asm.sse(PXOR, XMM15, XMM15);
            b.asm.sse(p(0x5f), dst, XMM15);
            b.with_constant(p(0x5d), dst, lanes64(0x41ef_ffff_ffe0_0000));
            b.asm.sse_imm(Op::x3a(0x09), dst, dst, 11);
            b.with_constant(p(0x58), dst, lanes64(0x4330_0000_0000_0000));
            b.asm.sse(PXOR, XMM15, XMM15);
            b.asm.sse_imm(Op::two(0, 0xc6), dst, XMM15, 0x88);
        }),
        O::F32x4ConvertI32x4S => b.vector_unary(TO_FLOAT, None),
        O::F32x4ConvertI32x4U => b.vector_in_place(|b, dst| {
            // The lower halves, and the upper ones halved: both are exact, so that only the sum is rounded.
            b.asm.sse(PXOR, XMM15, XMM15);
            b.asm.sse_imm(Op::x3a(0x0e), XMM15, dst, 0x55);
            b.asm.sse(p(0xfa), dst, XMM15);
            b.asm.sse(TO_FLOAT, XMM15, XMM15);
            b.asm.sse_imm(p(0x72), Xmm(2), dst, 1);
            b.asm.sse(TO_FLOAT, dst, dst);
            b.asm.sse(Op::two(0, 0x58), dst, dst);
            b.asm.sse(Op::two(0, 0x58), dst, XMM15);
        }),
        O::F64x2ConvertLowI32x4S => b.vector_unary(Op::two(0xf3, 0xe6), None),
        O::F64x2ConvertLowI32x4U => b.vector_in_place(|b, dst| {
            // As the lower half of 2^52 plus itself.
            b.with_constant(Op::two(0, 0x14), dst, lanes32(0x4330_0000));
            b.with_constant(p(0x5c), dst, lanes64(0x4330_0000_0000_0000));
        }),
        O::F32x4DemoteF64x2Zero => b.vector_unary(p(0x5a), None),
        O::F64x2PromoteLowF32x4 => b.vector_unary(Op::two(0, 0x5a), None),
        _ => return false,
    }
    debug_assert!(V128 == crate::AbiType::V128);
    true
}

/// NaN becomes 0; where a number that is not negative gave the least integer, the greatest is right.
fn truncate_signed(b: &mut Baseline<'_>, dst: Xmm) {
    b.asm.mov_xx(XMM15, dst);
    b.asm.sse_imm(Op::two(0, 0xc2), XMM15, XMM15, 0);
    b.asm.sse(PAND, dst, XMM15);
    b.asm.sse(PXOR, XMM15, dst);
    b.asm.sse(TO_INT, dst, dst);
    b.asm.sse(PAND, XMM15, dst);
    b.asm.sse_imm(p(0x72), Xmm(4), XMM15, 31);
    b.asm.sse(PXOR, dst, XMM15);
}

/// The number as a signed integer, which gives 2^31 where that is too small, and what is beyond 2^31 added.
fn truncate_unsigned(b: &mut Baseline<'_>, dst: Xmm) {
    let beyond = b.alloc_xmm();
    b.asm.sse(PXOR, XMM15, XMM15);
    b.asm.sse(Op::two(0, 0x5f), dst, XMM15);
    b.vector_constant(XMM15, lanes32(0x4f00_0000));
    b.asm.mov_xx(beyond, dst);
    b.asm.sse(Op::two(0, 0x5c), beyond, XMM15);
    // Where 2^32 is reached, all ones once the least integer is inverted.
    b.asm.sse_imm(Op::two(0, 0xc2), XMM15, beyond, 2);
    b.asm.sse(TO_INT, beyond, beyond);
    b.asm.sse(PXOR, beyond, XMM15);
    b.asm.sse(PXOR, XMM15, XMM15);
    b.asm.sse(Op::x38(0x3d), beyond, XMM15);
    b.asm.sse(TO_INT, dst, dst);
    b.asm.sse(p(0xfe), dst, beyond);
    b.release_xmm(beyond);
}

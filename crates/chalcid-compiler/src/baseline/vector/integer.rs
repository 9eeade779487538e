//! Arithmetic on lanes of integers, also with narrower and wider lanes as the result.

use wasmparser::Operator;

use super::{PSHUFD, PXOR, bytes, lanes16, lanes32, p};
use crate::AbiType::V128;
use crate::baseline::asm::Op;
use crate::baseline::reg::{XMM15, Xmm};
use crate::baseline::state::Baseline;

/// Compiles the instruction if it is one of these.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> bool {
    use Operator as O;
    match op {
        O::I8x16Add => b.vector_binary(p(0xfc), true),
        O::I16x8Add => b.vector_binary(p(0xfd), true),
        O::I32x4Add => b.vector_binary(p(0xfe), true),
        O::I64x2Add => b.vector_binary(p(0xd4), true),
        O::I8x16Sub => b.vector_binary(p(0xf8), false),
        O::I16x8Sub => b.vector_binary(p(0xf9), false),
        O::I32x4Sub => b.vector_binary(p(0xfa), false),
        O::I64x2Sub => b.vector_binary(p(0xfb), false),
        O::I16x8Mul => b.vector_binary(p(0xd5), true),
        O::I32x4Mul => b.vector_binary(Op::x38(0x40), true),
        O::I64x2Mul => b.vector_pair(multiply64),

        O::I8x16AddSatS => b.vector_binary(p(0xec), true),
        O::I8x16AddSatU => b.vector_binary(p(0xdc), true),
        O::I8x16SubSatS => b.vector_binary(p(0xe8), false),
        O::I8x16SubSatU => b.vector_binary(p(0xd8), false),
        O::I16x8AddSatS => b.vector_binary(p(0xed), true),
        O::I16x8AddSatU => b.vector_binary(p(0xdd), true),
        O::I16x8SubSatS => b.vector_binary(p(0xe9), false),
        O::I16x8SubSatU => b.vector_binary(p(0xd9), false),
        O::I8x16AvgrU => b.vector_binary(p(0xe0), true),
        O::I16x8AvgrU => b.vector_binary(p(0xe3), true),
        O::I16x8Q15MulrSatS => b.vector_pair(|b, dst, src| {
            b.asm.sse(Op::x38(0x0b), dst, src);
            // Only −1 × −1 does not fit, and gives the least number.
            b.vector_constant(XMM15, lanes16(0x8000));
            b.asm.sse(p(0x75), XMM15, dst);
            b.asm.sse(PXOR, dst, XMM15);
        }),

        O::I8x16MinS => b.vector_binary(Op::x38(0x38), true),
        O::I8x16MinU => b.vector_binary(p(0xda), true),
        O::I8x16MaxS => b.vector_binary(Op::x38(0x3c), true),
        O::I8x16MaxU => b.vector_binary(p(0xde), true),
        O::I16x8MinS => b.vector_binary(p(0xea), true),
        O::I16x8MinU => b.vector_binary(Op::x38(0x3a), true),
        O::I16x8MaxS => b.vector_binary(p(0xee), true),
        O::I16x8MaxU => b.vector_binary(Op::x38(0x3e), true),
        O::I32x4MinS => b.vector_binary(Op::x38(0x39), true),
        O::I32x4MinU => b.vector_binary(Op::x38(0x3b), true),
        O::I32x4MaxS => b.vector_binary(Op::x38(0x3d), true),
        O::I32x4MaxU => b.vector_binary(Op::x38(0x3f), true),

        O::I8x16Abs => b.vector_unary(Op::x38(0x1c), None),
        O::I16x8Abs => b.vector_unary(Op::x38(0x1d), None),
        O::I32x4Abs => b.vector_unary(Op::x38(0x1e), None),
        O::I64x2Abs => b.vector_in_place(|b, dst| {
            // All ones where it is negative.
            b.asm.sse(PXOR, XMM15, XMM15);
            b.asm.sse(Op::x38(0x37), XMM15, dst);
            b.asm.sse(PXOR, dst, XMM15);
            b.asm.sse(p(0xfb), dst, XMM15);
        }),
        O::I8x16Neg => negate(b, p(0xf8)),
        O::I16x8Neg => negate(b, p(0xf9)),
        O::I32x4Neg => negate(b, p(0xfa)),
        O::I64x2Neg => negate(b, p(0xfb)),
        O::I8x16Popcnt => count_ones(b),

        O::I8x16NarrowI16x8S => b.vector_binary(p(0x63), false),
        O::I8x16NarrowI16x8U => b.vector_binary(p(0x67), false),
        O::I16x8NarrowI32x4S => b.vector_binary(p(0x6b), false),
        O::I16x8NarrowI32x4U => b.vector_binary(Op::x38(0x2b), false),

        O::I16x8ExtendLowI8x16S => b.vector_unary(Op::x38(0x20), None),
        O::I16x8ExtendHighI8x16S => extend_high(b, Op::x38(0x20)),
        O::I16x8ExtendLowI8x16U => b.vector_unary(Op::x38(0x30), None),
        O::I16x8ExtendHighI8x16U => extend_high(b, Op::x38(0x30)),
        O::I32x4ExtendLowI16x8S => b.vector_unary(Op::x38(0x23), None),
        O::I32x4ExtendHighI16x8S => extend_high(b, Op::x38(0x23)),
        O::I32x4ExtendLowI16x8U => b.vector_unary(Op::x38(0x33), None),
        O::I32x4ExtendHighI16x8U => extend_high(b, Op::x38(0x33)),
        O::I64x2ExtendLowI32x4S => b.vector_unary(Op::x38(0x25), None),
        O::I64x2ExtendHighI32x4S => extend_high(b, Op::x38(0x25)),
        O::I64x2ExtendLowI32x4U => b.vector_unary(Op::x38(0x35), None),
        O::I64x2ExtendHighI32x4U => extend_high(b, Op::x38(0x35)),

        O::I16x8ExtMulLowI8x16S => product(b, Op::x38(0x20), false, p(0xd5)),
        O::I16x8ExtMulHighI8x16S => product(b, Op::x38(0x20), true, p(0xd5)),
        O::I16x8ExtMulLowI8x16U => product(b, Op::x38(0x30), false, p(0xd5)),
        O::I16x8ExtMulHighI8x16U => product(b, Op::x38(0x30), true, p(0xd5)),
        O::I32x4ExtMulLowI16x8S => product(b, Op::x38(0x23), false, Op::x38(0x40)),
        O::I32x4ExtMulHighI16x8S => product(b, Op::x38(0x23), true, Op::x38(0x40)),
        O::I32x4ExtMulLowI16x8U => product(b, Op::x38(0x33), false, Op::x38(0x40)),
        O::I32x4ExtMulHighI16x8U => product(b, Op::x38(0x33), true, Op::x38(0x40)),
        O::I64x2ExtMulLowI32x4S => product64(b, 0x50, Op::x38(0x28)),
        O::I64x2ExtMulHighI32x4S => product64(b, 0xfa, Op::x38(0x28)),
        O::I64x2ExtMulLowI32x4U => product64(b, 0x50, p(0xf4)),
        O::I64x2ExtMulHighI32x4U => product64(b, 0xfa, p(0xf4)),

        O::I16x8ExtAddPairwiseI8x16S => {
            // pmaddubsw takes its first operand as unsigned.
            let val = b.pop();
            let src = b.in_xmm(val);
            b.vector_constant(XMM15, bytes(1));
            b.asm.sse(Op::x38(0x04), XMM15, src);
            b.release_xmm(src);
            let dst = b.result_xmm();
            b.asm.mov_xx(dst, XMM15);
            b.push_xmm(V128, dst);
        }
        O::I16x8ExtAddPairwiseI8x16U => b.vector_in_place(|b, dst| b.with_constant(Op::x38(0x04), dst, bytes(1))),
        O::I32x4ExtAddPairwiseI16x8S => b.vector_in_place(|b, dst| b.with_constant(p(0xf5), dst, lanes16(1))),
        O::I32x4ExtAddPairwiseI16x8U => b.vector_in_place(|b, dst| {
            // As signed numbers, and what that takes off added again.
            b.with_constant(PXOR, dst, lanes16(0x8000));
            b.with_constant(p(0xf5), dst, lanes16(1));
            b.with_constant(p(0xfe), dst, lanes32(0x1_0000));
        }),
        O::I32x4DotI16x8S => b.vector_binary(p(0xf5), true),
        _ => return false,
    }
    true
}

/// Of the halves of 64-bit factors, all products that count.
fn multiply64(b: &mut Baseline<'_>, dst: Xmm, src: Xmm) {
    let cross = b.alloc_xmm();
    let multiply = p(0xf4);
    b.asm.mov_xx(cross, dst);
    b.asm.sse_imm(p(0x73), Xmm(2), cross, 32);
    b.asm.sse(multiply, cross, src);
    b.asm.mov_xx(XMM15, src);
    b.asm.sse_imm(p(0x73), Xmm(2), XMM15, 32);
    b.asm.sse(multiply, XMM15, dst);
    b.asm.sse(p(0xd4), cross, XMM15);
    b.asm.sse_imm(p(0x73), Xmm(6), cross, 32);
    b.asm.sse(multiply, dst, src);
    b.asm.sse(p(0xd4), dst, cross);
    b.release_xmm(cross);
}

fn negate(b: &mut Baseline<'_>, subtract: Op) {
    let val = b.pop();
    let src = b.in_xmm(val);
    b.asm.sse(PXOR, XMM15, XMM15);
    b.asm.sse(subtract, XMM15, src);
    b.release_xmm(src);
    let dst = b.result_xmm();
    b.asm.mov_xx(dst, XMM15);
    b.push_xmm(V128, dst);
}

/// Looks up the number of ones of either half of each byte.
fn count_ones(b: &mut Baseline<'_>) {
    const COUNTS: u128 = u128::from_le_bytes([0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4]);
    b.vector_in_place(|b, dst| {
        let high = b.alloc_xmm();
        let counts = b.alloc_xmm();
        b.asm.mov_xx(high, dst);
        b.asm.sse_imm(p(0x71), Xmm(2), high, 4);
        b.vector_constant(XMM15, bytes(0x0f));
        b.asm.sse(super::PAND, high, XMM15);
        b.asm.sse(super::PAND, dst, XMM15);
        b.vector_constant(counts, COUNTS);
        b.asm.mov_xx(XMM15, counts);
        b.asm.sse(Op::x38(0x00), XMM15, dst);
        b.asm.sse(Op::x38(0x00), counts, high);
        b.asm.sse(p(0xfc), XMM15, counts);
        b.asm.mov_xx(dst, XMM15);
        b.release_xmm(high);
        b.release_xmm(counts);
    });
}

/// Widens the upper lanes.
fn extend_high(b: &mut Baseline<'_>, widen: Op) {
    let val = b.pop();
    let src = b.in_xmm(val);
    b.release_xmm(src);
    let dst = b.result_xmm();
    b.asm.sse_imm(PSHUFD, dst, src, 0xee);
    b.asm.sse(widen, dst, dst);
    b.push_xmm(V128, dst);
}

/// Multiplies what `widen` makes of two operands.
fn product(b: &mut Baseline<'_>, widen: Op, high: bool, multiply: Op) {
    b.vector_pair(|b, dst, src| {
        if high {
            b.asm.sse_imm(PSHUFD, XMM15, src, 0xee);
            b.asm.sse(widen, XMM15, XMM15);
            b.asm.sse_imm(PSHUFD, dst, dst, 0xee);
        } else {
            b.asm.sse(widen, XMM15, src);
        }
        b.asm.sse(widen, dst, dst);
        b.asm.sse(multiply, dst, XMM15);
    });
}

/// Multiplies two lanes of either operand, moved to where the instruction reads them.
fn product64(b: &mut Baseline<'_>, order: u8, multiply: Op) {
    b.vector_pair(|b, dst, src| {
        b.asm.sse_imm(PSHUFD, XMM15, src, order);
        b.asm.sse_imm(PSHUFD, dst, dst, order);
        b.asm.sse(multiply, dst, XMM15);
    });
}

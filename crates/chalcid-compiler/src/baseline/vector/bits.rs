//! Constants, operations on all 128 bits alike, and tests of lanes.

use wasmparser::Operator;

use super::{PAND, PANDN, POR, PXOR, p};
use crate::AbiType::{I32, V128};
use crate::baseline::asm::{Cc, Op};
use crate::baseline::reg::XMM15;
use crate::baseline::state::{Baseline, Cond};

/// Compiles the instruction if it is one of these.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> bool {
    use Operator as O;
    match op {
        O::V128Const { value } => {
            let dst = b.result_xmm();
            b.vector_constant(dst, u128::from_le_bytes(*value.bytes()));
            b.push_xmm(V128, dst);
        }
        O::V128Not => b.vector_in_place(|b, dst| b.with_constant(PXOR, dst, u128::MAX)),
        O::V128And => b.vector_binary(PAND, true),
        O::V128AndNot => b.vector_swapped(PANDN),
        O::V128Or => b.vector_binary(POR, true),
        O::V128Xor => b.vector_binary(PXOR, true),
        O::V128Bitselect => {
            // The second, changed where the mask has ones and the two differ.
            let mask = b.pop();
            let zeros = b.pop();
            let ones = b.pop();
            let dst = b.in_own_xmm(ones);
            let zeros = b.in_xmm(zeros);
            let mask = b.in_xmm(mask);
            b.asm.sse(PXOR, dst, zeros);
            b.asm.sse(PAND, dst, mask);
            b.asm.sse(PXOR, dst, zeros);
            b.release_xmm(zeros);
            b.release_xmm(mask);
            b.push_xmm(V128, dst);
        }
        O::V128AnyTrue => {
            let val = b.pop();
            let src = b.in_xmm(val);
            b.asm.sse(Op::x38(0x17), src, src);
            b.release_xmm(src);
            b.push_cond(Cond::Int(Cc::Ne));
        }
        O::I8x16AllTrue => all_true(b, p(0x74)),
        O::I16x8AllTrue => all_true(b, p(0x75)),
        O::I32x4AllTrue => all_true(b, p(0x76)),
        O::I64x2AllTrue => all_true(b, Op::x38(0x29)),
        O::I8x16Bitmask => bitmask(b, p(0xd7)),
        O::I16x8Bitmask => {
            let val = b.pop();
            let src = b.in_xmm(val);
            b.asm.mov_xx(XMM15, src);
            b.release_xmm(src);
            b.asm.sse(p(0x63), XMM15, XMM15);
            let dst = b.result_gpr();
            b.asm.rr(p(0xd7), false, dst.0, XMM15.0);
            b.asm.movzx8(dst, dst);
            b.push_gpr(I32, dst);
        }
        O::I32x4Bitmask => bitmask(b, Op::two(0, 0x50)),
        O::I64x2Bitmask => bitmask(b, p(0x50)),
        _ => return false,
    }
    true
}

/// Whether no lane is zero.
fn all_true(b: &mut Baseline<'_>, equal: Op) {
    let val = b.pop();
    let src = b.in_xmm(val);
    b.asm.sse(PXOR, XMM15, XMM15);
    b.asm.sse(equal, XMM15, src);
    b.asm.sse(Op::x38(0x17), XMM15, XMM15);
    b.release_xmm(src);
    b.push_cond(Cond::Int(Cc::E));
}

fn bitmask(b: &mut Baseline<'_>, op: Op) {
    let val = b.pop();
    let src = b.in_xmm(val);
    let dst = b.result_gpr();
    b.asm.rr(op, false, dst.0, src.0);
    b.release_xmm(src);
    b.push_gpr(I32, dst);
}

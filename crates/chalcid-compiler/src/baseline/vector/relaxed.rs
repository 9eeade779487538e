//! Relaxed vector instructions: the choices of `optimizing/vector/relaxed.rs` for x86 with SSE4.2. Those that are like others are with them.

use wasmparser::Operator;

use super::{PXOR, lanes16, lanes32, lanes64, p};
use crate::AbiType::V128;
use crate::baseline::asm::Op;
use crate::baseline::reg::XMM0;
use crate::baseline::state::{At, Baseline};

/// Compiles the instruction if it is one of these.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> bool {
    use Operator as O;
    match op {
        O::F32x4RelaxedMadd => multiply_add(b, false, false),
        O::F32x4RelaxedNmadd => multiply_add(b, false, true),
        O::F64x2RelaxedMadd => multiply_add(b, true, false),
        O::F64x2RelaxedNmadd => multiply_add(b, true, true),
        O::I8x16RelaxedLaneselect | O::I16x8RelaxedLaneselect => lane_select(b, Op::x38(0x10)),
        O::I32x4RelaxedLaneselect => lane_select(b, Op::x38(0x14)),
        O::I64x2RelaxedLaneselect => lane_select(b, Op::x38(0x15)),
        O::I16x8RelaxedQ15mulrS => b.vector_binary(Op::x38(0x0b), true),
        // The first operand of `pmaddubsw` is the unsigned one.
        O::I16x8RelaxedDotI8x16I7x16S => b.vector_swapped(Op::x38(0x04)),
        O::I32x4RelaxedDotI8x16I7x16AddS => {
            let sum = b.pop();
            let right = b.pop();
            let left = b.pop();
            let dst = b.in_own_xmm(right);
            let src = b.in_xmm(left);
            b.asm.sse(Op::x38(0x04), dst, src);
            b.release_xmm(src);
            b.with_constant(p(0xf5), dst, lanes16(1));
            let sum = b.in_xmm(sum);
            b.asm.sse(p(0xfe), dst, sum);
            b.release_xmm(sum);
            b.push_xmm(V128, dst);
        }
        _ => return false,
    }
    true
}

/// `x × y + z`, or `−(x × y) + z` if `negate`.
fn multiply_add(b: &mut Baseline<'_>, double: bool, negate: bool) {
    let z = b.pop();
    let y = b.pop();
    let x = b.pop();
    let dst = b.in_own_xmm(x);
    let y = b.in_xmm(y);
    let z = b.in_xmm(z);
    if b.cpu.fma {
        b.asm.vex2_rr(1, double, if negate { 0xac } else { 0xa8 }, dst.0, y.0, z.0);
    } else {
        let prefix = if double { 0x66 } else { 0 };
        if negate {
            b.with_constant(PXOR, dst, if double { lanes64(1 << 63) } else { lanes32(1 << 31) });
        }
        b.asm.sse(Op::two(prefix, 0x59), dst, y);
        b.asm.sse(Op::two(prefix, 0x58), dst, z);
    }
    b.release_xmm(y);
    b.release_xmm(z);
    b.push_xmm(V128, dst);
}

/// By the top bit of each lane of the mask, which the instruction wants in `xmm0`.
fn lane_select(b: &mut Baseline<'_>, blend: Op) {
    let mask = b.pop();
    let zeros = b.pop();
    let ones = b.pop();
    // Neither of the others may lie there.
    let zeros = b.in_own_xmm(zeros);
    let dst = if zeros == XMM0 {
        let other = b.alloc_xmm();
        b.asm.mov_xx(other, zeros);
        b.release_xmm(zeros);
        other
    } else {
        zeros
    };
    let ones = b.in_xmm(ones);
    let src = if ones == XMM0 {
        let other = b.alloc_xmm();
        b.asm.mov_xx(other, ones);
        b.release_xmm(ones);
        other
    } else {
        ones
    };
    if mask.at != At::Xmm(XMM0) {
        b.take_xmm(XMM0);
        b.load_xmm(XMM0, mask);
        b.release(mask);
    }
    b.asm.sse(blend, dst, src);
    b.release_xmm(XMM0);
    b.release_xmm(src);
    b.push_xmm(V128, dst);
}

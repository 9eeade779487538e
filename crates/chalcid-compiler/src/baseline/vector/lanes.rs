//! Moving lanes: splat, extract, replace, shuffle, swizzle.

use wasmparser::Operator;

use super::{POR, PSHUFD, PXOR, bytes, p};
use crate::AbiType::{self, F32, F64, I32, I64, V128};
use crate::baseline::asm::Op;
use crate::baseline::reg::{XMM15, Xmm};
use crate::baseline::state::Baseline;

const PSHUFB: Op = Op::x38(0x00);

/// Compiles the instruction if it is one of these.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> bool {
    use Operator as O;
    match op {
        O::I8x16Splat => splat_int(b, 1),
        O::I16x8Splat => splat_int(b, 2),
        O::I32x4Splat => splat_int(b, 4),
        O::I64x2Splat => splat_int(b, 8),
        O::F32x4Splat => b.vector_unary(PSHUFD, Some(0)),
        O::F64x2Splat => b.vector_unary(PSHUFD, Some(0x44)),

        O::I8x16ExtractLaneS { lane } => extract_int(b, 1, *lane, I32, true),
        O::I8x16ExtractLaneU { lane } => extract_int(b, 1, *lane, I32, false),
        O::I16x8ExtractLaneS { lane } => extract_int(b, 2, *lane, I32, true),
        O::I16x8ExtractLaneU { lane } => extract_int(b, 2, *lane, I32, false),
        O::I32x4ExtractLane { lane } => extract_int(b, 4, *lane, I32, false),
        O::I64x2ExtractLane { lane } => extract_int(b, 8, *lane, I64, false),
        O::F32x4ExtractLane { lane } => extract_float(b, F32, *lane),
        O::F64x2ExtractLane { lane } => extract_float(b, F64, if *lane == 0 { 0 } else { 0xee }),

        O::I8x16ReplaceLane { lane } => replace_int(b, 1, *lane),
        O::I16x8ReplaceLane { lane } => replace_int(b, 2, *lane),
        O::I32x4ReplaceLane { lane } => replace_int(b, 4, *lane),
        O::I64x2ReplaceLane { lane } => replace_int(b, 8, *lane),
        O::F32x4ReplaceLane { lane } => b.vector_pair(|b, dst, src| {
            b.asm.sse_imm(Op::x3a(0x21), dst, src, lane << 4);
        }),
        O::F64x2ReplaceLane { lane } => b.vector_pair(|b, dst, src| {
            // `movsd` keeps the upper half, `movlhps` the lower one.
            let op = if *lane == 0 { Op::two(0xf2, 0x10) } else { Op::two(0, 0x16) };
            b.asm.sse(op, dst, src);
        }),

        O::I8x16Shuffle { lanes } => shuffle(b, *lanes),
        O::I8x16Swizzle => b.vector_pair(|b, dst, src| {
            // Indices beyond 15 get their highest bit set, which stands for zero.
            b.vector_constant(XMM15, bytes(0x70));
            b.asm.sse(p(0xdc), XMM15, src);
            b.asm.sse(PSHUFB, dst, XMM15);
        }),
        O::I8x16RelaxedSwizzle => b.vector_binary(PSHUFB, false),
        _ => return false,
    }
    true
}

fn splat_int(b: &mut Baseline<'_>, size: u8) {
    let val = b.pop();
    let src = b.in_gpr(val);
    let dst = b.result_xmm();
    b.asm.mov_xr(size == 8, dst, src);
    b.release_gpr(src);
    splat_lowest(b, dst, size);
    b.push_xmm(V128, dst);
}

/// Copies the lowest lane to all.
pub(super) fn splat_lowest(b: &mut Baseline<'_>, dst: Xmm, size: u8) {
    match size {
        1 => {
            b.asm.sse(PXOR, XMM15, XMM15);
            b.asm.sse(PSHUFB, dst, XMM15);
        }
        2 => {
            b.asm.sse_imm(Op::two(0xf2, 0x70), dst, dst, 0);
            b.asm.sse_imm(PSHUFD, dst, dst, 0);
        }
        4 => b.asm.sse_imm(PSHUFD, dst, dst, 0),
        _ => b.asm.sse_imm(PSHUFD, dst, dst, 0x44),
    }
}

fn extract_int(b: &mut Baseline<'_>, size: u8, lane: u8, ty: AbiType, signed: bool) {
    let val = b.pop();
    let src = b.in_xmm(val);
    let dst = b.result_gpr();
    match (size, lane) {
        (4 | 8, 0) => b.asm.mov_rx(size == 8, dst, src),
        (4 | 8, _) => {
            b.asm.rr(Op::x3a(0x16), size == 8, src.0, dst.0);
            b.asm.put1(lane);
        }
        (2, _) => {
            b.asm.rr(p(0xc5), false, dst.0, src.0);
            b.asm.put1(lane);
        }
        _ => {
            b.asm.rr(Op::x3a(0x14), false, src.0, dst.0);
            b.asm.put1(lane);
        }
    }
    if signed {
        let op = if size == 1 { Op::two(0, 0xbe).byte() } else { Op::two(0, 0xbf) };
        b.asm.rr(op, false, dst.0, dst.0);
    }
    b.release_xmm(src);
    b.push_gpr(ty, dst);
}

fn extract_float(b: &mut Baseline<'_>, ty: AbiType, order: u8) {
    let val = b.pop();
    let src = b.in_xmm(val);
    b.release_xmm(src);
    let dst = b.result_xmm();
    if order == 0 {
        b.asm.mov_xx(dst, src);
    } else {
        b.asm.sse_imm(PSHUFD, dst, src, order);
    }
    b.push_xmm(ty, dst);
}

fn replace_int(b: &mut Baseline<'_>, size: u8, lane: u8) {
    let val = b.pop();
    let src = b.in_gpr(val);
    let op = match size {
        1 => Op::x3a(0x20),
        2 => p(0xc4),
        _ => Op::x3a(0x22),
    };
    b.vector_in_place(|b, dst| {
        b.asm.rr(op, size == 8, dst.0, src.0);
        b.asm.put1(lane);
    });
    b.release_gpr(src);
}

/// Takes bytes from both operands by two shuffles whose outcomes are united; one will do where only one operand is asked for.
fn shuffle(b: &mut Baseline<'_>, lanes: [u8; 16]) {
    let from = |first: u8| {
        let picked = lanes.map(|lane| if (first..first + 16).contains(&lane) { lane - first } else { 0x80 });
        u128::from_le_bytes(picked)
    };
    let (left, right) = (from(0), from(16));
    let none = bytes(0x80);
    b.vector_pair(|b, dst, src| {
        if right == none {
            return b.with_constant(PSHUFB, dst, left);
        }
        if left == none {
            b.asm.mov_xx(dst, src);
            return b.with_constant(PSHUFB, dst, right);
        }
        let other = b.alloc_xmm();
        b.asm.mov_xx(other, src);
        b.with_constant(PSHUFB, other, right);
        b.with_constant(PSHUFB, dst, left);
        b.asm.sse(POR, dst, other);
        b.release_xmm(other);
    });
}

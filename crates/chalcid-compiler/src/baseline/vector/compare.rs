//! Comparisons lane by lane: all ones where they hold, zeros elsewhere.
//!
//! The CPU compares integers for equality and signed *greater*. Unsigned, the greater of two numbers is the first where that is no less.

use wasmparser::Operator;

use super::{PXOR, p};
use crate::AbiType::V128;
use crate::baseline::asm::Op;
use crate::baseline::state::Baseline;

const MIN_U8: Op = p(0xda);
const MAX_U8: Op = p(0xde);
const MIN_U16: Op = Op::x38(0x3a);
const MAX_U16: Op = Op::x38(0x3e);
const MIN_U32: Op = Op::x38(0x3b);
const MAX_U32: Op = Op::x38(0x3f);
const EQ8: Op = p(0x74);
const EQ16: Op = p(0x75);
const EQ32: Op = p(0x76);
const EQ64: Op = Op::x38(0x29);
const GT8: Op = p(0x64);
const GT16: Op = p(0x65);
const GT32: Op = p(0x66);
const GT64: Op = Op::x38(0x37);

/// Compiles the instruction if it is one of these.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> bool {
    use Operator as O;
    match op {
        O::I8x16Eq => b.vector_binary(EQ8, true),
        O::I8x16Ne => not(b, EQ8, false),
        O::I8x16GtS => b.vector_binary(GT8, false),
        O::I8x16LtS => b.vector_swapped(GT8),
        O::I8x16LeS => not(b, GT8, false),
        O::I8x16GeS => not(b, GT8, true),
        O::I8x16LeU => extreme(b, MIN_U8, EQ8, false),
        O::I8x16GtU => extreme(b, MIN_U8, EQ8, true),
        O::I8x16GeU => extreme(b, MAX_U8, EQ8, false),
        O::I8x16LtU => extreme(b, MAX_U8, EQ8, true),

        O::I16x8Eq => b.vector_binary(EQ16, true),
        O::I16x8Ne => not(b, EQ16, false),
        O::I16x8GtS => b.vector_binary(GT16, false),
        O::I16x8LtS => b.vector_swapped(GT16),
        O::I16x8LeS => not(b, GT16, false),
        O::I16x8GeS => not(b, GT16, true),
        O::I16x8LeU => extreme(b, MIN_U16, EQ16, false),
        O::I16x8GtU => extreme(b, MIN_U16, EQ16, true),
        O::I16x8GeU => extreme(b, MAX_U16, EQ16, false),
        O::I16x8LtU => extreme(b, MAX_U16, EQ16, true),

        O::I32x4Eq => b.vector_binary(EQ32, true),
        O::I32x4Ne => not(b, EQ32, false),
        O::I32x4GtS => b.vector_binary(GT32, false),
        O::I32x4LtS => b.vector_swapped(GT32),
        O::I32x4LeS => not(b, GT32, false),
        O::I32x4GeS => not(b, GT32, true),
        O::I32x4LeU => extreme(b, MIN_U32, EQ32, false),
        O::I32x4GtU => extreme(b, MIN_U32, EQ32, true),
        O::I32x4GeU => extreme(b, MAX_U32, EQ32, false),
        O::I32x4LtU => extreme(b, MAX_U32, EQ32, true),

        O::I64x2Eq => b.vector_binary(EQ64, true),
        O::I64x2Ne => not(b, EQ64, false),
        O::I64x2GtS => b.vector_binary(GT64, false),
        O::I64x2LtS => b.vector_swapped(GT64),
        O::I64x2LeS => not(b, GT64, false),
        O::I64x2GeS => not(b, GT64, true),

        O::F32x4Eq => floats(b, 0, 0, false),
        O::F32x4Ne => floats(b, 0, 4, false),
        O::F32x4Lt => floats(b, 0, 1, false),
        O::F32x4Gt => floats(b, 0, 1, true),
        O::F32x4Le => floats(b, 0, 2, false),
        O::F32x4Ge => floats(b, 0, 2, true),
        O::F64x2Eq => floats(b, 0x66, 0, false),
        O::F64x2Ne => floats(b, 0x66, 4, false),
        O::F64x2Lt => floats(b, 0x66, 1, false),
        O::F64x2Gt => floats(b, 0x66, 1, true),
        O::F64x2Le => floats(b, 0x66, 2, false),
        O::F64x2Ge => floats(b, 0x66, 2, true),
        _ => return false,
    }
    true
}

/// Where a comparison does not hold, with its operands exchanged if `swap`.
fn not(b: &mut Baseline<'_>, op: Op, swap: bool) {
    if swap {
        b.vector_swapped(op)
    } else {
        b.vector_binary(op, false)
    }
    b.vector_in_place(|b, dst| b.with_constant(PXOR, dst, u128::MAX));
}

/// Where the lesser, or the greater, of the two is the first; or where it is not.
fn extreme(b: &mut Baseline<'_>, choose: Op, equal: Op, negate: bool) {
    let right = b.pop();
    let left = b.pop();
    let dst = b.in_own_xmm(right);
    let first = b.in_xmm(left);
    b.asm.sse(choose, dst, first);
    b.asm.sse(equal, dst, first);
    b.release_xmm(first);
    if negate {
        b.with_constant(PXOR, dst, u128::MAX);
    }
    b.push_xmm(V128, dst);
}

fn floats(b: &mut Baseline<'_>, prefix: u8, predicate: u8, swap: bool) {
    let mut right = b.pop();
    let mut left = b.pop();
    if swap {
        std::mem::swap(&mut left, &mut right);
    }
    let dst = b.in_own_xmm(left);
    let src = b.in_xmm(right);
    b.asm.sse_imm(Op::two(prefix, 0xc2), dst, src, predicate);
    b.release_xmm(src);
    b.push_xmm(V128, dst);
}

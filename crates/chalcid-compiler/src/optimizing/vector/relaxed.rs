//! Relaxed vector instructions: those whose results the specification leaves open at the edges.
//!
//! Each takes what the CPU does best, and the same everywhere on CPUs with the same features. Every tier has to make these choices.
//!
//! | instruction | x86 | otherwise |
//! |---|---|---|
//! | swizzle | `pshufb`: index ≥ 128 gives 0, others count modulo 16 | as the strict one |
//! | trunc signed | `cvttps2dq`: NaN and out of range give the least integer | as the strict one |
//! | trunc unsigned | as the strict one | as the strict one |
//! | madd, nmadd | fused if the CPU has FMA, else rounded twice | fused if the CPU has it |
//! | laneselect | by the top bit of each lane (16-bit lanes: of each byte) with SSE4.1 | bit by bit |
//! | min, max | `minps`: the first operand if either is a NaN or both are zeros | as the strict one |
//! | q15mulr | `pmulhrsw`: −1 × −1 gives −1, with SSSE3 | saturates |
//! | dot | `pmaddubsw`: the second operand's bytes are unsigned, sums saturate, with SSSE3 | signed |

use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use wasmparser::Operator;

use super::{bits, convert, float, integer};
use crate::optimizing::translator::FuncTranslator;

/// Translates the instruction if it is one of these.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> bool {
    use Operator as Op;
    use types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
    match op {
        Op::I8x16RelaxedSwizzle => {
            let x86 = t.isa.has_x86_pshufb_lowering();
            t.binary(|ins, x, indices| if x86 { ins.x86_pshufb(x, indices) } else { ins.swizzle(x, indices) });
        }
        Op::I32x4RelaxedTruncF32x4S => {
            let x86 = t.is_x86();
            t.unary_lanes(F32X4, |ins, x| if x86 { ins.x86_cvtt2dq(I32X4, x) } else { ins.fcvt_to_sint_sat(I32X4, x) });
        }
        Op::I32x4RelaxedTruncF32x4U => t.unary_lanes(F32X4, |ins, x| ins.fcvt_to_uint_sat(I32X4, x)),
        Op::I32x4RelaxedTruncF64x2SZero => {
            let x86 = t.is_x86();
            convert::truncate_signed(t, |t, x| {
                if x86 { t.ins().x86_cvtt2dq(I64X2, x) } else { t.ins().fcvt_to_sint_sat(I64X2, x) }
            });
        }
        Op::I32x4RelaxedTruncF64x2UZero => convert::truncate_unsigned(t),
        Op::F32x4RelaxedMadd => multiply_add(t, F32X4, false),
        Op::F32x4RelaxedNmadd => multiply_add(t, F32X4, true),
        Op::F64x2RelaxedMadd => multiply_add(t, F64X2, false),
        Op::F64x2RelaxedNmadd => multiply_add(t, F64X2, true),
        Op::I8x16RelaxedLaneselect => lane_select(t, I8X16),
        // Bytes will do: the lanes of a mask are all ones or all zeros, or the outcome is open.
        Op::I16x8RelaxedLaneselect => lane_select(t, I8X16),
        Op::I32x4RelaxedLaneselect => lane_select(t, I32X4),
        Op::I64x2RelaxedLaneselect => lane_select(t, I64X2),
        Op::F32x4RelaxedMin => min(t, F32X4),
        Op::F64x2RelaxedMin => min(t, F64X2),
        Op::F32x4RelaxedMax => max(t, F32X4),
        Op::F64x2RelaxedMax => max(t, F64X2),
        Op::I16x8RelaxedQ15mulrS => {
            let x86 = t.isa.has_x86_pmulhrsw_lowering();
            t.binary_lanes(I16X8, |ins, x, y| if x86 { ins.x86_pmulhrsw(x, y) } else { ins.sqmul_round_sat(x, y) });
        }
        Op::I16x8RelaxedDotI8x16I7x16S => {
            let (x, y) = t.pop2_vectors(I8X16);
            let result = dot(t, x, y);
            t.push_vector(result);
        }
        Op::I32x4RelaxedDotI8x16I7x16AddS => {
            let sum = t.pop_vector(I32X4);
            let (x, y) = t.pop2_vectors(I8X16);
            let pairs = dot(t, x, y);
            let fours = integer::add_pairs_signed(t, pairs);
            let result = t.ins().iadd(fours, sum);
            t.push_vector(result);
        }
        _ => return false,
    }
    true
}

/// `x × y + z`, or `−(x × y) + z` if `negate`.
fn multiply_add(t: &mut FuncTranslator<'_>, lanes: Type, negate: bool) {
    let z = t.pop_vector(lanes);
    let (x, y) = t.pop2_vectors(lanes);
    let x = if negate { t.ins().fneg(x) } else { x };
    let result = if t.isa.has_native_fma() {
        t.ins().fma(x, y, z)
    } else {
        let product = t.ins().fmul(x, y);
        t.ins().fadd(product, z)
    };
    t.push_vector(result);
}

fn lane_select(t: &mut FuncTranslator<'_>, lanes: Type) {
    if !t.isa.has_blendv_lowering(lanes) {
        bits::select(t);
        return;
    }
    let mask = t.pop_vector(lanes);
    let (ones, zeros) = t.pop2_vectors(lanes);
    let result = t.ins().blendv(mask, ones, zeros);
    t.push_vector(result);
}

/// The operands change places, so that x86's `minps` does exactly this.
fn min(t: &mut FuncTranslator<'_>, lanes: Type) {
    if t.is_x86() { float::pseudo_min(t, lanes) } else { t.binary_lanes(lanes, |ins, x, y| ins.fmin(x, y)) }
}

fn max(t: &mut FuncTranslator<'_>, lanes: Type) {
    if t.is_x86() { float::pseudo_max(t, lanes) } else { t.binary_lanes(lanes, |ins, x, y| ins.fmax(x, y)) }
}

/// Adds neighbouring products of the bytes of `x` and the 7-bit numbers of `y`.
fn dot(t: &mut FuncTranslator<'_>, x: Value, y: Value) -> Value {
    if t.isa.has_x86_pmaddubsw_lowering() { t.ins().x86_pmaddubsw(x, y) } else { integer::dot(t, x, y) }
}

//! Arithmetic on lanes of integers, also with wider lanes as the result.

use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator;

use crate::optimizing::translator::FuncTranslator;

/// Translates the instruction if it is one of these.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> bool {
    use Operator as Op;
    use types::{I8X16, I16X8, I32X4, I64X2};
    match op {
        Op::I8x16Add => t.binary_lanes(I8X16, |ins, x, y| ins.iadd(x, y)),
        Op::I16x8Add => t.binary_lanes(I16X8, |ins, x, y| ins.iadd(x, y)),
        Op::I32x4Add => t.binary_lanes(I32X4, |ins, x, y| ins.iadd(x, y)),
        Op::I64x2Add => t.binary_lanes(I64X2, |ins, x, y| ins.iadd(x, y)),
        Op::I8x16Sub => t.binary_lanes(I8X16, |ins, x, y| ins.isub(x, y)),
        Op::I16x8Sub => t.binary_lanes(I16X8, |ins, x, y| ins.isub(x, y)),
        Op::I32x4Sub => t.binary_lanes(I32X4, |ins, x, y| ins.isub(x, y)),
        Op::I64x2Sub => t.binary_lanes(I64X2, |ins, x, y| ins.isub(x, y)),
        Op::I16x8Mul => t.binary_lanes(I16X8, |ins, x, y| ins.imul(x, y)),
        Op::I32x4Mul => t.binary_lanes(I32X4, |ins, x, y| ins.imul(x, y)),
        Op::I64x2Mul => t.binary_lanes(I64X2, |ins, x, y| ins.imul(x, y)),

        // Saturating, and rounding averages.
        Op::I8x16AddSatS => t.binary_lanes(I8X16, |ins, x, y| ins.sadd_sat(x, y)),
        Op::I8x16AddSatU => t.binary_lanes(I8X16, |ins, x, y| ins.uadd_sat(x, y)),
        Op::I8x16SubSatS => t.binary_lanes(I8X16, |ins, x, y| ins.ssub_sat(x, y)),
        Op::I8x16SubSatU => t.binary_lanes(I8X16, |ins, x, y| ins.usub_sat(x, y)),
        Op::I16x8AddSatS => t.binary_lanes(I16X8, |ins, x, y| ins.sadd_sat(x, y)),
        Op::I16x8AddSatU => t.binary_lanes(I16X8, |ins, x, y| ins.uadd_sat(x, y)),
        Op::I16x8SubSatS => t.binary_lanes(I16X8, |ins, x, y| ins.ssub_sat(x, y)),
        Op::I16x8SubSatU => t.binary_lanes(I16X8, |ins, x, y| ins.usub_sat(x, y)),
        Op::I8x16AvgrU => t.binary_lanes(I8X16, |ins, x, y| ins.avg_round(x, y)),
        Op::I16x8AvgrU => t.binary_lanes(I16X8, |ins, x, y| ins.avg_round(x, y)),
        Op::I16x8Q15MulrSatS => t.binary_lanes(I16X8, |ins, x, y| ins.sqmul_round_sat(x, y)),

        // Least and greatest.
        Op::I8x16MinS => t.binary_lanes(I8X16, |ins, x, y| ins.smin(x, y)),
        Op::I8x16MinU => t.binary_lanes(I8X16, |ins, x, y| ins.umin(x, y)),
        Op::I8x16MaxS => t.binary_lanes(I8X16, |ins, x, y| ins.smax(x, y)),
        Op::I8x16MaxU => t.binary_lanes(I8X16, |ins, x, y| ins.umax(x, y)),
        Op::I16x8MinS => t.binary_lanes(I16X8, |ins, x, y| ins.smin(x, y)),
        Op::I16x8MinU => t.binary_lanes(I16X8, |ins, x, y| ins.umin(x, y)),
        Op::I16x8MaxS => t.binary_lanes(I16X8, |ins, x, y| ins.smax(x, y)),
        Op::I16x8MaxU => t.binary_lanes(I16X8, |ins, x, y| ins.umax(x, y)),
        Op::I32x4MinS => t.binary_lanes(I32X4, |ins, x, y| ins.smin(x, y)),
        Op::I32x4MinU => t.binary_lanes(I32X4, |ins, x, y| ins.umin(x, y)),
        Op::I32x4MaxS => t.binary_lanes(I32X4, |ins, x, y| ins.smax(x, y)),
        Op::I32x4MaxU => t.binary_lanes(I32X4, |ins, x, y| ins.umax(x, y)),

        // Sign and bits.
        Op::I8x16Abs => t.unary_lanes(I8X16, |ins, x| ins.iabs(x)),
        Op::I16x8Abs => t.unary_lanes(I16X8, |ins, x| ins.iabs(x)),
        Op::I32x4Abs => t.unary_lanes(I32X4, |ins, x| ins.iabs(x)),
        Op::I64x2Abs => t.unary_lanes(I64X2, |ins, x| ins.iabs(x)),
        Op::I8x16Neg => t.unary_lanes(I8X16, |ins, x| ins.ineg(x)),
        Op::I16x8Neg => t.unary_lanes(I16X8, |ins, x| ins.ineg(x)),
        Op::I32x4Neg => t.unary_lanes(I32X4, |ins, x| ins.ineg(x)),
        Op::I64x2Neg => t.unary_lanes(I64X2, |ins, x| ins.ineg(x)),
        Op::I8x16Popcnt => t.unary_lanes(I8X16, |ins, x| ins.popcnt(x)),

        // Shifts; the count is taken modulo the width of a lane.
        Op::I8x16Shl => shift(t, I8X16, |ins, x, count| ins.ishl(x, count)),
        Op::I16x8Shl => shift(t, I16X8, |ins, x, count| ins.ishl(x, count)),
        Op::I32x4Shl => shift(t, I32X4, |ins, x, count| ins.ishl(x, count)),
        Op::I64x2Shl => shift(t, I64X2, |ins, x, count| ins.ishl(x, count)),
        Op::I8x16ShrS => shift(t, I8X16, |ins, x, count| ins.sshr(x, count)),
        Op::I16x8ShrS => shift(t, I16X8, |ins, x, count| ins.sshr(x, count)),
        Op::I32x4ShrS => shift(t, I32X4, |ins, x, count| ins.sshr(x, count)),
        Op::I64x2ShrS => shift(t, I64X2, |ins, x, count| ins.sshr(x, count)),
        Op::I8x16ShrU => shift(t, I8X16, |ins, x, count| ins.ushr(x, count)),
        Op::I16x8ShrU => shift(t, I16X8, |ins, x, count| ins.ushr(x, count)),
        Op::I32x4ShrU => shift(t, I32X4, |ins, x, count| ins.ushr(x, count)),
        Op::I64x2ShrU => shift(t, I64X2, |ins, x, count| ins.ushr(x, count)),

        // Tests.
        Op::I8x16AllTrue => all_true(t, I8X16),
        Op::I16x8AllTrue => all_true(t, I16X8),
        Op::I32x4AllTrue => all_true(t, I32X4),
        Op::I64x2AllTrue => all_true(t, I64X2),
        Op::I8x16Bitmask => bitmask(t, I8X16),
        Op::I16x8Bitmask => bitmask(t, I16X8),
        Op::I32x4Bitmask => bitmask(t, I32X4),
        Op::I64x2Bitmask => bitmask(t, I64X2),

        // Narrower lanes, saturated; the operands' lanes are signed.
        Op::I8x16NarrowI16x8S => t.binary_lanes(I16X8, |ins, x, y| ins.snarrow(x, y)),
        Op::I8x16NarrowI16x8U => t.binary_lanes(I16X8, |ins, x, y| ins.unarrow(x, y)),
        Op::I16x8NarrowI32x4S => t.binary_lanes(I32X4, |ins, x, y| ins.snarrow(x, y)),
        Op::I16x8NarrowI32x4U => t.binary_lanes(I32X4, |ins, x, y| ins.unarrow(x, y)),

        // Wider lanes.
        Op::I16x8ExtendLowI8x16S => t.unary_lanes(I8X16, |ins, x| ins.swiden_low(x)),
        Op::I16x8ExtendHighI8x16S => t.unary_lanes(I8X16, |ins, x| ins.swiden_high(x)),
        Op::I16x8ExtendLowI8x16U => t.unary_lanes(I8X16, |ins, x| ins.uwiden_low(x)),
        Op::I16x8ExtendHighI8x16U => t.unary_lanes(I8X16, |ins, x| ins.uwiden_high(x)),
        Op::I32x4ExtendLowI16x8S => t.unary_lanes(I16X8, |ins, x| ins.swiden_low(x)),
        Op::I32x4ExtendHighI16x8S => t.unary_lanes(I16X8, |ins, x| ins.swiden_high(x)),
        Op::I32x4ExtendLowI16x8U => t.unary_lanes(I16X8, |ins, x| ins.uwiden_low(x)),
        Op::I32x4ExtendHighI16x8U => t.unary_lanes(I16X8, |ins, x| ins.uwiden_high(x)),
        Op::I64x2ExtendLowI32x4S => t.unary_lanes(I32X4, |ins, x| ins.swiden_low(x)),
        Op::I64x2ExtendHighI32x4S => t.unary_lanes(I32X4, |ins, x| ins.swiden_high(x)),
        Op::I64x2ExtendLowI32x4U => t.unary_lanes(I32X4, |ins, x| ins.uwiden_low(x)),
        Op::I64x2ExtendHighI32x4U => t.unary_lanes(I32X4, |ins, x| ins.uwiden_high(x)),

        Op::I16x8ExtMulLowI8x16S => product(t, I8X16, |ins, x| ins.swiden_low(x)),
        Op::I16x8ExtMulHighI8x16S => product(t, I8X16, |ins, x| ins.swiden_high(x)),
        Op::I16x8ExtMulLowI8x16U => product(t, I8X16, |ins, x| ins.uwiden_low(x)),
        Op::I16x8ExtMulHighI8x16U => product(t, I8X16, |ins, x| ins.uwiden_high(x)),
        Op::I32x4ExtMulLowI16x8S => product(t, I16X8, |ins, x| ins.swiden_low(x)),
        Op::I32x4ExtMulHighI16x8S => product(t, I16X8, |ins, x| ins.swiden_high(x)),
        Op::I32x4ExtMulLowI16x8U => product(t, I16X8, |ins, x| ins.uwiden_low(x)),
        Op::I32x4ExtMulHighI16x8U => product(t, I16X8, |ins, x| ins.uwiden_high(x)),
        Op::I64x2ExtMulLowI32x4S => product(t, I32X4, |ins, x| ins.swiden_low(x)),
        Op::I64x2ExtMulHighI32x4S => product(t, I32X4, |ins, x| ins.swiden_high(x)),
        Op::I64x2ExtMulLowI32x4U => product(t, I32X4, |ins, x| ins.uwiden_low(x)),
        Op::I64x2ExtMulHighI32x4U => product(t, I32X4, |ins, x| ins.uwiden_high(x)),

        Op::I16x8ExtAddPairwiseI8x16S => {
            let x = t.pop_vector(I8X16);
            let sums = add_pairs_signed(t, x);
            t.push_vector(sums);
        }
        Op::I16x8ExtAddPairwiseI8x16U => add_pairs_unsigned(t, I8X16),
        Op::I32x4ExtAddPairwiseI16x8S => {
            let x = t.pop_vector(I16X8);
            let sums = add_pairs_signed(t, x);
            t.push_vector(sums);
        }
        Op::I32x4ExtAddPairwiseI16x8U => add_pairs_unsigned(t, I16X8),
        Op::I32x4DotI16x8S => {
            let (x, y) = t.pop2_vectors(I16X8);
            let result = dot(t, x, y);
            t.push_vector(result);
        }
        _ => return false,
    }
    true
}

fn shift(t: &mut FuncTranslator<'_>, lanes: Type, make: impl FnOnce(FuncInstBuilder<'_, '_>, Value, Value) -> Value) {
    let count = t.pop();
    t.unary_lanes(lanes, |ins, x| make(ins, x, count));
}

fn all_true(t: &mut FuncTranslator<'_>, lanes: Type) {
    let x = t.pop_vector(lanes);
    let result = t.ins().vall_true(x);
    t.push(result);
    t.truth();
}

fn bitmask(t: &mut FuncTranslator<'_>, lanes: Type) {
    let x = t.pop_vector(lanes);
    let result = t.ins().vhigh_bits(types::I32, x);
    t.push(result);
}

/// Multiplies what `widen` makes of two operands.
fn product(t: &mut FuncTranslator<'_>, lanes: Type, widen: impl Fn(FuncInstBuilder<'_, '_>, Value) -> Value) {
    let (x, y) = t.pop2_vectors(lanes);
    let x = widen(t.ins(), x);
    let y = widen(t.ins(), y);
    let result = t.ins().imul(x, y);
    t.push_vector(result);
}

/// Adds neighbours, as signed numbers, to lanes of twice the width.
pub(super) fn add_pairs_signed(t: &mut FuncTranslator<'_>, x: Value) -> Value {
    let low = t.ins().swiden_low(x);
    let high = t.ins().swiden_high(x);
    t.ins().iadd_pairwise(low, high)
}

/// Adds neighbours, as unsigned numbers, to lanes of twice the width.
fn add_pairs_unsigned(t: &mut FuncTranslator<'_>, lanes: Type) {
    let x = t.pop_vector(lanes);
    let low = t.ins().uwiden_low(x);
    let high = t.ins().uwiden_high(x);
    let result = t.ins().iadd_pairwise(low, high);
    t.push_vector(result);
}

/// Adds neighbouring products, all signed and of twice the width.
pub(super) fn dot(t: &mut FuncTranslator<'_>, x: Value, y: Value) -> Value {
    let x_low = t.ins().swiden_low(x);
    let y_low = t.ins().swiden_low(y);
    let low = t.ins().imul(x_low, y_low);
    let x_high = t.ins().swiden_high(x);
    let y_high = t.ins().swiden_high(y);
    let high = t.ins().imul(x_high, y_high);
    t.ins().iadd_pairwise(low, high)
}

//! Conversions between lanes of integers and lanes of floats.

use cranelift_codegen::ir::{InstBuilder, Value, types};
use wasmparser::Operator;

use super::bits;
use crate::optimizing::translator::FuncTranslator;

/// Translates the instruction if it is one of these.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> bool {
    use Operator as Op;
    use types::{F32X4, F64X2, I32X4, I64X2};
    match op {
        Op::I32x4TruncSatF32x4S => t.unary_lanes(F32X4, |ins, x| ins.fcvt_to_sint_sat(I32X4, x)),
        Op::I32x4TruncSatF32x4U => t.unary_lanes(F32X4, |ins, x| ins.fcvt_to_uint_sat(I32X4, x)),
        Op::I32x4TruncSatF64x2SZero => truncate_signed(t, |t, x| t.ins().fcvt_to_sint_sat(I64X2, x)),
        Op::I32x4TruncSatF64x2UZero => truncate_unsigned(t),
        Op::F32x4ConvertI32x4S => t.unary_lanes(I32X4, |ins, x| ins.fcvt_from_sint(F32X4, x)),
        Op::F32x4ConvertI32x4U => t.unary_lanes(I32X4, |ins, x| ins.fcvt_from_uint(F32X4, x)),
        Op::F64x2ConvertLowI32x4S => {
            let x = t.pop_vector(I32X4);
            let wide = t.ins().swiden_low(x);
            let result = t.ins().fcvt_from_sint(F64X2, wide);
            t.push_vector(result);
        }
        Op::F64x2ConvertLowI32x4U => {
            let x = t.pop_vector(I32X4);
            let wide = t.ins().uwiden_low(x);
            let result = t.ins().fcvt_from_uint(F64X2, wide);
            t.push_vector(result);
        }
        Op::F32x4DemoteF64x2Zero => t.unary_lanes(F64X2, |ins, x| ins.fvdemote(x)),
        Op::F64x2PromoteLowF32x4 => t.unary_lanes(F32X4, |ins, x| ins.fvpromote_low(x)),
        _ => return false,
    }
    true
}

/// Truncates two floats, as `convert` does, to the lower two of four integers.
pub(super) fn truncate_signed(
    t: &mut FuncTranslator<'_>,
    convert: impl FnOnce(&mut FuncTranslator<'_>, Value) -> Value,
) {
    let x = t.pop_vector(types::F64X2);
    let wide = convert(t, x);
    let zeros = bits::constant(t, types::I64X2, [0; 16]);
    let result = t.ins().snarrow(wide, zeros);
    t.push_vector(result);
}

/// Truncates two floats, saturating, to the lower two of four unsigned integers.
pub(super) fn truncate_unsigned(t: &mut FuncTranslator<'_>) {
    let x = t.pop_vector(types::F64X2);
    let wide = t.ins().fcvt_to_uint_sat(types::I64X2, x);
    let zeros = bits::constant(t, types::I64X2, [0; 16]);
    let result = t.ins().uunarrow(wide, zeros);
    t.push_vector(result);
}

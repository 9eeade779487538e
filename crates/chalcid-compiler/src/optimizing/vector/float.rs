//! Arithmetic on lanes of floats, with the rules of the scalar instructions.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use wasmparser::Operator;

use crate::optimizing::translator::FuncTranslator;

/// Translates the instruction if it is one of these.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> bool {
    use Operator as Op;
    use types::{F32X4, F64X2};
    match op {
        Op::F32x4Ceil => t.unary_lanes(F32X4, |ins, x| ins.ceil(x)),
        Op::F64x2Ceil => t.unary_lanes(F64X2, |ins, x| ins.ceil(x)),
        Op::F32x4Floor => t.unary_lanes(F32X4, |ins, x| ins.floor(x)),
        Op::F64x2Floor => t.unary_lanes(F64X2, |ins, x| ins.floor(x)),
        Op::F32x4Trunc => t.unary_lanes(F32X4, |ins, x| ins.trunc(x)),
        Op::F64x2Trunc => t.unary_lanes(F64X2, |ins, x| ins.trunc(x)),
        Op::F32x4Nearest => t.unary_lanes(F32X4, |ins, x| ins.nearest(x)),
        Op::F64x2Nearest => t.unary_lanes(F64X2, |ins, x| ins.nearest(x)),
        Op::F32x4Abs => t.unary_lanes(F32X4, |ins, x| ins.fabs(x)),
        Op::F64x2Abs => t.unary_lanes(F64X2, |ins, x| ins.fabs(x)),
        Op::F32x4Neg => t.unary_lanes(F32X4, |ins, x| ins.fneg(x)),
        Op::F64x2Neg => t.unary_lanes(F64X2, |ins, x| ins.fneg(x)),
        Op::F32x4Sqrt => t.unary_lanes(F32X4, |ins, x| ins.sqrt(x)),
        Op::F64x2Sqrt => t.unary_lanes(F64X2, |ins, x| ins.sqrt(x)),
        Op::F32x4Add => t.binary_lanes(F32X4, |ins, x, y| ins.fadd(x, y)),
        Op::F64x2Add => t.binary_lanes(F64X2, |ins, x, y| ins.fadd(x, y)),
        Op::F32x4Sub => t.binary_lanes(F32X4, |ins, x, y| ins.fsub(x, y)),
        Op::F64x2Sub => t.binary_lanes(F64X2, |ins, x, y| ins.fsub(x, y)),
        Op::F32x4Mul => t.binary_lanes(F32X4, |ins, x, y| ins.fmul(x, y)),
        Op::F64x2Mul => t.binary_lanes(F64X2, |ins, x, y| ins.fmul(x, y)),
        Op::F32x4Div => t.binary_lanes(F32X4, |ins, x, y| ins.fdiv(x, y)),
        Op::F64x2Div => t.binary_lanes(F64X2, |ins, x, y| ins.fdiv(x, y)),
        Op::F32x4Min => t.binary_lanes(F32X4, |ins, x, y| ins.fmin(x, y)),
        Op::F64x2Min => t.binary_lanes(F64X2, |ins, x, y| ins.fmin(x, y)),
        Op::F32x4Max => t.binary_lanes(F32X4, |ins, x, y| ins.fmax(x, y)),
        Op::F64x2Max => t.binary_lanes(F64X2, |ins, x, y| ins.fmax(x, y)),
        Op::F32x4PMin => pseudo_min(t, F32X4),
        Op::F64x2PMin => pseudo_min(t, F64X2),
        Op::F32x4PMax => pseudo_max(t, F32X4),
        Op::F64x2PMax => pseudo_max(t, F64X2),
        _ => return false,
    }
    true
}

/// In each lane the second operand if it is less than the first, else the first.
pub(super) fn pseudo_min(t: &mut FuncTranslator<'_>, lanes: Type) {
    let (x, y) = t.pop2_vectors(lanes);
    second_if_less(t, lanes, (y, x), (x, y));
}

/// In each lane the second operand if the first is less than it, else the first.
pub(super) fn pseudo_max(t: &mut FuncTranslator<'_>, lanes: Type) {
    let (x, y) = t.pop2_vectors(lanes);
    second_if_less(t, lanes, (x, y), (x, y));
}

/// Pushes, lane by lane, the second of `choice` if `compared` are in ascending order, else the first.
fn second_if_less(t: &mut FuncTranslator<'_>, lanes: Type, compared: (Value, Value), choice: (Value, Value)) {
    let less = t.ins().fcmp(FloatCC::LessThan, compared.0, compared.1);
    let less = t.cast_vector(less, lanes);
    let result = t.ins().bitselect(less, choice.1, choice.0);
    t.push_vector(result);
}

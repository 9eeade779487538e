//! Comparisons lane by lane: all ones where they hold, zeros elsewhere.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Type, types};
use wasmparser::Operator;

use crate::optimizing::translator::FuncTranslator;

/// Translates the instruction if it is one of these.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> bool {
    use FloatCC as F;
    use IntCC as I;
    use Operator as Op;
    use types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
    match op {
        Op::I8x16Eq => ints(t, I8X16, I::Equal),
        Op::I8x16Ne => ints(t, I8X16, I::NotEqual),
        Op::I8x16LtS => ints(t, I8X16, I::SignedLessThan),
        Op::I8x16LtU => ints(t, I8X16, I::UnsignedLessThan),
        Op::I8x16GtS => ints(t, I8X16, I::SignedGreaterThan),
        Op::I8x16GtU => ints(t, I8X16, I::UnsignedGreaterThan),
        Op::I8x16LeS => ints(t, I8X16, I::SignedLessThanOrEqual),
        Op::I8x16LeU => ints(t, I8X16, I::UnsignedLessThanOrEqual),
        Op::I8x16GeS => ints(t, I8X16, I::SignedGreaterThanOrEqual),
        Op::I8x16GeU => ints(t, I8X16, I::UnsignedGreaterThanOrEqual),

        Op::I16x8Eq => ints(t, I16X8, I::Equal),
        Op::I16x8Ne => ints(t, I16X8, I::NotEqual),
        Op::I16x8LtS => ints(t, I16X8, I::SignedLessThan),
        Op::I16x8LtU => ints(t, I16X8, I::UnsignedLessThan),
        Op::I16x8GtS => ints(t, I16X8, I::SignedGreaterThan),
        Op::I16x8GtU => ints(t, I16X8, I::UnsignedGreaterThan),
        Op::I16x8LeS => ints(t, I16X8, I::SignedLessThanOrEqual),
        Op::I16x8LeU => ints(t, I16X8, I::UnsignedLessThanOrEqual),
        Op::I16x8GeS => ints(t, I16X8, I::SignedGreaterThanOrEqual),
        Op::I16x8GeU => ints(t, I16X8, I::UnsignedGreaterThanOrEqual),

        Op::I32x4Eq => ints(t, I32X4, I::Equal),
        Op::I32x4Ne => ints(t, I32X4, I::NotEqual),
        Op::I32x4LtS => ints(t, I32X4, I::SignedLessThan),
        Op::I32x4LtU => ints(t, I32X4, I::UnsignedLessThan),
        Op::I32x4GtS => ints(t, I32X4, I::SignedGreaterThan),
        Op::I32x4GtU => ints(t, I32X4, I::UnsignedGreaterThan),
        Op::I32x4LeS => ints(t, I32X4, I::SignedLessThanOrEqual),
        Op::I32x4LeU => ints(t, I32X4, I::UnsignedLessThanOrEqual),
        Op::I32x4GeS => ints(t, I32X4, I::SignedGreaterThanOrEqual),
        Op::I32x4GeU => ints(t, I32X4, I::UnsignedGreaterThanOrEqual),

        Op::I64x2Eq => ints(t, I64X2, I::Equal),
        Op::I64x2Ne => ints(t, I64X2, I::NotEqual),
        Op::I64x2LtS => ints(t, I64X2, I::SignedLessThan),
        Op::I64x2GtS => ints(t, I64X2, I::SignedGreaterThan),
        Op::I64x2LeS => ints(t, I64X2, I::SignedLessThanOrEqual),
        Op::I64x2GeS => ints(t, I64X2, I::SignedGreaterThanOrEqual),

        Op::F32x4Eq => floats(t, F32X4, F::Equal),
        Op::F32x4Ne => floats(t, F32X4, F::NotEqual),
        Op::F32x4Lt => floats(t, F32X4, F::LessThan),
        Op::F32x4Gt => floats(t, F32X4, F::GreaterThan),
        Op::F32x4Le => floats(t, F32X4, F::LessThanOrEqual),
        Op::F32x4Ge => floats(t, F32X4, F::GreaterThanOrEqual),

        Op::F64x2Eq => floats(t, F64X2, F::Equal),
        Op::F64x2Ne => floats(t, F64X2, F::NotEqual),
        Op::F64x2Lt => floats(t, F64X2, F::LessThan),
        Op::F64x2Gt => floats(t, F64X2, F::GreaterThan),
        Op::F64x2Le => floats(t, F64X2, F::LessThanOrEqual),
        Op::F64x2Ge => floats(t, F64X2, F::GreaterThanOrEqual),
        _ => return false,
    }
    true
}

fn ints(t: &mut FuncTranslator<'_>, lanes: Type, condition: IntCC) {
    t.binary_lanes(lanes, |ins, x, y| ins.icmp(condition, x, y));
}

fn floats(t: &mut FuncTranslator<'_>, lanes: Type, condition: FloatCC) {
    t.binary_lanes(lanes, |ins, x, y| ins.fcmp(condition, x, y));
}

//! Conversions between scalars: wrapping and extension, truncation to integers (trapping and saturating), conversion to floats, promotion
//! and demotion, reinterpretation.
//!
//! A trapping truncation distinguishes a NaN ("invalid conversion to integer") from a number out of range ("integer overflow").
//! Cranelift's instructions test for both and trap; where hardware traps are not to be relied on the tests are made here, against
//! the [bounds](TruncationBounds) of the integer in the type of the float.

use chalcid_module::trap_code::TrapCode;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};
use wasmparser::Operator;

use super::translator::FuncTranslator;
use crate::CompileError;

/// Translates a conversion.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as Op;
    use types::{F32, F64, I32, I64};
    match op {
        // Integers.
        Op::I32WrapI64 => t.unary(|ins, x| ins.ireduce(I32, x)),
        Op::I64ExtendI32S => t.unary(|ins, x| ins.sextend(I64, x)),
        Op::I64ExtendI32U => t.unary(|ins, x| ins.uextend(I64, x)),

        // Floats to integers.
        Op::I32TruncF32S | Op::I32TruncF64S => truncate(t, I32, true),
        Op::I32TruncF32U | Op::I32TruncF64U => truncate(t, I32, false),
        Op::I64TruncF32S | Op::I64TruncF64S => truncate(t, I64, true),
        Op::I64TruncF32U | Op::I64TruncF64U => truncate(t, I64, false),
        Op::I32TruncSatF32S | Op::I32TruncSatF64S => t.unary(|ins, x| ins.fcvt_to_sint_sat(I32, x)),
        Op::I32TruncSatF32U | Op::I32TruncSatF64U => t.unary(|ins, x| ins.fcvt_to_uint_sat(I32, x)),
        Op::I64TruncSatF32S | Op::I64TruncSatF64S => t.unary(|ins, x| ins.fcvt_to_sint_sat(I64, x)),
        Op::I64TruncSatF32U | Op::I64TruncSatF64U => t.unary(|ins, x| ins.fcvt_to_uint_sat(I64, x)),

        // Integers to floats.
        Op::F32ConvertI32S | Op::F32ConvertI64S => t.unary(|ins, x| ins.fcvt_from_sint(F32, x)),
        Op::F32ConvertI32U | Op::F32ConvertI64U => t.unary(|ins, x| ins.fcvt_from_uint(F32, x)),
        Op::F64ConvertI32S | Op::F64ConvertI64S => t.unary(|ins, x| ins.fcvt_from_sint(F64, x)),
        Op::F64ConvertI32U | Op::F64ConvertI64U => t.unary(|ins, x| ins.fcvt_from_uint(F64, x)),

        // Between floats.
        Op::F32DemoteF64 => t.unary(|ins, x| ins.fdemote(F32, x)),
        Op::F64PromoteF32 => t.unary(|ins, x| ins.fpromote(F64, x)),

        // Same bits, other type.
        Op::I32ReinterpretF32 => t.unary(|ins, x| ins.bitcast(I32, MemFlagsData::new(), x)),
        Op::I64ReinterpretF64 => t.unary(|ins, x| ins.bitcast(I64, MemFlagsData::new(), x)),
        Op::F32ReinterpretI32 => t.unary(|ins, x| ins.bitcast(F32, MemFlagsData::new(), x)),
        Op::F64ReinterpretI64 => t.unary(|ins, x| ins.bitcast(F64, MemFlagsData::new(), x)),

        _ => return Ok(false),
    }
    Ok(true)
}

/// Truncates the float on top of the stack to an integer type, and traps where its whole part is none of its values.
fn truncate(t: &mut FuncTranslator<'_>, to: Type, signed: bool) {
    let x = t.pop();
    if !t.settings.signals {
        check_truncation(t, x, to, signed);
    }
    let result = if signed { t.ins().fcvt_to_sint(to, x) } else { t.ins().fcvt_to_uint(to, x) };
    t.push(result);
}

/// Traps where the whole part of `x` is no value of the integer type.
fn check_truncation(t: &mut FuncTranslator<'_>, x: Value, to: Type, signed: bool) {
    let from = t.type_of(x);
    let is_nan = t.ins().fcmp(FloatCC::Unordered, x, x);
    t.trap_if(is_nan, TrapCode::InvalidConversionToInteger);

    let bounds = TruncationBounds::new(from, to, signed);
    let low = float_const(t, from, bounds.low);
    let too_low = t.ins().fcmp(if bounds.low_fits { FloatCC::LessThan } else { FloatCC::LessThanOrEqual }, x, low);
    t.trap_if(too_low, TrapCode::IntegerOverflow);
    let high = float_const(t, from, bounds.high);
    let too_high = t.ins().fcmp(FloatCC::GreaterThanOrEqual, x, high);
    t.trap_if(too_high, TrapCode::IntegerOverflow);
}

/// A constant of a float type that represents it exactly.
fn float_const(t: &mut FuncTranslator<'_>, ty: Type, value: f64) -> Value {
    if ty == types::F32 {
        t.ins().f32const(Ieee32::with_float(value as f32))
    } else {
        t.ins().f64const(Ieee64::with_float(value))
    }
}

/// Which floats truncate to a value of an integer type: those above `low` (or equal to it, if `low_fits`) and below `high`. Both are
/// exact in the type of the float.
#[derive(Clone, Copy, PartialEq, Debug)]
struct TruncationBounds {
    low: f64,
    low_fits: bool,
    high: f64,
}

impl TruncationBounds {
    fn new(from: Type, to: Type, signed: bool) -> Self {
        let bits = to.bits() as i32;
        if !signed {
            // Everything above -1 truncates to 0 or more.
            return Self { low: -1.0, low_fits: false, high: 2_f64.powi(bits) };
        }
        let least = -(2_f64.powi(bits - 1));
        let high = -least;
        // The numbers between `least - 1` and `least` truncate to `least`; only 64-bit floats have any, of 32-bit integers.
        if from == types::F64 && to == types::I32 {
            Self { low: least - 1.0, low_fits: false, high }
        } else {
            Self { low: least, low_fits: true, high }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The neighbours of every bound fall on the right side, judged by the saturating casts of Rust.
    #[test]
    fn truncation_bounds_separate_exactly() {
        fn accepts(bounds: TruncationBounds, x: f64) -> bool {
            (if bounds.low_fits { x >= bounds.low } else { x > bounds.low }) && x < bounds.high
        }
        fn truncates(x: f64, to: Type, signed: bool) -> bool {
            let whole = x.trunc() as i128;
            match (to == types::I32, signed) {
                (true, true) => i32::try_from(whole).is_ok(),
                (true, false) => u32::try_from(whole).is_ok(),
                (false, true) => i64::try_from(whole).is_ok(),
                (false, false) => u64::try_from(whole).is_ok(),
            }
        }
        for to in [types::I32, types::I64] {
            for signed in [false, true] {
                for from in [types::F32, types::F64] {
                    let bounds = TruncationBounds::new(from, to, signed);
                    for centre in [bounds.low, bounds.high, 0.0, -1.0, 1.0, -(2_f64.powi(31)), 2_f64.powi(63)] {
                        let neighbours = if from == types::F32 {
                            let x = centre as f32;
                            [x.next_down(), x, x.next_up()].map(f64::from)
                        } else {
                            [centre.next_down(), centre, centre.next_up()]
                        };
                        for x in neighbours {
                            assert_eq!(accepts(bounds, x), truncates(x, to, signed), "{x} {from} {to} {signed}");
                        }
                    }
                }
            }
        }
    }
}

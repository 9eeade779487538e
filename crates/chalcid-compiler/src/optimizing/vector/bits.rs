//! Constants, and operations on all 128 bits alike.

use cranelift_codegen::ir::{ConstantData, InstBuilder, Type, Value, types};
use wasmparser::Operator;

use crate::optimizing::translator::FuncTranslator;

/// Translates the instruction if it is one of these.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> bool {
    use Operator as Op;
    match op {
        Op::V128Const { value } => {
            let result = constant(t, types::I8X16, *value.bytes());
            t.push(result);
        }
        Op::V128Not => t.unary(|ins, x| ins.bnot(x)),
        Op::V128And => t.binary(|ins, x, y| ins.band(x, y)),
        Op::V128AndNot => t.binary(|ins, x, y| ins.band_not(x, y)),
        Op::V128Or => t.binary(|ins, x, y| ins.bor(x, y)),
        Op::V128Xor => t.binary(|ins, x, y| ins.bxor(x, y)),
        Op::V128Bitselect => select(t),
        Op::V128AnyTrue => {
            t.unary(|ins, x| ins.vany_true(x));
            t.truth();
        }
        _ => return false,
    }
    true
}

/// A constant, the lowest lane first.
pub(super) fn constant(t: &mut FuncTranslator<'_>, lanes: Type, bytes: [u8; 16]) -> Value {
    let handle = t.builder.func.dfg.constants.insert(ConstantData::from(&bytes[..]));
    t.ins().vconst(lanes, handle)
}

/// Takes the bits of the first operand where the third has ones, and of the second elsewhere.
pub(super) fn select(t: &mut FuncTranslator<'_>) {
    let (ones, zeros, mask) = t.pop3();
    let result = t.ins().bitselect(mask, ones, zeros);
    t.push(result);
}

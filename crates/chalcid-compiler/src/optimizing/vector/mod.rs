//! Vector instructions: 128 bits seen as lanes of integers or floats.
//!
//! On the operand stack a vector has no lanes of its own (it is `I8X16`); each instruction casts to the lanes it works on. The casts are
//! free. Loads and stores are with the other [memory instructions](super::memory).

mod bits;
mod compare;
mod convert;
mod float;
mod integer;
mod lanes;
mod relaxed;

use wasmparser::Operator;

use super::translator::FuncTranslator;
use crate::CompileError;

/// Translates a vector instruction.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    Ok(integer::translate(t, op)
        || float::translate(t, op)
        || bits::translate(t, op)
        || lanes::translate(t, op)
        || compare::translate(t, op)
        || convert::translate(t, op)
        || relaxed::translate(t, op))
}

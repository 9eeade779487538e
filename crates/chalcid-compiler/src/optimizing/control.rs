//! Control instructions: blocks, branches, and the nesting of unreachable code.

use wasmparser::Operator;

use super::translator::FuncTranslator;
use crate::CompileError;

/// A control frame.
pub(super) struct Frame {}

/// Translates an operator of this family.
pub(super) fn translate(_t: &mut FuncTranslator<'_>, _op: &Operator<'_>) -> Result<bool, CompileError> {
    Ok(false)
}

/// Follows the nesting of unreachable code.
pub(super) fn translate_unreachable(_t: &mut FuncTranslator<'_>, _op: &Operator<'_>) -> Result<(), CompileError> {
    Ok(())
}

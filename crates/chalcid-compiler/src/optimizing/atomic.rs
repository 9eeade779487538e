//! Operators of the family "atomic".

use wasmparser::Operator;

use super::translator::FuncTranslator;
use crate::CompileError;

/// Translates an operator of this family.
pub(super) fn translate(_t: &mut FuncTranslator<'_>, _op: &Operator<'_>) -> Result<bool, CompileError> {
    Ok(false)
}

//! Routes each operator to the file of its family.

use wasmparser::Operator;

use super::translator::FuncTranslator;
use super::{
    array, atomic, bulk, call, cast, control, conversion, descriptor, exception, i31, memory, numeric, reference,
    structure, table, variable, vector,
};
use crate::CompileError;

/// A family: translates the operator and answers `true`, or answers `false` when the operator is not one of its own.
///
/// Every family but `control` is called in reachable code only. Before answering `false` it must not have touched anything.
type Family = fn(&mut FuncTranslator<'_>, &Operator<'_>) -> Result<bool, CompileError>;

/// The families, the most frequent operators first.
const FAMILIES: [Family; 17] = [
    variable::translate,
    numeric::translate,
    memory::translate,
    bulk::translate,
    control::translate,
    call::translate,
    structure::translate,
    array::translate,
    conversion::translate,
    reference::translate,
    cast::translate,
    i31::translate,
    descriptor::translate,
    table::translate,
    vector::translate,
    exception::translate,
    atomic::translate,
];

/// Translates one operator that starts at `offset` in the module.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>, offset: usize) -> Result<(), CompileError> {
    if !t.reachable {
        return control::translate_unreachable(t, op);
    }
    for family in FAMILIES {
        if family(t, op)? {
            return Ok(());
        }
    }
    Err(CompileError::unsupported(op, offset))
}

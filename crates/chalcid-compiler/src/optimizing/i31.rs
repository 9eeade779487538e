//! Unboxed integers of 31 bits: a reference that is the number itself, shifted left by one, with its lowest bit set.

use chalcid_module::heap_layout::I31_BIT;
use chalcid_module::trap_code::TrapCode;
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::Operator;

use super::translator::FuncTranslator;
use crate::CompileError;

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match op {
        Operator::RefI31 => {
            // No object: the collector need not see it.
            t.unary(|ins, number| ins.ishl_imm_u(number, 1));
            t.unary(|ins, shifted| ins.bor_imm_u(shifted, i64::from(I31_BIT)));
        }
        Operator::I31GetS => {
            let reference = t.pop_i31();
            let number = t.ins().sshr_imm_u(reference, 1);
            t.push(number);
        }
        Operator::I31GetU => {
            let reference = t.pop_i31();
            let number = t.ins().ushr_imm_u(reference, 1);
            t.push(number);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

impl FuncTranslator<'_> {
    /// Pops an `i31ref` that must not be null.
    fn pop_i31(&mut self) -> Value {
        let reference = self.pop();
        let is_null = self.is_null(reference);
        self.trap_if(is_null, TrapCode::NullI31Reference);
        reference
    }
}

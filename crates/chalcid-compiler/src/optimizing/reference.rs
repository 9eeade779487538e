//! Reference instructions: null, functions, equality, and the border between the host's references and others.

use chalcid_module::builtins::Builtin;
use chalcid_module::trap_code::TrapCode;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use wasmparser::Operator;

use super::translator::FuncTranslator;
use super::types::{heap_repr, heap_type};
use crate::CompileError;

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match op {
        Operator::RefNull { hty } => {
            let heap = heap_type(*hty).ok_or_else(|| CompileError::Internal(format!("unknown heap type {hty:?}")))?;
            // Null is no reference into the heap: the collector need not see it.
            let ty = heap_repr(t.module, heap).ty;
            let null = t.ins().iconst(ty, 0);
            t.push(null);
        }
        Operator::RefIsNull => {
            let reference = t.pop();
            let is_null = t.is_null(reference);
            let result = t.ins().uextend(types::I32, is_null);
            t.push(result);
        }
        Operator::RefFunc { function_index } => {
            let index = t.i32_const(*function_index);
            if let Some(reference) = t.call_builtin(Builtin::ref_func, &[index]) {
                t.push(reference);
            }
        }
        Operator::RefAsNonNull => {
            let is_null = t.is_null(t.peek());
            t.trap_if(is_null, TrapCode::NullReference);
        }
        Operator::RefEq => {
            let (first, second) = t.pop2();
            let equal = t.ins().icmp(IntCC::Equal, first, second);
            let result = t.ins().uextend(types::I32, equal);
            t.push(result);
        }
        // A reference is the same bits in both hierarchies.
        Operator::AnyConvertExtern | Operator::ExternConvertAny => {}
        _ => return Ok(false),
    }
    Ok(true)
}

impl FuncTranslator<'_> {
    /// Whether a reference is null, as an `I8`.
    pub(super) fn is_null(&mut self, reference: Value) -> Value {
        self.ins().icmp_imm_u(IntCC::Equal, reference, 0)
    }
}

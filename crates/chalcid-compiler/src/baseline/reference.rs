//! Reference instructions: null, functions, equality and unboxed integers.

use chalcid_module::builtins::Builtin;
use chalcid_module::trap_code::TrapCode;
use wasmparser::Operator;

use super::asm::{Alu, Cc, Shift};
use super::call::Arg;
use super::state::{At, Baseline, Cond, is_wide};
use crate::{AbiType, CompileError};

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::RefNull { hty } => {
            let heap = crate::types::heap_type(hty);
            let heap = heap.ok_or_else(|| CompileError::Internal(format!("unknown heap type {hty:?}")))?;
            b.push_null(AbiType::of_heap_type(heap, b.module));
        }
        Operator::RefIsNull => {
            let val = b.pop();
            let reg = b.in_gpr(val);
            b.asm.test(is_wide(val.ty), reg, reg);
            b.release_gpr(reg);
            b.push_cond(Cond::Int(Cc::E));
        }
        Operator::RefFunc { function_index } => {
            if let Some(reg) = b.call_builtin(Builtin::ref_func, &[Arg::Imm(function_index.into())])? {
                b.push_gpr(AbiType::FuncRef, reg);
            }
        }
        Operator::RefAsNonNull => {
            let val = b.pop();
            let reg = b.in_own_gpr(val);
            b.asm.test(is_wide(val.ty), reg, reg);
            b.trap_if(Cc::E, TrapCode::NullReference);
            b.push_gpr(val.ty, reg);
        }
        Operator::RefEq => {
            let right = b.pop();
            let left = b.pop();
            let left = b.in_gpr(left);
            let src = b.src(right);
            b.alu(Alu::Cmp, false, left, src);
            b.release_src(src);
            b.release_gpr(left);
            b.push_cond(Cond::Int(Cc::E));
        }
        // A reference is the same bits in both hierarchies.
        Operator::AnyConvertExtern | Operator::ExternConvertAny => {}
        Operator::RefI31 => {
            let val = b.pop();
            let reg = b.in_own_gpr(val);
            b.asm.alu_rr(Alu::Add, false, reg, reg);
            b.asm.alu_ri(Alu::Or, false, reg, 1);
            b.push_gpr(AbiType::GcRef, reg);
        }
        Operator::I31GetS => get_i31(b, Shift::Sar),
        Operator::I31GetU => get_i31(b, Shift::Shr),
        _ => return Ok(false),
    }
    Ok(true)
}

fn get_i31(b: &mut Baseline<'_>, shift: Shift) {
    let val = b.pop();
    let reg = b.in_own_gpr(val);
    debug_assert!(!matches!(val.at, At::Xmm(_)));
    b.asm.test(false, reg, reg);
    b.trap_if(Cc::E, TrapCode::NullI31Reference);
    b.asm.shift_ri(shift, false, reg, 1);
    b.push_gpr(AbiType::I32, reg);
}

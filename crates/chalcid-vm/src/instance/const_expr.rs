//! Evaluating constant expressions: a stack machine over the instance that is being made.

use chalcid_module::const_expr::{ConstExpr, ConstOp};
use chalcid_module::types::{HeapType, Hierarchy};

use super::{AllocateError, Instance};
use crate::entity::Strong;
use crate::func::hierarchy;
use crate::global::GlobalValue;
use crate::reference::RefValue;
use crate::value::ValRaw;

/// Evaluates an expression. Validation has shown that it is well typed; a malformed one is an error all the same.
pub(super) fn evaluate(instance: &Strong<Instance>, expr: &ConstExpr) -> Result<GlobalValue, AllocateError> {
    // Nearly every expression is one instruction.
    let mut stack = Vec::with_capacity(1);
    for op in &expr.ops {
        let value = match *op {
            ConstOp::I32Const(value) => number(ValRaw::i32(value)),
            ConstOp::I64Const(value) => number(ValRaw::i64(value)),
            ConstOp::F32Const(bits) => number(ValRaw::u32(bits)),
            ConstOp::F64Const(bits) => number(ValRaw::u64(bits)),
            ConstOp::V128Const(bits) => number(ValRaw::v128(bits)),
            ConstOp::GlobalGet(global) => instance.global_value(global).ok_or(AllocateError::Malformed)?,
            ConstOp::RefNull(heap) => GlobalValue::Ref(null(instance, heap)?),
            ConstOp::RefFunc(func) => {
                let func = instance.func(func).ok_or(AllocateError::Malformed)?;
                GlobalValue::Ref(RefValue::Func(Some(func)))
            }
            ConstOp::I32Add => binary32(&mut stack, i32::wrapping_add)?,
            ConstOp::I32Sub => binary32(&mut stack, i32::wrapping_sub)?,
            ConstOp::I32Mul => binary32(&mut stack, i32::wrapping_mul)?,
            ConstOp::I64Add => binary64(&mut stack, i64::wrapping_add)?,
            ConstOp::I64Sub => binary64(&mut stack, i64::wrapping_sub)?,
            ConstOp::I64Mul => binary64(&mut stack, i64::wrapping_mul)?,
            ConstOp::RefI31 => GlobalValue::Ref(RefValue::I31((pop(&mut stack)?.get_u32() << 1) | 1)),
            // The two hierarchies share their representation here.
            ConstOp::AnyConvertExtern | ConstOp::ExternConvertAny => stack.pop().ok_or(AllocateError::Malformed)?,
            ConstOp::StructNew(_)
            | ConstOp::StructNewDefault(_)
            | ConstOp::ArrayNew(_)
            | ConstOp::ArrayNewDefault(_)
            | ConstOp::ArrayNewFixed(..) => return Err(AllocateError::Unsupported),
        };
        stack.push(value);
    }
    match (stack.pop(), stack.is_empty()) {
        (Some(value), true) => Ok(value),
        _ => Err(AllocateError::Malformed),
    }
}

/// Evaluates an expression that gives a reference.
pub(super) fn evaluate_ref(instance: &Strong<Instance>, expr: &ConstExpr) -> Result<RefValue, AllocateError> {
    match evaluate(instance, expr)? {
        GlobalValue::Ref(value) => Ok(value),
        GlobalValue::Number(_) => Err(AllocateError::Malformed),
    }
}

fn number(value: ValRaw) -> GlobalValue {
    GlobalValue::Number(value)
}

fn null(instance: &Strong<Instance>, heap: HeapType) -> Result<RefValue, AllocateError> {
    let heap = instance.module().heap_type(heap).ok_or(AllocateError::Malformed)?;
    let ty = chalcid_module::types::RefType { nullable: true, heap };
    Ok(match hierarchy(instance.agent().types(), &ty) {
        Hierarchy::Func => RefValue::Func(None),
        Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => RefValue::Host(None),
    })
}

fn pop(stack: &mut Vec<GlobalValue>) -> Result<ValRaw, AllocateError> {
    match stack.pop() {
        Some(GlobalValue::Number(value)) => Ok(value),
        _ => Err(AllocateError::Malformed),
    }
}

fn binary32(stack: &mut Vec<GlobalValue>, op: fn(i32, i32) -> i32) -> Result<GlobalValue, AllocateError> {
    let (b, a) = (pop(stack)?.get_i32(), pop(stack)?.get_i32());
    Ok(number(ValRaw::i32(op(a, b))))
}

fn binary64(stack: &mut Vec<GlobalValue>, op: fn(i64, i64) -> i64) -> Result<GlobalValue, AllocateError> {
    let (b, a) = (pop(stack)?.get_i64(), pop(stack)?.get_i64());
    Ok(number(ValRaw::i64(op(a, b))))
}

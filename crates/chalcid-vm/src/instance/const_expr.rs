//! Evaluating constant expressions: a stack machine over the instance that is being made.

use chalcid_module::const_expr::{ConstExpr, ConstOp};
use chalcid_module::index::{DefTypeId, TypeIdx};
use chalcid_module::types::{CompType, HeapType, Hierarchy};

use super::{AllocateError, Instance};
use crate::entity::Strong;
use crate::func::hierarchy;
use crate::global::GlobalValue;
use crate::heap::{ObjectError, ObjectRef};
use crate::reference::RefValue;
use crate::value::ValRaw;

/// Evaluates an expression. Validation has shown that it is well typed; a malformed one is an error all the same.
pub(super) fn evaluate(instance: &Strong<Instance>, expr: &ConstExpr) -> Result<GlobalValue, AllocateError> {
    // Nearly every expression is one instruction.
    let mut stack = Vec::with_capacity(1);
    let agent = instance.agent();
    for op in expr.ops() {
        let value = match *op {
            ConstOp::I32Const(value) => number(ValRaw::i32(value)),
            ConstOp::I64Const(value) => number(ValRaw::i64(value)),
            ConstOp::F32Const(bits) => number(ValRaw::u32(bits)),
            ConstOp::F64Const(bits) => number(ValRaw::u64(bits)),
            ConstOp::V128Const(bytes) => number(ValRaw::v128(u128::from_le_bytes(bytes))),
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
            ConstOp::StructNew(ty) => {
                let values = split_off(&mut stack, fields(instance, ty)?)?;
                object(ObjectRef::new_struct(agent, def_type(instance, ty)?, &values))?
            }
            ConstOp::StructNewDefault(ty) => object(ObjectRef::new_default_struct(agent, def_type(instance, ty)?))?,
            ConstOp::StructNewDesc(ty) => {
                let descriptor = descriptor(&mut stack)?;
                let values = split_off(&mut stack, fields(instance, ty)?)?;
                object(ObjectRef::new_described_struct(agent, def_type(instance, ty)?, &descriptor, &values))?
            }
            ConstOp::StructNewDefaultDesc(ty) => {
                let descriptor = descriptor(&mut stack)?;
                object(ObjectRef::new_default_described_struct(agent, def_type(instance, ty)?, &descriptor))?
            }
            ConstOp::ArrayNew(ty) => {
                let len = pop(&mut stack)?.get_u32();
                let value = stack.pop().ok_or(AllocateError::Malformed)?;
                object(ObjectRef::new_array(agent, def_type(instance, ty)?, len, Some(&value)))?
            }
            ConstOp::ArrayNewDefault(ty) => {
                let len = pop(&mut stack)?.get_u32();
                object(ObjectRef::new_array(agent, def_type(instance, ty)?, len, None))?
            }
            ConstOp::ArrayNewFixed(ty, len) => {
                let values = split_off(&mut stack, len as usize)?;
                object(ObjectRef::new_array_of(agent, def_type(instance, ty)?, &values))?
            }
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

/// Whether evaluating an expression twice gives different objects.
pub(super) fn makes_objects(expr: &ConstExpr) -> bool {
    expr.ops().iter().any(|op| {
        use ConstOp::{
            ArrayNew, ArrayNewDefault, ArrayNewFixed, StructNew, StructNewDefault, StructNewDefaultDesc, StructNewDesc,
        };
        matches!(
            op,
            StructNewDesc(_)
                | StructNewDefaultDesc(_)
                | StructNew(_)
                | StructNewDefault(_)
                | ArrayNew(_)
                | ArrayNewDefault(_)
                | ArrayNewFixed(..)
        )
    })
}

fn object(made: Result<ObjectRef, ObjectError>) -> Result<GlobalValue, AllocateError> {
    match made {
        Ok(object) => Ok(GlobalValue::Ref(RefValue::Object(object))),
        Err(ObjectError::Full(_)) => Err(AllocateError::OutOfMemory),
        Err(_) => Err(AllocateError::Malformed),
    }
}

/// Takes a descriptor from the stack. Null, which validation allows, is a trap.
fn descriptor(stack: &mut Vec<GlobalValue>) -> Result<ObjectRef, AllocateError> {
    match stack.pop() {
        Some(GlobalValue::Ref(RefValue::Object(descriptor))) => Ok(descriptor),
        Some(GlobalValue::Ref(_)) => Err(AllocateError::NullDescriptor),
        _ => Err(AllocateError::Malformed),
    }
}

fn def_type(instance: &Instance, ty: TypeIdx) -> Result<DefTypeId, AllocateError> {
    instance.module().def_type_id(ty).ok_or(AllocateError::Malformed)
}

/// Number of fields of a structure type.
fn fields(instance: &Instance, ty: TypeIdx) -> Result<usize, AllocateError> {
    match &instance.module().declarations().types.get(ty.index()).ok_or(AllocateError::Malformed)?.comp {
        CompType::Struct(fields) => Ok(fields.len()),
        _ => Err(AllocateError::Malformed),
    }
}

fn split_off(stack: &mut Vec<GlobalValue>, count: usize) -> Result<Vec<GlobalValue>, AllocateError> {
    let start = stack.len().checked_sub(count).ok_or(AllocateError::Malformed)?;
    Ok(stack.split_off(start))
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

//! Constant expressions turned into ours.

use wasmparser::{self as wp, Operator};

use super::types::heap_type;
use crate::const_expr::{ConstExpr, ConstOp};
use crate::error::CompileError;
use crate::index::*;
use crate::limits;

/// Converts an expression that the validator has accepted, and reports every function it refers to.
pub(crate) fn const_expr(
    expr: &wp::ConstExpr<'_>,
    refer_to: &mut impl FnMut(FuncIdx),
) -> Result<ConstExpr, CompileError> {
    let mut ops = Vec::with_capacity(1);
    let mut reader = expr.get_operators_reader();
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset()?;
        let op = match operator {
            Operator::End => continue,
            Operator::I32Const { value } => ConstOp::I32Const(value),
            Operator::I64Const { value } => ConstOp::I64Const(value),
            Operator::F32Const { value } => ConstOp::F32Const(value.bits()),
            Operator::F64Const { value } => ConstOp::F64Const(value.bits()),
            Operator::V128Const { value } => ConstOp::V128Const(*value.bytes()),
            Operator::GlobalGet { global_index } => ConstOp::GlobalGet(GlobalIdx(global_index)),
            Operator::RefNull { hty } => {
                ConstOp::RefNull(heap_type(hty).map_err(|unsupported| unsupported.at(offset))?)
            }
            Operator::RefFunc { function_index } => {
                refer_to(FuncIdx(function_index));
                ConstOp::RefFunc(FuncIdx(function_index))
            }
            Operator::I32Add => ConstOp::I32Add,
            Operator::I32Sub => ConstOp::I32Sub,
            Operator::I32Mul => ConstOp::I32Mul,
            Operator::I64Add => ConstOp::I64Add,
            Operator::I64Sub => ConstOp::I64Sub,
            Operator::I64Mul => ConstOp::I64Mul,
            Operator::RefI31 => ConstOp::RefI31,
            Operator::StructNew { struct_type_index } => ConstOp::StructNew(TypeIdx(struct_type_index)),
            Operator::StructNewDefault { struct_type_index } => ConstOp::StructNewDefault(TypeIdx(struct_type_index)),
            Operator::StructNewDesc { struct_type_index } => ConstOp::StructNewDesc(TypeIdx(struct_type_index)),
            Operator::StructNewDefaultDesc { struct_type_index } => {
                ConstOp::StructNewDefaultDesc(TypeIdx(struct_type_index))
            }
            Operator::ArrayNew { array_type_index } => ConstOp::ArrayNew(TypeIdx(array_type_index)),
            Operator::ArrayNewDefault { array_type_index } => ConstOp::ArrayNewDefault(TypeIdx(array_type_index)),
            Operator::ArrayNewFixed { array_type_index, array_size } => {
                if array_size > limits::MAX_ARRAY_NEW_FIXED {
                    return Err(array_too_long(array_size, offset));
                }
                ConstOp::ArrayNewFixed(TypeIdx(array_type_index), array_size)
            }
            Operator::AnyConvertExtern => ConstOp::AnyConvertExtern,
            Operator::ExternConvertAny => ConstOp::ExternConvertAny,
            _ => return Err(CompileError::at(offset as usize, "constant expression required")),
        };
        ops.push(op);
    }
    Ok(ConstExpr::new(ops))
}

/// The error of an `array.new_fixed` with too many operands.
pub(crate) fn array_too_long(size: u32, offset: u64) -> CompileError {
    let limit = limits::MAX_ARRAY_NEW_FIXED;
    CompileError::at(offset as usize, format!("array.new_fixed of {size} elements, at most {limit} are allowed"))
}

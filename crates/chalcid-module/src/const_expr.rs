//! Constant expressions, kept as they are written and evaluated without compiling code.

use crate::index::{FuncIdx, GlobalIdx, TypeIdx};
use crate::types::HeapType;

/// A validated constant expression: instructions for a small stack machine, without the final `end`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConstExpr {
    /// The instructions in order.
    pub ops: Box<[ConstOp]>,
}

/// An instruction that may occur in a constant expression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ConstOp {
    /// `i32.const`
    I32Const(i32),
    /// `i64.const`
    I64Const(i64),
    /// `f32.const`, by its bits
    F32Const(u32),
    /// `f64.const`, by its bits
    F64Const(u64),
    /// `v128.const`, by its bits
    V128Const(u128),
    /// `global.get`
    GlobalGet(GlobalIdx),
    /// `ref.null`
    RefNull(HeapType),
    /// `ref.func`
    RefFunc(FuncIdx),
    /// `i32.add`
    I32Add,
    /// `i32.sub`
    I32Sub,
    /// `i32.mul`
    I32Mul,
    /// `i64.add`
    I64Add,
    /// `i64.sub`
    I64Sub,
    /// `i64.mul`
    I64Mul,
    /// `ref.i31`
    RefI31,
    /// `struct.new`
    StructNew(TypeIdx),
    /// `struct.new_default`
    StructNewDefault(TypeIdx),
    /// `array.new`
    ArrayNew(TypeIdx),
    /// `array.new_default`
    ArrayNewDefault(TypeIdx),
    /// `array.new_fixed` with its number of elements
    ArrayNewFixed(TypeIdx, u32),
    /// `any.convert_extern`
    AnyConvertExtern,
    /// `extern.convert_any`
    ExternConvertAny,
}

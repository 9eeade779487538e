//! Constant expressions, kept as they are written and evaluated without compiling code.

use crate::index::{FuncIdx, GlobalIdx, TypeIdx};
use crate::types::HeapType;

/// A validated constant expression: instructions for a small stack machine, without the final `end`.
///
/// Nearly every one is a single instruction, and modules have tens of thousands of them: that one is kept in place.
#[derive(Clone, PartialEq, Debug)]
pub struct ConstExpr(Ops);

#[derive(Clone, PartialEq, Debug)]
enum Ops {
    One(ConstOp),
    /// Any other number of them.
    Several(Box<[ConstOp]>),
}

impl ConstExpr {
    /// An expression of one instruction.
    pub fn one(op: ConstOp) -> Self {
        Self(Ops::One(op))
    }

    /// An expression of any number of instructions.
    pub fn new(ops: Vec<ConstOp>) -> Self {
        match ops[..] {
            [op] => Self::one(op),
            _ => Self(Ops::Several(ops.into())),
        }
    }

    /// The instructions in order.
    pub fn ops(&self) -> &[ConstOp] {
        match &self.0 {
            Ops::One(op) => std::slice::from_ref(op),
            Ops::Several(ops) => ops,
        }
    }
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
    /// `v128.const`, by its bytes: as a number it would make every instruction a third larger.
    V128Const([u8; 16]),
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
    /// `struct.new_desc`
    StructNewDesc(TypeIdx),
    /// `struct.new_default_desc`
    StructNewDefaultDesc(TypeIdx),
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

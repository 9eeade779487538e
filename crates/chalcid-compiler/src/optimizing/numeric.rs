//! Numeric instructions on scalars: constants, arithmetic, bits, comparisons, sign extension, 128-bit arithmetic.
//!
//! Cranelift's instructions mean what WebAssembly's do: shift and rotation counts are taken modulo the width, `srem` of the least
//! integer by -1 is 0, float minimum and maximum propagate NaN and order the zeros, sign operations touch nothing but the sign bit. A
//! result that is a NaN has whatever payload the CPU gives it, which the specification leaves open. What the CPU lacks
//! (rounding before SSE4.1, for example) becomes a call of a [`RelocationTarget`](chalcid_module::artifact::RelocationTarget).
//!
//! Division traps by itself: the CPU faults on a divisor of zero, and on a quotient that does not fit. Where faults are not to be relied on,
//! both are tested first.

use chalcid_module::trap_code::TrapCode;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use wasmparser::Operator;

use super::translator::FuncTranslator;
use crate::CompileError;

/// Translates a scalar numeric instruction.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as Op;
    match op {
        // Constants. Immediates are given zero-extended.
        Op::I32Const { value } => {
            let result = t.ins().iconst(types::I32, i64::from(value.cast_unsigned()));
            t.push(result);
        }
        Op::I64Const { value } => {
            let result = t.ins().iconst(types::I64, *value);
            t.push(result);
        }
        Op::F32Const { value } => {
            let result = t.ins().f32const(Ieee32::with_bits(value.bits()));
            t.push(result);
        }
        Op::F64Const { value } => {
            let result = t.ins().f64const(Ieee64::with_bits(value.bits()));
            t.push(result);
        }

        // Tests and comparisons.
        Op::I32Eqz | Op::I64Eqz => {
            t.unary(|ins, x| ins.icmp_imm_u(IntCC::Equal, x, 0));
            t.truth();
        }
        Op::I32Eq | Op::I64Eq => t.compare_ints(IntCC::Equal),
        Op::I32Ne | Op::I64Ne => t.compare_ints(IntCC::NotEqual),
        Op::I32LtS | Op::I64LtS => t.compare_ints(IntCC::SignedLessThan),
        Op::I32LtU | Op::I64LtU => t.compare_ints(IntCC::UnsignedLessThan),
        Op::I32GtS | Op::I64GtS => t.compare_ints(IntCC::SignedGreaterThan),
        Op::I32GtU | Op::I64GtU => t.compare_ints(IntCC::UnsignedGreaterThan),
        Op::I32LeS | Op::I64LeS => t.compare_ints(IntCC::SignedLessThanOrEqual),
        Op::I32LeU | Op::I64LeU => t.compare_ints(IntCC::UnsignedLessThanOrEqual),
        Op::I32GeS | Op::I64GeS => t.compare_ints(IntCC::SignedGreaterThanOrEqual),
        Op::I32GeU | Op::I64GeU => t.compare_ints(IntCC::UnsignedGreaterThanOrEqual),
        Op::F32Eq | Op::F64Eq => t.compare_floats(FloatCC::Equal),
        Op::F32Ne | Op::F64Ne => t.compare_floats(FloatCC::NotEqual),
        Op::F32Lt | Op::F64Lt => t.compare_floats(FloatCC::LessThan),
        Op::F32Gt | Op::F64Gt => t.compare_floats(FloatCC::GreaterThan),
        Op::F32Le | Op::F64Le => t.compare_floats(FloatCC::LessThanOrEqual),
        Op::F32Ge | Op::F64Ge => t.compare_floats(FloatCC::GreaterThanOrEqual),

        // Integers.
        Op::I32Clz | Op::I64Clz => t.unary(|ins, x| ins.clz(x)),
        Op::I32Ctz | Op::I64Ctz => t.unary(|ins, x| ins.ctz(x)),
        Op::I32Popcnt | Op::I64Popcnt => t.unary(|ins, x| ins.popcnt(x)),
        Op::I32Add | Op::I64Add => t.binary(|ins, x, y| ins.iadd(x, y)),
        Op::I32Sub | Op::I64Sub => t.binary(|ins, x, y| ins.isub(x, y)),
        Op::I32Mul | Op::I64Mul => t.binary(|ins, x, y| ins.imul(x, y)),
        Op::I32DivS | Op::I64DivS => {
            let (x, y) = t.pop2();
            check_divisor(t, y);
            check_quotient(t, x, y);
            let result = t.ins().sdiv(x, y);
            t.push(result);
        }
        Op::I32DivU | Op::I64DivU => {
            let (x, y) = t.pop2();
            check_divisor(t, y);
            let result = t.ins().udiv(x, y);
            t.push(result);
        }
        Op::I32RemS | Op::I64RemS => {
            let (x, y) = t.pop2();
            check_divisor(t, y);
            let result = t.ins().srem(x, y);
            t.push(result);
        }
        Op::I32RemU | Op::I64RemU => {
            let (x, y) = t.pop2();
            check_divisor(t, y);
            let result = t.ins().urem(x, y);
            t.push(result);
        }
        Op::I32And | Op::I64And => t.binary(|ins, x, y| ins.band(x, y)),
        Op::I32Or | Op::I64Or => t.binary(|ins, x, y| ins.bor(x, y)),
        Op::I32Xor | Op::I64Xor => t.binary(|ins, x, y| ins.bxor(x, y)),
        Op::I32Shl | Op::I64Shl => t.binary(|ins, x, y| ins.ishl(x, y)),
        Op::I32ShrS | Op::I64ShrS => t.binary(|ins, x, y| ins.sshr(x, y)),
        Op::I32ShrU | Op::I64ShrU => t.binary(|ins, x, y| ins.ushr(x, y)),
        Op::I32Rotl | Op::I64Rotl => t.binary(|ins, x, y| ins.rotl(x, y)),
        Op::I32Rotr | Op::I64Rotr => t.binary(|ins, x, y| ins.rotr(x, y)),
        Op::I32Extend8S | Op::I64Extend8S => t.extend_low_bits(types::I8),
        Op::I32Extend16S | Op::I64Extend16S => t.extend_low_bits(types::I16),
        Op::I64Extend32S => t.extend_low_bits(types::I32),

        // Floats.
        Op::F32Abs | Op::F64Abs => t.unary(|ins, x| ins.fabs(x)),
        Op::F32Neg | Op::F64Neg => t.unary(|ins, x| ins.fneg(x)),
        Op::F32Ceil | Op::F64Ceil => t.unary(|ins, x| ins.ceil(x)),
        Op::F32Floor | Op::F64Floor => t.unary(|ins, x| ins.floor(x)),
        Op::F32Trunc | Op::F64Trunc => t.unary(|ins, x| ins.trunc(x)),
        Op::F32Nearest | Op::F64Nearest => t.unary(|ins, x| ins.nearest(x)),
        Op::F32Sqrt | Op::F64Sqrt => t.unary(|ins, x| ins.sqrt(x)),
        Op::F32Add | Op::F64Add => t.binary(|ins, x, y| ins.fadd(x, y)),
        Op::F32Sub | Op::F64Sub => t.binary(|ins, x, y| ins.fsub(x, y)),
        Op::F32Mul | Op::F64Mul => t.binary(|ins, x, y| ins.fmul(x, y)),
        Op::F32Div | Op::F64Div => t.binary(|ins, x, y| ins.fdiv(x, y)),
        Op::F32Min | Op::F64Min => t.binary(|ins, x, y| ins.fmin(x, y)),
        Op::F32Max | Op::F64Max => t.binary(|ins, x, y| ins.fmax(x, y)),
        Op::F32Copysign | Op::F64Copysign => t.binary(|ins, x, y| ins.fcopysign(x, y)),

        // 128-bit integers as pairs, the low half pushed first.
        Op::I64Add128 => wide_binary(t, |t, x, y| t.ins().iadd(x, y)),
        Op::I64Sub128 => wide_binary(t, |t, x, y| t.ins().isub(x, y)),
        Op::I64MulWideS => wide_product(t, |t, x| t.ins().sextend(types::I128, x)),
        Op::I64MulWideU => wide_product(t, |t, x| t.ins().uextend(types::I128, x)),

        _ => return Ok(false),
    }
    Ok(true)
}

/// Without hardware traps: traps when the divisor is zero.
fn check_divisor(t: &mut FuncTranslator<'_>, divisor: Value) {
    if !t.settings.signals {
        t.trap_unless(divisor, TrapCode::IntegerDivideByZero);
    }
}

/// Without hardware traps: traps when the quotient is one more than the largest integer, that is, for the least integer over -1.
fn check_quotient(t: &mut FuncTranslator<'_>, dividend: Value, divisor: Value) {
    if t.settings.signals {
        return;
    }
    let ty = t.type_of(dividend);
    let least = least_integer(t, ty);
    let dividend_is_least = t.ins().icmp(IntCC::Equal, dividend, least);
    let divisor_is_minus_one = t.ins().icmp_imm_s(IntCC::Equal, divisor, -1);
    let overflows = t.ins().band(dividend_is_least, divisor_is_minus_one);
    t.trap_if(overflows, TrapCode::IntegerOverflow);
}

/// The integer with only its sign bit set.
fn least_integer(t: &mut FuncTranslator<'_>, ty: Type) -> Value {
    let bits = 1_u64 << (ty.bits() - 1);
    t.ins().iconst(ty, bits.cast_signed())
}

/// Replaces two pairs by the pair of a 128-bit result.
fn wide_binary(t: &mut FuncTranslator<'_>, make: impl FnOnce(&mut FuncTranslator<'_>, Value, Value) -> Value) {
    let y = pop_pair(t);
    let x = pop_pair(t);
    let result = make(t, x, y);
    push_pair(t, result);
}

/// Replaces two 64-bit factors, which `extend` widens, by the pair of their 128-bit product.
fn wide_product(t: &mut FuncTranslator<'_>, extend: impl Fn(&mut FuncTranslator<'_>, Value) -> Value) {
    let (x, y) = t.pop2();
    let x = extend(t, x);
    let y = extend(t, y);
    let product = t.ins().imul(x, y);
    push_pair(t, product);
}

fn pop_pair(t: &mut FuncTranslator<'_>) -> Value {
    let (low, high) = t.pop2();
    t.ins().iconcat(low, high)
}

fn push_pair(t: &mut FuncTranslator<'_>, pair: Value) {
    let (low, high) = t.ins().isplit(pair);
    t.push(low);
    t.push(high);
}

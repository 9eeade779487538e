//! Single operators on numbers at the edges: where rounding, signs and limits matter, which random operands seldom meet.

use wasm_encoder::{Function, Instruction as I, InstructionSink};

use crate::random::Random;

/// Types of operands and results.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ty {
    I32,
    I64,
    F32,
    F64,
}
use Ty::{F32, F64, I32, I64};

/// Operators of one operand: it, the operand, the result.
#[rustfmt::skip]
const UNARY: &[(I<'static>, Ty, Ty)] = &[
    (I::I32Clz, I32, I32), (I::I32Ctz, I32, I32), (I::I32Popcnt, I32, I32), (I::I32Extend8S, I32, I32), (I::I32Extend16S, I32, I32),
    (I::I64Clz, I64, I64), (I::I64Ctz, I64, I64), (I::I64Popcnt, I64, I64), (I::I64Extend8S, I64, I64), (I::I64Extend16S, I64, I64),
    (I::I64Extend32S, I64, I64), (I::I32WrapI64, I64, I32), (I::I64ExtendI32S, I32, I64), (I::I64ExtendI32U, I32, I64),
    (I::I32TruncSatF32S, F32, I32), (I::I32TruncSatF32U, F32, I32), (I::I32TruncSatF64S, F64, I32), (I::I32TruncSatF64U, F64, I32),
    (I::I64TruncSatF32S, F32, I64), (I::I64TruncSatF32U, F32, I64), (I::I64TruncSatF64S, F64, I64), (I::I64TruncSatF64U, F64, I64),
    (I::F32ConvertI32S, I32, F32), (I::F32ConvertI32U, I32, F32), (I::F32ConvertI64S, I64, F32), (I::F32ConvertI64U, I64, F32),
    (I::F64ConvertI32S, I32, F64), (I::F64ConvertI32U, I32, F64), (I::F64ConvertI64S, I64, F64), (I::F64ConvertI64U, I64, F64),
    (I::F32DemoteF64, F64, F32), (I::F64PromoteF32, F32, F64),
    (I::F32Abs, F32, F32), (I::F32Neg, F32, F32), (I::F32Sqrt, F32, F32), (I::F32Ceil, F32, F32), (I::F32Floor, F32, F32),
    (I::F32Trunc, F32, F32), (I::F32Nearest, F32, F32),
    (I::F64Abs, F64, F64), (I::F64Neg, F64, F64), (I::F64Sqrt, F64, F64), (I::F64Ceil, F64, F64), (I::F64Floor, F64, F64),
    (I::F64Trunc, F64, F64), (I::F64Nearest, F64, F64),
];

/// Operators of two operands of a type: it, the operands, the result.
#[rustfmt::skip]
const BINARY: &[(I<'static>, Ty, Ty)] = &[
    (I::I32Add, I32, I32), (I::I32Sub, I32, I32), (I::I32Mul, I32, I32), (I::I32And, I32, I32), (I::I32Or, I32, I32),
    (I::I32Shl, I32, I32), (I::I32ShrS, I32, I32), (I::I32ShrU, I32, I32), (I::I32Rotl, I32, I32), (I::I32Rotr, I32, I32),
    (I::I32LtS, I32, I32), (I::I32LtU, I32, I32), (I::I32GeS, I32, I32), (I::I32GtU, I32, I32),
    (I::I64Add, I64, I64), (I::I64Sub, I64, I64), (I::I64Mul, I64, I64), (I::I64And, I64, I64), (I::I64Or, I64, I64),
    (I::I64Shl, I64, I64), (I::I64ShrS, I64, I64), (I::I64ShrU, I64, I64), (I::I64Rotl, I64, I64), (I::I64Rotr, I64, I64),
    (I::I64LtS, I64, I32), (I::I64LtU, I64, I32), (I::I64GeS, I64, I32), (I::I64GtU, I64, I32),
    (I::F32Add, F32, F32), (I::F32Sub, F32, F32), (I::F32Mul, F32, F32), (I::F32Div, F32, F32), (I::F32Min, F32, F32),
    (I::F32Max, F32, F32), (I::F32Copysign, F32, F32), (I::F32Lt, F32, I32), (I::F32Ge, F32, I32), (I::F32Ne, F32, I32),
    (I::F64Add, F64, F64), (I::F64Sub, F64, F64), (I::F64Mul, F64, F64), (I::F64Div, F64, F64), (I::F64Min, F64, F64),
    (I::F64Max, F64, F64), (I::F64Copysign, F64, F64), (I::F64Lt, F64, I32), (I::F64Ge, F64, I32), (I::F64Ne, F64, I32),
];

/// Globals that the code of this file uses.
#[derive(Clone, Copy, Debug)]
pub struct Globals {
    /// An i64 that results are added to, and operands come from.
    pub state: u32,
    /// An f32 that nobody else uses.
    pub f32: u32,
    /// An f64 that nobody else uses.
    pub f64: u32,
}

/// Applies an operator to operands at the edges, and adds the result to the state.
pub fn emit(random: &mut Random, f: &mut Function, globals: Globals) {
    let index = random.below((UNARY.len() + BINARY.len()) as u64) as usize;
    let (operands, (operator, operand, result)) = match index.checked_sub(UNARY.len()) {
        None => (1, &UNARY[index]),
        Some(index) => (2, &BINARY[index]),
    };
    for _ in 0..operands {
        push(random, &mut f.instructions(), *operand, globals);
    }
    f.instruction(operator);
    let mut f = f.instructions();
    match result {
        I32 => f.i64_extend_i32_u(),
        I64 => &mut f,
        F32 => {
            f.global_set(globals.f32).global_get(globals.f32).f32_const(f32::NAN.into());
            f.global_get(globals.f32).global_get(globals.f32).f32_eq().select().i32_reinterpret_f32().i64_extend_i32_u()
        }
        F64 => {
            f.global_set(globals.f64).global_get(globals.f64).f64_const(f64::NAN.into());
            f.global_get(globals.f64).global_get(globals.f64).f64_eq().select().i64_reinterpret_f64()
        }
    };
    keep(&mut f, globals.state);
}

/// Adds the i64 on the stack to the state.
pub fn keep(f: &mut InstructionSink<'_>, state: u32) {
    f.global_get(state).i64_const(7).i64_rotl().i64_add().global_set(state);
}

/// An integer near a power of two, or near the middle between two floats, or any.
fn integer(random: &mut Random) -> i64 {
    let number = if random.below(3) == 0 {
        let exponent = [31, 32, 62, 63, random.below(64)][random.below(5) as usize];
        let half = [24, 25, 53, 54][random.below(4) as usize];
        1_u64 << exponent | (1_u64 << exponent) >> half
    } else {
        random.edge()
    };
    number.wrapping_add(random.below(5)).wrapping_sub(2) as i64
}

fn push(random: &mut Random, f: &mut InstructionSink<'_>, ty: Ty, globals: Globals) {
    let number = integer(random);
    let from_state = random.below(4) == 0;
    match (ty, from_state) {
        (I32, false) => f.i32_const(number as i32),
        (I32, true) => f.global_get(globals.state).i32_wrap_i64(),
        (I64, false) => f.i64_const(number),
        (I64, true) => f.global_get(globals.state),
        (F32, true) => f.global_get(globals.state).f32_convert_i64_s(),
        (F64, true) => f.global_get(globals.state).f64_convert_i64_s(),
        (F32, false) => f.f32_const((float(random, number) as f32).into()),
        (F64, false) => f.f64_const(float(random, number).into()),
    };
}

fn float(random: &mut Random, number: i64) -> f64 {
    match random.below(8) {
        0 => [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MIN_POSITIVE, f64::MAX, f64::EPSILON]
            [random.below(8) as usize],
        1 => number as f64 / 2.0,
        2 => 1.0 / number as f64,
        3 => {
            // Any bits but those of a NaN with a payload.
            let value = f64::from_bits(number as u64);
            if value.is_nan() { f64::NAN } else { value }
        }
        4 => f64::from(number as f32) + 0.5,
        // The neighbours of a number that an integer is converted to.
        5 => (number as f64).next_up(),
        6 => (number as f64).next_down(),
        _ => number as f64,
    }
}

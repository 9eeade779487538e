//! Operators that wasm-smith hardly ever makes, since it needs the right operands on its stack for them: those of four operands, of relaxed vectors, of
//! 128-bit arithmetic, and the atomic ones that compare or wait.
//!
//! Each is a few instructions that take their operands from a global, an i64, and add to it what comes out.

use wasm_encoder::{Function, Instruction, MemArg, MemArgTarget};

use crate::numeric::keep;
use crate::random::Random;

/// What a program may use.
#[derive(Clone, Default, Debug)]
pub struct Allowed {
    /// 128-bit arithmetic.
    pub wide: bool,
    /// Relaxed vectors.
    pub relaxed: bool,
    /// Atomic operators.
    pub threads: bool,
    /// Memories that hold at least a page: number, whether their addresses have 64 bits, whether they are shared.
    pub memories: Vec<(u32, bool, bool)>,
}

impl Allowed {
    /// Some rare operator, if any is allowed.
    pub fn emit(&self, random: &mut Random, f: &mut Function, state: u32) {
        match random.below(3) {
            0 if self.wide => wide(random, f, state),
            1 if self.relaxed => relaxed(random, f, state),
            2 if self.threads && !self.memories.is_empty() => {
                let memory = self.memories[random.below(self.memories.len() as u64) as usize];
                atomic(random, f, state, memory);
            }
            _ => {}
        }
    }
}

/// An i64 that depends on the state, or one at an edge.
fn i64(random: &mut Random, f: &mut Function, state: u32) {
    let number = random.edge() as i64;
    match random.below(3) {
        0 => f.instructions().i64_const(number),
        1 => f.instructions().global_get(state),
        _ => f.instructions().global_get(state).i64_const(number).i64_rotl(),
    };
}

fn wide(random: &mut Random, f: &mut Function, state: u32) {
    let which = random.below(4);
    for _ in 0..if which < 2 { 4 } else { 2 } {
        i64(random, f, state);
    }
    let mut f = f.instructions();
    match which {
        0 => f.i64_add128(),
        1 => f.i64_sub128(),
        2 => f.i64_mul_wide_s(),
        _ => f.i64_mul_wide_u(),
    };
    f.i64_xor();
    keep(&mut f, state);
}

fn relaxed(random: &mut Random, f: &mut Function, state: u32) {
    use Instruction as I;
    // Operands that are floats are made of integers, so that no NaN comes out whose payload is open.
    const INTEGERS: &[(Instruction<'static>, usize)] = &[
        (I::I8x16RelaxedSwizzle, 2),
        (I::I16x8RelaxedQ15mulrS, 2),
        (I::I16x8RelaxedDotI8x16I7x16S, 2),
        (I::I32x4RelaxedDotI8x16I7x16AddS, 3),
        (I::I8x16RelaxedLaneselect, 3),
        (I::I16x8RelaxedLaneselect, 3),
        (I::I32x4RelaxedLaneselect, 3),
        (I::I64x2RelaxedLaneselect, 3),
        (I::I32x4RelaxedTruncF32x4S, 1),
        (I::I32x4RelaxedTruncF32x4U, 1),
        (I::I32x4RelaxedTruncF64x2SZero, 1),
        (I::I32x4RelaxedTruncF64x2UZero, 1),
    ];
    const FLOATS: &[(Instruction<'static>, usize)] = &[
        (I::F32x4RelaxedMadd, 3),
        (I::F32x4RelaxedNmadd, 3),
        (I::F32x4RelaxedMin, 2),
        (I::F32x4RelaxedMax, 2),
        (I::F64x2RelaxedMadd, 3),
        (I::F64x2RelaxedNmadd, 3),
        (I::F64x2RelaxedMin, 2),
        (I::F64x2RelaxedMax, 2),
    ];
    let index = random.below((INTEGERS.len() + FLOATS.len()) as u64) as usize;
    let floats = index.checked_sub(INTEGERS.len());
    let (operator, operands) = floats.map_or_else(|| &INTEGERS[index], |index| &FLOATS[index]);
    for _ in 0..*operands {
        i64(random, f, state);
        let number = i128::from(random.edge()) << 64 | i128::from(random.edge());
        f.instructions().i64x2_splat().v128_const(number).v128_xor();
        match floats {
            None => {}
            Some(0..4) => {
                f.instructions().f32x4_convert_i32x4_s();
            }
            Some(_) => {
                f.instructions().f64x2_convert_low_i32x4_s();
            }
        }
    }
    f.instruction(operator);
    let mut f = f.instructions();
    f.i64x2_extract_lane(random.below(2) as u8);
    keep(&mut f, state);
}

fn atomic(random: &mut Random, f: &mut Function, state: u32, (memory, wide, shared): (u32, bool, bool)) {
    let which = random.below(if shared { 10 } else { 8 });
    let at = random.below(512) as i32 * 8;
    if wide {
        f.instructions().i64_const(i64::from(at));
    } else {
        f.instructions().i32_const(at);
    }
    let arg = |align| MemArg { offset: 8, align, target: MemArgTarget::Memory(memory), ordering: None };
    let thirty_two = matches!(which, 0..3 | 7 | 8);
    for _ in 0..if which == 7 { 1 } else { 2 } {
        if which >= 8 {
            break;
        }
        // Small enough that some comparisons succeed, in a memory of zeros and small numbers.
        let mut f = f.instructions();
        f.global_get(state).i64_const(random.below(60) as i64).i64_shr_u().i64_const(random.below(3) as i64).i64_and();
        if thirty_two {
            f.i32_wrap_i64();
        }
    }
    let mut f = f.instructions();
    match which {
        0 => f.i32_atomic_rmw_cmpxchg(arg(2)),
        1 => f.i32_atomic_rmw8_cmpxchg_u(arg(0)),
        2 => f.i32_atomic_rmw16_cmpxchg_u(arg(1)),
        3 => f.i64_atomic_rmw_cmpxchg(arg(3)),
        4 => f.i64_atomic_rmw8_cmpxchg_u(arg(0)),
        5 => f.i64_atomic_rmw16_cmpxchg_u(arg(1)),
        6 => f.i64_atomic_rmw32_cmpxchg_u(arg(2)),
        7 => f.memory_atomic_notify(arg(2)),
        // Nobody will wake it: it does not wait.
        8 => f.i32_const(0).i64_const(0).memory_atomic_wait32(arg(2)),
        _ => f.i64_const(0).i64_const(0).memory_atomic_wait64(arg(3)),
    };
    if thirty_two || which == 9 {
        f.i64_extend_i32_u();
    }
    keep(&mut f, state);
}

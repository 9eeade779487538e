//! Random programs and random arguments.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

use crate::Value;

/// Loops and calls that a program may go through before it ends in a trap.
const FUEL: u32 = 3_000;

/// A generator of pseudo-random numbers: the same seed gives the same numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts anew.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.rotate_left(23)
    }

    /// A value of the same type as another, at an edge as often as not. References stay as they are.
    pub fn value(&mut self, like: Value) -> Value {
        let number = match self.number() % 4 {
            0 => self.number(),
            1 => self.number() % 70_000,
            2 => 1 << (self.number() % 64),
            _ => u64::MAX << (self.number() % 64),
        };
        match like {
            Value::I32(_) => Value::I32(number as i32),
            Value::I64(_) => Value::I64(number as i64),
            Value::F32(_) if self.number().is_multiple_of(2) => Value::F32((number as i64 as f32 / 8.0).to_bits()),
            Value::F32(_) => Value::F32(canonical_f32(number as u32)),
            Value::F64(_) if self.number().is_multiple_of(2) => Value::F64((number as i64 as f64 / 8.0).to_bits()),
            Value::F64(_) => Value::F64(canonical_f64(number)),
            Value::V128(_) => Value::V128(u128::from(number) << 64 | u128::from(self.number())),
            Value::FuncRef(_) | Value::ExternRef(_) => like,
        }
    }
}

fn canonical_f32(bits: u32) -> u32 {
    if f32::from_bits(bits).is_nan() { 0x7fc0_0000 } else { bits }
}

fn canonical_f64(bits: u64) -> u64 {
    if f64::from_bits(bits).is_nan() { 0x7ff8_0000_0000_0000 } else { bits }
}

/// The program of a seed; a few seeds give none.
pub fn generate(seed: u64) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    let len = 2_000 + random.number() as usize % 6_000;
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.number() as u8).take(len).collect();
    let mut config = Config {
        canonicalize_nans: true,
        export_everything: true,
        max_imports: 0,
        min_funcs: 2,
        max_funcs: 8,
        max_instructions: 150,
        min_memories: 1,
        max_memories: 2,
        max_memory32_bytes: 1 << 20,
        max_memory64_bytes: 1 << 20,
        memory_max_size_required: true,
        memory64_enabled: seed.is_multiple_of(3),
        min_tables: 1,
        max_tables: 3,
        max_table_elements: 100,
        table_max_size_required: true,
        max_globals: 10,
        max_types: 20,
        simd_enabled: !seed.is_multiple_of(4),
        ..Config::default()
    };
    // What the other engine does not know, and what the specification leaves open.
    config.relaxed_simd_enabled = false;
    config.exceptions_enabled = false;
    config.gc_enabled = false;
    config.threads_enabled = false;
    config.compact_imports_enabled = false;
    let mut module = Module::new(config, &mut Unstructured::new(&bytes)).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(module.to_bytes())
}

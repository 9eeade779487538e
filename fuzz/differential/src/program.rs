//! The program of a seed.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

/// Loops and calls that a program may go through before it ends in a trap.
const FUEL: u32 = 2_000;

/// A generator of pseudo-random numbers: the same seed gives the same numbers.
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

    /// A number below a bound, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.number() >> 11) % bound
    }
}

/// What programs are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// What Chalcid and V8 both have on by default.
    Common,
    /// Structures, arrays, casts and exceptions above all.
    Gc,
    /// The same, by a generator that keeps to the subject: see [`crate::objects`].
    Objects,
    /// Everything Chalcid has, for comparing it with itself.
    Everything,
}

impl Subject {
    /// The subject of a name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "common" => Some(Self::Common),
            "gc" => Some(Self::Gc),
            "objects" => Some(Self::Objects),
            "everything" => Some(Self::Everything),
            _ => None,
        }
    }
}

/// The program of a seed; a few seeds give none.
pub fn generate(seed: u64, subject: Subject) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    if subject == Subject::Objects {
        return Some(crate::objects::generate(&mut random));
    }
    let len = 2_000 + random.number() as usize % 6_000;
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.number() as u8).take(len).collect();
    let gc = subject == Subject::Gc;
    let config = Config {
        // What the specification leaves open: the payload of a NaN, and the results of relaxed operators.
        canonicalize_nans: true,
        relaxed_simd_enabled: subject == Subject::Everything,
        wide_arithmetic_enabled: subject == Subject::Everything,
        custom_page_sizes_enabled: false,
        compact_imports_enabled: false,
        custom_descriptors_enabled: false,
        shared_everything_threads_enabled: false,
        export_everything: true,
        max_imports: if seed.is_multiple_of(2) { 4 } else { 0 },
        min_funcs: 2,
        max_funcs: 8,
        max_instructions: 200,
        min_memories: u32::from(!gc),
        max_memories: 2,
        max_memory32_bytes: 1 << 18,
        max_memory64_bytes: 1 << 18,
        memory_max_size_required: true,
        memory64_enabled: seed.is_multiple_of(3),
        min_tables: u32::from(!gc),
        max_tables: 3,
        max_table_elements: 50,
        table_max_size_required: true,
        max_globals: 10,
        min_types: if gc { 8 } else { 0 },
        max_types: if gc { 40 } else { 20 },
        max_tags: 4,
        min_tags: usize::from(gc),
        gc_enabled: gc || seed.is_multiple_of(5),
        exceptions_enabled: gc || seed.is_multiple_of(7),
        threads_enabled: seed.is_multiple_of(11),
        simd_enabled: subject == Subject::Everything || (!gc && seed.is_multiple_of(4)),
        disallow_traps: !seed.is_multiple_of(3),
        ..Config::default()
    };
    let mut module = Module::new(config, &mut Unstructured::new(&bytes)).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(module.to_bytes())
}

//! Programs of wasm-smith: what it may use, by subject and chance.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

use crate::program::Subject;
use crate::random::Random;
use crate::rare::Allowed;
use crate::salt::Salt;

/// Loops and calls that a program may go through before it ends in a trap.
pub const FUEL: u32 = 500;

/// The program that wasm-smith makes of some bytes, and what to add to it: exceptions of the older form, if it has none of the newer.
pub fn generate(subject: Subject, bytes: &[u8], random: &mut Random) -> Option<(Vec<u8>, Salt)> {
    let gc = subject == Subject::Gc;
    let (javascript, core, everything) =
        (subject.for_javascript(), subject == Subject::Core, subject == Subject::Everything);
    // One program in so many has a proposal, each independently of the others.
    let mut one_in = |bound| random.below(bound) == 0;
    let (exceptions, legacy) = if core { (false, false) } else { (gc || one_in(5), one_in(4)) };
    let (wide, threads) = (!javascript && one_in(3), !core && one_in(5));
    let config = Config {
        // What the specification leaves open: the payload of a NaN, and the results of relaxed operators.
        canonicalize_nans: true,
        relaxed_simd_enabled: everything,
        wide_arithmetic_enabled: wide,
        custom_page_sizes_enabled: !javascript && one_in(4),
        compact_imports_enabled: everything && one_in(4),
        custom_descriptors_enabled: everything && one_in(6),
        shared_everything_threads_enabled: false,
        export_everything: true,
        limit_arrays_in_const_exprs: true,
        allow_start_export: one_in(8),
        max_imports: if !core && one_in(2) { 4 } else { 0 },
        min_funcs: 3,
        max_funcs: 8,
        max_instructions: if one_in(8) { 500 } else { 150 },
        min_memories: u32::from(!gc),
        max_memories: 2,
        max_memory32_bytes: 1 << 17,
        max_memory64_bytes: 1 << 17,
        memory_max_size_required: true,
        memory64_enabled: one_in(3),
        min_tables: u32::from(!gc),
        max_tables: 3,
        max_table_elements: 50,
        table_max_size_required: true,
        max_globals: 10,
        min_types: if gc { 8 } else { 4 },
        max_types: if gc { 40 } else { 20 },
        max_tags: 4,
        min_tags: usize::from(gc || exceptions),
        gc_enabled: gc || (!core && one_in(4)),
        exceptions_enabled: exceptions && !legacy,
        threads_enabled: threads,
        simd_enabled: everything || (!gc && one_in(if core { 2 } else { 4 })),
        disallow_traps: !one_in(3),
        ..Config::default()
    };
    let mut module = Module::new(config, &mut Unstructured::new(bytes)).ok()?;
    module.ensure_termination(FUEL).ok()?;
    let rare = Allowed { wide, relaxed: everything, threads, memories: Vec::new() };
    Some((module.to_bytes(), Salt { legacy, rare }))
}

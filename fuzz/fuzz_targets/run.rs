//! Programs that end, run by each tier with and without signal handlers: all agree on results, traps and memories.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use chalcid::{Agent, Config, Engine, Error, Extern, Instance, Module, TierPolicy, Val, ValType};
use libfuzzer_sys::fuzz_target;

static ENGINES: LazyLock<Vec<Engine>> = LazyLock::new(|| {
    [
        (TierPolicy::Optimizing, true),
        (TierPolicy::Optimizing, false),
        (TierPolicy::Baseline, true),
        (TierPolicy::Baseline, false),
    ]
    .map(|(tier, signals)| Engine::new(Config::new().tier(tier).signals(signals)).expect("an engine"))
    .into()
});

fuzz_target!(|bytes: &[u8]| {
    let mut unstructured = Unstructured::new(bytes);
    let config = wasm_smith::Config {
        canonicalize_nans: true,
        export_everything: true,
        max_imports: 0,
        max_memory32_bytes: 1 << 18,
        max_memory64_bytes: 1 << 18,
        memory_max_size_required: true,
        max_table_elements: 100,
        table_max_size_required: true,
        threads_enabled: false,
        custom_page_sizes_enabled: false,
        compact_imports_enabled: false,
        custom_descriptors_enabled: false,
        max_tables: 3,
        max_memories: 2,
        ..wasm_smith::Config::default()
    };
    let Ok(mut module) = wasm_smith::Module::new(config, &mut unstructured) else { return };
    if module.ensure_termination(1_000).is_err() {
        return;
    }
    let program = module.to_bytes();
    let accounts: Vec<_> = ENGINES.iter().map(|engine| account(engine, &program)).collect();
    for other in &accounts[1..] {
        for (one, other) in accounts[0].iter().zip(other) {
            // What depends on the stack that is left ends the comparison.
            if one == "exhausted" || other == "exhausted" {
                break;
            }
            assert_eq!(one, other);
        }
    }
});

/// What can be seen of a program, a line a step.
fn account(engine: &Engine, program: &[u8]) -> Vec<String> {
    let module = match Module::new(engine, program) {
        Ok(module) => module,
        Err(error) => panic!("a valid program does not compile: {error}"),
    };
    let agent = Agent::new(engine);
    let instance = match Instance::new(&agent, &module, &[]) {
        Ok(instance) => instance,
        Err(error) => return vec![failure(&error)],
    };
    let mut lines = Vec::new();
    for (name, item) in instance.exports() {
        let Extern::Func(func) = item else { continue };
        let ty = func.ty();
        let Some(args) = ty.params.iter().map(|ty| Val::default_of(&agent, *ty)).collect::<Option<Vec<_>>>() else {
            continue;
        };
        let mut results = vec![Val::I32(0); ty.results.len()];
        lines.push(match func.call(&args, &mut results) {
            Ok(()) => format!("{name}: {:?}", results.iter().zip(&ty.results).map(show).collect::<Vec<_>>()),
            Err(error) => failure(&error),
        });
    }
    for (name, item) in instance.exports() {
        if let Extern::Memory(memory) = item {
            let bytes = memory.read_vec(0, memory.byte_len()).unwrap_or_default();
            let sum =
                bytes.iter().fold(0u64, |sum, byte| (sum.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9));
            lines.push(format!("{name}: {} bytes, {sum:x}", bytes.len()));
        }
    }
    lines
}

fn show((value, ty): (&Val, &ValType)) -> String {
    match ty {
        ValType::Ref(_) => if value.is_null() { "null" } else { "a reference" }.to_owned(),
        _ => format!("{value:?}"),
    }
}

fn failure(error: &Error) -> String {
    match error {
        Error::Trap(trap) if trap.code() == chalcid::TrapCode::CallStackExhausted => "exhausted".to_owned(),
        Error::Trap(trap) => format!("trap: {}", trap.code()),
        error => format!("failure: {error}"),
    }
}

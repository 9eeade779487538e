//! Measures what one more instance of a compiled module costs, in time and in memory:
//! `cargo run --release -p chalcid --example instances -- FILE.wasm…`
//!
//! For a small module of its own and for each file: microseconds to make one and let it go, to make one that stays, and the memory
//! that each takes while a thousand (of the small one ten thousand) are alive. Imports are satisfied by functions that do nothing.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use chalcid::{
    Agent, Config, Engine, Error, Extern, ExternType, Func, FuncType, Global, HeapType, HostCall, Instance, Memory,
    Module, RefType, Table, Tag, Val, ValRaw, ValType,
};

const SMALL: &str = r#"(module
    (memory (export "memory") 1) (table 10 funcref) (elem (i32.const 0) $add $add)
    (data (i32.const 16) "hello, world")
    (global $g (mut i32) (i32.const 1))
    (func $add (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#;

struct Nothing;

impl HostCall for Nothing {
    fn call(&self, _: &Agent, _: &FuncType, values: &mut [ValRaw]) -> Result<(), Error> {
        values.fill(ValRaw::i32(0));
        Ok(())
    }
}

/// Something for every import of a module.
fn imports(agent: &Agent, module: &Module) -> Vec<Extern> {
    let zero = |ty: &ValType| match ty {
        ValType::I32 => Val::I32(0),
        ValType::I64 => Val::I64(0),
        ValType::F32 => Val::F32(0),
        ValType::F64 => Val::F64(0),
        ValType::V128 => Val::V128(0),
        ValType::Ref(RefType { heap: HeapType::Abstract(chalcid::AbsHeapType::Func), .. }) => Val::FuncRef(None),
        ValType::Ref(_) => Val::ExternRef(None),
    };
    let one = |ty| -> Extern {
        match ty {
            ExternType::Func(ty) => Func::from_host(agent, ty, 0, Nothing).unwrap().into(),
            ExternType::Memory(ty) => Memory::new(agent, ty).unwrap().into(),
            ExternType::Table(ty) => Table::new(agent, ty, zero(&ValType::Ref(ty.element))).unwrap().into(),
            ExternType::Global(ty) => Global::new(agent, ty, zero(&ty.content)).unwrap().into(),
            ExternType::Tag(ty) => Tag::new(agent, agent.engine().func_type(ty).unwrap()).unwrap().into(),
        }
    };
    module.imports().map(|import| one(import.ty)).collect()
}

/// Memory of the process that is in use, in bytes.
fn in_use() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Memory of the process, shared pages counted by their share, and page tables with it: bytes.
fn footprint() -> usize {
    let kilobytes = |path: &str, name: &str| -> usize {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0) * 1024
    };
    kilobytes("/proc/self/smaps_rollup", "Pss:") + kilobytes("/proc/self/status", "VmPTE:")
}

fn measure(name: &str, engine: &Engine, bytes: Vec<u8>, alive: usize) {
    let module = Module::new(engine, bytes).unwrap();
    let agent = Agent::new(engine);
    let imports = imports(&agent, &module);
    // Segments and tables only: starting would run code that expects more of its imports.
    let make = || {
        let instance = Instance::allocate(&agent, &module, &imports).unwrap();
        instance.initialize().unwrap();
        instance
    };
    drop(make());
    drop(make());
    let mut best = f64::MAX;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1000) {
        let start = Instant::now();
        for _ in 0..100 {
            drop(make());
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e4);
        agent.collect_cycles();
    }
    let (before, footprint_before) = (in_use(), footprint());
    let start = Instant::now();
    let instances: Vec<_> = (0..alive).map(|_| make()).collect();
    let each = start.elapsed().as_secs_f64() * 1e6 / alive as f64;
    let resident = in_use().saturating_sub(before) / alive;
    let taken = footprint().saturating_sub(footprint_before) / alive;
    let start = Instant::now();
    drop(instances);
    agent.collect_cycles();
    let dropped = start.elapsed().as_secs_f64() * 1e6 / alive as f64;
    let left = in_use().saturating_sub(before) / alive;
    println!(
        "{name}: made and dropped {best:.2} µs; {alive} alive: {each:.2} µs each, {resident} bytes resident each \
         ({taken} with page tables, shared pages by share), dropping {dropped:.2} µs, left {left} bytes"
    );
}

fn main() {
    let engine = Engine::new(Config::new()).unwrap();
    measure("small", &engine, wat::parse_str(SMALL).unwrap(), 10_000);
    for path in std::env::args().skip(1) {
        measure(&path, &engine, std::fs::read(&path).unwrap(), 1_000);
    }
}

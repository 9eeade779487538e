//! What the things that programs do all the time cost: a call each way, an instance, a module.
//!
//! `cargo bench -p chalcid` prints nanoseconds, the best of several rounds. With paths as arguments it also decodes those modules.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use chalcid::{Agent, Engine, Error, Func, FuncType, HostCall, Instance, Module, Val, ValRaw};

/// Runs `work` in rounds of `count` and prints the best round's time for one. Rounds are short, so that on a busy machine some
/// are left alone.
fn measure(name: &str, count: u32, mut work: impl FnMut()) {
    let mut best = f64::MAX;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(300) {
        let start = Instant::now();
        for _ in 0..count {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() / f64::from(count));
    }
    println!("{name:<44} {:>12.1} ns", best * 1e9);
}

struct AddOne;

impl HostCall for AddOne {
    fn call(&self, _: &Agent, _: &FuncType, values: &mut [ValRaw]) -> Result<(), Error> {
        values[0] = ValRaw::i32(values[0].get_i32() + 1);
        Ok(())
    }
}

const WAT: &str = r#"(module
    (type $i (func (param i32) (result i32)))
    (import "" "h" (func $h (type $i)))
    (memory (export "m") 1) (table 4 funcref) (elem (i32.const 0) $id) (data (i32.const 0) "hello")
    (global $g (export "g") (mut i32) (i32.const 0))
    (func $id (export "id") (type $i) (local.get 0))
    (func (export "host") (param i32)
      (loop (drop (call $h (local.get 0))) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "grow0") (param i32)
      (loop (drop (memory.grow (i32.const 0))) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;

fn main() {
    let engine = Engine::default();
    let bytes = wat::parse_str(WAT).unwrap();
    let module = Module::new(&engine, &*bytes).unwrap();
    let agent = Agent::new(&engine);
    let ty = match module.imports().next().unwrap().ty {
        chalcid::ExternType::Func(ty) => ty,
        _ => unreachable!("the only import is a function"),
    };
    let host = Func::from_host(&agent, ty, 0, AddOne).unwrap();
    let imports = [host.clone().into()];
    let instance = Instance::new(&agent, &module, &imports).unwrap();

    let id = instance.get_func("id").unwrap();
    let mut values = [ValRaw::i32(1)];
    measure("host to wasm, raw", 10_000, || id.call_raw(black_box(&mut values)).unwrap());
    let mut result = [Val::I32(0)];
    measure("host to wasm, values", 10_000, || id.call(&[Val::I32(1)], black_box(&mut result)).unwrap());
    let loops = |name: &str| {
        let func = instance.get_func(name).unwrap();
        move || func.call_raw(&mut [ValRaw::i32(1_000)]).unwrap()
    };
    measure("wasm to host and back, a thousand times", 1, loops("host"));
    measure("memory.grow of nothing, a thousand times", 1, loops("grow0"));

    let empty = Module::new(&engine, wat::parse_str("(module)").unwrap()).unwrap();
    measure("instance of an empty module", 100, || drop(Instance::new(&agent, &empty, &[]).unwrap()));
    let func_only = Module::new(&engine, wat::parse_str(r#"(module (func (export "f")))"#).unwrap()).unwrap();
    measure("instance of a function", 100, || drop(Instance::new(&agent, &func_only, &[]).unwrap()));
    let table = wat::parse_str(r#"(module (table 10 funcref) (elem (i32.const 0) 0) (func (export "f")))"#).unwrap();
    let table = Module::new(&engine, table).unwrap();
    measure("instance with a filled table", 100, || drop(Instance::new(&agent, &table, &[]).unwrap()));
    agent.collect_cycles();
    let memory = Module::new(&engine, wat::parse_str("(module (memory 1))").unwrap()).unwrap();
    measure("instance with a memory", 50, || drop(Instance::new(&agent, &memory, &[]).unwrap()));
    measure("instance with everything", 50, || drop(Instance::new(&agent, &module, &imports).unwrap()));
    agent.collect_cycles();
    measure("an export by name", 1_000, || drop(black_box(instance.get_func("id"))));
    measure("module of 100 bytes", 100, || drop(Module::new(&engine, &*bytes).unwrap()));
    measure("engine", 10, || drop(Engine::default()));
    measure("agent", 100, || drop(Agent::new(&engine)));

    for path in std::env::args().skip(1).filter(|arg| !arg.starts_with('-')) {
        let bytes: std::sync::Arc<[u8]> = std::fs::read(&path).unwrap().into();
        measure(&path, 1, || drop(Module::new(&engine, bytes.clone()).unwrap()));
    }
}

//! What runs hot is optimised in the background, published while it runs, and gives the same results before, during and after.

#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};

use chalcid::{Agent, Config, Engine, Error, Instance, Module, TierPolicy, Val};
use common::{call, call_i32, module, trap};

const WAT: &str = r#"(module
    (memory 1)
    (func $add (export "add") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1)))
    (func $fib (export "fib") (param i32) (result i32)
      (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
        (then (local.get 0))
        (else
          (call $add
            (call $fib (i32.sub (local.get 0) (i32.const 1)))
            (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "sum") (param i32) (result i32)
      (local i32)
      (loop
        (local.set 1 (call $add (local.get 1) (local.get 0)))
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get 1))
    (func (export "load") (param i32) (result i32)
      (i32.load (local.get 0)))
    (func (export "cold") (result i32) (i32.const 1)))"#;

fn config() -> Config {
    Config::new().tier(TierPolicy::Auto)
}

fn instance(engine: &Engine) -> Instance {
    Instance::new(&Agent::new(engine), &module(engine, WAT), &[]).unwrap()
}

#[test]
fn hot_functions_are_optimised_and_cold_ones_are_not() {
    let engine = Engine::new(config().hot_after(50)).unwrap();
    let instance = instance(&engine);
    assert_eq!(call_i32(&instance, "cold", &[]), 1);
    assert_eq!(call_i32(&instance, "fib", &[15]), 610);
    engine.finish_compiling();
    let stats = engine.stats();
    assert_eq!((stats.baseline.functions, stats.optimizing.functions, stats.tier_ups), (3, 2, 2));
    assert_eq!(call_i32(&instance, "fib", &[15]), 610);
    // Turns of a loop make its function hot, too.
    assert_eq!(call_i32(&instance, "sum", &[10_000]), 50_005_000);
    engine.finish_compiling();
    assert_eq!((engine.stats().baseline.functions, engine.stats().tier_ups), (4, 3));
}

#[test]
fn one_call_is_enough_if_the_embedder_says_so() {
    let engine = Engine::new(config().hot_after(1)).unwrap();
    let instance = instance(&engine);
    assert_eq!(call_i32(&instance, "cold", &[]), 1);
    engine.finish_compiling();
    assert_eq!((engine.stats().baseline.functions, engine.stats().tier_ups), (1, 1));
    for _ in 0..3 {
        assert_eq!(call_i32(&instance, "cold", &[]), 1);
    }
    engine.finish_compiling();
    assert_eq!(engine.stats().optimizing.functions, 1);
}

#[test]
fn frames_of_both_tiers_are_one_stack() {
    let engine = Engine::new(config().hot_after(1)).unwrap();
    let wat = r#"(module
        (import "host" "wait" (func $wait))
        (memory 1)
        (func $deep (export "deep") (param i32) (result i32)
          (if (i32.eqz (local.get 0)) (then (return (i32.load (i32.const -4)))))
          (call $wait)
          (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))))"#;
    let agent = Agent::new(&engine);
    // The function is optimised when half of its frames are on the stack.
    let (waiting, calls) = (engine.clone(), std::cell::Cell::new(0));
    let ty = chalcid::FuncType { params: [].into(), results: [].into() };
    let wait = chalcid::Func::new(&agent, ty, move |_, _| {
        calls.set(calls.get() + 1);
        if calls.get() == 5 {
            waiting.finish_compiling();
        }
        Ok(())
    });
    let instance = Instance::new(&agent, &module(&engine, wat), &[wait.unwrap().into()]).unwrap();
    let mut results = [Val::I32(0)];
    let Err(Error::Trap(trap)) = instance.get_func("deep").unwrap().call(&[Val::I32(10)], &mut results) else {
        panic!("no trap")
    };
    assert_eq!(trap.code(), chalcid::TrapCode::MemoryOutOfBounds);
    assert_eq!(trap.frames().len(), 11);
    assert!(trap.frames()[1..].iter().all(|frame| frame.func == 1 && frame.offset == trap.frames()[1].offset));
    assert_eq!(engine.stats().tier_ups, 1);
}

#[test]
fn code_is_replaced_under_threads_that_run_it() {
    let engine = Engine::new(config().hot_after(20)).unwrap();
    for _ in 0..20 {
        let module = Module::new(&engine, wat::parse_str(WAT).unwrap()).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let instance = Instance::new(&Agent::new(module.engine()), &module, &[]).unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        assert_eq!(call_i32(&instance, "fib", &[12]), 144);
                        assert_eq!(trap(&instance, "load", &[Val::I32(-1)]), chalcid::TrapCode::MemoryOutOfBounds);
                    }
                });
            }
            let instance = Instance::new(&Agent::new(&engine), &module, &[]).unwrap();
            for _ in 0..30 {
                assert_eq!(call_i32(&instance, "sum", &[100]), 5050);
            }
            engine.finish_compiling();
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn a_module_that_goes_takes_its_queue_with_it() {
    let engine = Engine::new(config().hot_after(1)).unwrap();
    for _ in 0..50 {
        let instance = instance(&engine);
        assert_eq!(call_i32(&instance, "fib", &[5]), 5);
        assert_eq!(call_i32(&instance, "cold", &[]), 1);
        drop(instance);
    }
    engine.finish_compiling();
    assert_eq!(engine.stats().optimizing.failed, 0);
    // An engine that goes while there is something in its queue.
    drop(instance(&engine));
    drop(engine);
}

#[test]
fn what_is_too_complex_to_be_optimised_stays_as_it_is() {
    // Loops around loops, in each of which every local changes.
    let (mut begin, mut end) = (String::new(), String::new());
    for local in 0..400 {
        begin.push_str(&format!("(loop (local.set {local} (i32.add (local.get {}) (i32.const 1)))", (local + 1) % 400));
        // Never taken, which nobody sees before the function is weighed.
        end.push_str("(br_if 0 (i32.lt_u (local.get 0) (i32.const 0))))");
    }
    let locals = "i32 ".repeat(399);
    let wat = format!(
        r#"(module (func (export "f") (param i32) (result i32) (local {locals}) {begin} {end}
            (local.get 399)))"#
    );
    let engine = Engine::new(config().hot_after(1)).unwrap();
    let instance = Instance::new(&Agent::new(&engine), &module(&engine, &wat), &[]).unwrap();
    for _ in 0..3 {
        // The last local takes its value from the first, which took its own from the second when that was 0.
        assert_eq!(call(&instance, "f", &[Val::I32(0)])[0].i32(), Some(2));
        engine.finish_compiling();
    }
    let stats = engine.stats();
    assert_eq!((stats.baseline.functions, stats.tier_ups), (1, 0));
    // It was tried once.
    assert_eq!((stats.optimizing.functions, stats.optimizing.failed), (0, 1));
}

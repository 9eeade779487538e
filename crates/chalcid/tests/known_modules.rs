//! An engine knows the bytes that it has seen: they give the same module while it lives, and are valid for good.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{Agent, Config, Engine, Feature, Features, Instance, Module};
use common::call_i32;

fn wasm(number: i32) -> Vec<u8> {
    wat::parse_str(format!(r#"(module (func (export "f") (result i32) (i32.const {number})))"#)).unwrap()
}

fn run(engine: &Engine, module: &Module) -> i32 {
    call_i32(&Instance::new(&Agent::new(engine), module, &[]).unwrap(), "f", &[])
}

#[test]
fn the_same_bytes_give_the_same_module_and_share_its_code() {
    let engine = Engine::default();
    let first = Module::new(&engine, wasm(1)).unwrap();
    assert_eq!(run(&engine, &first), 1);
    let second = Module::new(&engine, wasm(1)).unwrap();
    assert_eq!(run(&engine, &second), 1);
    assert!(first == second);
    let stats = engine.stats();
    assert_eq!((stats.modules, stats.known_modules, stats.baseline.functions), (2, 1, 1));
    assert!(first != Module::new(&engine, wasm(2)).unwrap());
    assert!(first != Module::new(&Engine::default(), wasm(1)).unwrap());
}

#[test]
fn a_module_lives_as_long_as_its_last_handle_and_no_longer() {
    let engine = Engine::default();
    let first = Module::new(&engine, wasm(1)).unwrap();
    let second = Module::new(&engine, wasm(1)).unwrap();
    let bytes = std::sync::Arc::downgrade(second.bytes());
    drop(first);
    assert_eq!(run(&engine, &second), 1);
    drop(second);
    assert!(bytes.upgrade().is_none());
    let again = Module::new(&engine, wasm(1)).unwrap();
    assert_eq!(run(&engine, &again), 1);
    assert_eq!(engine.stats().known_modules, 2);
}

#[test]
fn what_was_validated_is_known_when_it_is_made() {
    let engine = Engine::default();
    Module::validate(&engine, &wasm(1)).unwrap();
    assert_eq!(run(&engine, &Module::new(&engine, wasm(1)).unwrap()), 1);
    assert_eq!((engine.stats().modules, engine.stats().known_modules), (1, 1));
}

#[test]
fn what_is_not_valid_stays_so() {
    let engine = Engine::default();
    let wasm = wat::parse_str("(module (func (result i32)))").unwrap();
    let error = Module::validate(&engine, &wasm).unwrap_err().to_string();
    for _ in 0..3 {
        assert_eq!(Module::new(&engine, wasm.clone()).unwrap_err().to_string(), error);
        assert_eq!(Module::validate(&engine, &wasm).unwrap_err().to_string(), error);
    }
    assert_eq!(engine.stats().known_modules, 0);
}

#[test]
fn what_is_known_depends_on_the_engine() {
    let wasm = wat::parse_str("(module (memory 1) (memory 1))").unwrap();
    let one_memory = Features::default().without(Feature::MultiMemory);
    Module::new(&Engine::default(), wasm.clone()).unwrap();
    assert!(Module::new(&Engine::new(Config::new().features(one_memory)).unwrap(), wasm).is_err());
}

#[test]
fn more_modules_than_are_remembered() {
    let engine = Engine::default();
    let alive: Vec<_> = (0..400).map(|number| Module::new(&engine, wasm(number)).unwrap()).collect();
    for number in 400..2000 {
        drop(Module::new(&engine, wasm(number)).unwrap());
    }
    assert_eq!(engine.stats().known_modules, 0);
    for (number, module) in (0..).zip(&alive) {
        assert!(Module::new(&engine, wasm(number)).unwrap() == *module);
    }
    assert_eq!(engine.stats().known_modules, 400);
}

#[test]
fn threads_that_make_one_module_at_a_time_share_it() {
    let engine = Engine::default();
    let wasm = wasm(1);
    for _ in 0..20 {
        let modules: Vec<_> = std::thread::scope(|scope| {
            let make = || Module::new(&engine, wasm.clone()).unwrap();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(modules.iter().all(|module| *module == modules[0]));
    }
}

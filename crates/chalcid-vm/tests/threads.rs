//! Agents on many threads, on small stacks, sharing modules.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod kit;

use chalcid_module::trap_code::TrapCode;
use kit::*;

const TEXT: &str = r#"(module
    (memory 1)
    (func $deep (export "deep") (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "fib") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add (call 2 (i32.sub (local.get 0) (i32.const 1))) (call 2 (i32.sub (local.get 0) (i32.const 2))))))))"#;

#[test]
fn a_module_runs_on_many_threads_at_once() {
    let kit = Kit::new();
    let module = kit.module(TEXT);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let agent = kit.agent();
                let instance = kit.instantiate(&agent, &module, &[]);
                for _ in 0..20 {
                    assert_eq!(kit.call_i32(&instance, "fib", &[12]).unwrap(), 144);
                    assert_eq!(kit.trap_code(&instance, "load", &[-1]), TrapCode::MemoryOutOfBounds);
                    assert_eq!(kit.trap_code(&instance, "deep", &[0]), TrapCode::CallStackExhausted);
                }
            });
        }
    });
}

#[test]
fn small_stacks_are_enough() {
    let kit = Kit::new();
    let module = kit.module(TEXT);
    // The trampolines are compiled here, where there is room.
    kit.signature(&[I32], &[I32]);
    for size in [64 << 10, 128 << 10, 256 << 10, 512 << 10] {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(size).spawn_scoped(scope, || {
                let agent = kit.agent();
                let instance = kit.instantiate(&agent, &module, &[]);
                assert_eq!(kit.trap_code(&instance, "deep", &[0]), TrapCode::CallStackExhausted);
                assert_eq!(kit.call_i32(&instance, "fib", &[10]).unwrap(), 55);
            });
            thread.unwrap().join().unwrap();
        });
    }
}

#[test]
fn threads_come_and_go() {
    let kit = Kit::new();
    let module = kit.module(TEXT);
    for _ in 0..200 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let agent = kit.agent();
                let instance = kit.instantiate(&agent, &module, &[]);
                assert_eq!(kit.trap_code(&instance, "load", &[-8]), TrapCode::MemoryOutOfBounds);
            });
        });
    }
}

//! Threads that share a module, and agents that are interrupted.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, Barrier};
use std::time::Duration;

use chalcid::{Agent, Config, Engine, Error, Instance, Module, TrapCode, Val};
use common::*;

#[test]
fn many_threads_call_the_same_functions_for_the_first_time() {
    let functions: String = (0..40)
        .map(|i| format!(r#"(func (export "f{i}") (param i32) (result i32) (i32.add (local.get 0) (i32.const {i})))"#))
        .collect();
    let engine = engine();
    let module = module(&engine, &format!("(module {functions})"));
    let threads = 8;
    let barrier = Arc::new(Barrier::new(threads));
    let handles: Vec<_> = (0..threads)
        .map(|_| {
            let (module, barrier) = (module.clone(), barrier.clone());
            std::thread::spawn(move || {
                let agent = Agent::new(module.engine());
                let instance = Instance::new(&agent, &module, &[]).unwrap();
                barrier.wait();
                for i in 0..40 {
                    assert_eq!(call_i32(&instance, &format!("f{i}"), &[1]), i + 1);
                }
            })
        })
        .collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

#[test]
fn a_module_outlives_the_thread_that_made_it() {
    let engine = engine();
    let other = engine.clone();
    let module = std::thread::spawn(move || {
        let module = module(&other, r#"(module (func (export "f") (result i32) (i32.const 3)))"#);
        let agent = Agent::new(&other);
        assert_eq!(call_i32(&Instance::new(&agent, &module, &[]).unwrap(), "f", &[]), 3);
        module
    })
    .join()
    .unwrap();
    let agent = Agent::new(&engine);
    assert_eq!(call_i32(&Instance::new(&agent, &module, &[]).unwrap(), "f", &[]), 3);
}

#[test]
fn traps_on_many_threads_do_not_mix() {
    let engine = engine();
    let module = module(
        &engine,
        r#"(module (memory 1) (func (export "f") (param i32) (result i32) (i32.load (local.get 0)))
             (func (export "d") (param i32) (result i32) (i32.div_u (i32.const 12) (local.get 0))))"#,
    );
    let handles: Vec<_> = (0..4)
        .map(|_| {
            let module = module.clone();
            std::thread::spawn(move || {
                let agent = Agent::new(module.engine());
                let instance = Instance::new(&agent, &module, &[]).unwrap();
                for _ in 0..500 {
                    assert_eq!(trap(&instance, "f", &[Val::I32(-9)]), TrapCode::MemoryOutOfBounds);
                    assert_eq!(trap(&instance, "d", &[Val::I32(0)]), TrapCode::IntegerDivideByZero);
                    assert_eq!(call_i32(&instance, "d", &[4]), 3);
                }
            })
        })
        .collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

#[test]
fn a_large_module_is_validated_by_several_threads() {
    let engine = engine();
    let body = "(drop (i32.add (i32.const 1) (i32.const 2)))".repeat(2_000);
    let functions = format!("(func {body})").repeat(60);
    let bytes = wat::parse_str(format!("(module {functions})")).unwrap();
    assert!(bytes.len() > 256 * 1024);
    assert!(Module::new(&engine, bytes).is_ok());
    let wrong = format!("(module {functions} (func $bad (i32.const 1)) {functions})");
    let error = Module::new(&engine, wat::parse_str(wrong).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("function #60"), "{error}");
}

#[test]
fn running_code_can_be_interrupted() {
    let engine = Engine::new(Config::new().interruptible(true)).unwrap();
    let agent = Agent::new(&engine);
    let instance = instantiate(&agent, r#"(module (func (export "forever") (loop (br 0))))"#, &[]);
    let interrupt = agent.interrupt_handle();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        interrupt.interrupt();
    });
    assert_eq!(trap(&instance, "forever", &[]), TrapCode::Interrupted);
    thread.join().unwrap();
}

#[test]
fn an_interrupt_handler_decides() {
    let engine = Engine::new(Config::new().interruptible(true)).unwrap();
    let agent = Agent::new(&engine);
    let asked = std::rc::Rc::new(std::cell::Cell::new(0));
    let handle = agent.interrupt_handle();
    {
        let (asked, handle) = (asked.clone(), handle.clone());
        agent.set_interrupt_handler(Some(move |_: &Agent| {
            asked.set(asked.get() + 1);
            handle.interrupt();
            if asked.get() < 5 { Ok(()) } else { Err(Error::host(std::fmt::Error)) }
        }));
    }
    let instance = instantiate(&agent, r#"(module (func (export "forever") (loop (br 0))))"#, &[]);
    handle.interrupt();
    let outcome = try_call(&instance, "forever", &[]);
    assert!(matches!(outcome, Err(Error::Host(error)) if error.downcast_ref::<std::fmt::Error>().is_some()));
    assert_eq!(asked.get(), 5);
}

#[test]
fn work_runs_in_the_background() {
    let (sender, receiver) = std::sync::mpsc::channel();
    engine().spawn(move || sender.send(std::thread::current().id()).unwrap());
    let there = receiver.recv().unwrap();
    assert_ne!(there, std::thread::current().id());
}

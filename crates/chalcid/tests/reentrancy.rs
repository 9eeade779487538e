//! Calls out that call in, grow, and change what the caller uses.

#![allow(clippy::unwrap_used)]

mod common;

use std::cell::OnceCell;
use std::rc::Rc;

use chalcid::{Instance, TrapCode, Val};
use common::*;

fn cell() -> Rc<OnceCell<Instance>> {
    Rc::default()
}

#[test]
fn host_and_wasm_call_each_other_deeply() {
    let agent = agent();
    let this = cell();
    let host = {
        let this = this.clone();
        host_i32(&agent, 1, move |args| Ok(try_call(this.get().unwrap(), "f", &[Val::I32(args[0])])?[0].i32().unwrap()))
    };
    let instance = instantiate(
        &agent,
        r#"(module (import "" "" (func $h (param i32) (result i32)))
             (func (export "f") (param i32) (result i32)
               (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
                 (else (i32.add (i32.const 1) (call $h (i32.sub (local.get 0) (i32.const 1))))))))"#,
        &[host.into()],
    );
    this.set(instance.clone()).unwrap();
    assert_eq!(call_i32(&instance, "f", &[50]), 50);
    // Far deeper than the stack: it must end in a trap, and everything must work afterwards.
    assert_eq!(trap(&instance, "f", &[Val::I32(10_000_000)]), TrapCode::CallStackExhausted);
    assert_eq!(call_i32(&instance, "f", &[50]), 50);
}

#[test]
fn a_trap_inside_is_an_error_that_the_host_may_swallow() {
    let agent = agent();
    let this = cell();
    let host = {
        let this = this.clone();
        host_i32(&agent, 0, move |_| Ok(if try_call(this.get().unwrap(), "fail", &[]).is_err() { 1 } else { 0 }))
    };
    let instance = instantiate(
        &agent,
        r#"(module (import "" "" (func $h (result i32)))
             (func (export "f") (result i32) (i32.add (call $h) (call $h)))
             (func (export "fail") unreachable))"#,
        &[host.into()],
    );
    this.set(instance.clone()).unwrap();
    for _ in 0..100 {
        assert_eq!(call_i32(&instance, "f", &[]), 2);
    }
}

#[test]
fn what_a_host_function_changes_is_seen_at_once() {
    for signals in [true, false] {
        let engine = chalcid::Engine::new(chalcid::Config::new().signals(signals)).unwrap();
        let agent = chalcid::Agent::new(&engine);
        let this = cell();
        let host = {
            let this = this.clone();
            host_i32(&agent, 0, move |_| {
                let instance = this.get().unwrap();
                let memory = instance.get_memory("m").unwrap();
                memory.grow(1).unwrap();
                memory.write(65536, &[7]).unwrap();
                instance.get_global("g").unwrap().set(Val::I32(20)).unwrap();
                let table = instance.get_table("t").unwrap();
                table.grow(100_000, Val::FuncRef(None)).unwrap();
                table.set(100_000, instance.get_func("seven").unwrap().into()).unwrap();
                Ok(0)
            })
        };
        let instance = instantiate(
            &agent,
            r#"(module (import "" "" (func $h (result i32))) (type $i (func (result i32)))
                 (memory (export "m") 1) (global $g (export "g") (mut i32) (i32.const 1)) (table (export "t") 1 funcref)
                 (func (export "seven") (result i32) (i32.const 7))
                 (func (export "f") (result i32)
                   (drop (call $h))
                   (i32.add (i32.load8_u (i32.const 65536))
                     (i32.add (global.get $g) (call_indirect (type $i) (i32.const 100000))))))"#,
            &[host.into()],
        );
        this.set(instance.clone()).unwrap();
        assert_eq!(call_i32(&instance, "f", &[]), 34);
    }
}

#[test]
fn a_function_of_a_new_type_can_be_called_with_little_stack_left() {
    let agent = agent();
    let this = cell();
    let host = {
        let this = this.clone();
        host_i32(&agent, 1, move |args| {
            let instance = this.get().unwrap();
            // At every depth the trap may come from here or from there; the last call that works is near the limit, and calls
            // a function whose trampoline nobody has needed yet.
            match try_call(instance, "f", &[Val::I32(args[0] + 1)]) {
                Ok(results) => Ok(results[0].i32().unwrap()),
                Err(_) => {
                    let args: Vec<Val> = (0..20).map(|i| Val::from(f64::from(i))).collect();
                    let sum = try_call(instance, "sum", &args).map_or(-1.0, |results| results[0].f64().unwrap());
                    Ok(sum as i32)
                }
            }
        })
    };
    let params = "f64 ".repeat(20);
    let sum: String = (1..20).map(|i| format!("local.get {i} f64.add ")).collect();
    let instance = instantiate(
        &agent,
        &format!(
            r#"(module (import "" "" (func $h (param i32) (result i32)))
                 (func (export "f") (param i32) (result i32) (call $h (local.get 0)))
                 (func (export "sum") (param {params}) (result f64) local.get 0 {sum}))"#
        ),
        &[host.into()],
    );
    this.set(instance.clone()).unwrap();
    let outcome = call_i32(&instance, "f", &[0]);
    assert!(outcome == 190 || outcome == -1, "{outcome}");
    let args: Vec<Val> = (0..20).map(|i| Val::from(f64::from(i))).collect();
    assert_eq!(call(&instance, "sum", &args)[0].f64(), Some(190.0));
}

#[test]
fn a_start_function_reaches_exports_through_the_host() {
    let agent = agent();
    let seen = Rc::new(std::cell::Cell::new(0));
    let host = {
        let seen = seen.clone();
        chalcid::Func::new(
            &agent,
            func_type(&[chalcid::ValType::Ref(chalcid::RefType::FUNCREF)], &[]),
            move |args, _| {
                let mut result = [Val::I32(0)];
                args[0].func().unwrap().call(&[], &mut result)?;
                seen.set(result[0].i32().unwrap());
                Ok(())
            },
        )
        .unwrap()
    };
    let wat = r#"(module (import "" "" (func $h (param funcref)))
        (func $answer (result i32) (i32.const 42)) (elem declare func $answer)
        (func $start (call $h (ref.func $answer)) unreachable) (start $start))"#;
    assert_eq!(trap_code(try_instantiate(&agent, wat, &[host.into()])), TrapCode::Unreachable);
    assert_eq!(seen.get(), 42);
}

//! Traps: every kind, where they were, and that everything works afterwards.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{Config, Engine, Error, TierPolicy, Trap, TrapCode, Val};
use common::*;

const WAT: &str = r#"
    (module
      (memory (export "memory") 1)
      (table $t 4 funcref)
      (type $nullary (func))
      (elem (table $t) (i32.const 1) func $unreachable)
      (elem (table $t) (i32.const 3) func $one_param)
      (func $unreachable (export "unreachable") unreachable)
      (func $one_param (param i32))
      (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
      (func (export "store") (param i32) (i64.store offset=8 (local.get 0) (i64.const 1)))
      (func (export "far") (param i32) (result i32) (i32.load offset=0xffff_0000 (local.get 0)))
      (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 1) (local.get 1)))
      (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
      (func (export "rem") (param i64 i64) (result i64) (i64.rem_u (local.get 0) (local.get 1)))
      (func (export "trunc") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
      (func (export "get") (param i32) (result funcref) (table.get $t (local.get 0)))
      (func (export "indirect") (param i32) (call_indirect $t (type $nullary) (local.get 0)))
      (func $recurse (export "recurse") (param i32) (result i32)
        (i32.add (call $recurse (local.get 0)) (local.get 0)))
      (func (export "fine") (result i32) (i32.const 7)))"#;

fn every_kind(engine: &Engine) {
    let agent = chalcid::Agent::new(engine);
    let instance = instantiate(&agent, WAT, &[]);
    let cases: &[(&str, &[Val], TrapCode)] = &[
        ("unreachable", &[], TrapCode::Unreachable),
        ("load", &[Val::I32(65533)], TrapCode::MemoryOutOfBounds),
        ("load", &[Val::I32(-1)], TrapCode::MemoryOutOfBounds),
        ("store", &[Val::I32(65521)], TrapCode::MemoryOutOfBounds),
        ("far", &[Val::I32(-1)], TrapCode::MemoryOutOfBounds),
        ("fill", &[Val::I32(65530), Val::I32(7)], TrapCode::MemoryOutOfBounds),
        ("div", &[Val::I32(1), Val::I32(0)], TrapCode::IntegerDivideByZero),
        ("div", &[Val::I32(i32::MIN), Val::I32(-1)], TrapCode::IntegerOverflow),
        ("rem", &[Val::I64(1), Val::I64(0)], TrapCode::IntegerDivideByZero),
        ("trunc", &[Val::F64(f64::NAN.to_bits())], TrapCode::InvalidConversionToInteger),
        ("trunc", &[Val::F64(1e10f64.to_bits())], TrapCode::IntegerOverflow),
        ("get", &[Val::I32(4)], TrapCode::TableOutOfBounds),
        ("indirect", &[Val::I32(4)], TrapCode::UndefinedElement),
        ("indirect", &[Val::I32(0)], TrapCode::UninitializedElement),
        ("indirect", &[Val::I32(3)], TrapCode::IndirectCallTypeMismatch),
        ("indirect", &[Val::I32(1)], TrapCode::Unreachable),
        ("recurse", &[Val::I32(1)], TrapCode::CallStackExhausted),
    ];
    for round in 0..3 {
        for (name, args, code) in cases {
            assert_eq!(trap(&instance, name, args), *code, "{name} {args:?}, round {round}");
            assert_eq!(call_i32(&instance, "fine", &[]), 7);
        }
    }
}

#[test]
fn every_kind_from_signals() {
    for tier in [TierPolicy::Baseline, TierPolicy::Optimizing] {
        every_kind(&Engine::new(Config::new().tier(tier)).unwrap());
    }
}

#[test]
fn every_kind_without_signals() {
    for tier in [TierPolicy::Baseline, TierPolicy::Optimizing] {
        every_kind(&Engine::new(Config::new().signals(false).tier(tier)).unwrap());
    }
}

#[test]
fn every_kind_on_a_small_thread() {
    let engine = engine();
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(move || every_kind(&engine)).unwrap();
    thread.join().unwrap();
}

fn frames(error: Error) -> Vec<String> {
    match error {
        Error::Trap(trap) => trap.frames().iter().map(ToString::to_string).collect(),
        other => panic!("expected a trap, found {other:?}"),
    }
}

#[test]
fn frames_say_which_functions_were_running_and_where() {
    let agent = agent();
    let wat = r#"(module
        (import "host" "again" (func $again (param i32) (result i32)))
        (func $outer (export "outer") (result i32) (call $again (i32.const 1)))
        (func $inner (export "inner") (result i32) (call 3))
        (func (result i32) unreachable))"#;
    let cell = std::rc::Rc::new(std::cell::OnceCell::<chalcid::Instance>::new());
    let again = {
        let cell = cell.clone();
        host_i32(&agent, 1, move |_| {
            let results = try_call(cell.get().unwrap(), "inner", &[])?;
            Ok(results[0].i32().unwrap())
        })
    };
    let instance = instantiate(&agent, wat, &[again.into()]);
    cell.set(instance.clone()).unwrap();
    let error = try_call(&instance, "outer", &[]).unwrap_err();
    let url = instance.module().url().to_owned();
    let offset = |needle: &[u8]| {
        let bytes = instance.module().bytes().clone();
        bytes.windows(needle.len()).position(|window| window == needle).unwrap()
    };
    // A body is its size, its locals, its code: `unreachable; end`, `call 3; end`, `i32.const 1; call 0; end`.
    let expected = [
        format!("at {url}:wasm-function[3]:{:#x}", offset(&[0x03, 0x00, 0x00, 0x0b]) + 2),
        format!("at inner ({url}:wasm-function[2]:{:#x})", offset(&[0x04, 0x00, 0x10, 0x03, 0x0b]) + 2),
        format!("at outer ({url}:wasm-function[1]:{:#x})", offset(&[0x06, 0x00, 0x41, 0x01, 0x10, 0x00]) + 4),
    ];
    assert_eq!(frames(error), expected);
}

#[test]
fn a_trap_that_a_host_function_returns_has_its_callers_frames() {
    let agent = agent();
    let host = host_i32(&agent, 0, |_| Err(Trap::new(TrapCode::CastFailure).into()));
    let wat = r#"(module (import "" "" (func $h (result i32))) (func $f (export "f") (result i32) (call $h)))"#;
    let instance = instantiate(&agent, wat, &[host.into()]);
    let error = try_call(&instance, "f", &[]).unwrap_err();
    assert_eq!(error.as_trap().unwrap().code(), TrapCode::CastFailure);
    let frames = frames(error);
    assert_eq!(frames.len(), 1);
    assert!(frames[0].starts_with("at f (wasm://wasm/"), "{frames:?}");
}

#[test]
fn a_backtrace_can_be_had_without_a_trap() {
    let agent = agent();
    let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let host = {
        let (agent, seen) = (agent.clone(), seen.clone());
        host_i32(&agent.clone(), 0, move |_| {
            seen.borrow_mut().extend(agent.backtrace().iter().map(|frame| frame.func));
            Ok(0)
        })
    };
    let wat = r#"(module (import "" "" (func $h (result i32)))
        (func $f (export "f") (result i32) (call $g)) (func $g (result i32) (call $h)))"#;
    let instance = instantiate(&agent, wat, &[host.into()]);
    call(&instance, "f", &[]);
    assert_eq!(*seen.borrow(), [2, 1]);
    assert!(agent.backtrace().is_empty());
}

#[test]
fn the_message_has_the_frames() {
    let agent = agent();
    let instance = instantiate(&agent, WAT, &[]);
    let text = try_call(&instance, "unreachable", &[]).unwrap_err().to_string();
    assert!(text.starts_with("unreachable\n    at unreachable (wasm://wasm/"), "{text}");
}

#[test]
fn a_panic_of_a_host_function_goes_on_as_a_panic() {
    let agent = agent();
    let host = host_i32(&agent, 0, |_| panic!("of the host"));
    let wat = r#"(module (import "" "" (func $h (result i32))) (func (export "f") (result i32) (call $h))
        (func (export "fine") (result i32) (i32.const 7)))"#;
    let instance = instantiate(&agent, wat, &[host.into()]);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| try_call(&instance, "f", &[])));
    assert_eq!(*outcome.unwrap_err().downcast::<&str>().unwrap(), "of the host");
    assert_eq!(call_i32(&instance, "fine", &[]), 7);
}

#[test]
fn an_error_of_a_host_function_arrives_unchanged() {
    #[derive(Debug, PartialEq)]
    struct Mine(u8);
    impl std::fmt::Display for Mine {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "mine {}", self.0)
        }
    }
    impl std::error::Error for Mine {}
    let agent = agent();
    let host = host_i32(&agent, 0, |_| Err(Error::host(Mine(3))));
    let wat = r#"(module (import "" "" (func $h (result i32))) (func (export "f") (result i32) (call $h)))"#;
    let instance = instantiate(&agent, wat, &[host.into()]);
    match try_call(&instance, "f", &[]).unwrap_err() {
        Error::Host(error) => assert_eq!(error.downcast_ref(), Some(&Mine(3))),
        other => panic!("{other:?}"),
    }
}

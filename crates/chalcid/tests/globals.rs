//! Globals: inline, exported, imported, of every type.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{Error, Extern, Global, GlobalType, Misuse, RefType, Val, ValType};
use common::*;

#[test]
fn exported_globals_are_shared_with_wasm() {
    let agent = agent();
    let instance = instantiate(
        &agent,
        r#"(module
             (global $hidden (mut i32) (i32.const 1))
             (global $shown (export "shown") (mut i64) (i64.const 2))
             (global (export "v") v128 (v128.const i64x2 3 4))
             (func (export "bump") (result i32)
               (global.set $hidden (i32.add (global.get $hidden) (i32.const 1)))
               (global.set $shown (i64.add (global.get $shown) (i64.const 1)))
               (global.get $hidden)))"#,
        &[],
    );
    let shown = instance.get_global("shown").unwrap();
    assert_eq!(call_i32(&instance, "bump", &[]), 2);
    assert_eq!(shown.get().i64(), Some(3));
    shown.set(Val::I64(40)).unwrap();
    assert_eq!(call_i32(&instance, "bump", &[]), 3);
    assert_eq!(shown.get().i64(), Some(41));
    assert_eq!(instance.get_global("v").unwrap().get().v128(), Some(3 | 4 << 64));
    assert!(matches!(shown.set(Val::I32(1)), Err(Error::Misuse(Misuse::Type { .. }))));
    assert!(matches!(instance.get_global("v").unwrap().set(Val::V128(0)), Err(Error::Misuse(Misuse::Immutable))));
}

#[test]
fn initial_values_are_computed() {
    let agent = agent();
    let base = Global::new(&agent, GlobalType { content: ValType::I32, mutable: false }, Val::I32(100)).unwrap();
    let instance = instantiate(
        &agent,
        r#"(module (import "" "base" (global $base i32))
             (global $b (export "b") i32 (i32.mul (i32.add (global.get $base) (i32.const 1)) (i32.const 2)))
             (global (export "f") funcref (ref.func $f))
             (global (export "n") externref (ref.null extern))
             (func $f))"#,
        &[Extern::from(base)],
    );
    assert_eq!(instance.get_global("b").unwrap().get().i32(), Some(202));
    assert!(instance.get_global("f").unwrap().get().func().is_some());
    assert!(instance.get_global("n").unwrap().get().is_null());
}

#[test]
fn references_are_held_by_globals() {
    let agent = agent();
    let ty = GlobalType { content: ValType::Ref(RefType::EXTERNREF), mutable: true };
    let value = std::rc::Rc::new(());
    let held = || Val::ExternRef(agent.host_value(value.clone()));
    let global = Global::new(&agent, ty, held()).unwrap();
    let instance = instantiate(
        &agent,
        r#"(module (import "" "" (global $g (mut externref)))
             (global $own (mut externref) (ref.null extern))
             (func (export "take") (result externref) (global.set $own (global.get $g)) (global.get $own))
             (func (export "clear") (global.set $g (ref.null extern)) (global.set $own (ref.null extern))))"#,
        &[Extern::from(global.clone())],
    );
    assert!(call(&instance, "take", &[])[0].host_value().is_some());
    assert_eq!(std::rc::Rc::strong_count(&value), 3);
    call(&instance, "clear", &[]);
    assert!(global.get().is_null());
    assert_eq!(std::rc::Rc::strong_count(&value), 1);
}

//! Imports of every kind, and modules linked with each other.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{ExternKind, ExternType, Val, ValType};
use common::*;

#[test]
fn a_host_function_is_called_with_what_wasm_passes() {
    let agent = agent();
    let add = host_i32(&agent, 2, |args| Ok(args[0] + args[1]));
    let instance = instantiate(
        &agent,
        r#"(module (import "math" "add" (func $add (param i32 i32) (result i32)))
             (func (export "f") (param i32) (result i32) (call $add (local.get 0) (i32.const 1))))"#,
        &[add.into()],
    );
    assert_eq!(call_i32(&instance, "f", &[41]), 42);
}

#[test]
fn a_host_function_works_through_a_table_and_a_reference() {
    let agent = agent();
    let three = host_i32(&agent, 0, |_| Ok(3));
    let instance = instantiate(
        &agent,
        r#"(module (type $i (func (result i32))) (import "" "" (func $h (type $i)))
             (table 1 funcref) (elem (i32.const 0) $h)
             (func (export "f") (result i32) (call_indirect (type $i) (i32.const 0)))
             (func (export "ref") (result funcref) (ref.func $h)))"#,
        &[three.clone().into()],
    );
    assert_eq!(call_i32(&instance, "f", &[]), 3);
    assert_eq!(call(&instance, "ref", &[])[0].func(), Some(&three));
}

#[test]
fn modules_call_each_other() {
    let agent = agent();
    let lower = instantiate(
        &agent,
        r#"(module (func (export "f") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1))))"#,
        &[],
    );
    let upper = instantiate(
        &agent,
        r#"(module (import "lower" "f" (func $f (param i64) (result i64)))
             (func (export "g") (param i64) (result i64) (call $f (call $f (local.get 0)))))"#,
        &[lower.get_export("f").unwrap()],
    );
    drop(lower);
    assert_eq!(call(&upper, "g", &[Val::I64(1)])[0].i64(), Some(3));
}

#[test]
fn a_module_says_what_it_imports_and_exports() {
    let engine = engine();
    let module = module(
        &engine,
        r#"(module
             (import "a" "f" (func (param i32) (result f64)))
             (import "a" "t" (table 1 2 funcref))
             (import "b" "m" (memory 3))
             (import "b" "g" (global (mut i64)))
             (export "x" (func 0)) (export "y" (memory 0)) (export "x2" (func 0)))"#,
    );
    let imports: Vec<_> = module.imports().map(|i| (i.module, i.name, ExternKind::of(&i.ty))).collect();
    assert_eq!(
        imports,
        [
            ("a", "f", ExternKind::Func),
            ("a", "t", ExternKind::Table),
            ("b", "m", ExternKind::Memory),
            ("b", "g", ExternKind::Global)
        ]
    );
    let exports: Vec<_> = module.exports().map(|e| (e.name, ExternKind::of(&e.ty))).collect();
    assert_eq!(exports, [("x", ExternKind::Func), ("y", ExternKind::Memory), ("x2", ExternKind::Func)]);
    let ExternType::Func(id) = module.imports().next().unwrap().ty else { panic!() };
    assert_eq!(engine.func_type(id), Some(func_type(&[ValType::I32], &[ValType::F64])));
}

#[test]
fn the_start_function_runs() {
    let agent = agent();
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let host = {
        let seen = seen.clone();
        host_i32(&agent, 1, move |args| Ok(seen.replace(args[0])))
    };
    let wat = r#"(module (import "" "" (func $h (param i32) (result i32)))
        (func $start (drop (call $h (i32.const 9)))) (start $start))"#;
    instantiate(&agent, wat, &[host.into()]);
    assert_eq!(seen.get(), 9);
}

#[test]
fn an_import_can_be_the_start_function() {
    let agent = agent();
    let seen = std::rc::Rc::new(std::cell::Cell::new(false));
    let host = {
        let seen = seen.clone();
        chalcid::Func::new(&agent, func_type(&[], &[]), move |_, _| {
            seen.set(true);
            Ok(())
        })
        .unwrap()
    };
    instantiate(&agent, r#"(module (import "" "" (func $h)) (start $h))"#, &[host.into()]);
    assert!(seen.get());
}

#[test]
fn custom_sections_are_found_by_name() {
    let engine = engine();
    let module = module(&engine, r#"(module (@custom "a" "one") (@custom "b" "two") (@custom "a" "three"))"#);
    assert_eq!(module.custom_sections("a").collect::<Vec<_>>(), [&b"one"[..], b"three"]);
    assert_eq!(module.custom_sections("c").count(), 0);
}

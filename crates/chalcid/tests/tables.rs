//! Tables: from the host, from wasm, filled lazily, shared by instances.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{AddressType, Error, Extern, RefType, Table, TableType, TrapCode, Val};
use common::*;

fn new_table(agent: &chalcid::Agent, element: RefType, min: u64, max: Option<u64>, init: Val) -> Result<Table, Error> {
    Table::new(agent, TableType { element, limits: limits(min, max), address: AddressType::I32 }, init)
}

#[test]
fn elements_are_read_written_and_added() {
    let agent = agent();
    let table = new_table(&agent, RefType::FUNCREF, 2, Some(5), Val::FuncRef(None)).unwrap();
    let func = host_i32(&agent, 0, |_| Ok(1));
    assert_eq!(table.size(), 2);
    assert!(table.get(0).unwrap().is_null());
    assert!(table.get(2).is_none());
    table.set(1, func.clone().into()).unwrap();
    assert_eq!(table.get(1).unwrap().func(), Some(&func));
    assert!(table.set(2, func.clone().into()).is_err());
    assert_eq!(table.grow(2, func.clone().into()).unwrap(), 2);
    assert_eq!(table.get(3).unwrap().func(), Some(&func));
    assert!(matches!(table.grow(2, Val::FuncRef(None)), Err(Error::Resource(_))));
    assert_eq!(table.size(), 4);
    assert_eq!(table.grow(1, Val::FuncRef(None)).unwrap(), 4);
    assert!(table.set(0, Val::I32(1)).is_err());
    assert!(table.set(0, Val::ExternRef(None)).is_err());
}

#[test]
fn a_table_too_large_is_refused() {
    let agent = agent();
    assert!(new_table(&agent, RefType::FUNCREF, 10_000_001, None, Val::FuncRef(None)).is_err());
    let table = new_table(&agent, RefType::FUNCREF, 10_000_000, None, Val::FuncRef(None)).unwrap();
    assert!(table.grow(1, Val::FuncRef(None)).is_err());
    assert!(table.grow(u64::MAX, Val::FuncRef(None)).is_err());
}

#[test]
fn host_values_are_held_and_let_go() {
    let agent = agent();
    let value = std::rc::Rc::new(());
    let held = || Val::ExternRef(agent.host_value(value.clone()));
    let table = new_table(&agent, RefType::EXTERNREF, 3, None, held()).unwrap();
    assert_eq!(std::rc::Rc::strong_count(&value), 4);
    table.set(0, Val::ExternRef(None)).unwrap();
    table.grow(10, held()).unwrap();
    assert_eq!(std::rc::Rc::strong_count(&value), 13);
    drop(table);
    assert_eq!(std::rc::Rc::strong_count(&value), 1);
}

#[test]
fn elements_of_segments_are_there_when_asked_for() {
    let agent = agent();
    let instance = instantiate(
        &agent,
        r#"(module
             (type $i (func (result i32)))
             (table $t (export "t") 10 funcref)
             (elem (i32.const 2) $a $b $c)
             (elem (i32.const 4) $b)
             (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2)) (func $c (result i32) (i32.const 3))
             (func (export "call") (param i32) (result i32) (call_indirect (type $i) (local.get 0)))
             (func (export "copy") (param i32 i32 i32) (table.copy (local.get 0) (local.get 1) (local.get 2)))
             (func (export "null") (param i32) (table.set (local.get 0) (ref.null func)))
             (func (export "is_null") (param i32) (result i32) (ref.is_null (table.get (local.get 0)))))"#,
        &[],
    );
    let table = instance.get_table("t").unwrap();
    assert_eq!((2..5).map(|i| call_i32(&instance, "call", &[i])).collect::<Vec<_>>(), [1, 2, 2]);
    assert_eq!(trap(&instance, "call", &[Val::I32(5)]), TrapCode::UninitializedElement);
    assert_eq!(call_i32(&instance, "is_null", &[0]), 1);
    assert_eq!(table.get(3).unwrap().func(), table.get(4).unwrap().func());
    call(&instance, "copy", &[Val::I32(7), Val::I32(2), Val::I32(3)]);
    assert_eq!((7..10).map(|i| call_i32(&instance, "call", &[i])).collect::<Vec<_>>(), [1, 2, 2]);
    call(&instance, "null", &[Val::I32(2)]);
    assert_eq!(call_i32(&instance, "is_null", &[2]), 1);
    assert_eq!(call_i32(&instance, "call", &[7]), 1);
}

#[test]
fn instances_share_an_imported_table() {
    let agent = agent();
    let table = new_table(&agent, RefType::FUNCREF, 4, None, Val::FuncRef(None)).unwrap();
    let wat = |index: i32, value: i32| {
        format!(
            r#"(module (type $i (func (result i32))) (import "" "" (table 4 funcref))
                 (elem (i32.const {index}) $f) (func $f (result i32) (i32.const {value}))
                 (func (export "call") (param i32) (result i32) (call_indirect (type $i) (local.get 0))))"#
        )
    };
    let one = instantiate(&agent, &wat(1, 10), &[Extern::from(table.clone())]);
    let two = instantiate(&agent, &wat(2, 20), &[Extern::from(table.clone())]);
    assert_eq!(call_i32(&one, "call", &[2]), 20);
    assert_eq!(call_i32(&two, "call", &[1]), 10);
    drop(one);
    assert_eq!(call_i32(&two, "call", &[1]), 10, "the table keeps the instance whose function it holds");
    let three = instantiate(&agent, &wat(1, 30), &[Extern::from(table)]);
    assert_eq!(call_i32(&three, "call", &[1]), 30);
}

#[test]
fn functions_of_a_failed_instance_stay_callable() {
    let agent = agent();
    let table = new_table(&agent, RefType::FUNCREF, 2, None, Val::FuncRef(None)).unwrap();
    let wat = r#"(module (import "" "" (table 2 funcref)) (memory 1)
        (elem (i32.const 0) $f) (elem (i32.const 1) $f $f)
        (func $f (result i32) (i32.const 5)))"#;
    let outcome = try_instantiate(&agent, wat, &[Extern::from(table.clone())]);
    assert_eq!(trap_code(outcome), TrapCode::TableOutOfBounds);
    let func = table.get(0).unwrap().func().unwrap().clone();
    let mut result = [Val::I32(0)];
    func.call(&[], &mut result).unwrap();
    assert_eq!(result[0].i32(), Some(5));
    assert!(table.get(1).unwrap().is_null());
}

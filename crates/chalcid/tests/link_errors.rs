//! What is refused as an import, and what the error says.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{
    AddressType, Agent, Error, Extern, Global, GlobalType, LinkError, Memory, MemoryType, RefType, Table, TableType,
    Tag, Val, ValType,
};
use common::*;

fn refused(agent: &Agent, import: &str, given: Option<Extern>) -> LinkError {
    let wat = format!(r#"(module (import "env" "it" {import}))"#);
    match try_instantiate(agent, &wat, &given.into_iter().collect::<Vec<_>>()).unwrap_err() {
        Error::Link(error) => error,
        other => panic!("expected a link error for {import}, found {other:?}"),
    }
}

fn accepted(agent: &Agent, import: &str, given: Extern) {
    instantiate(agent, &format!(r#"(module (import "env" "it" {import}))"#), &[given]);
}

fn memory(agent: &Agent, min: u64, max: Option<u64>) -> Memory {
    let limits = limits(min, max);
    Memory::new(agent, MemoryType { limits, address: AddressType::I32, shared: false, page_size_log2: 16 }).unwrap()
}

fn table(agent: &Agent, element: RefType, min: u64, max: Option<u64>) -> Table {
    let null = if element == RefType::FUNCREF { Val::FuncRef(None) } else { Val::ExternRef(None) };
    Table::new(agent, TableType { element, limits: limits(min, max), address: AddressType::I32 }, null).unwrap()
}

fn global(agent: &Agent, mutable: bool, value: Val, content: ValType) -> Global {
    Global::new(agent, GlobalType { content, mutable }, value).unwrap()
}

#[test]
fn the_message_names_everything() {
    let agent = agent();
    let error = refused(&agent, "(func (param i32) (result i64 f32))", None);
    assert_eq!(
        error.to_string(),
        r#"unknown import: import #0 "env" "it": wanted function (i32) -> (i64, f32), found nothing"#
    );
    let error = refused(&agent, "(func (param i32))", Some(host_i32(&agent, 1, |_| Ok(0)).into()));
    assert_eq!(
        error.to_string(),
        r#"incompatible import type: import #0 "env" "it": wanted function (i32) -> (), found function (i32) -> (i32)"#
    );
    let error = refused(&agent, "(global (mut i32))", Some(memory(&agent, 1, Some(3)).into()));
    assert_eq!(
        error.to_string(),
        r#"incompatible import type: import #0 "env" "it": wanted mutable global of type i32, found memory with 1 to 3 pages"#
    );
    let error = refused(&agent, "(table 2 4 funcref)", Some(table(&agent, RefType::EXTERNREF, 3, None).into()));
    assert_eq!(
        error.to_string(),
        r#"incompatible import type: import #0 "env" "it": wanted table of funcref with 2 to 4 elements, found table of externref with at least 3 elements"#
    );
}

#[test]
fn the_position_of_the_import_is_named() {
    let agent = agent();
    let wat = r#"(module (import "a" "b" (func (result i32))) (import "c" "d" (memory 1)))"#;
    let given = [Extern::from(host_i32(&agent, 0, |_| Ok(0)))];
    match try_instantiate(&agent, wat, &given).unwrap_err() {
        Error::Link(error) => assert_eq!((error.index, &*error.module, &*error.name), (1, "c", "d")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_are_those_of_now() {
    let agent = agent();
    let grown = memory(&agent, 1, Some(4));
    refused(&agent, "(memory 2)", Some(grown.clone().into()));
    grown.grow(2).unwrap();
    accepted(&agent, "(memory 2)", grown.clone().into());
    accepted(&agent, "(memory 3 4)", grown.clone().into());
    accepted(&agent, "(memory 1 5)", grown.clone().into());
    refused(&agent, "(memory 1 3)", Some(grown.into()));
    refused(&agent, "(memory 0 3)", Some(memory(&agent, 1, None).into()));

    let grown = table(&agent, RefType::FUNCREF, 1, Some(10));
    refused(&agent, "(table 5 funcref)", Some(grown.clone().into()));
    grown.grow(4, Val::FuncRef(None)).unwrap();
    accepted(&agent, "(table 5 10 funcref)", grown.clone().into());
    refused(&agent, "(table 5 9 funcref)", Some(grown.clone().into()));
    refused(&agent, "(table 5 externref)", Some(grown.into()));
}

#[test]
fn globals_match_exactly_when_mutable() {
    let agent = agent();
    let func = ValType::Ref(RefType::FUNCREF);
    accepted(&agent, "(global i32)", global(&agent, false, Val::I32(1), ValType::I32).into());
    accepted(&agent, "(global (mut i32))", global(&agent, true, Val::I32(1), ValType::I32).into());
    accepted(&agent, "(global funcref)", global(&agent, false, Val::FuncRef(None), func).into());
    refused(&agent, "(global i32)", Some(global(&agent, true, Val::I32(1), ValType::I32).into()));
    refused(&agent, "(global (mut i32))", Some(global(&agent, false, Val::I32(1), ValType::I32).into()));
    refused(&agent, "(global i64)", Some(global(&agent, false, Val::I32(1), ValType::I32).into()));
    refused(&agent, "(global externref)", Some(global(&agent, false, Val::FuncRef(None), func).into()));
}

#[test]
fn kinds_do_not_mix() {
    let agent = agent();
    let func = || Extern::from(host_i32(&agent, 0, |_| Ok(0)));
    refused(&agent, "(memory 0)", Some(func()));
    refused(&agent, "(table 0 funcref)", Some(func()));
    refused(&agent, "(global i32)", Some(func()));
    refused(&agent, "(func)", Some(memory(&agent, 0, None).into()));
    let tag = Tag::new(&agent, func_type(&[ValType::I32], &[])).unwrap();
    refused(&agent, "(func (param i32))", Some(tag.into()));
}

#[test]
fn what_belongs_to_another_agent_or_engine_is_refused() {
    let (here, there) = (agent(), agent());
    let foreign = Extern::from(memory(&there, 1, None));
    let outcome = try_instantiate(&here, r#"(module (import "" "" (memory 1)))"#, &[foreign]);
    assert!(matches!(outcome, Err(Error::Misuse(_))), "{outcome:?}");
    let module = module(there.engine(), "(module)");
    assert!(matches!(chalcid::Instance::new(&here, &module, &[]), Err(Error::Misuse(_))));
}

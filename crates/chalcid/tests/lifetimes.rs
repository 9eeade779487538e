//! Everything lives exactly as long as something can reach it.

#![allow(clippy::unwrap_used)]

mod common;

use std::rc::Rc;

use chalcid::{
    AddressType, Agent, Error, Extern, Func, HostCall, Instance, RefType, Table, TableType, Tracer, Val, ValRaw,
};
use common::*;

const WAT: &str = r#"(module
    (memory 1) (table 10 funcref) (global (export "g") (mut i32) (i32.const 0))
    (elem (i32.const 0) $f)
    (func $f (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))"#;

/// Bytes of memory that the process uses.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_hundred_thousand_instances_leave_nothing_behind() {
    let agent = agent();
    let module = module(agent.engine(), WAT);
    let run = |count: usize| {
        for i in 0..count {
            let instance = Instance::new(&agent, &module, &[]).unwrap();
            if i % 16 == 0 {
                assert_eq!(call_i32(&instance, "f", &[1]), 2);
            }
        }
        agent.collect_cycles();
    };
    run(1_000);
    let before = resident();
    run(if cfg!(debug_assertions) { 20_000 } else { 100_000 });
    assert!(agent.entities() == 0, "{} entities are left", agent.entities());
    assert!(resident() < before + (4 << 20), "{} bytes grew to {}", before, resident());
}

#[test]
fn an_instance_without_cycles_goes_with_its_last_handle() {
    let agent = agent();
    let instance = instantiate(&agent, r#"(module (memory (export "m") 1) (func (export "f")))"#, &[]);
    let (memory, func) = (instance.get_memory("m").unwrap(), instance.get_func("f").unwrap());
    assert_eq!(agent.entities(), 2);
    drop(instance);
    assert_eq!(agent.entities(), 2, "a function keeps its instance");
    drop(func);
    assert_eq!(agent.entities(), 1, "a memory does not");
    drop(memory);
    assert_eq!(agent.entities(), 0);
}

#[test]
fn a_table_that_holds_its_own_instance_is_a_cycle_that_is_found() {
    let agent = agent();
    drop(instantiate(&agent, WAT, &[]));
    let instance = instantiate(&agent, WAT, &[]);
    agent.collect_cycles();
    assert_eq!(call_i32(&instance, "f", &[1]), 2);
    drop(instance);
    agent.collect_cycles();
    assert_eq!(agent.entities(), 0);
}

/// A host function that holds a function and a value.
struct Holder {
    func: std::cell::RefCell<Option<Func>>,
    _value: Rc<()>,
}

impl HostCall for Holder {
    fn call(&self, _: &Agent, _: &chalcid::FuncType, _: &mut [ValRaw]) -> Result<(), Error> {
        Ok(())
    }

    fn trace(&self, tracer: &mut Tracer<'_, '_>) {
        if let Some(func) = &*self.func.borrow() {
            tracer.func(func);
        }
    }
}

#[test]
fn cycles_through_host_functions_are_found() {
    let agent = agent();
    let module = module(agent.engine(), r#"(module (import "" "" (func)) (func (export "f") (call 0)))"#);
    let chalcid::ExternType::Func(ty) = module.imports().next().unwrap().ty else { panic!() };
    let value = Rc::new(());
    let holder = Holder { func: None.into(), _value: value.clone() };
    let host = Func::from_host(&agent, ty, 0, holder).unwrap();
    let instance = Instance::new(&agent, &module, &[Extern::from(host.clone())]).unwrap();
    *host.host_call::<Holder>().unwrap().func.borrow_mut() = instance.get_func("f");
    assert_eq!(agent.collect_cycles(), 0);
    drop(host);
    assert_eq!(agent.collect_cycles(), 0);
    drop(instance);
    assert_eq!(agent.entities(), 2);
    assert_eq!(agent.collect_cycles(), 2);
    assert_eq!(agent.entities(), 0);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn chains_of_a_hundred_thousand_are_freed_without_recursion() {
    let agent = agent();
    let module = module(
        agent.engine(),
        r#"(module (import "" "" (func (result i32))) (func (export "f") (result i32) (i32.const 1)))"#,
    );
    let mut last = Extern::from(host_i32(&agent, 0, |_| Ok(0)));
    let count = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    for _ in 0..count {
        let instance = Instance::new(&agent, &module, &[last]).unwrap();
        last = instance.get_export("f").unwrap();
    }
    assert_eq!(agent.entities(), count + 1);
    drop(last);
    assert_eq!(agent.entities(), 0);
}

#[test]
fn code_that_is_running_stays_when_its_last_handle_goes() {
    let agent = agent();
    let slot = Rc::new(std::cell::RefCell::new(None::<Table>));
    let drop_it = {
        let slot = slot.clone();
        host_i32(&agent, 0, move |_| {
            let table = slot.borrow_mut().take().unwrap();
            table.set(0, Val::FuncRef(None)).unwrap();
            Ok(1)
        })
    };
    let ty = TableType { element: RefType::FUNCREF, limits: limits(1, None), address: AddressType::I32 };
    let table = Table::new(&agent, ty, Val::FuncRef(None)).unwrap();
    let victim = instantiate(
        &agent,
        r#"(module (import "" "drop" (func $drop (result i32))) (memory 1)
             (func (export "f") (result i32)
               (i32.store (i32.const 0) (call $drop)) (i32.add (i32.load (i32.const 0)) (i32.const 10))))"#,
        &[drop_it.into()],
    );
    table.set(0, victim.get_func("f").unwrap().into()).unwrap();
    drop(victim);
    let caller = instantiate(
        &agent,
        r#"(module (type $i (func (result i32))) (import "" "" (table 1 funcref))
             (func (export "f") (result i32) (call_indirect (type $i) (i32.const 0))))"#,
        &[Extern::from(table.clone())],
    );
    *slot.borrow_mut() = Some(table);
    assert_eq!(call_i32(&caller, "f", &[]), 11);
}

#[test]
fn a_module_and_its_code_go_with_the_last_instance() {
    let agent = agent();
    let func = {
        let instance = instantiate(&agent, WAT, &[]);
        instance.get_func("f").unwrap()
    };
    let mut values = [ValRaw::i32(1)];
    func.call_raw(&mut values).unwrap();
    assert_eq!(values[0].get_i32(), 2);
}

#[test]
fn references_on_the_stack_are_collected_when_no_frame_has_them() {
    let agent = agent();
    let make = {
        let agent = agent.clone();
        let ty = func_type(&[], &[chalcid::ValType::Ref(RefType::EXTERNREF)]);
        Func::new(&agent.clone(), ty, move |_, results| {
            results[0] = Val::ExternRef(agent.host_value(Rc::new([0u8; 1024])));
            Ok(())
        })
        .unwrap()
    };
    let instance = instantiate(
        &agent,
        r#"(module (import "" "" (func $make (result externref)))
             (func (export "f") (param i32) (result externref) (local externref)
               (local.set 1 (call $make))
               (loop (drop (call $make)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
               (local.get 1)))"#,
        &[make.into()],
    );
    call(&instance, "f", &[Val::I32(1_000)]);
    let before = resident();
    call(&instance, "f", &[Val::I32(100_000)]);
    assert!(resident() < before + (32 << 20), "values that no frame has are let go while wasm runs");
}

//! Structures, arrays and exceptions between code, the collector and Rust.

#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

use std::cell::Cell;
use std::rc::Rc;

use chalcid::{
    Agent, AnyRef, ArrayRef, Config, Engine, Error, Exception, Features, Func, FuncType, Global, GlobalType, HeapType,
    I31, Instance, Misuse, Module, RefType, StructRef, Tag, TrapCode, Val, ValType,
};

fn agent(config: Config) -> Agent {
    Agent::new(&Engine::new(config.features(Features::WASM3)).unwrap())
}

fn instance(agent: &Agent, text: &str) -> Instance {
    let module = Module::new(agent.engine(), wat::parse_str(text).unwrap()).unwrap();
    Instance::new(agent, &module, &[]).unwrap()
}

fn try_call(instance: &Instance, name: &str, args: &[Val]) -> Result<Val, Error> {
    let func = instance.get_func(name).unwrap();
    let mut results = vec![Val::I32(0); func.ty().results.len()];
    func.call(args, &mut results)?;
    Ok(results.pop().unwrap_or(Val::I32(0)))
}

fn call(instance: &Instance, name: &str, args: &[Val]) -> Val {
    try_call(instance, name, args).unwrap()
}

fn structure(val: &Val) -> StructRef {
    val.any().unwrap().as_struct().unwrap()
}

const LISTS: &str = r#"(module
    (rec (type $node (struct (field $next (mut (ref null $node))) (field $number (mut i32)))))
    (global $kept (export "kept") (mut (ref null $node)) (ref.null $node))
    (func (export "node") (param (ref null $node) i32) (result (ref $node))
        (struct.new $node (local.get 0) (local.get 1)))
    ;; A list of n nodes, and as much garbage in between.
    (func $build (export "build") (param $n i32) (result (ref null $node))
        (local $list (ref null $node))
        (loop $more
            (drop (struct.new $node (local.get $list) (i32.const -1)))
            (local.set $list (struct.new $node (local.get $list) (local.get $n)))
            (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $list))
    (func (export "keep") (param $n i32) (global.set $kept (call $build (local.get $n))))
    (func (export "length") (param $list (ref null $node)) (result i32)
        (local $length i32)
        (block $end
            (loop $more
                (br_if $end (ref.is_null (local.get $list)))
                (local.set $length (i32.add (local.get $length) (i32.const 1)))
                (local.set $list (struct.get $node $next (local.get $list)))
                (br $more)))
        (local.get $length))
    (func (export "exhaust") (result i32)
        (local $list (ref null $node))
        (loop $more
            (local.set $list (struct.new $node (local.get $list) (i32.const 1)))
            (br $more))
        (unreachable)))"#;

#[test]
fn what_code_holds_survives_collections() {
    for config in [Config::new(), Config::new().heap_stress(true)] {
        let agent = agent(config);
        let instance = instance(&agent, LISTS);
        let list = call(&instance, "build", &[Val::I32(300)]);
        call(&instance, "keep", &[Val::I32(200)]);
        agent.collect_garbage();
        assert_eq!(call(&instance, "length", std::slice::from_ref(&list)).i32(), Some(300));
        assert_eq!(structure(&list).field(1).unwrap().i32(), Some(1));
        let kept = instance.get_global("kept").unwrap().get();
        assert_eq!(call(&instance, "length", &[kept]).i32(), Some(200));
        assert!(agent.heap_size() > 0);
    }
}

#[test]
fn a_million_nodes_in_a_row_are_collected() {
    let agent = agent(Config::new());
    let instance = instance(&agent, LISTS);
    call(&instance, "keep", &[Val::I32(1_000_000)]);
    call(&instance, "keep", &[Val::I32(1_000_000)]);
    agent.collect_garbage();
    assert!(agent.heap_size() >= 16_000_000, "{}", agent.heap_size());
    let kept = instance.get_global("kept").unwrap();
    assert_eq!(call(&instance, "length", &[kept.get()]).i32(), Some(1_000_000));
    kept.set(Val::AnyRef(None)).unwrap();
    agent.collect_garbage();
    assert_eq!(agent.heap_size(), 0);
}

#[test]
fn a_full_heap_is_a_trap_and_not_the_end() {
    let agent = agent(Config::new().heap_limit(1 << 20));
    let instance = instance(&agent, LISTS);
    for _ in 0..3 {
        let error = try_call(&instance, "exhaust", &[]).unwrap_err();
        assert_eq!(error.as_trap().unwrap().code(), TrapCode::AllocationFailed);
    }
    assert_eq!(call(&instance, "length", &[call(&instance, "build", &[Val::I32(1000)])]).i32(), Some(1000));
    let ty = structure(&call(&instance, "node", &[Val::AnyRef(None), Val::I32(1)])).ty();
    let mut all = Vec::new();
    let error = loop {
        match StructRef::new(&agent, ty, &[Val::AnyRef(None), Val::I32(0)]) {
            Ok(node) => all.push(node),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Resource(_)), "{error}");
}

#[test]
fn objects_keep_their_identity_across_the_border() {
    let agent = agent(Config::new());
    let instance = instance(&agent, LISTS);
    let inner = call(&instance, "node", &[Val::AnyRef(None), Val::I32(1)]);
    let outer = call(&instance, "node", &[inner.clone(), Val::I32(2)]);
    assert_eq!(structure(&structure(&outer).field(0).unwrap()), structure(&inner));
    assert_ne!(structure(&outer), structure(&inner));
    let made = StructRef::new(&agent, structure(&inner).ty(), &[outer, Val::I32(3)]).unwrap();
    assert_eq!(call(&instance, "length", &[made.into()]).i32(), Some(3));
}

#[test]
fn wrong_values_are_refused() {
    let agent = agent(Config::new());
    let instance = instance(&agent, LISTS);
    let node = structure(&call(&instance, "node", &[Val::AnyRef(None), Val::I32(1)]));
    let misuse = |result: Result<Val, Error>| matches!(result, Err(Error::Misuse(_)));
    assert!(misuse(try_call(&instance, "length", &[I31::wrapping(3).into()])));
    assert!(misuse(try_call(&instance, "length", &[Val::ExternRef(None)])));
    assert!(node.set_field(0, Val::I32(1)).is_err());
    assert!(node.set_field(2, Val::I32(1)).is_err());
    assert!(ArrayRef::new_default(&agent, node.ty(), 3).is_err());
    let other = self::agent(Config::new());
    let foreign = structure(&call(&self::instance(&other, LISTS), "node", &[Val::AnyRef(None), Val::I32(1)]));
    assert!(matches!(try_call(&instance, "length", &[foreign.into()]), Err(Error::Misuse(Misuse::Foreign(_)))));
    assert!(I31::new(1 << 30).is_none());
    assert_eq!(I31::wrapping(-1).get_unsigned(), 0x7fff_ffff);
}

#[test]
fn references_of_every_kind_pass_through_anyref_and_externref() {
    let agent = agent(Config::new());
    let instance = instance(
        &agent,
        r#"(module
            (type $box (struct (field (mut anyref)) (field (mut externref))))
            (func (export "box") (param anyref externref) (result (ref $box)) (struct.new $box (local.get 0) (local.get 1)))
            (func (export "out") (param anyref) (result externref) (extern.convert_any (local.get 0)))
            (func (export "in") (param externref) (result anyref) (any.convert_extern (local.get 0))))"#,
    );
    let value = agent.host_value(Rc::new(5u8)).unwrap();
    let small = Val::from(I31::wrapping(-7));
    let boxed = call(&instance, "box", &[small.clone(), Val::ExternRef(Some(value.clone()))]);
    agent.collect_garbage();
    assert_eq!(structure(&boxed).field(0).unwrap().any().unwrap().as_i31(), Some(I31::wrapping(-7)));
    let held = structure(&boxed).field(1).unwrap();
    assert_eq!(held.host_value().unwrap().to_rc().unwrap().downcast_ref(), Some(&5u8));

    let out = call(&instance, "out", std::slice::from_ref(&boxed));
    assert_eq!(structure(&out), structure(&boxed), "an object as externref is the same object");
    assert_eq!(structure(&call(&instance, "in", &[out])), structure(&boxed));
    let any = call(&instance, "in", &[Val::ExternRef(Some(value.clone()))]);
    assert!(any.any().unwrap().as_host().is_some());
    assert!(call(&instance, "out", &[AnyRef::from_host(value).into()]).host_value().is_some());
    assert!(matches!(call(&instance, "in", &[Val::ExternRef(None)]), Val::AnyRef(None)));
    assert!(matches!(call(&instance, "out", &[Val::AnyRef(None)]), Val::ExternRef(None)));
}

#[test]
fn host_functions_take_and_give_objects() {
    let agent = agent(Config::new().heap_stress(true));
    let text = r#"(module
        (type $pair (struct (field (mut anyref)) (field (mut anyref))))
        (import "host" "swap" (func $swap (param structref) (result structref)))
        (func (export "run") (result i32)
            (local $pair (ref $pair))
            (local.set $pair (struct.new $pair (ref.i31 (i32.const 1)) (ref.i31 (i32.const 2))))
            (i31.get_s (ref.cast (ref i31)
                (struct.get $pair 0 (ref.cast (ref $pair) (call $swap (local.get $pair))))))))"#;
    let module = Module::new(agent.engine(), wat::parse_str(text).unwrap()).unwrap();
    let structref = ValType::Ref(RefType { nullable: true, heap: HeapType::Abstract(chalcid::AbsHeapType::Struct) });
    let ty = FuncType { params: [structref].into(), results: [structref].into() };
    let made = agent.clone();
    let swap = Func::new(&agent, ty, move |args, results| {
        let pair = args[0].any().and_then(AnyRef::as_struct).unwrap();
        made.collect_garbage();
        results[0] = StructRef::new(&made, pair.ty(), &[pair.field(1)?, pair.field(0)?])?.into();
        Ok(())
    })
    .unwrap();
    let instance = Instance::new(&agent, &module, &[swap.into()]).unwrap();
    assert_eq!(call(&instance, "run", &[]).i32(), Some(2));
}

#[test]
fn exceptions_carry_their_values() {
    let agent = agent(Config::new());
    let exnref = ValType::Ref(RefType::EXNREF);
    let ty = FuncType { params: [ValType::I64, exnref, ValType::Ref(RefType::ANYREF)].into(), results: [].into() };
    let tag = Tag::new(&agent, ty).unwrap();
    let small = Val::from(I31::wrapping(9));
    let inner = Exception::new(&agent, &tag, &[Val::I64(1), Val::ExnRef(None), small.clone()]).unwrap();
    let outer = Exception::new(&agent, &tag, &[Val::I64(2), inner.clone().into(), small]).unwrap();
    let global = GlobalType { content: exnref, mutable: true };
    let global = Global::new(&agent, global, outer.clone().into()).unwrap();
    drop(outer);
    agent.collect_garbage();
    let outer = global.get();
    let args = outer.exception().unwrap().args().unwrap();
    assert_eq!(args[0].i64(), Some(2));
    assert_eq!(args[1].exception(), Some(&inner));
    assert_eq!(args[2].any().unwrap().as_i31(), Some(I31::wrapping(9)));
    assert_eq!(inner.tag(), tag);
    assert!(Exception::new(&agent, &tag, &[Val::I64(1)]).is_err());
}

/// A host value that counts how many of its kind there are.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

const VTABLES: &str = r#"(module
    (type $method (func (result i32)))
    (type $vtable (struct (field (ref $method))))
    (type $object (struct (field (ref $vtable)) (field (mut externref))))
    (func $answer (type $method) (i32.const 42))
    (elem declare func $answer)
    (global $vtable (ref $vtable) (struct.new $vtable (ref.func $answer)))
    (global $object (export "object") (mut (ref null $object)) (ref.null $object))
    (func (export "make") (param externref) (result (ref $object))
        (global.set $object (struct.new $object (global.get $vtable) (local.get 0)))
        (ref.as_non_null (global.get $object)))
    (func (export "ask") (param (ref $object)) (result i32)
        (call_ref $method (struct.get $vtable 0 (struct.get $object 0 (local.get 0))))))"#;

#[test]
fn an_object_with_a_function_keeps_the_instance() {
    let agent = agent(Config::new());
    let object = {
        let instance = instance(&agent, VTABLES);
        call(&instance, "make", &[Val::ExternRef(None)])
    };
    let other = instance(&agent, VTABLES);
    agent.collect_garbage();
    agent.collect_cycles();
    // The function in the object belongs to the instance that is held by the object alone.
    assert_eq!(call(&other, "ask", &[object]).i32(), Some(42));
}

#[test]
fn an_instance_whose_own_objects_hold_its_functions_goes() {
    let agent = agent(Config::new());
    let count = Rc::new(Cell::new(0));
    let held = |agent: &Agent| {
        count.set(count.get() + 1);
        Val::ExternRef(agent.host_value(Rc::new(Counted(count.clone()))))
    };
    let kept = instance(&agent, VTABLES);
    call(&kept, "make", &[held(&agent)]);
    let entities = agent.entities();
    for _ in 0..5 {
        call(&instance(&agent, VTABLES), "make", &[held(&agent)]);
    }
    assert_eq!(count.get(), 6);
    agent.collect_cycles();
    assert_eq!((count.get(), agent.entities()), (1, entities));
    let object = kept.get_global("object").unwrap().get();
    assert_eq!(call(&kept, "ask", std::slice::from_ref(&object)).i32(), Some(42));
    // A handle to an object keeps the instance through its function.
    drop(kept);
    agent.collect_cycles();
    assert_eq!(count.get(), 1);
    drop(object);
    agent.collect_cycles();
    assert_eq!((count.get(), agent.entities(), agent.heap_size()), (0, 0, 0));
}

#[test]
fn instances_that_hold_each_other_through_objects_go() {
    let agent = agent(Config::new());
    let (a, b) = (instance(&agent, VTABLES), instance(&agent, VTABLES));
    let of_a = call(&a, "make", &[Val::ExternRef(None)]);
    let of_b = call(&b, "make", &[Val::ExternRef(None)]);
    a.get_global("object").unwrap().set(of_b).unwrap();
    b.get_global("object").unwrap().set(of_a).unwrap();
    drop(a);
    agent.collect_cycles();
    assert!(agent.entities() > 0);
    assert_eq!(call(&b, "ask", &[b.get_global("object").unwrap().get()]).i32(), Some(42));
    drop(b);
    agent.collect_cycles();
    assert_eq!(agent.entities(), 0);
}

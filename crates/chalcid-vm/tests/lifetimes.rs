//! Who keeps whom: handles, cycles, keepers of a host.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod kit;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

use chalcid_module::types::{AbsHeapType, GlobalType, HeapType, RefType, ValType};
use chalcid_vm::*;
use kit::*;

#[test]
fn dropping_the_last_handle_frees() {
    let kit = Kit::new();
    let agent = kit.agent();
    let exporter =
        kit.module(r#"(module (memory (export "m") 1) (func (export "f")) (global (export "g") i32 (i32.const 1)))"#);
    let importer = kit.module(
        r#"(module (import "" "m" (memory 1)) (import "" "f" (func)) (import "" "g" (global i32)) (func (export "h") (call 0)))"#,
    );
    let first = kit.instantiate(&agent, &exporter, &[]);
    let imports = [export(&first, "m"), export(&first, "f"), export(&first, "g")];
    let second = kit.instantiate(&agent, &importer, &imports);
    drop(imports);
    assert_eq!(agent.entities(), 4);
    drop(first);
    assert_eq!(agent.entities(), 4, "the importer keeps the exporter");
    kit.call(&second, "h", &[]).unwrap();
    let h = func(&second, "h");
    drop(second);
    kit.call_raw(&h, &[]).unwrap();
    assert_eq!(agent.entities(), 4, "a function keeps its instance");
    drop(h);
    assert_eq!(agent.entities(), 0);
}

#[test]
fn cycles_are_found_without_a_host() {
    let kit = Kit::new();
    let agent = kit.agent();
    // A table in its own instance, a function global of it, and two instances through each other's tables.
    let module = kit.module(
        r#"(module
            (table (export "t") 2 funcref) (elem (i32.const 0) $f)
            (global (export "g") (mut funcref) (ref.func $f))
            (func $f (export "f")))"#,
    );
    let (first, second) = (kit.instantiate(&agent, &module, &[]), kit.instantiate(&agent, &module, &[]));
    let table = |instance: &Strong<Instance>| instance.table(chalcid_module::index::TableIdx(0)).unwrap();
    table(&first).set(1, &RefValue::Func(Some(func(&second, "f")))).unwrap();
    table(&second).set(1, &RefValue::Func(Some(func(&first, "f")))).unwrap();
    assert_eq!(agent.entities(), 6);
    assert_eq!(agent.collect_cycles(), 0);
    drop(second);
    assert_eq!(agent.collect_cycles(), 0, "the first instance reaches the second");
    let held = table(&first);
    drop(first);
    assert_eq!(agent.collect_cycles(), 0, "the table reaches both");
    drop(held);
    assert_eq!(agent.entities(), 6);
    assert_eq!(agent.collect_cycles(), 6);
    assert_eq!(agent.entities(), 0);
}

#[test]
fn cycles_are_found_in_passing() {
    let kit = Kit::new();
    let agent = kit.agent();
    let module = kit.module(r#"(module (table 1 funcref) (elem (i32.const 0) $f) (func $f))"#);
    let mut most = 0;
    for _ in 0..20_000 {
        kit.instantiate(&agent, &module, &[]);
        most = most.max(agent.entities());
    }
    assert!(most < 10_000, "{most} entities at once");
}

#[test]
fn long_chains_are_dropped_without_recursion() {
    let kit = Kit::new();
    let agent = kit.agent();
    let module = kit.module(r#"(module (import "" "f" (func $f)) (func (export "f") (call $f)))"#);
    let host = kit.host(&agent, &[], &[], |_, _| Ok(()));
    let mut last = Import::Func(host.func());
    drop(host);
    for _ in 0..100_000 {
        let instance = kit.instantiate(&agent, &module, &[last]);
        last = export(&instance, "f");
    }
    drop(last);
    assert_eq!(agent.entities(), 0);
}

/// A host that counts references to its objects, as QuickJS does.
#[derive(Default)]
struct Host {
    objects: RefCell<Vec<Rc<Object>>>,
    values: Cell<isize>,
    grown: Cell<u32>,
}

struct Object {
    count: Cell<isize>,
    body: RefCell<Option<Box<dyn Any>>>,
    trace: fn(&dyn Any, &mut dyn FnMut(Edge)),
}

struct Hooks(Rc<Host>);

impl Host {
    fn object(&self, at: NonNull<c_void>) -> Rc<Object> {
        self.objects.borrow()[at.as_ptr() as usize - 1].clone()
    }

    fn release(&self, at: NonNull<c_void>) {
        let object = self.object(at);
        object.count.set(object.count.get() - 1);
        assert!(object.count.get() >= 0);
        if object.count.get() == 0 {
            let body = object.body.borrow_mut().take();
            drop(body);
        }
    }

    /// Makes a keeper; its first count is the caller's.
    fn keep<T: Entity>(&self, entity: &Strong<T>) -> NonNull<c_void> {
        entity
            .adopt(|body| {
                let trace =
                    |body: &dyn Any, visit: &mut dyn FnMut(Edge)| body.downcast_ref::<Body<T>>().unwrap().trace(visit);
                let body: Box<dyn Any> = Box::new(body);
                let object = Object { count: Cell::new(1), body: RefCell::new(Some(body)), trace };
                self.objects.borrow_mut().push(Rc::new(object));
                let at = NonNull::new(self.objects.borrow().len() as *mut c_void).unwrap();
                // SAFETY: the hooks below accept it until its body is dropped.
                Some(unsafe { Keeper::new(at) })
            })
            .unwrap()
    }

    fn edges(&self, at: NonNull<c_void>) -> Vec<Edge> {
        let object = self.object(at);
        let mut edges = Vec::new();
        if let Some(body) = &*object.body.borrow() {
            (object.trace)(&**body, &mut |edge| edges.push(edge));
        }
        edges
    }

    /// Trial deletion over all objects; finalises garbage.
    fn collect(&self) -> usize {
        self.collect_telling(&|_| {}, &|| {})
    }

    /// The same, telling an agent of each phase.
    fn collect_in_phases(&self, agent: &Agent) -> usize {
        self.collect_telling(&|phase| agent.host_collection(phase), &|| agent.host_finalizes())
    }

    fn collect_telling(&self, tell: &dyn Fn(Phase), finalize: &dyn Fn()) -> usize {
        let all: Vec<_> =
            (1..=self.objects.borrow().len()).map(|at| NonNull::new(at as *mut c_void).unwrap()).collect();
        let alive = |at: &NonNull<c_void>| self.object(*at).body.borrow().is_some();
        let mut counts: Vec<isize> = all.iter().map(|at| self.object(*at).count.get()).collect();
        let (mut values, mut restored) = (0, 0);
        for at in all.iter().filter(|at| alive(at)) {
            tell(Phase::Count);
            for edge in self.edges(*at) {
                values += isize::from(matches!(edge, Edge::Value(_)));
                if let Edge::Object(target) = edge {
                    counts[target.as_ptr() as usize - 1] -= 1;
                    assert!(counts[target.as_ptr() as usize - 1] >= 0, "an edge that is no count");
                }
            }
        }
        let mut reached: Vec<_> =
            all.iter().filter(|at| alive(at) && counts[at.as_ptr() as usize - 1] > 0).copied().collect();
        let mut seen = reached.clone();
        let put_back = |at: NonNull<c_void>, restored: &mut isize, counts: &mut [isize]| {
            let edges = self.edges(at);
            for edge in &edges {
                match edge {
                    Edge::Object(target) => counts[target.as_ptr() as usize - 1] += 1,
                    Edge::Value(_) => *restored += 1,
                }
            }
            edges
        };
        while let Some(at) = reached.pop() {
            tell(Phase::Live);
            for edge in put_back(at, &mut restored, &mut counts) {
                if let Edge::Object(target) = edge
                    && !seen.contains(&target)
                {
                    seen.push(target);
                    reached.push(target);
                }
            }
        }
        let garbage: Vec<_> = all.iter().filter(|at| alive(at) && !seen.contains(at)).copied().collect();
        for at in &garbage {
            tell(Phase::Dead);
            put_back(*at, &mut restored, &mut counts);
        }
        for at in all.iter().filter(|at| alive(at)) {
            let count = self.object(*at).count.get();
            assert_eq!(counts[at.as_ptr() as usize - 1], count, "not every count was put back once");
        }
        assert_eq!(values, restored, "not every value was reported in both rounds");
        for at in &garbage {
            finalize();
            let body = self.object(*at).body.borrow_mut().take();
            drop(body);
        }
        garbage.len()
    }
}

// SAFETY: objects are numbers that are never given out twice, values are counted only.
unsafe impl HostHooks for Hooks {
    unsafe fn retain_object(&self, object: NonNull<c_void>) {
        let object = self.0.object(object);
        assert!(object.body.borrow().is_some(), "retained after its end");
        object.count.set(object.count.get() + 1);
    }

    unsafe fn release_object(&self, object: NonNull<c_void>) {
        self.0.release(object);
    }

    unsafe fn clone_value(&self, value: RawHostValue) -> RawHostValue {
        self.0.values.set(self.0.values.get() + 1);
        value
    }

    unsafe fn drop_value(&self, _value: RawHostValue) {
        self.0.values.set(self.0.values.get() - 1);
    }

    unsafe fn memory_grown(&self, _object: NonNull<c_void>) {
        self.0.grown.set(self.0.grown.get() + 1);
    }
}

fn hosted(kit: &Kit) -> (Rc<Host>, Agent) {
    let host = Rc::new(Host::default());
    let agent = Agent::with_hooks(kit.types.clone(), AgentSettings::default(), Box::new(Hooks(host.clone())));
    (host, agent)
}

#[test]
fn a_keeper_takes_over_every_handle() {
    let kit = Kit::new();
    let (host, agent) = hosted(&kit);
    let instance = kit.text(&agent, r#"(module (memory (export "m") 1) (func (export "f")))"#);
    let (f, clone) = (func(&instance, "f"), instance.clone());
    let object = host.keep(&instance);
    // The new object's own count, two handles and the function.
    assert_eq!(host.object(object).count.get(), 4);
    assert_eq!(host.keep(&instance), object, "there is only one keeper");
    drop(clone);
    drop(instance);
    assert_eq!(host.object(object).count.get(), 2);
    kit.call_raw(&f, &[]).unwrap();
    host.release(object);
    assert_eq!(agent.entities(), 2, "the function keeps the instance");
    drop(f);
    assert_eq!(agent.entities(), 0);
}

#[test]
fn growing_tells_the_keeper() {
    let kit = Kit::new();
    let (host, agent) = hosted(&kit);
    let instance =
        kit.text(&agent, r#"(module (memory (export "m") 1 2) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#);
    kit.call_i32(&instance, "grow", &[0]).unwrap();
    let Import::Memory(memory) = export(&instance, "m") else { panic!() };
    let object = host.keep(&memory);
    assert_eq!(host.grown.get(), 0);
    kit.call_i32(&instance, "grow", &[0]).unwrap();
    kit.call_i32(&instance, "grow", &[1]).unwrap();
    assert_eq!(kit.call_i32(&instance, "grow", &[1]).unwrap(), -1);
    assert_eq!(host.grown.get(), 2);
    host.release(object);
}

#[test]
fn the_hosts_collector_finds_cycles_through_wasm() {
    let kit = Kit::new();
    let (host, agent) = hosted(&kit);
    let module = kit.module(
        r#"(module
            (table (export "t") 4 funcref) (elem (i32.const 0) $f)
            (global (export "g") (mut funcref) (ref.func $f))
            (func $f (export "f")))"#,
    );
    let instance = kit.instantiate(&agent, &module, &[]);
    let table = instance.table(chalcid_module::index::TableIdx(0)).unwrap();
    let objects = [host.keep(&instance), host.keep(&table)];
    // The host sees every count: the table's segment, the global's function, the instance's table.
    let count = |at: usize| host.object(objects[at]).count.get();
    assert_eq!((count(0), count(1)), (4, 3));
    let edges = host.edges(objects[0]);
    assert_eq!(edges.len(), 2, "the table's object, and through the global its own: {edges:?}");
    for object in objects {
        host.release(object);
    }
    drop(table);
    assert_eq!(host.collect(), 0);
    // A handle that is left over in the dying cycle is harmless.
    let stale = instance.clone();
    drop(instance);
    assert_eq!(host.collect(), 0);
    let object = objects[0];
    host.object(object).count.set(host.object(object).count.get() - 1);
    assert_eq!(host.collect(), 2);
    assert!(!stale.is_alive());
    assert!(stale.func(chalcid_module::index::FuncIdx(0)).is_none());
    assert!(stale.table(chalcid_module::index::TableIdx(0)).is_none());
    drop(stale);
    assert_eq!(agent.entities(), 0);
}

#[test]
fn values_are_reported_once_for_every_count() {
    let kit = Kit::new();
    let (host, agent) = hosted(&kit);
    let value = |bits: u64| {
        host.values.set(host.values.get() + 1);
        // SAFETY: the hooks count it, and the count was just added.
        RefValue::Host(Some(unsafe { HostValue::from_raw(&agent, [bits, 0]) }))
    };
    let ty = chalcid_module::types::TableType {
        element: RefType::EXTERNREF,
        limits: chalcid_module::types::Limits { min: 3, max: None },
        address: chalcid_module::types::AddressType::I32,
    };
    let table = TableInst::new(&agent, ty).unwrap();
    table.set(0, &value(0)).unwrap();
    table.set(2, &value(7)).unwrap();
    let global =
        GlobalInst::new(&agent, GlobalType { content: EXTERNREF, mutable: true }, &GlobalValue::Ref(value(9))).unwrap();
    let (table_object, global_object) = (host.keep(&table), host.keep(&global));
    assert_eq!(host.edges(table_object), [Edge::Value([0, 0]), Edge::Value([7, 0])]);
    assert_eq!(host.edges(global_object), [Edge::Value([9, 0])]);
    assert_eq!(host.values.get(), 3);
    drop((table, global));
    host.release(table_object);
    host.release(global_object);
    assert_eq!(host.values.get(), 0);
}

#[test]
fn a_host_that_tells_its_phases_finds_cycles_through_the_heap() {
    let kit = Kit::new();
    let (host, agent) = hosted(&kit);
    let module = kit.module(
        r#"(module
            (type $s (struct (field (mut funcref)) (field (mut externref)) (field (mut anyref))))
            (import "" "shared" (global $shared (mut anyref)))
            (global $own (mut (ref null $s)) (ref.null $s))
            (func $f (export "f") (result i32) (i32.const 7))
            (func (export "link") (param externref)
                (global.set $own (struct.new $s (ref.func $f) (local.get 0) (ref.null any)))
                (struct.set $s 2 (global.get $own) (global.get $shared))
                (global.set $shared (global.get $own)))
            (func (export "unlink") (global.set $own (ref.null $s))))"#,
    );
    let ty = RefType { nullable: true, heap: HeapType::Abstract(AbsHeapType::Any) };
    let shared = GlobalInst::new(
        &agent,
        GlobalType { content: ValType::Ref(ty), mutable: true },
        &GlobalValue::Ref(RefValue::Host(None)),
    )
    .unwrap();
    let shared_object = host.keep(&shared);
    let values: Vec<_> = (0..3u64)
        .map(|number| {
            let instance = kit.instantiate(&agent, &module, &[Import::Global(shared.clone())]);
            let scope = agent.scope();
            host.values.set(host.values.get() + 1);
            // SAFETY: the hooks count it, and the count was just added.
            let value = unsafe { HostValue::from_raw(&agent, [number, 0]) };
            let value = agent.extern_to_raw(Some(value)).unwrap();
            kit.call(&instance, "link", &[value]).unwrap();
            drop(scope);
            let object = host.keep(&instance);
            host.release(object);
            object
        })
        .collect();
    // The global holds the last structure, which holds the others, and each its instance and a value.
    assert_eq!((host.collect(), host.collect_in_phases(&agent)), (0, 0));
    assert_eq!((agent.entities(), host.values.get()), (7, 3));
    assert!(values.iter().all(|object| host.object(*object).body.borrow().is_some()));

    // A frame-like holder: what a handle keeps is not the host's to free.
    let GlobalValue::Ref(RefValue::Object(first)) = shared.get() else { panic!("no object") };
    shared.set(&GlobalValue::Ref(RefValue::Host(None))).unwrap();
    assert_eq!(host.collect_in_phases(&agent), 0, "a handle to the structure keeps all");
    drop(first);
    assert_eq!(host.collect(), 0, "without phases nothing is known of the heap");
    assert_eq!(host.collect_in_phases(&agent), 3);
    assert_eq!((agent.entities(), host.values.get()), (1, 0), "values go before what held them is finalised");
    assert_eq!(host.collect_in_phases(&agent), 0);
    drop(shared);
    host.release(shared_object);
    assert_eq!(agent.entities(), 0);
}

#[test]
fn what_nothing_reaches_goes_at_once_if_the_host_asks_for_it() {
    let kit = Kit::new();
    let (host, agent) = hosted(&kit);
    let instance = kit.text(
        &agent,
        "(module (type $s (struct (field externref))) (func (export \"lose\") (param externref) (drop (struct.new $s (local.get 0)))))",
    );
    let scope = agent.scope();
    host.values.set(host.values.get() + 1);
    // SAFETY: the hooks count it, and the count was just added.
    let value = agent.extern_to_raw(Some(unsafe { HostValue::from_raw(&agent, [1, 0]) })).unwrap();
    kit.call(&instance, "lose", &[value]).unwrap();
    drop(scope);
    let object = host.keep(&instance);
    assert_eq!((host.collect_in_phases(&agent), host.values.get()), (0, 1));

    // An object without a count: nothing reaches it.
    let trace =
        |body: &dyn Any, visit: &mut dyn FnMut(Edge)| body.downcast_ref::<Agent>().unwrap().trace_unreached(visit);
    let body: Box<dyn Any> = Box::new(agent.clone());
    let waste = Object { count: Cell::new(0), body: RefCell::new(Some(body)), trace };
    host.objects.borrow_mut().push(Rc::new(waste));
    agent.seek_unreached(true);
    assert_eq!((host.collect_in_phases(&agent), host.values.get()), (1, 0));
    agent.seek_unreached(false);
    assert_eq!(host.collect_in_phases(&agent), 0);
    drop(instance);
    host.release(object);
    assert_eq!(agent.entities(), 0);
}

//! The allocator and the collector, driven without code.

#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use chalcid_module::features::Features;
use chalcid_module::index::DefTypeId;
use chalcid_module::registry::{RegisteredTypes, TypeRegistry};
use chalcid_module::types::{FuncType, ValType};

use super::*;
use crate::agent::AgentSettings;
use crate::func::{Signature, Trampolines};
use crate::global::GlobalValue;
use crate::tag::TagInst;

/// An agent with some types.
struct World {
    agent: Agent,
    types: TypeRegistry,
    registered: RegisteredTypes,
}

impl World {
    const TYPES: &str = "(module
        (rec (type $node (struct (field (mut (ref null $node))) (field (mut i32)))))
        (type $nodes (array (mut (ref null $node))))
        (type $bytes (array (mut i8)))
        (type $anything (struct (field (mut anyref)) (field (mut externref)) (field (mut exnref)) (field (mut funcref))))
        (type $packed (struct (field (mut i8)) (field (mut i16)) (field (mut i64)) (field (mut v128)) (field (mut f32))))
        (type $strict (struct (field (ref $node)))))";

    fn new(settings: AgentSettings) -> Self {
        let types = TypeRegistry::new();
        let declared =
            chalcid_module::decode_and_validate(&wat::parse_str(Self::TYPES).unwrap(), &Features::WASM3, None).unwrap();
        let registered = types.register_module(&declared).unwrap();
        Self { agent: Agent::plain(types.clone(), settings), types, registered }
    }

    fn with_limit(heap_limit: u64) -> Self {
        Self::new(AgentSettings { heap_limit, ..AgentSettings::default() })
    }

    fn ty(&self, index: usize) -> DefTypeId {
        self.registered.ids()[index]
    }

    fn node(&self, next: Option<&ObjectRef>, number: i32) -> ObjectRef {
        let values = [object(next), GlobalValue::Number(ValRaw::i32(number))];
        ObjectRef::new_struct(&self.agent, self.ty(0), &values).unwrap()
    }

    fn bytes(&self, len: u32) -> Result<ObjectRef, ObjectError> {
        ObjectRef::new_array(&self.agent, self.ty(2), len, None)
    }

    fn heap(&self) -> &Heap {
        &self.agent.inner().heap
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new(AgentSettings::default())
    }
}

fn object(object: Option<&ObjectRef>) -> GlobalValue {
    GlobalValue::Ref(object.map_or(RefValue::Host(None), |object| RefValue::Object(object.clone())))
}

fn number(object: &ObjectRef, index: u32) -> i32 {
    match object.get(index).unwrap() {
        GlobalValue::Number(value) => value.get_i32(),
        GlobalValue::Ref(_) => panic!("not a number"),
    }
}

fn reference(value: GlobalValue) -> Option<ObjectRef> {
    match value {
        GlobalValue::Ref(RefValue::Object(object)) => Some(object),
        _ => None,
    }
}

/// A host value that counts how many of its kind there are.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

fn counted(agent: &Agent, count: &Rc<Cell<usize>>) -> HostValue {
    count.set(count.get() + 1);
    HostValue::from_rc(agent, Rc::new(Counted(Rc::clone(count)))).unwrap()
}

#[test]
fn fields_hold_what_was_written() {
    let world = World::default();
    let zero = ObjectRef::new_default_struct(&world.agent, world.ty(4)).unwrap();
    for index in 0..5 {
        assert_eq!(number(&zero, index), 0);
    }
    let n = |value| GlobalValue::Number(ValRaw::v128(value));
    zero.set(0, &n(0x1ff)).unwrap();
    zero.set(1, &n(0xf_ffff)).unwrap();
    zero.set(2, &n(u128::MAX)).unwrap();
    zero.set(3, &n(1 << 127)).unwrap();
    let read = |index| match zero.get(index).unwrap() {
        GlobalValue::Number(value) => value.get_v128(),
        GlobalValue::Ref(_) => 0,
    };
    assert_eq!([read(0), read(1), read(2), read(3), read(4)], [0xff, 0xffff, u64::MAX.into(), 1 << 127, 0]);
    assert_eq!(zero.get(5).unwrap_err(), ObjectError::OutOfBounds);
    assert_eq!(zero.set(0, &object(None)), Err(ObjectError::ValueType));
}

#[test]
fn types_are_checked() {
    let world = World::default();
    let node = world.node(None, 1);
    let bytes = world.bytes(3).unwrap();
    assert_eq!(node.set(0, &object(Some(&bytes))), Err(ObjectError::ValueType));
    assert_eq!(node.set(0, &GlobalValue::Number(ValRaw::ZERO)), Err(ObjectError::ValueType));
    node.set(0, &object(Some(&node))).unwrap();
    let agent = &world.agent;
    assert_eq!(ObjectRef::new_default_struct(agent, world.ty(5)).unwrap_err(), ObjectError::ValueType);
    assert_eq!(ObjectRef::new_struct(agent, world.ty(5), &[object(None)]).unwrap_err(), ObjectError::ValueType);
    let strict = ObjectRef::new_struct(agent, world.ty(5), &[object(Some(&node))]).unwrap();
    assert_eq!(strict.set(0, &object(Some(&node))), Err(ObjectError::Immutable));
    assert_eq!(ObjectRef::new_struct(agent, world.ty(0), &[]).unwrap_err(), ObjectError::Count);
    assert_eq!(ObjectRef::new_struct(agent, world.ty(1), &[]).unwrap_err(), ObjectError::NoSuchType);
    assert_eq!(bytes.get(3).unwrap_err(), ObjectError::OutOfBounds);
    let foreign = World::default().node(None, 1);
    assert_eq!(node.set(0, &object(Some(&foreign))), Err(ObjectError::ValueType));
}

#[test]
fn what_handles_reach_stays_and_the_rest_goes() {
    let world = World::default();
    let kept = world.node(Some(&world.node(Some(&world.node(None, 3)), 2)), 1);
    for i in 0..30_000 {
        world.node(None, i);
    }
    world.agent.collect_garbage();
    // One line, and the holes in its block.
    assert_eq!(world.agent.heap_size(), u64::from(BLOCK));
    let second = reference(kept.get(0).unwrap()).unwrap();
    let third = reference(second.get(0).unwrap()).unwrap();
    assert_eq!([number(&kept, 1), number(&second, 1), number(&third, 1)], [1, 2, 3]);
    drop((kept, second, third));
    world.agent.collect_garbage();
    assert_eq!(world.agent.heap_size(), 0);
}

#[test]
fn cycles_go() {
    let world = World::default();
    let a = world.node(None, 1);
    let b = world.node(Some(&a), 2);
    a.set(0, &object(Some(&b))).unwrap();
    drop(b);
    world.agent.collect_garbage();
    assert_eq!(number(&reference(a.get(0).unwrap()).unwrap(), 1), 2);
    drop(a);
    world.agent.collect_garbage();
    assert_eq!(world.agent.heap_size(), 0);
}

#[test]
fn equal_handles_name_one_object() {
    let world = World::default();
    let a = world.node(None, 1);
    let b = world.node(Some(&a), 1);
    assert_ne!(a, b);
    let again = reference(b.get(0).unwrap()).unwrap();
    assert_eq!(a, again);
    assert_eq!(a.id(), again.id());
}

#[test]
fn a_long_list_is_marked_without_recursion() {
    let world = World::default();
    let mut list = world.node(None, 0);
    for i in 1..100_000 {
        list = world.node(Some(&list), i);
    }
    world.agent.collect_garbage();
    assert!(world.agent.heap_size() >= 1_600_000);
    let mut length = 0;
    let mut next = Some(list);
    while let Some(node) = next {
        length += 1;
        next = reference(node.get(0).unwrap());
    }
    assert_eq!(length, 100_000);
    world.agent.collect_garbage();
    assert_eq!(world.agent.heap_size(), 0);
}

#[test]
fn large_arrays_keep_their_elements_and_give_back_their_blocks() {
    let world = World::default();
    let array = ObjectRef::new_array(&world.agent, world.ty(1), 100_000, None).unwrap();
    for index in (0..100_000).step_by(1000) {
        array.set(index, &object(Some(&world.node(None, index as i32)))).unwrap();
    }
    for _ in 0..200 {
        world.bytes(1 << 20).unwrap();
    }
    world.agent.collect_garbage();
    assert!(world.agent.heap_size() < 1 << 20);
    for index in (0..100_000).step_by(1000) {
        assert_eq!(number(&reference(array.get(index).unwrap()).unwrap(), 1), index as i32);
    }
    assert!(reference(array.get(1).unwrap()).is_none());
    drop(array);
    world.agent.collect_garbage();
    assert_eq!(world.agent.heap_size(), 0);
}

#[test]
fn objects_of_every_size_are_zeroed_where_others_were() {
    let world = World::default();
    let mut kept = Vec::new();
    let mut state = 1u64;
    for round in 0..10_000u32 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let len = match state >> 60 {
            0 => (state >> 33) as u32 % 60_000,
            1..4 => (state >> 33) as u32 % 2000,
            _ => (state >> 33) as u32 % 100,
        };
        let array = world.bytes(len).unwrap();
        if len > 0 {
            assert_eq!(number(&array, 0), 0);
            assert_eq!(number(&array, len / 2), 0);
            assert_eq!(number(&array, len - 1), 0);
            world.heap().fill(array.reference() + 12, &[round as u8 | 1], len);
        }
        if round % 50 == 0 {
            kept.push((array, len, round as u8 | 1));
            if kept.len() > 100 {
                kept.remove((state >> 40) as usize % 100);
            }
        }
        if round % 1500 == 1499 {
            world.agent.collect_garbage();
        }
    }
    for (array, len, byte) in &kept {
        assert_eq!(array.len(), *len);
        for index in 0..*len {
            assert_eq!(number(array, index), i32::from(*byte));
        }
    }
}

#[test]
fn holes_between_objects_are_used_again() {
    let world = World::with_limit(8 << 20);
    // Every other object stays: 3 MB in 6 MB of the 8.
    let kept: Vec<_> = (0..12_000)
        .map(|_| {
            drop(world.bytes(240).unwrap());
            world.bytes(240).unwrap()
        })
        .collect();
    world.agent.collect_garbage();
    let more: Vec<_> = (0..16_000).map(|_| world.bytes(100).unwrap()).collect();
    assert_eq!(kept.len() + more.len(), 28_000);
}

#[test]
fn a_full_heap_is_an_error_and_goes_on_when_there_is_room() {
    let world = World::with_limit(4 << 20);
    assert!(matches!(world.bytes(8 << 20), Err(ObjectError::Full(_))));
    assert!(matches!(world.bytes(u32::MAX), Err(ObjectError::Full(_))));
    let mut kept = Vec::new();
    let failed = loop {
        match world.bytes(1000) {
            Ok(array) => kept.push(array),
            Err(error) => break error,
        }
    };
    assert_eq!(failed, ObjectError::Full(HeapFull));
    assert!(kept.len() > 3500, "{} arrays", kept.len());
    assert!(world.agent.heap_size() <= 4 << 20);
    kept.truncate(100);
    for _ in 0..10_000 {
        world.bytes(1000).unwrap();
    }
    let large = world.bytes(2 << 20).unwrap();
    assert!(matches!(world.bytes(2 << 20), Err(ObjectError::Full(_))));
    drop(large);
    world.bytes(2 << 20).unwrap();
}

#[test]
fn boxes_in_objects_outlive_the_scope_and_go_with_the_object() {
    let world = World::default();
    let count = Rc::new(Cell::new(0));
    let holder = {
        let _scope = world.agent.scope();
        world.agent.extern_to_raw(Some(counted(&world.agent, &count))).unwrap();
        let holder = ObjectRef::new_default_struct(&world.agent, world.ty(3)).unwrap();
        let value = RefValue::Host(Some(counted(&world.agent, &count)));
        holder.set(1, &GlobalValue::Ref(value)).unwrap();
        assert_eq!(count.get(), 2);
        holder
    };
    world.agent.collect_garbage();
    assert_eq!(count.get(), 1, "the argument is gone");
    assert!(matches!(holder.get(1).unwrap(), GlobalValue::Ref(RefValue::Host(Some(_)))));
    drop(holder);
    world.agent.collect_garbage();
    assert_eq!(count.get(), 0);
}

#[test]
fn without_objects_boxes_go_with_the_scope() {
    let world = World::default();
    let count = Rc::new(Cell::new(0));
    {
        let _scope = world.agent.scope();
        world.agent.extern_to_raw(Some(counted(&world.agent, &count))).unwrap();
        world.agent.collect_garbage();
        assert_eq!(count.get(), 1);
    }
    assert_eq!(count.get(), 0);
}

#[test]
fn values_in_objects_go_with_the_agent() {
    let count = Rc::new(Cell::new(0));
    let world = World::default();
    let holder = ObjectRef::new_default_struct(&world.agent, world.ty(3)).unwrap();
    holder.set(1, &GlobalValue::Ref(RefValue::Host(Some(counted(&world.agent, &count))))).unwrap();
    drop((holder, world));
    assert_eq!(count.get(), 0);
}

#[test]
fn a_scope_keeps_references_until_it_closes() {
    let world = World::default();
    let agent = &world.agent;
    let scope = agent.scope();
    let inner = agent.scope();
    let raw = agent.ref_to_raw(&RefValue::Object(world.node(None, 5))).unwrap();
    agent.collect_garbage();
    let RefValue::Object(node) = agent.ref_from_raw(raw) else { panic!("the object is gone") };
    assert_eq!(number(&node, 1), 5);
    drop((node, inner));
    assert!(matches!(agent.ref_from_raw(raw), RefValue::Host(None)), "nobody vouches for the bits any more");
    agent.collect_garbage();
    assert_eq!(agent.heap_size(), 0);
    drop(scope);
}

#[test]
fn without_a_scope_nothing_is_kept() {
    let world = World::default();
    let agent = &world.agent;
    let raw = agent.ref_to_raw(&RefValue::Object(world.node(None, 5))).unwrap();
    assert!(matches!(agent.ref_from_raw(raw), RefValue::Host(None)));
    drop(agent.scope());
    agent.collect_garbage();
    assert_eq!(agent.heap_size(), 0);
}

fn signature(world: &World, params: &[ValType<DefTypeId>]) -> Arc<Signature> {
    let ty = FuncType { params: params.into(), results: Box::new([]) };
    let handle = world.types.register_func(ty.clone()).unwrap();
    let trampolines = Trampolines::new(&ty, &world.types);
    Signature::new(handle.id(), ty, &world.types, &trampolines).unwrap()
}

#[test]
fn exceptions_keep_their_values_and_their_tag() {
    let world = World::default();
    let params = [ValType::I32, ValType::Ref(RefType::ANYREF), ValType::Ref(RefType::EXNREF)];
    let tag = TagInst::new(&world.agent, &signature(&world, &params));
    let values = [GlobalValue::Number(ValRaw::i32(7)), object(Some(&world.node(None, 8))), object(None)];
    let first = ObjectRef::new_exception(&tag, &values).unwrap();
    let number_of_tag = tag.number();
    assert_ne!(number_of_tag, 0);
    let outer = TagInst::new(&world.agent, &signature(&world, &[ValType::Ref(RefType::EXNREF)]));
    let second = ObjectRef::new_exception(&outer, &[object(Some(&first))]).unwrap();
    drop((first, tag, values));
    world.agent.collect_garbage();
    let first = reference(second.get(0).unwrap()).unwrap();
    assert_eq!(first.tag().unwrap().number(), number_of_tag);
    assert_eq!(number(&first, 0), 7);
    assert_eq!(number(&reference(first.get(1).unwrap()).unwrap(), 1), 8);
    let tag = first.tag().unwrap();
    drop((first, second));
    world.agent.collect_garbage();
    assert_eq!(tag.number(), 0, "no exception names the tag any more");
    assert_eq!(world.agent.heap_size(), 0);
    drop(outer);
    assert_eq!(world.agent.entities(), 1);
}

#[test]
fn types_of_objects_stay_registered() {
    let World { agent, types, registered } = World::default();
    let node = registered.ids()[0];
    let list = ObjectRef::new_default_struct(&agent, node).unwrap();
    let gone = registered.ids()[5];
    drop(registered);
    assert!(types.get(node).is_some());
    agent.collect_garbage();
    assert_eq!(list.type_id(), Some(node));
    assert!(types.get(node).is_some());
    assert!(types.get(gone).is_none());
    drop(list);
    agent.collect_garbage();
    assert!(types.get(node).is_none());
}

#[test]
fn tables_and_globals_are_roots() {
    use crate::global::GlobalInst;
    use crate::table::TableInst;
    use chalcid_module::types::{AddressType, GlobalType, Limits, TableType};
    let world = World::default();
    let ty = TableType { element: RefType::ANYREF, limits: Limits { min: 10, max: None }, address: AddressType::I32 };
    let table = TableInst::new(&world.agent, ty).unwrap();
    table.set(9, &RefValue::Object(world.node(None, 9))).unwrap();
    let ty = GlobalType { content: ValType::Ref(RefType::EXTERNREF), mutable: true };
    let global = GlobalInst::new(&world.agent, ty, &object(Some(&world.node(None, 10)))).unwrap();
    world.agent.collect_garbage();
    assert_eq!(number(&reference(GlobalValue::Ref(table.get(9).unwrap())).unwrap(), 1), 9);
    assert_eq!(number(&reference(global.get()).unwrap(), 1), 10);
    drop((table, global));
    world.agent.collect_garbage();
    assert_eq!(world.agent.heap_size(), 0);
}

#[test]
fn nothing_that_bytes_say_leads_out_of_the_heap() {
    let world = World::default();
    let anything = ObjectRef::new_default_struct(&world.agent, world.ty(3)).unwrap();
    let victim = world.bytes(4000).unwrap();
    let nodes = ObjectRef::new_array(&world.agent, world.ty(1), 10_000, None).unwrap();
    let mut state = 3u32;
    for _ in 0..200 {
        for field in 0..4 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let bits = if state & 1 == 0 { victim.reference() + (state >> 8) % 4000 } else { state };
            world.heap().write(anything.reference() + 8 + 4 * field, &bits.to_le_bytes());
            world.heap().write(nodes.reference() + 12 + (state >> 3) % 39_000, &bits.to_le_bytes());
            world.heap().write(victim.reference() + 12 + (state >> 7) % 3900, &bits.to_le_bytes());
        }
        let header = u64::from(world.ty((state % 6) as usize).0) | u64::from(state % 5) << 32;
        world.heap().write(victim.reference() + 16 + 8 * (state >> 9 & 0xff), &header.to_le_bytes());
        world.agent.collect_garbage();
    }
    let intact: Vec<ObjectRef> = (0..1000).map(|i| world.node(None, i)).collect();
    assert!(intact.iter().zip(0..).all(|(node, i)| number(node, 1) == i));
}

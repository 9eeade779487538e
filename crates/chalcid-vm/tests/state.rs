//! What instances own: memories, tables, globals, segments, references.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod kit;

use std::cell::Cell;
use std::rc::Rc;

use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{AddressType, GlobalType, Limits, MemoryType, RefType, TableType, ValType};
use chalcid_vm::*;
use kit::*;

fn memory_type(min: u64, max: Option<u64>) -> MemoryType {
    MemoryType { limits: Limits { min, max }, address: AddressType::I32, shared: false, page_size_log2: 16 }
}

fn table_type(
    element: RefType<chalcid_module::index::DefTypeId>,
    min: u64,
) -> TableType<chalcid_module::index::DefTypeId> {
    TableType { element, limits: Limits { min, max: None }, address: AddressType::I32 }
}

#[test]
fn memories_grow_in_place_up_to_their_limits() {
    let kit = Kit::new();
    let agent = kit.agent();
    let memory = MemInst::new(&agent, memory_type(1, Some(5)), &kit.memories).unwrap();
    let base = memory.mapping().base();
    memory.write(65535, &[9]).unwrap();
    assert_eq!(memory.write(65535, &[1, 2]), Err(OutOfBounds));
    assert_eq!(memory.grow(3), Ok(1));
    assert_eq!(memory.grow(2), Err(MemoryError::Limit { bytes: 6 << 16, limit: 5 << 16 }));
    assert!(memory.grow(u64::MAX).is_err());
    assert_eq!((memory.pages(), memory.mapping().base()), (4, base));
    let mut byte = [0];
    memory.read(65535, &mut byte).unwrap();
    assert_eq!(byte, [9]);
    memory.read((4 << 16) - 1, &mut byte).unwrap();
    assert_eq!(byte, [0]);
    // The bytes outlive the memory.
    let mapping = memory.mapping();
    drop(memory);
    assert_eq!(mapping.len(), 4 << 16);
    // SAFETY: the mapping is held, and the byte within its length.
    assert_eq!(unsafe { mapping.base().add(65535).read() }, 9);
}

#[test]
fn limits_of_memories() {
    let kit = Kit::new();
    let agent = kit.agent();
    let make = |ty| MemInst::new(&agent, ty, &kit.memories);
    assert!(make(memory_type(65_536, None)).is_ok());
    assert!(matches!(make(memory_type(65_537, None)), Err(MemoryError::Limit { .. })));
    let wide = |min| MemoryType { address: AddressType::I64, ..memory_type(min, None) };
    assert!(matches!(make(wide(262_145)), Err(MemoryError::Limit { .. })));
    assert!(matches!(make(wide(1 << 60)), Err(MemoryError::Limit { .. })));
    let memory = make(wide(1)).unwrap();
    assert!(!memory.is_static());
    assert_eq!(memory.grow(262_143).map_err(|error| matches!(error, MemoryError::System { .. })), Ok(1));
    assert!(memory.grow(1).is_err());
    let bytes = MemoryType { page_size_log2: 0, ..memory_type(3, Some(10)) };
    let memory = make(bytes).unwrap();
    assert_eq!((memory.pages(), memory.byte_len()), (3, 3));
    assert_eq!(memory.grow(7), Ok(3));
    assert!(memory.grow(1).is_err());
    assert!(matches!(make(MemoryType { page_size_log2: 17, ..memory_type(0, None) }), Err(MemoryError::PageSize)));
}

#[test]
fn a_checked_memory_moves_when_its_room_is_used_up() {
    let kit = Kit::new();
    let agent = kit.agent();
    let settings = MemorySettings { reservation: 0, ..kit.memories };
    let ty = MemoryType { address: AddressType::I64, ..memory_type(1, None) };
    let memory = MemInst::new(&agent, ty, &settings).unwrap();
    memory.write(0, b"before").unwrap();
    let old = memory.mapping();
    assert_eq!(memory.grow(1), Ok(1));
    assert_ne!(memory.mapping().base(), old.base());
    assert_eq!(old.len(), 1 << 16);
    let mut bytes = [0; 6];
    memory.read(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"before");
    memory.write((2 << 16) - 1, &[1]).unwrap();
}

#[test]
fn growing_from_wasm_is_seen_at_once() {
    let kit = Kit::new();
    let agent = kit.agent();
    for address in ["i32", "i64"] {
        let instance = kit.text(
            &agent,
            &format!(
                r#"(module
                    (memory (export "m") {address} 1 3)
                    (func (export "grow") (param i32) (result i32)
                        (i32.store8 ({address}.const 65535) (i32.const 7))
                        (drop (memory.grow ({address}.const 1)))
                        (i32.store8 ({address}.const 131071) (i32.const 1))
                        (i32.add (i32.load8_u ({address}.const 65535)) (i32.load8_u ({address}.const 131071))))
                    (func (export "more") (result {address}) (memory.grow ({address}.const 5))))"#
            ),
        );
        assert_eq!(kit.call_i32(&instance, "grow", &[0]).unwrap(), 8);
        assert_eq!(kit.call_i32(&instance, "more", &[]).unwrap(), -1);
    }
}

#[test]
fn bulk_operations() {
    let kit = Kit::new();
    let agent = kit.agent();
    let instance = kit.text(
        &agent,
        r#"(module
            (memory (export "m") 64)
            (data $d "hello")
            (data (i32.const 100) "active")
            (func (export "init") (param i32 i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
            (func (export "drop") (data.drop $d))
            (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
            (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
            (func (export "sum") (param i32 i32) (result i32) (local i32)
                (loop
                    (local.set 2 (i32.add (local.get 2) (i32.load8_u (local.get 0))))
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
                (local.get 2)))"#,
    );
    let call = |name: &str, args: &[i32]| {
        let args: Vec<_> = args.iter().map(|arg| ValRaw::i32(*arg)).collect();
        kit.call(&instance, name, &args).map(drop)
    };
    let memory = instance.memory(chalcid_module::index::MemIdx(0)).unwrap();
    call("init", &[10, 1, 3]).unwrap();
    let mut bytes = [0; 5];
    memory.read(9, &mut bytes).unwrap();
    assert_eq!(&bytes, b"\0ell\0");
    assert_eq!(kit.trap_code(&instance, "init", &[10, 3, 3]), TrapCode::MemoryOutOfBounds);
    call("drop", &[]).unwrap();
    call("init", &[10, 0, 0]).unwrap();
    assert_eq!(kit.trap_code(&instance, "init", &[10, 0, 1]), TrapCode::MemoryOutOfBounds);
    // Overlapping both ways, across the chunks in which it is done.
    let len = 3 << 20;
    for (dst, src) in [(1, 0), (0, 1), (1 << 20, 0), (0, 1 << 20), (12345, 0)] {
        let pattern: Vec<u8> = (0..len).map(|index| (index * 31 + index / 251) as u8).collect();
        memory.write(src, &pattern).unwrap();
        call("copy", &[dst as i32, src as i32, len as i32]).unwrap();
        let mut copied = vec![0; len];
        memory.read(dst, &mut copied).unwrap();
        assert!(copied == pattern, "{dst} {src}");
    }
    call("fill", &[5, 0x1ff, len as i32]).unwrap();
    let mut filled = vec![0; len];
    memory.read(5, &mut filled).unwrap();
    assert!(filled.iter().all(|byte| *byte == 0xff));
    assert_eq!(kit.trap_code(&instance, "copy", &[0, 1, 64 << 16]), TrapCode::MemoryOutOfBounds);
}

#[test]
fn function_tables_fill_lazily() {
    let kit = Kit::new();
    let agent = kit.agent();
    let module = kit.module(
        r#"(module
            (table (export "t") 10 20 funcref)
            (elem (i32.const 2) $a $b $c)
            (elem (i32.const 3) $c)
            (elem $p func $a $b)
            (type $i (func (result i32)))
            (func $a (result i32) (i32.const 1))
            (func $b (result i32) (i32.const 2))
            (func $c (result i32) (i32.const 3))
            (func (export "call") (param i32) (result i32) (call_indirect (type $i) (local.get 0)))
            (func (export "copy") (param i32 i32 i32) (table.copy (local.get 0) (local.get 1) (local.get 2)))
            (func (export "init") (param i32 i32 i32) (table.init $p (local.get 0) (local.get 1) (local.get 2)))
            (func (export "fill") (param i32 i32) (table.fill (local.get 0) (ref.func $b) (local.get 1)))
            (func (export "null") (param i32) (table.set (local.get 0) (ref.null func)))
            (func (export "grow") (param i32) (result i32) (table.grow (ref.func $a) (local.get 0)))
            (func (export "size") (result i32) (table.size)))"#,
    );
    let instance = kit.instantiate(&agent, &module, &[]);
    let elements = || {
        let size = kit.call_i32(&instance, "size", &[]).unwrap();
        (0..size).map(|index| kit.call_i32(&instance, "call", &[index]).unwrap_or(0)).collect::<Vec<_>>()
    };
    let call = |name: &str, args: &[i32]| {
        let args: Vec<_> = args.iter().map(|arg| ValRaw::i32(*arg)).collect();
        kit.call(&instance, name, &args).map(drop)
    };
    // Copying moves elements that were never asked for.
    call("copy", &[3, 2, 3]).unwrap();
    assert_eq!(elements(), [0, 0, 1, 1, 3, 3, 0, 0, 0, 0]);
    call("init", &[0, 0, 2]).unwrap();
    call("null", &[2]).unwrap();
    call("fill", &[8, 2]).unwrap();
    assert_eq!(elements(), [1, 2, 0, 1, 3, 3, 0, 0, 2, 2]);
    assert_eq!(kit.call_i32(&instance, "grow", &[2]).unwrap(), 10);
    assert_eq!(kit.call_i32(&instance, "grow", &[9]).unwrap(), -1);
    assert_eq!(elements(), [1, 2, 0, 1, 3, 3, 0, 0, 2, 2, 1, 1]);
    assert_eq!(kit.trap_code(&instance, "copy", &[5, 0, 8]), TrapCode::TableOutOfBounds);
    assert_eq!(kit.trap_code(&instance, "init", &[0, 1, 2]), TrapCode::TableOutOfBounds);
    // Identity: the same function is the same reference wherever it is found.
    let table = instance.table(chalcid_module::index::TableIdx(0)).unwrap();
    let at = |index| match table.get(index) {
        Some(RefValue::Func(func)) => func,
        other => panic!("{other:?}"),
    };
    assert_eq!(at(4), at(5));
    assert_ne!(at(0), at(1));
    assert!(at(2).is_none());
    assert!(table.get(12).is_none());
    // A second instance applies its segment over the elements of the first.
    let other = kit.module(
        r#"(module
            (import "" "t" (table 5 funcref))
            (elem (i32.const 1) $x $x)
            (func $x (result i32) (i32.const 42)))"#,
    );
    let second = kit.instantiate(&agent, &other, &[export(&instance, "t")]);
    drop(second);
    assert_eq!(elements(), [1, 42, 42, 1, 3, 3, 0, 0, 2, 2, 1, 1]);
}

#[test]
fn tables_check_types_and_limits() {
    let kit = Kit::new();
    let agent = kit.agent();
    let table = TableInst::new(&agent, table_type(RefType::EXTERNREF, 3)).unwrap();
    let value = HostValue::from_rc(&agent, Rc::new("value")).unwrap();
    table.set(1, &RefValue::Host(Some(value.clone()))).unwrap();
    assert_eq!(table.set(1, &RefValue::Func(None)), Err(TableError::Type));
    assert_eq!(table.set(3, &RefValue::Host(None)), Err(TableError::OutOfBounds));
    assert!(matches!(table.get(0), Some(RefValue::Host(None))));
    let Some(RefValue::Host(Some(found))) = table.get(1) else { panic!("the value is gone") };
    assert_eq!(found.to_rc().unwrap().downcast_ref::<&str>(), Some(&"value"));
    assert_eq!(table.grow(2, &RefValue::Host(Some(value))), Ok(3));
    assert!(matches!(table.get(4), Some(RefValue::Host(Some(_)))));
    assert!(matches!(table.grow(10_000_000, &RefValue::Host(None)), Err(TableError::Limit { .. })));
    assert!(matches!(table.grow(u64::MAX, &RefValue::Host(None)), Err(TableError::Limit { .. })));
    assert!(TableInst::new(&agent, table_type(RefType::FUNCREF, 10_000_000)).is_ok());
    assert!(TableInst::new(&agent, table_type(RefType::FUNCREF, 10_000_001)).is_err());
    let other = kit.agent();
    let foreign = HostValue::from_rc(&other, Rc::new(1)).unwrap();
    assert_eq!(table.set(0, &RefValue::Host(Some(foreign))), Err(TableError::Type));
}

#[test]
fn globals_of_every_kind() {
    let kit = Kit::new();
    let agent = kit.agent();
    let module = kit.module(
        r#"(module
            (import "" "i" (global $i (mut i32)))
            (import "" "e" (global $e (mut externref)))
            (global $own (mut i64) (i64.mul (i64.const 6) (i64.const 7)))
            (global (export "f") (mut funcref) (ref.func $get))
            (global $v v128 (v128.const i64x2 1 2))
            (func $get (export "get") (result i64)
                (i64.add (global.get $own) (i64.add (i64.extend_i32_s (global.get $i)) (i64x2.extract_lane 1 (global.get $v)))))
            (func (export "set") (param i32 externref)
                (global.set $i (local.get 0)) (global.set $e (local.get 1)) (global.set 3 (ref.null func)))
            (func (export "e") (result externref) (global.get $e)))"#,
    );
    let number = GlobalType { content: ValType::I32, mutable: true };
    let i = GlobalInst::new(&agent, number, &GlobalValue::Number(ValRaw::i32(100))).unwrap();
    let any = GlobalType { content: EXTERNREF, mutable: true };
    let e = GlobalInst::new(&agent, any, &GlobalValue::Ref(RefValue::Host(None))).unwrap();
    let instance = kit.instantiate(&agent, &module, &[Import::Global(i.clone()), Import::Global(e.clone())]);
    assert_eq!(kit.call(&instance, "get", &[]).unwrap()[0].get_i64(), 144);
    let Import::Global(f) = export(&instance, "f") else { panic!() };
    let GlobalValue::Ref(RefValue::Func(Some(held))) = f.get() else { panic!("no function") };
    assert_eq!(held, func(&instance, "get"));

    let scope = agent.scope();
    let value = HostValue::from_rc(&agent, Rc::new(5u8)).unwrap();
    let raw = agent.extern_to_raw(Some(value)).unwrap();
    kit.call(&instance, "set", &[ValRaw::i32(-2), raw]).unwrap();
    assert!(matches!(f.get(), GlobalValue::Ref(RefValue::Func(None))));
    assert!(matches!(i.get(), GlobalValue::Number(value) if value.get_i32() == -2));
    let back = kit.call(&instance, "e", &[]).unwrap()[0];
    let back = agent.extern_from_raw(back).unwrap();
    assert_eq!(back.to_rc().unwrap().downcast_ref::<u8>(), Some(&5));
    drop(scope);
    assert!(agent.extern_from_raw(raw).is_none(), "the reference is gone with its scope");
    assert!(matches!(e.get(), GlobalValue::Ref(RefValue::Host(Some(_)))));
    assert!(i.set(&GlobalValue::Ref(RefValue::Func(None))).is_err());
}

#[test]
fn imports_are_checked() {
    let kit = Kit::new();
    let agent = kit.agent();
    let module = kit.module(r#"(module (import "" "m" (memory 2 4)) (import "" "f" (func (param i32))))"#);
    let signatures = |_| None;
    let memory = |min, max| Import::Memory(MemInst::new(&agent, memory_type(min, max), &kit.memories).unwrap());
    let good = kit.host(&agent, &[I32], &[], |_, _| Ok(()));
    let bad = kit.host(&agent, &[I64], &[], |_, _| Ok(()));
    let link = |imports: &[Import]| Instance::allocate(&agent, &module, imports, &signatures).map(drop);
    let (good, bad) = (Import::Func(good.func()), Import::Func(bad.func()));
    assert_eq!(link(&[memory(2, Some(4)), good.clone()]), Ok(()));
    assert_eq!(link(&[memory(3, Some(3)), good.clone()]), Ok(()));
    assert_eq!(link(&[memory(1, Some(4)), good.clone()]), Err(AllocateError::Import(0)));
    assert_eq!(link(&[memory(2, None), good.clone()]), Err(AllocateError::Import(0)));
    assert_eq!(link(&[memory(2, Some(4)), bad]), Err(AllocateError::Import(1)));
    assert_eq!(link(&[memory(2, Some(4))]), Err(AllocateError::Import(1)));
    assert_eq!(link(&[good.clone(), good.clone()]), Err(AllocateError::Import(0)));
    // The current size counts.
    let grown = MemInst::new(&agent, memory_type(1, Some(4)), &kit.memories).unwrap();
    grown.grow(1).unwrap();
    assert_eq!(link(&[Import::Memory(grown), good.clone()]), Ok(()));
    // What belongs to another agent never matches.
    let other = kit.agent();
    let foreign = MemInst::new(&other, memory_type(2, Some(4)), &kit.memories).unwrap();
    assert_eq!(link(&[Import::Memory(foreign), good.clone()]), Err(AllocateError::Import(0)));
    // A memory that code of these settings cannot access unchecked.
    let checked = MemorySettings { signals: false, ..kit.memories };
    let checked = MemInst::new(&agent, memory_type(2, Some(4)), &checked).unwrap();
    assert_eq!(link(&[Import::Memory(checked), good]), Err(AllocateError::Import(0)));
}

#[test]
fn segments_out_of_bounds_leave_what_was_done() {
    let kit = Kit::new();
    let agent = kit.agent();
    let memory = MemInst::new(&agent, memory_type(1, None), &kit.memories).unwrap();
    let module =
        kit.module(r#"(module (import "" "m" (memory 1)) (data (i32.const 0) "ok") (data (i32.const 65535) "no"))"#);
    let instance = kit.allocate(&agent, &module, &[Import::Memory(memory.clone())]);
    let Err(Failure::Trap(trap)) = instance.initialize() else { panic!("no trap") };
    assert_eq!(trap.code, TrapCode::MemoryOutOfBounds);
    let mut bytes = [0; 2];
    memory.read(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"ok");
    let module = kit.module(r#"(module (table 2 funcref) (elem (i32.const 1) $f $f) (func $f))"#);
    let instance = kit.allocate(&agent, &module, &[]);
    let Err(Failure::Trap(trap)) = instance.initialize() else { panic!("no trap") };
    assert_eq!(trap.code, TrapCode::TableOutOfBounds);
}

/// Counts how many are alive.
struct Counted(Rc<Cell<usize>>);

impl Counted {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[test]
fn references_on_the_stack_are_collected_and_kept() {
    let kit = Kit::new();
    let agent = kit.agent();
    let module = kit.module(
        r#"(module
            (import "" "fresh" (func $fresh (result externref)))
            (import "" "check" (func $check (param externref)))
            (table $t 1 externref)
            ;; Keeps one reference in a local over many that are made and forgotten.
            (func (export "churn") (param i32) (result externref) (local $kept externref)
                (local.set $kept (call $fresh))
                (table.set $t (i32.const 0) (call $fresh))
                (loop
                    (drop (call $fresh))
                    (drop (table.get $t (i32.const 0)))
                    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                (call $check (local.get $kept))
                (local.get $kept)))"#,
    );
    let alive = Rc::new(Cell::new(0));
    let most = Rc::new(Cell::new(0));
    let fresh = kit.host(&agent, &[], &[EXTERNREF], {
        let (alive, most) = (alive.clone(), most.clone());
        move |agent, values| {
            let value = HostValue::from_rc(agent, Rc::new(Counted::new(&alive))).unwrap();
            values[0] = agent.extern_to_raw(Some(value)).unwrap();
            most.set(most.get().max(alive.get()));
            Ok(())
        }
    });
    let check = kit.host(&agent, &[EXTERNREF], &[], |agent, values| {
        assert!(agent.extern_from_raw(values[0]).is_some());
        Ok(())
    });
    let instance = kit.instantiate(&agent, &module, &[Import::Func(fresh.func()), Import::Func(check.func())]);
    {
        let _scope = agent.scope();
        let result = kit.call(&instance, "churn", &[ValRaw::i32(100_000)]).unwrap()[0];
        assert!(agent.extern_from_raw(result).is_some());
        assert!(most.get() < 10_000, "{} at once", most.get());
    }
    // Nothing but the table's own value is left.
    assert_eq!(alive.get(), 1);
    drop(instance);
    assert_eq!(alive.get(), 0);
}

#[test]
fn a_function_taken_from_a_table_survives_its_overwriting() {
    let kit = Kit::new();
    let agent = kit.agent();
    let owner = kit.module(r#"(module (func (export "f") (result i32) (i32.const 42)))"#);
    let module = kit.module(
        r#"(module
            (type $i (func (result i32)))
            (table (export "t") 2 funcref)
            (func (export "run") (result i32) (local $f funcref)
                (local.set $f (table.get (i32.const 0)))
                (table.set (i32.const 0) (ref.null func))
                (table.set (i32.const 1) (local.get $f))
                (call_indirect (type $i) (i32.const 1))))"#,
    );
    let instance = kit.instantiate(&agent, &module, &[]);
    let table = instance.table(chalcid_module::index::TableIdx(0)).unwrap();
    let before = agent.entities();
    {
        let owner = kit.instantiate(&agent, &owner, &[]);
        table.set(0, &RefValue::Func(Some(func(&owner, "f")))).unwrap();
    }
    // Only the table keeps the owner now.
    assert_eq!(agent.entities(), before + 1);
    assert_eq!(kit.call_i32(&instance, "run", &[]).unwrap(), 42);
    assert_eq!(agent.entities(), before + 1);
    table.set(1, &RefValue::Func(None)).unwrap();
    assert_eq!(agent.entities(), before);
}

#[test]
fn atomics_wait_and_notify() {
    let kit = Kit::new();
    let agent = kit.agent();
    let text = r#"(module
        (memory (export "m") 1 1 shared)
        (func (export "wait") (param i32 i32 i64) (result i32)
            (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
        (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1)))
        (func (export "store") (param i32 i32) (i32.atomic.store (local.get 0) (local.get 1))))"#;
    let instance = kit.text(&agent, text);
    let wait = |expected, timeout| {
        kit.call(&instance, "wait", &[ValRaw::i32(8), ValRaw::i32(expected), ValRaw::i64(timeout)]).unwrap()[0]
            .get_i32()
    };
    assert_eq!(wait(1, -1), 1);
    assert_eq!(wait(0, 1_000_000), 2);
    assert_eq!(kit.call_i32(&instance, "notify", &[8, 5]).unwrap(), 0);
    let args = [ValRaw::i32(2), ValRaw::i32(0), ValRaw::i64(0)];
    assert!(
        matches!(kit.call(&instance, "wait", &args), Err(Failure::Trap(trap)) if trap.code == TrapCode::UnalignedAtomic)
    );
    // Another thread, with an agent of its own, wakes this one.
    let Import::Memory(memory) = export(&instance, "m") else { panic!() };
    let shared = memory.share().unwrap();
    let other = kit.module(
        r#"(module (import "" "m" (memory 1 1 shared))
            (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1))))"#,
    );
    std::thread::scope(|scope| {
        let kit = &kit;
        scope.spawn(move || {
            let agent = kit.agent();
            let memory = MemInst::from_shared(&agent, &shared, &MemorySettings::default()).unwrap();
            let instance = kit.instantiate(&agent, &other, &[Import::Memory(memory)]);
            while kit.call_i32(&instance, "notify", &[8, 1]).unwrap() == 0 {
                std::thread::yield_now();
            }
        });
        assert_eq!(wait(0, -1), 0);
    });
    let unshared = kit.text(&agent, &text.replace("1 1 shared", "1 1"));
    let args = [ValRaw::i32(8), ValRaw::i32(0), ValRaw::i64(0)];
    assert!(
        matches!(kit.call(&unshared, "wait", &args), Err(Failure::Trap(trap)) if trap.code == TrapCode::ExpectedSharedMemory)
    );
}

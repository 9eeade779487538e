//! Memories of further instances come from an image of the module's data: they begin as the first one's did, and nobody sees what
//! another wrote.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{Config, Engine, Error, Extern, Instance, Memory, Module, Table, TrapCode, Val};
use common::*;

/// Text of so many bytes, from a letter that changes.
fn text(len: usize, first: usize) -> String {
    (0..len).map(|index| char::from(b'a' + ((first + index / 97) % 26) as u8)).collect()
}

/// A module whose segments overlap, lie apart, and end on the last byte.
fn module(extra: &str) -> String {
    format!(
        r#"(module (memory (export "m") 64) {extra}
             (data (i32.const 5) "{}") (data (i32.const 40000) "{}") (data "passive")
             (data (i32.const 3000000) "{}") (data (i32.const 4194299) "last!") (data (i32.const 41000) "")
             (func (export "init") (memory.init 2 (i32.const 0) (i32.const 0) (i32.const 7)))
             (func (export "again") (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)))
             (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
             (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
             (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#,
        text(60_000, 0),
        text(50_000, 9),
        text(40_000, 4),
    )
}

fn contents(instance: &Instance) -> Vec<u8> {
    let memory = instance.get_memory("m").unwrap();
    memory.read_vec(0, memory.byte_len()).unwrap()
}

fn engines() -> [Engine; 2] {
    [true, false].map(|signals| Engine::new(Config::new().signals(signals)).unwrap())
}

#[test]
fn every_instance_begins_as_the_first() {
    for engine in engines() {
        let agent = chalcid::Agent::new(&engine);
        let module = Module::new(&engine, wat::parse_str(module("")).unwrap()).unwrap();
        let first = Instance::new(&agent, &module, &[]).unwrap();
        let expected = contents(&first);
        assert_eq!(&expected[4_194_299..4_194_304], b"last!");
        assert_eq!(
            expected.iter().filter(|byte| **byte != 0).count(),
            60_000 - (60_005 - 40_000) + 50_000 + 40_000 + 5
        );
        for _ in 0..5 {
            let instance = Instance::new(&agent, &module, &[]).unwrap();
            assert!(contents(&instance) == expected);
            // Passive segments are there, active ones are gone.
            call(&instance, "init", &[]);
            assert_eq!(&contents(&instance)[..7], b"passive");
            assert_eq!(trap(&instance, "again", &[]), TrapCode::MemoryOutOfBounds);
            assert_eq!(call_i32(&instance, "grow", &[]), 64);
            assert_eq!(call_i32(&instance, "load", &[4_194_304]), 0);
            // A canary in every page: the next instance must not have it.
            for page in 0..64 * 16 {
                call(&instance, "store", &[Val::I32(page * 4096 + 77), Val::I32(0xcc)]);
            }
        }
        assert!(contents(&first) == expected);
    }
}

#[test]
fn instances_alive_at_once_are_apart() {
    let engine = Engine::default();
    let agent = chalcid::Agent::new(&engine);
    let module = Module::new(&engine, wat::parse_str(module("")).unwrap()).unwrap();
    let instances: Vec<_> = (0..20).map(|_| Instance::new(&agent, &module, &[]).unwrap()).collect();
    let before = contents(&instances[0]);
    for (index, instance) in instances.iter().enumerate() {
        instance.get_memory("m").unwrap().write(50_000, &[index as u8; 9000]).unwrap();
    }
    for (index, instance) in instances.iter().enumerate() {
        let now = contents(instance);
        assert!(now[50_000..59_000].iter().all(|byte| *byte == index as u8));
        assert!(now[..50_000] == before[..50_000] && now[59_000..] == before[59_000..]);
    }
}

#[test]
fn threads_share_an_image() {
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(module("")).unwrap()).unwrap();
    let all: Vec<_> = std::thread::scope(|scope| {
        let thread = || {
            let agent = chalcid::Agent::new(&engine);
            let made = |_| contents(&Instance::new(&agent, &module, &[]).unwrap());
            (0..4).map(made).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_was_written_before_the_segments_stays() {
    let engine = Engine::default();
    let agent = chalcid::Agent::new(&engine);
    let module = Module::new(&engine, wat::parse_str(module("")).unwrap()).unwrap();
    let first = contents(&Instance::new(&agent, &module, &[]).unwrap());
    for _ in 0..3 {
        let instance = Instance::allocate(&agent, &module, &[]).unwrap();
        let memory = instance.get_memory("m").unwrap();
        memory.write(0, b"before").unwrap();
        memory.write(2_999_990, b"and between").unwrap();
        drop(memory);
        instance.initialize().unwrap();
        let now = contents(&instance);
        assert_eq!(&now[..5], b"befor");
        assert_eq!(&now[2_999_990..3_000_000], b"and betwee");
        assert!(now[5..2_999_990] == first[5..2_999_990]);
    }
}

#[test]
fn segments_after_one_that_traps_are_not_applied() {
    let engine = Engine::default();
    let agent = chalcid::Agent::new(&engine);
    // The table keeps a function of the instance that failed.
    let wat = format!(
        r#"(module (import "" "table" (table 2 funcref)) (memory 2) (elem (i32.const 0) $load)
             (data (i32.const 0) "{}") (data (i32.const 131071) "xx") (data (i32.const 100000) "after")
             (func $load (param i32) (result i32) (i32.load8_u (local.get 0))))"#,
        text(50_000, 1)
    );
    let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
    let owner = instantiate(&agent, r#"(module (table (export "t") 2 funcref))"#, &[]);
    for _ in 0..3 {
        let table: Table = owner.get_table("t").unwrap();
        let failed = Instance::new(&agent, &module, &[Extern::from(table.clone())]);
        assert!(matches!(failed, Err(Error::Trap(trap)) if trap.code() == TrapCode::MemoryOutOfBounds));
        let Some(Val::FuncRef(Some(load))) = table.get(0) else { panic!("no function") };
        let at = |address| {
            let mut result = [Val::I32(-1)];
            load.call(&[Val::I32(address)], &mut result).unwrap();
            result[0].i32().unwrap()
        };
        let data = text(50_000, 1);
        let expected = [data.as_bytes()[0], data.as_bytes()[49_999], 0, 0, 0].map(i32::from);
        assert_eq!([at(0), at(49_999), at(50_000), at(131_071), at(100_000)], expected);
    }
}

#[test]
fn elements_that_trap_leave_the_memory_empty() {
    let engine = Engine::default();
    let agent = chalcid::Agent::new(&engine);
    let wat = format!(
        r#"(module (import "" "table" (table 2 funcref)) (memory 2) (elem (i32.const 0) $load) (elem (i32.const 2) $load)
             (data (i32.const 0) "{}") (func $load (param i32) (result i32) (i32.load8_u (local.get 0))))"#,
        text(50_000, 1)
    );
    let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
    let owner = instantiate(&agent, r#"(module (table (export "t") 2 funcref))"#, &[]);
    for _ in 0..3 {
        let table = owner.get_table("t").unwrap();
        assert!(Instance::new(&agent, &module, &[Extern::from(table.clone())]).is_err());
        let Some(Val::FuncRef(Some(load))) = table.get(0) else { panic!("no function") };
        let mut result = [Val::I32(-1)];
        load.call(&[Val::I32(0)], &mut result).unwrap();
        assert_eq!(result[0].i32(), Some(0));
    }
}

#[test]
fn imported_and_other_memories_are_copied_to() {
    let engine = Engine::default();
    let agent = chalcid::Agent::new(&engine);
    let data = text(50_000, 3);
    let wat = format!(
        r#"(module (import "" "m" (memory 2)) (import "" "g" (global i32))
             (memory (export "m") 2) (memory (export "w") i64 3)
             (data (memory 1) (i32.const 9) "{data}") (data (memory 2) (i64.const 70000) "{data}")
             (data (memory 0) (i32.const 1) "{data}")
             (data (memory 1) (global.get 0) "by a global") (data (memory 1) (i32.const 131000) "end"))"#
    );
    let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
    let imports =
        instantiate(&agent, r#"(module (memory (export "m") 2) (global (export "g") i32 (i32.const 60000)))"#, &[]);
    let memory: Memory = imports.get_memory("m").unwrap();
    for _ in 0..3 {
        memory.write(0, &vec![0; 60_000]).unwrap();
        let given = [Extern::from(memory.clone()), imports.get_export("g").unwrap()];
        let instance = Instance::new(&agent, &module, &given).unwrap();
        let own = contents(&instance);
        assert!(
            &own[9..50_009] == data.as_bytes()
                && &own[60_000..60_011] == b"by a global"
                && &own[131_000..131_003] == b"end"
        );
        assert!(instance.get_memory("w").unwrap().read_vec(70_000, 50_000).unwrap() == data.as_bytes());
        assert!(memory.read_vec(1, 50_000).unwrap() == data.as_bytes());
    }
}

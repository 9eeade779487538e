//! Memories: from the host and from wasm, growing, segments, exhausted address space.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{AddressType, Config, Engine, Extern, Memory, MemoryError, MemoryType, TrapCode, Val};
use common::*;

fn ty(min: u64, max: Option<u64>) -> MemoryType {
    MemoryType { limits: limits(min, max), address: AddressType::I32, shared: false, page_size_log2: 16 }
}

#[test]
fn wasm_and_the_host_see_the_same_bytes() {
    for signals in [true, false] {
        let agent = chalcid::Agent::new(&Engine::new(Config::new().signals(signals)).unwrap());
        let instance = instantiate(
            &agent,
            r#"(module (memory (export "memory") 1 3) (data (i32.const 5) "hello")
                 (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
                 (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
                 (func (export "size") (result i32) memory.size))"#,
            &[],
        );
        let memory = instance.get_memory("memory").unwrap();
        assert_eq!(memory.read_vec(5, 5).unwrap(), b"hello");
        memory.write(65535, &[9]).unwrap();
        assert_eq!(call_i32(&instance, "load", &[65535]), 9);
        assert!(memory.write(65535, &[1, 2]).is_err());
        assert!(memory.read_vec(u64::MAX, 1).is_err());
        assert_eq!(trap(&instance, "load", &[Val::I32(65536)]), TrapCode::MemoryOutOfBounds);
        assert_eq!(memory.grow(1).unwrap(), 1);
        assert_eq!(call_i32(&instance, "size", &[]), 2);
        assert_eq!(call_i32(&instance, "load", &[65536]), 0);
        assert_eq!(call_i32(&instance, "grow", &[1]), 2);
        assert_eq!(memory.byte_len(), 3 << 16);
        assert_eq!(call_i32(&instance, "grow", &[1]), -1);
        assert!(matches!(memory.grow(1), Err(MemoryError::Limit { .. })));
        assert_eq!(memory.grow(0).unwrap(), 3);
        assert_eq!(call_i32(&instance, "load", &[65535]), 9);
    }
}

#[test]
fn an_imported_memory_is_one_memory() {
    let agent = agent();
    let memory = Memory::new(&agent, ty(1, None)).unwrap();
    let wat = r#"(module (import "" "" (memory 1)) (export "m" (memory 0))
        (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1))))"#;
    let one = instantiate(&agent, wat, &[Extern::from(memory.clone())]);
    let two = instantiate(&agent, wat, &[one.get_export("m").unwrap()]);
    assert_eq!(two.get_memory("m").unwrap(), memory);
    call(&two, "store", &[Val::I32(7), Val::I32(8)]);
    assert_eq!(memory.read_vec(7, 1).unwrap(), [8]);
    drop((one, two));
    assert_eq!(memory.read_vec(7, 1).unwrap(), [8]);
}

#[test]
fn bytes_outlive_their_memory() {
    let agent = agent();
    let memory = Memory::new(&agent, ty(1, None)).unwrap();
    memory.write(0, b"still here").unwrap();
    let bytes = memory.bytes();
    assert_eq!(bytes.base(), memory.data_ptr());
    drop(memory);
    assert_eq!(bytes.len(), 1 << 16);
}

#[test]
fn several_memories_have_their_own_bytes() {
    let agent = agent();
    let instance = instantiate(
        &agent,
        r#"(module (memory $a (export "a") 1) (memory $b (export "b") 1) (data (memory $b) (i32.const 0) "b")
             (func (export "copy") (memory.copy $a $b (i32.const 10) (i32.const 0) (i32.const 1)))
             (func (export "grow") (drop (memory.grow $b (i32.const 1)))))"#,
        &[],
    );
    call(&instance, "copy", &[]);
    call(&instance, "grow", &[]);
    let (a, b) = (instance.get_memory("a").unwrap(), instance.get_memory("b").unwrap());
    assert_eq!(a.read_vec(10, 1).unwrap(), b"b");
    assert_eq!((a.size(), b.size()), (1, 2));
}

#[test]
fn impossible_memories_are_errors() {
    let agent = agent();
    assert!(matches!(Memory::new(&agent, ty(65537, None)), Err(MemoryError::Limit { .. })));
    assert!(Memory::new(&agent, ty(2, Some(1))).is_err());
    let mut page = ty(1, None);
    page.page_size_log2 = 200;
    assert!(Memory::new(&agent, page).is_err());
    let mut huge = ty(1 << 47, None);
    huge.address = AddressType::I64;
    assert!(Memory::new(&agent, huge).is_err());
}

#[test]
fn address_space_that_runs_out_is_an_error_and_comes_back() {
    let agent = agent();
    let mut memories = Vec::new();
    // 47 bits of address space hold some 16,000 reservations of 8 GiB.
    let failed = loop {
        match Memory::new(&agent, ty(1, None)) {
            Ok(memory) => memories.push(memory),
            Err(error) => break error,
        }
        assert!(memories.len() < 100_000);
    };
    assert!(matches!(failed, MemoryError::System { .. }), "{failed:?}");
    memories.clear();
    assert!(Memory::new(&agent, ty(1, None)).is_ok());
}

#[test]
fn segments_before_the_one_that_traps_stay_written() {
    let agent = agent();
    let memory = Memory::new(&agent, ty(1, None)).unwrap();
    let wat = r#"(module (import "" "" (memory 1))
        (data (i32.const 0) "first") (data (i32.const 65533) "outside") (data (i32.const 10) "never"))"#;
    let outcome = try_instantiate(&agent, wat, &[Extern::from(memory.clone())]);
    assert_eq!(trap_code(outcome), TrapCode::MemoryOutOfBounds);
    assert_eq!(memory.read_vec(0, 5).unwrap(), b"first");
    assert_eq!(memory.read_vec(10, 5).unwrap(), [0; 5]);
    assert_eq!(memory.read_vec(65533, 3).unwrap(), [0; 3]);
}

#[test]
fn passive_segments_are_copied_until_they_are_dropped() {
    let agent = agent();
    let instance = instantiate(
        &agent,
        r#"(module (memory (export "m") 1) (data $d "passive")
             (func (export "init") (param i32 i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
             (func (export "drop") (data.drop $d)))"#,
        &[],
    );
    let args = |a, b, c| [Val::I32(a), Val::I32(b), Val::I32(c)];
    call(&instance, "init", &args(3, 1, 3));
    assert_eq!(instance.get_memory("m").unwrap().read_vec(2, 5).unwrap(), b"\0ass\0");
    assert_eq!(trap(&instance, "init", &args(0, 5, 3)), TrapCode::MemoryOutOfBounds);
    call(&instance, "drop", &[]);
    assert_eq!(trap(&instance, "init", &args(0, 0, 1)), TrapCode::MemoryOutOfBounds);
    call(&instance, "init", &args(0, 0, 0));
}

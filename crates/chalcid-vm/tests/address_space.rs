//! What memories, instances and code take from the process, and give back. One test, since it measures the whole process.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]
#![cfg(target_os = "linux")]

mod kit;

use chalcid_module::types::{AddressType, Limits, MemoryType};
use chalcid_vm::*;
use kit::*;

/// Pages of address space and of memory that the process has.
fn pages() -> (usize, usize) {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let mut numbers = text.split_whitespace().map(|number| number.parse::<usize>().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn memory_type(min: u64) -> MemoryType {
    MemoryType { limits: Limits { min, max: None }, address: AddressType::I32, shared: false, page_size_log2: 16 }
}

#[test]
fn what_is_taken_is_given_back() {
    let kit = Kit::new();
    let agent = kit.agent();

    dropped_memories_are_unmapped(&kit, &agent);
    a_hundred_thousand_instances_leave_nothing(&kit, &agent);
    modules_give_their_code_back(&kit, &agent);
    a_memory_that_cannot_be_had_is_an_error(&kit, &agent);
}

fn dropped_memories_are_unmapped(kit: &Kit, agent: &Agent) {
    drop(MemInst::new(agent, memory_type(1), &kit.memories).unwrap());
    let before = pages();
    let memory = MemInst::new(agent, memory_type(256), &kit.memories).unwrap();
    memory.write(0, &vec![1; 16 << 20]).unwrap();
    let with = pages();
    assert!(with.0 - before.0 >= (6 << 30) / 4096);
    assert!(with.1 - before.1 >= (15 << 20) / 4096);
    drop(memory);
    let after = pages();
    assert!(after.0 <= before.0 + 64, "{before:?} {after:?}");
    assert!(after.1 <= before.1 + 1024, "{before:?} {after:?}");
}

fn a_hundred_thousand_instances_leave_nothing(kit: &Kit, agent: &Agent) {
    let module = kit.module(
        r#"(module
            (memory 1) (table 10 funcref) (elem (i32.const 0) $f) (data (i32.const 0) "data")
            (global (mut i32) (i32.const 5))
            (func $f (export "f") (result i32) (i32.load8_u (global.get 0))))"#,
    );
    let round = |count: usize| {
        for _ in 0..count {
            let instance = kit.instantiate(agent, &module, &[]);
            assert_eq!(kit.call_i32(&instance, "f", &[]).unwrap(), 0);
        }
        agent.collect_cycles();
    };
    round(10_000);
    let before = pages();
    let start = std::time::Instant::now();
    round(100_000);
    println!("{:?} an instance", start.elapsed() / 100_000);
    let after = pages();
    assert!(after.0 <= before.0 + 256 && after.1 <= before.1 + 256, "{before:?} {after:?}");
}

fn modules_give_their_code_back(kit: &Kit, agent: &Agent) {
    let body = "(drop (i32.mul (i32.load (i32.const 0)) (i32.load (i32.const 4))))".repeat(200);
    let text = format!(r#"(module (memory 1) (func (export "f") {body}))"#);
    let round = |count: usize| {
        for _ in 0..count {
            let instance = kit.text(agent, &text);
            kit.call(&instance, "f", &[]).unwrap();
        }
    };
    round(50);
    let before = pages();
    round(100);
    let after = pages();
    assert!(after.0 <= before.0 + 1024 && after.1 <= before.1 + 2048, "{before:?} {after:?}");
}

fn a_memory_that_cannot_be_had_is_an_error(kit: &Kit, agent: &Agent) {
    let mut held = Vec::new();
    let failed = loop {
        match MemInst::new(agent, memory_type(0), &kit.memories) {
            Ok(memory) => held.push(memory),
            Err(error) => break error,
        }
        assert!(held.len() < 100_000);
    };
    assert!(matches!(failed, MemoryError::System { .. }));
    assert!(held.len() > 5_000, "{} memories", held.len());
    drop(held);
    assert!(MemInst::new(agent, memory_type(1), &kit.memories).is_ok());

    // Under a limit of the process.
    let limit = rustix::process::Rlimit { current: Some((pages().0 as u64) * 4096 + (64 << 20)), maximum: None };
    let before = rustix::process::getrlimit(rustix::process::Resource::As);
    rustix::process::setrlimit(rustix::process::Resource::As, limit).unwrap();
    assert!(matches!(MemInst::new(agent, memory_type(1), &kit.memories), Err(MemoryError::System { .. })));
    let small = MemorySettings { signals: false, reservation: 1 << 20, ..kit.memories };
    let memory = MemInst::new(agent, memory_type(1), &small).unwrap();
    assert_eq!(memory.grow(100), Ok(1));
    assert!(matches!(memory.grow(10_000), Err(MemoryError::System { .. })));
    assert_eq!(memory.pages(), 101);
    rustix::process::setrlimit(rustix::process::Resource::As, before).unwrap();
}

//! Shared memories: agents on several threads that see the same bytes, wait for each other, and are woken.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chalcid::{
    AddressType, Agent, Config, Engine, Error, Instance, Limits, Memory, MemoryError, MemoryType, Module, SharedMemory,
    TrapCode, Val, WaitOutcome,
};
use common::*;

const TEXT: &str = r#"(module
    (memory (import "host" "memory") 1 10 shared)
    (func (export "add") (param $times i32)
      (loop $again
        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
        (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
    (func (export "load") (param i32) (result i32) (i32.atomic.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.atomic.store (local.get 0) (local.get 1)))
    (func (export "size") (result i32) (memory.size))
    (func (export "grow") (result i32) (memory.grow (i32.const 1)))
    (func (export "wait") (param i32 i32 i64) (result i32)
      (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wait_forever_at_8") (result i32)
      (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const -1)))
    (func (export "notify") (param i32 i32) (result i32)
      (memory.atomic.notify (local.get 0) (local.get 1))))"#;

fn shared_type(max: u64) -> MemoryType {
    let limits = Limits { min: 1, max: Some(max) };
    MemoryType { limits, address: AddressType::I32, shared: true, page_size_log2: 16 }
}

/// Engines that check accesses and engines that leave it to faults.
fn engines() -> [Engine; 2] {
    [true, false].map(|signals| Engine::new(Config::new().signals(signals).interruptible(true)).unwrap())
}

fn shared_memory(engine: &Engine) -> SharedMemory {
    Memory::new(&Agent::new(engine), shared_type(10)).unwrap().share().unwrap()
}

/// An agent on this thread with an instance over a shared memory.
fn instance(module: &Module, shared: &SharedMemory) -> (Agent, Instance) {
    let agent = Agent::new(module.engine());
    let memory = Memory::from_shared(&agent, shared).unwrap();
    let instance = Instance::new(&agent, module, &[memory.into()]).unwrap();
    (agent, instance)
}

/// Runs `work` on a thread of its own, for every engine.
fn on_threads(threads: usize, work: impl Fn(usize, &Module, &SharedMemory) + Sync) {
    for engine in engines() {
        let (module, shared) = (module(&engine, TEXT), shared_memory(&engine));
        thread::scope(|scope| {
            for number in 0..threads {
                let (module, shared, work) = (&module, &shared, &work);
                scope.spawn(move || work(number, module, shared));
            }
        });
    }
}

#[test]
fn additions_of_many_threads_all_count() {
    for engine in engines() {
        let (module, shared) = (module(&engine, TEXT), shared_memory(&engine));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| drop(call(&instance(&module, &shared).1, "add", &[Val::I32(10_000)])));
            }
        });
        assert_eq!(call_i32(&instance(&module, &shared).1, "load", &[0]), 40_000);
    }
}

#[test]
fn one_thread_waits_until_another_notifies() {
    on_threads(2, |number, module, shared| {
        let (_agent, instance) = instance(module, shared);
        if number == 0 {
            assert_eq!(call_i32(&instance, "wait_forever_at_8", &[]), 0);
            assert_eq!(call_i32(&instance, "load", &[12]), 7);
        } else {
            call(&instance, "store", &[Val::I32(12), Val::I32(7)]);
            while call_i32(&instance, "notify", &[8, 1]) == 0 {
                thread::yield_now();
            }
        }
    });
}

#[test]
fn notifying_wakes_as_many_as_asked_for() {
    for engine in engines() {
        let (module, shared) = (module(&engine, TEXT), shared_memory(&engine));
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..5 {
                let sender = sender.clone();
                let (module, shared) = (&module, &shared);
                scope.spawn(move || {
                    let (_agent, instance) = instance(module, shared);
                    sender.send(call_i32(&instance, "wait_forever_at_8", &[])).unwrap();
                });
            }
            let (_agent, instance) = instance(&module, &shared);
            // Nobody is woken by other addresses, and nobody twice.
            assert_eq!(call_i32(&instance, "notify", &[4, -1]), 0);
            let mut woken = 0;
            while woken < 2 {
                woken += call_i32(&instance, "notify", &[8, 1]);
            }
            assert_eq!((receiver.recv().unwrap(), receiver.recv().unwrap()), (0, 0));
            while woken < 5 {
                woken += call_i32(&instance, "notify", &[8, -1]);
            }
        });
        assert_eq!(receiver.try_iter().count(), 3);
    }
}

#[test]
fn growth_is_seen_by_every_thread() {
    on_threads(4, |_, module, shared| {
        let (_agent, instance) = instance(module, shared);
        // The thread that finds no more room is the last; all that is between two sizes was there for somebody.
        loop {
            let before = call_i32(&instance, "grow", &[]);
            let size = call_i32(&instance, "size", &[]);
            if before < 0 {
                assert_eq!(size, 10);
                break;
            }
            assert!(size > before);
            assert_eq!(call_i32(&instance, "load", &[size * 65536 - 4]), 0);
        }
    });
}

#[test]
fn what_lies_beyond_the_end_traps_until_another_thread_has_grown_there() {
    for engine in engines() {
        let (module, shared) = (module(&engine, TEXT), shared_memory(&engine));
        let (_agent, instance) = instance(&module, &shared);
        assert_eq!(trap(&instance, "load", &[Val::I32(65536)]), TrapCode::MemoryOutOfBounds);
        thread::scope(|scope| {
            scope.spawn(|| {
                let agent = Agent::new(&engine);
                assert_eq!(Memory::from_shared(&agent, &shared).unwrap().grow(2).unwrap(), 1);
            });
        });
        assert_eq!(call_i32(&instance, "load", &[65536]), 0);
        assert_eq!(trap(&instance, "load", &[Val::I32(3 * 65536)]), TrapCode::MemoryOutOfBounds);
        let waiting = [Val::I32(3 * 65536), Val::I32(0), Val::I64(0)];
        assert_eq!(trap(&instance, "wait", &waiting), TrapCode::MemoryOutOfBounds);
    }
}

#[test]
fn a_wait_ends_when_its_time_is_up_or_the_value_is_another() {
    let engine = Engine::default();
    let (module, shared) = (module(&engine, TEXT), shared_memory(&engine));
    let (_agent, instance) = instance(&module, &shared);
    let wait = |expected, timeout| {
        let mut result = [Val::I32(-1)];
        let arguments = [Val::I32(16), Val::I32(expected), Val::I64(timeout)];
        instance.get_func("wait").unwrap().call(&arguments, &mut result).unwrap();
        result[0].i32().unwrap()
    };
    assert_eq!(wait(0, 0), 2);
    assert_eq!(wait(0, 1_000_000), 2);
    assert_eq!(wait(1, -1), 1);
    assert_eq!(trap(&instance, "wait", &[Val::I32(2), Val::I32(0), Val::I64(0)]), TrapCode::UnalignedAtomic);
}

#[test]
fn an_interruption_wakes_a_thread_that_waits() {
    for engine in engines() {
        let (module, shared) = (module(&engine, TEXT), shared_memory(&engine));
        let (sender, receiver) = mpsc::channel();
        let waiting = thread::spawn(move || {
            let (agent, instance) = instance(&module, &shared);
            sender.send(agent.interrupt_handle()).unwrap();
            trap(&instance, "wait_forever_at_8", &[])
        });
        // Before, while or after it begins to wait: it is seen in every case.
        receiver.recv().unwrap().interrupt();
        assert_eq!(waiting.join().unwrap(), TrapCode::Interrupted);
    }
}

#[test]
fn an_interrupt_handler_may_let_a_thread_go_on_waiting() {
    let engine = Engine::new(Config::new().interruptible(true)).unwrap();
    let (module, shared) = (module(&engine, TEXT), shared_memory(&engine));
    let (sender, receiver) = mpsc::channel();
    let (module, waker_shared) = (&module, &shared);
    thread::scope(|scope| {
        let (asked, was_asked) = mpsc::channel();
        let shared = shared.clone();
        let waiting = scope.spawn(move || {
            let (agent, instance) = instance(module, &shared);
            agent.set_interrupt_handler(Some(move |_: &Agent| {
                asked.send(()).unwrap();
                Ok(())
            }));
            sender.send(agent.interrupt_handle()).unwrap();
            call_i32(&instance, "wait_forever_at_8", &[])
        });
        receiver.recv().unwrap().interrupt();
        was_asked.recv().unwrap();
        let (_agent, instance) = instance(module, waker_shared);
        while call_i32(&instance, "notify", &[8, 1]) == 0 {
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap(), 0);
    });
}

#[test]
fn an_agent_that_may_not_wait_traps() {
    let engine = Engine::default();
    let (module, shared) = (module(&engine, TEXT), shared_memory(&engine));
    let (agent, instance) = instance(&module, &shared);
    agent.set_can_block(false);
    assert_eq!(trap(&instance, "wait", &[Val::I32(0), Val::I32(1), Val::I64(0)]), TrapCode::WaitForbidden);
    assert_eq!(call_i32(&instance, "notify", &[0, 1]), 0);
    agent.set_can_block(true);
    let mut result = [Val::I32(-1)];
    let arguments = [Val::I32(0), Val::I32(1), Val::I64(0)];
    instance.get_func("wait").unwrap().call(&arguments, &mut result).unwrap();
    assert_eq!(result[0].i32(), Some(1));
}

#[test]
fn rust_waits_and_notifies_too() {
    let engine = Engine::default();
    let (module, shared) = (module(&engine, TEXT), shared_memory(&engine));
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_agent, instance) = instance(&module, &shared);
            assert_eq!(call_i32(&instance, "wait_forever_at_8", &[]), 0);
        });
        let agent = Agent::new(&engine);
        let memory = Memory::from_shared(&agent, &shared).unwrap();
        while memory.atomic_notify(8, 1).unwrap() == 0 {
            thread::yield_now();
        }
        assert_eq!(memory.atomic_wait64(0, 1, None).unwrap(), WaitOutcome::NotEqual);
        assert_eq!(memory.atomic_wait32(0, 0, Some(Duration::from_nanos(1))).unwrap(), WaitOutcome::TimedOut);
        let outside = memory.atomic_wait32(1 << 20, 0, None);
        assert!(matches!(outside, Err(Error::Trap(trap)) if trap.code() == TrapCode::MemoryOutOfBounds));
    });
    let agent = Agent::new(&engine);
    let unshared = Memory::new(&agent, MemoryType { shared: false, ..shared_type(1) }).unwrap();
    let refused = unshared.atomic_wait32(0, 0, None);
    assert!(matches!(refused, Err(Error::Trap(trap)) if trap.code() == TrapCode::ExpectedSharedMemory));
    assert!(unshared.share().is_none());
}

#[test]
fn a_memory_without_guards_is_refused_by_an_engine_that_needs_them() {
    let [faulting, checking] = engines();
    let guarded = shared_memory(&faulting);
    let plain = shared_memory(&checking);
    let refused = Memory::from_shared(&Agent::new(&faulting), &plain);
    assert!(matches!(refused, Err(MemoryError::Settings)));
    assert!(Memory::from_shared(&Agent::new(&checking), &guarded).is_ok());
}

#[test]
fn a_memory_outlives_the_agent_that_made_it() {
    let engine = Engine::default();
    let shared = thread::scope(|scope| {
        let made = scope.spawn(|| {
            let agent = Agent::new(&engine);
            let memory = Memory::new(&agent, shared_type(2)).unwrap();
            memory.write(5, &[1, 2, 3]).unwrap();
            memory.share().unwrap()
        });
        made.join().unwrap()
    });
    let memory = Memory::from_shared(&Agent::new(&engine), &shared).unwrap();
    assert_eq!(memory.read_vec(5, 3).unwrap(), [1, 2, 3]);
}

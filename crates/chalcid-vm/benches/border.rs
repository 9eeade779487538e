//! What crossing between the host and wasm costs, and what making and dropping an instance costs: nanoseconds of processor
//! time each, best of several rounds.
#![allow(clippy::unwrap_used, reason = "failing is how a bench reports")]

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::time::Duration;

use chalcid_vm::*;
use kit::*;

/// What the thread has used of a processor: other work on the machine hardly counts.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the struct it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn measure(name: &str, count: u32, mut round: impl FnMut(u32)) {
    round(count / 10 + 1);
    let best = (0..7).map(|_| {
        let start = processor_time();
        round(count);
        processor_time() - start
    });
    let best = best.min().unwrap_or_default();
    println!("{name:50} {:10.1} ns", best.as_nanos() as f64 / f64::from(count));
}

fn main() {
    let kit = Kit::with(chalcid_compiler::Settings::default());
    let agent = kit.agent();

    let module = kit.module(
        r#"(module
            (import "" "host" (func $host (param i32) (result i32)))
            (table $t 16 funcref) (table $e 16 externref)
            (memory 1)
            (elem (i32.const 0) $f)
            (func $f)
            (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
            (func (export "calls") (param i32)
                (loop (drop (call $host (local.get 0))) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "sets") (param i32)
                (loop (table.set $t (i32.const 3) (ref.func $f)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "gets") (param i32) (param externref)
                (table.set $e (i32.const 1) (local.get 1))
                (loop (drop (table.get $e (i32.const 1))) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "fills") (param i32)
                (loop (memory.fill (i32.const 3) (i32.const 0) (i32.const 100)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "trap") unreachable))"#,
    );
    let host = kit.host(&agent, &[I32], &[I32], |_, _| Ok(()));
    let instance = kit.instantiate(&agent, &module, &[Import::Func(host.func())]);

    let add = func(&instance, "add");
    let signature = kit.signature_of(add.type_id());
    measure("host calls wasm", 1_000_000, |count| {
        for _ in 0..count {
            let mut values = [ValRaw::i32(1), ValRaw::i32(2)];
            add.call(&signature, &mut values).unwrap();
        }
    });
    let looped = |name: &str| {
        let callee = func(&instance, name);
        let signature = kit.signature_of(callee.type_id());
        measure(name, 1_000_000, |count| {
            let mut values = [ValRaw::u32(count), ValRaw::ZERO];
            callee.call(&signature, &mut values[..signature.values()]).unwrap();
        });
    };
    looped("calls");
    looped("sets");
    looped("fills");
    {
        let _scope = agent.scope();
        let value = HostValue::from_rc(&agent, std::rc::Rc::new(1)).unwrap();
        let gets = func(&instance, "gets");
        let signature = kit.signature_of(gets.type_id());
        measure("gets of externref", 1_000_000, |count| {
            let raw = agent.extern_to_raw(Some(value.clone())).unwrap();
            gets.call(&signature, &mut [ValRaw::u32(count), raw]).unwrap();
        });
    }
    let trap = func(&instance, "trap");
    let signature = kit.signature_of(trap.type_id());
    measure("trap", 10_000, |count| {
        for _ in 0..count {
            assert!(trap.call(&signature, &mut []).is_err());
        }
    });

    let make = |name: &str, text: &str| {
        let module = kit.module(text);
        measure(name, 10_000, |count| {
            for _ in 0..count {
                kit.instantiate(&agent, &module, &[]);
            }
        });
    };
    make("instance: empty", "(module)");
    make("instance: function and global", r#"(module (global (mut i32) (i32.const 5)) (func (export "f")))"#);
    make("instance: memory", r#"(module (memory 1))"#);
    make("instance: memory with data", r#"(module (memory 1) (data (i32.const 0) "data"))"#);
    make("instance: table", r#"(module (table 100 funcref))"#);
    make(
        "instance: table with functions (a cycle)",
        r#"(module (table 100 funcref) (elem (i32.const 0) $f) (func $f))"#,
    );
}

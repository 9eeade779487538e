//! `Atomics.wait` and `notify` and the instructions of wasm have one list of waiters at each address of a shared memory.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::mpsc;
use std::thread;

use chalcid_quickjs::chalcid::{Config, Engine, Extern, InterruptHandle, Memory, SharedMemory};
use chalcid_quickjs::rquickjs::{Context, Ctx, Runtime};
use chalcid_quickjs::{Options, agent};
use common::{add_helpers, run_in};

/// Exports of wasm over the memory, and arrays of JavaScript.
const SETUP: &str = r#"
    globalThis.wasm = instantiate(`(module (import "" "memory" (memory 1 1 shared))
        (func (export "wait") (param i32 i32) (result i32) (memory.atomic.wait32 (local.get 0) (local.get 1) (i64.const -1)))
        (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1))))`, { "": { memory } });
    globalThis.words = new Int32Array(memory.buffer);
    globalThis.longs = new BigInt64Array(memory.buffer, 16);
"#;

fn engine() -> Engine {
    Engine::new(Config::new().interruptible(true)).unwrap()
}

/// A runtime of its own with the memory as `memory`, in which threads may wait.
fn with_memory<T>(engine: &Engine, shared: Option<&SharedMemory>, steps: impl FnOnce(&Ctx<'_>) -> T) -> T {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        chalcid_quickjs::init_with(&ctx, Options { engine: Some(engine.clone()), ..Options::default() }).unwrap();
        chalcid_quickjs::set_can_block(&ctx, true);
        add_helpers(&ctx);
        match shared {
            Some(shared) => {
                let memory = Memory::from_shared(&agent(&ctx).unwrap(), shared).unwrap();
                ctx.globals().set("memory", chalcid_quickjs::object_of(&ctx, &memory.into()).unwrap()).unwrap();
            }
            None => {
                run_in(&ctx, "globalThis.memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })")
            }
        }
        run_in(&ctx, SETUP);
        steps(&ctx)
    })
}

fn share(ctx: &Ctx<'_>) -> SharedMemory {
    match chalcid_quickjs::get_extern(&ctx.eval("memory").unwrap()) {
        Some(Extern::Memory(memory)) => memory.share().unwrap(),
        other => panic!("{other:?} is no memory"),
    }
}

/// Lets another runtime wait by one script while this one notifies by another until somebody was woken.
fn wakes(wait: &'static str, notify: &str) {
    let engine = engine();
    with_memory(&engine, None, |ctx| {
        let (engine, shared) = (engine.clone(), share(ctx));
        let waiter = thread::spawn(move || with_memory(&engine, Some(&shared), |ctx| run_in(ctx, wait)));
        run_in(ctx, &format!("while (!({notify})) {{}}"));
        waiter.join().unwrap();
    });
}

#[test]
fn wasm_wakes_javascript() {
    wakes("same(Atomics.wait(words, 2, 0), 'ok')", "wasm.notify(8, 1)");
}

#[test]
fn javascript_wakes_wasm() {
    wakes("same(wasm.wait(8, 0), 0)", "Atomics.notify(words, 2, 1)");
}

#[test]
fn javascript_wakes_javascript() {
    wakes("same(Atomics.wait(words, 2, 0, Infinity), 'ok')", "Atomics.notify(words, 2)");
}

#[test]
fn an_array_of_any_kind_and_place_names_the_same_address() {
    wakes("same(Atomics.wait(longs, 1, 0n, 1e300), 'ok')", "wasm.notify(24, 1)");
    wakes("same(wasm.wait(24, 0), 0)", "Atomics.notify(longs, 1)");
    wakes("same(Atomics.wait(words, 4, 0), 'ok')", "Atomics.notify(longs, 0, '1')");
}

#[test]
fn a_runtime_without_webassembly_waits_in_a_list_of_its_own_and_is_woken() {
    use chalcid_quickjs::rquickjs::{Value, qjs};

    let engine = engine();
    with_memory(&engine, None, |ctx| {
        let base = match chalcid_quickjs::get_extern(&ctx.eval("memory").unwrap()) {
            Some(Extern::Memory(memory)) => memory.data_ptr().addr(),
            other => panic!("{other:?} is no memory"),
        };
        let waiter = thread::spawn(move || {
            let runtime = Runtime::new().unwrap();
            let context = Context::full(&runtime).unwrap();
            context.with(|ctx| {
                // SAFETY: the memory is mapped until the other thread has joined this one; a runtime without functions for shared blocks
                // frees none that it was given with a function of its own.
                let buffer = unsafe {
                    unsafe extern "C" fn keep(
                        _: *mut qjs::JSRuntime,
                        _: *mut std::ffi::c_void,
                        block: *mut std::ffi::c_void,
                        _: qjs::size_t,
                    ) -> *mut std::ffi::c_void {
                        block
                    }
                    qjs::JS_SetCanBlock(qjs::JS_GetRuntime(ctx.as_raw().as_ptr()), true);
                    let raw = qjs::JS_NewArrayBuffer(
                        ctx.as_raw().as_ptr(),
                        std::ptr::without_provenance_mut::<u8>(base),
                        65536,
                        0,
                        Some(keep),
                        std::ptr::null_mut(),
                        true,
                    );
                    Value::from_raw(ctx.clone(), raw)
                };
                ctx.globals().set("buffer", buffer).unwrap();
                let outcome: String = ctx.eval("Atomics.wait(new Int32Array(buffer), 2, 0)").unwrap();
                assert_eq!(outcome, "ok");
            });
        });
        run_in(ctx, "while (Atomics.notify(words, 2) !== 1) {}");
        waiter.join().unwrap();
    });
}

#[test]
fn no_more_are_woken_than_was_asked_for_whatever_they_wait_in() {
    let engine = engine();
    with_memory(&engine, None, |ctx| {
        let waiters: Vec<_> = [
            "same(Atomics.wait(words, 0, 0), 'ok')",
            "same(wasm.wait(0, 0), 0)",
            "same(Atomics.wait(words, 0, 0), 'ok')",
        ]
        .into_iter()
        .map(|wait| {
            let (engine, shared) = (engine.clone(), share(ctx));
            thread::spawn(move || with_memory(&engine, Some(&shared), |ctx| run_in(ctx, wait)))
        })
        .collect();
        run_in(
            ctx,
            "same(Atomics.notify(words, 0, 0), 0);
             let woken = 0;
             while (woken < 3) {
                const now = woken % 2 ? Atomics.notify(words, 0, 1) : wasm.notify(0, 1);
                if (now > 1) throw new Error(`${now} were woken`);
                woken += now;
             }
             same(Atomics.notify(words, 0), 0);",
        );
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn an_interruption_ends_the_wait_of_javascript() {
    let (sender, receiver) = mpsc::channel::<InterruptHandle>();
    let interrupter = thread::spawn(move || {
        let handle = receiver.recv().unwrap();
        handle.interrupt();
    });
    with_memory(&engine(), None, |ctx| {
        sender.send(agent(ctx).unwrap().interrupt_handle()).unwrap();
        let waited = ctx.eval::<String, _>("Atomics.wait(words, 0, 0)");
        assert!(waited.is_err());
        let _ = ctx.catch();
    });
    interrupter.join().unwrap();
}

#[test]
fn a_thread_that_may_not_wait_is_told_so_after_its_arguments_were_looked_at() {
    with_memory(&engine(), None, |ctx| {
        chalcid_quickjs::set_can_block(ctx, false);
        run_in(
            ctx,
            "throws(RangeError, () => Atomics.wait(words, 1 << 20, 0));
             throws(SyntaxError, () => Atomics.wait(longs, 0, 'x', 0));
             throws(TypeError, () => Atomics.wait(words, 0, 1, 0), /block/);
             same(Atomics.notify(words, 0), 0);",
        );
    });
}

//! Compiling in the background, and how its results reach the JavaScript thread.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chalcid_quickjs::rquickjs::{AsyncContext, AsyncRuntime, CatchResultExt, Context, Promise, Runtime};
use chalcid_quickjs::{Options, init_async, init_with, pump, pump_blocking};
use common::{add_helpers, context, run_in};

const PROGRAM: &str = r#"
    globalThis.log = [];
    const bytes = wat(`(module (func (export "f") (result i32) i32.const 42))`);
    WebAssembly.compile(bytes).then((m) => { log.push(m instanceof WebAssembly.Module); return WebAssembly.instantiate(m); })
        .then((i) => log.push(i.exports.f()));
    WebAssembly.compile(new Uint8Array(4)).catch((error) => log.push(error instanceof WebAssembly.CompileError));
    WebAssembly.instantiate(bytes).then(({ module, instance }) => log.push(Object.keys({ module, instance }).join()));
    bytes.fill(0);
    same(log.length, 0);
"#;
const CHECK: &str = r#"same([...log].map(String).sort().join(" "), "42 module,instance true true");"#;

#[test]
fn pump_blocking_waits_for_everything() {
    let (_runtime, context) = context();
    context.with(|ctx| {
        run_in(&ctx, PROGRAM);
        pump_blocking(&ctx);
        run_in(&ctx, CHECK);
    });
}

#[test]
fn a_loop_is_told_when_to_pump() {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    let ready = Arc::new(AtomicUsize::new(0));
    context.with(|ctx| {
        let told = Arc::clone(&ready);
        let on_ready = Box::new(move || {
            told.fetch_add(1, Ordering::SeqCst);
        });
        init_with(&ctx, Options { on_ready: Some(on_ready), ..Options::default() }).unwrap();
        add_helpers(&ctx);
        run_in(&ctx, PROGRAM);
    });
    let end = Instant::now() + Duration::from_secs(20);
    let mut seen = 0;
    loop {
        let done = context.with(|ctx| {
            while ctx.execute_pending_job() {}
            pump(&ctx);
            ctx.eval::<i32, _>("log.length").unwrap() == 4
        });
        if done {
            break;
        }
        while ready.load(Ordering::SeqCst) == seen {
            assert!(Instant::now() < end, "nobody told the loop");
            std::thread::sleep(Duration::from_millis(1));
        }
        seen = ready.load(Ordering::SeqCst);
    }
    context.with(|ctx| run_in(&ctx, CHECK));
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn an_asynchronous_runtime_needs_no_pumping() {
    block_on(async {
        let runtime = AsyncRuntime::new().unwrap();
        let context = AsyncContext::full(&runtime).await.unwrap();
        let answer = context
        .async_with(async |ctx| {
            init_async(&ctx).unwrap();
            add_helpers(&ctx);
            run_in(&ctx, PROGRAM);
            let promise: Promise<'_> = ctx
                .eval(r#"WebAssembly.instantiate(wat(`(module (func (export "f") (result i32) i32.const 7))`)).then((x) => x.instance.exports.f())"#)
                .unwrap();
            promise.into_future::<i32>().await.catch(&ctx).map_err(|error| error.to_string())
        })
        .await;
        assert_eq!(answer, Ok(7));
        runtime.idle().await;
        context.async_with(async |ctx| run_in(&ctx, CHECK)).await;
    });
}

#[test]
fn an_asynchronous_runtime_may_go_at_any_time() {
    block_on(async {
        for _ in 0..5 {
            let runtime = AsyncRuntime::new().unwrap();
            let context = AsyncContext::full(&runtime).await.unwrap();
            context
                .async_with(async |ctx| {
                    init_async(&ctx).unwrap();
                    add_helpers(&ctx);
                    run_in(&ctx, PROGRAM);
                })
                .await;
        }
    });
}

//! What the tests share: a context with `WebAssembly`, `wat(text)` and `gc()`.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

pub mod alive;

use chalcid_quickjs::Options;
use chalcid_quickjs::chalcid::{Config, Engine};
use chalcid_quickjs::rquickjs::{CatchResultExt, Context, Ctx, Function, Result, Runtime, TypedArray};

fn assemble<'js>(ctx: Ctx<'js>, text: String) -> Result<TypedArray<'js, u8>> {
    TypedArray::new(ctx, wat::parse_str(text).unwrap())
}

/// Gives a context the tests' helpers.
pub fn add_helpers(ctx: &Ctx<'_>) {
    let wat = Function::new(ctx.clone(), assemble);
    ctx.globals().set("wat", wat).unwrap();
    ctx.globals().set("gc", Function::new(ctx.clone(), |ctx: Ctx<'_>| ctx.run_gc())).unwrap();
    let prelude = include_str!("prelude.js");
    ctx.eval::<(), _>(prelude).catch(ctx).map_err(|error| error.to_string()).unwrap();
}

/// A synchronous runtime and a context with everything installed.
pub fn context() -> (Runtime, Context) {
    install(Options::default())
}

/// The same, with an engine of its own.
pub fn context_with(config: Config) -> (Runtime, Context) {
    install(Options { engine: Some(Engine::new(config).unwrap()), ..Options::default() })
}

/// The same, with an engine that collects its heap at every chance.
pub fn stressed_context() -> (Runtime, Context) {
    context_with(Config::new().heap_stress(true))
}

/// A runtime whose stack is as large as usual, or as `CHALCID_JS_STACK` says, in bytes: instrumented frames are many times larger.
pub fn runtime() -> Runtime {
    let runtime = Runtime::new().unwrap();
    if let Ok(bytes) = std::env::var("CHALCID_JS_STACK") {
        runtime.set_max_stack_size(bytes.parse().unwrap());
    }
    runtime
}

fn install(options: Options) -> (Runtime, Context) {
    let runtime = runtime();
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        chalcid_quickjs::init_with(&ctx, options).unwrap();
        add_helpers(&ctx);
    });
    (runtime, context)
}

/// Runs a script that throws if it finds anything wrong.
pub fn run(script: &str) {
    let (_runtime, context) = context();
    context.with(|ctx| run_in(&ctx, script));
}

/// As `run`, in a context.
pub fn run_in(ctx: &Ctx<'_>, script: &str) {
    if let Err(error) = ctx.eval::<(), _>(script).catch(ctx) {
        panic!("{error}");
    }
}

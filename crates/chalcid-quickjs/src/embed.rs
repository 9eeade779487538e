//! What an embedder calls: installing, running tasks, and passing objects between JavaScript and Rust.

use std::ffi::CStr;

use chalcid::{Agent, Extern, Instance, Module};
use chalcid_js::embed::SerializedModule;
use rquickjs::{Ctx, Error, Result, Value as JsValue, qjs};

use crate::options::{Delivery, Options};
use crate::realm::RealmRef;
use crate::runtime::Runtime;
use crate::value::Value;
use crate::{QuickJs, atomics, buffer, stack};

/// The QuickJS that this crate was written against.
const VERSION: &CStr = c"0.16.2";

/// Installs `WebAssembly` on the global object of a context, with default [`Options`].
///
/// Takes microseconds: nothing is compiled, no thread is started. A context that has it already is left alone.
///
/// # Errors
/// When memory is out, when `WebAssembly` cannot be defined on the global object, or when the program is linked with another version
/// of QuickJS than this crate knows.
pub fn init(ctx: &Ctx<'_>) -> Result<()> {
    init_with(ctx, Options::default())
}

/// As [`init`], for a context of an `AsyncRuntime`: rquickjs's scheduler delivers finished compilations.
///
/// # Errors
/// As [`init`].
pub fn init_async(ctx: &Ctx<'_>) -> Result<()> {
    init_with(ctx, Options { delivery: Delivery::Spawn, ..Options::default() })
}

/// As [`init`], with options.
///
/// # Errors
/// As [`init`].
pub fn init_with(ctx: &Ctx<'_>, options: Options) -> Result<()> {
    check_version()?;
    let runtime = Runtime::get_or_create(ctx, options)?;
    let host = QuickJs::new(ctx.as_raw(), runtime);
    let realm = RealmRef::prepare(ctx.as_raw(), runtime)?;
    if realm.data().interface.borrow().is_some() {
        return Ok(());
    }
    stack::synchronize(ctx.as_raw(), host.runtime());
    let installed = buffer::guard(host)
        .and_then(|()| atomics::guard(host))
        .and_then(|()| chalcid_js::install(&host, host.runtime().agent.clone()));
    installed.map_err(|thrown| pending(host, thrown))
}

fn check_version() -> Result<()> {
    // SAFETY: QuickJS returns a string that lives for ever.
    let version = unsafe { CStr::from_ptr(qjs::JS_GetVersion()) };
    if version == VERSION {
        return Ok(());
    }
    let message = format!("Chalcid is made for QuickJS {VERSION:?}, and the program has {version:?}");
    Err(Error::Io(std::io::Error::new(std::io::ErrorKind::Unsupported, message)))
}

/// A thrown value in rquickjs's terms.
fn pending(host: QuickJs, thrown: Value) -> Error {
    host.throw(thrown);
    Error::Exception
}

/// The engine's agent of a runtime in which WebAssembly is installed: what [`chalcid`]'s own API needs to make memories, tables,
/// globals and functions for it.
pub fn agent(ctx: &Ctx<'_>) -> Option<Agent> {
    host_of(ctx).map(|host| host.runtime().agent.clone())
}

/// Collects garbage of QuickJS and of WebAssembly, and cycles through both heaps. QuickJS's own collections do the same, but leave a heap of
/// WebAssembly alone, for some time, that is much larger than its own.
pub fn collect_garbage(ctx: &Ctx<'_>) {
    match Runtime::get(ctx) {
        Some(state) => {
            // SAFETY: the state lives as long as the runtime, which `ctx` borrows.
            let runtime = unsafe { state.as_ref() };
            runtime.collector.waste(ctx.as_raw(), state);
            runtime.pressure.collect(runtime.rt, &runtime.agent);
        }
        None => ctx.run_gc(),
    }
}

/// Sets whether the thread of a runtime may wait: for `Atomics.wait`, and for `memory.atomic.wait32` and `wait64` in wasm. It may
/// not until this is called, as QuickJS has it.
pub fn set_can_block(ctx: &Ctx<'_>, can_block: bool) {
    // SAFETY: the context is live, and so is its runtime.
    unsafe { qjs::JS_SetCanBlock(qjs::JS_GetRuntime(ctx.as_raw().as_ptr()), can_block) };
    if let Some(agent) = agent(ctx) {
        agent.set_can_block(can_block);
    }
}

/// Runs one task that is ready, and says whether there was one. Microtasks are the caller's to run afterwards.
pub fn run_task(ctx: &Ctx<'_>) -> bool {
    match Runtime::get(ctx) {
        // SAFETY: the state lives as long as the runtime, which `ctx` borrows.
        Some(runtime) => unsafe { runtime.as_ref() }.tasks.run_one(),
        None => false,
    }
}

/// Runs every task that is ready, and the microtasks after each; says whether any ran. Never blocks.
pub fn pump(ctx: &Ctx<'_>) -> bool {
    let mut ran = false;
    while run_task(ctx) {
        ran = true;
        while ctx.execute_pending_job() {}
    }
    ran
}

/// Whether no task is ready and no background work under way: a loop that finds it so need not wait for Chalcid.
pub fn is_idle(ctx: &Ctx<'_>) -> bool {
    // SAFETY: as in `run_task`.
    Runtime::get(ctx).is_none_or(|runtime| unsafe { runtime.as_ref() }.tasks.is_idle())
}

/// Runs tasks and microtasks, and waits for background work, until nothing is ready or under way.
pub fn pump_blocking(ctx: &Ctx<'_>) {
    while ctx.execute_pending_job() {}
    let Some(runtime) = Runtime::get(ctx) else { return };
    // SAFETY: as in `run_task`.
    while unsafe { runtime.as_ref() }.tasks.wait() {
        pump(ctx);
    }
}

/// Whether a value is the `buffer` of a `WebAssembly.Memory`, which must not be transferred: for an embedder's `structuredClone`
/// and `postMessage`.
pub fn is_memory_buffer(value: &JsValue<'_>) -> bool {
    match host_of(value.ctx()) {
        Some(host) => buffer::is_memory_buffer(&host, value.as_raw()),
        None => false,
    }
}

/// The host of a context in which WebAssembly is installed.
fn host_of(ctx: &Ctx<'_>) -> Option<QuickJs> {
    let runtime = Runtime::get(ctx)?;
    let host = QuickJs::new(ctx.as_raw(), runtime);
    host.realm_ref().ok()?;
    Some(host)
}

fn installed(ctx: &Ctx<'_>) -> Result<QuickJs> {
    if let Some(host) = host_of(ctx) {
        return Ok(host);
    }
    init(ctx)?;
    host_of(ctx).ok_or(Error::Unknown)
}

fn lent(host: QuickJs, value: &JsValue<'_>) -> Value {
    host.borrow(value.as_raw())
}

/// The module of a `WebAssembly.Module` object; `None` for every other value. Modules may be sent to other threads and runtimes.
pub fn get_module(value: &JsValue<'_>) -> Option<Module> {
    let host = host_of(value.ctx())?;
    chalcid_js::embed::module_of(&host, &lent(host, value))
}

/// A new `WebAssembly.Module` object for a module of the runtime's engine.
///
/// # Errors
/// When memory is out.
pub fn new_module<'js>(ctx: &Ctx<'js>, module: &Module) -> Result<JsValue<'js>> {
    let host = installed(ctx)?;
    give(host, ctx, chalcid_js::embed::new_module_object(&host, module.clone()))
}

/// What a `WebAssembly.Module` object is made of, with the builtins that it was compiled with, for an embedder's `structuredClone` and `postMessage`;
/// `None` for every other value. It may be sent to other threads and runtimes. (It is no value that could be stored.)
pub fn serialize_module(value: &JsValue<'_>) -> Option<SerializedModule> {
    let host = host_of(value.ctx())?;
    chalcid_js::embed::serialize_module(&host, &lent(host, value))
}

/// A new `WebAssembly.Module` object of the same module: its code is shared, not compiled again.
///
/// # Errors
/// When memory is out, or the module belongs to an engine other than the runtime's.
pub fn deserialize_module<'js>(ctx: &Ctx<'js>, module: &SerializedModule) -> Result<JsValue<'js>> {
    let host = installed(ctx)?;
    give(host, ctx, chalcid_js::embed::deserialize_module(&host, module))
}

/// The instance of a `WebAssembly.Instance` object; `None` for every other value.
///
/// A handle keeps its object alive, as a value of rquickjs does: it must be dropped before the runtime.
pub fn get_instance(value: &JsValue<'_>) -> Option<Instance> {
    let host = host_of(value.ctx())?;
    chalcid_js::embed::instance_of(&host, &lent(host, value))
}

/// What a `WebAssembly.Memory`, `Table`, `Global` or `Tag` object or an Exported Function stands for; `None` for every other value.
///
/// A handle keeps its object alive, as a value of rquickjs does: it must be dropped before the runtime.
pub fn get_extern(value: &JsValue<'_>) -> Option<Extern> {
    let host = host_of(value.ctx())?;
    chalcid_js::embed::extern_of(&host, &lent(host, value))
}

/// The object of a memory, table, global, tag or function of the runtime's [`agent`]: always the same one.
///
/// # Errors
/// When memory is out.
pub fn object_of<'js>(ctx: &Ctx<'js>, entity: &Extern) -> Result<JsValue<'js>> {
    let host = installed(ctx)?;
    give(host, ctx, chalcid_js::embed::object_of(&host, entity))
}

fn give<'js>(host: QuickJs, ctx: &Ctx<'js>, made: std::result::Result<Value, Value>) -> Result<JsValue<'js>> {
    match made {
        Ok(value) => Ok(host.lend_to_rquickjs(ctx, &value)),
        Err(thrown) => Err(pending(host, thrown)),
    }
}

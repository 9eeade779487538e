//! How an embedder wants Chalcid in its program: [`Options`].

use chalcid::{Engine, ModuleBuilder};
use chalcid_js::host::Response;
use rquickjs::Value;

/// Who runs the tasks that follow background work, such as the fulfilment of `WebAssembly.compile()`'s promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Delivery {
    /// The embedder, by [`pump`](crate::pump) or [`pump_blocking`](crate::pump_blocking).
    #[default]
    Pump,
    /// A future on the scheduler of an `AsyncRuntime`. Panics in a synchronous one, as `Ctx::spawn` does.
    Spawn,
}

/// How Chalcid is installed. What concerns the runtime is taken from the first context in which it is installed.
#[derive(Default)]
pub struct Options {
    /// The engine: modules can pass between runtimes that share one. By default all runtimes of the process do.
    pub engine: Option<Engine>,
    /// Who runs tasks.
    pub delivery: Delivery,
    /// Called on any thread, and with no lock held, whenever a task has become ready: wakes the embedder's loop, which then calls
    /// [`pump`](crate::pump).
    pub on_ready: Option<Box<dyn Fn() + Send + Sync>>,
    /// What a `Response` is: without it, `compileStreaming` and `instantiateStreaming` take no value for one.
    pub streaming: Option<Box<dyn Streaming>>,
}

/// The embedder's `Response` objects, for `WebAssembly.compileStreaming` and `WebAssembly.instantiateStreaming`.
pub trait Streaming {
    /// What a `Response` says about itself; `None` for every other value.
    fn response<'js>(&self, value: &Value<'js>) -> rquickjs::Result<Option<Response>>;

    /// Consumes the body of a `Response`: a promise that is settled at its end, rejected if the body fails.
    ///
    /// The bytes go to `module` as they come ([`ModuleBuilder::push`], on any thread), which compiles them meanwhile. A promise that is fulfilled with
    /// an ArrayBuffer of the whole body will do, too.
    fn consume_body<'js>(&self, response: &Value<'js>, module: &ModuleBuilder) -> rquickjs::Result<Value<'js>>;
}

//! WebAssembly for QuickJS: the JavaScript interface in any program that embeds QuickJS through rquickjs.
//!
//! ```
//! # fn main() -> rquickjs::Result<()> {
//! let runtime = rquickjs::Runtime::new()?;
//! let context = rquickjs::Context::full(&runtime)?;
//! context.with(|ctx| {
//!     chalcid_quickjs::init(&ctx)?;
//!     let bytes = wat::parse_str(r#"(module (func (export "add") (param i32 i32) (result i32)
//!         local.get 0  local.get 1  i32.add))"#).unwrap();
//!     ctx.globals().set("bytes", rquickjs::TypedArray::<u8>::new(ctx.clone(), bytes)?)?;
//!     let sum: i32 = ctx.eval("new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.add(40, 2)")?;
//!     assert_eq!(sum, 42);
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # Asynchronous functions
//! `WebAssembly.compile`, `instantiate` and their streaming forms compile on background threads. What follows is a task of the
//! JavaScript thread, and somebody must run it ([`Delivery`]): in an `AsyncRuntime` use [`init_async`], and rquickjs's own
//! scheduler does; in a synchronous one call [`pump`] from your loop (`on_ready` tells when), or [`pump_blocking`].
//!
//! # Threads
//! A runtime in which WebAssembly is installed stays on its thread, even with rquickjs's feature `parallel`: what it runs belongs to
//! that thread. Modules go anywhere: [`get_module`], [`new_module`].
//!
//! # One QuickJS
//! This crate talks to QuickJS's C functions directly. Two versions of `rquickjs-sys` link into one program without a warning, and would call
//! each other's functions: use the [`rquickjs`] that this crate re-exports. [`init`] refuses a QuickJS of another version.
//!
//! # Layout
//! `context` and `host` are the host; `class`, `builtin`, `exported` the kinds of objects; `collector` what QuickJS's collector is doing; `runtime` and `realm` what is kept for
//! each; `string` strings unit by unit; `stack_trace` what errors say of both engines' frames; `buffer`, `bytes`, `array_bytes`, `shared_buffers` and `atomics` ArrayBuffers; `stack`, `pressure`, `weight`, `tasks` what the two engines must agree on.

pub mod array_bytes;
mod atom;
mod atomics;
mod buffer;
mod builtin;
mod bytes;
mod class;
mod collector;
mod context;
mod embed;
mod error;
mod exported;
mod exports;
mod function_realm;
mod gc_object;
mod hooks;
mod host;
mod import;
mod interrupt;
mod intrinsics;
mod options;
mod panic;
mod pressure;
mod property;
mod realm;
mod runtime;
mod shared_buffers;
mod stack;
mod stack_trace;
mod string;
mod tasks;
mod value;
mod weight;

pub use chalcid;
pub use chalcid_js::embed::SerializedModule;
pub use chalcid_js::host::Response;
pub use context::QuickJs;
pub use embed::{
    agent, collect_garbage, deserialize_module, get_extern, get_instance, get_module, init, init_async, init_with,
    is_idle, is_memory_buffer, new_module, object_of, pump, pump_blocking, run_task, serialize_module, set_can_block,
};
pub use options::{Delivery, Options, Streaming};
pub use rquickjs;
pub use shared_buffers::enable_growable_shared_buffers;
pub use value::Value;

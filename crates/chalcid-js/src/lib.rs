//! The WebAssembly JavaScript Interface as algorithms of its text, over any JavaScript engine.
//!
//! A JavaScript engine implements [`Host`] and calls [`install`]. What it calls back, besides the steps of the built-in functions
//! that it was given:
//! - [`exported_function::call_an_exported_function`] when an exported function is called;
//! - [`Realm::trace`] and [`PlatformObject::trace`](host::PlatformObject::trace) when its collector asks;
//! - [`memory::refresh_the_memory_buffer`] when running code has grown a memory that has an object;
//! - [`memory::host_resize_array_buffer`] from `ArrayBuffer.prototype.resize`.
//!
//! Each algorithm of the text is one function, named after it, with the steps as comments in its body. Each entity of the engine that
//! JavaScript has seen is kept by exactly one object: a Memory, Table, Global or Tag object, or a hidden record for an instance and
//! for a host function; the records hold the Exported Functions, so that each is made once.
//!
//! # Invariants
//! - No `unsafe`; nothing is known of any JavaScript engine but what [`Host`] says.
//! - Everything an object holds is reported to its host's collector, each count once.
//! - No borrow is held while JavaScript may run, or while a value is dropped.

#![forbid(unsafe_code)]

pub mod agent;
mod builtins;
mod compile_options;
mod conversions;
pub mod embed;
pub mod errors;
mod exception;
pub mod exported_function;
mod exported_gc_object;
pub mod exports_object;
mod global;
pub mod host;
pub mod host_function;
mod instance;
pub mod memory;
mod module;
mod namespace;
mod promise;
mod read_imports;
mod streaming;
mod table;
mod tag;
mod webidl;

pub use agent::Realm;
pub use host::Host;
pub use namespace::install;

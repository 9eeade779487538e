//! Chalcid, a WebAssembly engine: its Rust API.
//!
//! ```text
//! Engine ── settings, types, trampolines, background threads      Send + Sync
//!   Module ── a decoded, validated module and its code            Send + Sync
//! Agent ── one thread's family of instances                       of one thread, as everything below
//!   Instance, Func, Memory, Table, Global, Tag                    handles: cloning is cheap, equal when they are the same entity
//! ```
//!
//! ```
//! use chalcid::{Agent, Engine, Func, FuncType, Instance, Module, Val, ValType};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let wasm = wat::parse_str(
//!     r#"(module
//!          (import "host" "double" (func $double (param i32) (result i32)))
//!          (func (export "run") (param i32) (result i32)
//!            (i32.add (i32.const 1) (call $double (local.get 0)))))"#,
//! )?;
//! let engine = Engine::default();
//! let module = Module::new(&engine, wasm)?;
//! let agent = Agent::new(&engine);
//! let ty = FuncType { params: [ValType::I32].into(), results: [ValType::I32].into() };
//! let double = Func::new(&agent, ty, |args, results| {
//!     results[0] = Val::I32(2 * args[0].i32().unwrap_or(0));
//!     Ok(())
//! })?;
//! let instance = Instance::new(&agent, &module, &[double.into()])?;
//! let mut result = [Val::I32(0)];
//! instance.get_func("run").ok_or("no export")?.call(&[Val::I32(20)], &mut result)?;
//! assert_eq!(result[0].i32(), Some(41));
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//! - No `unsafe` but in `code.rs`, which publishes what the compiler made: what else needs it lives in `chalcid-vm`, behind types that
//!   cannot be misused from here.
//! - Misuse of the API is an [`Error::Misuse`], a missing resource an [`Error::Resource`]; nothing a guest does panics.
//! - A module compiles nothing when it is made; a function is compiled when it is first called, once, whichever threads call it.
//! - Nothing lives longer than something can reach it: handles, frames that run, a host's objects ([`host`]).
//!
//! # Tiers
//! A function's slot points to what a call runs: a stub that compiles it at first, then the code of a tier. Code is published by
//! storing into the slot, so another tier is another store. Which tiers there are is [`Config::tier`].

#![deny(unsafe_code)]

mod agent;
mod aggregate;
mod code;
mod code_cache;
mod config;
mod engine;
mod error;
mod exception;
mod extern_;
mod func;
mod global;
pub mod host;
pub mod inspect;
mod instance;
mod known_modules;
mod link_error;
mod memory;
mod module;
mod module_builder;
mod pool;
mod profile;
mod signature;
mod stats;
mod table;
mod tag;
mod tier_up;
mod trap;
pub mod types;
mod val;

pub use chalcid_module::CompileError;
pub use chalcid_module::artifact::Tier;
pub use chalcid_module::features::{Feature, Features, UnknownFeature};
pub use chalcid_module::source_lines::SourceLine;
pub use chalcid_vm::{InterruptHandle, ValRaw};

pub use agent::{Agent, Scope};
pub use aggregate::{AnyRef, ArrayRef, I31, StructRef};
pub use code_cache::{CodeCache, CodeCacheError};
pub use config::{Config, TierPolicy};
pub use engine::Engine;
pub use error::{Error, HostError, Misuse, ResourceError};
pub use exception::Exception;
pub use extern_::Extern;
pub use func::{Func, FuncHome, HostCall, HostRef};
pub use global::Global;
pub use host::{
    Adopt, Body, Edge, GlobalBody, HostFunc, HostFuncBody, HostHooks, HostValue, InstanceBody, Keeper, MemoryBody,
    TableBody, TagBody, Tracer,
};
pub use instance::Instance;
pub use link_error::LinkError;
pub use memory::{LinearMemory, Memory, MemoryError, OutOfBounds, SharedMemory, WaitOutcome};
pub use module::Module;
pub use module_builder::ModuleBuilder;
pub use stats::{Stats, TierStats};
pub use table::{Table, TableError};
pub use tag::Tag;
pub use trap::{Frame, Trap, TrapCode};
pub use types::{
    AbsHeapType, AddressType, CompType, DefTypeId, ExportType, ExternKind, ExternType, FieldType, FuncType, GlobalType,
    HeapType, Hierarchy, ImportType, Limits, MemoryType, RefType, StorageType, TableType, ValType,
};
pub use val::Val;

//! The running side of Chalcid: everything that machine code touches, and everything that is `unsafe`.
//!
//! ```text
//!  agent ── entities: Instance MemInst TableInst GlobalInst TagInst HostFunc     (entity, lifetimes: who keeps whom)
//!    │                    │
//!    │                    └── ModuleObject: code slots ──► code: arena, registry, lazy stubs
//!    ├── traps: activations, signals, backtraces, unwinding                      (arch: the assembly)
//!    ├── heap: objects, and the references that wasm holds
//!    └── builtins: what code asks for                                            (math: what it calls without a context)
//! ```
//!
//! # Invariants
//! - Nothing here knows JavaScript, or how code is made.
//! - Everything an agent owns stays on its thread: handles are neither `Send` nor `Sync`. [`ModuleObject`] and [`Signature`] are both.
//! - No borrow and no lock is held where host code may run: hooks, host functions, interruption handlers, drops of host values.
//! - Bits from outside are checked before they are believed: [`ValRaw`]s of reference type, imports, signatures. What nobody can check, that bytes are
//!   the machine code they are said to be, is a promise that the unsafe functions ask for: [`ModuleObject::publish`],
//!   [`Trampolines::publish_entry`], [`Trampolines::publish_host`]; and that a host's objects and values are what
//!   they are said to be: [`Keeper::new`], [`HostValue::from_raw`], [`HostHooks`].
//! - A fault that is not ours is never swallowed.

#![deny(clippy::undocumented_unsafe_blocks)]

mod agent;
mod arch;
mod builtins;
mod code;
mod entity;
mod failure;
mod func;
mod global;
mod heap;
mod host;
mod instance;
mod lifetimes;
mod math;
mod memory;
mod module;
mod owners;
mod reference;
mod sys;
mod table;
mod tag;
mod traps;
mod value;
mod vmcontext;
mod waiting;
mod zeroed;

pub use agent::{Agent, AgentSettings, DEFAULT_STACK_RESERVE, InterruptHandle, InterruptHandler, Scope};
pub use chalcid_module::heap_layout::Kind as ObjectKind;
pub use code::CodeError;
pub use code::watch::{CodeEvent, watch_code};
pub use entity::{Body, Edge, Entity, Strong, Tracer};
pub use failure::{Backtrace, Failure, Frame, TRAP_FRAMES, Trap};
pub use func::{FuncInst, FuncOwner, HostCall, HostFunc, Misuse, Signature, Trampolines};
pub use global::{GlobalInst, GlobalTypeError, GlobalValue};
pub use heap::{DEFAULT_HEAP_LIMIT, HeapFull, ObjectBody, ObjectError, ObjectRef};
pub use host::{HostHooks, Keeper};
pub use instance::{AllocateError, Import, Instance};
pub use lifetimes::Phase;
pub use memory::{
    LinearMemory, MAX_BYTES_32, MAX_BYTES_64, MemInst, MemoryError, MemorySettings, OutOfBounds, SharedMemory,
    byte_limit,
};
pub use module::{LazyCompile, ModuleObject, ModuleParts};
pub use reference::RefValue;
pub use sys::bytes::copy_bytes;
pub use sys::stack::on_large_stack;
pub use table::{MAX_TABLE_ELEMENTS, TableError, TableInst};
pub use tag::TagInst;
pub use value::{HostValue, RawHostValue, ValRaw};
pub use waiting::WaitOutcome;

//! Chalcid, a WebAssembly engine: its Rust API.
//!
//! ```text
//! Engine ── settings, types, background threads      Send + Sync
//!   Module ── a decoded, validated module            Send + Sync
//! Agent ── one thread's family of instances          of one thread, as everything below
//!   Instance, Func, Memory, Table, Global, Tag       handles: cloning is cheap, equal when they are the same entity
//! ```
//!
//! # Invariants
//! - No `unsafe`: what needs it lives in `chalcid-vm`, behind types that cannot be misused from here.
//! - Misuse of the API is an [`Error::Misuse`], a missing resource an [`Error::Resource`]; nothing a guest does panics.
//! - A module compiles nothing when it is made; a function is compiled when it is first called.

#![forbid(unsafe_code)]

mod config;
mod engine;
mod error;
mod link_error;
mod module;
mod pool;
mod trap;
pub mod types;

pub use chalcid_module::CompileError;
pub use chalcid_module::features::{Feature, Features};
pub use config::Config;
pub use engine::Engine;
pub use error::{Error, HostError, Misuse, ResourceError};
pub use link_error::LinkError;
pub use module::Module;
pub use trap::{Frame, Trap, TrapCode};

//! One WebAssembly function to machine code.
//!
//! Compiling is a pure function of a validated body, its module's declarations, the layout of the instance and the settings; it
//! gives position-independent code and the tables that the running side reads beside it (see [`chalcid_module::artifact`]).
//!
//! # Invariants
//! - Nothing here knows instances, hosts or addresses; any thread may compile.
//! - Bodies come here validated. No body makes the compiler panic its process: what it does not know or will not compile is a
//!   [`CompileError`].

#![forbid(unsafe_code)]

mod baseline;
mod budget;
mod clauses;
mod compiler;
mod error;
mod objects;
mod optimizing;
mod settings;
mod signature;
mod type_test;
mod types;

pub use chalcid_module::artifact::Tier;
pub use compiler::Compiler;
pub use error::CompileError;
pub use optimizing::{Listing, MAX_UNCHECKED_FRAME};
pub use settings::{OptLevel, Settings};
pub use signature::{AbiType, Signature};

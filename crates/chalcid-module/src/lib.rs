//! What a WebAssembly module says.
//!
//! Types and their engine-wide identity, declarations, names, lines of source and custom sections; decoding and validation (by wasmparser); and the
//! three contracts that the compiler and the running side share: the [layout] of the memory both touch, the [builtins] that code
//! calls, and the [artifact] that compiling gives.
//!
//! # Invariants
//! - Nothing here knows how code is made or run.
//! - A [`declarations::Declarations`] exists only for a module that passed validation: indices in it are in range.
//! - Module-relative and engine-wide type identities are different types.

#![forbid(unsafe_code)]

pub mod artifact;
pub mod bodies;
pub mod branch_hints;
pub mod builtins;
pub mod canonical;
pub mod const_expr;
pub mod data;
pub mod declarations;
pub mod decode;
pub mod error;
pub mod features;
pub mod hash;
pub mod heap_layout;
pub mod helpers;
pub mod index;
pub mod layout;
pub mod leb;
pub mod limits;
mod map;
pub mod matching;
pub mod names;
pub mod registry;
pub mod source_lines;
pub mod text;
pub mod trap_code;
pub mod types;
pub mod validate;

pub use decode::{decode_and_validate, decode_validated};
pub use error::CompileError;
pub use helpers::helpers_for;

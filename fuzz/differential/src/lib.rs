//! Random programs, and engines that have to agree on everything that can be seen of them.
//!
//! ```text
//! program ── a seed and a subject make a module: `smith` (wasm-smith), `objects` (a generator of our own); `exports` and `salt` go over the former
//! plan ───── what to do with it: values for imports, calls with their arguments, what to look at
//! account ── the lines an engine writes about it: `engine::chalcid` and `engine::wasmi` here, `run.mjs` in a JavaScript engine
//! compare ── gives the same programs to two engines, each a process, and finds the first line in which their accounts differ
//! ```
//!
//! # Invariants
//! - A program is its seed and subject: the same on every machine.
//! - Programs end: loops and calls are counted. No payload of a NaN can be seen in them.
//! - Accounts of two engines are the same text, up to the first step that depends on what an engine has left (its stack, its memory),
//!   which is the line `exhausted`.

#![forbid(unsafe_code)]

pub mod account;
pub mod compare;
pub mod engine;
mod exports;
pub mod lower;
mod numeric;
mod objects;
pub mod operators;
pub mod plan;
pub mod program;
mod random;
mod rare;
mod salt;
mod smith;

pub use random::Random;

//! Runs WebAssembly test scripts (`.wast`) on Chalcid.
//!
//! ```text
//! source ──wast──► directives ──► Script ──► Report: one outcome a directive, with line and reason
//!                                   │
//!                                   ├─ threads, each a script of its own with what is shared with it
//!                                   └─ definitions and instances by name, registered names, the `spectest` module
//! ```
//!
//! # Invariants
//! - A directive that expects an error passes only on that kind of error, with a message that begins as expected or that
//!   [`messages`] lists as our way to say the same. Any other error is a failure: suites have been passed for the wrong reasons.
//! - A directive fails alone: those after it still run.

#![forbid(unsafe_code)]

mod expect;
mod lines;
pub mod messages;
mod report;
mod script;
mod spectest;
mod threads;
mod values;

pub use report::{Counts, Outcome, Report};
pub use script::{Print, run};
pub use values::display;

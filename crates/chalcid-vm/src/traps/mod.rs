//! Entering wasm, and leaving it by a trap.
//!
//! ```text
//!   host ──enter──► entry trampoline ──► wasm … wasm ──► host function ──enter──► …
//!          │ activation record                                │ activation record
//!          ▼                                                  ▼
//!        agent.activation ◄───────────────────────────────── prev
//! ```
//!
//! [`enter`] puts an activation record on the host's stack and links it into the agent. A trap or a raised failure gives `rsp` and `rbp` back the
//! values they had there, which skips frames of machine code only: every Rust frame in between has returned, since a host function that
//! wasm calls runs beneath an activation of its own whenever it enters wasm again.
//!
//! An exception goes on within the activation, in the first function that looks at it ([`unwind`]), or leaves it as a failure does. A host function that
//! fails with it throws it again in the activation around.
//!
//! Code that a host wants ended is left in the same way, between any two instructions ([`ticks`]).
//!
//! A fault in machine code arrives as a signal: [`signals`] checks that the instruction is one of ours that may fault and the address one that
//! it may fault at, and sends the thread to a [`landing`] which records the trap; any other fault goes to the handler that was there before.

pub(crate) mod backtrace;
pub(crate) mod enter;
pub(crate) mod landing;
pub(crate) mod roots;
pub(crate) mod signals;
pub(crate) mod ticks;
pub(crate) mod unwind;

pub(crate) use signals::prepare_thread;

//! The optimising tier: wasm operators to Cranelift's intermediate representation, and that to machine code.
//!
//! [`translator`] holds the state of one translation and what every operator needs; [`operator`] routes an operator to the file
//! of its family. The families follow the chapters of the specification.

mod atomic;
mod bounds;
mod call;
mod control;
mod conversion;
mod memory;
mod numeric;
mod operator;
mod reference;
mod region;
mod relaxed;
mod table;
mod translator;
mod types;
mod variable;
mod vector;

//! WebAssembly for QuickJS.

pub mod array_bytes;

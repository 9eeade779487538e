//! The WebAssembly JavaScript Interface as algorithms of its text, over any JavaScript engine.
//!
//! A JavaScript engine implements `Host` (`host.rs`) and calls `namespace::install`. What it calls back, besides the steps of the built-in functions that
//! it was given:
//! - `exported_function::call_an_exported_function(&host, &slots, args)` when an exported function is called;
//! - `Realm::trace` and `PlatformObject::trace` when its collector asks;
//! - `memory::refresh_the_memory_buffer(&host, &memory_object)` when running code has grown a memory that has an object;
//! - `memory::host_resize_array_buffer(&host, &memory_object, new_length)` from `ArrayBuffer.prototype.resize`.

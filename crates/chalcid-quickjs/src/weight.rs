//! The engine's heap in the eyes of QuickJS's collector.
//!
//! Every collection walks the engine's heap (`chalcid`'s [`host`](chalcid::host) says why), but QuickJS collects when what it has allocated itself has grown
//! by half, and nobody can tell it of more. A small heap of JavaScript beside a large one of WebAssembly would be collected all the time,
//! each time for the price of both. So QuickJS is given something to count: a block in proportion to the engine's heap, allocated from it and never
//! touched, so that it takes address space and no memory. Then the next collection comes when JavaScript's heap has grown by half of itself and as much
//! as the engine's holds.
//!
//! The block is fitted when a collection begins, before QuickJS computes when the next is due. It counts against QuickJS's memory limit, as
//! the objects would if they were QuickJS's; where the limit, or the system, leaves no room for it, there is none, and collections come more often.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::{self, NonNull};

use rquickjs::qjs;

/// Bytes of the block for each byte of the heap. More makes walks rarer, and more garbage wait. With this, a script that does nothing but make and drop
/// cycles takes 2.6 times as long beside a list of 200,000 small structures as beside none.
const FACTOR: usize = 2;
/// A heap of fewer bytes is not counted.
const LEAST: usize = 128 << 10;

/// The block.
pub(crate) struct Weight {
    block: Cell<*mut c_void>,
    size: Cell<usize>,
}

impl Default for Weight {
    fn default() -> Self {
        Self { block: Cell::new(ptr::null_mut()), size: Cell::new(0) }
    }
}

impl Weight {
    /// Fits the block to the engine's heap of so many bytes.
    pub(crate) fn fit(&self, rt: NonNull<qjs::JSRuntime>, heap: u64) {
        let (heap, size) = (usize::try_from(heap).unwrap_or(usize::MAX), self.size.get() / FACTOR);
        let fits = if size == 0 { heap < LEAST } else { heap <= size.saturating_add(size / 2) && heap >= size / 4 };
        if !fits {
            self.free(rt);
            if heap >= LEAST {
                let size = heap.saturating_mul(FACTOR);
                // SAFETY: the runtime is live, and this is its thread. It may allocate while it collects, which never starts a collection.
                let block = unsafe { qjs::js_malloc_rt(rt.as_ptr(), size as qjs::size_t) };
                self.block.set(block);
                self.size.set(if block.is_null() { 0 } else { size });
            }
        }
    }

    /// Frees the block.
    pub(crate) fn free(&self, rt: NonNull<qjs::JSRuntime>) {
        self.size.set(0);
        // SAFETY: the block is null, or came from this runtime, which is live; nobody else knows it.
        unsafe { qjs::js_free_rt(rt.as_ptr(), self.block.replace(ptr::null_mut())) };
    }
}

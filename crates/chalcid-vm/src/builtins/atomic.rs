//! `memory.atomic.wait32`, `wait64` and `notify`; [`crate::waiting`] does the work.

use chalcid_module::index::MemIdx;

use super::{known, run};
use crate::vmcontext::VMContext;

/// `memory.atomic.notify`
pub(super) unsafe extern "C" fn memory_atomic_notify(
    vmctx: *const VMContext,
    memory: u32,
    address: u64,
    count: u32,
) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |_, instance| {
            let memory = known(instance.running_memory(MemIdx(memory)))?;
            memory.notify(address, count).map(u64::from)
        })
    }
}

/// `memory.atomic.wait32`
pub(super) unsafe extern "C" fn memory_atomic_wait32(
    vmctx: *const VMContext,
    memory: u32,
    address: u64,
    expected: u32,
    timeout: i64,
) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |_, instance| {
            let memory = known(instance.running_memory(MemIdx(memory)))?;
            memory.wait32(address, expected, timeout).map(|outcome| outcome as u64)
        })
    }
}

/// `memory.atomic.wait64`
pub(super) unsafe extern "C" fn memory_atomic_wait64(
    vmctx: *const VMContext,
    memory: u32,
    address: u64,
    expected: u64,
    timeout: i64,
) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |_, instance| {
            let memory = known(instance.running_memory(MemIdx(memory)))?;
            memory.wait64(address, expected, timeout).map(|outcome| outcome as u64)
        })
    }
}

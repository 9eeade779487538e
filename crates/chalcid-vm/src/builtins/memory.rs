//! Memory instructions.

use chalcid_module::index::{DataIdx, MemIdx};
use chalcid_module::trap_code::TrapCode;

use super::{in_chunks, known, run, trap_if};
use crate::vmcontext::VMContext;

/// `memory.grow`
pub(super) unsafe extern "C" fn memory_grow(vmctx: *const VMContext, memory: u32, delta: u64) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |_, instance| {
            let memory = known(instance.running_memory(MemIdx(memory)))?;
            Ok(memory.grow(delta).unwrap_or(u64::MAX))
        })
    }
}

/// `memory.copy`
pub(super) unsafe extern "C" fn memory_copy(
    vmctx: *const VMContext,
    dst_memory: u32,
    src_memory: u32,
    dst: u64,
    src: u64,
    len: u64,
) -> u32 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, 0, |agent, instance| {
            let to = known(instance.running_memory(MemIdx(dst_memory)))?;
            let from = known(instance.running_memory(MemIdx(src_memory)))?;
            trap_if(agent, from.range(src, len), TrapCode::MemoryOutOfBounds)?;
            trap_if(agent, to.range(dst, len), TrapCode::MemoryOutOfBounds)?;
            in_chunks(agent, len, dst > src, |offset, chunk| {
                // Asked for again: an interruption may have grown the memory.
                let source = trap_if(agent, from.range(src + offset, chunk), TrapCode::MemoryOutOfBounds)?;
                let target = trap_if(agent, to.range(dst + offset, chunk), TrapCode::MemoryOutOfBounds)?;
                // Both ranges are within accessible memory; `copy` allows them to overlap.
                std::ptr::copy(source, target, chunk as usize);
                Ok(())
            })?;
            Ok(1)
        })
    }
}

/// `memory.fill`
pub(super) unsafe extern "C" fn memory_fill(
    vmctx: *const VMContext,
    memory: u32,
    dst: u64,
    value: u32,
    len: u64,
) -> u32 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, 0, |agent, instance| {
            let memory = known(instance.running_memory(MemIdx(memory)))?;
            trap_if(agent, memory.range(dst, len), TrapCode::MemoryOutOfBounds)?;
            in_chunks(agent, len, false, |offset, chunk| {
                let target = trap_if(agent, memory.range(dst + offset, chunk), TrapCode::MemoryOutOfBounds)?;
                // The range is within accessible memory.
                std::ptr::write_bytes(target, value as u8, chunk as usize);
                Ok(())
            })?;
            Ok(1)
        })
    }
}

/// `memory.init`
pub(super) unsafe extern "C" fn memory_init(
    vmctx: *const VMContext,
    memory: u32,
    data: u32,
    dst: u64,
    src: u32,
    len: u32,
) -> u32 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, 0, |_, instance| {
            let memory = known(instance.running_memory(MemIdx(memory)))?;
            instance.init_memory(&memory, DataIdx(data), dst, src, len)?;
            Ok(1)
        })
    }
}

/// `data.drop`
pub(super) unsafe extern "C" fn data_drop(vmctx: *const VMContext, data: u32) {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, (), |_, instance| {
            instance.drop_data(DataIdx(data));
            Ok(())
        })
    }
}

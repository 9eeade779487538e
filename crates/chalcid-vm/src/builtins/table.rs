//! Table instructions.

use std::ptr::NonNull;

use chalcid_module::index::{ElemIdx, TableIdx};
use chalcid_module::trap_code::TrapCode;

use super::{in_chunks, known, run, run_with, trap_if};
use crate::agent::Agent;
use crate::entity::Strong;
use crate::failure::Failure;
use crate::table::TableInst;
use crate::vmcontext::{VMContext, VMFuncRef};

fn check(agent: &Agent, table: &TableInst, start: u64, len: u64) -> Result<(), Failure> {
    trap_if(agent, table.check(start, len), TrapCode::TableOutOfBounds)
}

/// `table.get` of a function table.
pub(super) unsafe extern "C" fn table_get_func(vmctx: *const VMContext, table: u32, index: u64) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            let table = known(instance.running_table(TableIdx(table)))?;
            check(agent, &table, index, 1)?;
            Ok(table.func_at(index).map_or(0, |func| func.as_ptr() as u64))
        })
    }
}

/// `table.get` of another table.
pub(super) unsafe extern "C" fn table_get_ref(vmctx: *const VMContext, table: u32, index: u64) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            let table = known(instance.running_table(TableIdx(table)))?;
            check(agent, &table, index, 1)?;
            let reference = agent.inner().heap.reference_of(agent, table.slot_at(agent, index));
            trap_if(agent, reference, TrapCode::AllocationFailed).map(u64::from)
        })
    }
}

/// `table.set` of a function table.
pub(super) unsafe extern "C" fn table_set_func(
    vmctx: *const VMContext,
    table: u32,
    index: u64,
    value: *mut VMFuncRef,
) -> u32 {
    // SAFETY: called by compiled code with its own context, a living function and validated types.
    unsafe {
        run(vmctx, 0, |agent, instance| {
            let table = known(instance.running_table(TableIdx(table)))?;
            check(agent, &table, index, 1)?;
            table.set_func_at(index, NonNull::new(value));
            Ok(1)
        })
    }
}

/// `table.set` of another table.
pub(super) unsafe extern "C" fn table_set_ref(vmctx: *const VMContext, table: u32, index: u64, value: u32) -> u32 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run_with(vmctx, 0, &[value], |agent, instance| {
            let table = known(instance.running_table(TableIdx(table)))?;
            check(agent, &table, index, 1)?;
            table.set_slot_at(agent, index, agent.inner().heap.slot_of(agent, value));
            Ok(1)
        })
    }
}

/// `table.grow` of a function table.
pub(super) unsafe extern "C" fn table_grow_func(
    vmctx: *const VMContext,
    table: u32,
    value: *mut VMFuncRef,
    delta: u64,
) -> u64 {
    // SAFETY: called by compiled code with its own context, a living function and validated types.
    unsafe {
        run(vmctx, u64::MAX, |_, instance| {
            let table = known(instance.running_table(TableIdx(table)))?;
            let Ok(before) = table.grow_by(delta) else { return Ok(u64::MAX) };
            if let Some(func) = NonNull::new(value) {
                table.fill_fresh(before, func, delta);
            }
            Ok(before)
        })
    }
}

/// `table.grow` of another table.
pub(super) unsafe extern "C" fn table_grow_ref(vmctx: *const VMContext, table: u32, value: u32, delta: u64) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run_with(vmctx, u64::MAX, &[value], |agent, instance| {
            let table = known(instance.running_table(TableIdx(table)))?;
            let Ok(before) = table.grow_by(delta) else { return Ok(u64::MAX) };
            if value != 0 {
                // Not interruptible: an instruction that has grown the table has nothing to fail with.
                for index in before..before + delta {
                    table.set_slot_at(agent, index, agent.inner().heap.slot_of(agent, value));
                }
            }
            Ok(before)
        })
    }
}

/// `table.fill` of a function table.
pub(super) unsafe extern "C" fn table_fill_func(
    vmctx: *const VMContext,
    table: u32,
    dst: u64,
    value: *mut VMFuncRef,
    len: u64,
) -> u32 {
    // SAFETY: called by compiled code with its own context, a living function and validated types.
    unsafe {
        run(vmctx, 0, |agent, instance| {
            let table = known(instance.running_table(TableIdx(table)))?;
            check(agent, &table, dst, len)?;
            fill_func(agent, &table, dst, NonNull::new(value), len)?;
            Ok(1)
        })
    }
}

/// `table.fill` of another table.
pub(super) unsafe extern "C" fn table_fill_ref(
    vmctx: *const VMContext,
    table: u32,
    dst: u64,
    value: u32,
    len: u64,
) -> u32 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run_with(vmctx, 0, &[value], |agent, instance| {
            let table = known(instance.running_table(TableIdx(table)))?;
            check(agent, &table, dst, len)?;
            fill_ref(agent, &table, dst, value, len)?;
            Ok(1)
        })
    }
}

/// # Safety
/// The range is in bounds, the function alive and of the element type.
unsafe fn fill_func(
    agent: &Agent,
    table: &Strong<TableInst>,
    start: u64,
    func: Option<NonNull<VMFuncRef>>,
    len: u64,
) -> Result<(), Failure> {
    in_chunks(agent, len, false, |offset, chunk| {
        for index in start + offset..start + offset + chunk {
            // SAFETY: the caller's promise.
            unsafe { table.set_func_at(index, func) };
        }
        Ok(())
    })
}

fn fill_ref(agent: &Agent, table: &Strong<TableInst>, start: u64, value: u32, len: u64) -> Result<(), Failure> {
    in_chunks(agent, len, false, |offset, chunk| {
        for index in start + offset..start + offset + chunk {
            table.set_slot_at(agent, index, agent.inner().heap.slot_of(agent, value));
        }
        Ok(())
    })
}

/// `table.copy`
pub(super) unsafe extern "C" fn table_copy(
    vmctx: *const VMContext,
    dst_table: u32,
    src_table: u32,
    dst: u64,
    src: u64,
    len: u64,
) -> u32 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, 0, |agent, instance| {
            let to = known(instance.running_table(TableIdx(dst_table)))?;
            let from = known(instance.running_table(TableIdx(src_table)))?;
            check(agent, &from, src, len)?;
            check(agent, &to, dst, len)?;
            in_chunks(agent, len, dst > src, |offset, chunk| {
                trap_if(agent, to.copy_from(&from, dst + offset, src + offset, chunk), TrapCode::TableOutOfBounds)
            })?;
            Ok(1)
        })
    }
}

/// `table.init`
pub(super) unsafe extern "C" fn table_init(
    vmctx: *const VMContext,
    table: u32,
    elem: u32,
    dst: u64,
    src: u32,
    len: u32,
) -> u32 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, 0, |_, instance| {
            let table = known(instance.running_table(TableIdx(table)))?;
            instance.init_elements(&table, ElemIdx(elem), dst, src, len)?;
            Ok(1)
        })
    }
}

/// `elem.drop`
pub(super) unsafe extern "C" fn elem_drop(vmctx: *const VMContext, elem: u32) {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, (), |_, instance| {
            instance.drop_element(ElemIdx(elem));
            Ok(())
        })
    }
}

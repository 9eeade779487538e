//! Reference instructions, and globals of reference type.

use std::ptr::NonNull;

use chalcid_module::index::{FuncIdx, GlobalIdx};
use chalcid_module::trap_code::TrapCode;

use super::{known, run, run_with, trap_if};
use crate::vmcontext::{VMContext, VMFuncRef};

/// `ref.func`
pub(super) unsafe extern "C" fn ref_func(vmctx: *const VMContext, func: u32) -> *mut VMFuncRef {
    // SAFETY: called by compiled code with its own context.
    unsafe { run(vmctx, std::ptr::null_mut(), |_, instance| Ok(known(instance.func_ref(FuncIdx(func)))?.as_ptr())) }
}

/// `global.get` of a host, aggregate or exception reference.
pub(super) unsafe extern "C" fn global_get_ref(vmctx: *const VMContext, global: u32) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            let global = known(instance.running_global(GlobalIdx(global)))?;
            let reference = agent.inner().heap.reference_of(agent, global.slot(agent));
            trap_if(agent, reference, TrapCode::AllocationFailed).map(u64::from)
        })
    }
}

/// `global.set` of a host, aggregate or exception reference.
pub(super) unsafe extern "C" fn global_set_ref(vmctx: *const VMContext, global: u32, value: u32) {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run_with(vmctx, (), &[value], |agent, instance| {
            let global = known(instance.running_global(GlobalIdx(global)))?;
            global.set_slot(agent, agent.inner().heap.slot_of(agent, value));
            Ok(())
        })
    }
}

/// `global.set` of a function reference.
pub(super) unsafe extern "C" fn global_set_func(vmctx: *const VMContext, global: u32, value: *mut VMFuncRef) {
    // SAFETY: called by compiled code with its own context, a living function and validated types.
    unsafe {
        run(vmctx, (), |_, instance| {
            known(instance.running_global(GlobalIdx(global)))?.set_func(NonNull::new(value));
            Ok(())
        })
    }
}

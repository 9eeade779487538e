//! Stopping, and telling what is hot. Raising and trapping are in `arch` and `traps::landing`, since they do not return.

use chalcid_module::index::DefinedFuncIdx;

use crate::vmcontext::VMContext;

/// `interrupt`: lets the embedder decide whether the code goes on.
pub(super) unsafe extern "C" fn interrupt(vmctx: *const VMContext) -> u32 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        super::run(vmctx, 0, |agent, _| {
            agent.interrupt()?;
            Ok(1)
        })
    }
}

/// `hot`: tells that code which counts has reached its threshold.
pub(super) unsafe extern "C" fn hot(vmctx: *const VMContext, func: u32) {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        super::run(vmctx, (), |_, instance| {
            instance.module().hot(DefinedFuncIdx(func));
            Ok(())
        });
    }
}

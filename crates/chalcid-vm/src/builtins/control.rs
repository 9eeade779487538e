//! Stopping. Raising and trapping are in `arch` and `traps::landing`, since they do not return.

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

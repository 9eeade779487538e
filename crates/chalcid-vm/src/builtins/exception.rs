//! Exceptions are made. Throwing is in `arch` and `traps::unwind`, since it does not return.

use chalcid_module::index::TagIdx;

use super::aggregate::made;
use super::{known, run};
use crate::vmcontext::VMContext;

/// Allocates an exception.
pub(super) unsafe extern "C" fn exception_new(vmctx: *const VMContext, tag: u32) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            let tag = known(instance.tag(TagIdx(tag)))?;
            made(agent, agent.inner().heap.new_exception(agent, &tag)).map(u64::from)
        })
    }
}

//! Exceptions: made, and thrown.

use chalcid_module::index::TagIdx;

use super::aggregate::made;
use super::{known, run, run_with};
use crate::failure::Failure;
use crate::heap::ObjectRef;
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

/// Leaves an exception pending, for the entry point to raise.
pub(super) unsafe extern "C" fn throw_ref(vmctx: *const VMContext, exception: u32) {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run_with(vmctx, (), &[exception], |agent, _| Err(Failure::Exception(ObjectRef::of_raw(agent, exception)?)))
    }
}

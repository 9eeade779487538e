//! Where a thread goes on after a trap: records it, and names the activation to leave for.

use std::sync::atomic::Ordering;

use chalcid_module::trap_code::TrapCode;

use crate::agent::Agent;
use crate::arch::Resume;
use crate::failure::{Failure, Pending, TRAP_FRAMES, Trap};
use crate::traps::backtrace;
use crate::vmcontext::{VMAgent, VMContext};

/// Records a trap of a faulting instruction.
///
/// # Safety
/// Called by `arch::trap_landing` in place of the faulting instruction, with the agent of its code.
pub(crate) unsafe extern "C" fn record_trap(vm: *const VMAgent, pc: usize, fp: usize, code: u32) -> *const Resume {
    // SAFETY: the agent's code was running, so it is alive.
    let agent = unsafe { Agent::from_block(vm) };
    record(&agent, code, Some((pc, fp)))
}

/// Records a trap that code asks for by the builtin `trap`.
///
/// # Safety
/// Called by `arch::trap`, which noted where wasm was left.
pub(crate) unsafe extern "C" fn record_explicit_trap(vmctx: *const VMContext, code: u32) -> *const Resume {
    // SAFETY: the context's code was running, so it and its agent are alive.
    let agent = unsafe { Agent::from_block((*vmctx).agent) };
    record(&agent, code, None)
}

fn record(agent: &Agent, code: u32, at: Option<(usize, usize)>) -> *const Resume {
    let code = u8::try_from(code).ok().and_then(TrapCode::from_u8).unwrap_or(TrapCode::Unreachable);
    let backtrace = backtrace::capture(agent, at, TRAP_FRAMES);
    agent.set_pending(Pending::Failure(Failure::Trap(Trap { code, backtrace })));
    agent.vm().activation.load(Ordering::Relaxed)
}

//! Exceptions on their way: to the code that looks at them, or out of the activation.
//!
//! From where it is thrown an exception goes through the frames of its activation, by their frame pointers, to the first that stands at a call with a
//! *landing* ([`HandlerSite`](chalcid_module::artifact::HandlerSite)), and the thread goes on there. The code of the landing throws it again where none of its
//! clauses fits. Where no frame has a landing, the exception leaves the activation as a failure does: its `enter` returns it to the host, whose frames
//! return in their turn. A host function that fails with it throws it again, in the activation that called the function.
//!
//! What the host throws is an exception too, of the tag [`Agent::host_tag`]: it becomes one when code is about to look at it, and leaves as the value
//! that it carries. Traps, interruptions, panics and errors of other kinds are nobody's to look at.
//!
//! # Invariants
//! - Between the frames that are left and this there are only machine code and Rust frames that hold nothing.
//! - Nothing collects between the time an exception is taken from what kept it and the landing.

use std::sync::atomic::Ordering;

use chalcid_module::trap_code::TrapCode;

use crate::agent::Agent;
use crate::arch::Resume;
use crate::failure::{Failure, Pending, Thrown};
use crate::global::GlobalValue;
use crate::heap::ObjectRef;
use crate::reference::RefValue;
use crate::traps::backtrace;
use crate::value::HostValue;
use crate::vmcontext::VMAgent;

/// Says where what is pending goes on.
///
/// # Safety
/// Called by `arch::raise` with the agent of code that is running, where wasm was left being noted.
pub(crate) unsafe extern "C" fn raise(vm: *const VMAgent) -> *const Resume {
    // SAFETY: the agent's code was running, so it is alive.
    let agent = unsafe { Agent::from_block(vm) };
    match agent.take_pending() {
        Some(Pending::Thrown(thrown)) => go_on(&agent, thrown),
        Some(other) => leave(&agent, other),
        None => leave(&agent, Pending::Failure(agent.trap(TrapCode::Unreachable))),
    }
}

/// Says where an exception goes on that code throws.
///
/// # Safety
/// Called by `arch::throw_ref` with the agent of code that is running, where wasm was left being noted.
pub(crate) unsafe extern "C" fn throw_ref(vm: *const VMAgent, exception: u32) -> *const Resume {
    // SAFETY: the agent's code was running, so it is alive.
    let agent = unsafe { Agent::from_block(vm) };
    match landing(&agent) {
        Some(found) => land(&agent, found, exception),
        None => match ObjectRef::of_raw(&agent, exception) {
            Ok(exception) => leave(&agent, Pending::Failure(Thrown::Exception(exception).leave())),
            Err(misuse) => leave(&agent, Pending::Failure(misuse.into())),
        },
    }
}

fn go_on(agent: &Agent, thrown: Thrown) -> *const Resume {
    let Some(found) = landing(agent) else { return leave(agent, Pending::Failure(thrown.leave())) };
    let exception = match thrown {
        Thrown::Exception(exception) => exception,
        Thrown::Value(value) => match exception_of(agent, value) {
            Some(exception) => exception,
            None => return leave(agent, Pending::Failure(agent.trap(TrapCode::AllocationFailed))),
        },
    };
    land(agent, found, exception.reference())
}

/// The stack pointer, frame pointer and address at which an exception goes on in the innermost activation.
fn landing(agent: &Agent) -> Option<(usize, usize, usize)> {
    let mut found = None;
    backtrace::walk(agent, None, &mut |frame| {
        if frame.activation > 0 {
            return false;
        }
        let Some(site) = frame.code.handler_at(frame.pc) else { return true };
        found = Some((frame.fp - site.frame_size as usize, frame.fp, frame.code.start + site.landing as usize));
        false
    });
    found
}

fn land(agent: &Agent, (sp, fp, pc): (usize, usize, usize), exception: u32) -> *const Resume {
    let landing = &agent.inner().landing;
    landing.set(Resume::landing(sp, fp, pc, exception));
    landing.as_ptr()
}

fn leave(agent: &Agent, pending: Pending) -> *const Resume {
    agent.set_pending(pending);
    agent.vm().activation.load(Ordering::Relaxed)
}

/// The exception that a thrown value of the host is.
fn exception_of(agent: &Agent, value: HostValue) -> Option<ObjectRef> {
    let tag = agent.host_tag().ok()?;
    ObjectRef::new_exception(&tag, &[GlobalValue::Ref(RefValue::Host(Some(value)))]).ok()
}

impl Thrown {
    /// What leaves wasm: an exception that carries a value of the host is that value.
    pub(crate) fn leave(self) -> Failure {
        match self {
            Self::Value(value) => Failure::Value(value),
            Self::Exception(exception) => match host_value(&exception) {
                Some(value) => Failure::Value(value),
                None => Failure::Exception(exception),
            },
        }
    }
}

fn host_value(exception: &ObjectRef) -> Option<HostValue> {
    let host_tag = exception.agent().inner().host_tag.get()?;
    if exception.tag()?.as_ptr() != host_tag.as_ptr().cast_const() {
        return None;
    }
    match exception.get(0) {
        Ok(GlobalValue::Ref(RefValue::Host(value))) => value,
        _ => None,
    }
}

//! Activations: calls from the host into wasm, and host functions that wasm calls.

use std::cell::Cell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use crate::agent::Agent;
use crate::arch::{self, Resume};
use crate::failure::{Failure, Pending};
use crate::value::ValRaw;
use crate::vmcontext::{VMAgent, VMCodeSlot};

thread_local! {
    /// The agent whose machine code the thread may be in: what a signal handler looks at first.
    static CURRENT: Cell<*const VMAgent> = const { Cell::new(std::ptr::null()) };
}

/// The agent whose machine code the thread may be in. For signal handlers.
pub(super) fn current() -> *const VMAgent {
    CURRENT.get()
}

/// One call into wasm.
#[repr(C)]
pub(crate) struct Activation {
    /// First: the assembly finds the activation by it.
    pub(super) resume: Resume,
    /// The activation around this one.
    pub(super) prev: *const Activation,
    /// Where wasm was left when this activation began, in the activation around it.
    pub(super) exit: (usize, usize),
    prev_agent: *const VMAgent,
}

/// Puts back what `enter` changed, whichever way it is left.
struct Leave<'a> {
    vm: &'a VMAgent,
    prev: *const Activation,
    exit: (usize, usize),
    prev_agent: *const VMAgent,
}

impl Drop for Leave<'_> {
    #[inline]
    fn drop(&mut self) {
        self.vm.activation.store(self.prev.cast_mut().cast(), Ordering::Relaxed);
        self.vm.last_exit_fp.set(self.exit.0);
        self.vm.last_exit_pc.set(self.exit.1);
        CURRENT.set(self.prev_agent);
    }
}

/// Calls a wasm function through an entry trampoline.
///
/// # Safety
/// `entry` must be the entry trampoline for the type of the function that `slot` and `vmctx` are of, `values` have room for its parameters and
/// results, and the references among them be valid. The function must stay alive.
pub(crate) unsafe fn enter(
    agent: &Agent,
    entry: *const u8,
    vmctx: *mut c_void,
    slot: *const VMCodeSlot,
    values: &mut [ValRaw],
) -> Result<(), Failure> {
    let _scope = agent.scope();
    let vm = agent.vm();
    let leave = Leave {
        vm,
        prev: vm.activation.load(Ordering::Relaxed).cast_const().cast(),
        exit: (vm.last_exit_fp.get(), vm.last_exit_pc.get()),
        prev_agent: CURRENT.replace(vm),
    };
    let mut activation =
        Activation { resume: Resume::empty(), prev: leave.prev, exit: leave.exit, prev_agent: leave.prev_agent };
    vm.activation.store((&raw mut activation).cast(), Ordering::Relaxed);
    vm.last_exit_fp.set(0);
    // SAFETY: the slot belongs to a function that is alive.
    let code = unsafe { &*slot }.load(Ordering::Acquire);
    let resume = &raw mut activation.resume;
    // SAFETY: the caller's promise; the activation stays on this frame until the call returns.
    let returned = unsafe { arch::enter(resume, entry.cast(), vmctx, code, values.as_mut_ptr()) };
    drop(leave);
    if returned == 1 { Ok(()) } else { Err(take_failure(agent)) }
}

/// What ended the activation. A panic of a host function goes on here, behind the frames of wasm.
#[cold]
fn take_failure(agent: &Agent) -> Failure {
    match agent.take_pending() {
        Some(pending) => pending.into(),
        None => agent.trap(chalcid_module::trap_code::TrapCode::Unreachable),
    }
}

/// Runs a host function: its panic is caught before it reaches machine code.
pub(crate) fn run_host(agent: &Agent, call: impl FnOnce() -> Result<(), Failure>) -> Result<(), Pending> {
    let scope = agent.scope();
    let outcome = catch_unwind(AssertUnwindSafe(call));
    drop(scope);
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => Err(Pending::of_host(agent, failure)),
        Err(payload) => Err(Pending::Panic(payload)),
    }
}

//! Activations: calls from the host into wasm, and host functions that wasm calls.

use std::cell::Cell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
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

/// Where the thread keeps its current agent: an agent stays on its thread, and need not ask for this again.
pub(crate) struct CurrentCell(NonNull<Cell<*const VMAgent>>);

impl CurrentCell {
    /// That of the thread that asks.
    pub(crate) fn of_this_thread() -> Self {
        Self(CURRENT.with(|cell| NonNull::from(cell)))
    }

    #[inline]
    fn get(&self) -> &Cell<*const VMAgent> {
        // SAFETY: what is in thread-local storage and has no destructor is there as long as the thread, and handles to agents never leave theirs.
        unsafe { self.0.as_ref() }
    }
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

/// Calls a wasm function through an entry trampoline.
///
/// # Safety
/// `entry` must be the entry trampoline for the type of the function that `slot` and `vmctx` are of, `values` have room for its parameters and
/// results, and the references among them be valid. The function must stay alive.
#[inline]
pub(crate) unsafe fn enter(
    agent: &Agent,
    entry: *const u8,
    vmctx: *mut c_void,
    slot: *const VMCodeSlot,
    values: &mut [ValRaw],
) -> Result<(), Failure> {
    let roots = agent.open_scope();
    let vm = agent.vm();
    let current = agent.inner().current.get();
    let mut activation = Activation {
        resume: Resume::empty(),
        prev: vm.activation.load(Ordering::Relaxed).cast_const().cast(),
        exit: (vm.last_exit_fp.get(), vm.last_exit_pc.get()),
        prev_agent: current.replace(vm),
    };
    vm.activation.store((&raw mut activation).cast(), Ordering::Relaxed);
    vm.last_exit_fp.set(0);
    // SAFETY: the slot belongs to a function that is alive.
    let code = unsafe { &*slot }.load(Ordering::Acquire);
    let resume = &raw mut activation.resume;
    // SAFETY: the caller's promise; the activation stays on this frame until the call returns, which it does whatever happens in wasm: what ended it
    // is pending then.
    let returned = unsafe { arch::enter(resume, entry.cast(), vmctx, code, values.as_mut_ptr()) };
    vm.activation.store(activation.prev.cast_mut().cast(), Ordering::Relaxed);
    vm.last_exit_fp.set(activation.exit.0);
    vm.last_exit_pc.set(activation.exit.1);
    current.set(activation.prev_agent);
    agent.close_scope(roots);
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
#[inline]
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

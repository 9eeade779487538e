//! Signal handlers for faults in machine code.
//!
//! **What is decided here:** a fault becomes a trap only if the thread is in an activation, the instruction lies in code of ours and is listed as one that may
//! trap, and, for memory faults, the address lies in the reservation of a memory, in that of the agent's heap, or in the first page (where checked accesses
//! go on purpose).
//! Everything else is somebody else's fault and goes to the handler that was installed before this one, or to the system's default.
//!
//! # Why the handler may take locks
//! Looking up an instruction takes locks, which a signal handler must not do where the thread could hold them already. A thread whose program
//! counter lies in the code arena is in machine code: it holds no lock of ours and is not inside the allocator. That test comes
//! first, and takes no lock itself.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::{Once, OnceLock};

use crate::arch::context;
use crate::code::{arena, registry};
use crate::heap;
use crate::memory;
use crate::sys::mapping::{Reservation, page_size};
use crate::traps::enter;

/// Signals that a faulting instruction may raise.
const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// What was installed before, in the order of `SIGNALS`.
static PREVIOUS: [OnceLock<libc::sigaction>; 4] = [const { OnceLock::new() }; 4];

/// Addresses below this are never mapped.
const NULL_PAGE: usize = 4096;

/// A signal stack smaller than this is replaced: the handler, and those it hands over to, run on it.
const SMALLEST_SIGNAL_STACK: usize = 64 * 1024;

/// Installs the handlers, once for the process, and a signal stack for the current thread.
pub(crate) fn prepare_thread() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(install);
    SIGNAL_STACK.with_borrow_mut(|stack| {
        if stack.is_none() {
            *stack = Some(SignalStack::ensure());
        }
    });
}

fn install() {
    for (signal, previous) in SIGNALS.iter().zip(&PREVIOUS) {
        let mut before = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: all-zero is a value of the struct; every field that matters is set below.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: both point to structs of ours; the handler keeps to what is allowed in one (see above).
        unsafe {
            libc::sigemptyset(&mut action.sa_mask);
            // What was there before must be known when the first signal arrives.
            if libc::sigaction(*signal, std::ptr::null(), before.as_mut_ptr()) != 0 {
                continue;
            }
            let _ = previous.set(before.assume_init());
            // It cannot fail for these signals; if it did, traps would be fatal, and nothing worse.
            libc::sigaction(*signal, &action, std::ptr::null_mut());
        }
    }
}

unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, raw_context: *mut c_void) {
    // SAFETY: the kernel passes the interrupted thread's context, and nothing else refers to it.
    let context = unsafe { &mut *raw_context.cast::<libc::ucontext_t>() };
    // SAFETY: the kernel passes a description of the signal; for these signals it holds an address.
    let address = unsafe { (*info).si_addr() } as usize;
    if !become_trap(signal, address, context) {
        // SAFETY: the arguments are those that the kernel passed.
        unsafe { hand_over(signal, info, raw_context) }
    }
}

/// Turns the fault into a trap, if it is one.
fn become_trap(signal: c_int, address: usize, context: &mut libc::ucontext_t) -> bool {
    let agent = enter::current();
    let (pc, _) = context::pc_fp(context);
    if agent.is_null() || !arena::contains(pc) {
        return false;
    }
    let Some(code) = registry::find(pc).and_then(|code| code.trap_at(pc)) else { return false };
    let is_memory_fault = signal == libc::SIGSEGV || signal == libc::SIGBUS;
    if is_memory_fault && address >= NULL_PAGE {
        // SAFETY: the thread's code is running for the agent, whose block stays where it is.
        let heap = unsafe { &*agent }.heap_base.get();
        if !heap::space_contains(heap, address) && !memory::reserved_range_contains(address) {
            return false;
        }
    }
    context::redirect(context, agent, code as u8);
    true
}

/// Leaves a signal to what was installed before.
///
/// # Safety
/// The arguments must be those of a signal handler that runs.
unsafe fn hand_over(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let previous = SIGNALS.iter().position(|known| *known == signal).and_then(|index| PREVIOUS[index].get());
    match previous {
        // SAFETY: the caller's promise.
        Some(previous) if unsafe { call_previous(previous, signal, info, context) } => {}
        _ => {
            // SAFETY: `raise` and `sigaction` may be called in a handler; the action is all zero but for the default.
            unsafe {
                let mut default: libc::sigaction = std::mem::zeroed();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &default, std::ptr::null_mut());
                // A fault happens again when the handler returns; a signal that was sent is sent again, and waits until then.
                if (*info).si_code <= 0 {
                    libc::raise(signal);
                }
            }
        }
    }
}

/// Calls a handler that was installed before; says whether it was one.
///
/// # Safety
/// As for [`hand_over`]; `previous` is what was installed for the signal.
pub(super) unsafe fn call_previous(
    previous: &libc::sigaction,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) -> bool {
    if previous.sa_sigaction == libc::SIG_DFL || previous.sa_sigaction == libc::SIG_IGN {
        return false;
    }
    // SAFETY: an installed handler is a function of the kind that its flags say.
    unsafe {
        if previous.sa_flags & libc::SA_SIGINFO != 0 {
            let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                std::mem::transmute(previous.sa_sigaction);
            handler(signal, info, context);
        } else {
            let handler: extern "C" fn(c_int) = std::mem::transmute(previous.sa_sigaction);
            handler(signal);
        }
    }
    true
}

thread_local! {
    static SIGNAL_STACK: RefCell<Option<SignalStack>> = const { RefCell::new(None) };
}

/// The thread's signal stack: one that was there and is large enough, or our own.
struct SignalStack {
    own: Option<(Reservation, libc::stack_t)>,
}

impl SignalStack {
    fn ensure() -> Self {
        let mut before = MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: asks for the current stack only.
        if unsafe { libc::sigaltstack(std::ptr::null(), before.as_mut_ptr()) } != 0 {
            return Self { own: None };
        }
        // SAFETY: the call succeeded, so the struct is filled.
        let before = unsafe { before.assume_init() };
        if before.ss_flags & libc::SS_DISABLE == 0 && before.ss_size >= SMALLEST_SIGNAL_STACK {
            return Self { own: None };
        }
        let own = Self::install(SMALLEST_SIGNAL_STACK * 2).ok();
        Self { own: own.map(|mapping| (mapping, before)) }
    }

    /// Maps a stack with a guard page below, and makes it the thread's.
    fn install(size: usize) -> Result<Reservation, rustix::io::Errno> {
        let guard = page_size();
        let mapping = Reservation::new(guard + size)?;
        mapping.commit(guard, size)?;
        let stack = libc::stack_t { ss_sp: mapping.start().wrapping_add(guard).cast(), ss_flags: 0, ss_size: size };
        // SAFETY: the stack is mapped, and stays so until `drop` has put the former one back.
        if unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) } != 0 {
            return Err(rustix::io::Errno::NOMEM);
        }
        Ok(mapping)
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let Some((mapping, before)) = self.own.take() else { return };
        let mut current = MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: asks for the current stack, and puts the former one back if ours is still in place.
        unsafe {
            if libc::sigaltstack(std::ptr::null(), current.as_mut_ptr()) == 0 {
                let current = current.assume_init();
                let ours = mapping.start() as usize..mapping.start() as usize + mapping.len();
                if ours.contains(&(current.ss_sp as usize)) && libc::sigaltstack(&before, std::ptr::null_mut()) != 0 {
                    // The thread still uses it: better leaked than unmapped.
                    std::mem::forget(mapping);
                }
            }
        }
    }
}

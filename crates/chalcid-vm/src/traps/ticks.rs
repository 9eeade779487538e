//! Ending code that does not end by itself, for hosts that want to be asked now and then: *ticks*.
//!
//! ```text
//!   ticker, one thread of the process ──signal──► thread in wasm: asks the host ──► goes on, or leaves for the innermost activation
//! ```
//!
//! Code pays nothing for it: there is no check in it. A tick is a signal, which arrives between any two instructions. Where that is in the code of a function, the
//! handler asks the host ([`HostHooks::stop`](crate::host::HostHooks::stop)), and sends the thread to the [`landing`](super::landing) of traps if code is to end; all else is as
//! the kernel restores it. Anywhere else (in a trampoline, in the running side, in the host) the tick is *missed*, and another one follows soon.
//! The ticker runs while an agent is *watched* and signals threads that are in wasm only.
//!
//! # Why a function may be left anywhere
//! What code does in several instructions is either seen by nobody when it is given up (an object is taken from the heap before anything is written to
//! it, and the heap never reads what nothing refers to), or done by builtins and trampolines, which are never left. The frame at hand may be half made
//! or half gone, so it is not walked: unwinding needs the activation alone.
//!
//! # Why the handler may ask
//! As in [`signals`](super::signals): a thread in the code of a function holds no lock and is not inside the allocator, so whatever the host does to answer
//! is as if code had called it.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::time::Duration;

use chalcid_module::trap_code::TrapCode;

use crate::agent::{Agent, AgentBlock, AgentInner};
use crate::arch::context;
use crate::code::{arena, registry};
use crate::traps::enter;

/// The signal: one that is ignored where nobody handles it, and that debuggers pass on.
const SIGNAL: c_int = libc::SIGURG;

/// From one tick to the next. Code is to notice within ten milliseconds.
const TICK: Duration = Duration::from_millis(4);
/// From a tick that was missed to the next; twice as long after each further one.
const AGAIN: Duration = Duration::from_micros(100);

/// An agent's part.
#[derive(Default)]
pub(crate) struct Ticks {
    /// Whether the ticker looks after the agent.
    watched: AtomicBool,
    /// Whether the last tick was missed.
    missed: AtomicBool,
}

/// An agent in the ticker's list, with its thread.
struct Watched {
    block: Arc<AgentBlock>,
    thread: libc::pid_t,
    /// Whether signals are sent; if not, code finds out at its safepoints, if it has any.
    signals: bool,
}

#[derive(Default)]
struct Ticker {
    agents: Vec<Watched>,
    running: bool,
}

static TICKER: Mutex<Option<Ticker>> = Mutex::new(None);

/// What was installed before.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

impl Agent {
    /// Has the host asked every few milliseconds, while code runs, whether it is to end; until it says that nobody wants to know. Where the agent's
    /// engine does without signal handlers it is asked at safepoints alone; where the system refuses a thread, nothing happens.
    pub fn watch(&self) {
        let (block, signals) = (self.block(), self.uses_signals());
        if block.ticks().watched.swap(true, Ordering::Relaxed) {
            return;
        }
        static INSTALLED: Once = Once::new();
        if signals {
            INSTALLED.call_once(install);
        }
        let mut ticker = ticker();
        let ticker = ticker.get_or_insert_default();
        // SAFETY: asks for the thread's number only.
        let thread = unsafe { libc::syscall(libc::SYS_gettid) } as libc::pid_t;
        ticker.agents.push(Watched { block: Arc::clone(block), thread, signals });
        if !ticker.running {
            let started = std::thread::Builder::new().name("chalcid-ticker".into()).stack_size(64 << 10).spawn(run);
            ticker.running = started.is_ok();
            if !ticker.running {
                ticker.agents.clear();
                block.ticks().watched.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Whether the host is asked.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.block().ticks().watched.load(Ordering::Relaxed)
    }

    /// The agent is going.
    pub(crate) fn unwatch(block: &AgentBlock) {
        block.ticks().watched.store(false, Ordering::Relaxed);
    }
}

fn ticker() -> MutexGuard<'static, Option<Ticker>> {
    TICKER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The ticker's thread: goes when nobody is watched any more.
fn run() {
    let mut pause = TICK;
    loop {
        std::thread::sleep(pause);
        let mut ticker = ticker();
        let Some(ticker) = ticker.as_mut() else { return };
        ticker.agents.retain(|agent| agent.block.ticks().watched.load(Ordering::Relaxed));
        if ticker.agents.is_empty() {
            ticker.running = false;
            return;
        }
        let mut missed = false;
        for agent in &ticker.agents {
            if agent.block.is_in_wasm() {
                missed |= agent.block.ticks().missed.swap(false, Ordering::Relaxed);
                agent.block.tick();
                if agent.signals {
                    // SAFETY: a signal with a handler, for a thread of this process if there still is one of that number.
                    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), agent.thread, SIGNAL) };
                }
            }
        }
        pause = if missed { TICK.min(if pause < TICK { 2 * pause } else { AGAIN }) } else { TICK };
    }
}

fn install() {
    // SAFETY: all-zero is a value of the struct; every field that matters is set below. Both calls are given structs of ours, and the handler keeps to
    // what is allowed in one (see above).
    unsafe {
        let mut before = MaybeUninit::<libc::sigaction>::uninit();
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        if libc::sigaction(SIGNAL, std::ptr::null(), before.as_mut_ptr()) == 0 {
            let _ = PREVIOUS.set(before.assume_init());
            libc::sigaction(SIGNAL, &action, std::ptr::null_mut());
        }
    }
}

unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, raw_context: *mut c_void) {
    // SAFETY: the kernel passes a description of the signal and the interrupted thread's context, which nothing else refers to; `errno` is this
    // thread's, and has its value again when the thread goes on.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        if (*info).si_code == libc::SI_TKILL && (*info).si_pid() == libc::getpid() {
            arrive(&mut *raw_context.cast::<libc::ucontext_t>());
        } else if let Some(previous) = PREVIOUS.get() {
            super::signals::call_previous(previous, signal, info, raw_context);
        }
        *errno = before;
    }
}

/// A tick has arrived at a thread.
fn arrive(context: &mut libc::ucontext_t) {
    let vm = enter::current();
    if vm.is_null() {
        return;
    }
    // SAFETY: the thread's code is running for the agent, which is alive and stays so meanwhile.
    let (vm, agent) = unsafe { (&*vm, &*(*vm).owner.get().cast::<AgentInner>()) };
    let ticks = agent.block().ticks();
    if !ticks.watched.load(Ordering::Relaxed) {
        return;
    }
    let (pc, _) = context::pc_fp(context);
    let in_function = arena::contains(pc) && registry::find(pc).is_some_and(|code| code.function_at(pc).is_some());
    if !in_function {
        ticks.missed.store(true, Ordering::Relaxed);
        return;
    }
    match agent.hooks().stop() {
        Some(true) => context::leave(context, vm, TrapCode::Interrupted as u8),
        Some(false) => {}
        None => ticks.watched.store(false, Ordering::Relaxed),
    }
}

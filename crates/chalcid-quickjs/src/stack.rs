//! One stack for two languages: the limit of JavaScript is the limit of WebAssembly.
//!
//! QuickJS refuses to go deeper than a limit below the place where its runtime was made (or `JS_UpdateStackTop` was last called), and
//! throws its own RangeError. Code of the engine checks a limit of its own in every prologue. Both must mean the same address: if
//! WebAssembly's were lower, a deep module could call no import; if it were higher, mutual recursion would end in another error.
//! QuickJS does not tell its limit, but answers whether a number of bytes would pass it, so the limit is found by bisection; it is
//! looked for again when the answer at the known place has changed (another thread, another size).

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use rquickjs::qjs;

use crate::runtime::Runtime;

/// What WebAssembly must leave free of the thread's own stack, whatever QuickJS's limit says: room for the host's Rust and C frames.
const THREAD_RESERVE: usize = 128 << 10;
/// How far the known limit may be from the true one, which is asked for from frames of different depths.
const SLACK: usize = 1 << 10;
/// The limit of a runtime that has none.
const UNLIMITED: usize = 0;
/// What stands for the limit before it was looked for: no limit that a stack could have.
pub(crate) const UNKNOWN: usize = usize::MAX;

unsafe extern "C" {
    /// QuickJS: whether `size` more bytes of stack would pass the limit of the context's runtime. (What its regular expressions ask.)
    safe fn lre_check_stack_overflow(ctx: NonNull<qjs::JSContext>, size: usize) -> bool;
}

/// A thread, told from others while both live.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thread(usize);

impl Thread {
    /// The thread that asks.
    #[inline]
    pub(crate) fn current() -> Self {
        thread_local! {
            static HERE: u8 = const { 0 };
        }
        Self(HERE.with(|here| std::ptr::from_ref(here).addr()))
    }
}

/// Whether QuickJS would refuse to go on here.
#[inline]
pub(crate) fn is_exhausted(ctx: NonNull<qjs::JSContext>) -> bool {
    lre_check_stack_overflow(ctx, 0)
}

/// Throws QuickJS's own error for a used-up stack.
#[cold]
pub(crate) fn throw_overflow(ctx: *mut qjs::JSContext) -> qjs::JSValue {
    // SAFETY: the context is live, and the format takes no argument.
    unsafe { qjs::JS_ThrowRangeError(ctx, c"Maximum call stack size exceeded".as_ptr()) }
}

/// Makes sure that the agent's limit is QuickJS's. Cheap when it is.
#[inline]
pub(crate) fn synchronize(ctx: NonNull<qjs::JSContext>, runtime: &Runtime) {
    let known = runtime.stack_limit.get();
    let room = stack_pointer().wrapping_sub(known);
    let is_inside = !lre_check_stack_overflow(ctx, room.saturating_sub(SLACK));
    let is_outside = known == UNLIMITED || lre_check_stack_overflow(ctx, room.saturating_add(SLACK));
    if !(is_inside && is_outside) {
        find(ctx, runtime);
    }
}

#[cold]
fn find(ctx: NonNull<qjs::JSContext>, runtime: &Runtime) {
    let here = stack_pointer();
    let limit = if lre_check_stack_overflow(ctx, here - SLACK) {
        // `low` more bytes still pass, `high` do not.
        let (mut low, mut high) = (0, here - SLACK);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if lre_check_stack_overflow(ctx, middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        here - low
    } else {
        UNLIMITED
    };
    runtime.stack_limit.set(limit);
    let lowest = thread_stack_bottom().saturating_add(THREAD_RESERVE);
    runtime.agent.raw().set_stack_limit(limit.max(lowest));
}

/// An address in the current frame.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let here = 0u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// The lowest address of this thread's stack; 0 where the system does not say.
fn thread_stack_bottom() -> usize {
    thread_local! {
        static BOTTOM: usize = ask_for_stack_bottom();
    }
    BOTTOM.try_with(|&bottom| bottom).unwrap_or(0)
}

fn ask_for_stack_bottom() -> usize {
    let (mut bottom, mut size) = (std::ptr::null_mut(), 0);
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the attributes are written by the first call, where it succeeds, and destroyed once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return 0;
        }
        let result = libc::pthread_attr_getstack(attributes.as_ptr(), &mut bottom, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if result == 0 { bottom.addr() } else { 0 }
    }
}

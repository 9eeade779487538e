//! One stack for two languages: the limit of JavaScript is the limit of WebAssembly.
//!
//! QuickJS refuses to go deeper than a limit below the place where its runtime was made (or `JS_UpdateStackTop` was last called), and
//! throws its own RangeError. Code of the engine checks a limit of its own in every prologue. Both must mean the same address: if
//! WebAssembly's were lower, a deep module could call no import; if it were higher, mutual recursion would end in another error.
//! QuickJS does not tell its limit, but answers whether a number of bytes would pass it, so the limit is found by bisection; it is
//! looked for again when the answer at the known place has changed (another thread, another size). Calls are too frequent to ask that
//! each time: once the limit is known, so is the word of the runtime where QuickJS keeps it, and a call looks at that. Where the word
//! is not found, calls ask.

use std::cell::Cell;
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
const UNKNOWN: usize = usize::MAX;

/// What is known of a runtime's stack.
pub(crate) struct Known {
    /// The thread that the agent belongs to, and where its stack lies.
    thread: Thread,
    bottom: usize,
    size: usize,
    /// The limit that the agent was last told.
    limit: Cell<usize>,
    /// Where QuickJS keeps its limit, and what was there at that time. Another word that is never the same, where it is not known.
    place: Cell<*const usize>,
    seen: Cell<usize>,
}

/// The place of the limit where that is not known.
static NOWHERE: usize = 0;

impl Known {
    /// Of this thread's stack, and nothing yet of QuickJS's limit.
    pub(crate) fn of_this_thread() -> Self {
        let (bottom, size) = thread_stack();
        Self {
            thread: Thread::current(),
            bottom,
            size,
            limit: Cell::new(UNKNOWN),
            place: Cell::new(&NOWHERE),
            seen: Cell::new(UNKNOWN),
        }
    }

    /// Whether a call at an address of the stack needs no closer look: it is on the agent's thread, and the limit is what it was.
    #[inline(always)]
    fn is_current(&self, here: usize) -> bool {
        // SAFETY: a word of the runtime, which lives as long as this, or a static one.
        here.wrapping_sub(self.bottom) < self.size && unsafe { self.place.get().read() } == self.seen.get()
    }
}

unsafe extern "C" {
    /// QuickJS: whether `size` more bytes of stack would pass the limit of the context's runtime. (What its regular expressions ask.)
    safe fn lre_check_stack_overflow(ctx: NonNull<qjs::JSContext>, size: usize) -> bool;
}

/// A thread, told from others while both live.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Thread(usize);

impl Thread {
    /// The thread that asks.
    fn current() -> Self {
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

/// Makes sure that the agent's limit is QuickJS's. Cheap when it is. False on a thread that is not the agent's.
#[inline(always)]
pub(crate) fn synchronize(ctx: NonNull<qjs::JSContext>, runtime: &Runtime) -> bool {
    runtime.stack.is_current(stack_pointer()) || synchronize_slowly(ctx, runtime)
}

#[cold]
fn synchronize_slowly(ctx: NonNull<qjs::JSContext>, runtime: &Runtime) -> bool {
    if runtime.stack.thread != Thread::current() {
        return false;
    }
    let known = runtime.stack.limit.get();
    let room = stack_pointer().wrapping_sub(known);
    let is_inside = !lre_check_stack_overflow(ctx, room.saturating_sub(SLACK));
    let is_outside = known == UNLIMITED || lre_check_stack_overflow(ctx, room.saturating_add(SLACK));
    if !(is_inside && is_outside) {
        find(ctx, runtime);
    }
    let place = runtime.stack.place.get();
    // SAFETY: as in `Known::is_current`.
    let found = unsafe { place.read() };
    runtime.stack.seen.set(if std::ptr::eq(place, &NOWHERE) { UNKNOWN } else { found });
    true
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
    runtime.stack.limit.set(limit);
    if let Some(place) = find_place(runtime, limit) {
        runtime.stack.place.set(place);
    }
    let lowest = thread_stack().0.saturating_add(THREAD_RESERVE);
    runtime.agent.raw().set_stack_limit(limit.max(lowest));
}

/// Where a runtime keeps its limit, which lies before the list of frames: behind the stack's size and its top, of which it is the difference.
fn find_place(runtime: &Runtime, limit: usize) -> Option<*const usize> {
    if limit == UNLIMITED {
        return None;
    }
    let start = runtime.rt.as_ptr().cast_const().cast::<usize>();
    let words = runtime.frame_list / size_of::<usize>();
    (2..words).map(|index| start.wrapping_add(index)).find(|&place| {
        // SAFETY: three words of the runtime, which is live.
        let (size, top, found) = unsafe { (place.sub(2).read(), place.sub(1).read(), place.read()) };
        size != 0 && found == top.wrapping_sub(size) && found.abs_diff(limit) < SLACK
    })
}

/// An address in the current frame.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let here = MaybeUninit::<u8>::uninit();
    (&raw const here).addr()
}

/// The lowest address of this thread's stack, and its size; 0 where the system does not say.
fn thread_stack() -> (usize, usize) {
    thread_local! {
        static STACK: (usize, usize) = ask_for_stack();
    }
    STACK.try_with(|&stack| stack).unwrap_or((0, 0))
}

fn ask_for_stack() -> (usize, usize) {
    let (mut bottom, mut size) = (std::ptr::null_mut(), 0);
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the attributes are written by the first call, where it succeeds, and destroyed once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return (0, 0);
        }
        let result = libc::pthread_attr_getstack(attributes.as_ptr(), &mut bottom, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if result == 0 { (bottom.addr(), size) } else { (0, 0) }
    }
}

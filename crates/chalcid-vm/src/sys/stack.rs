//! The bounds of the current thread's stack.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use corosensei::stack::DefaultStack;

/// Where a thread's stack lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackBounds {
    lowest: usize,
    highest: usize,
}

/// What is taken as the size of a stack that the system says nothing about, or that has no limit.
const ASSUMED_SIZE: usize = 1 << 20;
/// A main thread's stack may be allowed to grow without bound; the address space below it is not ours to count on.
const LARGEST_TRUSTED: usize = 1 << 30;

thread_local! {
    static BOUNDS: Cell<Option<StackBounds>> = const { Cell::new(None) };
}

impl StackBounds {
    /// Bounds of the stack of the thread that asks.
    pub(crate) fn of_this_thread() -> Self {
        if let Some(bounds) = BOUNDS.get() {
            return bounds;
        }
        let bounds = Self::ask().unwrap_or_else(|| {
            let marker = 0u8;
            let top = &raw const marker as usize;
            Self { lowest: top.saturating_sub(ASSUMED_SIZE), highest: top }
        });
        BOUNDS.set(Some(bounds));
        bounds
    }

    #[cfg(target_os = "linux")]
    fn ask() -> Option<Self> {
        // SAFETY: the attributes are initialised by `pthread_getattr_np` before they are read, and destroyed once.
        unsafe {
            let mut attributes = std::mem::zeroed::<libc::pthread_attr_t>();
            if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
                return None;
            }
            let (mut start, mut size, mut guard) = (std::ptr::null_mut(), 0usize, 0usize);
            let known = libc::pthread_attr_getstack(&attributes, &mut start, &mut size) == 0;
            let guarded = libc::pthread_attr_getguardsize(&attributes, &mut guard) == 0;
            libc::pthread_attr_destroy(&mut attributes);
            if !known || size == 0 {
                return None;
            }
            let highest = start as usize + size;
            // Some systems count the guard page as part of the stack.
            let lowest = start as usize + if guarded { guard } else { 0 };
            Some(Self { lowest: lowest.max(highest.saturating_sub(LARGEST_TRUSTED)), highest })
        }
    }

    #[cfg(target_os = "macos")]
    fn ask() -> Option<Self> {
        // SAFETY: both functions only read the description of the current thread.
        unsafe {
            let this = libc::pthread_self();
            let highest = libc::pthread_get_stackaddr_np(this) as usize;
            let size = libc::pthread_get_stacksize_np(this);
            Some(Self { lowest: highest - size.min(LARGEST_TRUSTED), highest })
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn ask() -> Option<Self> {
        None
    }

    /// The lowest address that leaves `reserve` bytes below; never more than three quarters of the stack are left unused.
    pub(crate) fn limit(&self, reserve: usize) -> usize {
        let size = self.highest - self.lowest;
        self.lowest + reserve.min(size / 4 * 3)
    }
}

/// Size of the stacks that [`on_large_stack`] runs on.
const LARGE_STACK: usize = 8 << 20;

thread_local! {
    /// A large stack that nobody is on.
    static SPARE: Cell<Option<DefaultStack>> = const { Cell::new(None) };
}

/// Runs work on a stack of its own, since the thread's may be nearly used up. A panic comes back as `Err`.
pub fn on_large_stack<R>(work: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    let spare = SPARE.try_with(Cell::take).ok().flatten();
    let stack = match spare {
        Some(stack) => Ok(stack),
        None => DefaultStack::new(LARGE_STACK),
    };
    let caught = || catch_unwind(AssertUnwindSafe(work));
    match stack {
        Ok(mut stack) => {
            let outcome = corosensei::on_stack(&mut stack, caught);
            let _ = SPARE.try_with(|spare| spare.set(Some(stack)));
            outcome
        }
        // No memory for a stack: what is left of the thread's own has to do.
        Err(_) => caught(),
    }
}

//! Everything that is written in assembly, one file for each architecture.

use std::ffi::c_void;

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("Chalcid does not run on this architecture yet: add a file beside `x86_64.rs`");

/// Where a thread goes on when frames of machine code are left: behind an activation, by the registers that `enter` left behind, or in the landing
/// of a function that looks at an exception.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Resume {
    sp: usize,
    fp: usize,
    pc: usize,
    /// The exception, for a landing.
    exception: u64,
}

impl Resume {
    /// To be filled by `enter`.
    #[inline(always)]
    pub(crate) const fn empty() -> Self {
        Self { sp: 0, fp: 0, pc: 0, exception: 0 }
    }

    /// In the landing at `pc` of the function whose frame these pointers are of.
    pub(crate) const fn landing(sp: usize, fp: usize, pc: usize, exception: u32) -> Self {
        Self { sp, fp, pc, exception: exception as u64 }
    }

    /// The frame pointer of `enter`: the frame of the first machine code is right below.
    pub(crate) fn fp(&self) -> usize {
        self.fp
    }
}

/// The caller's frame pointer and the return address that a frame keeps.
///
/// # Safety
/// `fp` is the frame pointer of a frame that is on the stack.
pub(crate) unsafe fn caller(fp: usize) -> (usize, usize) {
    let frame = fp as *const usize;
    // SAFETY: by the calling conventions of all architectures here, a frame pointer points at the saved one, followed by the return address.
    unsafe { (frame.read(), frame.add(1).read()) }
}

/// Machine code of an entry trampoline: `fn(vmctx, code, values)`.
pub(crate) type EntryCode = *const c_void;

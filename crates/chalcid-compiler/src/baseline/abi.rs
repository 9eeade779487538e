//! Where parameters and results travel: Cranelift's `CallConv::Tail` on x86-64.
//!
//! Integers and references take `rdi rsi rdx rcx r8 r9`, floats and vectors `xmm0` to `xmm7`, what is left the stack, 8 bytes each and vectors
//! 16, the first lowest. The callee pops them. A place for results that no register holds comes before all others. Results take
//! `rax rcx rdx rsi rdi r8 r9 r10` and `xmm0` to `xmm7`, what is left that place.

use super::reg::{Gpr, PARAM_GPRS, RESULT_GPRS, VALUE_XMMS, Xmm};
use super::state::in_xmm;
use crate::AbiType;

/// Where one value travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Gpr(Gpr),
    Xmm(Xmm),
    /// At an offset from the lowest argument, or in the place for results.
    Stack(i32),
}

/// Gives places to values in order.
pub(super) struct Places {
    gprs: &'static [Gpr],
    xmms: u8,
    stack: u32,
}

impl Places {
    /// Of parameters; the context, and the place for results if there is one, have taken theirs.
    pub fn of_params(through_memory: bool) -> Self {
        Self { gprs: &PARAM_GPRS[1 + usize::from(through_memory)..], xmms: 0, stack: 0 }
    }

    /// Of results.
    pub fn of_results() -> Self {
        Self { gprs: &RESULT_GPRS, xmms: 0, stack: 0 }
    }

    /// Of the next value.
    pub fn next(&mut self, ty: AbiType) -> Place {
        if in_xmm(ty) {
            if self.xmms < VALUE_XMMS {
                self.xmms += 1;
                return Place::Xmm(Xmm(self.xmms - 1));
            }
        } else if let [first, rest @ ..] = self.gprs {
            self.gprs = rest;
            return Place::Gpr(*first);
        }
        let size = if ty == AbiType::V128 { 16 } else { 8 };
        let offset = self.stack.next_multiple_of(size);
        self.stack = offset + size;
        Place::Stack(offset as i32)
    }

    /// Bytes of the stack that the values take.
    pub fn stack_size(&self) -> u32 {
        self.stack.next_multiple_of(16)
    }
}

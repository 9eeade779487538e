//! Registers, their roles, and memory operands.
//!
//! | registers | role |
//! |---|---|
//! | `rsp`, `rbp` | the frame |
//! | `r11`, `xmm15` | scratch within one operator; never hold a value longer |
//! | `rax rcx rdx rsi rdi` | operands |
//! | `r8 r9 r10` | operands, or locals where they are used more than calls would cost |
//! | `rbx r12 r13 r14 r15` | what is used most among the locals, the context and the base of memory 0 |
//! | `xmm0` to `xmm6` | operands |
//! | `xmm7` to `xmm14` | operands, or locals where they are used more than calls would cost |

/// An integer register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Gpr(pub u8);

/// A vector register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Xmm(pub u8);

pub(super) const RAX: Gpr = Gpr(0);
pub(super) const RCX: Gpr = Gpr(1);
pub(super) const RDX: Gpr = Gpr(2);
pub(super) const RBX: Gpr = Gpr(3);
pub(super) const RSP: Gpr = Gpr(4);
pub(super) const RBP: Gpr = Gpr(5);
pub(super) const RSI: Gpr = Gpr(6);
pub(super) const RDI: Gpr = Gpr(7);
pub(super) const R8: Gpr = Gpr(8);
pub(super) const R9: Gpr = Gpr(9);
pub(super) const R10: Gpr = Gpr(10);
/// Scratch.
pub(super) const R11: Gpr = Gpr(11);
pub(super) const R12: Gpr = Gpr(12);
pub(super) const R13: Gpr = Gpr(13);
pub(super) const R14: Gpr = Gpr(14);
pub(super) const R15: Gpr = Gpr(15);

pub(super) const XMM0: Xmm = Xmm(0);
/// Scratch.
pub(super) const XMM15: Xmm = Xmm(15);

/// Registers that a call keeps.
pub(super) const CALLEE_SAVED: [Gpr; 5] = [RBX, R12, R13, R14, R15];
/// Registers that may hold locals and are lost at calls.
pub(super) const CALLER_SAVED_PINS: [Gpr; 3] = [R10, R9, R8];
/// Vector registers that may hold locals; all are lost at calls.
pub(super) const XMM_PINS: [Xmm; 8] = [Xmm(14), Xmm(13), Xmm(12), Xmm(11), Xmm(10), Xmm(9), Xmm(8), Xmm(7)];
/// Registers for operands, unless locals took them.
pub(super) const OPERAND_GPRS: u16 = 0b0000_0111_1100_0111;
/// Vector registers for operands, unless locals took them.
pub(super) const OPERAND_XMMS: u16 = 0x7fff;

/// Integer registers of parameters.
pub(super) const PARAM_GPRS: [Gpr; 6] = [RDI, RSI, RDX, RCX, R8, R9];
/// Integer registers of results.
pub(super) const RESULT_GPRS: [Gpr; 8] = [RAX, RCX, RDX, RSI, RDI, R8, R9, R10];
/// How many vector registers there are for parameters, and for results.
pub(super) const VALUE_XMMS: u8 = 8;

impl Gpr {
    /// The register as a set.
    #[inline]
    pub const fn bit(self) -> u16 {
        1 << self.0
    }
}

impl Xmm {
    /// The register as a set.
    #[inline]
    pub const fn bit(self) -> u16 {
        1 << self.0
    }
}

/// The base of operands in the pool of constants.
pub(super) const RIP: u8 = 16;

/// A memory operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mem {
    /// A register, or [`RIP`]: then `disp` is an offset in the pool.
    pub base: u8,
    /// A register, or [`Mem::NO_INDEX`].
    pub index: u8,
    /// The index is multiplied by two to the power of this.
    pub scale: u8,
    /// Added.
    pub disp: i32,
}

impl Mem {
    /// `rsp` cannot be an index.
    pub const NO_INDEX: u8 = 4;

    /// `[base + disp]`.
    #[inline]
    pub const fn new(base: Gpr, disp: i32) -> Self {
        Self { base: base.0, index: Self::NO_INDEX, scale: 0, disp }
    }

    /// `[base + index * 2^scale + disp]`.
    #[inline]
    pub const fn indexed(base: Gpr, index: Gpr, scale: u8, disp: i32) -> Self {
        Self { base: base.0, index: index.0, scale, disp }
    }

    /// In the frame.
    #[inline]
    pub const fn frame(offset: i32) -> Self {
        Self::new(RBP, offset)
    }

    #[inline]
    pub const fn has_index(self) -> bool {
        self.index != Self::NO_INDEX
    }
}

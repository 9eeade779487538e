//! What compiling one function gives: position-independent code and the tables that the running side reads beside it.
//!
//! The same whichever tier made it, free of addresses and of engine-wide identities, so that it can be written to disk and mapped back.

mod bundle;
mod check;
mod codec;
mod references;

use std::sync::Arc;

use crate::trap_code::TrapCode;

pub use bundle::{BundledFunction, CodeBundle};
pub use check::Fault;
pub use codec::{FORMAT, Malformed};
pub use references::ReferenceLists;

/// Which compiler made code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Tier {
    /// The single-pass compiler.
    Baseline = 1,
    /// The optimising compiler.
    #[default]
    Optimizing = 2,
}

impl Tier {
    /// The tier of a number that [`Tier`] was cast to.
    pub fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Baseline),
            2 => Some(Self::Optimizing),
            _ => None,
        }
    }
}

/// A compiled function or trampoline. All offsets are in bytes from the start of `code`.
#[derive(Clone, Debug, Default)]
pub struct CompiledCode {
    /// Which compiler made it.
    pub tier: Tier,
    /// Machine code, constants included. Entry at offset 0; wants 16-byte alignment (64 when it holds constants that need it).
    pub code: Vec<u8>,
    /// Required alignment of `code`, a power of two.
    pub alignment: u32,
    /// Places that receive an absolute 8-byte address when the code is published.
    pub relocations: Vec<Relocation>,
    /// Instructions that may fault or trap, by ascending offset.
    pub traps: Vec<TrapSite>,
    /// Live references at calls, by ascending return offset.
    pub stack_maps: Vec<StackMap>,
    /// Which byte of the module the code comes from, by ascending offset: right for every trap site and for the byte before every
    /// return address. Stretches without either count with those before them.
    pub source_map: Vec<SourcePosition>,
    /// Calls whose exceptions the function looks at, by ascending return offset.
    pub handlers: Vec<HandlerSite>,
}

/// A place that receives an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relocation {
    /// Where in the code the 8 bytes lie.
    pub offset: u32,
    /// Whose address.
    pub target: RelocationTarget,
    /// Added to it.
    pub addend: i64,
}

macro_rules! math_calls {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Functions of the running side that code calls for what the CPU lacks; C calling convention, no `VMContext`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum RelocationTarget { $($(#[$doc])* $name),* }

        impl RelocationTarget {
            /// Every target.
            pub const ALL: &[RelocationTarget] = &[$(RelocationTarget::$name),*];
        }
    };
}

math_calls! {
    /// `ceilf`
    CeilF32,
    /// `ceil`
    CeilF64,
    /// `floorf`
    FloorF32,
    /// `floor`
    FloorF64,
    /// `truncf`
    TruncF32,
    /// `trunc`
    TruncF64,
    /// round to nearest, ties to even, 32 bits
    NearestF32,
    /// round to nearest, ties to even, 64 bits
    NearestF64,
    /// `fmaf`
    FmaF32,
    /// `fma`
    FmaF64,
    /// byte shuffle of a vector, for CPUs without SSSE3
    X86Pshufb,
}

/// An instruction that may trap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrapSite {
    /// Offset of the instruction.
    pub offset: u32,
    /// What the trap means.
    pub code: TrapCode,
}

/// The references that live across one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StackMap {
    /// Offset of the call's return address.
    pub return_offset: u32,
    /// Bytes between the stack pointer at the call and the frame pointer.
    pub frame_size: u32,
    /// Offsets from the frame pointer of 32-bit references into the heap. Calls with equal lists share one: see [`ReferenceLists`].
    pub references: Arc<[i32]>,
}

/// The module bytes that a stretch of code comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourcePosition {
    /// Start of the stretch; it ends where the next begins.
    pub offset: u32,
    /// Offset of the instruction in the module's bytes, or `u32::MAX` for code that belongs to none.
    pub wasm_offset: u32,
}

/// A call in whose function an exception is caught, or at least looked at.
///
/// What is thrown there goes on at `landing`, whatever its tag: the code there compares tags, and throws on what it does not take. It finds the
/// exception, a reference into the heap, zero-extended in the first of the registers that the tail-call convention has for this
/// (x86-64: `rax`); the frame pointer is that of the frame, and all other registers hold nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HandlerSite {
    /// Offset of the call's return address.
    pub return_offset: u32,
    /// Bytes between the stack pointer that the landing expects and the frame pointer.
    pub frame_size: u32,
    /// Offset of the code to go on at.
    pub landing: u32,
}

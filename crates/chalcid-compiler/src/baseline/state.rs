//! The state of one compilation: the abstract operand stack, the registers, the locals.
//!
//! # Invariants
//! - An integer register that holds an `i32` or a reference into the heap has zeros in its upper half.
//! - A register for operands is *free*, *used* by exactly one entry of the stack, or *held* by the operator at hand.
//! - An entry at height `h` that lies in memory lies in slot `h`. Nothing else is ever stored there.
//! - Entries below `flushed` are in slots or constants: what control joins rely on.
//! - A local that has a register of its own lies there always; any other lies in its home.
//! - An entry `Local` is linked into the list of its local; writing the local first gives such entries values of their own.
//! - Whatever a local's home is needed for at a call (`frame.rs`), it holds what the local does before anything can call.
//! - At most one entry is a condition; it is on top, and the flags are as it says.
//! - Between a branch within an operator and the place where its ways join nothing is allocated: what would be spilled there would be
//!   spilled on one of the ways only.

use chalcid_module::artifact::{ReferenceLists, SourcePosition, TrapSite};
use chalcid_module::declarations::Declarations;
use chalcid_module::layout::VMContextLayout;
use chalcid_module::types::FuncType;
use wasmparser::OperatorsReaderAllocations;

use super::asm::{Asm, Cc, Label, Op};
use super::cold::Cold;
use super::control::Frame;
use super::exception::Handlers;
use super::features::CpuFeatures;
use super::frame::FrameLayout;
use super::output::Map;
use super::reg::{Gpr, Mem, OPERAND_GPRS, OPERAND_XMMS, Xmm};
use super::scratch::{Moves, Scratch};
use crate::objects::StructLayouts;
use crate::{AbiType, Settings};

/// No entry, no register.
pub(super) const NONE: u32 = u32::MAX;

/// What a comparison left in the flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cond {
    /// A condition of integers, or of floats in an order that needs no test for NaN.
    Int(Cc),
    /// Floats were equal.
    FloatEq,
    /// Floats were not equal, or not ordered.
    FloatNe,
}

impl Cond {
    pub fn not(self) -> Self {
        match self {
            Cond::Int(cc) => Cond::Int(cc.not()),
            Cond::FloatEq => Cond::FloatNe,
            Cond::FloatNe => Cond::FloatEq,
        }
    }
}

/// Where an entry of the operand stack lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Loc {
    Gpr(Gpr),
    Xmm(Xmm),
    /// A number, zero-extended; the bits of a float.
    Const(u64),
    /// What a local holds, and the entry before it in the local's list.
    Local(u32, u32),
    /// In its slot.
    Slot,
    Cond(Cond),
}

/// An entry of the operand stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub ty: AbiType,
    pub loc: Loc,
}

/// Where a value that was popped lies. Registers that are not for operands are those of locals: not to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum At {
    Gpr(Gpr),
    Xmm(Xmm),
    Const(u64),
    Mem(Mem),
    Cond(Cond),
}

/// A value that was popped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Val {
    pub ty: AbiType,
    pub at: At,
}

/// A local.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub ty: AbiType,
    /// Number of its register, of the kind that its type asks for; `NO_PIN` if it has none.
    pub pin: u8,
    /// Offset of its home from the frame pointer.
    pub home: i32,
    /// The uppermost entry that stands for it.
    pub head: u32,
}

pub(super) const NO_PIN: u8 = u8::MAX;

/// Whether values of a type are in vector registers.
#[inline]
pub(super) fn in_xmm(ty: AbiType) -> bool {
    matches!(ty, AbiType::F32 | AbiType::F64 | AbiType::V128)
}

/// Whether an integer of a type has 64 bits.
#[inline]
pub(super) fn is_wide(ty: AbiType) -> bool {
    matches!(ty, AbiType::I64 | AbiType::FuncRef)
}

/// The instruction that loads a float or vector.
pub(super) fn load_op(ty: AbiType) -> Op {
    match ty {
        AbiType::F32 => Op::two(0xf3, 0x10),
        AbiType::F64 => Op::two(0xf2, 0x10),
        _ => Op::two(0, 0x10),
    }
}

/// The instruction that stores a float or vector.
pub(super) fn store_op(ty: AbiType) -> Op {
    match ty {
        AbiType::F32 => Op::two(0xf3, 0x11),
        AbiType::F64 => Op::two(0xf2, 0x11),
        _ => Op::two(0, 0x11),
    }
}

/// Validation promised otherwise; the boundary of the compiler turns this into an error.
#[cold]
#[track_caller]
pub(super) fn invalid() -> ! {
    panic!("operand stack underflow: the body was not validated")
}

/// The state of one compilation.
pub(super) struct Baseline<'a> {
    pub asm: Asm,
    pub module: &'a Declarations,
    pub layout: &'a VMContextLayout,
    pub settings: &'a Settings,
    pub cpu: CpuFeatures,
    pub ty: &'a FuncType,
    /// Number of the function.
    pub func: u32,
    /// The body, where it lies in the module, and where in it the next operator begins.
    pub body: &'a [u8],
    pub body_offset: u32,
    pub next: usize,
    /// What the reading library uses again.
    pub reader: OperatorsReaderAllocations,
    /// Offset in the module of the operator at hand.
    pub offset: u32,
    pub reachable: bool,
    pub frames: Vec<Frame<'a>>,
    pub skipped_frames: usize,
    /// Handlers around the code at hand, the innermost last.
    pub handlers: Vec<Handlers>,
    pub frame: FrameLayout,
    pub locals: Vec<Local>,
    pub stack: Vec<Entry>,
    /// Entries below this are where control joins want them.
    pub flushed: usize,
    /// Heights of entries that are references into the heap.
    pub gc_entries: Vec<u32>,
    /// Homes of locals that are such references.
    pub gc_homes: Vec<i32>,
    /// Whether the entry on top is a condition.
    pub cond_pending: bool,
    /// Whether a vector was met though slots are narrow.
    pub too_narrow: bool,
    /// Registers for operands.
    pub operand_gprs: u16,
    pub operand_xmms: u16,
    pub free_gprs: u16,
    pub free_xmms: u16,
    pub used_gprs: u16,
    pub used_xmms: u16,
    pub gpr_entry: [u32; 16],
    pub xmm_entry: [u32; 16],
    /// Most slots that were ever used.
    pub max_slots: u32,
    /// Most bytes that a call put below the frame.
    pub max_outgoing: u32,
    pub cold: Vec<Cold>,
    pub traps: Vec<TrapSite>,
    pub source_map: Vec<SourcePosition>,
    pub maps: Vec<Map>,
    /// Return addresses of the calls whose exceptions are looked at, and where these arrive.
    pub handler_sites: Vec<(u32, Label)>,
    /// Layouts of structure types that were used.
    pub struct_layouts: StructLayouts,
    /// Empty vectors for the moves of a call.
    pub moves: Moves,
    /// The references at calls.
    pub reference_lists: ReferenceLists,
    /// How many were looked at.
    pub looked_at: u64,
    /// Start of the code that leaves the function.
    pub overflow: Label,
}

impl<'a> Baseline<'a> {
    #[allow(clippy::too_many_arguments, reason = "made in one place")]
    pub fn new(
        module: &'a Declarations,
        layout: &'a VMContextLayout,
        settings: &'a Settings,
        cpu: CpuFeatures,
        ty: &'a FuncType,
        func: u32,
        body: &'a [u8],
        scratch: &mut Scratch,
    ) -> Self {
        let mut asm = std::mem::take(&mut scratch.asm);
        asm.begin(body.len() * 6 + 256);
        let overflow = asm.label();
        Self {
            asm,
            module,
            layout,
            settings,
            cpu,
            ty,
            func,
            body,
            body_offset: 0,
            next: 0,
            reader: std::mem::take(&mut scratch.reader),
            offset: 0,
            reachable: true,
            frames: Vec::with_capacity(16),
            skipped_frames: 0,
            handlers: Vec::new(),
            frame: FrameLayout::default(),
            locals: std::mem::take(&mut scratch.locals),
            stack: std::mem::take(&mut scratch.stack),
            flushed: 0,
            gc_entries: std::mem::take(&mut scratch.gc_entries),
            gc_homes: std::mem::take(&mut scratch.gc_homes),
            cond_pending: false,
            too_narrow: false,
            operand_gprs: OPERAND_GPRS,
            operand_xmms: OPERAND_XMMS,
            free_gprs: 0,
            free_xmms: 0,
            used_gprs: 0,
            used_xmms: 0,
            gpr_entry: [NONE; 16],
            xmm_entry: [NONE; 16],
            max_slots: 0,
            max_outgoing: 0,
            cold: std::mem::take(&mut scratch.cold),
            traps: std::mem::take(&mut scratch.traps),
            source_map: std::mem::take(&mut scratch.source_map),
            maps: std::mem::take(&mut scratch.maps),
            handler_sites: std::mem::take(&mut scratch.handler_sites),
            struct_layouts: StructLayouts::default(),
            moves: std::mem::take(&mut scratch.moves),
            reference_lists: std::mem::take(&mut scratch.reference_lists),
            looked_at: 0,
            overflow,
        }
    }
}

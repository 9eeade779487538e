//! The state of one compilation: the abstract operand stack, the registers, the locals.
//!
//! # Invariants
//! - An integer register that holds an `i32` or a reference into the heap has zeros in its upper half.
//! - A register for operands is *free*, *used* by exactly one entry of the stack, or *held* by the operator at hand.
//! - An entry at height `h` that lies in memory lies in slot `h`. Nothing else is ever stored there.
//! - Entries below `flushed` are in slots or constants: what control joins rely on.
//! - A local that has a register of its own lies there always; any other lies in its home.
//! - An entry `Local` is linked into the list of its local; writing the local first gives such entries values of their own.
//! - At most one entry is a condition; it is on top, and the flags are as it says.
//! - Between a branch within an operator and the place where its ways join nothing is allocated: what would be spilled there would be
//!   spilled on one of the ways only.

use chalcid_module::artifact::{SourcePosition, TrapSite};
use chalcid_module::declarations::Declarations;
use chalcid_module::layout::VMContextLayout;
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::FuncType;

use super::asm::{Asm, Cc, Label, Op};
use super::cold::Cold;
use super::control::Frame;
use super::features::CpuFeatures;
use super::frame::FrameLayout;
use super::output::Map;
use super::reg::{Gpr, Mem, OPERAND_GPRS, OPERAND_XMMS, R11, XMM15, Xmm};
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
    /// The body, and where in it the next operator begins.
    pub body: &'a [u8],
    pub next: usize,
    /// Offset in the module of the operator at hand.
    pub offset: u32,
    pub reachable: bool,
    pub frames: Vec<Frame<'a>>,
    pub skipped_frames: usize,
    pub frame: FrameLayout,
    pub locals: Vec<Local>,
    stack: Vec<Entry>,
    /// Entries below this are where control joins want them.
    flushed: usize,
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
    free_gprs: u16,
    free_xmms: u16,
    used_gprs: u16,
    used_xmms: u16,
    gpr_entry: [u32; 16],
    xmm_entry: [u32; 16],
    /// Most slots that were ever used.
    pub max_slots: u32,
    /// Most bytes that a call put below the frame.
    pub max_outgoing: u32,
    pub cold: Vec<Cold>,
    pub traps: Vec<TrapSite>,
    pub source_map: Vec<SourcePosition>,
    pub maps: Vec<Map>,
    /// References in all maps, which is bounded.
    pub mapped: u64,
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
    ) -> Self {
        let mut asm = Asm::new(body.len() * 6 + 256);
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
            next: 0,
            offset: 0,
            reachable: true,
            frames: Vec::new(),
            skipped_frames: 0,
            frame: FrameLayout::default(),
            locals: Vec::new(),
            stack: Vec::with_capacity(32),
            flushed: 0,
            gc_entries: Vec::new(),
            gc_homes: Vec::new(),
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
            cold: Vec::new(),
            traps: Vec::new(),
            source_map: Vec::new(),
            maps: Vec::new(),
            mapped: 0,
            overflow,
        }
    }
}

/// The operand stack.
impl Baseline<'_> {
    /// Number of operands.
    #[inline]
    pub fn height(&self) -> usize {
        self.stack.len()
    }

    /// Entries, the deepest first.
    pub fn entries(&self, from: usize) -> &[Entry] {
        self.stack.get(from..).unwrap_or_default()
    }

    #[inline]
    pub fn push(&mut self, ty: AbiType, loc: Loc) {
        let height = self.stack.len() as u32;
        match loc {
            Loc::Gpr(reg) => self.use_gpr(reg, height),
            Loc::Xmm(reg) => self.use_xmm(reg, height),
            _ => {}
        }
        match ty {
            AbiType::GcRef => self.gc_entries.push(height),
            AbiType::V128 if !self.frame.wide => self.too_narrow = true,
            _ => {}
        }
        self.stack.push(Entry { ty, loc });
    }

    #[inline]
    fn use_gpr(&mut self, reg: Gpr, height: u32) {
        if self.operand_gprs & reg.bit() != 0 {
            debug_assert!(self.free_gprs & reg.bit() == 0, "{reg:?} is free");
            self.used_gprs |= reg.bit();
            self.gpr_entry[reg.0 as usize & 15] = height;
        }
    }

    #[inline]
    fn use_xmm(&mut self, reg: Xmm, height: u32) {
        if self.operand_xmms & reg.bit() != 0 {
            debug_assert!(self.free_xmms & reg.bit() == 0, "{reg:?} is free");
            self.used_xmms |= reg.bit();
            self.xmm_entry[reg.0 as usize & 15] = height;
        }
    }

    pub fn push_gpr(&mut self, ty: AbiType, reg: Gpr) {
        self.push(ty, Loc::Gpr(reg));
    }

    pub fn push_xmm(&mut self, ty: AbiType, reg: Xmm) {
        self.push(ty, Loc::Xmm(reg));
    }

    /// Pushes what a local holds.
    pub fn push_local(&mut self, index: u32) {
        let height = self.stack.len() as u32;
        let Some(local) = self.locals.get_mut(index as usize) else { invalid() };
        let before = std::mem::replace(&mut local.head, height);
        let ty = local.ty;
        self.push(ty, Loc::Local(index, before));
    }

    /// Pushes a condition.
    pub fn push_cond(&mut self, cond: Cond) {
        self.push(AbiType::I32, Loc::Cond(cond));
        self.cond_pending = true;
    }

    /// Pops a value. Its register is held then.
    #[inline]
    pub fn pop(&mut self) -> Val {
        let Some(Entry { ty, loc }) = self.stack.pop() else { invalid() };
        let height = self.stack.len();
        if height < self.flushed {
            self.flushed = height;
        }
        if ty == AbiType::GcRef {
            self.gc_entries.pop();
        }
        let at = match loc {
            Loc::Gpr(reg) => {
                self.used_gprs &= !reg.bit();
                At::Gpr(reg)
            }
            Loc::Xmm(reg) => {
                self.used_xmms &= !reg.bit();
                At::Xmm(reg)
            }
            Loc::Const(bits) => At::Const(bits),
            Loc::Local(index, before) => {
                let local = &mut self.locals[index as usize];
                local.head = before;
                self.local_at(index)
            }
            Loc::Slot => At::Mem(self.slot(height)),
            Loc::Cond(cond) => {
                self.cond_pending = false;
                At::Cond(cond)
            }
        };
        Val { ty, at }
    }

    /// Where a local lies.
    pub fn local_at(&self, index: u32) -> At {
        let local = &self.locals[index as usize];
        if local.pin == NO_PIN {
            At::Mem(Mem::frame(local.home))
        } else if in_xmm(local.ty) {
            At::Xmm(Xmm(local.pin))
        } else {
            At::Gpr(Gpr(local.pin))
        }
    }

    /// Where an entry lies, which stays on the stack.
    pub fn entry_at(&self, height: usize) -> Val {
        let Some(&Entry { ty, loc }) = self.stack.get(height) else { invalid() };
        let at = match loc {
            Loc::Gpr(reg) => At::Gpr(reg),
            Loc::Xmm(reg) => At::Xmm(reg),
            Loc::Const(bits) => At::Const(bits),
            Loc::Local(index, _) => self.local_at(index),
            Loc::Slot => At::Mem(self.slot(height)),
            Loc::Cond(cond) => At::Cond(cond),
        };
        Val { ty, at }
    }

    /// Drops the operand on top.
    pub fn drop_top(&mut self) {
        let val = self.pop();
        self.release(val);
    }

    /// Drops operands down to a height.
    pub fn truncate(&mut self, height: usize) {
        while self.stack.len() > height {
            self.drop_top();
        }
    }

    /// Pushes an entry that lies in its slot.
    pub fn push_slot(&mut self, ty: AbiType) {
        self.touch_slot(self.stack.len());
        self.push(ty, Loc::Slot);
    }

    /// The slot of a height.
    #[inline]
    pub fn slot(&self, height: usize) -> Mem {
        Mem::frame(-(self.frame.slots + (height as i32 + 1) * self.frame.slot_size))
    }

    /// Notes that a slot is used.
    pub fn touch_slot(&mut self, height: usize) {
        self.max_slots = self.max_slots.max(height as u32 + 1);
    }
}

/// Validation promised otherwise; the boundary of the compiler turns this into an error.
#[cold]
#[track_caller]
pub(super) fn invalid() -> ! {
    panic!("operand stack underflow: the body was not validated")
}

/// Registers.
impl Baseline<'_> {
    /// Makes all registers for operands free, at the start of a function.
    pub fn free_all(&mut self) {
        self.free_gprs = self.operand_gprs;
        self.free_xmms = self.operand_xmms;
    }

    /// Whether a register is for operands, so that who holds it may write it.
    #[inline]
    pub fn owns(&self, reg: Gpr) -> bool {
        self.operand_gprs & reg.bit() != 0
    }

    #[inline]
    pub fn owns_xmm(&self, reg: Xmm) -> bool {
        self.operand_xmms & reg.bit() != 0
    }

    /// A free register, held from now on.
    #[inline]
    pub fn alloc(&mut self) -> Gpr {
        if self.free_gprs == 0 {
            self.spill_gpr();
        }
        // Those that some instructions insist on come last.
        let special = 0b111;
        let easy = self.free_gprs & !special;
        let set = if easy != 0 { easy } else { self.free_gprs };
        let reg = Gpr(set.trailing_zeros() as u8);
        self.free_gprs &= !reg.bit();
        reg
    }

    #[inline]
    pub fn alloc_xmm(&mut self) -> Xmm {
        if self.free_xmms == 0 {
            self.spill_xmm();
        }
        let reg = Xmm(self.free_xmms.trailing_zeros() as u8);
        self.free_xmms &= !reg.bit();
        reg
    }

    #[cold]
    fn spill_gpr(&mut self) {
        let used = (0..16).filter(|reg| self.used_gprs >> reg & 1 != 0);
        let Some(reg) = used.min_by_key(|&reg| self.gpr_entry[reg]) else { panic!("an operator holds all registers") };
        self.spill(self.gpr_entry[reg] as usize);
    }

    #[cold]
    fn spill_xmm(&mut self) {
        let used = (0..16).filter(|reg| self.used_xmms >> reg & 1 != 0);
        let Some(reg) = used.min_by_key(|&reg| self.xmm_entry[reg]) else { panic!("an operator holds all registers") };
        self.spill(self.xmm_entry[reg] as usize);
    }

    /// Holds a certain register: whatever uses it moves away. The operator at hand must not hold it.
    pub fn take(&mut self, reg: Gpr) {
        if self.free_gprs & reg.bit() == 0 {
            assert!(self.used_gprs & reg.bit() != 0, "{reg:?} is held");
            let height = self.gpr_entry[reg.0 as usize] as usize;
            if self.free_gprs != 0 {
                let other = self.alloc();
                let entry = &mut self.stack[height];
                entry.loc = Loc::Gpr(other);
                self.asm.mov_rr(is_wide(entry.ty), other, reg);
                self.used_gprs &= !reg.bit();
                self.use_gpr(other, height as u32);
            } else {
                self.spill(height);
                self.free_gprs &= !reg.bit();
            }
        }
        self.free_gprs &= !reg.bit();
    }

    pub fn take_xmm(&mut self, reg: Xmm) {
        if self.free_xmms & reg.bit() == 0 {
            assert!(self.used_xmms & reg.bit() != 0, "{reg:?} is held");
            let height = self.xmm_entry[reg.0 as usize] as usize;
            self.spill(height);
        }
        self.free_xmms &= !reg.bit();
    }

    /// Registers that are held: none, between operators.
    pub fn held(&self) -> (u16, u16) {
        let gprs = self.operand_gprs & !self.free_gprs & !self.used_gprs;
        (gprs, self.operand_xmms & !self.free_xmms & !self.used_xmms)
    }

    #[inline]
    pub fn release_gpr(&mut self, reg: Gpr) {
        debug_assert!(self.used_gprs & reg.bit() == 0);
        self.free_gprs |= reg.bit() & self.operand_gprs;
    }

    #[inline]
    pub fn release_xmm(&mut self, reg: Xmm) {
        debug_assert!(self.used_xmms & reg.bit() == 0);
        self.free_xmms |= reg.bit() & self.operand_xmms;
    }

    /// Gives up the register of a value.
    #[inline]
    pub fn release(&mut self, val: Val) {
        match val.at {
            At::Gpr(reg) => self.release_gpr(reg),
            At::Xmm(reg) => self.release_xmm(reg),
            _ => {}
        }
    }

    /// Puts an entry into its slot.
    fn spill(&mut self, height: usize) {
        let val = self.entry_at(height);
        self.store_val(self.slot(height), val);
        self.touch_slot(height);
        match self.stack[height].loc {
            Loc::Gpr(reg) => {
                self.used_gprs &= !reg.bit();
                self.release_gpr(reg);
            }
            Loc::Xmm(reg) => {
                self.used_xmms &= !reg.bit();
                self.release_xmm(reg);
            }
            _ => {}
        }
        self.stack[height].loc = Loc::Slot;
    }

    /// Puts entries below a height that are in registers into their slots.
    pub fn spill_registers(&mut self, below: usize) {
        let mut gprs = self.used_gprs;
        while gprs != 0 {
            let height = self.gpr_entry[gprs.trailing_zeros() as usize] as usize;
            gprs &= gprs - 1;
            if height < below {
                self.spill(height);
            }
        }
        let mut xmms = self.used_xmms;
        while xmms != 0 {
            let height = self.xmm_entry[xmms.trailing_zeros() as usize] as usize;
            xmms &= xmms - 1;
            if height < below {
                self.spill(height);
            }
        }
    }

    /// Entries that are in registers: register, whether a vector register, type, height.
    pub fn registers_in_use(&self) -> Vec<(u8, AbiType, usize)> {
        let gprs = (0..16).filter(|reg| self.used_gprs >> reg & 1 != 0).map(|reg| (reg, self.gpr_entry[reg as usize]));
        let xmms = (0..16).filter(|reg| self.used_xmms >> reg & 1 != 0).map(|reg| (reg, self.xmm_entry[reg as usize]));
        gprs.chain(xmms).map(|(reg, height)| (reg, self.stack[height as usize].ty, height as usize)).collect()
    }

    /// Puts all entries where control joins want them. Keeps the flags.
    pub fn flush(&mut self) {
        for height in self.flushed..self.stack.len() {
            match self.stack[height].loc {
                Loc::Gpr(_) | Loc::Xmm(_) => self.spill(height),
                Loc::Local(index, _) => {
                    // Entries of one local are met from the deepest to the uppermost; the last empties the list.
                    self.spill(height);
                    self.locals[index as usize].head = NONE;
                }
                Loc::Slot | Loc::Const(_) | Loc::Cond(_) => {}
            }
        }
        self.flushed = self.stack.len();
    }

    /// Turns a pending condition into a number.
    pub fn settle_cond(&mut self) {
        if self.cond_pending {
            let val = self.pop();
            let reg = self.in_own_gpr(val);
            self.push_gpr(AbiType::I32, reg);
        }
    }

    /// Gives entries that stand for a local values of their own, before it is written.
    #[inline]
    pub fn settle_local(&mut self, index: u32) {
        if self.locals[index as usize].head != NONE {
            self.settle_entries(index);
        }
    }

    fn settle_entries(&mut self, index: u32) {
        let mut height = std::mem::replace(&mut self.locals[index as usize].head, NONE);
        while height != NONE {
            let Some(Entry { ty, loc: Loc::Local(_, before) }) = self.stack.get(height as usize).copied() else {
                invalid()
            };
            let at = self.local_at(index);
            let full = if in_xmm(ty) { self.free_xmms == 0 } else { self.free_gprs == 0 };
            if full {
                self.spill(height as usize);
            } else if in_xmm(ty) {
                let reg = self.alloc_xmm();
                self.load_xmm(reg, Val { ty, at });
                self.stack[height as usize].loc = Loc::Xmm(reg);
                self.use_xmm(reg, height);
            } else {
                let reg = self.alloc();
                self.load_gpr(reg, Val { ty, at });
                self.stack[height as usize].loc = Loc::Gpr(reg);
                self.use_gpr(reg, height);
            }
            height = before;
        }
    }
}

/// Moving values. None of these touches the flags, but for conditions.
impl Baseline<'_> {
    /// Loads a value of an integer type into a register. Does not give up the value's own.
    pub fn load_gpr(&mut self, dst: Gpr, val: Val) {
        let wide = is_wide(val.ty);
        match val.at {
            At::Gpr(src) => self.asm.mov_rr(wide, dst, src),
            At::Mem(mem) => self.asm.load(wide, dst, mem),
            At::Const(bits) => self.asm.mov_ri(dst, bits),
            At::Cond(cond) => self.set_cond(dst, cond),
            At::Xmm(_) => invalid(),
        }
    }

    fn set_cond(&mut self, dst: Gpr, cond: Cond) {
        match cond {
            Cond::Int(cc) => self.asm.setcc(cc, dst),
            Cond::FloatEq => {
                self.asm.setcc(Cc::Np, R11);
                self.asm.setcc(Cc::E, dst);
                self.asm.rr(Op::one(0x22).byte(), false, dst.0, R11.0);
            }
            Cond::FloatNe => {
                self.asm.setcc(Cc::P, R11);
                self.asm.setcc(Cc::Ne, dst);
                self.asm.rr(Op::one(0x0a).byte(), false, dst.0, R11.0);
            }
        }
        self.asm.movzx8(dst, dst);
    }

    /// Loads a value of a float or vector type into a register.
    pub fn load_xmm(&mut self, dst: Xmm, val: Val) {
        match val.at {
            At::Xmm(src) => self.asm.mov_xx(dst, src),
            At::Mem(mem) => self.asm.rm(load_op(val.ty), false, dst.0, mem),
            At::Const(0) => self.asm.sse(Op::two(0, 0x57), dst, dst),
            At::Const(bits) => {
                let size = if val.ty == AbiType::F32 { 4 } else { 8 };
                let mem = self.asm.constant(bits.into(), size);
                self.asm.rm(load_op(val.ty), false, dst.0, mem);
            }
            At::Gpr(_) | At::Cond(_) => invalid(),
        }
    }

    /// Stores a value. Uses the scratch registers.
    pub fn store_val(&mut self, dst: Mem, val: Val) {
        match val.at {
            At::Gpr(src) => self.asm.store(is_wide(val.ty), dst, src),
            At::Xmm(src) => self.asm.rm(store_op(val.ty), false, src.0, dst),
            At::Const(bits) => {
                let wide = matches!(val.ty, AbiType::I64 | AbiType::F64 | AbiType::FuncRef);
                if !wide || bits as i32 as u64 == bits {
                    self.asm.store_imm(wide, dst, bits as i32);
                } else {
                    self.asm.mov_ri(R11, bits);
                    self.asm.store(true, dst, R11);
                }
            }
            At::Mem(src) if src == dst => {}
            At::Mem(src) => match val.ty {
                AbiType::V128 => {
                    self.asm.rm(Op::two(0, 0x10), false, XMM15.0, src);
                    self.asm.rm(Op::two(0, 0x11), false, XMM15.0, dst);
                }
                ty => {
                    let wide = matches!(ty, AbiType::I64 | AbiType::F64 | AbiType::FuncRef);
                    self.asm.load(wide, R11, src);
                    self.asm.store(wide, dst, R11);
                }
            },
            At::Cond(cond) => {
                self.set_cond_scratch(cond);
                self.asm.store(false, dst, R11);
            }
        }
    }

    fn set_cond_scratch(&mut self, cond: Cond) {
        let reg = self.alloc();
        self.set_cond(reg, cond);
        self.asm.mov_rr(false, R11, reg);
        self.release_gpr(reg);
    }

    /// The value in a register to read: its own, a local's, or a new one.
    #[inline]
    pub fn in_gpr(&mut self, val: Val) -> Gpr {
        match val.at {
            At::Gpr(reg) => reg,
            _ => {
                let reg = self.alloc();
                self.load_gpr(reg, val);
                reg
            }
        }
    }

    /// The value in a register to write.
    #[inline]
    pub fn in_own_gpr(&mut self, val: Val) -> Gpr {
        match val.at {
            At::Gpr(reg) if self.owns(reg) => reg,
            _ => {
                let reg = self.alloc();
                self.load_gpr(reg, val);
                reg
            }
        }
    }

    #[inline]
    pub fn in_xmm(&mut self, val: Val) -> Xmm {
        match val.at {
            At::Xmm(reg) => reg,
            _ => {
                let reg = self.alloc_xmm();
                self.load_xmm(reg, val);
                reg
            }
        }
    }

    #[inline]
    pub fn in_own_xmm(&mut self, val: Val) -> Xmm {
        match val.at {
            At::Xmm(reg) if self.owns_xmm(reg) => reg,
            _ => {
                let reg = self.alloc_xmm();
                self.load_xmm(reg, val);
                reg
            }
        }
    }

    /// Moves a value into a certain register, which is held from then on. The operator at hand must not hold it but for the value.
    pub fn move_to(&mut self, val: Val, reg: Gpr) {
        if val.at == At::Gpr(reg) {
            return;
        }
        self.take(reg);
        self.load_gpr(reg, val);
        self.release(val);
    }

    /// The local that the next operator sets, if it has a register and nothing stands for its value.
    #[inline]
    fn next_set(&self) -> Option<&Local> {
        let [opcode @ (0x21 | 0x22), rest @ ..] = self.body.get(self.next..)? else { return None };
        let _ = opcode;
        let index = match *rest {
            [byte, ..] if byte < 0x80 => u32::from(byte),
            [low, high, ..] if high < 0x80 => u32::from(low & 0x7f) | u32::from(high) << 7,
            _ => return None,
        };
        let local = self.locals.get(index as usize)?;
        if local.pin == NO_PIN || local.head != NONE { None } else { Some(local) }
    }

    /// The register of the local that the next operator sets: a result can be put there right away.
    #[inline]
    pub fn hint(&self) -> Option<Gpr> {
        let local = self.next_set()?;
        if in_xmm(local.ty) { None } else { Some(Gpr(local.pin)) }
    }

    #[inline]
    pub fn hint_xmm(&self) -> Option<Xmm> {
        let local = self.next_set()?;
        if in_xmm(local.ty) { Some(Xmm(local.pin)) } else { None }
    }

    /// A register for a result: of the local that is set next, or a new one.
    #[inline]
    pub fn result_gpr(&mut self) -> Gpr {
        match self.hint() {
            Some(reg) => reg,
            None => self.alloc(),
        }
    }

    #[inline]
    pub fn result_xmm(&mut self) -> Xmm {
        match self.hint_xmm() {
            Some(reg) => reg,
            None => self.alloc_xmm(),
        }
    }
}

/// Traps.
impl Baseline<'_> {
    /// Notes where the code at hand comes from, before an instruction that can trap or a call.
    #[inline]
    pub fn locate(&mut self) {
        let offset = self.asm.pos();
        match self.source_map.last() {
            Some(last) if last.wasm_offset == self.offset => {}
            _ => self.source_map.push(SourcePosition { offset, wasm_offset: self.offset }),
        }
    }

    /// Says that the next instruction may trap.
    #[inline]
    pub fn trap_site(&mut self, code: TrapCode) {
        self.locate();
        self.traps.push(TrapSite { offset: self.asm.pos(), code });
    }
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

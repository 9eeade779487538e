//! The frame of a function: what lies where, which values get registers of their own, entry and exit.
//!
//! ```text
//!   [rbp + 16 …]   parameters on the stack
//!   [rbp + 8]      return address
//!   [rbp]          the caller's rbp
//!   [rbp - 8]      the context
//!   [rbp - 16]     the place for results, if there is one
//!                  registers of the caller
//!                  homes of locals
//!                  slots of the operand stack
//!   [rsp …]        while calling: parameters on the stack, the place for results
//! ```
//! A local that has a register has a home too where calls destroy the register, where the local is a reference, which the collector looks for in memory,
//! and where the function takes exceptions, since these arrive with all registers lost: such a local is stored before calls. A function that takes
//! exceptions saves all registers of its caller, as what was called in between does not put them back.
//!
//! Offsets from `rbp` are known at once; the size of the frame only in the end, when it is patched into the prologue.

use chalcid_module::index::MemIdx;
use chalcid_module::layout::{MemoryPlan, vmagent, vmcontext, vmmemoryref};

use super::abi::{Place, Places};
use super::asm::{Alu, Cc, Op};
use super::cold::ColdKind;
use super::locals::Declared;
use super::reg::{CALLEE_SAVED, CALLER_SAVED_PINS, Gpr, Mem, R11, RAX, RBP, RCX, RDI, RSI, RSP, XMM_PINS, XMM15, Xmm};
use super::scan::Scan;
use super::state::{At, Baseline, Local, NO_PIN, Val, in_xmm, is_wide};
use crate::{AbiType, CompileError, Signature};

/// A frame larger than this is not compiled.
const LARGEST_FRAME: u32 = 16 << 20;

/// What lies where.
#[derive(Default)]
pub(super) struct FrameLayout {
    /// Whether slots and homes hold vectors.
    pub wide: bool,
    /// Bytes of a slot.
    pub slot_size: i32,
    /// The first slot ends so many bytes below the frame pointer.
    pub slots: i32,
    /// Whether the caller gave a place for results.
    pub through_memory: bool,
    /// Bytes of parameters on the stack.
    pub params_size: u32,
    /// Where the context is kept.
    pub vmctx: Option<Gpr>,
    /// Where the base of memory 0 is kept.
    pub memory: Option<Gpr>,
    /// Where the base of the heap of objects is kept.
    pub heap: Option<Gpr>,
    /// Whether exceptions arrive.
    pub catches: bool,
    /// Registers of the caller, and where they are saved.
    saved: Vec<(Gpr, i32)>,
    /// Locals in registers that calls destroy.
    pub lost_locals: Vec<u32>,
    /// References in registers that calls keep.
    pub kept_references: Vec<u32>,
    /// Other locals in such registers.
    pub kept_locals: Vec<u32>,
    /// Whether calls destroy the register of the context, or of a base.
    pub lost_vmctx: bool,
    pub lost_memory: bool,
    pub lost_heap: bool,
    /// Where the prologue wants the size of the frame, and the size with all that calls put below it.
    patch_size: u32,
    patch_reach: u32,
}

/// Home of the context.
pub(super) const VMCTX_HOME: Mem = Mem::frame(-8);
/// Home of the place for results.
pub(super) const RESULTS_HOME: Mem = Mem::frame(-16);

/// What may get a register.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Candidate {
    Vmctx,
    Memory,
    Heap,
    Local(u32),
}

impl Baseline<'_> {
    /// Lays out the frame, emits the prologue and puts parameters and locals where they belong. Gives places to those locals that
    /// are used.
    pub fn begin(&mut self, locals: &Declared<'_>, scan: &mut Scan, wide: bool) -> Result<(), CompileError> {
        let signature = Signature::of_module(self.ty, self.module);
        scan.locals.used.sort_unstable();
        let scan = &*scan;
        let used = &*scan.locals.used;
        let wide = self.add_locals(locals, used) || wide || scan.wide;
        self.frame.wide = wide;
        self.frame.slot_size = if wide { 16 } else { 8 };
        self.frame.through_memory = signature.returns_through_memory();
        self.frame.catches = scan.catches;
        let mut below = if self.frame.through_memory { 16 } else { 8 };
        self.choose_registers(scan, &mut below);

        let mut places = Places::of_params(self.frame.through_memory);
        let params: Vec<Place> = signature.params.iter().map(|&ty| places.next(ty)).collect();
        self.frame.params_size = places.stack_size();
        // A parameter on the stack has a home.
        let catches = self.frame.catches;
        for &index in used {
            let local = &mut self.locals[index as usize];
            let kept = local.pin != NO_PIN && !in_xmm(local.ty) && CALLEE_SAVED.contains(&Gpr(local.pin));
            let kept = kept && !catches && local.ty != AbiType::GcRef;
            match params.get(index as usize) {
                Some(&Place::Stack(offset)) => local.home = 16 + offset,
                _ if kept => {}
                _ => {
                    below += self.frame.slot_size;
                    local.home = -below;
                }
            }
            if local.ty == AbiType::GcRef {
                self.gc_homes.push(local.home);
            }
            if i64::from(below) > i64::from(LARGEST_FRAME) {
                return Err(too_large(below as u64));
            }
        }
        self.frame.slots = below;
        self.free_all();
        self.prologue();
        self.enter_params(&params);
        let first = used.partition_point(|&index| (index as usize) < params.len());
        self.clear_locals(&used[first..]);
        Ok(())
    }

    /// Gives registers to what is used most.
    fn choose_registers(&mut self, scan: &Scan, below: &mut i32) {
        let mut ints: Vec<(u32, Candidate)> = Vec::new();
        let mut floats: Vec<(u32, u32)> = Vec::new();
        for &index in &scan.locals.used {
            match (scan.locals.of(index), self.locals[index as usize].ty) {
                (..2, _) => {}
                (uses, ty) if in_xmm(ty) => floats.push((uses, index)),
                (uses, _) => ints.push((uses, Candidate::Local(index))),
            }
        }
        let mut vmctx = scan.vmctx;
        match self.memory_plan(MemIdx(0)) {
            Some(MemoryPlan::Static) => ints.push((scan.memory, Candidate::Memory)),
            _ => vmctx = vmctx.saturating_add(scan.memory),
        }
        ints.push((vmctx, Candidate::Vmctx));
        if scan.heap > 0 {
            ints.push((scan.heap, Candidate::Heap));
        }
        let order = |a: &(u32, Candidate), b: &(u32, Candidate)| b.0.cmp(&a.0).then(a.1.cmp(&b.1));
        let best = CALLEE_SAVED.len() + CALLER_SAVED_PINS.len();
        if ints.len() > best {
            ints.select_nth_unstable_by(best, order);
            ints.truncate(best);
        }
        ints.sort_unstable_by(order);
        let worth = scan.calls.saturating_mul(2).saturating_add(1);
        let mut kept = CALLEE_SAVED.iter();
        let mut lost = CALLER_SAVED_PINS.iter();
        for (uses, candidate) in ints {
            // Without calls, registers that need not be saved are the better ones.
            let first = if scan.calls == 0 { lost.next() } else { None };
            // What is stored before calls has to be used more.
            let stored = match candidate {
                Candidate::Local(index) => scan.catches || self.locals[index as usize].ty == AbiType::GcRef,
                _ => false,
            };
            let least = if stored { scan.calls.saturating_add(2) } else { 2 };
            let reg = first.or_else(|| if uses > least { kept.next() } else { None });
            let reg = reg.or_else(|| if uses > worth { lost.next() } else { None });
            let Some(&reg) = reg else { continue };
            let is_kept = CALLEE_SAVED.contains(&reg);
            if is_kept {
                self.save_register(reg, below);
            }
            self.operand_gprs &= !reg.bit();
            match candidate {
                Candidate::Vmctx => {
                    self.frame.vmctx = Some(reg);
                    self.frame.lost_vmctx = !is_kept;
                }
                Candidate::Memory => {
                    self.frame.memory = Some(reg);
                    self.frame.lost_memory = !is_kept;
                }
                Candidate::Heap => {
                    self.frame.heap = Some(reg);
                    self.frame.lost_heap = !is_kept;
                }
                Candidate::Local(index) => {
                    let local = &mut self.locals[index as usize];
                    local.pin = reg.0;
                    match (is_kept, local.ty) {
                        (false, _) => self.frame.lost_locals.push(index),
                        (true, AbiType::GcRef) => self.frame.kept_references.push(index),
                        (true, _) => self.frame.kept_locals.push(index),
                    }
                }
            }
        }
        if scan.catches {
            for reg in kept {
                self.save_register(*reg, below);
            }
        }
        let order = |a: &(u32, u32), b: &(u32, u32)| b.0.cmp(&a.0).then(a.1.cmp(&b.1));
        if floats.len() > XMM_PINS.len() {
            floats.select_nth_unstable_by(XMM_PINS.len(), order);
            floats.truncate(XMM_PINS.len());
        }
        floats.sort_unstable_by(order);
        for (&(uses, index), reg) in floats.iter().zip(XMM_PINS) {
            if scan.calls == 0 || uses > worth {
                self.operand_xmms &= !reg.bit();
                self.locals[index as usize].pin = reg.0;
                self.frame.lost_locals.push(index);
            }
        }
    }

    fn save_register(&mut self, reg: Gpr, below: &mut i32) {
        *below += 8;
        self.frame.saved.push((reg, -*below));
    }

    fn prologue(&mut self) {
        self.asm.push(RBP);
        self.asm.mov_rr(true, RBP, RSP);
        // r11 = rsp - all that the function may use; the comparison is the stack check.
        let vmctx = if self.frame.through_memory { RSI } else { RDI };
        self.asm.load(true, RAX, Mem::new(vmctx, vmcontext::AGENT as i32));
        self.asm.lea(true, R11, Mem::new(RSP, i32::MIN));
        self.frame.patch_reach = self.asm.pos() - 4;
        self.asm.alu_rm(Alu::Cmp, true, R11, Mem::new(RAX, vmagent::STACK_LIMIT as i32));
        let overflow = self.overflow;
        self.asm.jcc(Cc::B, overflow);
        self.cold_at(overflow, ColdKind::StackOverflow);
        self.asm.alu_ri(Alu::Sub, true, RSP, i32::MAX);
        self.frame.patch_size = self.asm.pos() - 4;
        for index in 0..self.frame.saved.len() {
            let (reg, home) = self.frame.saved[index];
            self.asm.store(true, Mem::frame(home), reg);
        }
        if self.frame.through_memory {
            self.asm.store(true, RESULTS_HOME, RDI);
        }
        self.asm.store(true, VMCTX_HOME, vmctx);
    }

    fn enter_params(&mut self, params: &[Place]) {
        let vmctx = if self.frame.through_memory { RSI } else { RDI };
        let mut gprs: Vec<(Gpr, Gpr, bool)> = Vec::new();
        let mut xmms: Vec<(Xmm, Xmm)> = Vec::new();
        if let Some(reg) = self.frame.vmctx {
            gprs.push((reg, vmctx, true));
        }
        for (index, &place) in params.iter().enumerate() {
            if !self.is_used(index) {
                continue;
            }
            let Local { ty, pin, home, .. } = self.locals[index];
            match place {
                Place::Gpr(src) if pin == NO_PIN => self.asm.store(is_wide(ty), Mem::frame(home), src),
                Place::Gpr(src) if src.0 == pin => {
                    if !is_wide(ty) {
                        self.asm.zero_extend(src);
                    }
                }
                Place::Gpr(src) => gprs.push((Gpr(pin), src, is_wide(ty))),
                Place::Xmm(src) if pin == NO_PIN => {
                    self.store_val(Mem::frame(home), Val { ty, at: At::Xmm(src) });
                }
                Place::Xmm(src) => xmms.push((Xmm(pin), src)),
                Place::Stack(_) => {}
            }
        }
        self.move_gprs(&mut gprs);
        self.move_xmms(&mut xmms);
        for (index, &place) in params.iter().enumerate() {
            if !self.is_used(index) {
                continue;
            }
            let Local { ty, pin, home, .. } = self.locals[index];
            if matches!(place, Place::Stack(_)) && pin != NO_PIN {
                let val = Val { ty, at: At::Mem(Mem::frame(home)) };
                if in_xmm(ty) { self.load_xmm(Xmm(pin), val) } else { self.load_gpr(Gpr(pin), val) }
            }
        }
        self.load_bases();
    }

    /// Loads the bases that have registers.
    fn load_bases(&mut self) {
        if let Some(reg) = self.frame.memory {
            self.load_memory_base(reg);
        }
        if let Some(reg) = self.frame.heap {
            self.load_heap_base(reg);
        }
    }

    /// Gives locals that are no parameters their first value, zero.
    fn clear_locals(&mut self, used: &[u32]) {
        let mut homes: Option<(i32, i32)> = None;
        for &index in used {
            let Local { ty, pin, home, .. } = self.locals[index as usize];
            if pin == NO_PIN {
                let (_, first) = homes.unwrap_or((home, home + self.frame.slot_size));
                homes = Some((home, first));
            } else if in_xmm(ty) {
                self.asm.sse(Op::two(0, 0x57), Xmm(pin), Xmm(pin));
            } else {
                self.asm.zero(Gpr(pin));
            }
        }
        // From the first home to the last: what lies between without being used may just as well be cleared. But not the homes of
        // locals that have registers, which hold nothing yet.
        let Some((lowest, end)) = homes else { return };
        let words = (end - lowest) / 8;
        if words <= 4 {
            for word in 0..words {
                self.asm.store_imm(true, Mem::frame(lowest + word * 8), 0);
            }
        } else if words <= 32 {
            self.asm.sse(Op::two(0, 0x57), XMM15, XMM15);
            let mut word = 0;
            while word < words {
                // The last store may overlap the one before it.
                let place = word.min(words - 2);
                self.asm.rm(Op::two(0, 0x11), false, XMM15.0, Mem::frame(lowest + place * 8));
                word += 2;
            }
        } else {
            self.asm.lea(true, RDI, Mem::frame(lowest));
            self.asm.mov_ri(RCX, words as u64);
            self.asm.zero(RAX);
            self.asm.rep_stosq();
        }
    }

    /// Leaves the function: all results are in their registers.
    pub fn epilogue(&mut self) {
        self.restore_saved();
        self.asm.leave();
        self.asm.ret(self.frame.params_size);
    }

    /// Puts the caller's registers back, before a tail call.
    pub fn restore_saved(&mut self) {
        for index in 0..self.frame.saved.len() {
            let (reg, home) = self.frame.saved[index];
            self.asm.load(true, reg, Mem::frame(home));
        }
    }

    /// Bytes between the stack pointer and the frame pointer; known in the end.
    pub fn frame_size(&self) -> u32 {
        (self.frame.slots as u32 + self.max_slots * self.frame.slot_size as u32).next_multiple_of(16)
    }

    /// Patches the prologue.
    pub fn end_frame(&mut self) -> Result<(), CompileError> {
        let size = self.frame_size();
        let reach = u64::from(size) + u64::from(self.max_outgoing);
        if reach > u64::from(LARGEST_FRAME) {
            return Err(too_large(reach));
        }
        self.asm.patch4(self.frame.patch_size, size);
        self.asm.patch4(self.frame.patch_reach, (reach as u32).wrapping_neg());
        Ok(())
    }

    /// The context, in a register that may be the scratch.
    pub fn vmctx(&mut self) -> Gpr {
        match self.frame.vmctx {
            Some(reg) => reg,
            None => {
                self.asm.load(true, R11, VMCTX_HOME);
                R11
            }
        }
    }

    /// Loads the context.
    pub fn load_vmctx(&mut self, dst: Gpr) {
        match self.frame.vmctx {
            Some(reg) => self.asm.mov_rr(true, dst, reg),
            None => self.asm.load(true, dst, VMCTX_HOME),
        }
    }

    /// The context as a value.
    pub fn vmctx_val(&self) -> Val {
        let at = match self.frame.vmctx {
            Some(reg) => At::Gpr(reg),
            None => At::Mem(VMCTX_HOME),
        };
        Val { ty: AbiType::I64, at }
    }

    /// Loads the base of memory 0, which never moves.
    pub fn load_memory_base(&mut self, dst: Gpr) {
        let vmctx = self.vmctx();
        let field = self.layout.memory(MemIdx(0)) + vmmemoryref::BASE;
        self.asm.load(true, dst, Mem::new(vmctx, field as i32));
    }

    /// Loads the base of the heap of objects, which never changes once code can hold a reference to one.
    pub fn load_heap_base(&mut self, dst: Gpr) {
        self.load_vmctx(dst);
        self.heap_base_of(dst);
    }

    /// The same behind a call, where the context's register may not be loaded again yet.
    pub fn load_heap_base_from_home(&mut self, dst: Gpr) {
        self.asm.load(true, dst, VMCTX_HOME);
        self.heap_base_of(dst);
    }

    /// Replaces the context by the base of its agent's heap.
    fn heap_base_of(&mut self, reg: Gpr) {
        self.asm.load(true, reg, Mem::new(reg, vmcontext::AGENT as i32));
        self.asm.load(true, reg, Mem::new(reg, vmagent::HEAP_BASE as i32));
    }

    /// Saves what is in registers of its own that calls destroy, and references that they keep.
    pub fn save_lost(&mut self) {
        for index in 0..self.frame.lost_locals.len() {
            self.store_local(self.frame.lost_locals[index]);
        }
        for index in 0..self.frame.kept_references.len() {
            self.store_local(self.frame.kept_references[index]);
        }
    }

    /// Saves what calls keep but exceptions do not.
    pub fn save_kept(&mut self) {
        for index in 0..self.frame.kept_locals.len() {
            self.store_local(self.frame.kept_locals[index]);
        }
    }

    fn store_local(&mut self, index: u32) {
        let Local { ty, home, .. } = self.locals[index as usize];
        let at = self.local_at(index);
        self.store_val(Mem::frame(home), Val { ty, at });
    }

    fn reload_local(&mut self, index: u32) {
        let Local { ty, home, pin, .. } = self.locals[index as usize];
        let val = Val { ty, at: At::Mem(Mem::frame(home)) };
        if in_xmm(ty) { self.load_xmm(Xmm(pin), val) } else { self.load_gpr(Gpr(pin), val) }
    }

    /// Loads everything that has a register of its own, where an exception has arrived.
    pub fn reload_all(&mut self) {
        if let Some(reg) = self.frame.vmctx {
            self.asm.load(true, reg, VMCTX_HOME);
        }
        self.load_bases();
        for index in 0..self.frame.lost_locals.len() {
            self.reload_local(self.frame.lost_locals[index]);
        }
        for index in 0..self.frame.kept_references.len() {
            self.reload_local(self.frame.kept_references[index]);
        }
        for index in 0..self.frame.kept_locals.len() {
            self.reload_local(self.frame.kept_locals[index]);
        }
    }

    /// Loads it again.
    pub fn reload_lost(&mut self) {
        for index in 0..self.frame.lost_locals.len() {
            self.reload_local(self.frame.lost_locals[index]);
        }
        if let (true, Some(reg)) = (self.frame.lost_vmctx, self.frame.vmctx) {
            self.asm.load(true, reg, VMCTX_HOME);
        }
        if let (true, Some(reg)) = (self.frame.lost_memory, self.frame.memory) {
            self.load_memory_base(reg);
        }
        if let (true, Some(reg)) = (self.frame.lost_heap, self.frame.heap) {
            self.load_heap_base(reg);
        }
    }
}

fn too_large(bytes: u64) -> CompileError {
    CompileError::TooComplex { what: "bytes of stack frame", count: bytes, limit: LARGEST_FRAME.into() }
}

/// Moving registers to registers, all at once.
impl Baseline<'_> {
    /// Moves integer registers: destination, source, and whether all 64 bits. Destinations differ.
    pub fn move_gprs(&mut self, moves: &mut Vec<(Gpr, Gpr, bool)>) {
        moves.retain(|(dst, src, _)| dst != src);
        while !moves.is_empty() {
            let ready = moves.iter().position(|(dst, ..)| moves.iter().all(|(_, src, _)| src != dst));
            let (dst, src, wide) = moves.swap_remove(ready.unwrap_or(0));
            if ready.is_none() {
                // A cycle: who wants what is overwritten takes it from the scratch register.
                self.asm.mov_rr(true, R11, dst);
                for (_, other, _) in moves.iter_mut().filter(|(_, other, _)| *other == dst) {
                    *other = R11;
                }
            }
            self.asm.mov_rr(wide, dst, src);
        }
    }

    /// Moves vector registers.
    pub fn move_xmms(&mut self, moves: &mut Vec<(Xmm, Xmm)>) {
        moves.retain(|(dst, src)| dst != src);
        while !moves.is_empty() {
            let ready = moves.iter().position(|(dst, _)| moves.iter().all(|(_, src)| src != dst));
            let (dst, src) = moves.swap_remove(ready.unwrap_or(0));
            if ready.is_none() {
                self.asm.mov_xx(XMM15, dst);
                for (_, other) in moves.iter_mut().filter(|(_, other)| *other == dst) {
                    *other = XMM15;
                }
            }
            self.asm.mov_xx(dst, src);
        }
    }
}

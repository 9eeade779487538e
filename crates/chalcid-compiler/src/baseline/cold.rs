//! Code that is not expected to run, behind the rest: traps, safepoints that are asked to do something, the slow ways of operators.
//!
//! When the fast way branches off, some registers are in use. A slow way that calls out puts all of them where a call of the operator itself would
//! have put them (entries of the stack into their slots, locals into their homes) and loads them again, so that the collector finds
//! references where it would find them at any other call.

use std::sync::Arc;

use chalcid_module::builtins::Builtin;
use chalcid_module::index::TypeIdx;
use chalcid_module::layout::{POINTER_SIZE, vmcontext};
use chalcid_module::trap_code::TrapCode;

use super::asm::{Cc, Label, Op};
use super::convert::Truncation;
use super::frame::VMCTX_HOME;
use super::reg::{Gpr, Mem, RAX, RDI, RDX, RSI, XMM15, Xmm};
use super::state::{At, Baseline, Val, in_xmm};
use crate::AbiType;

/// Code to be emitted in the end.
pub(super) struct Cold {
    /// Where it begins.
    entry: Label,
    /// Where it goes on, if it does.
    back: Option<Label>,
    /// The operator it belongs to.
    wasm_offset: u32,
    kind: ColdKind,
    /// Entries in registers at the time: register, type, slot.
    saved: Vec<(u8, AbiType, Mem)>,
    /// References in the frame at the time, once those entries are in their slots.
    references: Option<Arc<[i32]>>,
}

/// What it does.
pub(super) enum ColdKind {
    /// Traps.
    Trap(TrapCode),
    /// Traps before there is a frame.
    StackOverflow,
    /// Calls a builtin that takes up to one number and gives nothing.
    Call(Builtin, Option<u32>),
    /// Asks for an object of a type, an array where there is a length: the reference goes to a register, the heap's base to another, if it is named.
    Allocate { ty: TypeIdx, length: Option<Val>, object: Gpr, base: Option<Gpr> },
    /// Replaces a function in a register by the number that objects hold.
    FuncNumber { func: Gpr },
    /// Asks for a global that is a reference.
    GlobalRef { global: u32, result: Gpr },
    /// Asks for an element of a function table: the index is in a register, and so is the result; null may be a trap.
    TableFunc { table: u32, index: Gpr, result: Gpr, null: Option<TrapCode> },
    /// A float that does not truncate to an integer as usual.
    Truncate { truncation: Truncation, src: Xmm, dst: Gpr },
}

impl Baseline<'_> {
    /// A label of code behind the rest which does not come back.
    pub fn cold(&mut self, kind: ColdKind) -> Label {
        let entry = self.asm.label();
        self.cold_at(entry, kind);
        entry
    }

    /// The same, for a label.
    pub fn cold_at(&mut self, entry: Label, kind: ColdKind) {
        self.cold.push(Cold { entry, back: None, wasm_offset: self.offset, kind, saved: Vec::new(), references: None });
    }

    /// Labels of code behind the rest and of the place it goes back to, which the caller binds.
    pub fn cold_and_back(&mut self, kind: ColdKind) -> (Label, Label) {
        let entry = self.asm.label();
        let back = self.asm.label();
        let calls = !matches!(kind, ColdKind::Truncate { .. });
        let saved = if calls { self.registers_in_use() } else { Vec::new() };
        let saved: Vec<_> = saved.into_iter().map(|(reg, ty, height)| (reg, ty, self.saving_slot(height))).collect();
        let references = if calls { self.references() } else { None };
        self.cold.push(Cold { entry, back: Some(back), wasm_offset: self.offset, kind, saved, references });
        (entry, back)
    }

    fn saving_slot(&mut self, height: usize) -> Mem {
        self.touch_slot(height);
        self.slot(height)
    }

    /// Traps if the flags say so.
    pub fn trap_if(&mut self, cc: Cc, code: TrapCode) {
        let trap = self.cold(ColdKind::Trap(code));
        self.asm.jcc(cc, trap);
    }

    /// Traps, here.
    pub fn trap(&mut self, code: TrapCode) {
        self.emit_trap(code);
        self.reachable = false;
    }

    fn emit_trap(&mut self, code: TrapCode) {
        if self.settings.signals {
            self.trap_site(code);
            self.asm.ud2();
        } else {
            // A call may have destroyed the context's register.
            self.asm.load(true, RDI, VMCTX_HOME);
            self.call_trap(code);
        }
    }

    fn call_trap(&mut self, code: TrapCode) {
        self.asm.mov_ri(RSI, code as u64);
        self.call_entry(Builtin::trap);
        self.asm.ud2();
    }

    /// Calls a builtin whose arguments are in place, the context in `rdi`.
    pub fn call_entry(&mut self, builtin: Builtin) {
        self.asm.load(true, RAX, Mem::new(RDI, vmcontext::BUILTINS as i32));
        self.locate();
        self.asm.call(Mem::new(RAX, (builtin as u32 * POINTER_SIZE) as i32));
    }

    /// Calls a builtin whose arguments behind the context are in place.
    fn call_mapped(&mut self, builtin: Builtin, references: Option<Arc<[i32]>>) {
        self.load_vmctx(RDI);
        self.call_entry(builtin);
        self.map_here(0, references);
    }

    /// Emits what was put off.
    pub fn emit_cold(&mut self) {
        let mut put_off = std::mem::take(&mut self.cold);
        for cold in put_off.drain(..) {
            self.asm.bind(cold.entry);
            self.offset = cold.wasm_offset;
            match cold.kind {
                ColdKind::Trap(code) => self.emit_trap(code),
                ColdKind::StackOverflow if self.settings.signals => self.emit_trap(TrapCode::CallStackExhausted),
                ColdKind::StackOverflow => {
                    if self.frame.through_memory {
                        self.asm.mov_rr(true, RDI, RSI);
                    }
                    self.call_trap(TrapCode::CallStackExhausted);
                }
                ColdKind::Truncate { truncation, src, dst } => self.truncate_slowly(truncation, src, dst, cold.back),
                ColdKind::Call(builtin, number) => {
                    self.save_around(&cold.saved);
                    if let Some(number) = number {
                        self.asm.mov_ri(RSI, number.into());
                    }
                    self.call_mapped(builtin, cold.references);
                    self.reload_around(&cold.saved, None, cold.back);
                }
                ColdKind::Allocate { ty, length, object, base } => {
                    self.save_around(&cold.saved);
                    let builtin = match length {
                        Some(length) => {
                            self.load_gpr(RDX, length);
                            Builtin::gc_new_array
                        }
                        None => Builtin::gc_new_struct,
                    };
                    self.asm.mov_ri(RSI, ty.0.into());
                    self.call_mapped(builtin, cold.references);
                    self.asm.mov_rr(true, object, RAX);
                    if let Some(base) = base {
                        self.load_heap_base_from_home(base);
                    }
                    self.reload_around(&cold.saved, Some(object), cold.back);
                }
                ColdKind::FuncNumber { func } => {
                    self.save_around(&cold.saved);
                    self.asm.mov_rr(true, RSI, func);
                    self.call_mapped(Builtin::func_to_heap, cold.references);
                    self.asm.mov_rr(true, func, RAX);
                    self.reload_around(&cold.saved, Some(func), cold.back);
                }
                ColdKind::GlobalRef { global, result } => {
                    self.save_around(&cold.saved);
                    self.asm.mov_ri(RSI, global.into());
                    self.call_mapped(Builtin::global_get_ref, cold.references);
                    self.asm.mov_rr(true, result, RAX);
                    self.reload_around(&cold.saved, Some(result), cold.back);
                }
                ColdKind::TableFunc { table, index, result, null } => {
                    self.save_around(&cold.saved);
                    self.asm.mov_rr(true, RDX, index);
                    self.asm.mov_ri(RSI, table.into());
                    self.call_mapped(Builtin::table_get_func, cold.references);
                    if let Some(code) = null {
                        self.asm.test(true, RAX, RAX);
                        let found = self.asm.short_jcc(Cc::Ne);
                        self.emit_trap(code);
                        self.asm.bind_short(found);
                    }
                    self.asm.mov_rr(true, result, RAX);
                    self.reload_around(&cold.saved, Some(result), cold.back);
                }
            }
        }
        self.cold = put_off;
    }

    fn save_around(&mut self, saved: &[(u8, AbiType, Mem)]) {
        for &(reg, ty, slot) in saved {
            let at = if in_xmm(ty) { At::Xmm(Xmm(reg)) } else { At::Gpr(Gpr(reg)) };
            self.store_val(slot, Val { ty, at });
        }
        self.save_lost();
    }

    fn reload_around(&mut self, saved: &[(u8, AbiType, Mem)], result: Option<Gpr>, back: Option<Label>) {
        for &(reg, ty, slot) in saved {
            let val = Val { ty, at: At::Mem(slot) };
            if in_xmm(ty) {
                self.load_xmm(Xmm(reg), val)
            } else {
                self.load_gpr(Gpr(reg), val)
            }
            debug_assert!(in_xmm(ty) || Some(Gpr(reg)) != result);
        }
        debug_assert!(result.is_none_or(|reg| self.owns(reg)), "a result in the register of a local");
        self.reload_lost();
        if let Some(back) = back {
            self.asm.jmp(back);
        }
    }

    /// What is to be done where a truncation did not give a number as usual.
    fn truncate_slowly(&mut self, truncation: Truncation, src: Xmm, dst: Gpr, back: Option<Label>) {
        let Some(back) = back else { return };
        let prefix = if truncation.double { 0x66 } else { 0 };
        let compare = Op::two(prefix, 0x2e);
        if truncation.saturating {
            // Not a number is 0.
            self.asm.mov_ri(dst, 0);
            self.asm.sse(compare, src, src);
            self.asm.jcc(Cc::P, back);
            self.asm.sse(Op::two(0, 0x57), XMM15, XMM15);
            self.asm.sse(compare, XMM15, src);
            let (least, greatest) = truncation.limits();
            self.asm.mov_ri(dst, least);
            self.asm.jcc(Cc::A, back);
            self.asm.mov_ri(dst, greatest);
            return self.asm.jmp(back);
        }
        self.asm.sse(compare, src, src);
        let ordered = self.asm.short_jcc(Cc::Np);
        self.emit_trap(TrapCode::InvalidConversionToInteger);
        self.asm.bind_short(ordered);
        if truncation.wide && truncation.signed {
            // The least integer is a number like any other.
            let (bits, size) = if truncation.double { (0xc3e0_0000_0000_0000, 8) } else { (0xdf00_0000, 4) };
            let least = self.asm.constant(bits, size);
            self.asm.rm(compare, false, src.0, least);
            self.asm.jcc(Cc::E, back);
        }
        self.emit_trap(TrapCode::IntegerOverflow);
    }
}

//! Registers for operands: giving them out, getting them back, and moving entries out of them. `state` has the invariants.

use super::reg::{Gpr, Xmm};
use super::state::{At, Baseline, Entry, Loc, NONE, Val, in_xmm, invalid, is_wide};
use crate::AbiType;

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
    pub fn spill(&mut self, height: usize) {
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

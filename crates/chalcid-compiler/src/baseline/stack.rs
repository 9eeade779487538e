//! The operand stack: pushing and popping, and where control joins want its entries. `state` has the invariants.

use super::locals::unseen;
use super::reg::{Gpr, Mem, Xmm};
use super::state::{At, Baseline, Cond, Entry, Loc, NO_PIN, Val, in_xmm, invalid};
use crate::AbiType;

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
    pub fn use_gpr(&mut self, reg: Gpr, height: u32) {
        if self.operand_gprs & reg.bit() != 0 {
            debug_assert!(self.free_gprs & reg.bit() == 0, "{reg:?} is free");
            self.used_gprs |= reg.bit();
            self.gpr_entry[reg.0 as usize & 15] = height;
        }
    }

    #[inline]
    pub fn use_xmm(&mut self, reg: Xmm, height: u32) {
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
        let Some(local) = self.locals.get_mut(index as usize) else { unseen() };
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
            At::Mem(local.home())
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

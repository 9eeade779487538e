//! Branches: to a label, on a condition, and by a table.

use std::collections::HashMap;

use wasmparser::BrTable;

use super::asm::{Alu, Cc, Label, Op};
use super::control::{Passing, unbalanced};
use super::reg::{Gpr, Mem, R11, RAX, XMM0};
use super::state::{At, Baseline, Cond, Val, in_xmm, invalid};
use crate::CompileError;

impl Baseline<'_> {
    pub fn br(&mut self, depth: u32) {
        let (label, passing) = self.target(depth);
        self.pass(passing);
        self.asm.jmp(label);
        self.reachable = false;
    }

    /// The condition of a value, in the flags.
    pub fn test_cond(&mut self, val: Val) -> Cond {
        match val.at {
            At::Cond(cond) => return cond,
            At::Gpr(reg) => self.asm.test(false, reg, reg),
            At::Mem(mem) => self.asm.alu_mi(Alu::Cmp, false, mem, 0),
            At::Const(bits) => {
                self.asm.mov_ri(R11, bits);
                self.asm.test(false, R11, R11);
            }
            At::Xmm(_) => invalid(),
        }
        self.release(val);
        Cond::Int(Cc::Ne)
    }

    /// Jumps on a condition.
    pub fn branch_if(&mut self, cond: Cond, label: Label) {
        match cond {
            Cond::Int(cc) => self.asm.jcc(cc, label),
            Cond::FloatEq => {
                let unordered = self.asm.short_jcc(Cc::P);
                self.asm.jcc(Cc::E, label);
                self.asm.bind_short(unordered);
            }
            Cond::FloatNe => {
                self.asm.jcc(Cc::P, label);
                self.asm.jcc(Cc::Ne, label);
            }
        }
    }

    /// `br_if`
    pub fn br_if_top(&mut self, depth: u32) {
        let cond = self.pop();
        let cond = self.test_cond(cond);
        self.br_if(depth, cond);
    }

    /// Branches on a condition. The operands that the label takes stay.
    pub fn br_if(&mut self, depth: u32, cond: Cond) {
        let (label, passing) = self.target(depth);
        match passing {
            Passing::Nothing => self.branch_if(cond, label),
            Passing::Register => {
                let val = self.pop();
                self.pass_in_register(val);
                if in_xmm(val.ty) {
                    self.push_xmm(val.ty, XMM0)
                } else {
                    self.push_gpr(val.ty, RAX)
                }
                self.branch_if(cond, label);
            }
            Passing::Slots(height, count) => {
                let from = self.height() - count;
                let skip = self.asm.label();
                // Nothing below may be overwritten unless the branch is taken.
                let in_place = from == height;
                if !in_place {
                    self.branch_if(cond.not(), skip);
                }
                self.copy_passed(passing);
                if in_place {
                    self.branch_if(cond, label);
                } else {
                    self.asm.jmp(label);
                    self.asm.bind(skip);
                }
            }
        }
    }

    /// The index is clamped to the table without a branch, so that it cannot be speculated past its end.
    pub fn br_table(&mut self, targets: &BrTable<'_>) -> Result<(), CompileError> {
        let index = self.pop();
        let (_, passing) = self.target(targets.default());
        let mut depths = Vec::with_capacity(targets.len() as usize + 1);
        for depth in targets.targets() {
            depths.push(depth?);
        }
        depths.push(targets.default());
        let index = self.in_own_gpr(index);
        // One value can be in the register for all of them, unless one is a loop.
        let mut stubs: HashMap<u32, Label> = HashMap::new();
        let mut labels = Vec::with_capacity(depths.len());
        let mut direct = passing == Passing::Nothing;
        if let Passing::Register = passing {
            direct = depths.iter().all(|&depth| self.target(depth).1 == Passing::Register);
            if direct {
                let val = self.pop();
                // The index may be where the value has to be.
                if !in_xmm(val.ty) && index == RAX {
                    self.asm.mov_rr(false, R11, RAX);
                    self.load_gpr(RAX, val);
                    if val.at != At::Gpr(RAX) {
                        self.release(val);
                    }
                    self.dispatch(&depths, R11)?;
                    self.release_gpr(RAX);
                    return Ok(());
                }
                self.pass_in_register(val);
                self.dispatch(&depths, index)?;
                self.release_passed(val.ty);
                self.release_gpr(index);
                return Ok(());
            }
        }
        if direct {
            self.dispatch(&depths, index)?;
            self.release_gpr(index);
            return Ok(());
        }
        for &depth in &depths {
            labels.push(*stubs.entry(depth).or_insert_with(|| self.asm.label()));
        }
        self.jump_by_table(&labels, index);
        self.release_gpr(index);
        let mut stubs: Vec<_> = stubs.into_iter().collect();
        stubs.sort_unstable_by_key(|&(depth, _)| depth);
        for (depth, stub) in stubs {
            self.asm.bind(stub);
            let (label, passing) = self.target(depth);
            match passing {
                Passing::Nothing => {}
                Passing::Register => {
                    let val = self.entry_at(self.height() - 1);
                    if in_xmm(val.ty) { self.load_xmm(XMM0, val) } else { self.load_gpr(RAX, val) }
                }
                Passing::Slots(..) => self.copy_passed(passing),
            }
            self.asm.jmp(label);
            self.check_size()?;
        }
        self.reachable = false;
        Ok(())
    }

    /// Targets that are compared one by one at most.
    const FEW: usize = 4;

    /// Jumps to one of the labels, all of which take what is in place already.
    fn dispatch(&mut self, depths: &[u32], index: Gpr) -> Result<(), CompileError> {
        if depths.len() <= Self::FEW {
            let (default, others) = match depths.split_last() {
                Some((default, others)) => (*default, others),
                None => unbalanced(),
            };
            for (number, &depth) in others.iter().enumerate() {
                let (label, _) = self.target(depth);
                if number == 0 {
                    self.asm.test(false, index, index);
                } else {
                    self.asm.alu_ri(Alu::Cmp, false, index, number as i32);
                }
                self.asm.jcc(Cc::E, label);
            }
            let (label, _) = self.target(default);
            self.asm.jmp(label);
        } else {
            let labels: Vec<Label> = depths.iter().map(|&depth| self.target(depth).0).collect();
            self.jump_by_table(&labels, index);
        }
        self.reachable = false;
        Ok(())
    }

    /// Jumps to a label by an index, to the last one if it is no smaller than their number. Writes the index's register.
    fn jump_by_table(&mut self, labels: &[Label], index: Gpr) {
        let table = self.asm.table(labels.iter().copied());
        let (index, other) = if index == R11 { (R11, self.alloc()) } else { (index, R11) };
        self.asm.mov_ri(other, labels.len() as u64 - 1);
        self.asm.alu_rr(Alu::Cmp, false, index, other);
        self.asm.cmov(Cc::A, false, index, other);
        self.asm.lea(true, other, table);
        self.asm.rm(Op::one(0x63), true, index.0, Mem::indexed(other, index, 2, 0));
        self.asm.alu_rr(Alu::Add, true, other, index);
        self.asm.jmp_reg(other);
        self.release_gpr(other);
    }
}

//! Where in the process an access to a linear memory goes, and what keeps it inside.
//!
//! **This file is what stands between hostile code and the process.** It decides as `optimizing/bounds.rs` does, whose head tells
//! the cases and why they are right; here is what differs.
//!
//! - *small* is no case of its own: `index + reach` is computed and compared.
//! - In *wide* that sum may wrap: then it becomes 2^64 − 1, which is beyond every length.
//! - An index in a register has zeros in its upper half if it is one of 32 bits: an invariant of `state.rs`.
//! - The select that is not speculated is a `cmov`; loads between the comparison and it keep the flags.

use chalcid_module::index::MemIdx;
use chalcid_module::layout::{MemoryPlan, NULL_GUARD, STATIC_MEMORY_GUARD, vmmemory, vmmemoryref};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{AddressType, MemoryType};

use super::asm::{Alu, Cc};
use super::reg::{Gpr, Mem, R11};
use super::state::{At, Baseline, Val};
use crate::CompileError;

/// Where an access goes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub mem: Mem,
    /// Registers of it to be given up after the access.
    held: [Option<Gpr>; 2],
}

impl Baseline<'_> {
    /// The type of a memory.
    pub fn memory_type(&self, memory: MemIdx) -> Result<MemoryType, CompileError> {
        let ty = self.module.memories.get(memory.index());
        ty.copied().ok_or_else(|| CompileError::Internal(format!("no memory {}", memory.0)))
    }

    /// The plan of a memory, if there is one.
    pub fn memory_plan(&self, memory: MemIdx) -> Option<MemoryPlan> {
        self.module.memories.get(memory.index()).map(|ty| MemoryPlan::of(ty, self.settings.signals))
    }

    /// Places an access of `size` bytes at `index` + `offset`. Gives `None`, in unreachable code then, if it always traps. The place may need
    /// the scratch register.
    pub fn place(&mut self, memory: MemIdx, index: Val, offset: u64, size: u32) -> Result<Option<Place>, CompileError> {
        let ty = self.memory_type(memory)?;
        let plan = MemoryPlan::of(&ty, self.settings.signals);
        // Never.
        let Some(reach) = offset.checked_add(u64::from(size)) else {
            self.release(index);
            self.trap(TrapCode::MemoryOutOfBounds);
            return Ok(None);
        };
        // Guarded, and reserved: all that a 32-bit index can reach.
        if plan == MemoryPlan::Static && reach <= STATIC_MEMORY_GUARD {
            let base = self.static_base(memory);
            if let At::Const(constant) = index.at
                && let Ok(disp) = i32::try_from(constant + offset)
            {
                return Ok(Some(Place { mem: Mem::new(base, disp), held: [None; 2] }));
            }
            let reg = match index.at {
                At::Gpr(reg) => reg,
                _ => {
                    let reg = self.alloc();
                    self.load_gpr(reg, index);
                    reg
                }
            };
            let mem = Mem::indexed(base, reg, 0, offset as i32);
            return Ok(Some(Place { mem, held: [Some(reg), None] }));
        }
        self.place_checked(memory, &ty, plan, index, offset, reach).map(Some)
    }

    fn place_checked(
        &mut self,
        memory: MemIdx,
        ty: &MemoryType,
        plan: MemoryPlan,
        index: Val,
        offset: u64,
        reach: u64,
    ) -> Result<Place, CompileError> {
        // The base, or first the header.
        let base = self.alloc();
        let address = self.in_own_gpr(index);
        self.load_vmctx(base);
        self.asm.load(true, base, Mem::new(base, (self.layout.memory(memory) + vmmemoryref::MEMORY) as i32));
        let end = self.alloc();
        self.asm.mov_rr(true, end, address);
        if let Ok(imm) = i32::try_from(reach) {
            self.asm.alu_ri(Alu::Add, true, end, imm);
        } else {
            self.asm.mov_ri(R11, reach);
            self.asm.alu_rr(Alu::Add, true, end, R11);
        }
        if ty.address == AddressType::I64 {
            self.asm.mov_ri(R11, u64::MAX);
            self.asm.cmov(Cc::B, true, end, R11);
        }
        self.asm.alu_rm(Alu::Cmp, true, end, Mem::new(base, vmmemory::LENGTH as i32));
        self.release_gpr(end);
        if !self.settings.signals {
            self.trap_if(Cc::A, TrapCode::MemoryOutOfBounds);
        }
        match plan {
            MemoryPlan::Checked => self.asm.load(true, base, Mem::new(base, vmmemory::BASE as i32)),
            MemoryPlan::Static => {
                self.load_vmctx(base);
                self.asm.load(true, base, Mem::new(base, (self.layout.memory(memory) + vmmemoryref::BASE) as i32));
            }
        }
        let mut disp = offset;
        if reach > NULL_GUARD {
            disp = 0;
            if let Ok(imm) = i32::try_from(offset) {
                self.asm.lea(true, address, Mem::indexed(base, address, 0, imm));
            } else {
                self.asm.mov_ri(R11, offset);
                self.asm.lea(true, address, Mem::indexed(R11, address, 0, 0));
                self.asm.lea(true, address, Mem::indexed(base, address, 0, 0));
            }
        } else {
            self.asm.lea(true, address, Mem::indexed(base, address, 0, 0));
        }
        self.release_gpr(base);
        self.asm.mov_ri(R11, 0);
        self.asm.cmov(Cc::A, true, address, R11);
        Ok(Place { mem: Mem::new(address, disp as i32), held: [Some(address), None] })
    }

    /// The base of a static memory, in a register that may be the scratch.
    fn static_base(&mut self, memory: MemIdx) -> Gpr {
        match self.frame.memory {
            Some(reg) if memory.0 == 0 => reg,
            _ => {
                let vmctx = self.vmctx();
                self.asm.load(true, R11, Mem::new(vmctx, (self.layout.memory(memory) + vmmemoryref::BASE) as i32));
                R11
            }
        }
    }

    /// Gives up the registers of a place.
    #[inline]
    pub fn release_place(&mut self, place: Place) {
        for reg in place.held.into_iter().flatten() {
            self.release_gpr(reg);
        }
    }

    /// Says that the next instruction accesses a linear memory.
    #[inline]
    pub fn memory_site(&mut self) {
        if self.settings.signals {
            self.trap_site(TrapCode::MemoryOutOfBounds);
        }
    }

    /// Traps if the address of an atomic access is no multiple of its size. The index stays.
    pub fn check_alignment(&mut self, index: Val, offset: u64, size: u32) {
        let mask = u64::from(size - 1);
        let surplus = (offset & mask) as i32;
        if let At::Const(constant) = index.at {
            if constant.wrapping_add(surplus as u64) & mask != 0 {
                self.trap_always(TrapCode::UnalignedAtomic);
            }
            return;
        }
        if mask == 0 {
            return;
        }
        self.asm_scratch(index);
        if surplus != 0 {
            self.asm.alu_ri(Alu::Add, false, R11, surplus);
        }
        // test r11d, mask
        self.asm.test_imm(R11, mask as u32);
        self.trap_if(Cc::Ne, TrapCode::UnalignedAtomic);
    }

    /// Traps by a jump that is always taken, so that what follows may be compiled all the same.
    pub fn trap_always(&mut self, code: TrapCode) {
        self.asm.test(false, super::reg::RSP, super::reg::RSP);
        self.trap_if(Cc::Ne, code);
    }

    /// `index` + `offset` as 64 bits in a register, for the running side to check. Traps if it has no 64 bits.
    pub fn effective_address(&mut self, memory: MemIdx, index: Val, offset: u64) -> Result<Val, CompileError> {
        let ty = self.memory_type(memory)?;
        let wide = crate::AbiType::I64;
        let index = Val { ty: if ty.address == AddressType::I64 { wide } else { crate::AbiType::I32 }, ..index };
        let reg = self.in_own_gpr(index);
        if offset != 0 {
            self.asm.mov_ri(R11, offset);
            self.asm.alu_rr(Alu::Add, true, reg, R11);
            if ty.address == AddressType::I64 {
                self.trap_if(Cc::B, TrapCode::MemoryOutOfBounds);
            }
        }
        Ok(Val { ty: wide, at: At::Gpr(reg) })
    }
}

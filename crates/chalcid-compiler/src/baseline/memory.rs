//! Loads and stores of numbers. Every access is placed by `bounds`.

use chalcid_module::index::MemIdx;
use wasmparser::{MemArg, MemArgTarget};

use super::asm::Op;
use super::reg::R11;
use super::state::{At, Baseline, load_op, store_op};
use crate::{AbiType, CompileError};

use AbiType::{F32, F64, I32, I64};

/// Compiles a load or store of a number, by its opcode.
#[inline]
pub(super) fn translate(b: &mut Baseline<'_>, opcode: u8, memory: MemIdx, offset: u64) -> Result<(), CompileError> {
    const MOV: Op = Op::one(0x8b);
    const ZERO8: Op = Op::two(0, 0xb6);
    const ZERO16: Op = Op::two(0, 0xb7);
    const SIGN8: Op = Op::two(0, 0xbe);
    const SIGN16: Op = Op::two(0, 0xbf);
    const SIGN32: Op = Op::one(0x63);
    const STORE: Op = Op::one(0x89);
    const STORE8: Op = Op::one(0x88).byte();
    const STORE16: Op = Op::one(0x89).prefixed(0x66);
    let at = (memory, offset);
    match opcode {
        0x28 => b.load_int(at, 4, I32, MOV, false),
        0x29 => b.load_int(at, 8, I64, MOV, true),
        0x2a => b.load_float(at, 4, F32),
        0x2b => b.load_float(at, 8, F64),
        0x2c => b.load_int(at, 1, I32, SIGN8, false),
        0x2d => b.load_int(at, 1, I32, ZERO8, false),
        0x2e => b.load_int(at, 2, I32, SIGN16, false),
        0x2f => b.load_int(at, 2, I32, ZERO16, false),
        0x30 => b.load_int(at, 1, I64, SIGN8, true),
        0x31 => b.load_int(at, 1, I64, ZERO8, false),
        0x32 => b.load_int(at, 2, I64, SIGN16, true),
        0x33 => b.load_int(at, 2, I64, ZERO16, false),
        0x34 => b.load_int(at, 4, I64, SIGN32, true),
        0x35 => b.load_int(at, 4, I64, MOV, false),

        0x36 | 0x3e => b.store_int(at, 4, STORE, false),
        0x37 => b.store_int(at, 8, STORE, true),
        0x38 => b.store_float(at, 4, F32),
        0x39 => b.store_float(at, 8, F64),
        0x3a | 0x3c => b.store_int(at, 1, STORE8, false),
        _ => b.store_int(at, 2, STORE16, false),
    }
}

/// The memory an access goes to; `None` if it is the contents of an array.
pub(super) fn target(memarg: &MemArg) -> Option<MemIdx> {
    match memarg.target {
        MemArgTarget::Memory(memory) => Some(MemIdx(memory)),
        _ => None,
    }
}

impl Baseline<'_> {
    #[inline]
    fn load_int(
        &mut self,
        (memory, offset): (MemIdx, u64),
        size: u32,
        ty: AbiType,
        op: Op,
        wide: bool,
    ) -> Result<(), CompileError> {
        let index = self.pop();
        let Some(place) = self.place(memory, index, offset, size)? else { return Ok(()) };
        self.release_place(place);
        let dst = self.result_gpr();
        self.memory_site();
        self.asm.rm(op, wide, dst.0, place.mem);
        self.push_gpr(ty, dst);
        Ok(())
    }

    fn load_float(&mut self, (memory, offset): (MemIdx, u64), size: u32, ty: AbiType) -> Result<(), CompileError> {
        let index = self.pop();
        let Some(place) = self.place(memory, index, offset, size)? else { return Ok(()) };
        self.release_place(place);
        let dst = self.result_xmm();
        self.memory_site();
        self.asm.rm(load_op(ty), false, dst.0, place.mem);
        self.push_xmm(ty, dst);
        Ok(())
    }

    #[inline]
    fn store_int(
        &mut self,
        (memory, offset): (MemIdx, u64),
        size: u32,
        op: Op,
        wide: bool,
    ) -> Result<(), CompileError> {
        let val = self.pop();
        let index = self.pop();
        // A constant is part of the instruction, where it fits.
        if let At::Const(bits) = val.at
            && (size < 8 || bits as i32 as u64 == bits)
        {
            let Some(place) = self.place(memory, index, offset, size)? else { return Ok(()) };
            self.memory_site();
            let op = match size {
                1 => Op::one(0xc6),
                2 => Op::one(0xc7).prefixed(0x66),
                _ => Op::one(0xc7),
            };
            self.asm.rm(op, wide, 0, place.mem);
            match size {
                1 => self.asm.put1(bits as u8),
                2 => {
                    self.asm.put1(bits as u8);
                    self.asm.put1((bits >> 8) as u8);
                }
                _ => self.asm.put4(bits as u32),
            }
            self.release_place(place);
            return Ok(());
        }
        let reg = self.in_gpr(val);
        if let Some(place) = self.place(memory, index, offset, size)? {
            debug_assert!(reg != R11);
            self.memory_site();
            self.asm.rm(op, wide, reg.0, place.mem);
            self.release_place(place);
        }
        self.release_gpr(reg);
        Ok(())
    }

    fn store_float(&mut self, (memory, offset): (MemIdx, u64), size: u32, ty: AbiType) -> Result<(), CompileError> {
        let val = self.pop();
        let index = self.pop();
        let reg = self.in_xmm(val);
        if let Some(place) = self.place(memory, index, offset, size)? {
            self.memory_site();
            self.asm.rm(store_op(ty), false, reg.0, place.mem);
            self.release_place(place);
        }
        self.release_xmm(reg);
        Ok(())
    }
}

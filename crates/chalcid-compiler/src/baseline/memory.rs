//! Loads and stores of numbers. Every access is placed by `bounds`.

use chalcid_module::index::MemIdx;
use wasmparser::{MemArg, MemArgTarget, Operator};

use super::asm::Op;
use super::reg::R11;
use super::state::{At, Baseline, load_op, store_op};
use crate::{AbiType, CompileError};

use AbiType::{F32, F64, I32, I64};

/// Compiles a memory instruction.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as O;
    const MOV: Op = Op::one(0x8b);
    const ZERO8: Op = Op::two(0, 0xb6);
    const ZERO16: Op = Op::two(0, 0xb7);
    const SIGN8: Op = Op::two(0, 0xbe);
    const SIGN16: Op = Op::two(0, 0xbf);
    const SIGN32: Op = Op::one(0x63);
    const STORE: Op = Op::one(0x89);
    const STORE8: Op = Op::one(0x88).byte();
    const STORE16: Op = Op::one(0x89).prefixed(0x66);
    match op {
        O::I32Load { memarg } => b.load_int(memarg, 4, I32, MOV, false),
        O::I64Load { memarg } => b.load_int(memarg, 8, I64, MOV, true),
        O::I32Load8S { memarg } => b.load_int(memarg, 1, I32, SIGN8, false),
        O::I32Load8U { memarg } => b.load_int(memarg, 1, I32, ZERO8, false),
        O::I32Load16S { memarg } => b.load_int(memarg, 2, I32, SIGN16, false),
        O::I32Load16U { memarg } => b.load_int(memarg, 2, I32, ZERO16, false),
        O::I64Load8S { memarg } => b.load_int(memarg, 1, I64, SIGN8, true),
        O::I64Load8U { memarg } => b.load_int(memarg, 1, I64, ZERO8, false),
        O::I64Load16S { memarg } => b.load_int(memarg, 2, I64, SIGN16, true),
        O::I64Load16U { memarg } => b.load_int(memarg, 2, I64, ZERO16, false),
        O::I64Load32S { memarg } => b.load_int(memarg, 4, I64, SIGN32, true),
        O::I64Load32U { memarg } => b.load_int(memarg, 4, I64, MOV, false),
        O::F32Load { memarg } => b.load_float(memarg, 4, F32),
        O::F64Load { memarg } => b.load_float(memarg, 8, F64),

        O::I32Store { memarg } => b.store_int(memarg, 4, STORE, false),
        O::I64Store { memarg } => b.store_int(memarg, 8, STORE, true),
        O::I32Store8 { memarg } | O::I64Store8 { memarg } => b.store_int(memarg, 1, STORE8, false),
        O::I32Store16 { memarg } | O::I64Store16 { memarg } => b.store_int(memarg, 2, STORE16, false),
        O::I64Store32 { memarg } => b.store_int(memarg, 4, STORE, false),
        O::F32Store { memarg } => b.store_float(memarg, 4, F32),
        O::F64Store { memarg } => b.store_float(memarg, 8, F64),
        _ => Ok(false),
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
    fn load_int(&mut self, memarg: &MemArg, size: u32, ty: AbiType, op: Op, wide: bool) -> Result<bool, CompileError> {
        let Some(memory) = target(memarg) else { return Ok(false) };
        let index = self.pop();
        let Some(place) = self.place(memory, index, memarg.offset, size)? else { return Ok(true) };
        self.release_place(place);
        let dst = self.result_gpr();
        self.memory_site();
        self.asm.rm(op, wide, dst.0, place.mem);
        self.push_gpr(ty, dst);
        Ok(true)
    }

    fn load_float(&mut self, memarg: &MemArg, size: u32, ty: AbiType) -> Result<bool, CompileError> {
        let Some(memory) = target(memarg) else { return Ok(false) };
        let index = self.pop();
        let Some(place) = self.place(memory, index, memarg.offset, size)? else { return Ok(true) };
        self.release_place(place);
        let dst = self.result_xmm();
        self.memory_site();
        self.asm.rm(load_op(ty), false, dst.0, place.mem);
        self.push_xmm(ty, dst);
        Ok(true)
    }

    #[inline]
    fn store_int(&mut self, memarg: &MemArg, size: u32, op: Op, wide: bool) -> Result<bool, CompileError> {
        let Some(memory) = target(memarg) else { return Ok(false) };
        let val = self.pop();
        let index = self.pop();
        // A constant is part of the instruction, where it fits.
        if let At::Const(bits) = val.at
            && (size < 8 || bits as i32 as u64 == bits)
        {
            let Some(place) = self.place(memory, index, memarg.offset, size)? else { return Ok(true) };
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
            return Ok(true);
        }
        let reg = self.in_gpr(val);
        if let Some(place) = self.place(memory, index, memarg.offset, size)? {
            debug_assert!(reg != R11);
            self.memory_site();
            self.asm.rm(op, wide, reg.0, place.mem);
            self.release_place(place);
        }
        self.release_gpr(reg);
        Ok(true)
    }

    fn store_float(&mut self, memarg: &MemArg, size: u32, ty: AbiType) -> Result<bool, CompileError> {
        let Some(memory) = target(memarg) else { return Ok(false) };
        let val = self.pop();
        let index = self.pop();
        let reg = self.in_xmm(val);
        if let Some(place) = self.place(memory, index, memarg.offset, size)? {
            self.memory_site();
            self.asm.rm(store_op(ty), false, reg.0, place.mem);
            self.release_place(place);
        }
        self.release_xmm(reg);
        Ok(true)
    }
}

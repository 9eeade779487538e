//! Atomic instructions: loads, stores, read-modify-write, compare-exchange, fence, wait and notify.
//!
//! All are sequentially consistent: loads are plain, stores exchange, the rest is locked. Operations that no instruction does at once while
//! giving the old value (*and*, *or*, *xor*) are loops around a compare-exchange.

use chalcid_module::builtins::Builtin;
use wasmparser::{MemArg, Operator};

use super::asm::{Alu, Cc, Op};
use super::bounds::Place;
use super::call::Arg;
use super::memory::target;
use super::reg::{Gpr, R11, RAX};
use super::state::Baseline;
use crate::{AbiType, CompileError};

use AbiType::{I32, I64};

/// What a read-modify-write does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rmw {
    Add,
    Sub,
    Exchange,
    /// In a loop.
    Logic(Alu),
}

/// Compiles an atomic instruction.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as O;
    const AND: Rmw = Rmw::Logic(Alu::And);
    const OR: Rmw = Rmw::Logic(Alu::Or);
    const XOR: Rmw = Rmw::Logic(Alu::Xor);
    match op {
        O::I32AtomicLoad { memarg } => b.atomic_load(memarg, 4, I32),
        O::I64AtomicLoad { memarg } => b.atomic_load(memarg, 8, I64),
        O::I32AtomicLoad8U { memarg } => b.atomic_load(memarg, 1, I32),
        O::I32AtomicLoad16U { memarg } => b.atomic_load(memarg, 2, I32),
        O::I64AtomicLoad8U { memarg } => b.atomic_load(memarg, 1, I64),
        O::I64AtomicLoad16U { memarg } => b.atomic_load(memarg, 2, I64),
        O::I64AtomicLoad32U { memarg } => b.atomic_load(memarg, 4, I64),

        O::I32AtomicStore { memarg } | O::I64AtomicStore32 { memarg } => b.atomic_store(memarg, 4),
        O::I64AtomicStore { memarg } => b.atomic_store(memarg, 8),
        O::I32AtomicStore8 { memarg } | O::I64AtomicStore8 { memarg } => b.atomic_store(memarg, 1),
        O::I32AtomicStore16 { memarg } | O::I64AtomicStore16 { memarg } => b.atomic_store(memarg, 2),

        O::I32AtomicRmwAdd { memarg } => b.update(memarg, Rmw::Add, 4, I32),
        O::I64AtomicRmwAdd { memarg } => b.update(memarg, Rmw::Add, 8, I64),
        O::I32AtomicRmw8AddU { memarg } => b.update(memarg, Rmw::Add, 1, I32),
        O::I32AtomicRmw16AddU { memarg } => b.update(memarg, Rmw::Add, 2, I32),
        O::I64AtomicRmw8AddU { memarg } => b.update(memarg, Rmw::Add, 1, I64),
        O::I64AtomicRmw16AddU { memarg } => b.update(memarg, Rmw::Add, 2, I64),
        O::I64AtomicRmw32AddU { memarg } => b.update(memarg, Rmw::Add, 4, I64),

        O::I32AtomicRmwSub { memarg } => b.update(memarg, Rmw::Sub, 4, I32),
        O::I64AtomicRmwSub { memarg } => b.update(memarg, Rmw::Sub, 8, I64),
        O::I32AtomicRmw8SubU { memarg } => b.update(memarg, Rmw::Sub, 1, I32),
        O::I32AtomicRmw16SubU { memarg } => b.update(memarg, Rmw::Sub, 2, I32),
        O::I64AtomicRmw8SubU { memarg } => b.update(memarg, Rmw::Sub, 1, I64),
        O::I64AtomicRmw16SubU { memarg } => b.update(memarg, Rmw::Sub, 2, I64),
        O::I64AtomicRmw32SubU { memarg } => b.update(memarg, Rmw::Sub, 4, I64),

        O::I32AtomicRmwAnd { memarg } => b.update(memarg, AND, 4, I32),
        O::I64AtomicRmwAnd { memarg } => b.update(memarg, AND, 8, I64),
        O::I32AtomicRmw8AndU { memarg } => b.update(memarg, AND, 1, I32),
        O::I32AtomicRmw16AndU { memarg } => b.update(memarg, AND, 2, I32),
        O::I64AtomicRmw8AndU { memarg } => b.update(memarg, AND, 1, I64),
        O::I64AtomicRmw16AndU { memarg } => b.update(memarg, AND, 2, I64),
        O::I64AtomicRmw32AndU { memarg } => b.update(memarg, AND, 4, I64),

        O::I32AtomicRmwOr { memarg } => b.update(memarg, OR, 4, I32),
        O::I64AtomicRmwOr { memarg } => b.update(memarg, OR, 8, I64),
        O::I32AtomicRmw8OrU { memarg } => b.update(memarg, OR, 1, I32),
        O::I32AtomicRmw16OrU { memarg } => b.update(memarg, OR, 2, I32),
        O::I64AtomicRmw8OrU { memarg } => b.update(memarg, OR, 1, I64),
        O::I64AtomicRmw16OrU { memarg } => b.update(memarg, OR, 2, I64),
        O::I64AtomicRmw32OrU { memarg } => b.update(memarg, OR, 4, I64),

        O::I32AtomicRmwXor { memarg } => b.update(memarg, XOR, 4, I32),
        O::I64AtomicRmwXor { memarg } => b.update(memarg, XOR, 8, I64),
        O::I32AtomicRmw8XorU { memarg } => b.update(memarg, XOR, 1, I32),
        O::I32AtomicRmw16XorU { memarg } => b.update(memarg, XOR, 2, I32),
        O::I64AtomicRmw8XorU { memarg } => b.update(memarg, XOR, 1, I64),
        O::I64AtomicRmw16XorU { memarg } => b.update(memarg, XOR, 2, I64),
        O::I64AtomicRmw32XorU { memarg } => b.update(memarg, XOR, 4, I64),

        O::I32AtomicRmwXchg { memarg } => b.update(memarg, Rmw::Exchange, 4, I32),
        O::I64AtomicRmwXchg { memarg } => b.update(memarg, Rmw::Exchange, 8, I64),
        O::I32AtomicRmw8XchgU { memarg } => b.update(memarg, Rmw::Exchange, 1, I32),
        O::I32AtomicRmw16XchgU { memarg } => b.update(memarg, Rmw::Exchange, 2, I32),
        O::I64AtomicRmw8XchgU { memarg } => b.update(memarg, Rmw::Exchange, 1, I64),
        O::I64AtomicRmw16XchgU { memarg } => b.update(memarg, Rmw::Exchange, 2, I64),
        O::I64AtomicRmw32XchgU { memarg } => b.update(memarg, Rmw::Exchange, 4, I64),

        O::I32AtomicRmwCmpxchg { memarg } => b.compare_exchange(memarg, 4, I32),
        O::I64AtomicRmwCmpxchg { memarg } => b.compare_exchange(memarg, 8, I64),
        O::I32AtomicRmw8CmpxchgU { memarg } => b.compare_exchange(memarg, 1, I32),
        O::I32AtomicRmw16CmpxchgU { memarg } => b.compare_exchange(memarg, 2, I32),
        O::I64AtomicRmw8CmpxchgU { memarg } => b.compare_exchange(memarg, 1, I64),
        O::I64AtomicRmw16CmpxchgU { memarg } => b.compare_exchange(memarg, 2, I64),
        O::I64AtomicRmw32CmpxchgU { memarg } => b.compare_exchange(memarg, 4, I64),

        O::MemoryAtomicWait32 { memarg } => b.wait(memarg, Builtin::memory_atomic_wait32),
        O::MemoryAtomicWait64 { memarg } => b.wait(memarg, Builtin::memory_atomic_wait64),
        O::MemoryAtomicNotify { memarg } => b.notify(memarg),
        O::AtomicFence { .. } => {
            b.asm.mfence();
            Ok(true)
        }
        // A hint for loops that wait.
        O::Pause => Ok(true),
        _ => Ok(false),
    }
}

/// The instruction of a width: `narrow` for bytes, `full` for others, with the prefix for 16 bits; and whether it is wide.
fn sized(narrow: Op, full: Op, size: u32) -> (Op, bool) {
    match size {
        1 => (narrow.byte(), false),
        2 => (full.prefixed(0x66), false),
        4 => (full, false),
        _ => (full, true),
    }
}

impl Baseline<'_> {
    /// Pops an address and places an aligned access there.
    fn atomic_place(&mut self, memarg: &MemArg, size: u32) -> Result<Option<Place>, CompileError> {
        let Some(memory) = target(memarg) else { return Ok(None) };
        let index = self.pop();
        self.check_alignment(index, memarg.offset, size);
        self.place(memory, index, memarg.offset, size)
    }

    fn atomic_load(&mut self, memarg: &MemArg, size: u32, ty: AbiType) -> Result<bool, CompileError> {
        let Some(place) = self.atomic_place(memarg, size)? else { return Ok(target(memarg).is_some()) };
        self.release_place(place);
        let dst = self.result_gpr();
        self.memory_site();
        let op = match size {
            1 => Op::two(0, 0xb6),
            2 => Op::two(0, 0xb7),
            _ => Op::one(0x8b),
        };
        self.asm.rm(op, size == 8, dst.0, place.mem);
        self.push_gpr(ty, dst);
        Ok(true)
    }

    fn atomic_store(&mut self, memarg: &MemArg, size: u32) -> Result<bool, CompileError> {
        if target(memarg).is_none() {
            return Ok(false);
        }
        let val = self.pop();
        let reg = self.in_own_gpr(val);
        if let Some(place) = self.atomic_place(memarg, size)? {
            // xchg is locked by itself.
            let (op, wide) = sized(Op::one(0x86), Op::one(0x87), size);
            self.memory_site();
            self.asm.rm(op, wide, reg.0, place.mem);
            self.release_place(place);
        }
        self.release_gpr(reg);
        Ok(true)
    }

    fn update(&mut self, memarg: &MemArg, rmw: Rmw, size: u32, ty: AbiType) -> Result<bool, CompileError> {
        if target(memarg).is_none() {
            return Ok(false);
        }
        let val = self.pop();
        if let Rmw::Logic(op) = rmw {
            // The loop needs rax for what is expected.
            let operand = self.in_own_gpr(val);
            let operand = self.not_rax(operand);
            self.take(RAX);
            let Some(place) = self.atomic_place(memarg, size)? else {
                self.release_gpr(RAX);
                self.release_gpr(operand);
                return Ok(true);
            };
            let new = self.alloc();
            let load = match size {
                1 => Op::two(0, 0xb6),
                2 => Op::two(0, 0xb7),
                _ => Op::one(0x8b),
            };
            self.memory_site();
            self.asm.rm(load, size == 8, RAX.0, place.mem);
            let again = self.asm.label_here();
            self.asm.mov_rr(true, new, RAX);
            self.asm.alu_rr(op, true, new, operand);
            self.locked_compare_exchange(new, place, size);
            self.asm.jcc(Cc::Ne, again);
            self.release_gpr(new);
            self.release_place(place);
            self.release_gpr(operand);
            self.push_narrow(RAX, size, ty);
            return Ok(true);
        }
        let reg = self.in_own_gpr(val);
        let Some(place) = self.atomic_place(memarg, size)? else {
            self.release_gpr(reg);
            return Ok(true);
        };
        if rmw == Rmw::Sub {
            // neg
            self.asm.rr(Op::one(0xf7), true, 3, reg.0);
        }
        if rmw == Rmw::Exchange {
            let (op, wide) = sized(Op::one(0x86), Op::one(0x87), size);
            self.memory_site();
            self.asm.rm(op, wide, reg.0, place.mem);
        } else {
            let (op, wide) = sized(Op::two(0, 0xc0), Op::two(0, 0xc1), size);
            self.memory_site();
            self.asm.put1(0xf0);
            self.asm.rm(op, wide, reg.0, place.mem);
        }
        self.release_place(place);
        self.push_narrow(reg, size, ty);
        Ok(true)
    }

    /// `lock cmpxchg`: expects what is in `rax`.
    fn locked_compare_exchange(&mut self, new: Gpr, place: Place, size: u32) {
        let (op, wide) = sized(Op::two(0, 0xb0), Op::two(0, 0xb1), size);
        self.memory_site();
        self.asm.put1(0xf0);
        self.asm.rm(op, wide, new.0, place.mem);
    }

    fn compare_exchange(&mut self, memarg: &MemArg, size: u32, ty: AbiType) -> Result<bool, CompileError> {
        if target(memarg).is_none() {
            return Ok(false);
        }
        let new = self.pop();
        let new = self.in_own_gpr(new);
        let new = self.not_rax(new);
        let expected = self.pop();
        self.move_to(expected, RAX);
        if let Some(place) = self.atomic_place(memarg, size)? {
            self.locked_compare_exchange(new, place, size);
            self.release_place(place);
            self.release_gpr(new);
            self.push_narrow(RAX, size, ty);
        } else {
            self.release_gpr(new);
            self.release_gpr(RAX);
        }
        Ok(true)
    }

    /// An owned register that is not `rax`, with the value of another.
    fn not_rax(&mut self, reg: Gpr) -> Gpr {
        if reg != RAX {
            return reg;
        }
        let other = self.alloc();
        self.asm.mov_rr(true, other, RAX);
        self.release_gpr(RAX);
        other
    }

    /// Pushes an old value, zero-extended from its width.
    fn push_narrow(&mut self, reg: Gpr, size: u32, ty: AbiType) {
        match size {
            1 => self.asm.movzx8(reg, reg),
            2 => self.asm.rr(Op::two(0, 0xb7), false, reg.0, reg.0),
            4 => self.asm.zero_extend(reg),
            _ => {}
        }
        self.push_gpr(ty, reg);
    }

    fn wait(&mut self, memarg: &MemArg, builtin: Builtin) -> Result<bool, CompileError> {
        let Some(memory) = target(memarg) else { return Ok(false) };
        let timeout = self.pop();
        let expected = self.pop();
        let index = self.pop();
        let address = self.effective_address(memory, index, memarg.offset)?;
        let args = [Arg::Imm(memory.0.into()), Arg::Val(address), Arg::Val(expected), Arg::Val(timeout)];
        self.push_outcome(builtin, &args)
    }

    fn notify(&mut self, memarg: &MemArg) -> Result<bool, CompileError> {
        let Some(memory) = target(memarg) else { return Ok(false) };
        let count = self.pop();
        let index = self.pop();
        let address = self.effective_address(memory, index, memarg.offset)?;
        let args = [Arg::Imm(memory.0.into()), Arg::Val(address), Arg::Val(count)];
        self.push_outcome(Builtin::memory_atomic_notify, &args)
    }

    fn push_outcome(&mut self, builtin: Builtin, args: &[Arg]) -> Result<bool, CompileError> {
        if let Some(reg) = self.call_builtin(builtin, args)? {
            self.asm.zero_extend(reg);
            self.push_gpr(I32, reg);
        }
        debug_assert!(R11 != RAX);
        Ok(true)
    }
}

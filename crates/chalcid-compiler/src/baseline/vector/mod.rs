//! Vector instructions, with SSE up to 4.2: on a CPU with less, functions that use them are left to the optimising tier.
//!
//! Constants lie in the pool behind the code and are loaded where they are needed; the scratch register is theirs, and everybody's within one
//! operator. Memory operands are loaded first: the instructions want them aligned.

mod bits;
mod compare;
mod convert;
mod float;
mod integer;
mod lanes;
mod memory;
mod relaxed;
mod shift;

use wasmparser::Operator;

use super::asm::Op;
use super::reg::{XMM15, Xmm};
use super::state::{At, Baseline, Val};
use crate::{AbiType, CompileError};

use AbiType::V128;

/// Compiles a vector instruction.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    if !b.cpu.sse42 {
        return Ok(false);
    }
    Ok(memory::translate(b, op)?
        || integer::translate(b, op)
        || float::translate(b, op)
        || bits::translate(b, op)
        || lanes::translate(b, op)
        || shift::translate(b, op)
        || compare::translate(b, op)
        || convert::translate(b, op)
        || relaxed::translate(b, op))
}

/// An opcode of the map `0F` with the prefix `66`: most instructions on integers.
const fn p(opcode: u8) -> Op {
    Op::two(0x66, opcode)
}

/// `pshufd`, with an immediate.
const PSHUFD: Op = p(0x70);
/// `pand`, `pandn`, `por`, `pxor`.
const PAND: Op = p(0xdb);
const PANDN: Op = p(0xdf);
const POR: Op = p(0xeb);
const PXOR: Op = p(0xef);

/// A constant of sixteen equal bytes.
const fn bytes(byte: u8) -> u128 {
    u128::from_le_bytes([byte; 16])
}

/// A constant of eight equal lanes.
const fn lanes16(lane: u16) -> u128 {
    lanes32(lane as u32 | (lane as u32) << 16)
}

/// A constant of four equal lanes.
const fn lanes32(lane: u32) -> u128 {
    lanes64(lane as u64 | (lane as u64) << 32)
}

/// A constant of two equal lanes.
const fn lanes64(lane: u64) -> u128 {
    lane as u128 | (lane as u128) << 64
}

impl Baseline<'_> {
    /// Loads a constant.
    fn vector_constant(&mut self, dst: Xmm, bits: u128) {
        match bits {
            0 => self.asm.sse(PXOR, dst, dst),
            u128::MAX => self.asm.sse(p(0x76), dst, dst),
            _ => {
                let mem = self.asm.constant(bits, 16);
                self.asm.rm(Op::two(0, 0x10), false, dst.0, mem);
            }
        }
    }

    /// An instruction with a constant as its right operand.
    fn with_constant(&mut self, op: Op, dst: Xmm, bits: u128) {
        self.vector_constant(XMM15, bits);
        self.asm.sse(op, dst, XMM15);
    }

    /// The left operand in a register to write, and the right one.
    fn vector_operands(&mut self, commutes: bool) -> (Xmm, Xmm) {
        let right = self.pop();
        let left = self.pop();
        self.choose_operands(left, right, commutes)
    }

    fn choose_operands(&mut self, left: Val, right: Val, commutes: bool) -> (Xmm, Xmm) {
        let (dst, right) = self.left_operand(left, right, commutes);
        (dst, self.in_xmm(right))
    }

    /// Replaces two vectors by one instruction's result.
    fn vector_binary(&mut self, op: Op, commutes: bool) {
        let (dst, src) = self.vector_operands(commutes);
        self.asm.sse(op, dst, src);
        self.release_xmm(src);
        self.push_xmm(V128, dst);
    }

    /// The same where the instruction overwrites what is the second operand of the operator.
    fn vector_swapped(&mut self, op: Op) {
        let right = self.pop();
        let left = self.pop();
        let (dst, src) = self.choose_operands(right, left, false);
        self.asm.sse(op, dst, src);
        self.release_xmm(src);
        self.push_xmm(V128, dst);
    }

    /// Replaces a vector by one instruction's result.
    fn vector_unary(&mut self, op: Op, imm: Option<u8>) {
        let val = self.pop();
        let src = self.in_xmm(val);
        self.release_xmm(src);
        let dst = self.result_xmm();
        self.asm.sse(op, dst, src);
        if let Some(imm) = imm {
            self.asm.put1(imm);
        }
        self.push_xmm(V128, dst);
    }

    /// Replaces a vector by what is done with it in a register to write.
    fn vector_in_place(&mut self, work: impl FnOnce(&mut Self, Xmm)) {
        let val = self.pop();
        let dst = match val.at {
            At::Xmm(reg) if self.owns_xmm(reg) => reg,
            _ => {
                let dst = self.result_xmm();
                self.load_xmm(dst, val);
                dst
            }
        };
        work(self, dst);
        self.push_xmm(V128, dst);
    }

    /// Replaces two vectors by what is done with them: the first in a register to write, the second to read.
    fn vector_pair(&mut self, work: impl FnOnce(&mut Self, Xmm, Xmm)) {
        let right = self.pop();
        let left = self.pop();
        let dst = self.in_own_xmm(left);
        let src = self.in_xmm(right);
        work(self, dst, src);
        self.release_xmm(src);
        self.push_xmm(V128, dst);
    }
}

//! Instructions that begin with the byte 0xfe: atomic ones.

use super::Quick;
use super::body::Step;
use super::operands::Operands;
use super::ty::*;
use crate::leb;

/// Alignment and value type of loads, stores and modifications, in the order in which each kind numbers them.
const ACCESSES: [(u8, Ty); 7] = [(2, I32), (3, I64), (0, I32), (1, I32), (0, I64), (1, I64), (2, I64)];

impl<'m> Quick<'m> {
    #[inline(never)]
    pub(super) fn atomic<'b, 's>(&self, code: &'b [u8], mut operands: Operands<'s, 'm>) -> Step<'b, 's, 'm> {
        let (opcode, code) = leb::u32(code)?;
        // atomic.fence
        if opcode == 0x03 {
            return Some((code.strip_prefix(&[0])?, operands));
        }
        let (align, value) = match opcode {
            0x00 | 0x01 => (2, I32),
            0x02 => (3, I64),
            0x10..=0x4e => ACCESSES[(opcode as usize - 0x10) % ACCESSES.len()],
            _ => return None,
        };
        // Atomic accesses say exactly their natural alignment; with the bit beside it that says that a memory follows.
        let (flags, _) = leb::u32(code)?;
        if flags & !0x40 != u32::from(align) {
            return None;
        }
        let (address, code) = self.memarg(code, align)?;
        match opcode {
            // notify
            0x00 => {
                operands.pop_all(&[address, I32])?;
                operands.push(I32)?;
            }
            // wait
            0x01 | 0x02 => {
                operands.pop_all(&[address, value, I64])?;
                operands.push(I32)?;
            }
            // load
            0x10..=0x16 => operands.unary(address, value)?,
            // store
            0x17..=0x1d => operands.pop_all(&[address, value])?,
            // cmpxchg
            0x48..=0x4e => {
                operands.pop_all(&[address, value, value])?;
                operands.push(value)?;
            }
            // other modifications
            _ => {
                operands.pop_all(&[address, value])?;
                operands.push(value)?;
            }
        }
        Some((code, operands))
    }
}

//! Instructions that begin with the byte 0xfc: saturating conversions, bulk instructions on memories and tables, wide arithmetic.

use super::Quick;
use super::body::Step;
use super::operands::Operands;
use super::ty::*;
use crate::leb;

impl<'m> Quick<'m> {
    #[inline(never)]
    pub(super) fn bulk<'b, 's>(&self, code: &'b [u8], mut operands: Operands<'s, 'm>) -> Step<'b, 's, 'm> {
        let features = &self.features;
        let (opcode, mut code) = leb::u32(code)?;
        let mut index = || {
            let (index, rest) = leb::u32(code)?;
            code = rest;
            Some(index)
        };
        match opcode {
            0x00 | 0x01 if features.saturating_float_to_int() => operands.unary(F32, I32)?,
            0x02 | 0x03 if features.saturating_float_to_int() => operands.unary(F64, I32)?,
            0x04 | 0x05 if features.saturating_float_to_int() => operands.unary(F32, I64)?,
            0x06 | 0x07 if features.saturating_float_to_int() => operands.unary(F64, I64)?,
            // memory.init
            0x08 if features.bulk_memory() => {
                let (data, memory) = (index()?, index()?);
                if data >= self.data_count? {
                    return None;
                }
                operands.pop_all(&[self.memory(memory)?, I32, I32])?;
            }
            // data.drop
            0x09 if features.bulk_memory() => {
                if index()? >= self.data_count? {
                    return None;
                }
            }
            // memory.copy
            0x0a if features.bulk_memory_opt() => {
                let (to, from) = (self.memory(index()?)?, self.memory(index()?)?);
                operands.pop_all(&[to, from, narrower(to, from)])?;
            }
            // memory.fill
            0x0b if features.bulk_memory_opt() => {
                let address = self.memory(index()?)?;
                operands.pop_all(&[address, I32, address])?;
            }
            // table.init
            0x0c if features.bulk_memory() => {
                let segment = self.element(index()?)?;
                let (address, element) = self.table(index()?)?;
                if !self.matches(segment, element) {
                    return None;
                }
                operands.pop_all(&[address, I32, I32])?;
            }
            // elem.drop
            0x0d if features.bulk_memory() => {
                self.element(index()?)?;
            }
            // table.copy
            0x0e if features.bulk_memory() => {
                let ((to, target), (from, source)) = (self.table(index()?)?, self.table(index()?)?);
                if !self.matches(source, target) {
                    return None;
                }
                operands.pop_all(&[to, from, narrower(to, from)])?;
            }
            // table.grow
            0x0f if features.reference_types() => {
                let (address, element) = self.table(index()?)?;
                operands.pop_all(&[element, address])?;
                operands.push(address)?;
            }
            // table.size
            0x10 if features.reference_types() => operands.push(self.table(index()?)?.0)?,
            // table.fill
            0x11 if features.bulk_memory() && features.reference_types() => {
                let (address, element) = self.table(index()?)?;
                operands.pop_all(&[address, element, address])?;
            }
            // i64.add128, i64.sub128
            0x13 | 0x14 if features.wide_arithmetic() => {
                operands.pop_all(&[I64; 4])?;
                operands.push_all(&[I64; 2])?;
            }
            // i64.mul_wide_s, i64.mul_wide_u
            0x15 | 0x16 if features.wide_arithmetic() => {
                operands.pop_all(&[I64; 2])?;
                operands.push_all(&[I64; 2])?;
            }
            _ => return None,
        }
        Some((code, operands))
    }

    /// Type of the elements of a segment.
    fn element(&self, index: u32) -> Option<Ty> {
        self.declarations.elements.get(index as usize).map(|segment| of_ref(segment.ty))
    }
}

/// Type of the length of a copy.
fn narrower(a: Ty, b: Ty) -> Ty {
    if a == I64 { b } else { I32 }
}

//! Reading operators, and the way from each to the file of its family.
//!
//! Most operators of most bodies are a byte and an immediate or two: these are read here, and go to what compiles them by that byte. All others are
//! read by the reading library, one at a time, and go to the families, each of which knows its own. A reader of ours pays since the
//! library's would take longer than what is done for most operators.

use chalcid_module::index::{FuncIdx, GlobalIdx, MemIdx};
use chalcid_module::leb;
use chalcid_module::types::ValType;
use wasmparser::{BinaryReader, Operator, OperatorsReader};

use super::control::ValTypes;
use super::state::{Baseline, Loc};
use super::{
    array, atomic, bulk, call, cast, control, convert, descriptor, exception, float, memory, numeric, reference,
    structure, table, variable, vector,
};
use crate::{AbiType, CompileError};

/// Operators of numbers that are a byte each, from 0x45 on.
static NUMBERS: [Operator<'static>; 0x80] = {
    use Operator::*;
    [
        I32Eqz,
        I32Eq,
        I32Ne,
        I32LtS,
        I32LtU,
        I32GtS,
        I32GtU,
        I32LeS,
        I32LeU,
        I32GeS,
        I32GeU,
        I64Eqz,
        I64Eq,
        I64Ne,
        I64LtS,
        I64LtU,
        I64GtS,
        I64GtU,
        I64LeS,
        I64LeU,
        I64GeS,
        I64GeU,
        F32Eq,
        F32Ne,
        F32Lt,
        F32Gt,
        F32Le,
        F32Ge,
        F64Eq,
        F64Ne,
        F64Lt,
        F64Gt,
        F64Le,
        F64Ge,
        I32Clz,
        I32Ctz,
        I32Popcnt,
        I32Add,
        I32Sub,
        I32Mul,
        I32DivS,
        I32DivU,
        I32RemS,
        I32RemU,
        I32And,
        I32Or,
        I32Xor,
        I32Shl,
        I32ShrS,
        I32ShrU,
        I32Rotl,
        I32Rotr,
        I64Clz,
        I64Ctz,
        I64Popcnt,
        I64Add,
        I64Sub,
        I64Mul,
        I64DivS,
        I64DivU,
        I64RemS,
        I64RemU,
        I64And,
        I64Or,
        I64Xor,
        I64Shl,
        I64ShrS,
        I64ShrU,
        I64Rotl,
        I64Rotr,
        F32Abs,
        F32Neg,
        F32Ceil,
        F32Floor,
        F32Trunc,
        F32Nearest,
        F32Sqrt,
        F32Add,
        F32Sub,
        F32Mul,
        F32Div,
        F32Min,
        F32Max,
        F32Copysign,
        F64Abs,
        F64Neg,
        F64Ceil,
        F64Floor,
        F64Trunc,
        F64Nearest,
        F64Sqrt,
        F64Add,
        F64Sub,
        F64Mul,
        F64Div,
        F64Min,
        F64Max,
        F64Copysign,
        I32WrapI64,
        I32TruncF32S,
        I32TruncF32U,
        I32TruncF64S,
        I32TruncF64U,
        I64ExtendI32S,
        I64ExtendI32U,
        I64TruncF32S,
        I64TruncF32U,
        I64TruncF64S,
        I64TruncF64U,
        F32ConvertI32S,
        F32ConvertI32U,
        F32ConvertI64S,
        F32ConvertI64U,
        F32DemoteF64,
        F64ConvertI32S,
        F64ConvertI32U,
        F64ConvertI64S,
        F64ConvertI64U,
        F64PromoteF32,
        I32ReinterpretF32,
        I64ReinterpretF64,
        F32ReinterpretI32,
        F64ReinterpretI64,
        I32Extend8S,
        I32Extend16S,
        I64Extend8S,
        I64Extend16S,
        I64Extend32S,
    ]
};

impl<'a> Baseline<'a> {
    /// Compiles the operator at `next`, and goes on to the one behind it.
    #[inline]
    pub fn operator(&mut self) -> Result<(), CompileError> {
        let start = self.next;
        self.offset = self.body_offset + start as u32;
        let Some((&opcode, code)) = self.body.get(start..).and_then(<[u8]>::split_first) else {
            return Err(self.malformed("unexpected end"));
        };
        if !self.reachable {
            let op = self.read(opcode, code)?;
            return control::translate_unreachable(self, &op);
        }
        // A condition stays in the flags for what takes it from there: `if`, `br_if`, the kinds of `select`, `i32.eqz`.
        if self.cond_pending && !matches!(opcode, 0x04 | 0x0d | 0x1b | 0x1c | 0x45) {
            self.settle_cond();
        }
        let known = match opcode {
            0x20..=0x24 | 0x0c | 0x0d | 0x10 => {
                let index = self.immediate(code, leb::u32)?;
                match opcode {
                    0x20 => self.push_local(index),
                    0x21 => self.set_local(index),
                    0x22 => self.tee_local(index),
                    0x23 => self.global_get(GlobalIdx(index))?,
                    0x24 => self.global_set(GlobalIdx(index))?,
                    0x0c => self.br(index),
                    0x0d => self.br_if_top(index),
                    _ => self.call_direct(FuncIdx(index), false)?,
                }
                true
            }
            0x41 => {
                let value = self.signed_immediate(code, leb::i32)?;
                self.push(AbiType::I32, Loc::Const(value.cast_unsigned().into()));
                true
            }
            0x42 => {
                let value = self.signed_immediate(code, leb::i64)?;
                self.push(AbiType::I64, Loc::Const(value.cast_unsigned()));
                true
            }
            0x28..=0x3e => {
                let (memory, offset) = self.memory_immediate(code)?;
                memory::translate(self, opcode, memory, offset)?;
                true
            }
            0x45..=0xc4 => {
                self.next += 1;
                let op = &NUMBERS[(opcode - 0x45) as usize & 0x7f];
                match opcode {
                    0x5b..=0x66 | 0x8b..=0xa6 | 0xb6 | 0xbb => float::translate(self, op)?,
                    0xa7 | 0xac | 0xad | 0xc0.. => numeric::translate(self, op)?,
                    0xa8.. => convert::translate(self, op)?,
                    _ => numeric::translate(self, op)?,
                }
            }
            0x02..=0x04 => match self.short_block_type(code) {
                Some(results) => {
                    self.next += 2;
                    match opcode {
                        0x02 => self.begin_block(ValTypes::NONE, results),
                        0x03 => self.begin_loop(ValTypes::NONE),
                        _ => self.begin_if(ValTypes::NONE, results),
                    }
                    true
                }
                None => self.other(opcode, code)?,
            },
            0x0b => {
                self.next += 1;
                self.end()?;
                true
            }
            0x05 => {
                self.next += 1;
                self.begin_else();
                true
            }
            0x1a => {
                self.next += 1;
                self.drop_top();
                true
            }
            0x1b => {
                self.next += 1;
                self.select();
                true
            }
            _ => self.other(opcode, code)?,
        };
        if !known {
            let op = self.read(opcode, code)?;
            return Err(CompileError::unsupported(&op, self.offset as usize));
        }
        debug_assert_eq!(self.held(), (0, 0), "registers still held after {opcode:#x}");
        self.check_size()
    }

    /// Compiles an operator that is not among the frequent ones.
    fn other(&mut self, opcode: u8, code: &'a [u8]) -> Result<bool, CompileError> {
        let op = self.read(opcode, code)?;
        let op = &op;
        Ok(match opcode {
            0xfb => {
                structure::translate(self, op)?
                    || array::translate(self, op)?
                    || cast::translate(self, op)?
                    || reference::translate(self, op)?
                    || descriptor::translate(self, op)?
            }
            0xfc => bulk::translate(self, op)? || table::translate(self, op)? || numeric_of_prefix(self, op)?,
            0xfd => vector::translate(self, op)?,
            0xfe => atomic::translate(self, op)?,
            _ => {
                control::translate(self, op)?
                    || call::translate(self, op)?
                    || variable::translate(self, op)?
                    || reference::translate(self, op)?
                    || table::translate(self, op)?
                    || exception::translate(self, op)?
                    || bulk::translate(self, op)?
            }
        })
    }

    /// Reads an operator, whatever it is, and goes on behind it.
    #[inline(never)]
    fn read(&mut self, opcode: u8, code: &'a [u8]) -> Result<Operator<'a>, CompileError> {
        // The library would ask what frame these are in, which it does not know.
        let frame = match opcode {
            0x05 => Operator::Else,
            0x0b => Operator::End,
            0x19 => Operator::CatchAll,
            0x07 => return Ok(Operator::Catch { tag_index: self.immediate(code, leb::u32)? }),
            0x18 => return Ok(Operator::Delegate { relative_depth: self.immediate(code, leb::u32)? }),
            _ => {
                let start = self.offset - self.body_offset;
                let at = BinaryReader::new(&self.body[start as usize..], self.offset.into());
                let mut reader = OperatorsReader::new_with_allocs(at, std::mem::take(&mut self.reader));
                let op = reader.read()?;
                self.next = (reader.original_position() - u64::from(self.body_offset)) as usize;
                self.reader = reader.into_allocations();
                return Ok(op);
            }
        };
        self.next = (self.offset - self.body_offset) as usize + 1;
        Ok(frame)
    }

    /// Reads the one immediate of an operator, and goes on behind it.
    #[inline]
    fn immediate<T>(&mut self, code: &'a [u8], read: fn(&'a [u8]) -> leb::Read<'a, T>) -> Result<T, CompileError> {
        let Some((value, rest)) = read(code) else { return Err(self.malformed("immediate")) };
        self.next = self.body.len() - rest.len();
        Ok(value)
    }

    /// The same for a number with a sign, which is mostly a byte.
    #[inline]
    fn signed_immediate<T: From<i8>>(
        &mut self,
        code: &'a [u8],
        read: fn(&'a [u8]) -> leb::Read<'a, T>,
    ) -> Result<T, CompileError> {
        match code {
            [byte, ..] if *byte < 0x80 => {
                self.next += 2;
                // Bit 6 is the sign.
                Ok(T::from((*byte << 1).cast_signed() >> 1))
            }
            _ => self.immediate(code, read),
        }
    }

    /// Reads where a load or store goes: the memory, and the constant part of the address.
    #[inline]
    fn memory_immediate(&mut self, code: &'a [u8]) -> Result<(MemIdx, u64), CompileError> {
        const HAS_MEMORY: u32 = 0x40;
        let read = || {
            let (flags, rest) = leb::u32(code)?;
            let (memory, rest) = if flags & HAS_MEMORY == 0 { (0, rest) } else { leb::u32(rest)? };
            let (offset, rest) = match rest {
                [byte, rest @ ..] if *byte < 0x80 => (u64::from(*byte), rest),
                _ => leb::u64(rest)?,
            };
            Some((MemIdx(memory), offset, rest))
        };
        let Some((memory, offset, rest)) = read() else { return Err(self.malformed("memory argument")) };
        self.next = self.body.len() - rest.len();
        Ok((memory, offset))
    }

    /// The results of a block whose type is a byte.
    #[inline]
    fn short_block_type(&self, code: &[u8]) -> Option<ValTypes<'a>> {
        let ty = match code.first()? {
            0x40 => return Some(ValTypes::NONE),
            0x7f => ValType::I32,
            0x7e => ValType::I64,
            0x7d => ValType::F32,
            0x7c => ValType::F64,
            0x7b => ValType::V128,
            _ => return None,
        };
        Some(ValTypes::Inline(Some(ty)))
    }

    #[cold]
    fn malformed(&self, what: &str) -> CompileError {
        CompileError::Malformed { message: what.to_owned(), offset: self.offset as usize }
    }
}

/// Numeric operators behind a prefix.
fn numeric_of_prefix(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    Ok(convert::translate(b, op)? || numeric::translate(b, op)?)
}

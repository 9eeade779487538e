//! The instructions of a body, one after another.

use super::operands::Operands;
use super::ty::*;
use super::{Quick, Scratch, Signature};
use crate::{leb, limits};

/// A frame of the control stack.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    signature: Signature,
    kind: Kind,
    /// Whether its rest was unreachable when the frame above it began.
    unreachable: bool,
    /// Height of the operand stack beneath its operands.
    base: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    Loop,
    If,
    Else,
}

/// Alignment and type of the loads and stores from `i32.load` to `i64.store32`.
const ACCESSES: [(u8, Ty); 23] = [
    (2, I32),
    (3, I64),
    (2, F32),
    (3, F64),
    (0, I32),
    (0, I32),
    (1, I32),
    (1, I32),
    (0, I64),
    (0, I64),
    (1, I64),
    (1, I64),
    (2, I64),
    (2, I64),
    (2, I32),
    (3, I64),
    (2, F32),
    (3, F64),
    (0, I32),
    (1, I32),
    (0, I64),
    (1, I64),
    (2, I64),
];

/// A numeric instruction: operands of one type, and a result.
#[derive(Clone, Copy)]
struct Numeric {
    from: Ty,
    /// One or two.
    count: u8,
    to: Ty,
}

/// The instructions from `i32.eqz` to `i64.extend32_s`. One path for all of them: no branch predictor knows which comes next.
const NUMERIC: [Numeric; 0x80] = numeric();

const fn numeric() -> [Numeric; 0x80] {
    const fn set(table: &mut [Numeric; 0x80], first: usize, last: usize, from: Ty, count: u8, to: Ty) {
        let mut opcode = first;
        while opcode <= last {
            table[opcode - 0x45] = Numeric { from, count, to };
            opcode += 1;
        }
    }
    let mut table = [Numeric { from: BOTTOM, count: 0, to: BOTTOM }; 0x80];
    let t = &mut table;
    // Comparisons.
    set(t, 0x45, 0x45, I32, 1, I32);
    set(t, 0x46, 0x4f, I32, 2, I32);
    set(t, 0x50, 0x50, I64, 1, I32);
    set(t, 0x51, 0x5a, I64, 2, I32);
    set(t, 0x5b, 0x60, F32, 2, I32);
    set(t, 0x61, 0x66, F64, 2, I32);
    // Arithmetic.
    set(t, 0x67, 0x69, I32, 1, I32);
    set(t, 0x6a, 0x78, I32, 2, I32);
    set(t, 0x79, 0x7b, I64, 1, I64);
    set(t, 0x7c, 0x8a, I64, 2, I64);
    set(t, 0x8b, 0x91, F32, 1, F32);
    set(t, 0x92, 0x98, F32, 2, F32);
    set(t, 0x99, 0x9f, F64, 1, F64);
    set(t, 0xa0, 0xa6, F64, 2, F64);
    // Conversions to i32, i64, f32, f64; bits taken for another type.
    set(t, 0xa7, 0xa7, I64, 1, I32);
    set(t, 0xa8, 0xa9, F32, 1, I32);
    set(t, 0xaa, 0xab, F64, 1, I32);
    set(t, 0xac, 0xad, I32, 1, I64);
    set(t, 0xae, 0xaf, F32, 1, I64);
    set(t, 0xb0, 0xb1, F64, 1, I64);
    set(t, 0xb2, 0xb3, I32, 1, F32);
    set(t, 0xb4, 0xb5, I64, 1, F32);
    set(t, 0xb6, 0xb6, F64, 1, F32);
    set(t, 0xb7, 0xb8, I32, 1, F64);
    set(t, 0xb9, 0xba, I64, 1, F64);
    set(t, 0xbb, 0xbb, F32, 1, F64);
    set(t, 0xbc, 0xbc, F32, 1, I32);
    set(t, 0xbd, 0xbd, F64, 1, I64);
    set(t, 0xbe, 0xbe, I32, 1, F32);
    set(t, 0xbf, 0xbf, I64, 1, F64);
    // Sign extension.
    set(t, 0xc0, 0xc1, I32, 1, I32);
    set(t, 0xc2, 0xc4, I64, 1, I64);
    table
}

/// What an instruction comes to that is looked at apart: the code after it, and the operands.
pub(super) type Step<'b, 's, 'm> = Option<(&'b [u8], Operands<'s, 'm>)>;

impl<'m> Quick<'m> {
    /// Whether instructions are valid for a function of a signature, and the work that counts.
    pub(super) fn instructions(&self, function: Signature, code: &[u8], scratch: &mut Scratch) -> Option<u64> {
        let Scratch { stack, frames, locals } = scratch;
        let locals: &[Ty] = locals;
        let mut code = code;
        let mut operands = Operands::new(self, stack);
        let mut work = 0;
        frames.clear();
        frames.push(Frame { signature: function, kind: Kind::Block, unreachable: false, base: 0 });

        // Reads an index.
        macro_rules! index {
            () => {
                match code {
                    [byte, rest @ ..] if *byte < 0x80 => {
                        code = rest;
                        u32::from(*byte)
                    }
                    _ => {
                        let (index, rest) = leb::u32(code)?;
                        code = rest;
                        index
                    }
                }
            };
        }
        // Goes on with what an instruction that is looked at apart leaves.
        macro_rules! apart {
            ($step:expr) => {
                (code, operands) = $step?
            };
        }

        loop {
            let (&opcode, rest) = code.split_first()?;
            code = rest;
            match opcode {
                0x00 => operands.set_unreachable(),
                0x01 => {}
                // block, loop, if
                0x02..=0x04 => {
                    let (signature, rest) = self.block_type(code)?;
                    code = rest;
                    if opcode == 0x04 {
                        operands.pop(I32)?;
                    }
                    let params = self.params(signature);
                    operands.pop_all(params)?;
                    frames.last_mut()?.unreachable = operands.unreachable;
                    let kind = match opcode {
                        0x02 => Kind::Block,
                        0x03 => Kind::Loop,
                        _ => Kind::If,
                    };
                    frames.push(Frame { signature, kind, unreachable: false, base: operands.top as u16 });
                    operands.base = operands.top;
                    operands.unreachable = false;
                    operands.push_all(params)?;
                }
                // else
                0x05 => {
                    let frame = frames.last_mut()?;
                    if frame.kind != Kind::If {
                        return None;
                    }
                    operands.pop_all(self.results(frame.signature))?;
                    if operands.top != operands.base {
                        return None;
                    }
                    frame.kind = Kind::Else;
                    operands.unreachable = false;
                    operands.push_all(self.params(frame.signature))?;
                }
                // end
                0x0b => {
                    let frame = frames.pop()?;
                    let results = self.results(frame.signature);
                    operands.pop_all(results)?;
                    if operands.top != operands.base {
                        return None;
                    }
                    // Without an `else` the parameters are the results.
                    if frame.kind == Kind::If && self.params(frame.signature) != results {
                        return None;
                    }
                    match frames.last() {
                        Some(outer) => {
                            operands.base = usize::from(outer.base);
                            operands.unreachable = outer.unreachable;
                            operands.push_all(results)?;
                        }
                        None if code.is_empty() && work <= self.budget => return Some(work),
                        None => return None,
                    }
                }
                // br
                0x0c => {
                    let label = self.label(frames, index!())?;
                    operands.pop_all(label)?;
                    operands.set_unreachable();
                }
                // br_if
                0x0d => {
                    let label = self.label(frames, index!())?;
                    operands.pop(I32)?;
                    operands.pop_all(label)?;
                    operands.push_all(label)?;
                }
                // br_table
                0x0e => {
                    operands.pop(I32)?;
                    let (effort, rest) = self.br_table(code, frames, operands.of_frame())?;
                    code = rest;
                    work += effort;
                    operands.set_unreachable();
                }
                // return
                0x0f => {
                    operands.pop_all(self.results(function))?;
                    operands.set_unreachable();
                }
                // call
                0x10 => {
                    let signature = self.signature_of_function(index!())?;
                    operands.pop_all(self.params(signature))?;
                    operands.push_all(self.results(signature))?;
                }
                // call_indirect
                0x11 => {
                    let (signature, rest) = self.indirect_callee(code, &mut operands)?;
                    code = rest;
                    operands.pop_all(self.params(signature))?;
                    operands.push_all(self.results(signature))?;
                }
                // return_call, return_call_indirect
                0x12 | 0x13 if self.features.tail_call() => {
                    let signature = if opcode == 0x12 {
                        self.signature_of_function(index!())?
                    } else {
                        let (signature, rest) = self.indirect_callee(code, &mut operands)?;
                        code = rest;
                        signature
                    };
                    if self.results(signature) != self.results(function) {
                        return None;
                    }
                    operands.pop_all(self.params(signature))?;
                    operands.set_unreachable();
                }
                // call_ref, return_call_ref
                0x14 | 0x15 if self.features.function_references() => {
                    let index = index!();
                    let signature = self.signature_of_type(index)?;
                    operands.pop(concrete(true, index))?;
                    operands.pop_all(self.params(signature))?;
                    if opcode == 0x14 {
                        operands.push_all(self.results(signature))?;
                    } else if !self.features.tail_call() || self.results(signature) != self.results(function) {
                        return None;
                    } else {
                        operands.set_unreachable();
                    }
                }
                // drop
                0x1a => {
                    operands.pop_any()?;
                }
                // select
                0x1b => operands.select()?,
                0x1c if self.features.reference_types() => {
                    let rest = code.strip_prefix(&[1])?;
                    let (ty, rest) = self.val_type(rest)?;
                    code = rest;
                    operands.pop(I32)?;
                    operands.binary(ty, ty)?;
                }
                // local.get, local.set, local.tee
                0x20 => {
                    let ty = *locals.get(index!() as usize)?;
                    operands.push(ty)?;
                }
                0x21 => {
                    let ty = *locals.get(index!() as usize)?;
                    operands.pop(ty)?;
                }
                0x22 => {
                    let ty = *locals.get(index!() as usize)?;
                    operands.unary(ty, ty)?;
                }
                // global.get, global.set
                0x23 => {
                    let global = *self.globals.get(index!() as usize)?;
                    operands.push(global.ty)?;
                }
                0x24 => {
                    let global = *self.globals.get(index!() as usize)?;
                    if !global.mutable {
                        return None;
                    }
                    operands.pop(global.ty)?;
                }
                // table.get, table.set
                0x25 | 0x26 if self.features.reference_types() => {
                    let (address, element) = self.table(index!())?;
                    if opcode == 0x25 {
                        operands.unary(address, element)?;
                    } else {
                        operands.pop(element)?;
                        operands.pop(address)?;
                    }
                }
                // Loads and stores.
                0x28..=0x3e => {
                    let (align, ty) = ACCESSES[usize::from(opcode - 0x28)];
                    let (address, rest) = self.memarg(code, align)?;
                    code = rest;
                    if opcode < 0x36 {
                        operands.unary(address, ty)?;
                    } else {
                        operands.pop(ty)?;
                        operands.pop(address)?;
                    }
                }
                // memory.size, memory.grow
                0x3f | 0x40 => {
                    let memory = self.memory(if self.features.multi_memory() {
                        index!()
                    } else {
                        code = code.strip_prefix(&[0])?;
                        0
                    })?;
                    if opcode == 0x3f {
                        operands.push(memory)?;
                    } else {
                        operands.unary(memory, memory)?;
                    }
                }
                0x41 => {
                    code = match code {
                        [byte, rest @ ..] if *byte < 0x80 => rest,
                        _ => leb::i32(code)?.1,
                    };
                    operands.push(I32)?;
                }
                0x42 => {
                    code = match code {
                        [byte, rest @ ..] if *byte < 0x80 => rest,
                        _ => leb::i64(code)?.1,
                    };
                    operands.push(I64)?;
                }
                0x43 => {
                    code = code.get(4..)?;
                    operands.push(F32)?;
                }
                0x44 => {
                    code = code.get(8..)?;
                    operands.push(F64)?;
                }
                // Numeric instructions.
                0x45..=0xc4 => {
                    let Numeric { from, count, to } = NUMERIC[usize::from(opcode - 0x45)];
                    if opcode >= 0xc0 && !self.features.sign_extension() {
                        return None;
                    }
                    operands.numeric(from, count, to)?;
                }
                0xd0..=0xd4 => apart!(self.reference(opcode, code, operands)),
                0xfc => apart!(self.bulk(code, operands)),
                0xfd if self.features.simd() => apart!(self.vector(code, operands)),
                0xfe if self.features.threads() => apart!(self.atomic(code, operands)),
                _ => return None,
            }
        }
    }

    /// Types that a branch to a label takes along.
    #[inline(always)]
    fn label(&self, frames: &[Frame], depth: u32) -> Option<&[Ty]> {
        let frame = frames.get(frames.len().checked_sub(depth as usize + 1)?)?;
        Some(match frame.kind {
            Kind::Loop => self.params(frame.signature),
            _ => self.results(frame.signature),
        })
    }

    #[inline(always)]
    fn block_type<'b>(&self, code: &'b [u8]) -> leb::Read<'b, Signature> {
        let (&byte, rest) = code.split_first()?;
        let signature = match byte {
            0x40 => Signature::EMPTY,
            0x7f => Signature::I32,
            0x7e => Signature::I64,
            0x7d => Signature::F32,
            0x7c => Signature::F64,
            _ => return self.other_block_type(code),
        };
        Some((signature, rest))
    }

    #[inline(never)]
    fn other_block_type<'b>(&self, code: &'b [u8]) -> leb::Read<'b, Signature> {
        let byte = *code.first()?;
        // Bytes from 0x40 to 0x7f are value types; all others begin the index of a type.
        if byte & 0xc0 == 0x40 {
            let (ty, rest) = self.val_type(code)?;
            let signature = match ty {
                V128 => Signature::V128,
                FUNCREF => Signature::FUNCREF,
                EXTERNREF => Signature::EXTERNREF,
                _ => return None,
            };
            return Some((signature, rest));
        }
        let (index, rest) = leb::i33(code)?;
        let signature = self.signature_of_type(u32::try_from(index).ok()?)?;
        self.features.multi_value().then_some((signature, rest))
    }

    /// The work of checking the targets of a `br_table`, all of which must take operands that are there: what unreachable code
    /// makes up is left to the library.
    #[inline(never)]
    fn br_table<'b>(&self, code: &'b [u8], frames: &[Frame], operands: &[Ty]) -> leb::Read<'b, u64> {
        let (count, mut code) = leb::u32(code)?;
        if count > limits::MAX_BR_TABLE_TARGETS {
            return None;
        }
        let mut arity = None;
        let mut work = 0;
        // The default target is the last.
        for _ in 0..=count {
            let (depth, rest) = leb::u32(code)?;
            code = rest;
            let label = self.label(frames, depth)?;
            let found = &operands[operands.len().checked_sub(label.len())?..];
            let alike = found.iter().zip(label).all(|(&found, &ty)| found == BOTTOM || self.matches(found, ty));
            if *arity.get_or_insert(label.len()) != label.len() || !alike {
                return None;
            }
            work += 1 + label.len() as u64;
        }
        Some((work, code))
    }

    /// The type that an indirect call names; takes the index into the table.
    #[inline(always)]
    fn indirect_callee<'b>(&self, code: &'b [u8], operands: &mut Operands<'_, '_>) -> leb::Read<'b, Signature> {
        let (index, rest) = leb::u32(code)?;
        let (table, rest) =
            if self.features.call_indirect_overlong() { leb::u32(rest)? } else { (0, rest.strip_prefix(&[0])?) };
        let (address, element) = self.table(table)?;
        if !self.matches(element, FUNCREF) {
            return None;
        }
        operands.pop(address)?;
        Some((self.signature_of_type(index)?, rest))
    }

    /// `ref.null`, `ref.is_null`, `ref.func`, `ref.as_non_null`.
    #[inline(never)]
    fn reference<'b, 's>(&self, opcode: u8, code: &'b [u8], mut operands: Operands<'s, 'm>) -> Step<'b, 's, 'm> {
        if !self.features.reference_types() {
            return None;
        }
        let mut rest = code;
        match opcode {
            0xd0 => {
                let ty = match code.first()? {
                    0x70 => FUNCREF,
                    0x6f if self.features.gc_types() => EXTERNREF,
                    byte if byte & 0xc0 == 0x40 => return None,
                    _ => concrete(true, self.concrete_heap_type(code)?.0),
                };
                rest = if ty == FUNCREF || ty == EXTERNREF { &code[1..] } else { self.concrete_heap_type(code)?.1 };
                operands.push(ty)?;
            }
            0xd1 => {
                let ty = operands.pop_any()?;
                if !is_reference(ty) && ty != BOTTOM {
                    return None;
                }
                operands.push(I32)?;
            }
            0xd2 => {
                let (func, after) = leb::u32(code)?;
                let ty = self.declarations.functions.get(func as usize)?;
                self.declarations.func_ref_index(crate::index::FuncIdx(func))?;
                rest = after;
                operands.push(concrete(false, ty.0))?;
            }
            0xd4 if self.features.function_references() => {
                let ty = operands.pop_any()?;
                if !is_reference(ty) {
                    return None;
                }
                operands.push(non_null(ty))?;
            }
            _ => return None,
        }
        Some((rest, operands))
    }

    /// The argument of a memory access whose natural alignment is 2 to the power of `natural`: the address type.
    #[inline(always)]
    pub(super) fn memarg<'b>(&self, code: &'b [u8], natural: u8) -> leb::Read<'b, Ty> {
        match code {
            [align, offset, rest @ ..] if *align <= natural && *offset < 0x80 => Some((self.memory0?, rest)),
            _ => self.long_memarg(code, natural),
        }
    }

    #[inline(never)]
    fn long_memarg<'b>(&self, code: &'b [u8], natural: u8) -> leb::Read<'b, Ty> {
        let (flags, mut rest) = leb::u32(code)?;
        let mut address = self.memory0;
        if flags & 0x40 != 0 && self.features.multi_memory() {
            let (memory, after) = leb::u32(rest)?;
            address = self.memory(memory);
            rest = after;
        } else if flags & 0x40 != 0 {
            return None;
        }
        if flags & !0x40 > u32::from(natural) {
            return None;
        }
        let (offset, rest) = if self.features.memory64() {
            leb::u64(rest)?
        } else {
            let (offset, rest) = leb::u32(rest)?;
            (u64::from(offset), rest)
        };
        let address = address?;
        (address == I64 || offset <= u64::from(u32::MAX)).then_some((address, rest))
    }
}

//! Shifts of lanes; the count is taken modulo the width of a lane.
//!
//! There are none of bytes, which are widened, and none of 64 bits that keeps the sign, which is put back by a subtraction.

use wasmparser::Operator;

use super::{PAND, PXOR, bytes, lanes16, lanes64, p};
use crate::AbiType::V128;
use crate::baseline::asm::{Alu, Op};
use crate::baseline::reg::{R11, XMM15, Xmm};
use crate::baseline::state::{At, Baseline};

/// An instruction that shifts lanes: by a register, and by an immediate (opcode, and number in the place of a register).
#[derive(Clone, Copy)]
struct Shift {
    by_register: Op,
    by_immediate: Op,
    number: u8,
    /// Bits of a lane, less one.
    mask: u8,
}

const fn shift(by_register: u8, by_immediate: u8, number: u8, mask: u8) -> Shift {
    Shift { by_register: p(by_register), by_immediate: p(by_immediate), number, mask }
}

const LEFT16: Shift = shift(0xf1, 0x71, 6, 15);
const LEFT32: Shift = shift(0xf2, 0x72, 6, 31);
const LEFT64: Shift = shift(0xf3, 0x73, 6, 63);
const RIGHT16: Shift = shift(0xd1, 0x71, 2, 15);
const RIGHT32: Shift = shift(0xd2, 0x72, 2, 31);
const RIGHT64: Shift = shift(0xd3, 0x73, 2, 63);
const SIGNED16: Shift = shift(0xe1, 0x71, 4, 15);
const SIGNED32: Shift = shift(0xe2, 0x72, 4, 31);

/// Compiles the instruction if it is one of these.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> bool {
    use Operator as O;
    match op {
        O::I16x8Shl => plain(b, LEFT16),
        O::I32x4Shl => plain(b, LEFT32),
        O::I64x2Shl => plain(b, LEFT64),
        O::I16x8ShrS => plain(b, SIGNED16),
        O::I32x4ShrS => plain(b, SIGNED32),
        O::I64x2ShrS => signed64(b),
        O::I16x8ShrU => plain(b, RIGHT16),
        O::I32x4ShrU => plain(b, RIGHT32),
        O::I64x2ShrU => plain(b, RIGHT64),
        O::I8x16Shl => bytes_by(b, LEFT16, false),
        O::I8x16ShrS => bytes_by(b, SIGNED16, true),
        O::I8x16ShrU => bytes_by(b, RIGHT16, false),
        _ => return false,
    }
    true
}

/// A count.
enum Count {
    Immediate(u8),
    Register(Xmm),
}

/// Pops a count modulo `mask + 1`, and adds a number to it. A register is held.
fn pop_count(b: &mut Baseline<'_>, mask: u8, more: u8) -> Count {
    let count = b.pop();
    if let At::Const(bits) = count.at {
        return Count::Immediate((bits as u8 & mask) + more);
    }
    b.asm_scratch(count);
    b.release(count);
    b.asm.alu_ri(Alu::And, false, R11, mask.into());
    if more != 0 {
        b.asm.alu_ri(Alu::Add, false, R11, more.into());
    }
    let reg = b.alloc_xmm();
    b.asm.mov_xr(false, reg, R11);
    Count::Register(reg)
}

fn apply(b: &mut Baseline<'_>, shift: Shift, dst: Xmm, count: &Count) {
    match *count {
        Count::Immediate(bits) => b.asm.sse_imm(shift.by_immediate, Xmm(shift.number), dst, bits),
        Count::Register(reg) => b.asm.sse(shift.by_register, dst, reg),
    }
}

fn release(b: &mut Baseline<'_>, count: Count) {
    if let Count::Register(reg) = count {
        b.release_xmm(reg);
    }
}

fn plain(b: &mut Baseline<'_>, shift: Shift) {
    let count = pop_count(b, shift.mask, 0);
    b.vector_in_place(|b, dst| apply(b, shift, dst, &count));
    release(b, count);
}

/// Shifts zeros in, and then spreads the sign that has come down.
fn signed64(b: &mut Baseline<'_>) {
    let count = pop_count(b, 63, 0);
    b.vector_in_place(|b, dst| {
        apply(b, RIGHT64, dst, &count);
        b.vector_constant(XMM15, lanes64(1 << 63));
        apply(b, RIGHT64, XMM15, &count);
        b.asm.sse(PXOR, dst, XMM15);
        b.asm.sse(p(0xfb), dst, XMM15);
    });
    release(b, count);
}

/// Shifts bytes as words, with what comes from the neighbour masked off; or, for signed ones, each in the upper half of a word.
fn bytes_by(b: &mut Baseline<'_>, shift: Shift, signed: bool) {
    let constant = matches!(b.entry_at(b.height() - 1).at, At::Const(_));
    if constant && !signed {
        let count = pop_count(b, 7, 0);
        let Count::Immediate(bits) = count else { return };
        let mask = if shift.number == 6 { 0xff_u8 << bits } else { 0xff_u8 >> bits };
        return b.vector_in_place(|b, dst| {
            apply(b, shift, dst, &count);
            b.with_constant(PAND, dst, bytes(mask));
        });
    }
    let count = pop_count(b, 7, if signed { 8 } else { 0 });
    let val = b.pop();
    let low = b.in_own_xmm(val);
    let high = b.alloc_xmm();
    b.asm.mov_xx(high, low);
    let (pack, other) = if signed {
        // The byte itself in the lower half is shifted out.
        (p(0x63), None)
    } else {
        b.asm.sse(PXOR, XMM15, XMM15);
        (p(0x67), Some(XMM15))
    };
    b.asm.sse(p(0x60), low, other.unwrap_or(low));
    b.asm.sse(p(0x68), high, other.unwrap_or(high));
    apply(b, shift, low, &count);
    apply(b, shift, high, &count);
    if shift.number == 6 {
        b.vector_constant(XMM15, lanes16(0xff));
        b.asm.sse(PAND, low, XMM15);
        b.asm.sse(PAND, high, XMM15);
    }
    b.asm.sse(pack, low, high);
    b.release_xmm(high);
    release(b, count);
    b.push_xmm(V128, low);
}

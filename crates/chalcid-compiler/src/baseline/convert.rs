//! Conversions between integers and floats.
//!
//! A truncation is done to 64 bits where that holds every number of the result's type, and the outcome compared with what it must be; all that
//! cannot be a number of the type, and at times the least integer itself, goes to `cold`, which tells why.

use wasmparser::Operator;

use super::asm::{Alu, Cc, Op, Shift};
use super::cold::ColdKind;
use super::float::scalar;
use super::reg::{Gpr, R11, XMM15, Xmm};
use super::state::{At, Baseline, Loc, Val};
use crate::{AbiType, CompileError};

use AbiType::{F32, F64, I32, I64};

/// A truncation of a float to an integer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Truncation {
    /// From 64 bits.
    pub double: bool,
    /// To 64 bits.
    pub wide: bool,
    pub signed: bool,
    pub saturating: bool,
}

impl Truncation {
    /// The least and the greatest integer.
    pub fn limits(self) -> (u64, u64) {
        match (self.wide, self.signed) {
            (false, true) => (0x8000_0000, 0x7fff_ffff),
            (false, false) => (0, 0xffff_ffff),
            (true, true) => (1 << 63, (1 << 63) - 1),
            (true, false) => (0, u64::MAX),
        }
    }
}

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as O;
    let truncation = |double, wide, signed, saturating| Truncation { double, wide, signed, saturating };
    match op {
        O::I32TruncF32S => b.truncate_float(truncation(false, false, true, false)),
        O::I32TruncF32U => b.truncate_float(truncation(false, false, false, false)),
        O::I32TruncF64S => b.truncate_float(truncation(true, false, true, false)),
        O::I32TruncF64U => b.truncate_float(truncation(true, false, false, false)),
        O::I64TruncF32S => b.truncate_float(truncation(false, true, true, false)),
        O::I64TruncF32U => b.truncate_float(truncation(false, true, false, false)),
        O::I64TruncF64S => b.truncate_float(truncation(true, true, true, false)),
        O::I64TruncF64U => b.truncate_float(truncation(true, true, false, false)),
        O::I32TruncSatF32S => b.truncate_float(truncation(false, false, true, true)),
        O::I32TruncSatF32U => b.truncate_float(truncation(false, false, false, true)),
        O::I32TruncSatF64S => b.truncate_float(truncation(true, false, true, true)),
        O::I32TruncSatF64U => b.truncate_float(truncation(true, false, false, true)),
        O::I64TruncSatF32S => b.truncate_float(truncation(false, true, true, true)),
        O::I64TruncSatF32U => b.truncate_float(truncation(false, true, false, true)),
        O::I64TruncSatF64S => b.truncate_float(truncation(true, true, true, true)),
        O::I64TruncSatF64U => b.truncate_float(truncation(true, true, false, true)),

        O::F32ConvertI32S => b.convert_int(F32, false),
        O::F64ConvertI32S => b.convert_int(F64, false),
        O::F32ConvertI32U => b.convert_int(F32, true),
        O::F64ConvertI32U => b.convert_int(F64, true),
        O::F32ConvertI64S => b.convert_int(F32, true),
        O::F64ConvertI64S => b.convert_int(F64, true),
        O::F32ConvertI64U => b.convert_unsigned(F32),
        O::F64ConvertI64U => b.convert_unsigned(F64),

        O::I32ReinterpretF32 => b.reinterpret_to_int(I32),
        O::I64ReinterpretF64 => b.reinterpret_to_int(I64),
        O::F32ReinterpretI32 => b.reinterpret_to_float(F32),
        O::F64ReinterpretI64 => b.reinterpret_to_float(F64),
        _ => return Ok(false),
    }
    Ok(true)
}

impl Baseline<'_> {
    fn truncate_float(&mut self, truncation: Truncation) {
        let val = self.pop();
        let src = self.in_xmm(val);
        let dst = self.alloc();
        let convert = scalar(val.ty, 0x2c);
        let (cold, back) = self.cold_and_back(ColdKind::Truncate { truncation, src, dst });
        match (truncation.wide, truncation.signed) {
            (false, signed) => {
                self.asm.rr(convert, true, dst.0, src.0);
                let narrow = if signed { Op::one(0x63) } else { Op::one(0x8b) };
                self.asm.rr(narrow, signed, R11.0, dst.0);
                self.asm.alu_rr(Alu::Cmp, true, R11, dst);
                self.asm.jcc(Cc::Ne, cold);
                if signed {
                    self.asm.zero_extend(dst);
                }
            }
            (true, true) => {
                self.asm.rr(convert, true, dst.0, src.0);
                self.asm.alu_ri(Alu::Cmp, true, dst, 1);
                self.asm.jcc(Cc::O, cold);
            }
            (true, false) => self.truncate_to_u64(truncation, src, dst, convert, cold),
        }
        self.asm.bind(back);
        self.release_xmm(src);
        self.push_gpr(if truncation.wide { I64 } else { I32 }, dst);
    }

    /// Numbers from 2^63 on are converted less 2^63.
    fn truncate_to_u64(&mut self, truncation: Truncation, src: Xmm, dst: Gpr, convert: Op, cold: super::asm::Label) {
        let ty = if truncation.double { F64 } else { F32 };
        let (bits, size) = if truncation.double { (0x43e0_0000_0000_0000, 8) } else { (0x5f00_0000, 4) };
        let limit = self.asm.constant(bits, size);
        let prefix = if truncation.double { 0x66 } else { 0 };
        self.asm.rm(Op::two(prefix, 0x2e), false, src.0, limit);
        let large = self.asm.short_jcc(Cc::Ae);
        self.asm.rr(convert, true, dst.0, src.0);
        self.asm.test(true, dst, dst);
        self.asm.jcc(Cc::S, cold);
        let done = self.asm.short_jmp();
        self.asm.bind_short(large);
        self.asm.mov_xx(XMM15, src);
        self.asm.rm(scalar(ty, 0x5c), false, XMM15.0, limit);
        self.asm.rr(convert, true, dst.0, XMM15.0);
        self.asm.test(true, dst, dst);
        self.asm.jcc(Cc::S, cold);
        self.asm.mov_ri(R11, 1 << 63);
        self.asm.alu_rr(Alu::Xor, true, dst, R11);
        self.asm.bind_short(done);
    }

    /// Converts a signed integer, or an unsigned one of 32 bits as one of 64.
    fn convert_int(&mut self, ty: AbiType, wide: bool) {
        let val = self.pop();
        let src = self.in_gpr(val);
        let dst = self.result_xmm();
        // The instruction keeps the upper bits, which it would have to wait for.
        self.asm.sse(Op::two(0, 0x57), dst, dst);
        self.asm.rr(scalar(ty, 0x2a), wide, dst.0, src.0);
        self.release_gpr(src);
        self.push_xmm(ty, dst);
    }

    /// Converts an unsigned integer of 64 bits: a large one halved, with its lowest bit kept for rounding, and doubled again.
    fn convert_unsigned(&mut self, ty: AbiType) {
        let val = self.pop();
        let src = self.in_own_gpr(val);
        let dst = self.result_xmm();
        self.asm.sse(Op::two(0, 0x57), dst, dst);
        self.asm.test(true, src, src);
        let large = self.asm.short_jcc(Cc::S);
        self.asm.rr(scalar(ty, 0x2a), true, dst.0, src.0);
        let done = self.asm.short_jmp();
        self.asm.bind_short(large);
        self.asm.mov_rr(true, R11, src);
        self.asm.shift_ri(Shift::Shr, true, R11, 1);
        self.asm.alu_ri(Alu::And, false, src, 1);
        self.asm.alu_rr(Alu::Or, true, R11, src);
        self.asm.rr(scalar(ty, 0x2a), true, dst.0, R11.0);
        self.asm.sse(scalar(ty, 0x58), dst, dst);
        self.asm.bind_short(done);
        self.release_gpr(src);
        self.push_xmm(ty, dst);
    }

    fn reinterpret_to_int(&mut self, ty: AbiType) {
        let val = self.pop();
        match val.at {
            At::Const(bits) => return self.push(ty, Loc::Const(bits)),
            At::Mem(_) => {
                let dst = self.result_gpr();
                self.load_gpr(dst, Val { ty, ..val });
                return self.push_gpr(ty, dst);
            }
            _ => {}
        }
        let src = self.in_xmm(val);
        let dst = self.result_gpr();
        self.asm.mov_rx(ty == I64, dst, src);
        self.release_xmm(src);
        self.push_gpr(ty, dst);
    }

    fn reinterpret_to_float(&mut self, ty: AbiType) {
        let val = self.pop();
        match val.at {
            At::Const(bits) => return self.push(ty, Loc::Const(bits)),
            At::Mem(_) => {
                let dst = self.result_xmm();
                self.load_xmm(dst, Val { ty, ..val });
                return self.push_xmm(ty, dst);
            }
            _ => {}
        }
        let src = self.in_gpr(val);
        let dst = self.result_xmm();
        self.asm.mov_xr(ty == F64, dst, src);
        self.release_gpr(src);
        self.push_xmm(ty, dst);
    }
}

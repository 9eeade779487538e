//! Instructions that begin with the byte 0xfd: vectors of 128 bits.

use super::Quick;
use super::body::Step;
use super::operands::Operands;
use super::ty::*;
use crate::leb;

impl<'m> Quick<'m> {
    #[inline(never)]
    pub(super) fn vector<'b, 's>(&self, code: &'b [u8], mut operands: Operands<'s, 'm>) -> Step<'b, 's, 'm> {
        let (opcode, mut code) = leb::u32(code)?;
        if opcode >= 0x100 && !self.features.relaxed_simd() {
            return None;
        }
        match opcode {
            // Loads of a vector, of half of one to be extended, of a number to be repeated or followed by zeros.
            0x00..=0x0a | 0x5c | 0x5d => {
                let align = match opcode {
                    0x00 => 4,
                    0x01..=0x06 | 0x0a | 0x5d => 3,
                    0x07 => 0,
                    0x08 => 1,
                    _ => 2,
                };
                let (address, rest) = self.memarg(code, align)?;
                code = rest;
                operands.unary(address, V128)?;
            }
            // v128.store
            0x0b => {
                let (address, rest) = self.memarg(code, 4)?;
                code = rest;
                operands.pop_all(&[address, V128])?;
            }
            // v128.const
            0x0c => {
                code = code.get(16..)?;
                operands.push(V128)?;
            }
            // i8x16.shuffle
            0x0d => {
                if code.get(..16)?.iter().any(|lane| *lane >= 32) {
                    return None;
                }
                code = &code[16..];
                operands.binary(V128, V128)?;
            }
            // Splats.
            0x0f..=0x11 => operands.unary(I32, V128)?,
            0x12 => operands.unary(I64, V128)?,
            0x13 => operands.unary(F32, V128)?,
            0x14 => operands.unary(F64, V128)?,
            // Lanes extracted and replaced.
            0x15..=0x22 => {
                let (lanes, ty, replaces) = match opcode {
                    0x15 | 0x16 => (16, I32, false),
                    0x17 => (16, I32, true),
                    0x18 | 0x19 => (8, I32, false),
                    0x1a => (8, I32, true),
                    0x1b => (4, I32, false),
                    0x1c => (4, I32, true),
                    0x1d => (2, I64, false),
                    0x1e => (2, I64, true),
                    0x1f => (4, F32, false),
                    0x20 => (4, F32, true),
                    0x21 => (2, F64, false),
                    _ => (2, F64, true),
                };
                let (&lane, rest) = code.split_first()?;
                code = rest;
                if lane >= lanes {
                    return None;
                }
                if replaces {
                    operands.pop(ty)?;
                    operands.unary(V128, V128)?;
                } else {
                    operands.unary(V128, ty)?;
                }
            }
            // Loads and stores of a lane.
            0x54..=0x5b => {
                let align = (opcode & 3) as u8;
                let (address, rest) = self.memarg(code, align)?;
                let (&lane, rest) = rest.split_first()?;
                code = rest;
                if lane >= 16 >> align {
                    return None;
                }
                operands.pop_all(&[address, V128])?;
                if opcode < 0x58 {
                    operands.push(V128)?;
                }
            }
            _ => match SHAPES.get(opcode as usize)? {
                Shape::Unary => operands.unary(V128, V128)?,
                Shape::Binary => operands.binary(V128, V128)?,
                Shape::Ternary => {
                    operands.pop(V128)?;
                    operands.binary(V128, V128)?;
                }
                Shape::Test => operands.unary(V128, I32)?,
                Shape::Shift => {
                    operands.pop(I32)?;
                    operands.unary(V128, V128)?;
                }
                Shape::Other => return None,
            },
        }
        Some((code, operands))
    }
}

/// Instructions without immediate arguments, by what they take and give.
#[derive(Clone, Copy)]
enum Shape {
    /// Not one of them, or none at all.
    Other,
    Unary,
    Binary,
    Ternary,
    /// A vector in, an `i32` out.
    Test,
    /// A vector and an `i32` in, a vector out.
    Shift,
}

const SHAPES: [Shape; 0x114] = shapes();

const fn shapes() -> [Shape; 0x114] {
    /// Gives the instructions from `first` to `last` a shape.
    const fn set(shapes: &mut [Shape; 0x114], first: usize, last: usize, shape: Shape) {
        let mut opcode = first;
        while opcode <= last {
            shapes[opcode] = shape;
            opcode += 1;
        }
    }
    let mut shapes = [Shape::Other; 0x114];
    let s = &mut shapes;
    // swizzle, comparisons
    set(s, 0x0e, 0x0e, Shape::Binary);
    set(s, 0x23, 0x4c, Shape::Binary);
    // not; and to xor; bitselect; any_true
    set(s, 0x4d, 0x4d, Shape::Unary);
    set(s, 0x4e, 0x51, Shape::Binary);
    set(s, 0x52, 0x52, Shape::Ternary);
    set(s, 0x53, 0x53, Shape::Test);
    // demote, promote; i8x16
    set(s, 0x5e, 0x62, Shape::Unary);
    set(s, 0x63, 0x64, Shape::Test);
    set(s, 0x65, 0x66, Shape::Binary);
    set(s, 0x67, 0x6a, Shape::Unary);
    set(s, 0x6b, 0x6d, Shape::Shift);
    set(s, 0x6e, 0x73, Shape::Binary);
    set(s, 0x74, 0x75, Shape::Unary);
    set(s, 0x76, 0x79, Shape::Binary);
    set(s, 0x7a, 0x7a, Shape::Unary);
    set(s, 0x7b, 0x7b, Shape::Binary);
    // pairwise additions; i16x8
    set(s, 0x7c, 0x81, Shape::Unary);
    set(s, 0x82, 0x82, Shape::Binary);
    set(s, 0x83, 0x84, Shape::Test);
    set(s, 0x85, 0x86, Shape::Binary);
    set(s, 0x87, 0x8a, Shape::Unary);
    set(s, 0x8b, 0x8d, Shape::Shift);
    set(s, 0x8e, 0x93, Shape::Binary);
    set(s, 0x94, 0x94, Shape::Unary);
    set(s, 0x95, 0x99, Shape::Binary);
    set(s, 0x9b, 0x9f, Shape::Binary);
    // i32x4
    set(s, 0xa0, 0xa1, Shape::Unary);
    set(s, 0xa3, 0xa4, Shape::Test);
    set(s, 0xa7, 0xaa, Shape::Unary);
    set(s, 0xab, 0xad, Shape::Shift);
    set(s, 0xae, 0xae, Shape::Binary);
    set(s, 0xb1, 0xb1, Shape::Binary);
    set(s, 0xb5, 0xba, Shape::Binary);
    set(s, 0xbc, 0xbf, Shape::Binary);
    // i64x2
    set(s, 0xc0, 0xc1, Shape::Unary);
    set(s, 0xc3, 0xc4, Shape::Test);
    set(s, 0xc7, 0xca, Shape::Unary);
    set(s, 0xcb, 0xcd, Shape::Shift);
    set(s, 0xce, 0xce, Shape::Binary);
    set(s, 0xd1, 0xd1, Shape::Binary);
    set(s, 0xd5, 0xdf, Shape::Binary);
    // f32x4, f64x2
    set(s, 0xe0, 0xe1, Shape::Unary);
    set(s, 0xe3, 0xe3, Shape::Unary);
    set(s, 0xe4, 0xeb, Shape::Binary);
    set(s, 0xec, 0xed, Shape::Unary);
    set(s, 0xef, 0xef, Shape::Unary);
    set(s, 0xf0, 0xf7, Shape::Binary);
    set(s, 0xf8, 0xff, Shape::Unary);
    // relaxed
    set(s, 0x100, 0x100, Shape::Binary);
    set(s, 0x101, 0x104, Shape::Unary);
    set(s, 0x105, 0x10c, Shape::Ternary);
    set(s, 0x10d, 0x112, Shape::Binary);
    set(s, 0x113, 0x113, Shape::Ternary);
    shapes
}

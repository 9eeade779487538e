//! Machine code: instructions as bytes. `label` has the jumps, `pool` the constants behind the code.
//!
//! An encoder of our own, and not `cranelift-assembler-x64`: that library has one type for each form of each instruction, which suits a code
//! generator with rules for every one, while a single pass wants opcodes as data (most operators of WebAssembly differ in nothing
//! else), labels that are patched in place, and stores of whole words to a buffer.
//!
//! # Invariant
//! `buf` is longer than `pos`; what lies behind `pos` is rubbish that later instructions overwrite.

pub(super) use super::label::Label;
use super::label::LabelState;
use super::reg::{Gpr, Mem, RIP, Xmm};

/// An opcode with its mandatory prefix and its map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Op(u32);

/// An operand of the opcode is a byte register.
const BYTE: u32 = 1 << 24;

impl Op {
    /// An opcode of one byte.
    pub const fn one(opcode: u8) -> Self {
        Self(opcode as u32)
    }

    /// An opcode of the map `0F`, with a prefix or 0.
    pub const fn two(prefix: u8, opcode: u8) -> Self {
        Self(opcode as u32 | 1 << 8 | (prefix as u32) << 16)
    }

    /// An opcode of the map `0F 38`, with the prefix `66`.
    pub const fn x38(opcode: u8) -> Self {
        Self(opcode as u32 | 2 << 8 | 0x66 << 16)
    }

    /// An opcode of the map `0F 3A`, with the prefix `66`.
    pub const fn x3a(opcode: u8) -> Self {
        Self(opcode as u32 | 3 << 8 | 0x66 << 16)
    }

    /// The same with a prefix.
    pub const fn prefixed(self, prefix: u8) -> Self {
        Self(self.0 | (prefix as u32) << 16)
    }

    /// The same, with a byte register as its operand.
    pub const fn byte(self) -> Self {
        Self(self.0 | BYTE)
    }

    const fn prefix(self) -> u8 {
        (self.0 >> 16) as u8
    }

    const fn map(self) -> u32 {
        self.0 >> 8 & 3
    }

    const fn opcode(self) -> u8 {
        self.0 as u8
    }

    const fn is_byte(self) -> bool {
        self.0 & BYTE != 0
    }
}

/// Operations of two operands that share their encodings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Alu {
    Add = 0,
    Or = 1,
    Adc = 2,
    Sbb = 3,
    And = 4,
    Sub = 5,
    Xor = 6,
    Cmp = 7,
}

/// Shifts and rotations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Shift {
    Rol = 0,
    Ror = 1,
    Shl = 4,
    Shr = 5,
    Sar = 7,
}

/// Conditions, by their encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Cc {
    O = 0,
    B = 2,
    Ae = 3,
    E = 4,
    Ne = 5,
    Be = 6,
    A = 7,
    S = 8,
    Ns = 9,
    P = 10,
    Np = 11,
    L = 12,
    Ge = 13,
    Le = 14,
    G = 15,
}

impl Cc {
    /// The opposite condition.
    pub fn not(self) -> Self {
        match self {
            Cc::O => Cc::O,
            Cc::B => Cc::Ae,
            Cc::Ae => Cc::B,
            Cc::E => Cc::Ne,
            Cc::Ne => Cc::E,
            Cc::Be => Cc::A,
            Cc::A => Cc::Be,
            Cc::S => Cc::Ns,
            Cc::Ns => Cc::S,
            Cc::P => Cc::Np,
            Cc::Np => Cc::P,
            Cc::L => Cc::Ge,
            Cc::Ge => Cc::L,
            Cc::Le => Cc::G,
            Cc::G => Cc::Le,
        }
    }
}

/// Places of the cache that finds constants again.
pub(super) const CACHE: usize = 64;

/// Code under construction.
#[derive(Default)]
pub(super) struct Asm {
    pub(super) buf: Vec<u8>,
    pub(super) pos: usize,
    pub(super) labels: Vec<LabelState>,
    /// Constants.
    pub(super) pool: Vec<u8>,
    /// Displacements that refer to constants, and the offsets of these.
    pub(super) pool_uses: Vec<(u32, u32)>,
    /// Some constants that are in the pool: bits, size, offset.
    pub(super) known: Vec<(u128, u8, u32)>,
    /// Words of branch tables: place in the pool, label.
    pub(super) tables: Vec<(u32, Label)>,
}

/// Emitting bytes.
impl Asm {
    /// Begins anew, with room for so many bytes at first.
    pub fn begin(&mut self, expected: usize) {
        if self.buf.len() < expected {
            // What is in there is rubbish: nothing has to be copied.
            self.buf = vec![0; expected];
        }
        self.pos = 0;
        self.labels.clear();
        if !self.pool.is_empty() {
            self.pool.clear();
            self.known.clear();
        }
        self.known.resize(CACHE, (0, 0, 0));
        self.pool_uses.clear();
        self.tables.clear();
    }

    /// Bytes that it has room for.
    pub fn capacity(&self) -> usize {
        self.buf.len()
    }

    /// Bytes so far.
    #[inline]
    pub fn pos(&self) -> u32 {
        self.pos as u32
    }

    #[inline]
    pub(super) fn put(&mut self, bits: u64, len: usize) {
        if self.pos + 8 > self.buf.len() {
            self.grow();
        }
        self.buf[self.pos..self.pos + 8].copy_from_slice(&bits.to_le_bytes());
        self.pos += len;
    }

    #[cold]
    fn grow(&mut self) {
        let len = self.buf.len() * 2;
        self.buf.resize(len, 0);
    }

    /// A byte.
    pub fn put1(&mut self, byte: u8) {
        self.put(byte.into(), 1);
    }

    /// Four bytes.
    #[inline]
    pub fn put4(&mut self, word: u32) {
        self.put(word.into(), 4);
    }

    pub(super) fn word_at(&self, position: u32) -> u32 {
        let place = position as usize;
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.buf[place..place + 4]);
        u32::from_le_bytes(bytes)
    }

    /// Replaces four bytes.
    pub fn patch4(&mut self, position: u32, word: u32) {
        let place = position as usize;
        self.buf[place..place + 4].copy_from_slice(&word.to_le_bytes());
    }

    /// Prefix, REX, map and opcode, in the lowest bytes; and how many bits that is. `byte` is the byte register of an opcode that has one: the
    /// prefix tells `sil` from `dh`.
    #[inline(always)]
    fn head(op: Op, w: bool, reg: u8, index: u8, base: u8, byte: u8) -> (u64, u32) {
        let (mut bits, mut shift) = (0, 0);
        if op.prefix() != 0 {
            bits = u64::from(op.prefix());
            shift = 8;
        }
        let rex = u8::from(w) << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1);
        if rex != 0 || op.is_byte() && byte >= 4 {
            bits |= u64::from(0x40 | rex) << shift;
            shift += 8;
        }
        match op.map() {
            0 => {}
            1 => {
                bits |= 0x0f << shift;
                shift += 8;
            }
            map => {
                bits |= (if map == 2 { 0x380f } else { 0x3a0f }) << shift;
                shift += 16;
            }
        }
        bits |= u64::from(op.opcode()) << shift;
        (bits, shift + 8)
    }

    /// An instruction with a register in `reg` and one in `r/m`.
    #[inline]
    pub fn rr(&mut self, op: Op, w: bool, reg: u8, rm: u8) {
        let (bits, shift) = Self::head(op, w, reg, 0, rm, reg | rm);
        let modrm = 0xc0 | (reg & 7) << 3 | rm & 7;
        self.put(bits | u64::from(modrm) << shift, shift as usize / 8 + 1);
    }

    /// An instruction with a register in `reg` and memory in `r/m`.
    #[inline]
    pub fn rm(&mut self, op: Op, w: bool, reg: u8, mem: Mem) {
        let (bits, shift) = Self::head(op, w, reg, mem.index, mem.base, reg);
        let reg = u64::from(reg & 7) << 3;
        if mem.base == RIP {
            self.put(bits | (reg | 5) << shift, shift as usize / 8 + 1);
            self.pool_uses.push((self.pos(), mem.disp as u32));
            return self.put4(0);
        }
        let base = u64::from(mem.base & 7);
        let sized = if mem.disp == 0 && base != 5 {
            0
        } else if mem.disp as i8 as i32 == mem.disp {
            0x40
        } else {
            0x80
        };
        let (mut bits, mut shift) = if mem.has_index() || base == 4 {
            let sib = u64::from(mem.scale) << 6 | u64::from(mem.index & 7) << 3 | base;
            (bits | (sized | reg | 4) << shift | sib << (shift + 8), shift + 16)
        } else {
            (bits | (sized | reg | base) << shift, shift + 8)
        };
        if sized == 0x40 {
            if shift < 64 {
                bits |= u64::from(mem.disp as u8) << shift;
                shift += 8;
                return self.put(bits, shift as usize / 8);
            }
            self.put(bits, shift as usize / 8);
            return self.put1(mem.disp as u8);
        }
        self.put(bits, shift as usize / 8);
        if sized == 0x80 {
            self.put4(mem.disp as u32);
        }
    }

    /// An instruction of map 2 with a VEX prefix; `prefix` is 0 to 3 for none, `66`, `F3`, `F2`.
    pub fn vex2_rr(&mut self, prefix: u8, w: bool, opcode: u8, reg: u8, other: u8, rm: u8) {
        let second = (!reg >> 3 & 1) << 7 | 1 << 6 | (!rm >> 3 & 1) << 5 | 2;
        let third = u8::from(w) << 7 | (!other & 15) << 3 | prefix;
        let modrm = 0xc0 | (reg & 7) << 3 | rm & 7;
        self.put(u64::from(u32::from_le_bytes([0xc4, second, third, opcode])) | u64::from(modrm) << 32, 5);
    }
}

/// Integers.
impl Asm {
    /// `op dst, src`.
    #[inline]
    pub fn alu_rr(&mut self, op: Alu, w: bool, dst: Gpr, src: Gpr) {
        self.rr(Op::one((op as u8) << 3 | 3), w, dst.0, src.0);
    }

    /// `op dst, [src]`.
    #[inline]
    pub fn alu_rm(&mut self, op: Alu, w: bool, dst: Gpr, src: Mem) {
        self.rm(Op::one((op as u8) << 3 | 3), w, dst.0, src);
    }

    /// `op dst, imm`.
    #[inline]
    pub fn alu_ri(&mut self, op: Alu, w: bool, dst: Gpr, imm: i32) {
        if imm as i8 as i32 == imm {
            self.rr(Op::one(0x83), w, op as u8, dst.0);
            self.put1(imm as u8);
        } else {
            self.rr(Op::one(0x81), w, op as u8, dst.0);
            self.put4(imm as u32);
        }
    }

    /// `op [dst], imm`.
    pub fn alu_mi(&mut self, op: Alu, w: bool, dst: Mem, imm: i32) {
        if imm as i8 as i32 == imm {
            self.rm(Op::one(0x83), w, op as u8, dst);
            self.put1(imm as u8);
        } else {
            self.rm(Op::one(0x81), w, op as u8, dst);
            self.put4(imm as u32);
        }
    }

    /// `mov dst, src`, nothing where they are one. Without `w` it clears the upper half.
    #[inline]
    pub fn mov_rr(&mut self, w: bool, dst: Gpr, src: Gpr) {
        if dst != src {
            self.rr(Op::one(0x8b), w, dst.0, src.0);
        }
    }

    /// Clears the upper half of a register.
    pub fn zero_extend(&mut self, reg: Gpr) {
        self.rr(Op::one(0x8b), false, reg.0, reg.0);
    }

    /// A constant, without touching the flags.
    pub fn mov_ri(&mut self, dst: Gpr, bits: u64) {
        if let Ok(word) = u32::try_from(bits) {
            self.put(
                u64::from(0xb8 | dst.0 & 7) << (8 * (dst.0 >> 3)) | if dst.0 >= 8 { 0x41 } else { 0 },
                1 + (dst.0 >> 3) as usize,
            );
            self.put4(word);
        } else if bits as i32 as u64 == bits {
            self.rr(Op::one(0xc7), true, 0, dst.0);
            self.put4(bits as u32);
        } else {
            self.put(0x48 | u64::from(dst.0 >> 3) | u64::from(0xb8 | dst.0 & 7) << 8, 2);
            self.put(bits, 8);
        }
    }

    /// Clears a register, and the flags.
    pub fn zero(&mut self, dst: Gpr) {
        self.alu_rr(Alu::Xor, false, dst, dst);
    }

    /// `mov dst, [src]`.
    #[inline]
    pub fn load(&mut self, w: bool, dst: Gpr, src: Mem) {
        self.rm(Op::one(0x8b), w, dst.0, src);
    }

    /// `mov [dst], src`.
    #[inline]
    pub fn store(&mut self, w: bool, dst: Mem, src: Gpr) {
        self.rm(Op::one(0x89), w, src.0, dst);
    }

    /// `mov [dst], imm`.
    pub fn store_imm(&mut self, w: bool, dst: Mem, imm: i32) {
        self.rm(Op::one(0xc7), w, 0, dst);
        self.put4(imm as u32);
    }

    /// `lea dst, [src]`.
    pub fn lea(&mut self, w: bool, dst: Gpr, src: Mem) {
        self.rm(Op::one(0x8d), w, dst.0, src);
    }

    /// `test left, right`.
    pub fn test(&mut self, w: bool, left: Gpr, right: Gpr) {
        self.rr(Op::one(0x85), w, right.0, left.0);
    }

    /// `test left, imm`.
    pub fn test_imm(&mut self, left: Gpr, imm: u32) {
        self.rr(Op::one(0xf7), false, 0, left.0);
        self.put4(imm);
    }

    /// Shifts by a constant.
    pub fn shift_ri(&mut self, op: Shift, w: bool, dst: Gpr, count: u8) {
        if count == 1 {
            self.rr(Op::one(0xd1), w, op as u8, dst.0);
        } else {
            self.rr(Op::one(0xc1), w, op as u8, dst.0);
            self.put1(count);
        }
    }

    /// Shifts by `cl`.
    pub fn shift_cl(&mut self, op: Shift, w: bool, dst: Gpr) {
        self.rr(Op::one(0xd3), w, op as u8, dst.0);
    }

    /// Pushes a register.
    pub fn push(&mut self, reg: Gpr) {
        self.put(
            if reg.0 >= 8 { 0x41 | u64::from(0x50 | reg.0 & 7) << 8 } else { u64::from(0x50 | reg.0) },
            1 + (reg.0 >> 3) as usize,
        );
    }

    /// `leave`.
    pub fn leave(&mut self) {
        self.put1(0xc9);
    }

    /// `ret`, which pops parameters of so many bytes.
    pub fn ret(&mut self, params_size: u32) {
        match params_size {
            0 => self.put1(0xc3),
            size => self.put(u64::from(0xc2 | size << 8), 3),
        }
    }

    /// `setcc dst`, which must be followed by an extension.
    pub fn setcc(&mut self, cc: Cc, dst: Gpr) {
        self.rr(Op::two(0, 0x90 | cc as u8).byte(), false, 0, dst.0);
    }

    /// Zero-extends a register's lowest byte.
    pub fn movzx8(&mut self, dst: Gpr, src: Gpr) {
        self.rr(Op::two(0, 0xb6).byte(), false, dst.0, src.0);
    }

    /// `cmovcc dst, src`.
    pub fn cmov(&mut self, cc: Cc, w: bool, dst: Gpr, src: Gpr) {
        self.rr(Op::two(0, 0x40 | cc as u8), w, dst.0, src.0);
    }

    /// `call [target]`.
    pub fn call(&mut self, target: Mem) {
        self.rm(Op::one(0xff), false, 2, target);
    }

    /// `jmp target`.
    pub fn jmp_reg(&mut self, target: Gpr) {
        self.rr(Op::one(0xff), false, 4, target.0);
    }

    /// `cdq` or `cqo`.
    pub fn sign_into_rdx(&mut self, w: bool) {
        if w { self.put(0x9948, 2) } else { self.put1(0x99) }
    }

    /// `rep stosq`.
    pub fn rep_stosq(&mut self) {
        self.put(0xab_48f3, 3);
    }

    /// `mfence`.
    pub fn mfence(&mut self) {
        self.put(0xf0_ae0f, 3);
    }

    /// `ud2`.
    pub fn ud2(&mut self) {
        self.put(0x0b0f, 2);
    }
}

/// Floats and vectors.
impl Asm {
    /// An instruction on two vector registers.
    #[inline]
    pub fn sse(&mut self, op: Op, dst: Xmm, src: Xmm) {
        self.rr(op, false, dst.0, src.0);
    }

    /// The same with an immediate.
    pub fn sse_imm(&mut self, op: Op, dst: Xmm, src: Xmm, imm: u8) {
        self.rr(op, false, dst.0, src.0);
        self.put1(imm);
    }

    /// Copies a vector register.
    #[inline]
    pub fn mov_xx(&mut self, dst: Xmm, src: Xmm) {
        if dst != src {
            self.rr(Op::two(0, 0x28), false, dst.0, src.0);
        }
    }

    /// `movd` or `movq` from an integer register.
    pub fn mov_xr(&mut self, w: bool, dst: Xmm, src: Gpr) {
        self.rr(Op::two(0x66, 0x6e), w, dst.0, src.0);
    }

    /// `movd` or `movq` to an integer register.
    pub fn mov_rx(&mut self, w: bool, dst: Gpr, src: Xmm) {
        self.rr(Op::two(0x66, 0x7e), w, src.0, dst.0);
    }
}

//! A first look at a body: how often it uses its locals, memory 0 and the context, and how often it calls. Turns of loops count.
//!
//! It decides which values get registers of their own for the whole function, so that no state has to be merged where control joins. It reads
//! opcodes as bytes. Which locals are used has to be true, as only these get places; the rest are guesses.

use super::locals::Uses;

/// What a turn of a loop is worth, as a power of two, and the deepest nest that counts.
const TURNS: u32 = 3;
const DEEPEST: u32 = 5;

/// What the look found.
pub(super) struct Scan {
    /// Uses of each local.
    pub locals: Uses,
    /// Uses of the context.
    pub vmctx: u32,
    /// Accesses to memory 0.
    pub memory: u32,
    /// Accesses to objects, by the base of their heap.
    pub heap: u32,
    /// Calls.
    pub calls: u32,
    /// Whether there are vectors.
    pub wide: bool,
    /// Whether exceptions are caught.
    pub catches: bool,
}

/// Looks at the instructions of a body with so many locals. The memory is to be used again. Gives nothing where it does not
/// know an operator, which no family knows either.
pub(super) fn scan(code: &[u8], locals: u32, uses: Uses) -> Option<Scan> {
    let mut scan = Scan { locals: uses, vmctx: 0, memory: 0, heap: 0, calls: 0, wide: false, catches: false };
    let mut reader = Reader { code, pos: 0 };
    let mut loops: Vec<bool> = Vec::new();
    let mut depth = 0;
    let mut weight = 1;
    while let Some(opcode) = reader.byte() {
        match opcode {
            0x20..=0x22 => {
                let index = reader.leb();
                if index < locals {
                    scan.locals.add(index, weight);
                }
            }
            0x28..=0x3e => {
                reader.memarg();
                scan.memory = scan.memory.saturating_add(weight);
            }
            0x41 | 0x42 => reader.skip_leb(),
            0x02..=0x04 | 0x06 | 0x1f => {
                reader.block_type();
                if opcode == 0x1f {
                    reader.clauses();
                }
                scan.catches |= matches!(opcode, 0x06 | 0x1f);
                let is_loop = opcode == 0x03;
                loops.push(is_loop);
                depth += u32::from(is_loop);
                weight = 1 << (TURNS * depth.min(DEEPEST));
            }
            0x0b | 0x18 => {
                if opcode == 0x18 {
                    reader.skip_leb();
                }
                depth -= u32::from(loops.pop().unwrap_or(false));
                weight = 1 << (TURNS * depth.min(DEEPEST));
            }
            0xd0 => reader.heap_type(),
            0x0c | 0x0d | 0xd5 | 0xd6 => reader.skip_leb(),
            0x0e => {
                for _ in 0..reader.leb() {
                    if reader.pos >= code.len() {
                        break;
                    }
                    reader.skip_leb();
                }
                reader.skip_leb();
            }
            0x10..=0x15 | 0xd2 => {
                reader.skip_leb();
                if opcode == 0x11 || opcode == 0x13 {
                    reader.skip_leb();
                }
                scan.calls = scan.calls.saturating_add(weight);
                scan.vmctx = scan.vmctx.saturating_add(weight);
            }
            0x23 | 0x24 => {
                reader.skip_leb();
                scan.vmctx = scan.vmctx.saturating_add(weight);
            }
            0x25 | 0x26 | 0x3f | 0x40 => {
                reader.skip_leb();
                scan.vmctx = scan.vmctx.saturating_add(weight);
                if opcode != 0x3f {
                    scan.calls = scan.calls.saturating_add(weight);
                }
            }
            0x43 => reader.pos += 4,
            0x44 => reader.pos += 8,
            0x1c => {
                for _ in 0..reader.leb() {
                    reader.value_type();
                    if reader.pos >= code.len() {
                        break;
                    }
                }
            }
            0xfc => match reader.leb() {
                0..=7 | 19..=22 => {}
                number @ (8..=18) => {
                    reader.skip_leb();
                    if matches!(number, 8 | 10 | 12 | 14) {
                        reader.skip_leb();
                    }
                    scan.calls = scan.calls.saturating_add(weight);
                    scan.vmctx = scan.vmctx.saturating_add(weight);
                }
                _ => return None,
            },
            0xfd => {
                scan.wide = true;
                let number = reader.leb();
                match number {
                    0..=11 | 0x54..=0x5d => {
                        reader.memarg();
                        if (0x54..=0x5b).contains(&number) {
                            reader.pos += 1;
                        }
                        scan.memory = scan.memory.saturating_add(weight);
                    }
                    12 | 13 => reader.pos += 16,
                    0x15..=0x22 => reader.pos += 1,
                    _ => {}
                }
            }
            0xfe => match reader.leb() {
                3 => reader.pos += 1,
                number => {
                    reader.memarg();
                    if number <= 2 {
                        scan.calls = scan.calls.saturating_add(weight);
                    }
                    scan.memory = scan.memory.saturating_add(weight);
                }
            },
            // Throwing, and what an exception carries.
            0x07..=0x0a | 0x19 => {
                if !matches!(opcode, 0x0a | 0x19) {
                    reader.skip_leb();
                }
                scan.heap = scan.heap.saturating_add(1);
            }
            0xfb => {
                let number = reader.leb();
                let work = reader.object_operator(number)?;
                scan.heap = scan.heap.saturating_add(work.heap.saturating_mul(weight));
                scan.vmctx = scan.vmctx.saturating_add(work.vmctx.saturating_mul(weight));
                scan.calls = scan.calls.saturating_add(work.calls.saturating_mul(weight));
            }
            0x00 | 0x01 | 0x05 | 0x0f | 0x1a | 0x1b | 0x45..=0xc4 | 0xd1 | 0xd3 | 0xd4 => {}
            _ => return None,
        }
    }
    Some(scan)
}

/// What an operator on objects uses.
#[derive(Default)]
struct ObjectWork {
    heap: u32,
    vmctx: u32,
    calls: u32,
}

struct Reader<'a> {
    code: &'a [u8],
    pos: usize,
}

impl Reader<'_> {
    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let byte = self.code.get(self.pos).copied();
        self.pos += 1;
        byte
    }

    #[inline]
    fn leb(&mut self) -> u32 {
        let (mut value, mut shift) = (0, 0);
        while let Some(byte) = self.byte() {
            value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    #[inline]
    fn skip_leb(&mut self) {
        while self.byte().is_some_and(|byte| byte >= 0x80) {}
    }

    fn memarg(&mut self) {
        if self.leb() & 0x40 != 0 {
            self.skip_leb();
        }
        self.skip_leb();
    }

    fn block_type(&mut self) {
        if matches!(self.code.get(self.pos), Some(0x63 | 0x64)) {
            self.value_type();
        } else {
            self.skip_leb();
        }
    }

    fn value_type(&mut self) {
        if matches!(self.byte(), Some(0x63 | 0x64)) {
            self.heap_type();
        }
    }

    fn heap_type(&mut self) {
        // An exact type is one behind a prefix.
        if self.code.get(self.pos) == Some(&0x62) {
            self.pos += 1;
        }
        self.skip_leb();
    }

    /// The clauses of a `try_table`.
    fn clauses(&mut self) {
        for _ in 0..self.leb() {
            match self.byte() {
                Some(0 | 1) => {
                    self.skip_leb();
                    self.skip_leb();
                }
                Some(_) => self.skip_leb(),
                None => break,
            }
        }
    }

    /// Reads the immediates of an operator on objects.
    fn object_operator(&mut self, number: u32) -> Option<ObjectWork> {
        let work = |heap, vmctx, calls| Some(ObjectWork { heap, vmctx, calls });
        match number {
            // Allocation: the agent, the type, the header.
            0 | 1 | 6 | 7 | 32 | 33 => {
                self.skip_leb();
                work(2, 2, 0)
            }
            8 => {
                self.skip_leb();
                self.skip_leb();
                work(2, 2, 0)
            }
            2..=5 => {
                self.skip_leb();
                self.skip_leb();
                work(1, 0, 0)
            }
            11..=14 => {
                self.skip_leb();
                work(2, 0, 0)
            }
            34 => {
                self.skip_leb();
                work(1, 0, 0)
            }
            15 => work(1, 0, 0),
            9 | 10 | 17..=19 => {
                self.skip_leb();
                self.skip_leb();
                work(0, 1, 1)
            }
            16 => {
                self.skip_leb();
                work(0, 1, 1)
            }
            20..=23 | 35 | 36 => {
                self.heap_type();
                work(1, 1, 0)
            }
            24 | 25 | 37 | 38 => {
                self.byte();
                self.skip_leb();
                self.heap_type();
                self.heap_type();
                work(1, 1, 0)
            }
            26..=31 => Some(ObjectWork::default()),
            _ => None,
        }
    }
}

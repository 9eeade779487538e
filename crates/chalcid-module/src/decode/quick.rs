//! The two sections that are long in large modules, read quickly where they are as producers write them.
//!
//! As with [function bodies](crate::validate), the rule is that this only ever accepts: whatever is not as expected makes `None`, and
//! then the section is read and judged by the library.

use std::ops::Range;

use wasmparser::WasmFeatures;

use crate::const_expr::{ConstExpr, ConstOp};
use crate::declarations::*;
use crate::index::MemIdx;
use crate::leb;
use crate::limits;
use crate::types::AddressType;

/// Where each body lies in the entries of a code section. `section` is what follows the number of entries.
pub(super) fn code_entries(bytes: &[u8], section: Range<usize>, count: u32) -> Option<Vec<Range<u32>>> {
    let contents = bytes.get(section.clone())?;
    let mut rest = contents;
    // Every entry takes a byte at least.
    let mut bodies = Vec::with_capacity((count as usize).min(contents.len()));
    for _ in 0..count {
        let (size, after) = leb::u32(rest)?;
        let size = size as usize;
        if size > limits::MAX_FUNCTION_SIZE {
            return None;
        }
        let start = section.start + (contents.len() - after.len());
        rest = after.get(size..)?;
        bodies.push(start as u32..(start + size) as u32);
    }
    rest.is_empty().then_some(bodies)
}

/// A data section whose offsets are constants, read as far as its bytes are there.
pub(super) struct DataSection {
    /// All of its contents.
    section: Range<usize>,
    /// Where the next segment begins.
    next: usize,
    /// Segments that are still to come.
    left: u32,
    segments: Vec<DataSegment>,
    /// Something was not as expected.
    failed: bool,
}

impl DataSection {
    /// The beginning of a section, where that is there. `bytes` are those of the module, as far as they are there.
    pub(super) fn new(bytes: &[u8], section: Range<usize>) -> Option<Self> {
        let there = bytes.get(section.start..section.end.min(bytes.len()))?;
        let (left, rest) = leb::u32(there)?;
        if left as usize > limits::MAX_DATA_SEGMENTS {
            return None;
        }
        let next = section.start + (there.len() - rest.len());
        let segments = Vec::with_capacity((left as usize).min(rest.len()));
        Some(Self { section, next, left, segments, failed: false })
    }

    /// Whether it is the section with these contents.
    pub(super) fn is_at(&self, section: &Range<usize>) -> bool {
        self.section == *section
    }

    /// Reads the segments that are there.
    pub(super) fn read(&mut self, bytes: &[u8], declarations: &Declarations, features: WasmFeatures) {
        let Some(there) = bytes.get(..self.section.end.min(bytes.len())) else { return };
        while self.left > 0 && !self.failed {
            let Some(segment) = there.get(self.next..).and_then(|rest| segment(rest, declarations, features)) else {
                // It may be cut off.
                self.failed = bytes.len() >= self.section.end;
                return;
            };
            let (mode, len, contents) = segment;
            let start = there.len() - contents.len();
            self.next = start + len as usize;
            self.left -= 1;
            self.segments.push(DataSegment { mode, bytes: start as u32..self.next as u32 });
        }
    }

    /// All segments, now that the section is whole.
    pub(super) fn finish(
        mut self,
        bytes: &[u8],
        declarations: &Declarations,
        features: WasmFeatures,
    ) -> Option<Vec<DataSegment>> {
        self.read(bytes, declarations, features);
        (!self.failed && self.left == 0 && self.next == self.section.end).then_some(self.segments)
    }
}

/// A segment: its mode, its length, and what follows these, which is at least as long.
fn segment<'a>(
    code: &'a [u8],
    declarations: &Declarations,
    features: WasmFeatures,
) -> Option<(SegmentMode<MemIdx>, u32, &'a [u8])> {
    let (flags, after) = leb::u32(code)?;
    let (mode, after) = match flags {
        0 => active(0, after, declarations)?,
        1 if features.bulk_memory() => (SegmentMode::Passive, after),
        2 => {
            let (memory, after) = leb::u32(after)?;
            active(memory, after, declarations)?
        }
        _ => return None,
    };
    let (len, contents) = leb::u32(after)?;
    (contents.len() >= len as usize).then_some((mode, len, contents))
}

fn active<'a>(memory: u32, code: &'a [u8], declarations: &Declarations) -> Option<(SegmentMode<MemIdx>, &'a [u8])> {
    let address = declarations.memories.get(memory as usize)?.address;
    let (offset, rest) = match (code.split_first()?, address) {
        ((0x41, rest), AddressType::I32) => {
            let (value, rest) = leb::i32(rest)?;
            (ConstOp::I32Const(value), rest)
        }
        ((0x42, rest), AddressType::I64) => {
            let (value, rest) = leb::i64(rest)?;
            (ConstOp::I64Const(value), rest)
        }
        _ => return None,
    };
    let mode = SegmentMode::Active { target: MemIdx(memory), offset: ConstExpr::one(offset) };
    Some((mode, rest.strip_prefix(&[0x0b])?))
}

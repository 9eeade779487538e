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

/// The segments of a data section whose offsets are constants. `section` is the whole of its contents.
pub(super) fn data_section(
    bytes: &[u8],
    section: Range<usize>,
    declarations: &Declarations,
    features: WasmFeatures,
) -> Option<Vec<DataSegment>> {
    let end = section.end;
    let (count, mut rest) = leb::u32(bytes.get(section)?)?;
    if count as usize > limits::MAX_DATA_SEGMENTS {
        return None;
    }
    let mut segments = Vec::with_capacity((count as usize).min(rest.len()));
    for _ in 0..count {
        let (flags, after) = leb::u32(rest)?;
        let (mode, after) = match flags {
            0 => active(0, after, declarations)?,
            1 if features.bulk_memory() => (SegmentMode::Passive, after),
            2 => {
                let (memory, after) = leb::u32(after)?;
                active(memory, after, declarations)?
            }
            _ => return None,
        };
        let (len, after) = leb::u32(after)?;
        let start = end - after.len();
        rest = after.get(len as usize..)?;
        segments.push(DataSegment { mode, bytes: start as u32..start as u32 + len });
    }
    rest.is_empty().then_some(segments)
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

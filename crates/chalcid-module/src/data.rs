//! Data segments. A module may have a hundred thousand, each of which is read once by each instance, if at all: so nothing is kept of them but where they
//! lie, and they are read when somebody asks.

use std::ops::Range;
use std::sync::OnceLock;

use wasmparser::{BinaryReader, DataKind, FromReader};

use crate::const_expr::{ConstExpr, ConstOp};
use crate::declarations::SegmentMode;
use crate::decode::const_expr;
use crate::index::{DataIdx, MemIdx};
use crate::leb;

/// A data segment.
#[derive(Clone, PartialEq, Debug)]
pub struct DataSegment {
    /// When it is applied; never `Declared`.
    pub mode: SegmentMode<MemIdx>,
    /// Its bytes.
    pub bytes: Range<u32>,
}

/// The data segments of a module.
#[derive(Debug, Default)]
pub struct DataSegments {
    /// How many there are.
    count: u32,
    /// Where they lie, one after another.
    section: Range<u32>,
    /// Where each begins, once somebody has asked for one of them.
    starts: OnceLock<Box<[u32]>>,
}

impl DataSegments {
    /// So many segments, which are valid and lie one after another.
    pub(crate) fn in_place(section: Range<u32>, count: u32) -> Self {
        Self { count, section, starts: OnceLock::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All segments in order. `bytes` are those of the module.
    pub fn iter(&self, bytes: &[u8]) -> impl Iterator<Item = DataSegment> {
        self.segments(bytes).map(|(_, segment)| segment)
    }

    /// One segment. `bytes` are those of the module.
    pub fn get(&self, bytes: &[u8], index: DataIdx) -> Option<DataSegment> {
        let starts = self.starts.get_or_init(|| self.segments(bytes).map(|(start, _)| start).collect());
        let start = *starts.get(index.index())?;
        let mut segments = Segments { next: start as usize, left: 1, ..self.segments(bytes) };
        segments.next().map(|(_, segment)| segment)
    }

    fn segments<'a>(&self, bytes: &'a [u8]) -> Segments<'a> {
        let bytes = bytes.get(..self.section.end as usize).unwrap_or_default();
        Segments { bytes, next: self.section.start as usize, left: self.count }
    }
}

/// Segments that lie one after another, and where each begins.
struct Segments<'a> {
    /// Those of the module up to the end of the section.
    bytes: &'a [u8],
    next: usize,
    left: u32,
}

impl Iterator for Segments<'_> {
    type Item = (u32, DataSegment);

    fn next(&mut self) -> Option<(u32, DataSegment)> {
        self.left = self.left.checked_sub(1)?;
        let start = self.next;
        let code = self.bytes.get(start..)?;
        let (mode, len, contents) = read(code).or_else(|| read_any(code))?;
        let first = self.bytes.len() - contents.len();
        self.next = first + len as usize;
        Some((start as u32, DataSegment { mode, bytes: first as u32..self.next as u32 }))
    }
}

/// Any valid segment, as [`read`] gives it.
#[cold]
fn read_any(code: &[u8]) -> Option<(SegmentMode<MemIdx>, u32, &[u8])> {
    let mut reader = BinaryReader::new(code, 0);
    let data = wasmparser::Data::from_reader(&mut reader).ok()?;
    let mode = match data.kind {
        DataKind::Passive => SegmentMode::Passive,
        DataKind::Active { memory_index, offset_expr } => {
            SegmentMode::Active { target: MemIdx(memory_index), offset: const_expr(&offset_expr, &mut |_| {}).ok()? }
        }
    };
    let contents = code.len() - reader.bytes_remaining() - data.data.len();
    Some((mode, data.data.len() as u32, &code[contents..]))
}

/// A segment whose offset is a constant, or that has none: its mode, its length, and what follows these, which is at least as long. What it says may be
/// wrong for the module.
#[inline]
pub(crate) fn read(code: &[u8]) -> Option<(SegmentMode<MemIdx>, u32, &[u8])> {
    let (flags, after) = leb::u32(code)?;
    let (mode, after) = match flags {
        0 => active(0, after)?,
        1 => (SegmentMode::Passive, after),
        2 => {
            let (memory, after) = leb::u32(after)?;
            active(memory, after)?
        }
        _ => return None,
    };
    let (len, contents) = leb::u32(after)?;
    (contents.len() >= len as usize).then_some((mode, len, contents))
}

#[inline]
fn active(memory: u32, code: &[u8]) -> Option<(SegmentMode<MemIdx>, &[u8])> {
    let (offset, rest) = match code.split_first()? {
        (0x41, rest) => {
            let (value, rest) = leb::i32(rest)?;
            (ConstOp::I32Const(value), rest)
        }
        (0x42, rest) => {
            let (value, rest) = leb::i64(rest)?;
            (ConstOp::I64Const(value), rest)
        }
        _ => return None,
    };
    let mode = SegmentMode::Active { target: MemIdx(memory), offset: ConstExpr::one(offset) };
    Some((mode, rest.strip_prefix(&[0x0b])?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "failing is how a test reports")]
mod tests {
    use super::*;
    use crate::features::Features;

    /// The segments of a module, looked at in every way.
    fn segments(text: &str) -> Vec<(SegmentMode<MemIdx>, Vec<u8>)> {
        let bytes = wat::parse_str(text).unwrap();
        let decoded = [
            crate::decode_and_validate(&bytes, &Features::WASM3, None).unwrap(),
            crate::decode_validated(&bytes, &Features::WASM3).unwrap(),
        ];
        let [one, other] = decoded.map(|declarations| {
            let all: Vec<_> = declarations.data.iter(&bytes).collect();
            assert_eq!((all.len(), all.is_empty()), (declarations.data.len(), declarations.data.is_empty()));
            for index in (0..all.len()).rev() {
                assert_eq!(declarations.data.get(&bytes, DataIdx::new(index)).as_ref(), Some(&all[index]));
            }
            assert_eq!(declarations.data.get(&bytes, DataIdx::new(all.len())), None);
            all
        });
        assert_eq!(one, other);
        let contents = |range: &Range<u32>| bytes[range.start as usize..range.end as usize].to_vec();
        one.into_iter().map(|segment| (segment.mode, contents(&segment.bytes))).collect()
    }

    fn at(memory: u32, op: ConstOp) -> SegmentMode<MemIdx> {
        SegmentMode::Active { target: MemIdx(memory), offset: ConstExpr::one(op) }
    }

    #[test]
    fn segments_are_read_where_they_lie() {
        let long = "x".repeat(300);
        let text = format!(
            r#"(module (memory 1) (memory i64 1)
                (data (i32.const -7) "abc") (data "") (data (memory 1) (i64.const 1000000) "{long}") (data "end"))"#
        );
        let expected = [
            (at(0, ConstOp::I32Const(-7)), b"abc".to_vec()),
            (SegmentMode::Passive, Vec::new()),
            (at(1, ConstOp::I64Const(1_000_000)), long.into_bytes()),
            (SegmentMode::Passive, b"end".to_vec()),
        ];
        assert_eq!(segments(&text), expected);
        assert_eq!(segments("(module)"), []);
    }

    #[test]
    fn segments_of_any_kind_are_read() {
        let found = segments(
            r#"(module (import "m" "g" (global i32)) (memory 1)
                (data (i32.const 1) "a") (data (global.get 0) "b") (data (offset (i32.add (i32.const 1) (i32.const 2))) "c"))"#,
        );
        let several = vec![ConstOp::I32Const(1), ConstOp::I32Const(2), ConstOp::I32Add];
        let expected = [
            (at(0, ConstOp::I32Const(1)), b"a".to_vec()),
            (at(0, ConstOp::GlobalGet(crate::index::GlobalIdx(0))), b"b".to_vec()),
            (SegmentMode::Active { target: MemIdx(0), offset: ConstExpr::new(several) }, b"c".to_vec()),
        ];
        assert_eq!(found, expected);
    }
}

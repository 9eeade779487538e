//! Data segments. A module may have a hundred thousand, each of which is read once by each instance, if at all: so nothing is kept of them but where they
//! lie, and they are read when somebody asks.

use std::ops::Range;
use std::sync::OnceLock;

use wasmparser::{BinaryReader, DataKind, FromReader};

use crate::const_expr::ConstExpr;
use crate::decode::const_expr;
use crate::index::{DataIdx, MemIdx};
use crate::leb;
use crate::types::AddressType;

/// A data segment.
#[derive(Clone, PartialEq, Debug)]
pub struct DataSegment {
    /// Where it goes at instantiation; absent where an instruction says so.
    pub place: SegmentPlace,
    /// Its bytes.
    pub bytes: Range<u32>,
}

/// A memory and the address in it, where there is one.
pub type SegmentPlace = Option<(MemIdx, Offset)>;

/// The address that a segment goes to.
#[derive(Clone, PartialEq, Debug)]
pub enum Offset {
    /// A constant of the memory's address type.
    Constant(u64),
    /// Any other constant expression.
    Computed(ConstExpr),
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
        let (place, len, contents) = match read(code) {
            Some(Plain { place, len, contents }) => {
                (place.map(|place| (place.memory, Offset::Constant(place.offset))), len, contents)
            }
            None => read_any(code)?,
        };
        let first = self.bytes.len() - contents.len();
        self.next = first + len as usize;
        Some((start as u32, DataSegment { place, bytes: first as u32..self.next as u32 }))
    }
}

/// Any valid segment: its place, its length, and what follows these.
#[cold]
fn read_any(code: &[u8]) -> Option<(SegmentPlace, u32, &[u8])> {
    let mut reader = BinaryReader::new(code, 0);
    let data = wasmparser::Data::from_reader(&mut reader).ok()?;
    let place = match data.kind {
        DataKind::Passive => None,
        DataKind::Active { memory_index, offset_expr } => {
            let offset = const_expr(&offset_expr, &mut |_| {}).ok()?;
            Some((MemIdx(memory_index), Offset::Computed(offset)))
        }
    };
    let contents = code.len() - reader.bytes_remaining() - data.data.len();
    Some((place, data.data.len() as u32, &code[contents..]))
}

/// A segment whose offset is a constant, or that has none.
pub(crate) struct Plain<'a> {
    pub(crate) place: Option<Place>,
    pub(crate) len: u32,
    /// What follows, which is at least as long.
    pub(crate) contents: &'a [u8],
}

/// Where such a segment goes.
pub(crate) struct Place {
    pub(crate) memory: MemIdx,
    pub(crate) offset: u64,
    /// The type of the constant.
    pub(crate) address: AddressType,
}

/// Reads a segment, if it is such a one. What it says may be wrong for the module.
#[inline]
pub(crate) fn read(code: &[u8]) -> Option<Plain<'_>> {
    let (&flags, after) = code.split_first()?;
    let (place, after) = match flags {
        0 => active(0, after)?,
        1 => (None, after),
        2 => {
            let (memory, after) = leb::u32(after)?;
            active(memory, after)?
        }
        _ => return None,
    };
    let (len, contents) = leb::u32(after)?;
    (contents.len() >= len as usize).then_some(Plain { place, len, contents })
}

#[inline]
fn active(memory: u32, code: &[u8]) -> Option<(Option<Place>, &[u8])> {
    let (offset, address, rest) = match code.split_first()? {
        (0x41, rest) => {
            let (value, rest) = leb::i32(rest)?;
            (u64::from(value as u32), AddressType::I32, rest)
        }
        (0x42, rest) => {
            let (value, rest) = leb::i64(rest)?;
            (value as u64, AddressType::I64, rest)
        }
        _ => return None,
    };
    Some((Some(Place { memory: MemIdx(memory), offset, address }), rest.strip_prefix(&[0x0b])?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "failing is how a test reports")]
mod tests {
    use super::*;
    use crate::const_expr::ConstOp;
    use crate::features::Features;

    /// The segments of a module, looked at in every way.
    fn segments(text: &str) -> Vec<(SegmentPlace, Vec<u8>)> {
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
        one.into_iter().map(|segment| (segment.place, contents(&segment.bytes))).collect()
    }

    fn at(memory: u32, offset: Offset) -> SegmentPlace {
        Some((MemIdx(memory), offset))
    }

    #[test]
    fn segments_are_read_where_they_lie() {
        let long = "x".repeat(300);
        let text = format!(
            r#"(module (memory 1) (memory i64 1)
                (data (i32.const -7) "abc") (data "") (data (memory 1) (i64.const 1000000) "{long}") (data "end"))"#
        );
        let expected = [
            (at(0, Offset::Constant(u64::from(u32::MAX) - 6)), b"abc".to_vec()),
            (None, Vec::new()),
            (at(1, Offset::Constant(1_000_000)), long.into_bytes()),
            (None, b"end".to_vec()),
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
            (at(0, Offset::Constant(1)), b"a".to_vec()),
            (at(0, Offset::Computed(ConstExpr::one(ConstOp::GlobalGet(crate::index::GlobalIdx(0))))), b"b".to_vec()),
            (at(0, Offset::Computed(ConstExpr::new(several))), b"c".to_vec()),
        ];
        assert_eq!(found, expected);
    }
}

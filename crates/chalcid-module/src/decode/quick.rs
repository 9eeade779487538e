//! The sections that are long in large modules, read quickly where they are as producers write them.
//!
//! As with [function bodies](crate::validate), the rule is that this only ever accepts: whatever is not as expected makes `None`, and
//! then the section is read and judged by the library. What is said to be of a valid section is only read here, and judged elsewhere.

use std::hash::BuildHasher;
use std::ops::Range;

use wasmparser::WasmFeatures;

use crate::data::{self, DataSegments, Place, Plain};
use crate::declarations::*;
use crate::index::*;
use crate::leb;
use crate::limits;
use crate::types::{CompType, FuncType, RefType, SubType, ValType};

/// The types of a valid section of function types without references to others.
pub(super) fn types(bytes: &[u8], section: Range<usize>) -> Option<Vec<SubType>> {
    let (count, mut rest) = leb::u32(bytes.get(section)?)?;
    // Every type takes three bytes at least.
    let mut types = Vec::with_capacity((count as usize).min(rest.len() / 3));
    for _ in 0..count {
        let (params, after) = val_types(rest.strip_prefix(&[0x60])?)?;
        let (results, after) = val_types(after)?;
        rest = after;
        types.push(SubType::alone(CompType::Func(FuncType { params, results })));
    }
    rest.is_empty().then_some(types)
}

fn val_types(code: &[u8]) -> leb::Read<'_, Box<[ValType]>> {
    let val_type = |byte: u8| {
        Some(match byte {
            0x7f => ValType::I32,
            0x7e => ValType::I64,
            0x7d => ValType::F32,
            0x7c => ValType::F64,
            0x7b => ValType::V128,
            0x70 => ValType::Ref(RefType::FUNCREF),
            0x6f => ValType::Ref(RefType::EXTERNREF),
            _ => return None,
        })
    };
    let (count, rest) = leb::u32(code)?;
    let (these, rest) = rest.split_at_checked(count as usize)?;
    let mut types = Vec::with_capacity(these.len());
    for &byte in these {
        types.push(val_type(byte)?);
    }
    Some((types.into(), rest))
}

/// The type indices of a valid function section, appended to those of the imports.
pub(super) fn functions(bytes: &[u8], section: Range<usize>, functions: &mut Vec<TypeIdx>) -> Option<()> {
    let before = functions.len();
    let (count, mut rest) = leb::u32(bytes.get(section)?)?;
    functions.reserve((count as usize).min(rest.len()));
    for _ in 0..count {
        let Some((ty, after)) = leb::u32(rest) else {
            functions.truncate(before);
            return None;
        };
        functions.push(TypeIdx(ty));
        rest = after;
    }
    Some(())
}

/// The exports of a section, each of which names something that exists, and no two of which have the same name; where the module `is_valid`, the latter is
/// so.
///
/// The limits allow more than the library, which counts the sizes of all types of imports and exports together.
pub(super) fn exports(
    bytes: &[u8],
    section: Range<usize>,
    declarations: &Declarations,
    features: WasmFeatures,
    is_valid: bool,
) -> Option<Vec<Export>> {
    if features.custom_descriptors() {
        return None;
    }
    let contents = bytes.get(section.clone())?;
    let (count, mut rest) = leb::u32(contents)?;
    let count = count as usize;
    // Every entry takes three bytes at least.
    if count > limits::MAX_EXPORTS || count > rest.len() / 3 {
        return None;
    }
    let mut exports = Vec::with_capacity(count);
    let mut hashes = Vec::with_capacity(if is_valid { 0 } else { count });
    let hasher = foldhash::fast::RandomState::default();
    for _ in 0..count {
        let (len, after) = leb::u32(rest)?;
        let (name, after) = after.split_at_checked(len as usize)?;
        let (&kind, after) = after.split_first()?;
        let end = section.end - after.len() - 1;
        let (index, after) = leb::u32(after)?;
        rest = after;
        let at = index as usize;
        let (item, exists) = match kind {
            0 => (ExternIdx::Func(FuncIdx(index)), at < declarations.functions.len()),
            1 => (ExternIdx::Table(TableIdx(index)), at < declarations.tables.len()),
            2 => (ExternIdx::Memory(MemIdx(index)), at < declarations.memories.len()),
            3 => {
                let global = declarations.globals.get(at);
                let exists = global.is_some_and(|global| features.mutable_global() || !global.ty.mutable);
                (ExternIdx::Global(GlobalIdx(index)), exists)
            }
            4 => (ExternIdx::Tag(TagIdx(index)), at < declarations.tags.len()),
            _ => return None,
        };
        if !exists || name.len() > limits::MAX_NAME_SIZE || str::from_utf8(name).is_err() {
            return None;
        }
        if !is_valid {
            hashes.push(hasher.hash_one(name));
        }
        exports.push(Export { name: (end - name.len()) as u32..end as u32, item });
    }
    // Names of one hash may be different ones, which the library will find out.
    hashes.sort_unstable();
    let are_apart = hashes.windows(2).all(|pair| pair[0] != pair[1]);
    (rest.is_empty() && are_apart).then_some(exports)
}

/// A data section whose offsets are constants, read as far as its bytes are there.
pub(super) struct DataSection {
    /// All of its contents.
    section: Range<usize>,
    count: u32,
    /// Where the first segment begins.
    first: usize,
    /// Where the next segment begins.
    next: usize,
    /// Segments that are still to come.
    left: u32,
    /// Something was not as expected.
    failed: bool,
}

impl DataSection {
    /// The beginning of a section, where that is there. `bytes` are those of the module, as far as they are there.
    pub(super) fn new(bytes: &[u8], section: Range<usize>) -> Option<Self> {
        let there = bytes.get(section.start..section.end.min(bytes.len()))?;
        let (count, rest) = leb::u32(there)?;
        if count as usize > limits::MAX_DATA_SEGMENTS {
            return None;
        }
        let first = section.start + (there.len() - rest.len());
        Some(Self { section, count, first, next: first, left: count, failed: false })
    }

    /// Whether it is the section with these contents.
    pub(super) fn is_at(&self, section: &Range<usize>) -> bool {
        self.section == *section
    }

    /// Reads the segments that are there.
    pub(super) fn read(&mut self, bytes: &[u8], declarations: &Declarations, features: WasmFeatures) {
        let Some(there) = bytes.get(..self.section.end.min(bytes.len())) else { return };
        while self.left > 0 && !self.failed {
            let read = there.get(self.next..).and_then(data::read);
            let Some(Plain { place, len, contents }) = read else {
                // It may be cut off.
                self.failed = bytes.len() >= self.section.end;
                return;
            };
            self.failed = !is_valid(place.as_ref(), declarations, features);
            self.next = there.len() - contents.len() + len as usize;
            self.left -= 1;
        }
    }

    /// All segments, now that the section is whole.
    pub(super) fn finish(
        mut self,
        bytes: &[u8],
        declarations: &Declarations,
        features: WasmFeatures,
    ) -> Option<DataSegments> {
        self.read(bytes, declarations, features);
        let is_whole = !self.failed && self.left == 0 && self.next == self.section.end;
        is_whole.then(|| DataSegments::in_place(self.first as u32..self.section.end as u32, self.count))
    }
}

/// Whether a segment that was read can be such in a module.
fn is_valid(place: Option<&Place>, declarations: &Declarations, features: WasmFeatures) -> bool {
    match place {
        Some(place) => {
            let memory = declarations.memories.get(place.memory.index());
            memory.is_some_and(|memory| memory.address == place.address)
        }
        None => features.bulk_memory(),
    }
}

//! Images: what a module's active data segments make of its memories, kept in a file without a name and mapped copy-on-write.
//!
//! A mapping costs the same for a kilobyte as for many megabytes, and pages that an instance only reads, or never touches, are shared by
//! all. An image is made when the second instance of a module appears: the first one's segments are copied.
//!
//! # What an image stands for
//! The segments from the first on, as far as each is known to fit before any instance exists: its memory is one that the module
//! defines, not shared, of pages of 64 KiB, and its offset is a constant within the declared minimum. Segments after the first that is
//! not like that are copied, in order, so whatever traps traps where it would, with the same bytes written. Where an image would be
//! much larger than the data, where there is little data, or where the system refuses, all segments are copied.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chalcid_module::data::Offset;
use chalcid_module::declarations::Declarations;
use chalcid_module::index::MemIdx;

use crate::sys::image::ImageFile;
use crate::sys::mapping::page_size;

/// Bytes of data from which on an image is worth its mapping.
const LEAST: usize = 32 << 10;
/// Bytes between two segments that one mapping spans.
const GAP: usize = 64 << 10;
/// Most mappings of one image.
const MOST_PARTS: usize = 4;
/// Most images at a time: each keeps a file open, and a process may have but so many.
const MOST_IMAGES: usize = 128;

static IMAGES: AtomicUsize = AtomicUsize::new(0);

/// The image of a module, made when it pays.
#[derive(Default)]
pub(crate) struct LazyImage {
    instantiated: AtomicBool,
    image: OnceLock<Option<DataImage>>,
}

impl LazyImage {
    /// The image for an instance that is being made; `None` for the first, and where there is none.
    pub(crate) fn get(&self, declarations: &Declarations, bytes: &[u8]) -> Option<&DataImage> {
        if declarations.data.is_empty() || !self.instantiated.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.image.get_or_init(|| DataImage::new(declarations, bytes)).as_ref()
    }
}

/// An image.
pub(crate) struct DataImage {
    pub(crate) file: ImageFile,
    pub(crate) parts: Vec<Part>,
    /// How many segments, counted from the first, it stands for.
    pub(crate) segments: usize,
    /// The passive ones among them, ascending: it does not touch them.
    pub(crate) passive: Vec<usize>,
}

/// Whole pages of a memory that are mapped from the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub(crate) memory: MemIdx,
    pub(crate) offset: usize,
    pub(crate) len: usize,
    /// Where they lie in the file.
    pub(crate) at: usize,
}

/// Where a segment's bytes go.
struct Placed<'a> {
    memory: MemIdx,
    offset: usize,
    bytes: &'a [u8],
}

impl DataImage {
    fn new(declarations: &Declarations, bytes: &[u8]) -> Option<Self> {
        let (placed, passive, segments) = placed(declarations, bytes);
        let parts = parts(&placed)?;
        if IMAGES.fetch_add(1, Ordering::Relaxed) >= MOST_IMAGES {
            IMAGES.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let made = Self::write(&placed, &parts);
        match made {
            Some(file) => Some(Self { file, parts, segments, passive }),
            None => {
                IMAGES.fetch_sub(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// The file with the segments written in order.
    fn write(placed: &[Placed<'_>], parts: &[Part]) -> Option<ImageFile> {
        let len = parts.last().map(|part| part.at + part.len)?;
        let mut contents = Vec::new();
        contents.try_reserve_exact(len).ok()?;
        contents.resize(len, 0);
        for segment in placed.iter().filter(|segment| !segment.bytes.is_empty()) {
            let part = parts.iter().find(|part| {
                part.memory == segment.memory && (part.offset..part.offset + part.len).contains(&segment.offset)
            })?;
            let start = part.at + (segment.offset - part.offset);
            contents.get_mut(start..start + segment.bytes.len())?.copy_from_slice(segment.bytes);
        }
        ImageFile::new(&contents).ok()
    }
}

impl Drop for DataImage {
    fn drop(&mut self) {
        IMAGES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The active segments that an image can stand for, the passive ones among them, and how many segments that covers.
fn placed<'a>(declarations: &Declarations, bytes: &'a [u8]) -> (Vec<Placed<'a>>, Vec<usize>, usize) {
    let (mut placed, mut passive) = (Vec::new(), Vec::new());
    for (index, segment) in declarations.data.iter(bytes).enumerate() {
        let Some((target, offset)) = &segment.place else {
            passive.push(index);
            continue;
        };
        let place = || {
            let Offset::Constant(constant) = offset else { return None };
            let memory = declarations.memories.get(target.index())?;
            let own = target.index() >= declarations.imported.memories as usize;
            let offset = usize::try_from(*constant).ok()?;
            let bytes = bytes.get(segment.bytes.start as usize..segment.bytes.end as usize)?;
            let size = memory.limits.min.checked_mul(memory.page_size())?;
            let fits = offset.checked_add(bytes.len()).is_some_and(|end| end as u64 <= size);
            (own && fits && !memory.shared && memory.page_size_log2 == 16).then_some(Placed {
                memory: *target,
                offset,
                bytes,
            })
        };
        match place() {
            Some(segment) => placed.push(segment),
            None => return (placed, passive, index),
        }
    }
    (placed, passive, declarations.data.len())
}

/// The pages that segments touch, in few pieces; `None` where copying is better.
fn parts(placed: &[Placed<'_>]) -> Option<Vec<Part>> {
    let data: usize = placed.iter().map(|segment| segment.bytes.len()).sum();
    if data < LEAST {
        return None;
    }
    let page = page_size();
    let mut pages: Vec<(MemIdx, usize, usize)> = placed
        .iter()
        .filter(|segment| !segment.bytes.is_empty())
        .map(|segment| {
            let end = (segment.offset + segment.bytes.len()).next_multiple_of(page);
            (segment.memory, segment.offset / page * page, end)
        })
        .collect();
    pages.sort_unstable_by_key(|&(memory, start, _)| (memory.0, start));
    let mut parts: Vec<Part> = Vec::new();
    for (memory, start, end) in pages {
        match parts.last_mut() {
            Some(part) if part.memory == memory && start <= part.offset + part.len + GAP => {
                part.len = part.len.max(end - part.offset);
            }
            _ => parts.push(Part { memory, offset: start, len: end - start, at: 0 }),
        }
    }
    let mut at = 0;
    for part in &mut parts {
        part.at = at;
        at += part.len;
    }
    // A million segments of a byte, spread over gigabytes, stay what they are.
    (parts.len() <= MOST_PARTS && at <= data.saturating_mul(4)).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: usize, bytes: &[u8]) -> Placed<'_> {
        Placed { memory: MemIdx(0), offset, bytes }
    }

    #[test]
    fn pages_are_joined_over_small_gaps() {
        let (page, large) = (page_size(), vec![1; LEAST]);
        let far = 64 * LEAST;
        let found = parts(&[place(far + 5, &large), place(3, &[1]), place(page, &large)]);
        let len = (page + LEAST).next_multiple_of(page);
        let far_len = (5 + LEAST).next_multiple_of(page);
        assert_eq!(
            found,
            Some(vec![
                Part { memory: MemIdx(0), offset: 0, len, at: 0 },
                Part { memory: MemIdx(0), offset: far, len: far_len, at: len },
            ])
        );
    }

    #[test]
    fn little_or_scattered_data_is_copied() {
        assert_eq!(parts(&[]), None);
        assert_eq!(parts(&[place(0, &[1; 100])]), None);
        let (piece, apart) = (vec![1; LEAST / 4], 2 * GAP);
        let scattered: Vec<_> = (0..20).map(|index| place(index * apart, &piece)).collect();
        assert_eq!(parts(&scattered), None);
        let dust: Vec<_> = (0..LEAST).map(|index| place(index * GAP, &piece[..1])).collect();
        assert_eq!(parts(&dust), None);
    }
}

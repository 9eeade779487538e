//! Marking: finding every object, box, function and tag that the roots reach.
//!
//! An object that is marked carries the collection's *epoch* in a byte of its header: 1 to 255 take turns, so that no mark has to be wiped away, and
//! a fresh object has 0. Whatever lives has the epoch of the last collection, so that an old one is never mistaken for the current. Its lines are
//! marked in the block's table.
//!
//! Objects that are marked and not scanned yet are *grey*: each names the next of its block in its header, and each block with grey objects names the
//! next such block. So marking needs no memory of its own, however deep the objects are linked, and scans what lies
//! together at once.
//!
//! Nothing in the heap is believed: a reference to what is no object, of a type that is not registered, or to one that does not lie within its block, is passed over.

use std::rc::Rc;

use chalcid_module::heap_layout::{ARRAY_LENGTH, DESCRIPTOR_SIZE, EXCEPTION_TAG, I31_BIT, Kind, OBJECT_MASK};
use chalcid_module::registry::TypeRegistry;

use super::boxes::{self, Boxes};
use super::exceptions::Tags;
use super::functions::HeapFuncs;
use super::layouts::{Holds, Layout, Layouts};
use super::reach::Leaf;
use super::space::{BLOCK, Space, State};

/// Offset of the epoch in a header.
const EPOCH: u32 = 5;
/// Offset of the next grey object of the block.
const NEXT: u32 = 6;

pub(super) struct Marker<'a> {
    pub(super) types: &'a TypeRegistry,
    pub(super) space: Option<&'a mut Space>,
    pub(super) boxes: &'a mut Boxes,
    pub(super) funcs: &'a mut HeapFuncs,
    pub(super) tags: &'a mut Tags,
    pub(super) layouts: &'a mut Layouts,
    pub(super) epoch: u8,
    /// First block with grey objects; 0 for none.
    pub(super) grey: u32,
    /// The layout that was needed last.
    pub(super) last: Option<Rc<Layout>>,
    /// For a walk ([`reach`](super::reach)): the leaves that were marked. A collection does without, and marks the lines of objects instead.
    pub(super) leaves: Option<Vec<Leaf>>,
}

/// What a header says.
struct Header {
    layout: Rc<Layout>,
    /// The word behind the header: the length of an array, the tag of an exception.
    word: u32,
}

impl Marker<'_> {
    /// Marks what a reference names.
    pub(super) fn reference(&mut self, reference: u32) {
        if reference & OBJECT_MASK == 0 {
            if reference != 0 {
                self.object(reference);
            }
        } else if boxes::is_box(reference) && self.boxes.mark(reference) {
            self.leaf(Leaf::Box(reference));
        }
    }

    /// Whether bits are a reference to something that is there, as all are that a stack map names.
    pub(super) fn is_reference(&mut self, reference: u32) -> bool {
        if reference == 0 || reference & I31_BIT != 0 {
            return true;
        }
        if boxes::is_box(reference) {
            return self.boxes.get(reference).is_some();
        }
        reference & OBJECT_MASK == 0 && self.header(reference).is_some()
    }

    fn object(&mut self, reference: u32) {
        let Some(space) = &mut self.space else { return };
        let position = reference % BLOCK;
        let state = space.block_of(reference).state;
        let room = match state {
            State::Used => BLOCK - position,
            // A descriptor comes first.
            State::Large(count) if position <= DESCRIPTOR_SIZE => count * BLOCK - position,
            State::Large(_) | State::LargeRest | State::Free => return,
        };
        let [epoch] = space.read::<1>(reference + EPOCH);
        if epoch == self.epoch {
            return;
        }
        let Some(header) = self.header(reference) else { return };
        let Some(size) = header.layout.object_size(header.word).filter(|size| *size <= room) else { return };
        let before = header.layout.before();
        if position < before || (state != State::Used && position != before) {
            return;
        }
        let Some(space) = &mut self.space else { return };
        if self.leaves.is_none() {
            space.mark_lines(reference - before, before + size);
        }
        let scan = before > 0 || !header.layout.traced.is_empty();
        let mut next = 0;
        if scan {
            let block = space.block_of(reference);
            next = std::mem::replace(&mut block.grey, (reference % BLOCK / 8) as u16 + 1);
            if next == 0 {
                block.next_grey = std::mem::replace(&mut self.grey, reference / BLOCK);
            }
        }
        let [low, high] = next.to_le_bytes();
        space.write(reference + EPOCH, &[self.epoch, low, high]);
        if header.layout.kind == Kind::Exception && self.tags.mark(header.word) {
            self.leaf(Leaf::Tag(header.word));
        }
    }

    fn leaf(&mut self, leaf: Leaf) {
        if let Some(leaves) = &mut self.leaves {
            leaves.push(leaf);
        }
    }

    fn header(&mut self, reference: u32) -> Option<Header> {
        let space = self.space.as_deref()?;
        let [id0, id1, id2, id3, kind] = space.read::<5>(reference);
        let id = u32::from_le_bytes([id0, id1, id2, id3]);
        let word = space.read_u32(reference + ARRAY_LENGTH);
        const _: () = assert!(ARRAY_LENGTH == EXCEPTION_TAG);
        let layout = if kind == Kind::Exception as u8 {
            Rc::clone(self.tags.layout(word)?)
        } else {
            match &self.last {
                Some(last) if last.id == id => Rc::clone(last),
                _ => {
                    let layout = self.layouts.get(self.types, id)?;
                    self.last = Some(Rc::clone(&layout));
                    layout
                }
            }
        };
        (layout.kind as u8 == kind).then_some(Header { layout, word })
    }

    /// Scans what is grey, until nothing is.
    pub(super) fn drain(&mut self) {
        while let Some(reference) = self.next_grey() {
            self.scan(reference);
        }
    }

    fn next_grey(&mut self) -> Option<u32> {
        let space = self.space.as_deref_mut()?;
        let number = self.grey;
        if number == 0 {
            return None;
        }
        let start = number * BLOCK;
        let reference = start + u32::from(space.block_of(start).grey.checked_sub(1)?) * 8;
        let next = u16::from_le_bytes(space.read(reference + NEXT));
        let block = space.block_of(start);
        // A link leads to a place within the block, whatever the header says.
        block.grey = if u32::from(next) <= BLOCK / 8 { next } else { 0 };
        if block.grey == 0 {
            self.grey = block.next_grey;
        }
        Some(reference)
    }

    fn scan(&mut self, reference: u32) {
        let Some(header) = self.header(reference) else { return };
        let layout = header.layout;
        if layout.kind == Kind::Array {
            for &(offset, holds) in &layout.traced {
                for index in 0..header.word {
                    self.field(reference + offset + 4 * index, holds);
                }
            }
        } else {
            if layout.before() > 0 {
                self.field(reference - DESCRIPTOR_SIZE, Holds::Reference);
            }
            for &(offset, holds) in &layout.traced {
                self.field(reference + offset, holds);
            }
        }
    }

    fn field(&mut self, place: u32, holds: Holds) {
        let bits = self.space.as_deref().map_or(0, |space| space.read_u32(place));
        match holds {
            Holds::Bits => {}
            Holds::Reference => self.reference(bits),
            Holds::Function => {
                if self.funcs.mark(bits) {
                    self.leaf(Leaf::Function(bits));
                }
            }
        }
    }
}

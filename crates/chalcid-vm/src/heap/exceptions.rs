//! Exceptions as objects: which tag each is of.
//!
//! An exception holds its tag by a number, which the tag itself knows too (`vmtag::NUMBER`). A table by these numbers keeps the tags of all
//! exceptions that there are, and knows what values they have.

use std::ptr::NonNull;
use std::rc::Rc;

use chalcid_module::registry::TypeRegistry;

use super::HeapFull;
use super::layouts::Layout;
use crate::entity::{Header, Strong, header_of};
use crate::tag::TagInst;

/// The tags of the exceptions that there are.
#[derive(Default)]
pub(super) struct Tags {
    /// By number, less 1.
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
}

struct Entry {
    tag: Strong<TagInst>,
    layout: Rc<Layout>,
    met: bool,
}

impl Tags {
    fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number.checked_sub(1)? as usize)?.as_ref()
    }

    /// Gives a number to a tag that has none.
    pub(super) fn insert(
        &mut self,
        types: &TypeRegistry,
        tag: Strong<TagInst>,
    ) -> Result<(), (HeapFull, Strong<TagInst>)> {
        if self.entries.try_reserve(1).is_err() || self.free.try_reserve(1).is_err() {
            return Err((HeapFull, tag));
        }
        let layout = Rc::new(Layout::exception(types, &tag.signature().ty().params));
        let number = self.free.pop().unwrap_or(self.entries.len() as u32 + 1);
        tag.set_number(number);
        let entry = Some(Entry { tag, layout, met: true });
        match self.entries.get_mut(number as usize - 1) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        Ok(())
    }

    /// The layout of exceptions of a tag.
    pub(super) fn layout(&self, number: u32) -> Option<&Rc<Layout>> {
        Some(&self.entry(number)?.layout)
    }

    pub(super) fn tag(&self, number: u32) -> Option<&Strong<TagInst>> {
        Some(&self.entry(number)?.tag)
    }

    pub(super) fn begin_marking(&mut self) {
        for entry in self.entries.iter_mut().flatten() {
            entry.met = false;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.len() == self.free.len()
    }

    /// Marks a number; whether it was not marked before.
    pub(super) fn mark(&mut self, number: u32) -> bool {
        let index = number.wrapping_sub(1) as usize;
        match self.entries.get_mut(index) {
            Some(Some(entry)) => !std::mem::replace(&mut entry.met, true),
            _ => false,
        }
    }

    /// Visits the tags.
    pub(super) fn for_each_tag(&self, visit: &mut dyn FnMut(NonNull<Header>)) {
        for entry in self.entries.iter().flatten() {
            visit(header_of(entry.tag.as_ptr()));
        }
    }

    /// The numbers that are not marked.
    pub(super) fn unmarked(&self) -> impl Iterator<Item = u32> {
        let unmarked = |(index, entry): (usize, &Option<Entry>)| {
            entry.as_ref().is_some_and(|entry| !entry.met).then_some(index as u32 + 1)
        };
        self.entries.iter().enumerate().filter_map(unmarked)
    }

    /// Frees the numbers of tags that no exception was met of; the handles are the caller's to let go.
    pub(super) fn sweep(&mut self) -> Vec<Strong<TagInst>> {
        let numbers: Vec<u32> = self.unmarked().collect();
        numbers.into_iter().filter_map(|number| self.take(number)).collect()
    }

    /// Frees the number of a tag; the handle is the caller's to let go.
    pub(super) fn take(&mut self, number: u32) -> Option<Strong<TagInst>> {
        let entry = self.entries.get_mut(number.checked_sub(1)? as usize)?.take()?;
        entry.tag.set_number(0);
        self.free.push(number);
        Some(entry.tag)
    }
}

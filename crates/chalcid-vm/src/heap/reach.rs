//! Walking the heap from some objects, without freeing anything: what the search for cycles needs (`lifetimes`).
//!
//! A walk marks objects as a collection does, but not their lines: allocation goes on where it was. Whatever lives is met by every walk, from
//! outside or from somebody's slots; so it keeps the epoch of the last one, as the collector expects.
//!
//! What the heap holds of the world outside of it are its *leaves*.

use std::ptr::NonNull;

use super::mark::Marker;
use super::{Heap, drop_values};
use crate::agent::Agent;
use crate::entity::{Header, RawEdge, header_of};
use crate::traps;

/// What the heap holds of the outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leaf {
    /// A box, by the reference to it: a value of the host.
    Box(u32),
    /// The number of a function: a handle to the function's owner.
    Function(u32),
    /// The number of a tag: a handle to it.
    Tag(u32),
}

impl Heap {
    /// Whether the heap holds handles to entities.
    pub(crate) fn holds_entities(&self) -> bool {
        let none = self.funcs.borrow().is_empty() && self.tags.borrow().is_empty();
        !none && !self.collecting.get()
    }

    /// Whether there is anything to walk.
    pub(crate) fn can_be_walked(&self) -> bool {
        self.has_objects.get() && !self.collecting.get()
    }

    /// Visits the owners of the functions that have a number, once for each.
    pub(crate) fn for_each_owner(&self, visit: &mut dyn FnMut(NonNull<Header>)) {
        self.funcs.borrow().for_each_owner(visit);
    }

    /// Visits the tags that have a number.
    pub(crate) fn for_each_tag(&self, visit: &mut dyn FnMut(NonNull<Header>)) {
        self.tags.borrow().for_each_tag(visit);
    }

    /// Visits the objects and boxes that are held by what is no entity: by frames, scopes and handles; and, if so asked, by host objects.
    pub(crate) fn for_each_outside(&self, agent: &Agent, host_objects: bool, visit: &mut dyn FnMut(u32)) {
        traps::roots::for_each_reference(agent, visit);
        self.roots.for_each_scoped(visit);
        self.roots.for_each_handle(host_objects, visit);
    }

    /// Visits the objects that host objects hold.
    pub(crate) fn for_each_asked(&self, visit: &mut dyn FnMut(u32)) {
        self.roots.for_each_asked(visit);
    }

    /// The leaves that this walk has not met; functions only if so asked.
    pub(crate) fn unmet_leaves(&self, functions: bool) -> Vec<Leaf> {
        let mut leaves: Vec<_> = self.boxes.borrow().unmarked().map(Leaf::Box).collect();
        leaves.extend(self.tags.borrow().unmarked().map(Leaf::Tag));
        if functions {
            leaves.extend(self.funcs.borrow().unmarked().map(Leaf::Function));
        }
        leaves
    }

    /// Forgets what earlier walks have met.
    pub(crate) fn begin_walk(&self) {
        self.next_epoch();
        self.boxes.borrow_mut().begin_marking();
        self.funcs.borrow_mut().begin_marking();
        self.tags.borrow_mut().begin_marking();
    }

    /// Meets what some objects and boxes reach; returns the leaves among it that were not met yet.
    pub(crate) fn walk(&self, agent: &Agent, from: &[u32]) -> Vec<Leaf> {
        let mut space = self.space.borrow_mut();
        let mut marker = Marker {
            types: agent.types(),
            space: space.as_mut(),
            boxes: &mut self.boxes.borrow_mut(),
            funcs: &mut self.funcs.borrow_mut(),
            tags: &mut self.tags.borrow_mut(),
            layouts: &mut self.layouts.borrow_mut(),
            epoch: self.epoch.get(),
            grey: 0,
            last: None,
            leaves: Some(Vec::new()),
        };
        for reference in from {
            marker.reference(*reference);
        }
        marker.drain();
        marker.leaves.take().unwrap_or_default()
    }

    /// What a leaf holds.
    pub(crate) fn held_by(&self, leaf: Leaf) -> Option<RawEdge> {
        Some(match leaf {
            Leaf::Box(reference) => RawEdge::Value(self.boxes.borrow().get(reference)?),
            Leaf::Function(number) => RawEdge::Entity(self.funcs.borrow().owner(number)?),
            Leaf::Tag(number) => RawEdge::Entity(header_of(self.tags.borrow().tag(number)?.as_ptr())),
        })
    }

    /// Frees leaves that nothing can reach any more.
    pub(crate) fn free_leaves(&self, agent: &Agent, leaves: &[Leaf]) {
        let (mut values, mut owners, mut tags) = (Vec::new(), Vec::new(), Vec::new());
        for leaf in leaves {
            match *leaf {
                Leaf::Box(reference) => values.extend(self.boxes.borrow_mut().take(reference)),
                Leaf::Function(number) => owners.extend(self.funcs.borrow_mut().take(number)),
                Leaf::Tag(number) => tags.extend(self.tags.borrow_mut().take(number)),
            }
        }
        // Dropping them may call the host: nothing is borrowed any more.
        drop_values(agent, values);
        drop(owners);
        drop(tags);
    }
}

//! The heap's part in finding entities that only reach each other, see `lifetimes`.
//!
//! ```text
//!   entity ──slot──► object ──► object ──number──► function table ──handle──► entity
//! ```
//!
//! The heap holds a handle for every function and tag that objects refer to. It passes on what reaches it: an entity whose slots hold an object
//! holds, in the end, the owners of all functions that the object reaches.
//!
//! While a scope is open, a function may be on the stack that was read from an object which is gone by now: then nothing is looked for, and what the
//! heap holds counts as held from outside.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::ptr::NonNull;

use super::Heap;
use super::roots::Holder;
use crate::agent::Agent;
use crate::entity::{Header, header_of};
use crate::owners::AddressHasher;

/// What an object was found to hold.
#[derive(Clone, Copy)]
pub(super) enum Found {
    Function(u32),
    Tag(u32),
}

/// One search.
pub(crate) struct Search<'a> {
    agent: &'a Agent,
    holders: HashMap<usize, Holder, BuildHasherDefault<AddressHasher>>,
}

impl Heap {
    /// Begins to look through the heap, where that can show anything. It has to be collected afterwards.
    pub(crate) fn search<'a>(&self, agent: &'a Agent) -> Option<Search<'a>> {
        let holds_entities = !self.funcs.borrow().is_empty() || !self.tags.borrow().is_empty();
        if agent.has_scope() || !holds_entities || self.collecting.get() {
            return None;
        }
        self.begin_marking(agent);
        let mut holders = HashMap::default();
        self.roots.for_each_holder(&mut |holder| {
            let header = match holder {
                Holder::Table(table) => header_of(table),
                Holder::Global(global) => header_of(global),
                Holder::Instance(instance) => header_of(instance),
            };
            holders.insert(header.as_ptr() as usize, holder);
        });
        Some(Search { agent, holders })
    }
}

impl Search<'_> {
    fn heap(&self) -> &Heap {
        &self.agent.inner().heap
    }

    /// Visits the entities that the heap has handles to, once for each.
    pub(crate) fn for_each_handle(&self, visit: &mut dyn FnMut(NonNull<Header>)) {
        self.heap().funcs.borrow().for_each_owner(visit);
        self.heap().tags.borrow().for_each_tag(visit);
    }

    /// Visits what is reached from outside: from handles, and from entities that are not looked at.
    pub(crate) fn reached_from_outside(
        &self,
        looked_at: impl Fn(NonNull<Header>) -> bool,
        visit: &mut dyn FnMut(NonNull<Header>),
    ) {
        let mut roots = Vec::new();
        self.heap().roots.for_each_handle(&mut |reference| roots.push(reference));
        for (header, holder) in &self.holders {
            let header = NonNull::new(*header as *mut Header);
            if header.is_none_or(|header| !looked_at(header)) {
                holder.for_each_object(&mut |reference| roots.push(reference));
            }
        }
        self.reach(&roots, visit);
    }

    /// Visits what the slots of an entity reach, and nothing reached before.
    pub(crate) fn reached_from_entity(&self, entity: NonNull<Header>, visit: &mut dyn FnMut(NonNull<Header>)) {
        if let Some(holder) = self.holders.get(&(entity.as_ptr() as usize)) {
            let mut roots = Vec::new();
            holder.for_each_object(&mut |reference| roots.push(reference));
            self.reach(&roots, visit);
        }
    }

    fn reach(&self, roots: &[u32], visit: &mut dyn FnMut(NonNull<Header>)) {
        let found = self.heap().mark_from(self.agent, roots);
        for found in found {
            let header = match found {
                Found::Function(number) => self.heap().funcs.borrow().owner(number),
                Found::Tag(number) => self.heap().tags.borrow().tag(number).map(|tag| header_of(tag.as_ptr())),
            };
            header.into_iter().for_each(&mut *visit);
        }
    }
}

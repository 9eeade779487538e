//! The entities of an agent, and finding those that only reach each other.
//!
//! Where a host looks after entities, its collector finds cycles through their keepers. Entities without a keeper are looked after here, by
//! trial deletion: what every handle that lies inside an entity accounts for is taken from the handle counts; an entity with handles left over is held
//! from outside, and so is everything it reaches; the rest is cleared. Objects of the heap pass on what reaches them, where no code is running.

use std::cell::Cell;
use std::ptr::NonNull;

use crate::agent::Agent;
use crate::entity::{AnyStrong, Header, RawEdge, Tracer};

/// A list of all entity boxes, linked through their headers.
pub(crate) struct EntityList {
    first: Cell<*const Header>,
    len: Cell<usize>,
    /// Number of entities at which the next collection is due.
    due: Cell<usize>,
}

/// No collection below this many entities.
const SMALLEST_DUE: usize = 4096;

impl Default for EntityList {
    fn default() -> Self {
        Self { first: Cell::new(std::ptr::null()), len: Cell::new(0), due: Cell::new(SMALLEST_DUE) }
    }
}

impl EntityList {
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    pub(crate) fn is_due(&self) -> bool {
        self.len.get() >= self.due.get()
    }

    fn set_due(&self) {
        self.due.set(self.len.get().saturating_mul(2).max(SMALLEST_DUE));
    }

    pub(crate) fn link(&self, header: NonNull<Header>) {
        let first = self.first.get();
        // SAFETY: the new header and the first of the list are alive; their links are cells.
        unsafe {
            header.as_ref().next.set(first);
            header.as_ref().prev.set(std::ptr::null());
            if let Some(first) = first.as_ref() {
                first.prev.set(header.as_ptr());
            }
        }
        self.first.set(header.as_ptr());
        self.len.set(self.len.get() + 1);
    }

    pub(crate) fn unlink(&self, header: NonNull<Header>) {
        // SAFETY: the header is in the list, and so are its neighbours, alive.
        unsafe {
            let (prev, next) = (header.as_ref().prev.get(), header.as_ref().next.get());
            match prev.as_ref() {
                Some(prev) => prev.next.set(next),
                None => self.first.set(next),
            }
            if let Some(next) = next.as_ref() {
                next.prev.set(prev);
            }
        }
        self.len.set(self.len.get() - 1);
    }

    fn for_each(&self, mut visit: impl FnMut(NonNull<Header>)) {
        let mut current = self.first.get();
        while let Some(header) = NonNull::new(current.cast_mut()) {
            // SAFETY: the header is in the list, so it is alive.
            current = unsafe { header.as_ref() }.next.get();
            visit(header);
        }
    }
}

/// Marks an entity that is held from outside.
const REACHED: usize = usize::MAX;

/// Clears entities without keeper that are only held by each other; returns how many.
pub(crate) fn collect_cycles(agent: &Agent) -> usize {
    let list = &agent.inner().entities;
    // SAFETY: headers come from the list or from handles, and nothing is freed before the last step.
    let header = |entity: NonNull<Header>| unsafe { entity.as_ref() };

    list.for_each(|entity| header(entity).scratch.set(header(entity).handles()));
    list.for_each(|entity| {
        if header(entity).is_free_standing() {
            edges(entity, &mut |target| {
                let scratch = &header(target).scratch;
                scratch.set(scratch.get().saturating_sub(1));
            });
        }
    });
    let search = agent.inner().heap.search(agent);
    if let Some(search) = &search {
        search.for_each_handle(&mut |target| {
            let scratch = &header(target).scratch;
            scratch.set(scratch.get().saturating_sub(1));
        });
    }

    let mut reached = Vec::new();
    list.for_each(|entity| {
        if header(entity).is_free_standing() && header(entity).scratch.get() > 0 {
            header(entity).scratch.set(REACHED);
            reached.push(entity);
        }
    });
    let reach = |target: NonNull<Header>, reached: &mut Vec<NonNull<Header>>| {
        let target_header = header(target);
        if target_header.is_free_standing() && target_header.scratch.get() != REACHED {
            target_header.scratch.set(REACHED);
            reached.push(target);
        }
    };
    if let Some(search) = &search {
        let looked_at = |holder| header(holder).is_free_standing();
        search.reached_from_outside(looked_at, &mut |target| reach(target, &mut reached));
    }
    while let Some(entity) = reached.pop() {
        edges(entity, &mut |target| reach(target, &mut reached));
        if let Some(search) = &search {
            search.reached_from_entity(entity, &mut |target| reach(target, &mut reached));
        }
    }

    let mut garbage = Vec::new();
    list.for_each(|entity| {
        if header(entity).is_free_standing() && header(entity).scratch.get() != REACHED {
            garbage.push(AnyStrong::new(entity));
        }
    });
    for entity in &garbage {
        Header::kill(entity.header());
    }
    let cleared = garbage.len();
    drop(garbage);
    if search.is_some() {
        agent.collect_garbage();
        // Nothing new can have come of it.
        agent.inner().heap.take_cycles_due();
    }
    list.set_due();
    cleared
}

/// Visits the entities of the same agent that an entity holds handles to.
fn edges(entity: NonNull<Header>, visit: &mut dyn FnMut(NonNull<Header>)) {
    // SAFETY: the entity is alive.
    let agent = unsafe { entity.as_ref() }.agent().clone();
    Header::trace(
        entity,
        &mut Tracer::new(&mut |edge| {
            if let RawEdge::Entity(target) = edge
                // SAFETY: the edge is a handle, which keeps the target.
                && unsafe { target.as_ref() }.agent().same(&agent)
            {
                visit(target);
            }
        }),
    );
}

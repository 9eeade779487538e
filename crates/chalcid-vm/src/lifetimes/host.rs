//! What the collector of a host is told about the part of the graph that it cannot see.
//!
//! # Phases
//! A collector that counts makes up its mind in [`Phase`]s, and asks every host object of ours in each of them for what it holds:
//!
//! | phase | who is asked | what a report means |
//! |---|---|---|
//! | `Count` | every object | a count that comes from inside, to be taken away |
//! | `Live` | objects that were found to live | what is reported lives, too |
//! | `Dead` | the other objects | the count is put back, and the object is about to be finalised |
//!
//! What lies between ([`graph`](super::graph)) belongs to nobody: many keepers may reach it. Each edge in it that leads out, a value in a box or
//! a handle, is reported by the first object that reaches it *in this phase*. That is once in `Count`; and once in `Live` or `Dead` together, in `Live`
//! exactly if something that lives reaches it. So the host finds, for every count, the truth: no edge is joined with another one's fate.
//! Each of the two rounds walks the heap once.
//!
//! What is held from outside besides (by frames, scopes, handles of the embedder) is walked first, silently. Its edges are not reported, so that their counts stay,
//! and what they lead to lives.
//!
//! Both rounds report the same edges, since nothing runs between them, and since an object is asked in both or in none. That is why a
//! host object counts as asked only from when it was made: for entities from when they are `Kept`, for objects of the heap
//! by [`ObjectBody`](crate::heap::ObjectBody).
//!
//! # Finalising
//! What only dead objects reach is freed in the same collection, before any of them is finalised ([`Agent::host_finalizes`]): the host takes
//! values apart that the heap still holds, so it must let go of them now. The memory of objects is the next heap collection's to free: nothing reaches them.
//!
//! # What nothing reaches
//! An object of the heap that nothing reaches holds on to what its boxes hold until the heap is collected; and what these values keep of the heap, until it is
//! collected once more. A host whose collector puts counts back in a `Dead` phase can have all of it go at once: it makes an object that nothing
//! reaches, for every collection a new one, and has it ask for the rest ([`Agent::trace_unreached`]). It takes one walk more.
//!
//! # Cost
//! Nothing is accounted for, and no heap is walked, while there are no objects of the heap and no entities that several handles share and no
//! keeper has. Then an entity with one handle is part of what holds it, which one look shows.
//!
//! Otherwise every collection of the host walks the whole heap, two or three times, so the host has to collect as seldom as the heap is large:
//! when both heaps together have grown by a part of what they hold, as it would if the objects were its own. [`Agent::heap_size`] says how
//! large the heap is.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;

use crate::agent::Agent;
use crate::entity::{AnyStrong, Edge, Header, RawEdge, Tracer};
use crate::heap::Leaf;

use super::graph::{self, Depth, Frontier, Met, OUTSIDE, account, spread};

/// What the collector of a host is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It asks every object, to find the counts that come from elsewhere.
    Count,
    /// It asks the objects that live. One that lives is never asked after one that does not.
    Live,
    /// It asks the others, which it is going to finalise.
    Dead,
}

/// The marks of the walk for what nothing reaches, and of the two rounds.
const REACHED: usize = 1;
const COUNTED: usize = 2;
const RESTORED: usize = 3;

/// The collection of the host that is under way, as far as it asks.
#[derive(Default)]
pub(crate) struct HostCollection {
    phase: Cell<Option<Phase>>,
    /// How far the collection looks into the heap; `None` when it does not look inside at all.
    depth: Cell<Option<Depth>>,
    /// What only dead objects reach.
    dead: RefCell<Vec<Inside>>,
    has_dead: Cell<bool>,
    /// Whether the host has an object that asks for what nothing reaches.
    seeks_unreached: Cell<bool>,
    unreached: RefCell<Unreached>,
    /// Whether something that died in the last collection may have held objects of the heap, or was held by some.
    has_freed: Cell<bool>,
}

/// What nothing reaches.
#[derive(Default)]
struct Unreached {
    edges: Vec<Edge>,
    inside: Vec<Inside>,
    /// Whether somebody has asked for it in this collection, and so will once more.
    counted: bool,
}

enum Inside {
    Entity(NonNull<Header>),
    Leaf(Leaf),
}

impl Agent {
    /// Hears what the host's collector is about to ask for. To be called before a host object reports what it holds, each time; nothing of
    /// the engine may be called between the phases, but from finalisers.
    ///
    /// A host that never calls it is told of no cycles through the heap.
    #[inline]
    pub fn host_collection(&self, phase: Phase) {
        if self.inner().host_collection.phase.get() != Some(phase) {
            self.enter_phase(phase);
        }
    }

    #[cold]
    fn enter_phase(&self, phase: Phase) {
        let collection = &self.inner().host_collection;
        match (collection.phase.replace(Some(phase)), phase) {
            (_, Phase::Count) => self.begin_count(),
            (Some(Phase::Count), Phase::Live | Phase::Dead) => self.begin_restoring(),
            (_, Phase::Live | Phase::Dead) => {}
        }
    }

    /// Whether the last collection of the host found something dead in the engine's heap or on its border: then a collection of the heap itself has more
    /// to free. Asked once for each.
    pub fn take_host_freed(&self) -> bool {
        self.inner().host_collection.has_freed.take()
    }

    /// Ends what [`Agent::host_collection`] began: to be called when the host stops calling it.
    pub fn end_host_collections(&self) {
        let collection = &self.inner().host_collection;
        collection.phase.set(None);
        collection.depth.set(None);
    }

    fn begin_count(&self) {
        let collection = &self.inner().host_collection;
        let depth = match (self.inner().heap.can_be_walked(), self.has_scope()) {
            (true, false) => Some(Depth::Whole),
            (true, true) => Some(Depth::Values),
            (false, _) => self.inner().entities.has_shared().then_some(Depth::Entities),
        };
        collection.depth.set(depth);
        collection.unreached.take();
        let Some(depth) = depth else { return };
        let mut outside = account(self, depth, true);
        if collection.seeks_unreached.get() && depth != Depth::Entities {
            self.walk_outside(depth, outside);
            self.find_unreached(depth);
            outside = graph::outside(self);
        }
        self.walk_outside(depth, outside);
    }

    /// Finds what nothing reaches: neither what is outside, which was walked, nor anything that will be asked.
    fn find_unreached(&self, depth: Depth) {
        let heap = &self.inner().heap;
        let mut from = Frontier::default();
        heap.for_each_asked(&mut |object| from.objects.push(object));
        from.entities.extend(graph::kept(self));
        spread(self, depth, REACHED, from, &mut |_| {});

        let Unreached { mut edges, mut inside, .. } = Unreached::default();
        let from = Frontier { entities: graph::unmet(self, REACHED), objects: Vec::new() };
        inside.extend(from.entities.iter().map(|entity| Inside::Entity(*entity)));
        spread(self, depth, REACHED, from, &mut |met| match met {
            Met::Edge(edge) => edges.push(edge),
            Met::Entity(entity) => inside.push(Inside::Entity(entity)),
            Met::Leaf(leaf) => inside.push(Inside::Leaf(leaf)),
        });
        for leaf in heap.unmet_leaves(depth == Depth::Whole) {
            inside.push(Inside::Leaf(leaf));
            match heap.held_by(leaf) {
                Some(RawEdge::Value(value)) => edges.push(Edge::Value(value)),
                // Entities without keeper were all met by now.
                Some(RawEdge::Entity(entity)) => edges.extend(graph::keeper(entity).map(Edge::Object)),
                Some(RawEdge::Object(_)) | None => {}
            }
        }
        self.inner().host_collection.unreached.replace(Unreached { edges, inside, counted: false });
    }

    /// Says whether the host has an object, for its next collection, that nothing reaches and that calls [`Agent::trace_unreached`].
    pub fn seek_unreached(&self, seeks: bool) {
        self.inner().host_collection.seeks_unreached.set(seeks);
    }

    /// Reports what nothing reaches, for a host object that nothing reaches either. As for all host objects, the phase is told before.
    pub fn trace_unreached(&self, visit: &mut dyn FnMut(Edge)) {
        let collection = &self.inner().host_collection;
        let mut unreached = collection.unreached.borrow_mut();
        match collection.phase.get() {
            Some(Phase::Count) => unreached.counted = true,
            Some(Phase::Live | Phase::Dead) if unreached.counted => {}
            _ => return,
        }
        for edge in &unreached.edges {
            visit(*edge);
        }
        if unreached.counted && collection.phase.get() == Some(Phase::Dead) {
            collection.dead.borrow_mut().append(&mut unreached.inside);
            collection.has_dead.set(true);
            *unreached = Unreached::default();
        }
    }

    fn begin_restoring(&self) {
        if let Some(depth) = self.inner().host_collection.depth.get() {
            // Entities are still known to be outside; objects are marked anew.
            self.walk_outside(depth, if depth == Depth::Entities { Vec::new() } else { graph::outside(self) });
        }
    }

    fn walk_outside(&self, depth: Depth, entities: Vec<NonNull<Header>>) {
        let heap = &self.inner().heap;
        let mut from = Frontier { entities, objects: Vec::new() };
        if depth != Depth::Entities {
            heap.begin_walk();
            heap.for_each_outside(self, false, &mut |object| from.objects.push(object));
        }
        spread(self, depth, OUTSIDE, from, &mut |_| {});
    }

    /// Lets go of what the host's collector has found to be reached by dead objects only. To be called before the first of them is finalised; calls
    /// more are harmless.
    #[inline]
    pub fn host_finalizes(&self) {
        if self.inner().host_collection.has_dead.get() {
            self.free_dead();
        }
    }

    #[cold]
    fn free_dead(&self) {
        let collection = &self.inner().host_collection;
        collection.has_dead.set(false);
        let (mut entities, mut leaves) = (Vec::new(), Vec::new());
        for inside in collection.dead.take() {
            match inside {
                // A handle of its own: clearing one may drop the last handle to another.
                Inside::Entity(entity) => entities.push(AnyStrong::new(entity)),
                Inside::Leaf(leaf) => leaves.push(leaf),
            }
        }
        if !leaves.is_empty() || !entities.is_empty() {
            collection.has_freed.set(true);
        }
        for entity in &entities {
            Header::kill(entity.header());
        }
        self.inner().heap.free_leaves(self, &leaves);
    }
}

/// Reports what some entities, or an object of the heap, hold for the host.
fn report(agent: &Agent, depth: Depth, from: Frontier, visit: &mut dyn FnMut(Edge)) {
    let collection = &agent.inner().host_collection;
    let phase = collection.phase.get();
    let mark = if phase == Some(Phase::Count) { COUNTED } else { RESTORED };
    if phase == Some(Phase::Dead) && depth != Depth::Entities {
        // It may have held objects that hold nothing: no leaf tells of them.
        collection.has_freed.set(true);
    }
    let mut dead = collection.dead.borrow_mut();
    let mut died = |inside| {
        if phase == Some(Phase::Dead) {
            dead.push(inside);
            collection.has_dead.set(true);
        }
    };
    spread(agent, depth, mark, from, &mut |met| match met {
        Met::Edge(edge) => visit(edge),
        Met::Entity(entity) => died(Inside::Entity(entity)),
        Met::Leaf(leaf) => died(Inside::Leaf(leaf)),
    });
}

/// Reports what a handle to an object of the heap holds that a host object owns.
pub(crate) fn trace_object(agent: &Agent, object: u32, visit: &mut dyn FnMut(Edge)) {
    match agent.inner().host_collection.depth.get() {
        None | Some(Depth::Entities) => {}
        Some(depth) => report(agent, depth, Frontier { entities: Vec::new(), objects: vec![object] }, visit),
    }
}

/// Reports what an entity holds, and what lies inside behind it.
pub(crate) fn trace_parts(agent: &Agent, entity: NonNull<Header>, visit: &mut dyn FnMut(Edge)) {
    let mut parts = vec![entity];
    if let Some(depth) = agent.inner().host_collection.depth.get() {
        report(agent, depth, Frontier { entities: parts, objects: Vec::new() }, visit);
        return;
    }
    while let Some(part) = parts.pop() {
        let edge = &mut |edge| match edge {
            RawEdge::Value(value) => visit(Edge::Value(value)),
            RawEdge::Entity(target) => part_or_edge(target, &mut parts, visit),
            RawEdge::Object(_) => {}
        };
        Header::trace(part, &mut Tracer::new(edge));
    }
}

/// Reports what a handle holds that a host object owns.
pub(crate) fn trace_handle(agent: &Agent, target: NonNull<Header>, visit: &mut dyn FnMut(Edge)) {
    let mut parts = Vec::new();
    part_or_edge(target, &mut parts, visit);
    if let Some(part) = parts.pop() {
        // The account does not know of this handle, so during a collection that keeps one the entity is outside.
        if agent.inner().host_collection.depth.get().is_none() {
            trace_parts(agent, part, visit);
        }
    }
}

/// Reports what one handle stands for: a count of the keeper, or, where nobody else has a handle, what the entity itself holds.
fn part_or_edge(target: NonNull<Header>, parts: &mut Vec<NonNull<Header>>, visit: &mut dyn FnMut(Edge)) {
    // SAFETY: the edge is a handle, which keeps the box alive.
    let header = unsafe { target.as_ref() };
    let keeper: Option<NonNull<c_void>> = header.keeper();
    match keeper {
        Some(keeper) => visit(Edge::Object(keeper)),
        None if header.is_free_standing() && header.handles() == 1 => parts.push(target),
        None => {}
    }
}

//! The part of an agent's graph that no host counts.
//!
//! ```text
//!  counted by the host    keeper ◄─handle─┐    value ◄──────┐           ▲ keeper
//!                           │             │                 │           │
//!  inside                 entity ──► entity without ──► object ──► box, function, tag
//!                                       keeper            │  ▲
//!                                                         └──┘
//! ```
//!
//! Inside lie entities without keeper, the objects of the heap, and the *leaves* of the heap, by which it holds what lies outside of it: boxes own
//! a value of the host, the numbers of functions and tags a handle.
//!
//! Every walk begins with an *account* ([`account`]): an entity without keeper that has more handles than the inside knows of is held from
//! outside: by a frame, a scope, the embedder. What such an entity reaches, and what frames, scopes and handles to objects reach, is *outside*
//! for this walk: it is known to live. The rest is met by [`spread`], from where the caller says, everything once for each *mark*.
//!
//! While a scope is open, functions are plain pointers in frames, which may have been read from an object that is gone by now. So the handles of
//! functions' numbers then count as held from outside ([`Depth::Values`]). References to objects and boxes are precise at any time.

use std::ffi::c_void;
use std::ptr::NonNull;

use crate::agent::Agent;
use crate::entity::{Edge, Header, RawEdge, Tracer};
use crate::heap::Leaf;

/// How far into the heap a walk looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Depth {
    /// Not at all: all that the heap holds is held from outside.
    Entities,
    /// At all but the handles of functions.
    Values,
    /// At everything.
    Whole,
}

/// An entity was not met yet.
const UNMET: usize = 0;
/// The largest mark: an entity is known to be held from outside.
pub(super) const OUTSIDE: usize = usize::MAX;

/// What a walk comes by, once.
pub(super) enum Met {
    /// A count that the inside holds.
    Edge(Edge),
    /// An entity without keeper.
    Entity(NonNull<Header>),
    /// A leaf of the heap. What it holds follows.
    Leaf(Leaf),
}

/// A header of the agent's list, or that a handle leads to.
fn header<'a>(entity: NonNull<Header>) -> &'a Header {
    // SAFETY: entities are met through the list and through handles, which keep their boxes, and nothing is freed during a walk.
    unsafe { entity.as_ref() }
}

/// Compares the handles of every entity without keeper with those that the inside knows of; returns those that have more. `kept` says whether
/// entities with a keeper count as inside: when somebody asks them all what they hold.
pub(super) fn account(agent: &Agent, depth: Depth, kept: bool) -> Vec<NonNull<Header>> {
    let inner = agent.inner();
    let subtract = |target: NonNull<Header>| {
        let scratch = &header(target).scratch;
        scratch.set(scratch.get().saturating_sub(1));
    };
    for entity in inner.entities.iter() {
        header(entity).scratch.set(header(entity).handles());
    }
    for entity in inner.entities.iter() {
        if header(entity).is_free_standing() || (kept && header(entity).keeper().is_some()) {
            let edge = &mut |edge| match edge {
                RawEdge::Entity(target) if header(target).agent().same(agent) => subtract(target),
                _ => {}
            };
            Header::trace(entity, &mut Tracer::new(edge));
        }
    }
    if depth != Depth::Entities {
        inner.heap.for_each_tag(&mut |tag| subtract(tag));
    }
    if depth == Depth::Whole {
        inner.heap.for_each_owner(&mut |owner| subtract(owner));
    }
    let mut outside = Vec::new();
    for entity in inner.entities.iter().filter(|entity| header(*entity).is_free_standing()) {
        let known = header(entity).scratch.get() == 0;
        header(entity).scratch.set(if known { UNMET } else { OUTSIDE });
        if !known {
            outside.push(entity);
        }
    }
    outside
}

/// The entities without keeper that were found to be held from outside.
pub(super) fn outside(agent: &Agent) -> Vec<NonNull<Header>> {
    agent.inner().entities.iter().filter(|entity| is_outside(*entity)).collect()
}

/// The entities with a keeper.
pub(super) fn kept(agent: &Agent) -> impl Iterator<Item = NonNull<Header>> {
    agent.inner().entities.iter().filter(|entity| keeper(*entity).is_some())
}

/// The keeper of an entity.
pub(super) fn keeper(entity: NonNull<Header>) -> Option<NonNull<c_void>> {
    header(entity).keeper()
}

/// Marks all entities without keeper that were not met yet, and returns them.
pub(super) fn unmet(agent: &Agent, mark: usize) -> Vec<NonNull<Header>> {
    let is_unmet = |entity: &NonNull<Header>| {
        let unmet = header(*entity).is_free_standing() && header(*entity).scratch.get() == UNMET;
        if unmet {
            header(*entity).scratch.set(mark);
        }
        unmet
    };
    agent.inner().entities.iter().filter(is_unmet).collect()
}

pub(super) fn is_outside(entity: NonNull<Header>) -> bool {
    header(entity).is_free_standing() && header(entity).scratch.get() == OUTSIDE
}

/// Where a walk goes on.
#[derive(Default)]
pub(super) struct Frontier {
    /// Entities whose edges are to be followed.
    pub(super) entities: Vec<NonNull<Header>>,
    /// Objects that are to be marked.
    pub(super) objects: Vec<u32>,
}

/// Follows all edges from some entities and objects as far as the inside goes, and visits what it comes by for the first time with this mark.
/// Objects are remembered by the heap: [`Heap::begin_walk`](crate::heap::Heap::begin_walk) makes it forget.
pub(super) fn spread(agent: &Agent, depth: Depth, mark: usize, mut from: Frontier, visit: &mut dyn FnMut(Met)) {
    let heap = &agent.inner().heap;
    loop {
        if let Some(entity) = from.entities.pop() {
            let Frontier { entities, objects } = &mut from;
            let edge = &mut |edge| match edge {
                RawEdge::Value(value) => visit(Met::Edge(Edge::Value(value))),
                RawEdge::Entity(target) => follow(agent, target, mark, entities, visit),
                RawEdge::Object(object) if depth != Depth::Entities => objects.push(object),
                RawEdge::Object(_) => {}
            };
            Header::trace(entity, &mut Tracer::new(edge));
        } else if !from.objects.is_empty() {
            for leaf in heap.walk(agent, &std::mem::take(&mut from.objects)) {
                if matches!(leaf, Leaf::Function(_)) && depth != Depth::Whole {
                    continue;
                }
                visit(Met::Leaf(leaf));
                match heap.held_by(leaf) {
                    Some(RawEdge::Value(value)) => visit(Met::Edge(Edge::Value(value))),
                    Some(RawEdge::Entity(target)) => follow(agent, target, mark, &mut from.entities, visit),
                    Some(RawEdge::Object(_)) | None => {}
                }
            }
        } else {
            return;
        }
    }
}

/// Follows a handle.
fn follow(
    agent: &Agent,
    target: NonNull<Header>,
    mark: usize,
    entities: &mut Vec<NonNull<Header>>,
    visit: &mut dyn FnMut(Met),
) {
    let target_header = header(target);
    if let Some(keeper) = target_header.keeper() {
        visit(Met::Edge(Edge::Object(keeper)));
    } else if target_header.is_free_standing()
        && target_header.agent().same(agent)
        && target_header.scratch.get() < mark
    {
        target_header.scratch.set(mark);
        visit(Met::Entity(target));
        entities.push(target);
    }
}

//! Finding entities without keeper that only reach each other, by trial deletion: what is not held from outside, and not reached from there, is
//! cleared. Entities with a keeper count as held, with all that they reach: their host decides.

use crate::agent::Agent;
use crate::entity::{AnyStrong, Header, RawEdge, Tracer};

use super::graph::{Depth, Frontier, OUTSIDE, account, is_outside, kept, spread};

/// Clears entities without keeper that are only held by each other; returns how many.
pub(crate) fn collect_cycles(agent: &Agent) -> usize {
    let (list, heap) = (&agent.inner().entities, &agent.inner().heap);
    // While a scope is open, what the heap holds counts as held from outside.
    let depth = if agent.has_scope() || !heap.holds_entities() { Depth::Entities } else { Depth::Whole };
    let mut from = Frontier { entities: account(agent, depth, false), objects: Vec::new() };
    if depth == Depth::Whole {
        heap.begin_walk();
        heap.for_each_outside(agent, true, &mut |object| from.objects.push(object));
        for entity in kept(agent) {
            let edge = &mut |edge| {
                if let RawEdge::Object(object) = edge {
                    from.objects.push(object);
                }
            };
            Header::trace(entity, &mut Tracer::new(edge));
        }
    }
    spread(agent, depth, OUTSIDE, from, &mut |_| {});

    // SAFETY: the entity is in the list, so it is alive.
    let is_free_standing = |entity: &std::ptr::NonNull<Header>| unsafe { entity.as_ref() }.is_free_standing();
    let garbage: Vec<AnyStrong> =
        list.iter().filter(|entity| is_free_standing(entity) && !is_outside(*entity)).map(AnyStrong::new).collect();
    for entity in &garbage {
        Header::kill(entity.header());
    }
    let cleared = garbage.len();
    drop(garbage);
    if depth == Depth::Whole {
        agent.collect_garbage();
        // Nothing new can have come of it.
        heap.take_cycles_due();
    }
    list.set_due();
    cleared
}

//! Telling QuickJS's collector about memory it cannot see.
//!
//! QuickJS collects cycles when its own heap has grown by half. A `Memory` is a few dozen bytes to it and may be megabytes to the
//! system, and reserves gigabytes of address space besides; and an instance that was used is always part of a cycle. So whenever an
//! object of the interface is made, the engine's footprint is looked at, and the collector is run when it has doubled since the
//! last time. What lives in the engine's heap is part of it: some of that may be held by cycles through both heaps, which only the two
//! collectors together find.

use std::cell::Cell;
use std::ptr::NonNull;

use chalcid::Agent;
use rquickjs::qjs;

/// What an entity takes of the system beside what memories hold, roughly.
const ENTITY_COST: usize = 1 << 10;
/// Below this the collector is never nudged.
const FLOOR: usize = 32 << 20;

/// The footprint at which the collector is run next.
pub(crate) struct Pressure(Cell<usize>);

impl Default for Pressure {
    fn default() -> Self {
        Self(Cell::new(FLOOR))
    }
}

impl Pressure {
    /// Runs the collector if the engine holds twice as much as when it last ran.
    #[inline]
    pub(crate) fn relieve(&self, rt: NonNull<qjs::JSRuntime>, agent: &Agent) {
        if footprint(agent) > self.0.get() {
            self.collect(rt, agent);
        }
    }

    /// Runs the collector.
    #[cold]
    pub(crate) fn collect(&self, rt: NonNull<qjs::JSRuntime>, agent: &Agent) {
        // SAFETY: the runtime is live, this is its thread, and everything that holds a value holds a count of it.
        unsafe { qjs::JS_RunGC(rt.as_ptr()) };
        agent.raw().collect_garbage();
        self.0.set(footprint(agent).saturating_mul(2).max(FLOOR));
    }
}

fn footprint(agent: &Agent) -> usize {
    let memories = agent.raw().footprint().saturating_add(agent.raw().live_heap_size() as usize);
    memories.saturating_add(agent.entities().saturating_mul(ENTITY_COST))
}

//! References at rest: what a table, a global or the embedder holds.

use crate::agent::Agent;
use crate::entity::Tracer;
use crate::func::FuncInst;
use crate::heap::ObjectRef;
use crate::value::{HostValue, RawHostValue};
use crate::zeroed::Zeroable;

/// A reference, held by the embedder.
#[derive(Clone, Debug)]
pub enum RefValue {
    /// A function, or null of the function hierarchy.
    Func(Option<FuncInst>),
    /// A value of the host, or null of another hierarchy.
    Host(Option<HostValue>),
    /// A 31-bit integer as wasm holds it: shifted left by one, lowest bit set.
    I31(u32),
    /// An object of the heap.
    Object(ObjectRef),
}

/// A reference of a hierarchy other than the functions', held by a table or global. Owns the host value in it; an object is kept by whoever holds the
/// slot being a [`Holder`](crate::heap::Holder).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct RefSlot {
    /// 1 for a host value, 0 for bits: null, a 31-bit integer, or an object.
    tag: u64,
    raw: RawHostValue,
}

// SAFETY: all zero bits are null.
unsafe impl Zeroable for RefSlot {}

const HOST: u64 = 1;

impl RefSlot {
    pub(crate) const NULL: Self = Self { tag: 0, raw: [0, 0] };

    pub(crate) fn host(value: HostValue) -> Self {
        Self { tag: HOST, raw: value.into_raw() }
    }

    /// Null, a 31-bit integer, or an object.
    pub(crate) fn bits(bits: u32) -> Self {
        Self { tag: 0, raw: [u64::from(bits), 0] }
    }

    /// The slot for a reference that is no function.
    pub(crate) fn from_value(value: &RefValue) -> Self {
        match value {
            RefValue::Host(Some(value)) => Self::host(value.clone()),
            RefValue::I31(bits) => Self::bits(*bits),
            RefValue::Object(object) => Self::bits(object.reference()),
            RefValue::Func(_) | RefValue::Host(None) => Self::NULL,
        }
    }

    /// A slot of its own for the same reference.
    pub(crate) fn duplicate(&self, agent: &Agent) -> Self {
        match self.tag {
            // SAFETY: the slot owns the value, so it is alive.
            HOST => Self { tag: HOST, raw: unsafe { agent.hooks().clone_value(self.raw) } },
            _ => *self,
        }
    }

    /// Gives up what the slot owns. It must not be used afterwards.
    pub(crate) fn release(self, agent: &Agent) {
        if self.tag == HOST {
            // SAFETY: the slot owned the value.
            unsafe { agent.hooks().drop_value(self.raw) }
        }
    }

    /// The reference for the embedder.
    pub(crate) fn to_value(self, agent: &Agent) -> RefValue {
        match self.tag {
            // SAFETY: the slot owns the value, so it is alive, and the hooks accept it.
            HOST => RefValue::Host(Some(unsafe { HostValue::from_raw(agent, agent.hooks().clone_value(self.raw)) })),
            _ => agent.inner().heap.value_of(agent, self.as_bits()),
        }
    }

    /// What is no host value, as wasm holds it; 0 for a host value.
    pub(crate) fn as_bits(&self) -> u32 {
        if self.tag == HOST { 0 } else { self.raw[0] as u32 }
    }

    pub(crate) fn as_host(&self) -> Option<RawHostValue> {
        (self.tag == HOST).then_some(self.raw)
    }

    pub(crate) fn trace(&self, tracer: &mut Tracer<'_>) {
        match self.tag {
            HOST => tracer.value(self.raw),
            _ => tracer.reference(self.as_bits()),
        }
    }
}

//! Tags.

use std::cell::Cell;
use std::sync::Arc;

use chalcid_module::index::DefTypeId;

use crate::agent::Agent;
use crate::entity::{Entity, Sealed, Strong, Tracer};
use crate::func::Signature;
use crate::vmcontext::VMTag;

/// A tag instance. Its identity is that of the entity.
pub struct TagInst {
    vm: VMTag,
    signature: Arc<Signature>,
}

impl TagInst {
    /// Makes a tag.
    pub fn new(agent: &Agent, signature: &Arc<Signature>) -> Strong<Self> {
        let vm = VMTag { type_id: signature.id().0, number: Cell::new(0) };
        Strong::new(agent, Self { vm, signature: Arc::clone(signature) })
    }

    /// The signature whose parameters an exception carries.
    pub fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    /// Engine-wide identity of its type.
    pub fn type_id(&self) -> DefTypeId {
        DefTypeId(self.vm.type_id)
    }

    /// The number by which exceptions name it; 0 as long as none does.
    pub(crate) fn number(&self) -> u32 {
        self.vm.number.get()
    }

    pub(crate) fn set_number(&self, number: u32) {
        self.vm.number.set(number);
    }

    pub(crate) fn vm_ptr(&self) -> *const VMTag {
        &raw const self.vm
    }
}

impl Sealed for TagInst {}

impl Entity for TagInst {
    fn trace(&self, _tracer: &mut Tracer<'_>) {}

    fn clear(&self, _agent: &Agent) {}
}

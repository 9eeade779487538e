//! Tags.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;

use chalcid_module::index::DefTypeId;
use chalcid_module::types::{AbsHeapType, FuncType, HeapType, RefType, ValType};

use crate::agent::Agent;
use crate::entity::{Entity, Sealed, Strong, Tracer};
use crate::func::{Signature, Trampolines};
use crate::heap::HeapFull;
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

impl Agent {
    /// The tag of values that the host throws ([`Failure::Value`](crate::Failure::Value)): exceptions of this tag carry one `externref`. There is one at a
    /// time, made when it is first asked for and gone when nothing can tell it from another.
    pub fn host_tag(&self) -> Result<Strong<TagInst>, HeapFull> {
        if let Some(tag) = self.inner().host_tag.get() {
            // SAFETY: it takes itself out before it goes.
            return Ok(unsafe { Strong::from_body_ptr(tag.as_ptr()) });
        }
        let externref = ValType::Ref(RefType { nullable: true, heap: HeapType::Abstract(AbsHeapType::Extern) });
        let ty = FuncType { params: [externref].into(), results: [].into() };
        let registered = self.types().register_func(ty.clone()).map_err(|_| HeapFull)?;
        let trampolines = Trampolines::new(&ty, self.types());
        let signature = Signature::new(registered.id(), ty, self.types(), &trampolines).map_err(|_| HeapFull)?;
        let tag = TagInst::new(self, &signature);
        self.inner().host_tag.set(NonNull::new(tag.as_ptr().cast_mut()));
        Ok(tag)
    }
}

impl Sealed for TagInst {}

impl Entity for TagInst {
    fn trace(&self, _tracer: &mut Tracer<'_>) {}

    fn clear(&self, agent: &Agent) {
        let host_tag = &agent.inner().host_tag;
        if host_tag.get().is_some_and(|tag| std::ptr::eq(tag.as_ptr(), self)) {
            host_tag.set(None);
        }
    }
}

//! Globals that live apart from an instance: imported, exported and host-made ones, and those of reference type.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use chalcid_module::index::DefTypeId;
use chalcid_module::layout::GLOBAL_ASK;
use chalcid_module::registry::TypeHandle;
use chalcid_module::types::{GlobalType, Hierarchy, ValType};

use crate::agent::Agent;
use crate::entity::{Entity, Sealed, Strong, Tracer};
use crate::func::{FuncInst, FuncOwner, hierarchy};
use crate::heap::Holder;
use crate::reference::{RefSlot, RefValue};
use crate::table::{registered, value_matches};
use crate::value::ValRaw;
use crate::vmcontext::{VMFuncRef, VMGlobal};

/// What a global holds.
#[derive(Clone, Debug)]
pub enum GlobalValue {
    /// A number or vector, in its lowest bytes.
    Number(ValRaw),
    /// A reference.
    Ref(RefValue),
}

/// The value is not of the global's type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the value is not of the global's type")]
pub struct GlobalTypeError;

/// A global instance.
pub struct GlobalInst {
    ty: GlobalType<DefTypeId>,
    vm: VMGlobal,
    content: Content,
    /// Keeps the identity of the content type its own.
    _registered: Option<TypeHandle>,
}

enum Content {
    /// In the `VMGlobal` alone.
    Number,
    /// A `VMFuncRef` pointer in the `VMGlobal`; what keeps it.
    Func(RefCell<Option<FuncOwner>>),
    /// Here; the `VMGlobal` repeats what code can read by itself.
    Ref(Cell<RefSlot>),
}

impl GlobalInst {
    /// Makes a global.
    pub fn new(agent: &Agent, ty: GlobalType<DefTypeId>, value: &GlobalValue) -> Result<Strong<Self>, GlobalTypeError> {
        let content = match &ty.content {
            ValType::Ref(ty) => match hierarchy(agent.types(), ty) {
                Hierarchy::Func => Content::Func(RefCell::new(None)),
                Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => Content::Ref(Cell::new(RefSlot::NULL)),
            },
            _ => Content::Number,
        };
        let _registered = match &ty.content {
            ValType::Ref(ty) => registered(agent, ty),
            _ => None,
        };
        let vm = VMGlobal { value: Cell::new(ValRaw::ZERO) };
        let global = Strong::new(agent, Self { ty, vm, content, _registered });
        if let Content::Ref(_) = global.content {
            agent.inner().heap.list(Holder::Global(global.as_ptr()));
        }
        global.set(value)?;
        Ok(global)
    }

    /// Its type.
    pub fn ty(&self) -> &GlobalType<DefTypeId> {
        &self.ty
    }

    pub(crate) fn vm_ptr(&self) -> *const VMGlobal {
        &raw const self.vm
    }

    /// Writes a function global.
    ///
    /// # Safety
    /// The function must be alive and of the global's type.
    pub(crate) unsafe fn set_func(&self, func: Option<NonNull<VMFuncRef>>) {
        let Content::Func(owner) = &self.content else { return };
        // SAFETY: the caller says that the function is alive.
        let after = func.map(|func| unsafe { FuncInst::from_vm(func) }.into_owner());
        self.vm.value.set(ValRaw::u64(func.map_or(0, |func| func.as_ptr() as u64)));
        let before = owner.replace(after);
        if let Some(before) = before {
            before.defer();
        }
    }

    /// A global of another hierarchy, as a slot of the caller's own.
    pub(crate) fn slot(&self, agent: &Agent) -> RefSlot {
        match &self.content {
            Content::Ref(slot) => slot.get().duplicate(agent),
            _ => RefSlot::NULL,
        }
    }

    /// Visits the object that the global refers to.
    pub(crate) fn for_each_object(&self, visit: &mut dyn FnMut(u32)) {
        if let Content::Ref(slot) = &self.content {
            visit(slot.get().as_bits());
        }
    }

    /// Writes a global of another hierarchy; takes what the slot owns.
    pub(crate) fn set_slot(&self, agent: &Agent, slot: RefSlot) {
        match &self.content {
            Content::Ref(content) => {
                self.vm.value.set(ValRaw::u64(repeated(&slot)));
                content.replace(slot).release(agent);
            }
            _ => slot.release(agent),
        }
    }
}

/// What code reads of a slot.
fn repeated(slot: &RefSlot) -> u64 {
    if slot.as_host().is_some() { GLOBAL_ASK } else { u64::from(slot.as_bits()) }
}

impl Strong<GlobalInst> {
    /// Its value.
    pub fn get(&self) -> GlobalValue {
        let agent = self.agent();
        match &self.content {
            Content::Number => GlobalValue::Number(self.vm.value.get()),
            Content::Func(_) => {
                let func = NonNull::new(self.vm.value.get().get_u64() as *mut VMFuncRef);
                // SAFETY: the global keeps its function.
                GlobalValue::Ref(RefValue::Func(func.map(|func| unsafe { FuncInst::from_vm(func) })))
            }
            Content::Ref(slot) => GlobalValue::Ref(slot.get().to_value(agent)),
        }
    }

    /// Writes its value, also where wasm may not: whether it is mutable is for the caller to heed.
    pub fn set(&self, value: &GlobalValue) -> Result<(), GlobalTypeError> {
        let agent = self.agent();
        match (&self.content, value, &self.ty.content) {
            (Content::Number, GlobalValue::Number(value), _) => self.vm.value.set(*value),
            (Content::Func(_) | Content::Ref(_), GlobalValue::Ref(value), ValType::Ref(ty))
                if value_matches(agent, value, ty) =>
            {
                match value {
                    // SAFETY: the handle keeps the function, and its type was checked.
                    RefValue::Func(func) => unsafe { self.set_func(func.as_ref().map(FuncInst::as_ptr)) },
                    other => self.set_slot(agent, RefSlot::from_value(other)),
                }
            }
            _ => return Err(GlobalTypeError),
        }
        Ok(())
    }
}

impl Sealed for GlobalInst {}

impl Entity for GlobalInst {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        match &self.content {
            Content::Number => {}
            Content::Func(owner) => {
                if let Some(owner) = &*owner.borrow() {
                    owner.trace(tracer);
                }
            }
            Content::Ref(slot) => slot.get().trace(tracer),
        }
    }

    fn clear(&self, agent: &Agent) {
        match &self.content {
            Content::Number => {}
            Content::Func(owner) => {
                self.vm.value.set(ValRaw::ZERO);
                if let Some(owner) = owner.take() {
                    owner.defer();
                }
            }
            Content::Ref(slot) => {
                agent.inner().heap.unlist(Holder::Global(self));
                // Code has to ask from here on, and is told that nothing is left.
                self.vm.value.set(ValRaw::u64(GLOBAL_ASK));
                slot.replace(RefSlot::NULL).release(agent);
            }
        }
    }
}

//! Instances: a module with what it imports and owns, and the context that its code runs on.
//!
//! ```text
//!  Instance (entity) ──► context: one zeroed block (VMContext header, imports, memories, tables, globals, tags, inline globals)
//!      │                    code reads it; all pointers in it lead to what the edges keep
//!      ├── edges: imported functions, memories, tables, globals that live apart, tags
//!      └── function references: VMFuncRef by FuncRefIdx, allocated when the first is asked for
//! ```
//!
//! The pointers in the context are written when the instance is allocated and never change; the edges behind them are given up only when the
//! instance is cleared, when no code can run on it any more.

mod allocate;
mod const_expr;
mod context;
mod segments;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::Arc;

use chalcid_module::index::{DefinedFuncIdx, ElemIdx, FuncIdx, GlobalIdx, MemIdx, TableIdx, TagIdx};

pub use allocate::{AllocateError, Import};
use context::Context;

use crate::agent::Agent;
use crate::entity::{Borrowed, Entity, Sealed, Strong, Tracer};
use crate::failure::Failure;
use crate::func::{FuncInst, FuncOwner, Misuse, Signature, enter_checked};
use crate::global::{GlobalInst, GlobalValue};
use crate::memory::MemInst;
use crate::module::ModuleObject;
use crate::reference::RefSlot;
use crate::table::TableInst;
use crate::tag::TagInst;
use crate::value::ValRaw;
use crate::vmcontext::{VMContext, VMFuncRef};

/// A module instance.
pub struct Instance {
    module: Arc<ModuleObject>,
    context: Context,
    edges: RefCell<Edges>,
    dropped_elements: DroppedSet,
    dropped_data: DroppedSet,
    /// Whether anything of it was given to anyone, who may have written to its memories or called its functions.
    shown: Cell<bool>,
    /// Elements of segments whose expressions make objects, evaluated once.
    elements: RefCell<BTreeMap<ElemIdx, Box<[RefSlot]>>>,
}

/// What an instance keeps alive.
#[derive(Default)]
struct Edges {
    functions: Vec<FuncInst>,
    tables: Vec<Strong<TableInst>>,
    memories: Vec<Strong<MemInst>>,
    /// `None` for globals that lie in the context.
    globals: Vec<Option<Strong<GlobalInst>>>,
    tags: Vec<Strong<TagInst>>,
}

/// Which segments were dropped.
struct DroppedSet(Box<[Cell<bool>]>);

impl DroppedSet {
    fn new(segments: usize) -> Self {
        Self(std::iter::repeat_with(|| Cell::new(false)).take(segments).collect())
    }

    fn contains(&self, index: usize) -> bool {
        self.0.get(index).is_none_or(Cell::get)
    }

    fn insert(&self, index: usize) {
        self.insert_all(index..index + 1);
    }

    fn insert_all(&self, segments: std::ops::Range<usize>) {
        self.0.get(segments).unwrap_or_default().iter().for_each(|dropped| dropped.set(true));
    }
}

impl Instance {
    /// The module.
    pub fn module(&self) -> &Arc<ModuleObject> {
        &self.module
    }

    /// To be called before anything of the instance is handed out that code could be run by, or a memory written through.
    pub fn show(&self) {
        self.shown.set(true);
    }

    /// A table, imported or not.
    pub fn table(&self, table: TableIdx) -> Option<Strong<TableInst>> {
        self.edges.borrow().tables.get(table.index()).cloned()
    }

    /// A memory, imported or not.
    pub fn memory(&self, memory: MemIdx) -> Option<Strong<MemInst>> {
        self.edges.borrow().memories.get(memory.index()).cloned()
    }

    /// A global that lives apart: an imported or exported one, or one of reference type.
    pub fn global(&self, global: GlobalIdx) -> Option<Strong<GlobalInst>> {
        self.edges.borrow().globals.get(global.index()).cloned().flatten()
    }

    /// A tag, imported or not.
    pub fn tag(&self, tag: TagIdx) -> Option<Strong<TagInst>> {
        self.edges.borrow().tags.get(tag.index()).cloned()
    }

    /// The value of any global.
    pub fn global_value(&self, global: GlobalIdx) -> Option<GlobalValue> {
        if let Some(global) = self.global(global) {
            return Some(global.get());
        }
        self.context.inline_global(&self.module, global).map(|cell| GlobalValue::Number(cell.get()))
    }

    /// The instance of a context.
    ///
    /// # Safety
    /// `context` is that of an instance that somebody keeps as long as the result is used.
    pub(crate) unsafe fn of_context<'a>(context: *const VMContext) -> Borrowed<'a, Self> {
        // SAFETY: the context names its instance, which the caller says is kept.
        unsafe { Borrowed::new((*context).instance.get().cast()) }
    }

    /// A table, for the time that the instance runs.
    ///
    /// # Safety
    /// The instance must not be cleared while the result is used.
    pub(crate) unsafe fn running_table(&self, table: TableIdx) -> Option<Borrowed<'_, TableInst>> {
        // SAFETY: the edges keep the table until the instance is cleared.
        self.edges.borrow().tables.get(table.index()).map(|table| unsafe { Borrowed::new(table.as_ptr()) })
    }

    /// A memory, for the time that the instance runs.
    ///
    /// # Safety
    /// As for `running_table`.
    pub(crate) unsafe fn running_memory(&self, memory: MemIdx) -> Option<Borrowed<'_, MemInst>> {
        // SAFETY: the edges keep the memory until the instance is cleared.
        self.edges.borrow().memories.get(memory.index()).map(|memory| unsafe { Borrowed::new(memory.as_ptr()) })
    }

    /// A global that lives apart, for the time that the instance runs.
    ///
    /// # Safety
    /// As for `running_table`.
    pub(crate) unsafe fn running_global(&self, global: GlobalIdx) -> Option<Borrowed<'_, GlobalInst>> {
        let edges = self.edges.borrow();
        let global = edges.globals.get(global.index())?.as_ref()?;
        // SAFETY: the edges keep the global until the instance is cleared.
        Some(unsafe { Borrowed::new(global.as_ptr()) })
    }

    /// Visits the objects that element segments hold.
    pub(crate) fn for_each_object(&self, visit: &mut dyn FnMut(u32)) {
        for slot in self.elements.borrow().values().flatten() {
            visit(slot.as_bits());
        }
    }

    fn imported_function(&self, func: FuncIdx) -> Option<FuncInst> {
        self.edges.borrow().functions.get(func.index()).cloned()
    }
}

impl Strong<Instance> {
    /// A function that is imported, or can become a function reference (an exported one, say).
    pub fn func(&self, func: FuncIdx) -> Option<FuncInst> {
        if let Some(import) = self.imported_function(func) {
            return Some(import);
        }
        if !self.is_alive() {
            return None;
        }
        Some(FuncInst::from_parts(self.own_func_ref(func)?, FuncOwner::Instance(self.clone())))
    }

    /// The reference of a function as machine code has it, for the time that the instance runs.
    pub(crate) fn func_ref(&self, func: FuncIdx) -> Option<NonNull<VMFuncRef>> {
        match self.edges.borrow().functions.get(func.index()) {
            Some(import) => Some(import.as_ptr()),
            None => self.own_func_ref(func),
        }
    }

    fn own_func_ref(&self, func: FuncIdx) -> Option<NonNull<VMFuncRef>> {
        let declarations = self.module.declarations();
        let index = declarations.func_ref_index(func)?.index();
        let defined = declarations.defined_index(func)?;
        let ptr = self.context.func_ref(index)?;
        // SAFETY: the context's own memory, as long as the instance is not freed.
        let empty = unsafe { ptr.as_ref() }.slot.is_null();
        if empty {
            let type_id = self.module.def_type_id(*declarations.functions.get(func.index())?)?.0;
            let slot = std::ptr::from_ref(self.module.slot(defined)?);
            let func_ref = VMFuncRef { slot, vmctx: self.context.as_ptr().cast(), type_id, index: func.0 };
            // SAFETY: as above; nobody has the pointer of a reference that was never handed out.
            unsafe { ptr.write(func_ref) };
        }
        Some(ptr)
    }

    /// Calls any function of the instance, also one that cannot become a reference (a start function, say), as
    /// [`FuncInst::call`] does.
    pub fn call(&self, func: FuncIdx, signature: &Signature, values: &mut [ValRaw]) -> Result<(), Failure> {
        if let Some(import) = self.imported_function(func) {
            return import.call(signature, values);
        }
        let declarations = self.module.declarations();
        let slot = declarations.defined_index(func).and_then(|defined| self.module.slot(defined));
        let ty = declarations.functions.get(func.index()).and_then(|ty| self.module.def_type_id(*ty));
        let (Some(slot), Some(ty)) = (slot, ty) else { return Err(Misuse::Signature.into()) };
        if ty != signature.id() {
            return Err(Misuse::Signature.into());
        }
        let owner = FuncOwner::Instance(self.clone());
        // SAFETY: slot and context are those of the function, whose type is the signature's.
        unsafe { enter_checked(&owner, slot, self.context.as_ptr().cast(), signature, values) }
    }

    /// A function of an element segment of functions.
    pub(crate) fn element_func(&self, segment: ElemIdx, item: u32) -> Option<FuncInst> {
        use chalcid_module::declarations::ElementItems;
        let ElementItems::Functions(functions) = &self.module.declarations().elements.get(segment.index())?.items
        else {
            return None;
        };
        self.func(*functions.get(item as usize)?)
    }

    /// Compiles a function of the instance's module for its first call, and returns its code.
    pub(crate) fn compile(&self, func: DefinedFuncIdx) -> Result<*const u8, Failure> {
        self.module.compile(func)?;
        match self.module.slot(func) {
            Some(slot) if self.module.is_compiled(func) => {
                Ok(slot.load(std::sync::atomic::Ordering::Acquire).cast_const())
            }
            _ => Err(Misuse::NoTrampoline.into()),
        }
    }
}

impl Sealed for Instance {}

impl Entity for Instance {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        let edges = self.edges.borrow();
        for func in &edges.functions {
            func.owner().trace(tracer);
        }
        for table in &edges.tables {
            tracer.entity(table);
        }
        for memory in &edges.memories {
            tracer.entity(memory);
        }
        for global in edges.globals.iter().flatten() {
            tracer.entity(global);
        }
        for tag in &edges.tags {
            tracer.entity(tag);
        }
        for slot in self.elements.borrow().values().flatten() {
            slot.trace(tracer);
        }
    }

    fn clear(&self, agent: &Agent) {
        if self.context.func_ref(0).is_some() {
            agent.inner().func_ranges.remove(self.context.func_refs() as usize);
        }
        agent.inner().heap.keep_types(agent, &self.module);
        self.drop_elements(agent, |_| true);
        let edges = self.edges.take();
        drop(edges);
    }
}

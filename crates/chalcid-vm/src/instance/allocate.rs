//! Allocating an instance: checking its imports, making what it owns, filling its context.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use chalcid_module::index::{DefTypeId, FuncIdx, GlobalIdx, MemIdx, TableIdx, TagIdx};
use chalcid_module::matching::match_extern_type;
use chalcid_module::types::{ExternType, GlobalType};

use super::context::Context;
use super::{DroppedSet, Edges, Instance, const_expr};
use crate::agent::Agent;
use crate::entity::Strong;
use crate::func::{FuncInst, FuncRangeOwner, Signature};
use crate::global::{GlobalInst, GlobalValue};
use crate::memory::{MemInst, MemoryError};
use crate::module::ModuleObject;
use crate::table::{TableError, TableInst};
use crate::tag::TagInst;
use crate::vmcontext::{VMFuncImport, VMMemoryRef};

/// What is given for an import.
#[derive(Clone, Debug)]
pub enum Import {
    /// A function.
    Func(FuncInst),
    /// A table.
    Table(Strong<TableInst>),
    /// A memory.
    Memory(Strong<MemInst>),
    /// A global.
    Global(Strong<GlobalInst>),
    /// A tag.
    Tag(Strong<TagInst>),
}

/// Why an instance could not be allocated.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AllocateError {
    /// An import is missing, or not of the type that the module asks for. Carries its position.
    #[error("import {0} does not match")]
    Import(usize),
    /// A memory could not be made.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A table could not be made.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The system gives no more memory.
    #[error("out of memory")]
    OutOfMemory,
    /// A constant expression needs a descriptor and found null.
    #[error("null descriptor reference")]
    NullDescriptor,
    /// The declarations contradict themselves: they did not come from validation.
    #[error("malformed module")]
    Malformed,
}

impl Import {
    /// The agent it belongs to.
    pub fn agent(&self) -> &Agent {
        match self {
            Self::Func(func) => func.agent(),
            Self::Table(table) => table.agent(),
            Self::Memory(memory) => memory.agent(),
            Self::Global(global) => global.agent(),
            Self::Tag(tag) => tag.agent(),
        }
    }

    /// Whether it can be given to a module for an import of a type.
    pub fn matches(&self, agent: &Agent, module: &ModuleObject, ty: &ExternType) -> bool {
        self.agent().same(agent) && self.is_alive() && self.matches_type(agent, module, ty).unwrap_or(false)
    }

    /// Whether its type is the very one that an import names. Asked of functions only.
    fn is_exactly(&self, module: &ModuleObject, wanted: &ExternType) -> bool {
        module.extern_type(wanted) == Some(self.ty())
    }

    fn is_alive(&self) -> bool {
        match self {
            Self::Func(func) => func.owner().is_alive(),
            Self::Table(table) => table.is_alive(),
            Self::Memory(memory) => memory.is_alive(),
            Self::Global(global) => global.is_alive(),
            Self::Tag(tag) => tag.is_alive(),
        }
    }

    fn matches_type(&self, agent: &Agent, module: &ModuleObject, wanted: &ExternType) -> Option<bool> {
        if let (Self::Memory(memory), ExternType::Memory(wanted)) = (self, wanted)
            && memory.is_static() != module.memory_settings().is_static(wanted)
        {
            return Some(false);
        }
        let wanted = module.extern_type(wanted)?;
        let found = self.ty();
        // The common case, without the registry's lock.
        Some(found == wanted || agent.types().matching(|types| match_extern_type(types, found, wanted)))
    }

    /// Its type, with the current size as minimum, as linking compares it.
    pub fn ty(&self) -> ExternType<DefTypeId> {
        match self {
            Self::Func(func) => ExternType::Func(func.type_id()),
            Self::Table(table) => {
                let mut ty = *table.ty();
                ty.limits.min = table.size();
                ExternType::Table(ty)
            }
            Self::Memory(memory) => {
                let mut ty = *memory.ty();
                ty.limits.min = memory.pages();
                ExternType::Memory(ty)
            }
            Self::Global(global) => ExternType::Global(*global.ty()),
            Self::Tag(tag) => ExternType::Tag(tag.type_id()),
        }
    }
}

impl Instance {
    /// Allocates an instance: its imports checked, its memories, tables, globals and tags made, its globals and tables
    /// initialised. Segments are applied by [`initialize`](Strong::initialize), and calling the start function is the caller's.
    ///
    /// `signatures` gives the signature of a type, for the tags that the module defines.
    pub fn allocate(
        agent: &Agent,
        module: &Arc<ModuleObject>,
        imports: &[Import],
        signatures: &dyn Fn(chalcid_module::index::TypeIdx) -> Option<Arc<Signature>>,
    ) -> Result<Strong<Instance>, AllocateError> {
        let declarations = Arc::clone(module.declarations());
        if module.needs_heap() {
            agent.inner().heap.reserve(agent).map_err(|_| AllocateError::OutOfMemory)?;
        }
        if module.needs_displays() {
            agent.vm().type_infos.set(agent.types().type_infos());
        }
        let mut edges = Edges::default();
        for (position, wanted) in declarations.imports.iter().enumerate() {
            let import = imports.get(position).ok_or(AllocateError::Import(position))?;
            if !import.matches(agent, module, &wanted.ty) || (wanted.exact && !import.is_exactly(module, &wanted.ty)) {
                return Err(AllocateError::Import(position));
            }
            match import {
                Import::Func(func) => edges.functions.push(func.clone()),
                Import::Table(table) => edges.tables.push(table.clone()),
                Import::Memory(memory) => edges.memories.push(memory.clone()),
                Import::Global(global) => edges.globals.push(Some(global.clone())),
                Import::Tag(tag) => edges.tags.push(tag.clone()),
            }
        }
        for ty in declarations.memories.iter().skip(edges.memories.len()) {
            edges.memories.push(MemInst::new(agent, *ty, module.memory_settings())?);
        }
        for table in declarations.tables.iter().skip(edges.tables.len()) {
            let ty = module.table_type(&table.ty).ok_or(AllocateError::Malformed)?;
            edges.tables.push(TableInst::new(agent, ty)?);
        }
        for ty in declarations.tags.iter().skip(edges.tags.len()) {
            let signature = signatures(*ty).ok_or(AllocateError::Malformed)?;
            if Some(signature.id()) != module.def_type_id(*ty) {
                return Err(AllocateError::Malformed);
            }
            edges.tags.push(TagInst::new(agent, &signature));
        }

        let context = Context::new(agent, module).map_err(|_| AllocateError::OutOfMemory)?;
        fill_context(&context, module, &edges);
        let instance = Strong::new(
            agent,
            Instance {
                module: Arc::clone(module),
                context,
                edges: RefCell::new(edges),
                dropped_elements: DroppedSet::new(declarations.elements.len()),
                dropped_data: DroppedSet::new(declarations.data.len()),
                shown: Cell::new(false),
                elements: RefCell::default(),
            },
        );
        instance.context.header().instance.set(instance.as_ptr().cast());
        let func_refs = instance.context.func_refs() as usize;
        let owner = FuncRangeOwner::Instance(instance.as_ptr());
        agent.inner().func_ranges.insert(func_refs, declarations.func_refs.len(), owner);
        instance.make_globals()?;
        let imported = declarations.imported.tables as usize;
        for (index, table) in declarations.tables.iter().enumerate().skip(imported) {
            if let Some(init) = &table.init {
                let value = const_expr::evaluate_ref(&instance, init)?;
                let table = instance.table(TableIdx::new(index)).ok_or(AllocateError::Malformed)?;
                table.fill(0, &value, table.size())?;
            }
        }
        Ok(instance)
    }
}

fn fill_context(context: &Context, module: &ModuleObject, edges: &Edges) {
    for (index, func) in edges.functions.iter().enumerate() {
        let vm = func.vm();
        context.set_func_import(module, FuncIdx::new(index), VMFuncImport { slot: vm.slot, vmctx: vm.vmctx });
    }
    for (index, memory) in edges.memories.iter().enumerate() {
        let vm = std::ptr::from_ref(memory.vm());
        let base = if memory.is_static() { memory.mapping().base() } else { std::ptr::null_mut() };
        context.set_memory(module, MemIdx::new(index), VMMemoryRef { memory: vm, base });
    }
    for (index, table) in edges.tables.iter().enumerate() {
        context.set_table(module, TableIdx::new(index), table.vm_ptr());
    }
    for (index, global) in edges.globals.iter().enumerate() {
        if let Some(global) = global {
            context.set_global(module, GlobalIdx::new(index), global.vm_ptr());
        }
    }
    for (index, tag) in edges.tags.iter().enumerate() {
        context.set_tag(module, TagIdx::new(index), tag.vm_ptr());
    }
}

impl Strong<Instance> {
    /// Makes the globals that the module defines, each seeing those before it.
    fn make_globals(&self) -> Result<(), AllocateError> {
        let module = self.module();
        let declarations = module.declarations();
        let imported = declarations.imported.globals as usize;
        for (index, declared) in declarations.globals.iter().enumerate().skip(imported) {
            let global = GlobalIdx::new(index);
            let init = declared.init.as_ref().ok_or(AllocateError::Malformed)?;
            let value = const_expr::evaluate(self, init)?;
            let apart = match (self.context.inline_global(module, global), &value) {
                (Some(cell), GlobalValue::Number(value)) => {
                    cell.set(*value);
                    None
                }
                (Some(_), GlobalValue::Ref(_)) => return Err(AllocateError::Malformed),
                (None, value) => {
                    let content = module.val_type(declared.ty.content).ok_or(AllocateError::Malformed)?;
                    let ty = GlobalType { content, mutable: declared.ty.mutable };
                    let made = GlobalInst::new(self.agent(), ty, value).map_err(|_| AllocateError::Malformed)?;
                    self.context.set_global(module, global, made.vm_ptr());
                    Some(made)
                }
            };
            self.edges.borrow_mut().globals.push(apart);
        }
        Ok(())
    }
}

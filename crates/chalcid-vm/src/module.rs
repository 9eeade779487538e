//! The running side of a module: its code slots, and what its instances share.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chalcid_module::artifact::{BundledFunction, CodeBundle, CompiledCode, Tier};
use chalcid_module::declarations::Declarations;
use chalcid_module::index::{DefTypeId, DefinedFuncIdx, TypeIdx};
use chalcid_module::layout::VMContextLayout;
use chalcid_module::types::{
    CompType, ExternType, FuncType, GlobalType, HeapType, Hierarchy, RefType, TableType, ValType,
};

use crate::code::{CodeError, CodeOwner, PublishedCode, stubs};
use crate::failure::Failure;
use crate::memory::MemorySettings;
use crate::memory::image::{DataImage, LazyImage};
use crate::vmcontext::VMCodeSlot;

/// Compiles a function when it is first called.
pub trait LazyCompile: Send + Sync {
    /// Compiles and publishes a function. Runs on a large stack of its own, on the thread that made the call; other threads may ask for
    /// the same function at the same time. Must not run code of the agent.
    fn compile(&self, module: &Arc<ModuleObject>, func: DefinedFuncIdx) -> Result<(), Failure>;

    /// Takes note that a function's code, which counts, has become hot: its heat was just set to 0. Called on the thread that runs the code, with a
    /// wasm stack below it, so it must be quick, and must not run code of the agent. It may be called again whenever the
    /// heat is reached again.
    fn hot(&self, _module: &Arc<ModuleObject>, _func: DefinedFuncIdx) {}

    /// The module goes: nobody calls its functions any more. What is worth keeping of its code can be read for the last time.
    fn retire(&self, _module: &ModuleObject) {}
}

/// What a [`ModuleObject`] is made of.
pub struct ModuleParts {
    /// What the module declares.
    pub declarations: Arc<Declarations>,
    /// The module's bytes, which the declarations point into.
    pub bytes: Arc<[u8]>,
    /// Engine-wide identity of each of its types.
    pub type_ids: Box<[DefTypeId]>,
    /// How memories are laid out; the same for all modules and agents of an engine.
    pub memories: MemorySettings,
    /// Compiles functions when they are first called.
    pub compiler: Box<dyn LazyCompile>,
    /// The embedder's own data.
    pub data: Box<dyn Any + Send + Sync>,
}

/// A module as its instances, on any thread, share it.
pub struct ModuleObject {
    this: Weak<ModuleObject>,
    parts: ModuleParts,
    layout: VMContextLayout,
    type_ids: Box<[u32]>,
    /// Whether its code may meet an object, and whether it may ask for displays.
    needs_heap: bool,
    needs_displays: bool,
    image: LazyImage,
    slots: Box<[VMCodeSlot]>,
    heat: Box<[AtomicU32]>,
    /// What compiled the code in each slot, 0 for the stub. Written with `code` locked, after the slot.
    tiers: Box<[AtomicU8]>,
    code: Mutex<Vec<PublishedCode>>,
    code_size: AtomicUsize,
}

impl ModuleObject {
    /// A module of which nothing is compiled.
    pub fn new(parts: ModuleParts) -> Result<Arc<Self>, CodeError> {
        let declarations = &parts.declarations;
        let layout = VMContextLayout::new(declarations);
        let type_ids = parts.type_ids.iter().map(|id| id.0).collect();
        let mut slots = Vec::new();
        slots.try_reserve_exact(declarations.defined_functions()).map_err(|_| CodeError::OutOfMemory)?;
        // Few modules have any type whose results do not fit into registers.
        let types = declarations.types.iter().map(|ty| match &ty.comp {
            CompType::Func(ty) => stubs::returns_through_memory(&ty.results),
            _ => false,
        });
        let types: Vec<bool> = types.collect();
        let any = types.contains(&true);
        let through_memory = |ty: &TypeIdx| any && types.get(ty.index()).is_some_and(|through_memory| *through_memory);
        let defined = declarations.functions.iter().skip(declarations.imported.functions as usize);
        let stubs = stubs::ensure(declarations.defined_functions(), any && defined.clone().any(through_memory))?;
        slots
            .extend(defined.enumerate().map(|(i, ty)| AtomicPtr::new(stubs.address(i, through_memory(ty)).cast_mut())));
        let heat = (0..slots.len()).map(|_| AtomicU32::new(0)).collect();
        let tiers = (0..slots.len()).map(|_| AtomicU8::new(0)).collect();
        Ok(Arc::new_cyclic(|this| Self {
            this: this.clone(),
            layout,
            type_ids,
            needs_heap: needs_heap(&parts.declarations),
            needs_displays: parts.declarations.types.iter().any(|ty| !ty.is_final || ty.supertype.is_some()),
            image: LazyImage::default(),
            slots: slots.into_boxed_slice(),
            heat,
            tiers,
            code: Mutex::new(Vec::new()),
            code_size: AtomicUsize::new(0),
            parts,
        }))
    }

    /// What the module declares.
    pub fn declarations(&self) -> &Arc<Declarations> {
        &self.parts.declarations
    }

    /// The module's bytes.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.parts.bytes
    }

    /// What the data segments make of the memories of an instance that is being made.
    pub(crate) fn data_image(&self) -> Option<&DataImage> {
        self.image.get(&self.parts.declarations, &self.parts.bytes)
    }

    /// Engine-wide identities of the module's types.
    pub fn type_ids(&self) -> &[DefTypeId] {
        &self.parts.type_ids
    }

    /// How its memories are laid out.
    pub fn memory_settings(&self) -> &MemorySettings {
        &self.parts.memories
    }

    /// The layout of its instances' contexts.
    pub fn layout(&self) -> &VMContextLayout {
        &self.layout
    }

    /// The embedder's own data.
    pub fn data(&self) -> &(dyn Any + Send + Sync) {
        &*self.parts.data
    }

    /// Whether a function's slot holds compiled code.
    pub fn is_compiled(&self, func: DefinedFuncIdx) -> bool {
        self.tier(func).is_some()
    }

    /// What compiled the code that a function's slot holds.
    pub fn tier(&self, func: DefinedFuncIdx) -> Option<Tier> {
        Tier::from_u8(self.tiers.get(func.index())?.load(Ordering::Acquire))
    }

    /// Bytes of machine code that the module has published.
    pub fn code_size(&self) -> usize {
        self.code_size.load(Ordering::Relaxed)
    }

    /// Publishes the code of a function and lets its slot point to it, unless the slot has code of a better tier already. What the
    /// slot pointed to before stays until the module goes: frames may be running it. Since a function is published once by every tier,
    /// that is little.
    ///
    /// # Safety
    /// `code` must be what the compiler made of this function of this module, for the memory settings of the module.
    pub unsafe fn publish(&self, func: DefinedFuncIdx, code: CompiledCode) -> Result<(), CodeError> {
        if func.index() >= self.slots.len() {
            return Err(CodeError::NoSuchFunction);
        }
        let (size, tier) = (code.code.len(), code.tier);
        let published = PublishedCode::publish(code, CodeOwner::Function { module: self.this.clone(), func })?;
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        if self.tier(func).is_some_and(|current| current > tier) {
            return Ok(());
        }
        self.set_slot(func, published.address(), tier);
        self.code_size.fetch_add(size, Ordering::Relaxed);
        code.push(published);
        Ok(())
    }

    /// Publishes the code of many functions. Slots that have code of the same tier or a better one keep it. Returns how many were set.
    ///
    /// # Safety
    /// As for [`Self::publish`], for every function of the bundle.
    pub unsafe fn publish_bundle(&self, bundle: CodeBundle) -> Result<usize, CodeError> {
        let CodeBundle { functions, joined } = bundle;
        if functions.iter().any(|function| function.func.index() >= self.slots.len()) {
            return Err(CodeError::NoSuchFunction);
        }
        let size = joined.code.len();
        let owner = CodeOwner::Bundle { module: self.this.clone(), functions: functions.clone().into() };
        let published = PublishedCode::publish(joined, owner)?;
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        let mut set = 0;
        for BundledFunction { func, tier, start, .. } in functions {
            if self.tier(func).is_none_or(|current| current < tier) {
                self.set_slot(func, published.address().wrapping_add(start as usize), tier);
                set += 1;
            }
        }
        self.code_size.fetch_add(size, Ordering::Relaxed);
        code.push(published);
        Ok(set)
    }

    /// Lets a slot point to code that this keeps. For whoever has locked `code`.
    fn set_slot(&self, func: DefinedFuncIdx, address: *const u8, tier: Tier) {
        self.slots[func.index()].store(address.cast_mut(), Ordering::Release);
        self.tiers[func.index()].store(tier as u8, Ordering::Release);
    }

    /// The code that slots hold and that was published function by function, in the order it was, as far as it is `wanted`.
    pub fn artifacts(
        &self,
        mut wanted: impl FnMut(DefinedFuncIdx, Tier) -> bool,
    ) -> Vec<(DefinedFuncIdx, CompiledCode)> {
        let code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = |func: DefinedFuncIdx, published: &PublishedCode| {
            std::ptr::eq(self.slots[func.index()].load(Ordering::Relaxed), published.address())
        };
        let functions = code.iter().filter_map(|published| Some((published.function()?, published)));
        functions
            .filter(|(func, published)| in_use(*func, published) && wanted(*func, published.tier()))
            .map(|(func, published)| (func, published.artifact()))
            .collect()
    }

    pub(crate) fn compile(&self, func: DefinedFuncIdx) -> Result<(), Failure> {
        match self.this.upgrade() {
            Some(this) => self.parts.compiler.compile(&this, func),
            None => Err(Failure::Error(Box::new(CodeError::NoSuchFunction))),
        }
    }

    pub(crate) fn slot(&self, func: DefinedFuncIdx) -> Option<&VMCodeSlot> {
        self.slots.get(func.index())
    }

    /// How warm a function is: what code that counts adds to, and calls [`LazyCompile::hot`] about once the highest bit is set.
    pub fn heat(&self, func: DefinedFuncIdx) -> Option<&AtomicU32> {
        self.heat.get(func.index())
    }

    /// Sets a function's heat to 0 and tells the compiler's side that it was reached.
    pub(crate) fn hot(&self, func: DefinedFuncIdx) {
        if let (Some(heat), Some(this)) = (self.heat(func), self.this.upgrade()) {
            heat.store(0, Ordering::Relaxed);
            self.parts.compiler.hot(&this, func);
        }
    }

    pub(crate) fn heat_ptr(&self) -> *const AtomicU32 {
        self.heat.as_ptr()
    }

    pub(crate) fn slots_ptr(&self) -> *const VMCodeSlot {
        self.slots.as_ptr()
    }

    pub(crate) fn type_ids_ptr(&self) -> *const u32 {
        self.type_ids.as_ptr()
    }

    /// Whether code of the module may meet an object.
    pub(crate) fn needs_heap(&self) -> bool {
        self.needs_heap
    }

    /// Whether code of the module may ask for the display of a type.
    pub(crate) fn needs_displays(&self) -> bool {
        self.needs_displays
    }

    /// The engine-wide identity of a type of the module.
    pub fn def_type_id(&self, ty: TypeIdx) -> Option<DefTypeId> {
        self.parts.type_ids.get(ty.index()).copied()
    }

    /// A heap type of the module, engine-wide; `None` for an index that is out of range.
    pub fn heap_type(&self, heap: HeapType) -> Option<HeapType<DefTypeId>> {
        Some(match heap {
            HeapType::Abstract(heap) => HeapType::Abstract(heap),
            HeapType::Concrete(ty) => HeapType::Concrete(self.def_type_id(ty)?),
            HeapType::Exact(ty) => HeapType::Exact(self.def_type_id(ty)?),
        })
    }

    /// A reference type of the module, engine-wide.
    pub fn ref_type(&self, ty: RefType) -> Option<RefType<DefTypeId>> {
        Some(RefType { nullable: ty.nullable, heap: self.heap_type(ty.heap)? })
    }

    /// A value type of the module, engine-wide.
    pub fn val_type(&self, ty: ValType) -> Option<ValType<DefTypeId>> {
        Some(match ty {
            ValType::I32 => ValType::I32,
            ValType::I64 => ValType::I64,
            ValType::F32 => ValType::F32,
            ValType::F64 => ValType::F64,
            ValType::V128 => ValType::V128,
            ValType::Ref(ty) => ValType::Ref(self.ref_type(ty)?),
        })
    }

    /// A table type of the module, engine-wide.
    pub fn table_type(&self, ty: &TableType) -> Option<TableType<DefTypeId>> {
        Some(TableType { element: self.ref_type(ty.element)?, limits: ty.limits, address: ty.address })
    }

    /// The type of an import or export of the module, engine-wide.
    pub fn extern_type(&self, ty: &ExternType) -> Option<ExternType<DefTypeId>> {
        Some(match ty {
            ExternType::Func(ty) => ExternType::Func(self.def_type_id(*ty)?),
            ExternType::Table(ty) => ExternType::Table(self.table_type(ty)?),
            ExternType::Memory(ty) => ExternType::Memory(*ty),
            ExternType::Global(ty) => {
                ExternType::Global(GlobalType { content: self.val_type(ty.content)?, mutable: ty.mutable })
            }
            ExternType::Tag(ty) => ExternType::Tag(self.def_type_id(*ty)?),
        })
    }

    /// A function type of the module, engine-wide.
    pub fn func_type(&self, ty: &FuncType) -> Option<FuncType<DefTypeId>> {
        let convert = |types: &[ValType]| types.iter().map(|ty| self.val_type(*ty)).collect::<Option<Box<[_]>>>();
        Some(FuncType { params: convert(&ty.params)?, results: convert(&ty.results)? })
    }
}

impl Drop for ModuleObject {
    fn drop(&mut self) {
        self.parts.compiler.retire(self);
    }
}

/// Objects reach code through what the module declares, since every conversion starts from a reference: one of its functions takes or gives.
fn needs_heap(declarations: &Declarations) -> bool {
    let is_heap = |ty: &ValType| match ty {
        ValType::Ref(ty) => match ty.heap {
            HeapType::Abstract(heap) => heap.hierarchy() != Hierarchy::Func,
            // Its type says it.
            HeapType::Concrete(_) | HeapType::Exact(_) => false,
        },
        _ => false,
    };
    !declarations.tags.is_empty()
        || declarations.types.iter().any(|ty| match &ty.comp {
            CompType::Func(ty) => ty.params.iter().chain(&ty.results).any(is_heap),
            CompType::Struct(_) | CompType::Array(_) => true,
        })
        || declarations.globals.iter().any(|global| is_heap(&global.ty.content))
        || declarations.tables.iter().any(|table| is_heap(&ValType::Ref(table.ty.element)))
}

impl fmt::Debug for ModuleObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleObject({} functions)", self.slots.len())
    }
}

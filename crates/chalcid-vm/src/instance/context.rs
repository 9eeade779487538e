//! The memory of a `VMContext`.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;

use chalcid_module::index::{FuncIdx, GlobalIdx, MemIdx, TableIdx, TagIdx};
use chalcid_module::layout::INSTANCE_MAGIC;

use crate::agent::Agent;
use crate::builtins;
use crate::module::ModuleObject;
use crate::value::ValRaw;
use crate::vmcontext::{VMContext, VMFuncImport, VMFuncRef, VMGlobal, VMMemoryRef, VMTable, VMTag};
use crate::zeroed::{OutOfMemory, ZeroedBlock};

/// Owns the block. All its fields are written before code runs on it, and only globals change after.
pub(super) struct Context {
    start: NonNull<VMContext>,
    /// What `start` points to.
    _block: ZeroedBlock,
    /// Bytes of the context itself.
    fields: usize,
    /// Number of function references behind it.
    func_refs: usize,
}

impl Context {
    /// A block for an instance of a module, with its header filled.
    pub(super) fn new(agent: &Agent, module: &ModuleObject) -> Result<Self, OutOfMemory> {
        let fields = (module.layout().size() as usize).max(size_of::<VMContext>());
        let count = module.declarations().func_refs.len();
        let (fields, func_refs) = Layout::from_size_align(fields, align_of::<VMContext>())
            .and_then(|fields| Ok((fields, fields.extend(Layout::array::<VMFuncRef>(count)?)?)))
            .map_err(|_| OutOfMemory)?;
        let (layout, func_refs) = func_refs;
        let block = ZeroedBlock::new(layout)?;
        let start = block.start().cast::<VMContext>();
        // SAFETY: the block is ours, large enough for the header, and zero is a value of all its fields.
        let header = unsafe { &mut *start.as_ptr() };
        header.magic = INSTANCE_MAGIC;
        header.agent = agent.vm_ptr();
        header.code_slots = module.slots_ptr();
        header.type_ids = module.type_ids_ptr();
        header.builtins = builtins::table();
        header.heat = module.heat_ptr();
        header.func_refs.set(start.as_ptr().wrapping_byte_add(func_refs).cast());
        Ok(Self { start, _block: block, fields: fields.size(), func_refs: count })
    }

    pub(super) fn as_ptr(&self) -> *mut VMContext {
        self.start.as_ptr()
    }

    pub(super) fn header(&self) -> &VMContext {
        // SAFETY: the header was written in `new`; what changes in it is in cells.
        unsafe { self.start.as_ref() }
    }

    /// A field at an offset that the layout gave.
    fn field<T>(&self, offset: u32) -> Option<NonNull<T>> {
        let offset = offset as usize;
        let inside = offset.checked_add(size_of::<T>()).is_some_and(|end| end <= self.fields);
        if !inside || !offset.is_multiple_of(align_of::<T>()) {
            return None;
        }
        NonNull::new(self.start.as_ptr().wrapping_byte_add(offset).cast())
    }

    /// The function references.
    pub(super) fn func_refs(&self) -> *mut VMFuncRef {
        self.header().func_refs.get()
    }

    /// One of the function references.
    pub(super) fn func_ref(&self, index: usize) -> Option<NonNull<VMFuncRef>> {
        if index < self.func_refs { NonNull::new(self.func_refs().wrapping_add(index)) } else { None }
    }

    fn write<T>(&self, offset: u32, value: T) {
        if let Some(field) = self.field(offset) {
            // SAFETY: the field lies within the block and is aligned; no code runs on it while the instance is being made.
            unsafe { field.write(value) };
        }
    }

    pub(super) fn set_func_import(&self, module: &ModuleObject, func: FuncIdx, import: VMFuncImport) {
        self.write(module.layout().func_import(func), import);
    }

    pub(super) fn set_memory(&self, module: &ModuleObject, memory: MemIdx, value: VMMemoryRef) {
        self.write(module.layout().memory(memory), value);
    }

    pub(super) fn set_table(&self, module: &ModuleObject, table: TableIdx, value: *const VMTable) {
        self.write(module.layout().table(table), value);
    }

    pub(super) fn set_global(&self, module: &ModuleObject, global: GlobalIdx, value: *const VMGlobal) {
        self.write(module.layout().global_pointer(global), value);
    }

    pub(super) fn set_tag(&self, module: &ModuleObject, tag: TagIdx, value: *const VMTag) {
        self.write(module.layout().tag(tag), value);
    }

    /// A global that lies in the block.
    pub(super) fn inline_global(&self, module: &ModuleObject, global: GlobalIdx) -> Option<&Cell<ValRaw>> {
        let field = self.field::<VMGlobal>(module.layout().inline_global(global)?)?;
        // SAFETY: the field lies within the block, which lives as long as `self`; zero bits are a value.
        Some(unsafe { &field.as_ref().value })
    }
}

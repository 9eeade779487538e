//! What validating a body asks about its module: the library's answers, but for what was not told to it.

use wasmparser::types::CoreTypeId;
use wasmparser::{
    Error, FuncType, GlobalType, HeapType, MemoryType, RefType, SubType, TableType, ValType, ValidatorResources,
    WasmModuleResources,
};

/// The answers.
pub(crate) struct Resources {
    pub(super) library: ValidatorResources,
    /// Exported functions that the library does not know of, ascending.
    pub(super) exported: Vec<u32>,
    /// The element segments, where the library does not know all of them.
    pub(super) elements: Option<Elements>,
}

/// Element segments of which the library has been shown some.
#[derive(Default)]
pub(super) struct Elements {
    pub(super) count: u32,
    /// Indices of those that the library knows, ascending; the others are lists of functions.
    pub(super) others: Vec<u32>,
    /// Functions in the lists, ascending.
    pub(super) functions: Vec<u32>,
}

impl WasmModuleResources for Resources {
    fn table_at(&self, at: u32) -> Option<TableType> {
        self.library.table_at(at)
    }

    fn memory_at(&self, at: u32) -> Option<MemoryType> {
        self.library.memory_at(at)
    }

    fn tag_at(&self, at: u32) -> Option<&FuncType> {
        self.library.tag_at(at)
    }

    fn global_at(&self, at: u32) -> Option<GlobalType> {
        self.library.global_at(at)
    }

    fn sub_type_at(&self, type_index: u32) -> Option<&SubType> {
        self.library.sub_type_at(type_index)
    }

    fn sub_type_at_id(&self, id: CoreTypeId) -> &SubType {
        self.library.sub_type_at_id(id)
    }

    fn type_id_of_function(&self, func_idx: u32) -> Option<CoreTypeId> {
        self.library.type_id_of_function(func_idx)
    }

    fn type_index_of_function(&self, func_index: u32) -> Option<u32> {
        self.library.type_index_of_function(func_index)
    }

    fn element_type_at(&self, at: u32) -> Option<RefType> {
        match &self.elements {
            None => self.library.element_type_at(at),
            Some(elements) => match elements.others.binary_search(&at) {
                Ok(known) => self.library.element_type_at(known as u32),
                Err(_) => (at < elements.count).then_some(RefType::FUNC),
            },
        }
    }

    fn is_subtype(&self, a: ValType, b: ValType) -> bool {
        self.library.is_subtype(a, b)
    }

    fn is_shared(&self, ty: RefType) -> bool {
        self.library.is_shared(ty)
    }

    fn check_heap_type(&self, heap_type: &mut HeapType, offset: u64) -> Result<(), Error> {
        self.library.check_heap_type(heap_type, offset)
    }

    fn top_type(&self, heap_type: &HeapType) -> HeapType {
        self.library.top_type(heap_type)
    }

    fn element_count(&self) -> u32 {
        self.elements.as_ref().map_or_else(|| self.library.element_count(), |elements| elements.count)
    }

    fn data_count(&self) -> Option<u32> {
        self.library.data_count()
    }

    fn is_function_referenced(&self, idx: u32) -> bool {
        self.library.is_function_referenced(idx)
            || self.exported.binary_search(&idx).is_ok()
            || self.elements.as_ref().is_some_and(|elements| elements.functions.binary_search(&idx).is_ok())
    }

    fn has_function_exact_type(&self, idx: u32) -> bool {
        self.library.has_function_exact_type(idx)
    }
}

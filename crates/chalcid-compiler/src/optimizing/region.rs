//! The parts of memory that compiled code knows to be disjoint, for Cranelift's alias analysis.
//!
//! An access in one region never touches what an access in another touches, so a store to the linear memory does not make the
//! code read a global or a table's length again. Only calls disturb all of them.
//!
//! Two imports may be one entity, so all imported memories share a region, and so do all imported globals. What a module
//! defines cannot be among its own imports, and two of its definitions are never one entity.

use std::borrow::Cow;

use chalcid_module::declarations::Declarations;
use chalcid_module::index::{GlobalIdx, MemIdx};
use cranelift_codegen::ir::{AliasRegion, AliasRegionData, AliasRegionSet, Function, StackSlot};

pub(crate) use crate::objects::FieldClass;

/// Globals that have a region of their own; the others share one, so that the sets of regions stay small.
const SEPARATE_GLOBALS: u32 = 64;

/// How many regions spilled references have. A set is kept for every block, so there cannot be one for each.
const SPILL_REGIONS: u32 = 16;

/// A part of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Region {
    /// Code slots: replaced when a function is compiled.
    CodeSlots,
    /// The agent's state.
    Agent,
    /// Base and length of memories.
    MemoryHeaders,
    /// Elements pointer and length of tables.
    TableHeaders,
    /// Elements of function tables.
    TableElements,
    /// Function references: they never change, but may be read only where they are known not to be null.
    FuncRefs,
    /// Exceptions in the heap, and the numbers of tags.
    Exceptions,
    /// Contents of a linear memory.
    Memory(MemIdx),
    /// A mutable global.
    Global(GlobalIdx),
    /// Where the next object may begin, and how far objects may reach.
    Allocation,
    /// Types and kinds of objects.
    ObjectHeaders,
    /// Lengths of arrays.
    ArrayLengths,
    /// Fields and elements of one class. No field is ever seen as one of another class: a subtype's fields begin as its supertype's do.
    Fields(FieldClass),
    /// The functions that objects refer to.
    HeapFuncs,
    /// Displays of types.
    Displays,
    /// Locals that live in the frame.
    Locals,
    /// A place in the frame for a reference that lives across a call.
    Spilled(StackSlot),
}

impl Region {
    /// Number of the region in a function's set.
    fn id(self, module: &Declarations) -> u32 {
        match self {
            Region::CodeSlots => 0,
            Region::Agent => 1,
            Region::MemoryHeaders => 2,
            Region::TableHeaders => 3,
            Region::TableElements => 4,
            Region::FuncRefs => 5,
            Region::Exceptions => 14,
            Region::Memory(memory) => match memory.0.checked_sub(module.imported.memories) {
                None => 6,
                Some(defined) => 0x100 + defined,
            },
            Region::Global(global) => match global.0.checked_sub(module.imported.globals) {
                None => 7,
                Some(defined) if defined < SEPARATE_GLOBALS => 0x1_0000 + defined,
                Some(_) => 8,
            },
            Region::Allocation => 9,
            Region::ObjectHeaders => 10,
            Region::ArrayLengths => 11,
            Region::HeapFuncs => 12,
            Region::Displays => 13,
            Region::Locals => 15,
            Region::Fields(class) => 0x20 + class as u32,
            Region::Spilled(slot) => 0x40 + slot.as_u32() % SPILL_REGIONS,
        }
    }

    /// What listings call the region of a number.
    fn description(self, id: u32) -> Cow<'static, str> {
        match self {
            Region::CodeSlots => "code slots".into(),
            Region::Agent => "agent".into(),
            Region::MemoryHeaders => "memory headers".into(),
            Region::TableHeaders => "table headers".into(),
            Region::TableElements => "table elements".into(),
            Region::FuncRefs => "function references".into(),
            Region::Exceptions => "exceptions".into(),
            Region::Memory(_) if id < 0x100 => "imported memories".into(),
            Region::Memory(memory) => format!("memory {}", memory.0).into(),
            Region::Global(_) if id == 7 => "imported globals".into(),
            Region::Global(_) if id == 8 => "further globals".into(),
            Region::Global(global) => format!("global {}", global.0).into(),
            Region::Allocation => "allocation".into(),
            Region::ObjectHeaders => "object headers".into(),
            Region::ArrayLengths => "array lengths".into(),
            Region::HeapFuncs => "functions of objects".into(),
            Region::Displays => "displays".into(),
            Region::Fields(class) => format!("fields {class:?}").into(),
            Region::Locals => "locals".into(),
            Region::Spilled(_) => "spilled references".into(),
        }
    }

    /// The region in a function's set.
    pub fn declare(self, module: &Declarations, func: &mut Function) -> AliasRegion {
        self.declare_in(self.id(module), &mut func.dfg.alias_regions)
    }

    /// The region of a spilled reference.
    pub fn declare_spilled(slot: StackSlot, regions: &mut AliasRegionSet) -> AliasRegion {
        let region = Region::Spilled(slot);
        region.declare_in(region.id(&Declarations::default()), regions)
    }

    fn declare_in(self, user_id: u32, regions: &mut AliasRegionSet) -> AliasRegion {
        match regions.get(user_id) {
            Some(region) => region,
            None => regions.insert(AliasRegionData { user_id, description: self.description(user_id) }),
        }
    }

    /// The region, if the function has declared it. Only for those that do not depend on the module.
    pub fn find(self, func: &Function) -> Option<AliasRegion> {
        func.dfg.alias_regions.get(self.id(&Declarations::default()))
    }
}

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
use cranelift_codegen::ir::{AliasRegion, AliasRegionData, Function};

/// Globals that have a region of their own; the others share one, so that the sets of regions stay small.
const SEPARATE_GLOBALS: u32 = 64;

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
    /// Contents of a linear memory.
    Memory(MemIdx),
    /// A mutable global.
    Global(GlobalIdx),
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
            Region::Memory(memory) => match memory.0.checked_sub(module.imported.memories) {
                None => 6,
                Some(defined) => 0x100 + defined,
            },
            Region::Global(global) => match global.0.checked_sub(module.imported.globals) {
                None => 7,
                Some(defined) if defined < SEPARATE_GLOBALS => 0x1_0000 + defined,
                Some(_) => 8,
            },
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
            Region::Memory(_) if id < 0x100 => "imported memories".into(),
            Region::Memory(memory) => format!("memory {}", memory.0).into(),
            Region::Global(_) if id == 7 => "imported globals".into(),
            Region::Global(_) if id == 8 => "further globals".into(),
            Region::Global(global) => format!("global {}", global.0).into(),
        }
    }

    /// The region in a function's set.
    pub fn declare(self, module: &Declarations, func: &mut Function) -> AliasRegion {
        let user_id = self.id(module);
        let regions = &mut func.dfg.alias_regions;
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

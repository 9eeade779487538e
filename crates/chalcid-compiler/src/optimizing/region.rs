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
    /// Number of the region in a function's set, and its name in listings.
    fn identify(self, module: &Declarations) -> (u32, Cow<'static, str>) {
        match self {
            Region::CodeSlots => (0, "code slots".into()),
            Region::Agent => (1, "agent".into()),
            Region::MemoryHeaders => (2, "memory headers".into()),
            Region::TableHeaders => (3, "table headers".into()),
            Region::TableElements => (4, "table elements".into()),
            Region::FuncRefs => (8, "function references".into()),
            Region::Memory(memory) => match memory.0.checked_sub(module.imported.memories) {
                None => (5, "imported memories".into()),
                Some(defined) => (0x100 + defined, format!("memory {}", memory.0).into()),
            },
            Region::Global(global) => match global.0.checked_sub(module.imported.globals) {
                None => (6, "imported globals".into()),
                Some(defined) if defined < SEPARATE_GLOBALS => {
                    (0x1_0000 + defined, format!("global {}", global.0).into())
                }
                Some(_) => (7, "further globals".into()),
            },
        }
    }

    /// The region in a function's set.
    pub fn declare(self, module: &Declarations, func: &mut Function) -> AliasRegion {
        let (user_id, description) = self.identify(module);
        func.dfg.alias_regions.insert(AliasRegionData { user_id, description })
    }
}

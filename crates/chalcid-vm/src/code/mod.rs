//! Machine code: where it lies, how it gets there, and what is known about an address in it.
//!
//! ```text
//!   CompiledCode ──publish──► arena (bytes)  ◄── program counters
//!                     └─────► registry (by address: owner, traps, stack maps, source map)
//! ```
//!
//! The [`arena`] maps the same memory twice: executable and read-only where it runs, writable and not executable where it is written.
//! No mapping is ever both, and publishing a function takes no system call. A [`PublishedCode`] owns its bytes and its entry in the
//! [`registry`]; both go when it is dropped, which its owner does when no frame can be in it any more.
//!
//! # After `fork`
//! The arena is shared memory: parent and child would write to the same pages. A child that goes on to `exec` is fine; one that runs or
//! compiles wasm is not supported.

pub(crate) mod arena;
pub(crate) mod registry;
pub(crate) mod stubs;
pub(crate) mod watch;

use std::sync::{Arc, Weak};

use chalcid_module::artifact::{
    BundledFunction, CompiledCode, HandlerSite, Relocation, SourcePosition, StackMap, Tier, TrapSite,
};
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::trap_code::TrapCode;

use crate::math;
use crate::module::ModuleObject;

/// Why code could not be published.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CodeError {
    /// The system gives no more memory for code.
    #[error("no memory for machine code")]
    OutOfMemory,
    /// The module has no function of that index.
    #[error("no such function")]
    NoSuchFunction,
    /// A relocation or alignment that this machine cannot do.
    #[error("malformed machine code")]
    Malformed,
}

/// Whose code it is.
pub(crate) enum CodeOwner {
    /// A function of a module.
    Function { module: Weak<ModuleObject>, func: DefinedFuncIdx },
    /// Several functions of a module, by ascending start.
    Bundle { module: Weak<ModuleObject>, functions: Box<[BundledFunction]> },
    /// A trampoline.
    Trampoline,
    /// Lazy stubs.
    Stub,
}

/// What is known about a piece of code.
pub(crate) struct CodeInfo {
    pub(crate) start: usize,
    pub(crate) len: usize,
    pub(crate) owner: CodeOwner,
    tier: Tier,
    alignment: u32,
    relocations: Box<[Relocation]>,
    traps: Box<[TrapSite]>,
    stack_maps: Box<[StackMap]>,
    source_map: Box<[SourcePosition]>,
    handlers: Box<[HandlerSite]>,
}

impl CodeInfo {
    /// The function whose code an address lies in, if it is a function's.
    pub(crate) fn function_at(&self, pc: usize) -> Option<(&Weak<ModuleObject>, DefinedFuncIdx)> {
        match &self.owner {
            CodeOwner::Function { module, func } => Some((module, *func)),
            CodeOwner::Bundle { module, functions } => {
                let offset = u32::try_from(pc - self.start).ok()?;
                let next = functions.partition_point(|function| function.start <= offset);
                Some((module, functions.get(next.checked_sub(1)?)?.func))
            }
            CodeOwner::Trampoline | CodeOwner::Stub => None,
        }
    }

    /// What a fault at an address means, if the instruction there is one that may fault.
    pub(crate) fn trap_at(&self, pc: usize) -> Option<TrapCode> {
        let offset = u32::try_from(pc - self.start).ok()?;
        let site = self.traps.binary_search_by_key(&offset, |site| site.offset).ok()?;
        Some(self.traps[site].code)
    }

    /// The references that live across the call that returns to an address.
    pub(crate) fn stack_map_at(&self, return_address: usize) -> Option<&StackMap> {
        let offset = u32::try_from(return_address - self.start).ok()?;
        let map = self.stack_maps.binary_search_by_key(&offset, |map| map.return_offset).ok()?;
        Some(&self.stack_maps[map])
    }

    /// Where an exception goes on that arrives at the call that returns to an address, if the function looks at it.
    pub(crate) fn handler_at(&self, return_address: usize) -> Option<&HandlerSite> {
        let offset = u32::try_from(return_address - self.start).ok()?;
        let site = self.handlers.binary_search_by_key(&offset, |site| site.return_offset).ok()?;
        Some(&self.handlers[site])
    }

    /// The byte of the module that the instruction at an address comes from.
    pub(crate) fn wasm_offset_at(&self, pc: usize) -> Option<u32> {
        let offset = u32::try_from(pc - self.start).ok()?;
        let next = self.source_map.partition_point(|position| position.offset <= offset);
        let position = self.source_map.get(next.checked_sub(1)?)?;
        (position.wasm_offset != u32::MAX).then_some(position.wasm_offset)
    }
}

/// A piece of code that can be run, until this is dropped.
pub(crate) struct PublishedCode {
    info: Arc<CodeInfo>,
    memory: arena::Allocation,
}

impl PublishedCode {
    /// Writes code where it can run, with its relocations done, and registers what is known about it.
    pub(crate) fn publish(compiled: CompiledCode, owner: CodeOwner) -> Result<Self, CodeError> {
        debug_assert_eq!(compiled.check(), Ok(()));
        let CompiledCode { tier, mut code, alignment, relocations, traps, stack_maps, source_map, handlers } = compiled;
        for relocation in &relocations {
            let start = relocation.offset as usize;
            let place = code.get_mut(start..start.saturating_add(8)).ok_or(CodeError::Malformed)?;
            let target = (math::address(relocation.target) as u64).wrapping_add_signed(relocation.addend);
            place.copy_from_slice(&target.to_le_bytes());
        }
        let memory = arena::allocate(code.len(), alignment as usize)?;
        memory.write(&code);
        let info = Arc::new(CodeInfo {
            start: memory.address() as usize,
            len: code.len(),
            owner,
            tier,
            alignment,
            relocations: relocations.into(),
            traps: traps.into(),
            stack_maps: stack_maps.into(),
            source_map: source_map.into(),
            handlers: handlers.into(),
        });
        registry::insert(Arc::clone(&info));
        if watch::is_watched() {
            watch::report(&info);
        }
        Ok(Self { info, memory })
    }

    /// Where it starts.
    #[inline]
    pub(crate) fn address(&self) -> *const u8 {
        self.memory.address()
    }

    /// The function, if it is the code of one.
    pub(crate) fn function(&self) -> Option<DefinedFuncIdx> {
        match self.info.owner {
            CodeOwner::Function { func, .. } => Some(func),
            _ => None,
        }
    }

    /// Which compiler made it.
    pub(crate) fn tier(&self) -> Tier {
        self.info.tier
    }

    /// The code as it was before it was published: without addresses.
    pub(crate) fn artifact(&self) -> CompiledCode {
        let info = &self.info;
        let mut code = self.memory.read(info.len);
        for relocation in &info.relocations {
            let start = relocation.offset as usize;
            if let Some(place) = code.get_mut(start..start + 8) {
                place.fill(0);
            }
        }
        CompiledCode {
            tier: info.tier,
            code,
            alignment: info.alignment,
            relocations: info.relocations.to_vec(),
            traps: info.traps.to_vec(),
            stack_maps: info.stack_maps.to_vec(),
            source_map: info.source_map.to_vec(),
            handlers: info.handlers.to_vec(),
        }
    }
}

impl Drop for PublishedCode {
    fn drop(&mut self) {
        registry::remove(self.info.start);
    }
}

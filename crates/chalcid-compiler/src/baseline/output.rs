//! The tables beside the code: trap sites, source positions, stack maps, landings; and the artifact.

use std::sync::Arc;

use chalcid_module::artifact::{CompiledCode, HandlerSite, SourcePosition, StackMap, Tier, TrapSite};
use chalcid_module::trap_code::TrapCode;

use super::state::{Baseline, Loc};
use crate::CompileError;

/// References at one call.
pub(super) struct Map {
    return_offset: u32,
    /// Bytes below the frame at the call.
    outgoing: u32,
    /// Offsets from the frame pointer.
    references: Arc<[i32]>,
}

/// Most references in the maps of a function, when those that calls share count once.
const MOST_REFERENCES: u64 = 1 << 21;
/// Most references that are looked at for these maps.
const MOST_LOOKS: u64 = 1 << 24;

impl Baseline<'_> {
    /// Notes where the code at hand comes from, before an instruction that can trap or a call.
    #[inline]
    pub fn locate(&mut self) {
        let offset = self.asm.pos();
        match self.source_map.last() {
            Some(last) if last.wasm_offset == self.offset => {}
            _ => self.source_map.push(SourcePosition { offset, wasm_offset: self.offset }),
        }
    }

    /// Says that the next instruction may trap.
    #[inline]
    pub fn trap_site(&mut self, code: TrapCode) {
        self.locate();
        self.traps.push(TrapSite { offset: self.asm.pos(), code });
    }

    /// Where the frame holds references now, if it does, provided that entries in registers go to their slots. For one map.
    pub fn references(&mut self) -> Option<Arc<[i32]>> {
        if self.gc_homes.is_empty() && self.gc_entries.is_empty() {
            return None;
        }
        let mut lists = std::mem::take(&mut self.reference_lists);
        let entries = self.gc_entries.iter().filter(|&&height| {
            let entry = &self.entries(height as usize)[0];
            matches!(entry.loc, Loc::Slot | Loc::Gpr(_))
        });
        let entries = entries.map(|&height| self.slot(height as usize).disp);
        let references = lists.share(self.gc_homes.iter().copied().chain(entries));
        self.reference_lists = lists;
        self.looked_at += references.len() as u64;
        (!references.is_empty()).then_some(references)
    }

    /// Notes the references at the call that was just emitted.
    pub fn map_here(&mut self, outgoing: u32, references: Option<Arc<[i32]>>) {
        if let Some(references) = references {
            self.maps.push(Map { return_offset: self.asm.pos(), outgoing, references });
        }
    }

    /// Fails when there is too much for the running side to keep.
    pub fn check_maps(&self) -> Result<(), CompileError> {
        for (count, limit) in [(self.reference_lists.stored(), MOST_REFERENCES), (self.looked_at, MOST_LOOKS)] {
            if count > limit {
                return Err(CompileError::TooComplex { what: "references at calls", count, limit });
            }
        }
        Ok(())
    }

    /// The artifact.
    pub fn finish(&mut self) -> Result<CompiledCode, CompileError> {
        self.emit_cold();
        self.end_frame()?;
        let size = self.frame_size();
        let maps = self.maps.drain(..);
        let stack_maps: Vec<_> = maps
            .map(|Map { return_offset, outgoing, references }| StackMap {
                return_offset,
                frame_size: size + outgoing,
                references,
            })
            .collect();
        let handlers = self.handler_sites.iter();
        let handlers = handlers
            .map(|&(return_offset, landing)| {
                let landing = self.asm.position(landing);
                HandlerSite { return_offset, frame_size: size, landing }
            })
            .collect();
        let length = self.asm.pos();
        let compiled = CompiledCode {
            code: self.asm.finish(),
            alignment: 16,
            tier: Tier::Baseline,
            relocations: Vec::new(),
            traps: self.traps.as_slice().into(),
            stack_maps,
            source_map: self.source_map.as_slice().into(),
            handlers,
        };
        if cfg!(debug_assertions) {
            check(&compiled, length, size);
        }
        Ok(compiled)
    }
}

/// Checks what the running side relies on: of all code, and of the tier's own frames and instructions.
fn check(compiled: &CompiledCode, length: u32, frame_size: u32) {
    assert_eq!(compiled.check(), Ok(()));
    let code = &compiled.code;
    // `call [reg + disp]`: ff /2, with 2 to 7 bytes.
    let is_call = |end: u32| {
        let end = end as usize;
        (2..=7).any(|len| end >= len && code[end - len] == 0xff && code[end - len + 1] >> 3 & 7 == 2)
    };
    assert!(frame_size.is_multiple_of(16), "the stack is aligned at calls");
    assert!(compiled.traps.iter().all(|site| site.offset < length), "a trap site lies before the constants");
    for map in &compiled.stack_maps {
        assert!(is_call(map.return_offset), "a stack map belongs to a call");
        assert!(map.frame_size >= frame_size && map.frame_size.is_multiple_of(16), "the stack is aligned at calls");
    }
    for site in &compiled.handlers {
        assert!(is_call(site.return_offset), "handlers belong to a call");
        assert!(site.landing < length && site.frame_size == frame_size, "a landing is in the code and the frame");
    }
}

//! The end of a compilation: stack maps, and the artifact.

use chalcid_module::artifact::{CompiledCode, StackMap, Tier};

use super::state::{Baseline, Loc};
use crate::CompileError;

/// References at one call.
pub(super) struct Map {
    return_offset: u32,
    /// Bytes below the frame at the call.
    outgoing: u32,
    /// Offsets from the frame pointer.
    references: Box<[i32]>,
}

/// Most references in the maps of a function.
const MOST_REFERENCES: u64 = 1 << 21;

impl Baseline<'_> {
    /// Where the frame holds references now, provided that entries in registers go to their slots.
    pub fn references(&self) -> Box<[i32]> {
        if self.gc_homes.is_empty() && self.gc_entries.is_empty() {
            return Box::default();
        }
        let entries = self.gc_entries.iter().filter(|&&height| {
            let entry = &self.entries(height as usize)[0];
            matches!(entry.loc, Loc::Slot | Loc::Gpr(_))
        });
        let entries = entries.map(|&height| self.slot(height as usize).disp);
        self.gc_homes.iter().copied().chain(entries).collect()
    }

    /// Notes the references at the call that was just emitted.
    pub fn map_here(&mut self, outgoing: u32, references: &[i32]) {
        if !references.is_empty() {
            self.mapped += references.len() as u64;
            let return_offset = self.asm.pos();
            self.maps.push(Map { return_offset, outgoing, references: references.into() });
        }
    }

    /// Fails when there is too much for the running side to keep.
    pub fn check_maps(&self) -> Result<(), CompileError> {
        if self.mapped <= MOST_REFERENCES {
            return Ok(());
        }
        Err(CompileError::TooComplex { what: "references at calls", count: self.mapped, limit: MOST_REFERENCES })
    }

    /// The artifact.
    pub fn finish(mut self) -> Result<CompiledCode, CompileError> {
        self.emit_cold();
        self.end_frame()?;
        let size = self.frame_size();
        let maps = std::mem::take(&mut self.maps);
        let stack_maps: Vec<_> = maps
            .into_iter()
            .map(|map| {
                let frame_size = size + map.outgoing;
                let references = map.references.iter().map(|offset| frame_size.wrapping_add_signed(*offset)).collect();
                StackMap { return_offset: map.return_offset, frame_size, references }
            })
            .collect();
        let length = self.asm.pos();
        let compiled = CompiledCode {
            code: self.asm.finish(),
            alignment: 16,
            tier: Tier::Baseline,
            relocations: Vec::new(),
            traps: self.traps,
            stack_maps,
            source_map: self.source_map,
            handlers: Vec::new(),
        };
        if cfg!(debug_assertions) {
            check(&compiled, length, size);
        }
        Ok(compiled)
    }
}

/// Checks what the running side relies on.
fn check(compiled: &CompiledCode, length: u32, frame_size: u32) {
    let code = &compiled.code;
    assert!(frame_size.is_multiple_of(16), "the stack is aligned at calls");
    assert!(compiled.traps.windows(2).all(|pair| pair[0].offset < pair[1].offset), "trap sites ascend");
    assert!(compiled.source_map.windows(2).all(|pair| pair[0].offset < pair[1].offset), "the source map ascends");
    assert!(compiled.stack_maps.windows(2).all(|pair| pair[0].return_offset < pair[1].return_offset), "maps ascend");
    for site in &compiled.traps {
        assert!(site.offset < length, "a trap site lies in the code");
        let first = compiled.source_map.first();
        assert!(first.is_some_and(|first| first.offset <= site.offset), "a trap site has a place in the module");
    }
    for map in &compiled.stack_maps {
        // `call [reg + disp]`: ff /2, with 2 to 7 bytes.
        let end = map.return_offset as usize;
        let is_call = (2..=7).any(|len| end >= len && code[end - len] == 0xff && code[end - len + 1] >> 3 & 7 == 2);
        assert!(is_call, "a stack map belongs to a call");
        assert!(map.frame_size >= frame_size && map.frame_size.is_multiple_of(16), "the stack is aligned at calls");
        for &reference in &map.references {
            assert!(reference.is_multiple_of(4), "references are aligned");
            // In the frame, or a parameter that the caller left on the stack.
            assert!(
                reference < map.frame_size - 8 || reference >= map.frame_size + 16,
                "a reference lies in the frame"
            );
        }
    }
}

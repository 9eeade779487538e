//! What the running side relies on of code and the tables beside it. Debug builds check it of all code that is made or published.

use super::CompiledCode;

/// What is wrong with code: a sentence for whoever mends the compiler.
pub type Fault = &'static str;

/// Says what is wrong, if it does not hold.
fn expect(holds: bool, otherwise: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Whether offsets ascend.
fn ascend<T>(items: &[T], offset: impl Fn(&T) -> u32) -> bool {
    items.windows(2).all(|pair| offset(&pair[0]) < offset(&pair[1]))
}

/// Whether a place of four bytes, relative to the frame pointer, is one that a frame keeps references in: within the frame, or among the parameters
/// that its caller left above the return address.
pub(super) fn is_in_frame(offset: i32, frame_size: u32) -> bool {
    let in_frame = offset <= -4 && offset.unsigned_abs() <= frame_size;
    in_frame || offset >= 16
}

impl CompiledCode {
    /// Checks the tables: that they can be searched, that every place they name is there, and that frames are laid out as the walk over them and the
    /// collector expect.
    pub fn check(&self) -> Result<(), Fault> {
        let length = self.code.len() as u64;
        let is_return = |offset: u32| offset > 0 && u64::from(offset) <= length;
        expect(self.alignment.is_power_of_two(), "an alignment is a power of two")?;
        expect(
            self.relocations.iter().all(|site| u64::from(site.offset) + 8 <= length),
            "a relocation lies in the code",
        )?;

        expect(ascend(&self.source_map, |position| position.offset), "the source map ascends")?;
        let first = self.source_map.first().map_or(u32::MAX, |position| position.offset);
        expect(ascend(&self.traps, |site| site.offset), "trap sites ascend")?;
        expect(self.traps.iter().all(|site| u64::from(site.offset) < length), "a trap site lies in the code")?;
        expect(self.traps.iter().all(|site| site.offset >= first), "a trap site has a place in the module")?;

        expect(ascend(&self.stack_maps, |map| map.return_offset), "stack maps ascend")?;
        for map in &self.stack_maps {
            expect(is_return(map.return_offset), "a stack map belongs to a call")?;
            expect(map.frame_size.is_multiple_of(8), "the stack is aligned at calls")?;
            expect(map.references.iter().all(|offset| offset % 4 == 0), "references are aligned")?;
            let inside = map.references.iter().all(|&offset| is_in_frame(offset, map.frame_size));
            expect(inside, "a reference lies in its frame")?;
        }

        expect(ascend(&self.handlers, |site| site.return_offset), "handlers ascend")?;
        for site in &self.handlers {
            expect(is_return(site.return_offset), "handlers belong to a call")?;
            expect(u64::from(site.landing) < length, "a landing lies in the code")?;
            expect(site.frame_size.is_multiple_of(8), "the stack is aligned at landings")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HandlerSite, SourcePosition, StackMap, TrapSite};
    use super::*;
    use crate::trap_code::TrapCode;

    fn sound() -> CompiledCode {
        CompiledCode {
            code: vec![0; 64],
            alignment: 16,
            traps: vec![TrapSite { offset: 8, code: TrapCode::Unreachable }],
            source_map: vec![SourcePosition { offset: 4, wasm_offset: 9 }],
            stack_maps: vec![StackMap { return_offset: 20, frame_size: 32, references: [-32, -4, 16].into() }],
            handlers: vec![HandlerSite { return_offset: 20, frame_size: 32, landing: 40 }],
            ..CompiledCode::default()
        }
    }

    #[test]
    fn sound_tables_pass() {
        assert_eq!(sound().check(), Ok(()));
        assert_eq!(CompiledCode { alignment: 1, ..CompiledCode::default() }.check(), Ok(()));
    }

    #[test]
    fn what_the_running_side_could_not_use_is_named() {
        let faulty = |change: fn(&mut CompiledCode)| {
            let mut code = sound();
            change(&mut code);
            code.check()
        };
        let saved_frame_pointer = faulty(|code| code.stack_maps[0].references = [0].into());
        assert_eq!(saved_frame_pointer, Err("a reference lies in its frame"));
        assert_eq!(faulty(|code| code.stack_maps[0].references = [-30].into()), Err("references are aligned"));
        assert_eq!(faulty(|code| code.traps[0].offset = 64), Err("a trap site lies in the code"));
        assert_eq!(faulty(|code| code.traps[0].offset = 3), Err("a trap site has a place in the module"));
        assert_eq!(faulty(|code| code.traps.push(code.traps[0])), Err("trap sites ascend"));
        assert_eq!(faulty(|code| code.handlers[0].landing = u32::MAX), Err("a landing lies in the code"));
        assert_eq!(faulty(|code| code.handlers[0].return_offset = 0), Err("handlers belong to a call"));
    }
}

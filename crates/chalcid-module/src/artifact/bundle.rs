//! Functions joined to one piece of code with one set of tables: the unit in which code is written to disk and read back.
//!
//! Functions that were compiled one after the other are called one after the other the next time too. Together they are checked by
//! one hash, published by one copy, and known to the running side by one entry.

use std::ops::Range;

use super::{CompiledCode, HandlerSite, StackMap, Tier};
use crate::index::DefinedFuncIdx;

/// Compiled functions of one module, joined.
///
/// # Invariants
/// Functions lie in `joined` in the order of `functions`, each aligned as it wants to be, and do not overlap. All offsets of the tables
/// are from the start of the joined code, and ascend as those of a single function do.
#[derive(Clone, Default, Debug)]
pub struct CodeBundle {
    /// The functions by ascending start.
    pub functions: Vec<BundledFunction>,
    /// Code and tables of all of them. Its `tier` says nothing.
    pub joined: CompiledCode,
}

/// A function of a bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BundledFunction {
    /// Which one of the module.
    pub func: DefinedFuncIdx,
    /// What compiled it.
    pub tier: Tier,
    /// Where it starts in the joined code.
    pub start: u32,
    /// Bytes of its code.
    pub len: u32,
}

/// Largest bundle: offsets are 32 bits wide, and signed distances must be too.
const MAX_SIZE: usize = i32::MAX as usize;

impl CodeBundle {
    /// Adds a function; gives it back where the bundle would become too large.
    pub fn push(&mut self, func: DefinedFuncIdx, code: CompiledCode) -> Result<(), Box<CompiledCode>> {
        let joined = &mut self.joined;
        let alignment = code.alignment.max(1);
        let start = joined.code.len().next_multiple_of(alignment as usize);
        if start + code.code.len() > MAX_SIZE {
            return Err(Box::new(code));
        }
        joined.alignment = joined.alignment.max(alignment);
        // Never run: what fills the gap only has to be no function's.
        joined.code.resize(start, 0xcc);
        let (start, len) = (start as u32, code.code.len() as u32);
        joined.code.extend_from_slice(&code.code);
        self.functions.push(BundledFunction { func, tier: code.tier, start, len });

        joined.relocations.extend(code.relocations.into_iter().map(|mut relocation| {
            relocation.offset += start;
            relocation
        }));
        joined.traps.extend(code.traps.into_iter().map(|mut site| {
            site.offset += start;
            site
        }));
        joined.stack_maps.extend(code.stack_maps.into_iter().map(|map| moved_map(map, start)));
        joined.source_map.extend(code.source_map.into_iter().map(|mut position| {
            position.offset += start;
            position
        }));
        joined.handlers.extend(code.handlers.into_iter().map(|site| moved_site(site, start)));
        Ok(())
    }

    /// The functions one by one, each as it was added.
    pub fn split(&self) -> impl Iterator<Item = (DefinedFuncIdx, CompiledCode)> + '_ {
        self.functions.iter().map(|function| (function.func, self.part(function)))
    }

    fn part(&self, function: &BundledFunction) -> CompiledCode {
        let joined = &self.joined;
        let (start, end) = (function.start, function.start + function.len);
        let inside = start..end;
        // A call may be a function's last instruction; what follows is then the next one's first.
        let returns = start + 1..end + 1;
        let back = start.wrapping_neg();
        CompiledCode {
            tier: function.tier,
            code: joined.code.get(start as usize..end as usize).unwrap_or_default().to_vec(),
            alignment: joined.alignment.min(1 << start.trailing_zeros().min(31)),
            relocations: stretch(&joined.relocations, |item| item.offset, &inside)
                .map(|item| super::Relocation { offset: item.offset - start, ..*item })
                .collect(),
            traps: stretch(&joined.traps, |item| item.offset, &inside)
                .map(|item| super::TrapSite { offset: item.offset - start, ..*item })
                .collect(),
            stack_maps: stretch(&joined.stack_maps, |item| item.return_offset, &returns)
                .map(|item| moved_map(item.clone(), back))
                .collect(),
            source_map: stretch(&joined.source_map, |item| item.offset, &inside)
                .map(|item| super::SourcePosition { offset: item.offset - start, ..*item })
                .collect(),
            handlers: stretch(&joined.handlers, |item| item.return_offset, &returns)
                .map(|item| moved_site(*item, back))
                .collect(),
        }
    }
}

/// The items of an ascending table whose offsets lie in a range.
fn stretch<'t, T>(table: &'t [T], offset: impl Fn(&T) -> u32, range: &Range<u32>) -> std::slice::Iter<'t, T> {
    let first = table.partition_point(|item| offset(item) < range.start);
    let end = table.partition_point(|item| offset(item) < range.end);
    table.get(first..end).unwrap_or_default().iter()
}

fn moved_map(mut map: StackMap, by: u32) -> StackMap {
    map.return_offset = map.return_offset.wrapping_add(by);
    map
}

fn moved_site(mut site: HandlerSite, by: u32) -> HandlerSite {
    site.return_offset = site.return_offset.wrapping_add(by);
    site.landing = site.landing.wrapping_add(by);
    site
}

//! Memory that the compilations of a thread use one after another: most functions are so small that getting memory for each would take a tenth of the
//! time.

use std::cell::RefCell;

use chalcid_module::artifact::{ReferenceLists, SourcePosition, TrapSite};
use wasmparser::OperatorsReaderAllocations;

use super::abi::Place;
use super::asm::{Asm, Label};
use super::cold::Cold;
use super::locals::{self, Uses};
use super::output::Map;
use super::reg::{Gpr, Xmm};
use super::state::{Baseline, Entry, Local, Val};
use crate::AbiType;

/// What was left empty by the compilation before, or never used.
#[derive(Default)]
pub(super) struct Scratch {
    pub asm: Asm,
    pub reader: OperatorsReaderAllocations,
    pub locals: Vec<Local>,
    pub stack: Vec<Entry>,
    pub gc_entries: Vec<u32>,
    pub gc_homes: Vec<i32>,
    pub cold: Vec<Cold>,
    pub traps: Vec<TrapSite>,
    pub source_map: Vec<SourcePosition>,
    pub maps: Vec<Map>,
    pub reference_lists: ReferenceLists,
    pub handler_sites: Vec<(u32, Label)>,
    pub moves: Moves,
    /// Types of the locals, and how often each is used: by a function that is being compiled, otherwise none.
    pub runs: Vec<(u32, AbiType)>,
    pub uses: Uses,
}

/// The moves of a call's arguments.
#[derive(Default)]
pub(super) struct Moves {
    /// Destination, source, and whether all 64 bits.
    pub gprs: Vec<(Gpr, Gpr, bool)>,
    pub xmms: Vec<(Xmm, Xmm)>,
    /// What is loaded once these are done.
    pub loads: Vec<(Place, Val)>,
    /// Where the arguments go, in their order.
    pub places: Vec<Place>,
}

/// More bytes than this are not kept.
const KEPT: usize = 4 << 20;

thread_local! {
    static SCRATCH: RefCell<Option<Box<Scratch>>> = const { RefCell::new(None) };
}

impl Scratch {
    /// The thread's, or one that is new.
    pub fn take() -> Box<Self> {
        SCRATCH.take().unwrap_or_default()
    }

    /// Gives it back to the thread.
    pub fn keep(mut self: Box<Self>) {
        if self.asm.capacity() > KEPT
            || self.locals.capacity() + self.stack.capacity() + self.uses.capacity() > KEPT / 16
        {
            *self = Self::default();
        }
        SCRATCH.set(Some(self));
    }
}

impl Baseline<'_> {
    /// Gives back what the compilation used.
    pub fn recycle(self, scratch: &mut Scratch) {
        fn emptied<T>(mut vec: Vec<T>) -> Vec<T> {
            vec.clear();
            vec
        }
        scratch.asm = self.asm;
        scratch.reader = self.reader;
        scratch.locals = self.locals;
        locals::forget(&mut scratch.locals, &scratch.uses);
        scratch.uses.clear();
        scratch.stack = emptied(self.stack);
        scratch.gc_entries = emptied(self.gc_entries);
        scratch.gc_homes = emptied(self.gc_homes);
        scratch.cold = emptied(self.cold);
        scratch.traps = emptied(self.traps);
        scratch.source_map = emptied(self.source_map);
        scratch.maps = emptied(self.maps);
        scratch.reference_lists = self.reference_lists;
        scratch.reference_lists.clear();
        scratch.handler_sites = emptied(self.handler_sites);
        scratch.moves = self.moves;
    }
}

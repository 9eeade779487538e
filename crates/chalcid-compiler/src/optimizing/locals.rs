//! Locals: where the values of each are, and what it costs to find them.
//!
//! A local comes to be when code first uses it: a function may declare fifty thousand in three bytes. It is a variable of the code generator's
//! front end, which searches the blocks before a use for the values that may reach it. What it did not find there is zero, as locals begin.
//!
//! That search keeps a table of blocks for every variable and makes a parameter of every loop around a use, so that a hostile body takes it
//! more than linear time and memory. [`Search`] counts both, in advance, and the translation is given up where they grow out of proportion to the body. Then the
//! function is translated once more with its locals in the frame, which every use reads and writes in memory, and compiled the quick way.

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{
    Inst, InstBuilder, StackSlot, StackSlotData, StackSlotKind, Type, UserStackMapEntry, Value, types,
};
use cranelift_frontend::Variable;

use super::region::Region;
use super::translator::FuncTranslator;
use super::types::{POINTER, Repr};
use crate::CompileError;

/// Where locals live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Home {
    /// In variables of the code generator, which gives them registers.
    Variables,
    /// In the frame.
    Frame,
}

/// Where a local lives.
#[derive(Clone, Copy, Debug)]
enum Place {
    Variable(Variable),
    Slot(StackSlot),
}

/// A local that is used.
#[derive(Clone, Copy, Debug)]
struct Local {
    place: Place,
    repr: Repr,
    /// Its number among those that are used.
    number: u32,
}

/// The locals of a function.
pub(super) struct Locals {
    home: Home,
    /// Those that are declared: how many there are up to the end of each run of one type.
    declared: Vec<(u32, Repr)>,
    /// Those that are used, by index.
    used: Vec<Option<Local>>,
    pub search: Search,
    /// The places in the frame that hold references, and the calls at which the collector looks there.
    references: Vec<StackSlot>,
    calls: Vec<Inst>,
}

impl Locals {
    /// No locals, of a function whose body has so many bytes.
    pub fn new(home: Home, body: usize) -> Self {
        Self {
            home,
            declared: Vec::new(),
            used: Vec::new(),
            search: Search::new(body),
            references: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// How many have values that code may have to keep in registers.
    pub fn variables(&self) -> usize {
        match self.home {
            Home::Variables => self.search.seen.len(),
            Home::Frame => 0,
        }
    }

    /// Declares so many more, of one type.
    pub fn declare(&mut self, count: u32, repr: Repr) {
        let before = self.declared.last().map_or(0, |&(end, _)| end);
        // Validation allows fifty thousand.
        self.declared.push((before.saturating_add(count), repr));
    }

    fn repr(&self, index: u32) -> Result<Repr, CompileError> {
        let run = self.declared.partition_point(|&(end, _)| end <= index);
        let run = self.declared.get(run).ok_or_else(|| CompileError::Internal(format!("no local {index}")))?;
        Ok(run.1)
    }
}

impl FuncTranslator<'_> {
    /// Declares a parameter, whose value is `value`, at the beginning of the function.
    pub(super) fn declare_parameter(&mut self, repr: Repr, value: Value) {
        let index = self.locals.used.len();
        self.locals.declare(1, repr);
        let local = self.add_local(repr, Some(value));
        self.locals.used.resize(index + 1, Some(local));
    }

    /// Reads a local.
    pub(super) fn local_get(&mut self, index: u32) -> Result<(), CompileError> {
        let Local { place, repr, .. } = self.local(index)?;
        match place {
            Place::Variable(variable) => {
                let value = self.builder.use_var(variable);
                self.push(value);
            }
            Place::Slot(slot) => {
                let flags = self.flags(Region::Locals);
                let address = self.ins().stack_addr(POINTER, slot, 0);
                let value = self.ins().load(repr.ty, flags, address, 0);
                self.push_as(value, repr);
            }
        }
        Ok(())
    }

    /// Writes a local.
    pub(super) fn local_set(&mut self, index: u32, value: Value) -> Result<(), CompileError> {
        match self.local(index)?.place {
            Place::Variable(variable) => self.builder.def_var(variable, value),
            Place::Slot(slot) => {
                let flags = self.flags(Region::Locals);
                let address = self.ins().stack_addr(POINTER, slot, 0);
                self.ins().store(flags, value, address, 0);
            }
        }
        Ok(())
    }

    /// A local that code uses here.
    fn local(&mut self, index: u32) -> Result<Local, CompileError> {
        let position = index as usize;
        let local = match self.locals.used.get(position) {
            Some(&Some(local)) => local,
            _ => {
                let local = self.add_local(self.locals.repr(index)?, None);
                if self.locals.used.len() <= position {
                    self.locals.used.resize(position + 1, None);
                }
                *self.locals.used[position].insert(local)
            }
        };
        if self.locals.home == Home::Variables {
            self.locals.search.uses(local.number, self.builder.func.dfg.num_blocks());
        }
        Ok(local)
    }

    /// A local whose first value is given, or zero.
    fn add_local(&mut self, repr: Repr, value: Option<Value>) -> Local {
        self.work.has_references |= repr.is_gc_ref;
        let number = self.locals.search.add(repr.is_gc_ref);
        let place = self.place(repr, value);
        Local { place, repr, number }
    }

    fn place(&mut self, repr: Repr, value: Option<Value>) -> Place {
        match self.locals.home {
            Home::Variables => {
                let variable = self.builder.declare_var(repr.ty);
                if repr.is_gc_ref {
                    self.builder.declare_var_needs_stack_map(variable);
                }
                if let Some(value) = value {
                    self.builder.def_var(variable, value);
                }
                Place::Variable(variable)
            }
            Home::Frame => Place::Slot(self.slot(repr, value)),
        }
    }

    /// A place in the frame, which has its first value before all other code.
    fn slot(&mut self, repr: Repr, value: Option<Value>) -> StackSlot {
        let size = repr.ty.bytes();
        let align = size.trailing_zeros() as u8;
        let slot = self.builder.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, size, align));
        if repr.is_gc_ref {
            self.locals.references.push(slot);
        }
        let flags = self.flags(Region::Locals);
        // At the beginning of a function, the block at hand is the one to write to.
        self.builder.ensure_inserted_block();
        let func = &mut *self.builder.func;
        if let Some(entry) = func.layout.entry_block() {
            let mut cursor = FuncCursor::new(func).at_first_insertion_point(entry);
            let value = value.unwrap_or_else(|| zero(&mut cursor, repr.ty));
            let address = cursor.ins().stack_addr(POINTER, slot, 0);
            cursor.ins().store(flags, value, address, 0);
        }
        slot
    }

    /// Notes a call, at which the collector looks for references in the frame.
    pub(super) fn call_emitted(&mut self, call: Inst) {
        if self.locals.home == Home::Frame {
            self.locals.calls.push(call);
        }
    }

    /// Tells the collector of the references in the frame, now that all of them and all calls are known.
    pub(super) fn map_frame(&mut self) -> Result<(), CompileError> {
        let Locals { references, calls, search, .. } = &self.locals;
        if references.is_empty() {
            return Ok(());
        }
        search.check_maps(
            references.len() as u64,
            calls.len() as u64,
            self.builder.func.sized_stack_slots.len() as u64,
        )?;
        for &call in calls {
            let entries = references.iter().map(|&slot| UserStackMapEntry { ty: types::I32, slot, offset: 0 });
            self.builder.func.dfg.append_user_stack_map_entries(call, entries);
        }
        Ok(())
    }
}

/// The default value of a type: zero or null.
fn zero(cursor: &mut FuncCursor<'_>, ty: Type) -> Value {
    match ty {
        types::F32 => cursor.ins().f32const(Ieee32::with_bits(0)),
        types::F64 => cursor.ins().f64const(Ieee64::with_bits(0)),
        types::I8X16 => {
            let zero = cursor.func.dfg.constants.insert([0; 16].as_slice().into());
            cursor.ins().vconst(types::I8X16, zero)
        }
        ty => cursor.ins().iconst(ty, 0),
    }
}

/// What the search for the values of locals costs.
///
/// | what | points | why |
/// |---|---|---|
/// | local and block, up to the last block from which its value is asked for | 1/16 | the table; the search looks into each entry once |
/// | the same of a reference | 1/4 | what is alive is kept as a set for each block |
/// | local and target of a branch table | 1/16 | an argument |
/// | local, label and target of a branch table | 1/512 | a label's new parameter is looked for among all targets |
/// | local and loop around its uses | 1/3 | a parameter, which is removed where the loop leaves the local alone |
/// | such locals of one loop, squared | 1/256 | a parameter that is removed moves those behind it |
/// | local and loop around its uses, times the loops within | 1/1024 | a removed parameter stands for one of the loop around |
///
/// A point is a microsecond, as in `budget.rs`, and an entry of the table takes a dozen bytes.
pub(super) struct Search {
    /// The locals that were used.
    seen: Vec<Seen>,
    /// Loops around the code at hand.
    loops: Vec<Loop>,
    /// How many loops have begun.
    begun: u32,
    /// What branch tables cost every local, in blocks.
    tables: u64,
    /// Sixteenths of points.
    cost: u64,
    limit: u64,
}

/// What is known of a local that was used.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// How many blocks there were when its value was last asked for, branch tables included, and how many loops had begun.
    blocks: u64,
    loops: u32,
    /// What a block costs.
    weight: u64,
}

/// A loop around the code at hand.
#[derive(Debug)]
struct Loop {
    /// How many had begun with it.
    number: u32,
    /// The locals that were used in it.
    locals: Vec<u32>,
}

/// Points that a body may cost, and each of its bytes: a third of what a module may take.
const FIXED_POINTS: u64 = 256;
const POINTS_PER_BYTE: u64 = 3;
/// No body costs more: a second, and some hundred megabytes.
const MOST_POINTS: u64 = 1_000_000;

/// What a block costs a reference, in sixteenths.
const REFERENCE: u64 = 4;

impl Search {
    fn new(body: usize) -> Self {
        let points = (FIXED_POINTS + POINTS_PER_BYTE * body as u64).min(MOST_POINTS);
        Self { seen: Vec::new(), loops: Vec::new(), begun: 0, tables: 0, cost: 0, limit: 16 * points }
    }

    /// A local that was not used before.
    fn add(&mut self, is_reference: bool) -> u32 {
        let weight = if is_reference { REFERENCE } else { 1 };
        self.seen.push(Seen { blocks: 0, loops: 0, weight });
        self.seen.len() as u32 - 1
    }

    /// Counts the use of a local when there are so many blocks.
    fn uses(&mut self, local: u32, blocks: usize) {
        let blocks = blocks as u64 + self.tables;
        let seen = &mut self.seen[local as usize];
        self.cost += seen.weight * (blocks - seen.blocks);
        // The loops that it was not yet used in are the innermost ones. What that means is paid for when they end.
        for around in self.loops.iter_mut().rev().take_while(|around| around.number > seen.loops) {
            around.locals.push(local);
            self.cost += 1;
        }
        (seen.blocks, seen.loops) = (blocks, self.begun);
    }

    /// Counts a branch table of so many targets, at so many labels.
    pub fn branch_table(&mut self, targets: usize, labels: usize) {
        let (targets, labels) = (targets as u64, labels as u64);
        self.tables += targets + targets * labels / 32;
    }

    /// Counts the beginning of a loop.
    pub fn begin_loop(&mut self) {
        self.begun += 1;
        self.loops.push(Loop { number: self.begun, locals: Vec::new() });
    }

    /// Counts what it will cost to end the innermost loop, when there are so many blocks: the values of what is used in it are asked for at its end.
    pub fn end_loop(&mut self, blocks: usize) {
        let Some(Loop { number, locals }) = self.loops.pop() else { return };
        let blocks = blocks as u64 + self.tables;
        for &local in &locals {
            let seen = &mut self.seen[local as usize];
            self.cost += seen.weight * (blocks - seen.blocks);
            seen.blocks = blocks;
        }
        let (count, within) = (locals.len() as u64, u64::from(self.begun - number));
        self.cost += 16 * (count / 3 + count * count / 256 + count * within / 1024);
    }

    /// Whether it costs more than the body is worth.
    #[inline]
    pub fn is_too_much(&self) -> bool {
        self.cost > self.limit
    }

    /// Fails if stack maps that list so many references at so many calls, of a frame of so many places, are more than the body is worth.
    fn check_maps(&self, references: u64, calls: u64, places: u64) -> Result<(), CompileError> {
        let count = calls * (2 * references + places / 8);
        if count <= self.limit {
            return Ok(());
        }
        Err(CompileError::TooComplex { what: "references at calls", count, limit: self.limit })
    }
}

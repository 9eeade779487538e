//! How much work the code generator will have with a function, told before it sees it.
//!
//! The code generator cannot be interrupted, and a hostile function of some kilobytes would keep it busy for minutes, since some
//! of its passes take more than linear time. So every function is weighed once it is translated, which is quick: up to
//! [`FULL_LIMIT`] it is compiled as the settings say, up to [`QUICK_LIMIT`] without optimisation and with the quickest register
//! allocator, and beyond it is refused. What translating itself would take too long for, the values of locals, is counted in
//! `optimizing/locals.rs`.
//!
//! A point is about a microsecond of an idle desktop CPU. What the weights stand for, and what showed them:
//!
//! | what | points optimised | points quick | showed by |
//! |---|---|---|---|
//! | instruction | 1 | 1/2 | straight-line arithmetic |
//! | call | 8, and 1 a value passed | half | straight-line calls; calls of many results |
//! | block | 2 | 1 | a chain of `if`s |
//! | edge of a branch table, or of any branch | 1 | 1/2 | tables of a thousand labels |
//! | value passed to a block | 4 | 1 | locals that every loop of a nest changes |
//! | branches, squared | 1/1024 | 0 | branches to common labels: dominators of the allocator |
//! | operands and locals at a call | 1/32 | 0 | values that live across many calls: splits |
//! | the same in a function with references | 1/4 | 1/4 | the same: spills and stack maps |
//! | operands above sixty-four, at every operator | 1/16 | 1/1024 | a call of a thousand results, ten times: conflicts of live ranges |
//! | locals at a landing, times the calls that throw to it | 1/16 | 1/16 | locals that change between calls within handlers |
//! | loops around a loop | 1/128 | 1/512 | a deep nest |

use cranelift_codegen::ir::{Function, Opcode};

use crate::CompileError;

/// How a function is to be compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effort {
    /// As the settings say.
    Full,
    /// Without optimisation, and with the quickest register allocator.
    Quick,
}

/// Most points that are optimised.
const FULL_LIMIT: u64 = 600_000;
/// Most points that are compiled at all, by the weights of the quick way.
const QUICK_LIMIT: u64 = 5_000_000;

/// What a translation counts because the translated function does not show it.
#[derive(Clone, Default, Debug)]
pub(crate) struct Work {
    /// Sum over the calls of the operands and locals that there are.
    at_calls: u64,
    /// Sum over the landings of the places that throw to them, times the locals.
    at_landings: u64,
    /// Whether there are references that stack maps list.
    pub has_references: bool,
    /// Sum over the loops of the loops around them.
    nesting: u64,
    /// Loops around the code at hand.
    loops: u64,
    /// Calls in the outermost of them, and the sum over these of the locals that there were.
    calls_in_loop: u64,
    locals_in_loop: u64,
    /// Sum over the operators of the operands above [`FEW`].
    heights: u64,
    /// Sum over the labels of their parameters, those for locals included.
    label_params: u64,
}

/// Operands that cost nothing by being there.
const FEW: usize = 64;

impl Work {
    /// A call, where so many operands and locals may have to outlive it.
    pub fn call(&mut self, operands: usize, locals: usize) {
        self.at_calls += (operands + locals) as u64;
        if self.loops > 0 {
            self.calls_in_loop += 1;
            self.locals_in_loop += locals as u64;
        }
    }

    /// An operator that leaves so many operands.
    #[inline]
    pub fn operator(&mut self, height: usize) {
        self.heights += height.saturating_sub(FEW) as u64;
    }

    /// A landing, where so many places may throw and any of so many locals may have changed at each.
    pub fn landing(&mut self, sites: usize, locals: usize) {
        self.at_landings += sites as u64 * locals as u64;
    }

    /// A label whose parameters are all known.
    pub fn label(&mut self, params: usize) {
        self.label_params += params as u64;
    }

    /// The beginning of a loop.
    pub fn begin_loop(&mut self) {
        self.nesting += self.loops;
        self.loops += 1;
    }

    /// The end of a loop. By now there are so many locals, and those that were first used behind a call in it outlive the call in the next turn.
    pub fn end_loop(&mut self, locals: usize) {
        self.loops -= 1;
        if self.loops == 0 {
            let at_calls = std::mem::take(&mut self.calls_in_loop) * locals as u64;
            self.at_calls += at_calls.saturating_sub(std::mem::take(&mut self.locals_in_loop));
        }
    }

    /// Fails when there is already too much to go on translating. A few bytes of a body may stand for ten thousand instructions, as for the fields of
    /// a structure, or for as many parameters of a label, so that these count while they are made.
    #[inline]
    pub fn check(&self, func: &Function) -> Result<(), CompileError> {
        let instructions = func.dfg.num_insts() as u64 / 2;
        let values = 2 * self.label_params + self.references() + self.landings() + self.heights / 1024;
        within_limit(instructions + values + self.nesting / 512)
    }

    /// Points for what may have changed before something was thrown.
    fn landings(&self) -> u64 {
        self.at_landings / 16
    }

    /// Points for the references that live across calls.
    fn references(&self) -> u64 {
        if self.has_references { self.at_calls / 4 } else { 0 }
    }

    /// Tells how to compile the translated function.
    pub fn effort(&self, func: &Function) -> Result<Effort, CompileError> {
        let weight = Weight::of(func);
        let branches = weight.branches * weight.branches / 1024;
        let across_calls = self.at_calls / 32;
        let values = 4 * weight.block_args + across_calls + self.references() + self.landings() + self.heights / 16;
        let full = weight.linear + values + branches + self.nesting / 128;
        if full <= FULL_LIMIT {
            return Ok(Effort::Full);
        }
        let values = weight.block_args + self.references() + self.landings() + self.heights / 1024;
        within_limit(weight.linear / 2 + values + self.nesting / 512)?;
        Ok(Effort::Quick)
    }
}

fn within_limit(points: u64) -> Result<(), CompileError> {
    if points <= QUICK_LIMIT {
        return Ok(());
    }
    Err(CompileError::TooComplex { what: "points of work", count: points, limit: QUICK_LIMIT })
}

/// What weighs in a translated function.
#[derive(Default)]
struct Weight {
    /// Points of what takes linear time.
    linear: u64,
    /// Values that branches pass to blocks.
    block_args: u64,
    /// Instructions that branch.
    branches: u64,
}

impl Weight {
    fn of(func: &Function) -> Self {
        let mut weight = Self::default();
        for block in func.layout.blocks() {
            weight.linear += 2;
            for inst in func.layout.block_insts(block) {
                weight.linear += 1;
                let opcode = func.dfg.insts[inst].opcode();
                if opcode.is_call() {
                    let values = func.dfg.inst_args(inst).len() + func.dfg.inst_results(inst).len();
                    weight.linear += 8 + values as u64;
                }
                // A call within handlers is a branch too.
                if opcode.is_branch() {
                    weight.branches += u64::from(opcode != Opcode::Jump);
                    let calls =
                        func.dfg.insts[inst].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables);
                    weight.linear += calls.len() as u64;
                    let args = calls.iter().map(|call| call.len(&func.dfg.value_lists) as u64);
                    weight.block_args += args.sum::<u64>();
                }
            }
        }
        weight
    }
}

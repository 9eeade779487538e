//! Function bodies validated: most by a [quick acceptor](quick), the others by the validating library instruction by instruction,
//! under budgets of our own, and by several threads where a module is large.

mod budget;
mod quick;

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use wasmparser::{BinaryReader, FuncToValidate, FuncValidatorAllocations, WasmFeatures};

use self::budget::{BUDGET, Budget, Costs};
use self::quick::{Quick, Scratch};
use crate::declarations::Declarations;
use crate::decode::{Decoded, Resources};
use crate::error::CompileError;
use crate::helpers::together;
use crate::index::*;
use crate::limits;
use crate::names::Names;

/// Bytes of code that a thread takes at a time: little, so that all threads end at about the same time.
const CHUNK: u32 = 16 * 1024;

/// Validates every function body. The fault reported is that of the first faulty function, whichever thread is first.
pub(crate) fn function_bodies(
    bytes: &[u8],
    decoded: &Decoded,
    helpers: Option<NonZero<usize>>,
) -> Result<(), CompileError> {
    within_budget(bytes, decoded, helpers, BUDGET)
}

fn within_budget(
    bytes: &[u8],
    decoded: &Decoded,
    helpers: Option<NonZero<usize>>,
    budget: Budget,
) -> Result<(), CompileError> {
    let declarations = &decoded.declarations;
    let Some(resources) = &decoded.resources else { return Ok(()) };
    let (features, costs, work) = (decoded.features, Costs::of(declarations), &AtomicU64::new(0));
    let quick = Quick::new(declarations, features, decoded.data_count, budget.function);
    let ranges = declarations.bodies.all(bytes);
    let bodies =
        Bodies { bytes, base: 0, declarations, first: 0, ranges, resources, features, quick, costs, budget, work };
    let result = match helpers {
        Some(helpers) => bodies.validate_with(helpers),
        None => bodies.validate(0..ranges.len(), &mut Worker::default()),
    };
    result.map_err(|(func, error)| error.within(describe(bytes, declarations, func)))
}

/// Whether some bodies of a module are valid that is not whole yet. `ranges` are where they lie in the module, the first of them being that of the
/// function `first`; `bytes` are the module's from `base` on. `work` is what validating the module has taken so far.
pub(crate) fn part_is_valid(
    head: &Decoded,
    first: DefinedFuncIdx,
    ranges: &[Range<u32>],
    bytes: &[u8],
    base: u32,
    work: &AtomicU64,
) -> bool {
    let (declarations, features, budget) = (&head.declarations, head.features, BUDGET);
    let Some(resources) = &head.resources else { return ranges.is_empty() };
    let quick = Quick::new(declarations, features, head.data_count, budget.function);
    let (costs, first) = (Costs::of(declarations), first.index());
    let bodies = Bodies { bytes, base, declarations, first, ranges, resources, features, quick, costs, budget, work };
    bodies.validate(0..ranges.len(), &mut Worker::default()).is_ok()
}

/// How much of a module's code the quick acceptor takes: bodies and bytes, taken and in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QuickShare {
    /// Bodies that it accepts.
    pub accepted_bodies: usize,
    /// Their bytes.
    pub accepted_bytes: usize,
    /// All bodies.
    pub bodies: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// Finds out how much of a module's code the quick acceptor takes. For measuring.
pub fn quick_share(bytes: &[u8], features: &crate::features::Features) -> Result<QuickShare, CompileError> {
    let decoded = crate::decode::decode(bytes, features)?;
    let declarations = &decoded.declarations;
    let quick = Quick::new(declarations, decoded.features, decoded.data_count, BUDGET.function);
    let mut scratch = Scratch::default();
    let mut share = QuickShare::default();
    for (position, body) in declarations.bodies.all(bytes).iter().enumerate() {
        let func = declarations.func_index(DefinedFuncIdx::new(position));
        let code = &bytes[body.start as usize..body.end as usize];
        let accepted = quick.as_ref().and_then(|quick| quick.accept(func, code, &mut scratch)).is_some();
        share.bodies += 1;
        share.bytes += code.len();
        share.accepted_bodies += usize::from(accepted);
        share.accepted_bytes += if accepted { code.len() } else { 0 };
    }
    Ok(share)
}

/// Consecutive bodies of about [`CHUNK`] bytes together.
fn chunks(bodies: &[Range<u32>]) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let mut start = 0;
    for (position, body) in bodies.iter().enumerate() {
        if body.end - bodies[start].start >= CHUNK {
            chunks.push(start..position + 1);
            start = position + 1;
            if start == bodies.len() {
                return chunks;
            }
        }
    }
    if start < bodies.len() {
        chunks.push(start..bodies.len());
    }
    chunks
}

/// A function by its index and, where it has one, its name.
fn describe(bytes: &[u8], declarations: &Declarations, func: FuncIdx) -> String {
    match Names::parse(bytes, declarations).function(func) {
        Some(name) => format!("function #{}:\"{name}\"", func.0),
        None => format!("function #{}", func.0),
    }
}

struct Bodies<'a> {
    /// Bytes of the module, from `base` on.
    bytes: &'a [u8],
    base: u32,
    declarations: &'a Declarations,
    /// Where bodies lie in the module, that of the defined function `first` first.
    ranges: &'a [Range<u32>],
    first: usize,
    resources: &'a Resources,
    features: WasmFeatures,
    quick: Option<Quick<'a>>,
    costs: Costs,
    budget: Budget,
    /// Work done for the whole module so far.
    work: &'a AtomicU64,
}

/// What a thread uses again from body to body.
#[derive(Default)]
struct Worker {
    allocations: FuncValidatorAllocations,
    scratch: Scratch,
}

impl Bodies<'_> {
    fn validate(&self, positions: Range<usize>, worker: &mut Worker) -> Result<(), (FuncIdx, CompileError)> {
        for position in positions {
            let func = self.declarations.func_index(DefinedFuncIdx::new(self.first + position));
            let body = &self.ranges[position];
            match self.accept(func, body, &mut worker.scratch) {
                Some(work) => self.count(work, body),
                None => {
                    let again = std::mem::take(&mut worker.allocations);
                    self.function(func, body, again).map(|used| worker.allocations = used)
                }
            }
            .map_err(|error| (func, error))?;
        }
        Ok(())
    }

    /// Validates all bodies, together with helpers.
    fn validate_with(&self, helpers: NonZero<usize>) -> Result<(), (FuncIdx, CompileError)> {
        let chunks = chunks(self.ranges);
        let next = AtomicUsize::new(0);
        let fault = Mutex::new(None::<(FuncIdx, CompileError)>);
        together(helpers, Worker::default, |worker| {
            let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) else { return false };
            if let Err(found) = self.validate(chunk.clone(), worker) {
                // Whatever comes before is being validated or was; what comes after does not matter any more.
                next.store(chunks.len(), Ordering::Relaxed);
                let mut first = fault.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|first| found.0.0 < first.0.0) {
                    *first = Some(found);
                }
            }
            true
        });
        fault.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// The work that a body takes which the quick acceptor finds to be valid.
    fn accept(&self, func: FuncIdx, body: &Range<u32>, scratch: &mut Scratch) -> Option<u64> {
        self.quick.as_ref()?.accept(func, self.code(body), scratch)
    }

    /// The bytes of a body.
    fn code(&self, body: &Range<u32>) -> &[u8] {
        &self.bytes[(body.start - self.base) as usize..(body.end - self.base) as usize]
    }

    /// Adds to the module's work.
    fn count(&self, work: u64, body: &Range<u32>) -> Result<(), CompileError> {
        let total = if work > 0 { self.work.fetch_add(work, Ordering::Relaxed) + work } else { 0 };
        if total > self.budget.module {
            return Err(budget::exceeded(u64::from(body.start), total, self.budget.module));
        }
        Ok(())
    }

    /// Validates a body by the library.
    fn function(
        &self,
        func: FuncIdx,
        body: &Range<u32>,
        allocations: FuncValidatorAllocations,
    ) -> Result<FuncValidatorAllocations, CompileError> {
        let code = self.code(body);
        let mut reader = BinaryReader::new_features(code, u64::from(body.start), self.features);
        let mut validator = FuncToValidate {
            resources: self.resources,
            index: func.0,
            ty: self.declarations.functions[func.index()].0,
            features: self.features,
        }
        .into_validator(allocations);
        validator.read_locals(&mut reader)?;

        let mut work = 0;
        let watch_height = self.costs.may_exceed_stack(code.len());
        while !reader.eof() {
            let offset = reader.original_position();
            let opcode = code[(offset - u64::from(body.start)) as usize];
            if self.costs.is_costly(opcode) {
                let operator = reader.peek_operator(&validator.visitor(offset))?;
                work += budget::work(&operator, offset, &validator)?;
                if work > self.budget.function {
                    return Err(budget::exceeded(offset, work, self.budget.function));
                }
            }
            reader.visit_operator(&mut validator.visitor(offset))??;
            if watch_height && validator.operand_stack_height() > limits::MAX_OPERAND_STACK_HEIGHT {
                return Err(budget::stack_too_high(offset, validator.operand_stack_height()));
            }
        }
        reader.finish_expression(&validator.visitor(reader.original_position()))?;

        self.count(work, body)?;
        Ok(validator.into_allocations())
    }
}

#[cfg(test)]
mod tests;

//! Function bodies validated: by the validating library instruction by instruction, under budgets of our own, and by several
//! threads where a module is large.

mod budget;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use wasmparser::{BinaryReader, FuncToValidate, FuncValidatorAllocations, ValidatorResources, WasmFeatures};

use self::budget::{BUDGET, Budget, Costs};
use crate::declarations::Declarations;
use crate::decode::Decoded;
use crate::error::CompileError;
use crate::index::*;
use crate::limits;
use crate::names::Names;

/// Bytes of a module from which on several threads validate it. A smaller one is done before a thread has woken up.
pub const PARALLEL_THRESHOLD: usize = 256 * 1024;

/// Bytes of code that a thread takes at a time.
const CHUNK: u32 = 64 * 1024;

/// Whether validating these bytes gains by a pool of threads.
pub fn wants_threads(bytes: &[u8]) -> bool {
    bytes.len() >= PARALLEL_THRESHOLD
}

/// Validates every function body. The fault reported is that of the first faulty function, whichever thread is first.
pub(crate) fn function_bodies(
    bytes: &[u8],
    decoded: &Decoded,
    pool: Option<&rayon::ThreadPool>,
) -> Result<(), CompileError> {
    within_budget(bytes, decoded, pool, BUDGET)
}

fn within_budget(
    bytes: &[u8],
    decoded: &Decoded,
    pool: Option<&rayon::ThreadPool>,
    budget: Budget,
) -> Result<(), CompileError> {
    let declarations = &decoded.declarations;
    let Some(resources) = &decoded.resources else { return Ok(()) };
    let (features, costs, work) = (decoded.features, Costs::of(declarations), AtomicU64::new(0));
    let bodies = Bodies { bytes, declarations, resources, features, costs, budget, work };
    let result = match pool {
        Some(pool) if wants_threads(bytes) => {
            let chunks = chunks(&declarations.bodies);
            pool.install(|| {
                chunks.into_par_iter().find_map_first(|chunk| bodies.validate(chunk).err()).map_or(Ok(()), Err)
            })
        }
        _ => bodies.validate(0..declarations.bodies.len()),
    };
    result.map_err(|(func, error)| error.within(describe(bytes, declarations, func)))
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
    bytes: &'a [u8],
    declarations: &'a Declarations,
    resources: &'a ValidatorResources,
    features: WasmFeatures,
    costs: Costs,
    budget: Budget,
    /// Work done for the whole module so far.
    work: AtomicU64,
}

impl Bodies<'_> {
    fn validate(&self, positions: Range<usize>) -> Result<(), (FuncIdx, CompileError)> {
        let mut allocations = FuncValidatorAllocations::default();
        for position in positions {
            let func = self.declarations.func_index(DefinedFuncIdx::new(position));
            allocations =
                self.function(func, &self.declarations.bodies[position], allocations).map_err(|e| (func, e))?;
        }
        Ok(())
    }

    fn function(
        &self,
        func: FuncIdx,
        body: &Range<u32>,
        allocations: FuncValidatorAllocations,
    ) -> Result<FuncValidatorAllocations, CompileError> {
        let code = &self.bytes[body.start as usize..body.end as usize];
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
            let opcode = self.bytes[offset as usize];
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

        let total = if work > 0 { self.work.fetch_add(work, Ordering::Relaxed) + work } else { 0 };
        if total > self.budget.module {
            return Err(budget::exceeded(u64::from(body.start), total, self.budget.module));
        }
        Ok(validator.into_allocations())
    }
}

#[cfg(test)]
mod tests;

//! How much work compiling a function takes, told before the code generator sees it.
//!
//! The code generator cannot be interrupted, and some of its passes are superlinear: in the number of locals times blocks (a
//! block may need a parameter for each local), in the edges of branch tables, in the sheer size of a function. A hostile
//! function of a few kilobytes would keep it busy for minutes. So a function is scored first; up to [`FULL_LIMIT`] it is
//! optimised, up to [`QUICK_LIMIT`] it is compiled in the quickest way, and beyond it is refused.

use wasmparser::{BinaryReader, FunctionBody, Operator};

use crate::CompileError;

/// How a function is to be compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effort {
    /// As the settings say.
    Full,
    /// Without optimisation, and with the quickest register allocator.
    Quick,
}

/// Highest score that is optimised.
const FULL_LIMIT: u64 = 1_000_000;
/// Highest score that is compiled at all.
const QUICK_LIMIT: u64 = 20_000_000;

/// Score of a byte of a body.
const BYTE: u64 = 1;
/// Score of an edge of a branch table.
const TABLE_EDGE: u64 = 4;
/// Score of a local in a block, of which the blocks that loops and joins make may each need a parameter: a sixteenth of a
/// point, since few blocks need all.
const LOCALS_PER_POINT: u64 = 16;

/// Tells how to compile a body.
pub(crate) fn effort(body: &[u8], body_offset: usize) -> Result<Effort, CompileError> {
    let score = score(body, body_offset)?;
    if score <= FULL_LIMIT {
        Ok(Effort::Full)
    } else if score <= QUICK_LIMIT {
        Ok(Effort::Quick)
    } else {
        Err(CompileError::TooComplex { what: "score", count: score, limit: QUICK_LIMIT })
    }
}

fn score(body: &[u8], body_offset: usize) -> Result<u64, CompileError> {
    let function = FunctionBody::new(BinaryReader::new(body, body_offset as u64));
    let mut locals = 0;
    for group in function.get_locals_reader()? {
        locals += u64::from(group?.0);
    }
    let bytes = body.len() as u64 * BYTE;
    // A block takes two bytes at least, and so does an edge of a table with its share: small bodies need no closer look.
    if bytes * (1 + TABLE_EDGE) + bytes / 2 * (locals / LOCALS_PER_POINT) <= FULL_LIMIT {
        return Ok(bytes);
    }

    let (mut blocks, mut edges) = (0u64, 0u64);
    let mut operators = function.get_operators_reader()?;
    while !operators.eof() {
        match operators.read()? {
            Operator::Block { .. } | Operator::If { .. } | Operator::Else | Operator::TryTable { .. } => blocks += 1,
            // Only a loop makes the state of every local at its beginning unknown until its end.
            Operator::Loop { .. } => blocks += 4,
            Operator::BrTable { targets } => edges += u64::from(targets.len()),
            _ => {}
        }
    }
    Ok(bytes + edges * TABLE_EDGE + blocks.saturating_mul(locals) / LOCALS_PER_POINT)
}

//! The work that validating an instruction takes, so that a module of a few kilobytes cannot keep a thread busy for minutes.
//!
//! Most instructions handle a few values. Those that this file calls costly handle as many as a type says: a call of two bytes
//! may push a thousand, a `br_table` of a megabyte compares a thousand types for each of its targets.

use wasmparser::{BlockType, Catch, FrameKind, ModuleArity, Operator};

use crate::declarations::Declarations;
use crate::decode::array_too_long;
use crate::error::CompileError;
use crate::limits;
use crate::types::CompType;

/// How much work a module may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// For one function.
    pub(super) function: u64,
    /// For all functions together.
    pub(super) module: u64,
}

/// The budget of every module.
pub(super) const BUDGET: Budget =
    Budget { function: limits::MAX_FUNCTION_VALIDATION_WORK, module: limits::MAX_MODULE_VALIDATION_WORK };

/// Values that a function type of a module may have until its calls and branches are counted. Below it they take little more
/// work a byte than any other instruction.
pub(super) const WIDE: usize = 64;

/// What can take much work in a module at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    /// Most parameters or results of a function type.
    arity: usize,
    /// Whether calls and branches must be counted.
    wide: bool,
}

impl Costs {
    pub(super) fn of(declarations: &Declarations) -> Self {
        let mut costs = Self { arity: 1, wide: false };
        for ty in &declarations.types {
            if let CompType::Func(ty) = &ty.comp {
                costs.arity = costs.arity.max(ty.params.len()).max(ty.results.len());
                costs.wide |= ty.params.len() + ty.results.len() > WIDE;
            }
        }
        costs
    }

    /// Whether the first byte of an instruction says that it may handle more than a few values: `br_table`, `try_table` and
    /// aggregates always; other control instructions, calls, branches on references and stack switching by their types.
    #[inline]
    pub(super) fn is_costly(self, opcode: u8) -> bool {
        match opcode {
            0x0e | 0x1f | 0xfb => true,
            0x02..=0x19 | 0xd5 | 0xd6 | 0xe0..=0xe6 => self.wide,
            _ => false,
        }
    }

    /// Whether a body is long enough to make its operand stack too high. An instruction that pushes takes two bytes at least.
    pub(super) fn may_exceed_stack(self, body: usize) -> bool {
        body / 2 * self.arity > limits::MAX_OPERAND_STACK_HEIGHT as usize
    }
}

/// The number of types that validating an instruction handles. Fails where that breaks a limit by itself.
pub(super) fn work(operator: &Operator<'_>, offset: u64, module: &impl ModuleArity) -> Result<u64, CompileError> {
    let (pops, pushes) = operator.operator_arity(module).unwrap_or((0, 0));
    let own = u64::from(pops) + u64::from(pushes);
    Ok(own
        + match operator {
            Operator::ArrayNewFixed { array_size, .. } if *array_size > limits::MAX_ARRAY_NEW_FIXED => {
                return Err(array_too_long(*array_size, offset));
            }
            Operator::BrTable { targets } => {
                let (count, limit) = (targets.len(), limits::MAX_BR_TABLE_TARGETS);
                if count > limit {
                    let message = format!("br_table of {count} targets, at most {limit} are allowed");
                    return Err(CompileError::at(offset as usize, message));
                }
                let mut work = 0;
                for label in targets.targets() {
                    work += 1 + label_arity(module, label?);
                }
                work
            }
            Operator::TryTable { try_table } => try_table.catches.iter().map(|catch| catch_work(module, catch)).sum(),
            _ => 0,
        })
}

/// The number of values that a branch to a label takes along.
fn label_arity(module: &impl ModuleArity, depth: u32) -> u64 {
    let arity = module.label_block(depth).and_then(|(ty, kind)| {
        let (params, results) = match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(ty) => module.sub_type_arity(module.sub_type_at(ty)?)?,
        };
        Some(if kind == FrameKind::Loop { params } else { results })
    });
    arity.map_or(0, u64::from)
}

fn catch_work(module: &impl ModuleArity, catch: &Catch) -> u64 {
    let (tag, label) = match *catch {
        Catch::One { tag, label } | Catch::OneRef { tag, label } => (Some(tag), label),
        Catch::All { label } | Catch::AllRef { label } => (None, label),
    };
    let thrown = tag.and_then(|tag| module.tag_type_arity(tag)).map_or(0, |(params, _)| u64::from(params));
    1 + thrown + label_arity(module, label)
}

pub(super) fn exceeded(offset: u64, work: u64, limit: u64) -> CompileError {
    CompileError::at(offset as usize, format!("too complex: validation work {work} > {limit}"))
}

pub(super) fn stack_too_high(offset: u64, height: u32) -> CompileError {
    let limit = limits::MAX_OPERAND_STACK_HEIGHT;
    CompileError::at(offset as usize, format!("too complex: operand stack height {height} > {limit}"))
}

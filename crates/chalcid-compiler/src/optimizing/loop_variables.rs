//! Lets the variables of loops keep their registers from turn to turn.
//!
//! A turn of a loop hands the next value of each variable to the parameter of the loop's header. When the register allocator can give both
//! the same register, nothing is left to do at the end of a turn, and the branch back is one instruction; where it cannot, there is a block
//! of moves and a second branch. Cranelift's optimiser does not look at this, so after it has run:
//!
//! - The next value of a counter, `x + d`, is computed at the end of the turn, when the old one has been used.
//! - A condition that compares the old value with a constant, `x == k`, compares the next one, `x + d == k + d`, if that is what the branch hands
//!   on. Producers write it so, and the optimiser's rules turn it round: the old value then lives to the end of the turn, beside the new one.
//! - A sum of the old value and something else names the old value first, since two-operand instructions overwrite their first operand.
//!
//! All keep every value what it is. They look at the branch at the end of a block, what defines its arguments, and few instructions between.

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    BlockArg, Function, Inst, InstBuilder, InstructionData, Opcode, Type, Value, ValueDef, types,
};

/// A variable of a loop at a branch back: the parameter of the header, and the value it has in the next turn.
#[derive(Clone, Copy)]
struct Variable {
    parameter: Value,
    next: Value,
}

/// A variable that takes steps of a constant.
#[derive(Clone, Copy)]
struct Counter {
    variable: Variable,
    /// The addition.
    inst: Inst,
    step: i64,
}

/// A counter's addition is moved past so many instructions at most.
const MAX_MOVE: usize = 64;

/// Rewrites what defines the variables of loops, see above. The function has been optimised and stays in the same blocks.
pub(super) fn keep_registers(func: &mut Function) {
    let mut variables = Vec::new();
    let mut block = func.layout.entry_block();
    while let Some(current) = block {
        block = func.layout.next_block(current);
        let Some(branch) = func.layout.last_inst(current) else { continue };
        find_variables(func, branch, &mut variables);
        for &variable in &variables {
            match counter(func, variable) {
                Some(counter) => {
                    count_last(func, branch, counter);
                    compare_next_value(func, branch, counter);
                }
                None => name_first(func, variable),
            }
        }
    }
}

/// Finds what a jump or a conditional branch hands to blocks.
fn find_variables(func: &Function, branch: Inst, variables: &mut Vec<Variable>) {
    variables.clear();
    let dfg = &func.dfg;
    let data = &dfg.insts[branch];
    if !matches!(data.opcode(), Opcode::Jump | Opcode::Brif) {
        return;
    }
    for call in data.branch_destination(&dfg.jump_tables, &dfg.exception_tables) {
        let parameters = dfg.block_params(call.block(&dfg.value_lists));
        for (&parameter, argument) in parameters.iter().zip(call.args(&dfg.value_lists)) {
            if let BlockArg::Value(next) = argument {
                variables.push(Variable { parameter, next: dfg.resolve_aliases(next) });
            }
        }
    }
}

/// The instruction whose only result a value is.
fn defining_inst(func: &Function, value: Value) -> Option<Inst> {
    match func.dfg.value_def(func.dfg.resolve_aliases(value)) {
        ValueDef::Result(inst, 0) if func.dfg.inst_results(inst).len() == 1 => Some(inst),
        _ => None,
    }
}

/// The operands of an instruction with two.
fn operands(func: &Function, inst: Inst) -> Option<[Value; 2]> {
    let &[left, right] = func.dfg.inst_args(inst) else { return None };
    Some([func.dfg.resolve_aliases(left), func.dfg.resolve_aliases(right)])
}

/// A constant integer, as its bits.
fn constant(func: &Function, value: Value) -> Option<i64> {
    match func.dfg.insts[defining_inst(func, value)?] {
        InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => Some(imm.bits()),
        _ => None,
    }
}

/// A variable as a counter, if it is one.
fn counter(func: &Function, variable: Variable) -> Option<Counter> {
    let inst = defining_inst(func, variable.next)?;
    if func.dfg.insts[inst].opcode() != Opcode::Iadd {
        return None;
    }
    let step = match operands(func, inst)? {
        [left, right] if left == variable.parameter => constant(func, right)?,
        [left, right] if right == variable.parameter => constant(func, left)?,
        _ => return None,
    };
    Some(Counter { variable, inst, step })
}

/// Moves a counter's addition to the end of the branch's block, unless the block uses the sum before.
fn count_last(func: &mut Function, branch: Inst, Counter { variable, inst, .. }: Counter) {
    let mut next = func.layout.next_inst(inst);
    for _ in 0..MAX_MOVE {
        match next {
            Some(between) if between == branch => {
                func.layout.remove_inst(inst);
                func.layout.insert_inst(inst, branch);
                return;
            }
            Some(between) if !func.dfg.inst_values(between).any(|value| value == variable.next) => {
                next = func.layout.next_inst(between);
            }
            _ => return,
        }
    }
}

/// Makes the branch's condition compare a counter's next value where it compares the old one with a constant for being equal or not.
fn compare_next_value(func: &mut Function, branch: Inst, Counter { variable, step, .. }: Counter) -> Option<()> {
    if func.dfg.insts[branch].opcode() != Opcode::Brif {
        return None;
    }
    let condition = defining_inst(func, *func.dfg.inst_args(branch).first()?)?;
    let InstructionData::IntCompare { cond: cond @ (IntCC::Equal | IntCC::NotEqual), .. } = func.dfg.insts[condition]
    else {
        return None;
    };
    let [compared, limit] = operands(func, condition)?;
    if compared != variable.parameter {
        return None;
    }
    let ty = func.dfg.value_type(compared);
    let limit = immediate(ty, constant(func, limit)?.wrapping_add(step))?;

    let mut cursor = FuncCursor::new(func).at_inst(branch);
    let location = cursor.func.srcloc(branch);
    cursor.set_srcloc(location);
    let limit = cursor.ins().iconst(ty, limit);
    let condition = cursor.ins().icmp(cond, variable.next, limit);
    cursor.func.dfg.inst_args_mut(branch)[0] = condition;
    Some(())
}

/// The bits of a constant that instructions take as an immediate, whatever the sum of two constants overflowed to.
fn immediate(ty: Type, sum: i64) -> Option<i64> {
    match ty {
        types::I32 => Some(i64::from(sum as u32)),
        types::I64 => i32::try_from(sum).ok().map(i64::from),
        _ => None,
    }
}

/// Makes `parameter` the first operand of the instruction that computes `next`, where the order does not matter.
fn name_first(func: &mut Function, Variable { parameter, next }: Variable) {
    let Some(inst) = defining_inst(func, next) else { return };
    let commutes = matches!(func.dfg.insts[inst].opcode(), Opcode::Iadd | Opcode::Band | Opcode::Bor | Opcode::Bxor);
    let Some([left, right]) = operands(func, inst) else { return };
    if commutes && right == parameter && left != parameter && !func.dfg.value_type(next).is_vector() {
        func.dfg.inst_args_mut(inst).swap(0, 1);
    }
}

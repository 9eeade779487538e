//! Moves loads of a memory's base and size out of loops in which they cannot change.
//!
//! A checked access reads both each time, since any call may grow the memory. In a loop without calls nothing grows it, yet Cranelift leaves
//! loads where they are unless the memory they read never changes at all. So the loads are moved here, before Cranelift optimises; it then
//! merges those that meet, and moves what is computed from them.
//!
//! A load is moved in front of a loop when
//! - it reads in [`Region::MemoryHeaders`], or what never changes in the instance: both can be read anywhere and at any time;
//! - the loop holds no instruction that may write there (see [`disturbs`]);
//! - its address is computed before the loop;
//! - the loop is entered from one block.
//!
//! A memory that other agents may grow is read too rarely then, which they cannot tell from a growth that comes late: to order anything between
//! agents takes atomic instructions, and these disturb.

use cranelift_codegen::Context;
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::ArgumentPurpose::VMContext;
use cranelift_codegen::ir::{AliasRegion, Block, Function, Inst, Opcode, Value, ValueDef};
use cranelift_codegen::loop_analysis::{Loop, LoopAnalysis};

use super::region::Region;

/// So many nested loops a load leaves at most: the search costs no more than that for each load.
const MAX_LEVELS: usize = 8;

/// Moves what can be moved. The context's analyses are out of date afterwards.
pub(super) fn hoist_memory_headers(context: &mut Context) {
    let Some(headers) = Region::MemoryHeaders.find(&context.func) else { return };
    context.flowgraph();
    context.compute_loop_analysis();
    if context.loop_analysis.loops().len() == 0 {
        return;
    }

    let entry_branches = entry_branches(context);
    let Context { func, domtree, loop_analysis: loops, .. } = context;
    let disturbed = disturbed_loops(func, loops, headers);
    for &block in domtree.cfg_rpo() {
        if loops.innermost_loop(block).is_none() {
            continue;
        }
        let mut next = func.layout.first_inst(block);
        while let Some(inst) = next {
            next = func.layout.next_inst(inst);
            let Some(address) = movable_load(func, inst, headers) else { continue };
            let Some(defined_in) = defining_block(func, address) else { continue };

            // The outermost loop that the load can leave.
            let mut target = None;
            let mut candidate = loops.innermost_loop(block);
            for _ in 0..MAX_LEVELS {
                let Some(around) = candidate else { break };
                let header = loops.loop_header(around);
                let address_is_outside = defined_in != header && domtree.block_dominates(defined_in, header);
                if disturbed[around] || !address_is_outside {
                    break;
                }
                let Some(entry) = entry_branches[around] else { break };
                target = Some(entry);
                candidate = loops.loop_parent(around);
            }
            if let Some(branch) = target {
                func.layout.remove_inst(inst);
                func.layout.insert_inst(inst, branch);
            }
        }
    }
}

/// The address of a load that may be moved.
fn movable_load(func: &Function, inst: Inst, headers: AliasRegion) -> Option<Value> {
    let data = &func.dfg.insts[inst];
    if data.opcode() != Opcode::Load {
        return None;
    }
    let flags = func.dfg.mem_flags[data.memflags()?];
    let address = func.dfg.inst_args(inst).first().copied()?;
    // The pointer to a header, which lies in the instance.
    let of_instance = flags.readonly() && flags.can_move() && Some(address) == func.special_param(VMContext);
    (flags.notrap() && (of_instance || flags.alias_region() == Some(headers))).then_some(address)
}

/// The block in which a value comes to be.
fn defining_block(func: &Function, value: Value) -> Option<Block> {
    match func.dfg.value_def(func.dfg.resolve_aliases(value)) {
        ValueDef::Result(inst, _) => func.layout.inst_block(inst),
        ValueDef::Param(block, _) => Some(block),
        ValueDef::Union(..) => None,
    }
}

/// The only branch into each loop from outside, where there is only one.
fn entry_branches(context: &Context) -> SecondaryMap<Loop, Option<Inst>> {
    let Context { cfg, domtree, loop_analysis: loops, .. } = context;
    let mut branches = SecondaryMap::new();
    for around in loops.loops() {
        let header = loops.loop_header(around);
        // Control flow is reducible: what the header dominates comes from within.
        let mut entries = cfg.pred_iter(header).filter(|pred| !domtree.block_dominates(header, pred.block));
        if let (Some(entry), None) = (entries.next(), entries.next()) {
            branches[around] = Some(entry.inst);
        }
    }
    branches
}

/// The loops in which something may write to the headers, themselves or in a loop within.
fn disturbed_loops(func: &Function, loops: &LoopAnalysis, headers: AliasRegion) -> SecondaryMap<Loop, bool> {
    let mut disturbed = SecondaryMap::new();
    for block in func.layout.blocks() {
        let Some(innermost) = loops.innermost_loop(block) else { continue };
        if disturbed[innermost] || !func.layout.block_insts(block).any(|inst| disturbs(func, inst, headers)) {
            continue;
        }
        let mut around = Some(innermost);
        while let Some(outer) = around.filter(|&outer| !disturbed[outer]) {
            disturbed[outer] = true;
            around = loops.loop_parent(outer);
        }
    }
    disturbed
}

/// Whether an instruction may write to the headers, or orders this agent's reads of them with what other agents write.
fn disturbs(func: &Function, inst: Inst, headers: AliasRegion) -> bool {
    let data = &func.dfg.insts[inst];
    let opcode = data.opcode();
    if opcode.is_call() || opcode == Opcode::Fence || opcode == Opcode::StackSwitch {
        return true;
    }
    if matches!(opcode, Opcode::AtomicLoad | Opcode::AtomicStore | Opcode::AtomicRmw | Opcode::AtomicCas) {
        return true;
    }
    if !opcode.can_store() {
        return false;
    }
    // A store that says it goes to another region disturbs nothing here.
    match data.memflags().map(|flags| func.dfg.mem_flags[flags].alias_region()) {
        Some(Some(region)) => region == headers,
        _ => true,
    }
}

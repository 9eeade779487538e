//! Control instructions: blocks, branches, and the nesting of unreachable code.
//!
//! A branch passes the operands of its label as block parameters. The block that a label stands for is made when the first
//! branch to it is met: most blocks of real programs are never branched to by some of their labels, and every block costs the
//! register allocator. A block that nothing branches to is thus no block at all.

use chalcid_module::builtins::Builtin;
use chalcid_module::index::TypeIdx;
use chalcid_module::layout::{vmagent, vmcontext};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::ValType;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, BlockArg, InstBuilder, JumpTableData, MemFlagsData, Value, types};
use wasmparser::{BlockType, BrTable, Catch, Operator};

use super::exception::{self, Caught};
use super::region::Region;
use super::translator::FuncTranslator;
use super::types::val_type;
use crate::CompileError;

/// Up to so many labels other than its default's are found by comparisons.
const FEW_TARGETS: usize = 4;

/// A control frame.
pub(super) struct Frame<'a> {
    pub(super) kind: FrameKind,
    /// Operands below the frame's own, its parameters included in the latter.
    pub(super) height: usize,
    /// Types of the operands that a branch to the label takes.
    label_types: ValTypes<'a>,
    /// Where a branch to the label goes, once there is one.
    label: Option<ir::Block>,
    /// How many handlers there are around the frame's content.
    pub(super) handlers: usize,
}

/// What opened a control frame.
pub(super) enum FrameKind {
    /// The function itself.
    Func,
    /// `block`.
    Block,
    /// `loop`: its label is its beginning.
    Loop,
    /// `if`, before its `else`.
    If {
        /// Where a false condition leads.
        otherwise: ir::Block,
        /// The frame's parameters, which the second branch takes anew.
        params: Box<[Value]>,
    },
    /// `else`.
    Else,
    /// `try_table`, with its clauses.
    TryTable(Box<[Catch]>),
    /// `try`, before its first clause.
    Try,
    /// `catch` or `catch_all` of a `try`, with the exception, if there can be any.
    Catch(Option<Caught>),
}

/// The types of a block's parameters or results.
#[derive(Clone, Copy)]
pub(super) enum ValTypes<'a> {
    /// Up to one, written in the block itself.
    Inline(Option<ValType>),
    /// Those of a function type.
    Listed(&'a [ValType]),
}

impl ValTypes<'_> {
    fn as_slice(&self) -> &[ValType] {
        match self {
            ValTypes::Inline(ty) => ty.as_slice(),
            ValTypes::Listed(types) => types,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.as_slice().len()
    }
}

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match op {
        Operator::Nop => {}
        Operator::Unreachable => t.trap(TrapCode::Unreachable),
        Operator::Block { blockty } => {
            let (params, results) = t.block_types(*blockty)?;
            t.push_frame(FrameKind::Block, params.len(), results, None);
        }
        Operator::Loop { blockty } => t.begin_loop(*blockty)?,
        Operator::If { blockty } => t.begin_if(*blockty)?,
        Operator::Else => t.begin_else(),
        Operator::End => t.end()?,
        Operator::Br { relative_depth } => t.br(*relative_depth),
        Operator::BrIf { relative_depth } => {
            let condition = t.pop();
            match t.likely {
                None => t.br_if(*relative_depth, condition),
                Some(taken) => t.br_if_hinted(*relative_depth, condition, taken),
            }
        }
        Operator::BrTable { targets } => t.br_table(targets)?,
        Operator::Return => t.return_(),
        Operator::BrOnNull { relative_depth } => {
            let reference = t.pop();
            let is_null = t.is_null(reference);
            t.br_if(*relative_depth, is_null);
            t.push(reference);
        }
        Operator::BrOnNonNull { relative_depth } => {
            let is_null = t.is_null(t.peek());
            t.br_unless(*relative_depth, is_null);
            t.drop_n(1);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Follows the nesting of unreachable code, up to where it is reachable again.
pub(super) fn translate_unreachable(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<(), CompileError> {
    match op {
        Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::If { .. }
        | Operator::TryTable { .. }
        | Operator::Try { .. } => t.skipped_frames += 1,
        Operator::Else if t.skipped_frames == 0 => t.begin_else(),
        Operator::End if t.skipped_frames == 0 => t.end()?,
        Operator::Catch { .. } | Operator::CatchAll | Operator::Delegate { .. } if t.skipped_frames == 0 => {
            exception::translate(t, op)?;
        }
        Operator::End | Operator::Delegate { .. } => t.skipped_frames -= 1,
        _ => {}
    }
    Ok(())
}

impl<'a> FuncTranslator<'a> {
    /// Opens the function's own frame, whose label stands for returning.
    pub(super) fn push_function_frame(&mut self) {
        let results = ValTypes::Listed(&self.ty.results);
        self.push_frame(FrameKind::Func, 0, results, None);
    }

    /// Whether the function's own frame was ended.
    pub(super) fn ended(&self) -> bool {
        self.frames.is_empty()
    }

    /// Opens a frame, whose content is within the handlers that there are now.
    pub(super) fn push_frame(
        &mut self,
        kind: FrameKind,
        params: usize,
        label_types: ValTypes<'a>,
        label: Option<ir::Block>,
    ) {
        let height = self.height() - params;
        self.frames.push(Frame { kind, height, label_types, label, handlers: self.handlers.len() });
    }

    /// Parameter and result types of a block.
    pub(super) fn block_types(&self, ty: BlockType) -> Result<(ValTypes<'a>, ValTypes<'a>), CompileError> {
        Ok(match ty {
            BlockType::Empty => (ValTypes::Inline(None), ValTypes::Inline(None)),
            BlockType::Type(ty) => {
                let ty = val_type(ty).ok_or_else(|| CompileError::Internal(format!("unknown type {ty}")))?;
                (ValTypes::Inline(None), ValTypes::Inline(Some(ty)))
            }
            BlockType::FuncType(index) => {
                let ty = self.func_type(TypeIdx(index))?;
                (ValTypes::Listed(&ty.params), ValTypes::Listed(&ty.results))
            }
        })
    }

    /// A new block with a parameter for each type.
    fn block_with_params(&mut self, types: ValTypes<'a>) -> ir::Block {
        let block = self.builder.create_block();
        for &ty in types.as_slice() {
            let repr = self.repr(ty);
            let param = self.builder.append_block_param(block, repr.ty);
            if repr.is_gc_ref {
                self.work.has_references = true;
                self.builder.declare_value_needs_stack_map(param);
            }
        }
        block
    }

    fn begin_loop(&mut self, ty: BlockType) -> Result<(), CompileError> {
        self.locals.search.begin_loop();
        self.work.begin_loop();
        let (params, _) = self.block_types(ty)?;
        let header = self.block_with_params(params);
        self.jump_with(header, params.len());
        self.drop_n(params.len());
        self.push_frame(FrameKind::Loop, 0, params, Some(header));
        self.enter_label(header);
        self.check_interrupt();
        Ok(())
    }

    fn begin_if(&mut self, ty: BlockType) -> Result<(), CompileError> {
        let (params, results) = self.block_types(ty)?;
        let condition = self.pop();
        let then = self.builder.create_block();
        let otherwise = self.builder.create_block();
        if let Some(taken) = self.likely {
            self.builder.set_cold_block(if taken { otherwise } else { then });
        }
        self.ins().brif(condition, then, &[], otherwise, &[]);
        self.builder.seal_block(then);
        self.builder.seal_block(otherwise);
        self.builder.switch_to_block(then);
        let saved = self.peek_n(params.len()).into();
        self.push_frame(FrameKind::If { otherwise, params: saved }, params.len(), results, None);
        Ok(())
    }

    fn begin_else(&mut self) {
        let Some(mut frame) = self.frames.pop() else { unbalanced() };
        self.finish_arm(&mut frame);
        let FrameKind::If { otherwise, params } = std::mem::replace(&mut frame.kind, FrameKind::Else) else {
            unbalanced()
        };
        self.begin_otherwise(otherwise, &params);
        self.frames.push(frame);
    }

    /// Goes on in the second branch of an `if`.
    fn begin_otherwise(&mut self, otherwise: ir::Block, params: &[Value]) {
        self.builder.switch_to_block(otherwise);
        self.reachable = true;
        for &param in params {
            self.push(param);
        }
    }

    /// Leads from the end of one of a frame's branches to the end of the whole, and drops the frame's operands.
    pub(super) fn finish_arm(&mut self, frame: &mut Frame<'a>) {
        if self.reachable {
            let label = self.label_block(frame);
            self.jump_with(label, frame.label_types.len());
            self.reachable = false;
        }
        self.truncate(frame.height);
    }

    fn end(&mut self) -> Result<(), CompileError> {
        let Some(mut frame) = self.frames.pop() else { unbalanced() };
        match std::mem::replace(&mut frame.kind, FrameKind::Block) {
            FrameKind::Loop => {
                self.work.end_loop(self.locals.variables());
                let blocks = self.builder.func.dfg.num_blocks();
                self.locals.search.end_loop(blocks);
                // That is where most of the search is done, so that it would be too late afterwards.
                if let Some(header) = frame.label.filter(|_| !self.locals.search.is_too_much()) {
                    self.seal_label(header);
                }
                if !self.reachable {
                    self.truncate(frame.height);
                }
            }
            FrameKind::If { otherwise, params } => {
                self.finish_arm(&mut frame);
                self.begin_otherwise(otherwise, &params);
                self.join(&mut frame);
            }
            FrameKind::Block | FrameKind::Else => self.join(&mut frame),
            FrameKind::TryTable(clauses) => {
                self.end_try_table(&mut frame, &clauses)?;
                self.join(&mut frame);
            }
            FrameKind::Try => {
                self.end_try(&mut frame);
                self.join(&mut frame);
            }
            FrameKind::Catch(caught) => {
                self.end_catch(&mut frame, caught);
                self.join(&mut frame);
            }
            FrameKind::Func => {
                self.join(&mut frame);
                if self.reachable {
                    self.return_();
                }
            }
        }
        Ok(())
    }

    /// Ends a frame whose label is its end: all branches to it, and the code before it where that is reachable, meet.
    pub(super) fn join(&mut self, frame: &mut Frame<'a>) {
        let Some(label) = frame.label else {
            // Nothing branches here: the operands at hand are the results.
            if !self.reachable {
                self.truncate(frame.height);
            }
            return;
        };
        self.finish_arm(frame);
        self.seal_label(label);
        self.enter_label(label);
    }

    /// Says that all branches to a label are there: now it gets a parameter for every local that they may leave different.
    fn seal_label(&mut self, label: ir::Block) {
        self.builder.seal_block(label);
        self.work.label(self.builder.func.dfg.num_block_params(label));
    }

    /// Goes on in the block of a label, its parameters on the stack.
    fn enter_label(&mut self, label: ir::Block) {
        self.builder.switch_to_block(label);
        self.reachable = true;
        for index in 0..self.builder.block_params(label).len() {
            let param = self.builder.block_params(label)[index];
            self.push(param);
        }
    }

    /// The block of a frame's label.
    fn label_block(&mut self, frame: &mut Frame<'a>) -> ir::Block {
        match frame.label {
            Some(label) => label,
            None => *frame.label.insert(self.block_with_params(frame.label_types)),
        }
    }

    /// The block of a label, and how many operands it takes.
    fn label_at(&mut self, depth: u32) -> (ir::Block, usize) {
        let Some(position) = self.frames.len().checked_sub(depth as usize + 1) else { unbalanced() };
        let (label, types) = (self.frames[position].label, self.frames[position].label_types);
        let label = match label {
            Some(label) => label,
            None => {
                let label = self.block_with_params(types);
                self.frames[position].label = Some(label);
                label
            }
        };
        (label, types.len())
    }

    /// Whether a label stands for returning from the function.
    fn is_return(&self, depth: u32) -> bool {
        depth as usize + 1 == self.frames.len()
    }

    /// Jumps with the topmost `count` operands, which stay on the stack.
    fn jump_with(&mut self, label: ir::Block, count: usize) {
        let args = self.block_args(count);
        self.ins().jump(label, &args);
        self.return_block_args(args);
    }

    /// Branches to a label.
    pub(super) fn br(&mut self, depth: u32) {
        if self.is_return(depth) {
            return self.return_();
        }
        let (label, count) = self.label_at(depth);
        self.jump_with(label, count);
        self.reachable = false;
    }

    /// Branches when `condition` is not zero.
    fn br_if(&mut self, depth: u32, condition: Value) {
        let (label, count) = self.label_at(depth);
        let next = self.builder.create_block();
        let args = self.block_args(count);
        self.ins().brif(condition, label, &args, next, &[]);
        self.return_block_args(args);
        self.go_on_in(next);
    }

    /// Branches when `condition` is not zero, which a producer calls likely or not. What follows an unlikely branch lies apart: that is
    /// a block of its own, since others may branch to the label too.
    fn br_if_hinted(&mut self, depth: u32, condition: Value, taken: bool) {
        let (label, count) = self.label_at(depth);
        let (branch, next) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(if taken { next } else { branch });
        self.ins().brif(condition, branch, &[], next, &[]);
        self.builder.seal_block(branch);
        self.builder.switch_to_block(branch);
        self.jump_with(label, count);
        self.go_on_in(next);
    }

    /// Branches when `condition` is zero.
    fn br_unless(&mut self, depth: u32, condition: Value) {
        let (label, count) = self.label_at(depth);
        let next = self.builder.create_block();
        let args = self.block_args(count);
        self.ins().brif(condition, next, &[], label, &args);
        self.return_block_args(args);
        self.go_on_in(next);
    }

    /// Branches to a label that an index chooses: by comparisons where few of them do, for a jump through a table is predicted worse.
    ///
    /// Cranelift's lowering of a table clamps the index to it without a branch, so that it cannot be speculated past its end.
    fn br_table(&mut self, targets: &BrTable<'_>) -> Result<(), CompileError> {
        let index = self.pop();
        let (default, count) = self.label_at(targets.default());
        let args = self.block_args(count);
        let mut labels = Vec::with_capacity(targets.len() as usize);
        for depth in targets.targets() {
            labels.push(self.label_at(depth?).0);
        }
        let chosen = || labels.iter().enumerate().filter(|&(_, &label)| label != default);
        if chosen().count() <= FEW_TARGETS {
            for (number, &label) in chosen() {
                let hit = self.ins().icmp_imm_u(IntCC::Equal, index, number as i64);
                let next = self.builder.create_block();
                self.ins().brif(hit, label, &args, next, &[]);
                self.go_on_in(next);
            }
            self.ins().jump(default, &args);
        } else {
            let dfg = &mut self.builder.func.dfg;
            let calls: Vec<_> = labels.iter().map(|&label| dfg.block_call(label, &args)).collect();
            let default = dfg.block_call(default, &args);
            let table = self.builder.create_jump_table(JumpTableData::new(default, &calls));
            self.ins().br_table(index, table);
            let targets = labels.len();
            labels.sort_unstable();
            labels.dedup();
            self.locals.search.branch_table(targets, labels.len());
        }
        self.return_block_args(args);
        self.reachable = false;
        Ok(())
    }

    fn return_(&mut self) {
        let values = self.peek_n(self.ty.results.len()).to_vec();
        self.ins().return_(&values);
        self.reachable = false;
    }

    /// A safepoint of loops and function entries: lets the embedder stop the code.
    pub(super) fn check_interrupt(&mut self) {
        if !self.settings.interruptible {
            return;
        }
        let agent = self.load_vmctx_ptr(vmcontext::AGENT);
        // Another thread sets the flag, so the load must not be merged with that of an earlier turn of the loop.
        let region = Region::Agent.declare(self.module, self.builder.func);
        let flags = MemFlagsData::trusted().with_alias_region(Some(region));
        let address = self.ins().iadd_imm_u(agent, i64::from(vmagent::INTERRUPT));
        let asked = self.ins().atomic_load(types::I32, flags, address);
        let (cold, go_on) = self.cold_branch(asked);
        self.builder.switch_to_block(cold);
        self.call_builtin(Builtin::interrupt, &[]);
        self.ins().jump(go_on, &[]);
        self.go_on_in(go_on);
    }

    /// The topmost `count` operands as block arguments, in a vector to give back.
    fn block_args(&mut self, count: usize) -> Vec<BlockArg> {
        let mut args = std::mem::take(&mut self.spare_block_args);
        args.clear();
        args.extend(self.peek_n(count).iter().copied().map(BlockArg::Value));
        args
    }

    fn return_block_args(&mut self, args: Vec<BlockArg>) {
        self.spare_block_args = args;
    }
}

/// Validation balances the frames; the boundary of the compiler turns this into an error.
#[cold]
#[track_caller]
pub(super) fn unbalanced() -> ! {
    panic!("unbalanced control frames: the body was not validated")
}

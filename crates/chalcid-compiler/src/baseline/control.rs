//! Control instructions: blocks, branches, and the nesting of unreachable code.
//!
//! Where control joins, everything below the joining block's operands lies in slots or is constant, since all entries are put there when a block
//! begins. What a label takes lies in `rax` or `xmm0` if it is one value and the label no loop's, and else in the slots of the heights it
//! has behind the label. Locals need no care: each has its place for the whole function.

use chalcid_module::builtins::Builtin;
use chalcid_module::index::TypeIdx;
use chalcid_module::layout::{HEAT_OF_ENTRY, HEAT_OF_TURN, vmagent, vmcontext};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::ValType;
use wasmparser::{BlockType, Catch, Operator};

use super::asm::{Alu, Cc, Label};
use super::cold::ColdKind;
use super::exception::{self, Caught};
use super::reg::{Mem, R11, RAX, XMM0};
use super::state::{At, Baseline, Cond, Entry, Val, in_xmm, is_wide};
use crate::signature::AbiType;
use crate::types::val_type;
use crate::{CompileError, Signature};

/// A control frame.
pub(super) struct Frame<'a> {
    pub kind: FrameKind,
    /// Operands below the frame's own, its parameters included in the latter.
    pub height: usize,
    /// Types of the operands that a branch to the label takes.
    label_types: ValTypes<'a>,
    label: Label,
    /// Whether there is a branch to the label.
    pub is_target: bool,
    /// How many handlers there are around the frame's content.
    pub handlers: usize,
}

/// What opened a control frame.
pub(super) enum FrameKind {
    Func,
    Block,
    Loop,
    /// `if`, before its `else`: where a false condition leads, and the parameters.
    If(Label, Box<[Entry]>),
    Else,
    /// `try_table`, with its clauses.
    TryTable(Box<[Catch]>),
    /// `try`, before its first clause.
    Try,
    /// `catch` or `catch_all` of a `try`, if there can be any exception.
    Catch(Option<Caught>),
}

/// The types of a block's parameters or results.
#[derive(Clone, Copy)]
pub(super) enum ValTypes<'a> {
    Inline(Option<ValType>),
    Listed(&'a [ValType]),
}

impl ValTypes<'_> {
    pub const NONE: Self = Self::Inline(None);

    fn as_slice(&self) -> &[ValType] {
        match self {
            ValTypes::Inline(ty) => ty.as_slice(),
            ValTypes::Listed(types) => types,
        }
    }

    pub fn len(&self) -> usize {
        self.as_slice().len()
    }
}

/// How a label takes its operands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    Nothing,
    /// One, in `rax` or `xmm0`.
    Register,
    /// So many, in the slots from a height on.
    Slots(usize, usize),
}

/// Compiles an operator of this family that is not among the frequent ones.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match op {
        Operator::Nop => {}
        Operator::Unreachable => b.trap(TrapCode::Unreachable),
        Operator::Block { blockty } => {
            let (params, results) = b.block_types(*blockty)?;
            b.begin_block(params, results);
        }
        Operator::Loop { blockty } => {
            let (params, _) = b.block_types(*blockty)?;
            b.begin_loop(params);
        }
        Operator::If { blockty } => {
            let (params, results) = b.block_types(*blockty)?;
            b.begin_if(params, results);
        }
        Operator::BrTable { targets } => b.br_table(targets)?,
        Operator::Return => b.br(b.frames.len() as u32 - 1),
        Operator::BrOnNull { relative_depth } => {
            let reference = b.pop();
            let mut reg = b.in_own_gpr(reference);
            if reg == RAX {
                // What the label takes may have to go there.
                reg = b.alloc();
                b.asm.mov_rr(true, reg, RAX);
                b.release_gpr(RAX);
            }
            b.asm.test(is_wide(reference.ty), reg, reg);
            b.br_if(*relative_depth, Cond::Int(Cc::E));
            b.push_gpr(reference.ty, reg);
        }
        Operator::BrOnNonNull { relative_depth } => {
            let reference = b.pop();
            let reg = b.in_own_gpr(reference);
            b.asm.test(is_wide(reference.ty), reg, reg);
            b.push_gpr(reference.ty, reg);
            b.br_if(*relative_depth, Cond::Int(Cc::Ne));
            b.drop_top();
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Follows the nesting of unreachable code, up to where it is reachable again.
pub(super) fn translate_unreachable(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<(), CompileError> {
    match op {
        Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::If { .. }
        | Operator::TryTable { .. }
        | Operator::Try { .. } => b.skipped_frames += 1,
        Operator::Else if b.skipped_frames == 0 => b.begin_else(),
        Operator::End if b.skipped_frames == 0 => b.end()?,
        Operator::Catch { .. } | Operator::CatchAll | Operator::Delegate { .. } if b.skipped_frames == 0 => {
            exception::translate(b, op)?;
        }
        Operator::End | Operator::Delegate { .. } => b.skipped_frames -= 1,
        _ => {}
    }
    Ok(())
}

impl<'a> Baseline<'a> {
    /// Opens the function's own frame, whose label stands for returning.
    pub fn push_function_frame(&mut self) {
        let label = self.asm.label();
        let results = ValTypes::Listed(&self.ty.results);
        self.push_frame(FrameKind::Func, 0, results, label);
    }

    /// Whether the function's own frame was ended.
    pub fn ended(&self) -> bool {
        self.frames.is_empty()
    }

    pub fn push_frame(&mut self, kind: FrameKind, params: usize, label_types: ValTypes<'a>, label: Label) {
        let height = self.height() - params;
        let handlers = self.handlers.len();
        self.frames.push(Frame { kind, height, label_types, label, is_target: false, handlers });
    }

    /// Parameter and result types of a block.
    pub fn block_types(&self, ty: BlockType) -> Result<(ValTypes<'a>, ValTypes<'a>), CompileError> {
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

    fn passing(frame: &Frame<'_>) -> Passing {
        match (frame.label_types.len(), &frame.kind) {
            (0, _) => Passing::Nothing,
            (count, FrameKind::Loop) => Passing::Slots(frame.height, count),
            (1, _) => Passing::Register,
            (count, _) => Passing::Slots(frame.height, count),
        }
    }

    /// The label of a depth, now the target of a branch.
    pub fn target(&mut self, depth: u32) -> (Label, Passing) {
        let Some(position) = self.frames.len().checked_sub(depth as usize + 1) else { unbalanced() };
        let frame = &mut self.frames[position];
        frame.is_target = true;
        (frame.label, Self::passing(frame))
    }

    /// Puts the operands on top where a label takes them, and gives them up. Other operands may be overwritten: control does not come
    /// back here.
    pub fn pass(&mut self, passing: Passing) {
        match passing {
            Passing::Nothing => {}
            Passing::Register => {
                let val = self.pop();
                self.pass_in_register(val);
                self.release_passed(val.ty);
            }
            Passing::Slots(height, count) => {
                self.copy_passed(Passing::Slots(height, count));
                self.truncate(self.height() - count);
            }
        }
    }

    /// Copies the operands on top to the slots in which a label takes them. They stay.
    pub fn copy_passed(&mut self, passing: Passing) {
        let Passing::Slots(height, count) = passing else { return };
        let from = self.height() - count;
        for position in 0..count {
            let val = self.entry_at(from + position);
            self.touch_slot(height + position);
            self.store_val(self.slot(height + position), val);
        }
    }

    pub fn pass_in_register(&mut self, val: Val) {
        if in_xmm(val.ty) {
            if val.at != At::Xmm(XMM0) {
                self.take_xmm(XMM0);
                self.load_xmm(XMM0, val);
                self.release(val);
            }
        } else {
            self.move_to(val, RAX);
        }
    }

    pub fn release_passed(&mut self, ty: AbiType) {
        if in_xmm(ty) { self.release_xmm(XMM0) } else { self.release_gpr(RAX) }
    }

    /// Pushes what a label took.
    fn push_passed(&mut self, passing: Passing, types: ValTypes<'a>) {
        for &ty in types.as_slice() {
            let ty = AbiType::of_module(ty, self.module);
            match passing {
                Passing::Register if in_xmm(ty) => {
                    self.take_xmm(XMM0);
                    self.push_xmm(ty, XMM0);
                }
                Passing::Register => {
                    self.take(RAX);
                    self.push_gpr(ty, RAX);
                }
                _ => self.push_slot(ty),
            }
        }
    }

    pub fn begin_block(&mut self, params: ValTypes<'a>, results: ValTypes<'a>) {
        self.flush();
        let label = self.asm.label();
        self.push_frame(FrameKind::Block, params.len(), results, label);
    }

    pub fn begin_loop(&mut self, params: ValTypes<'a>) {
        self.flush();
        // A turn of the loop brings other values: constants have to be in slots too.
        let from = self.height() - params.len();
        for position in from..self.height() {
            let val = self.entry_at(position);
            self.touch_slot(position);
            self.store_val(self.slot(position), val);
        }
        self.truncate(from);
        for &ty in params.as_slice() {
            self.push_slot(AbiType::of_module(ty, self.module));
        }
        self.flush();
        let label = self.asm.label_here();
        self.push_frame(FrameKind::Loop, params.len(), params, label);
        self.safepoint(HEAT_OF_TURN);
    }

    pub fn begin_if(&mut self, params: ValTypes<'a>, results: ValTypes<'a>) {
        let cond = self.pop();
        let cond = self.test_cond(cond);
        self.flush();
        let otherwise = self.asm.label();
        let label = self.asm.label();
        self.branch_if(cond.not(), otherwise);
        let entries = self.entries(self.height() - params.len()).into();
        self.push_frame(FrameKind::If(otherwise, entries), params.len(), results, label);
    }

    pub fn begin_else(&mut self) {
        let Some(mut frame) = self.frames.pop() else { unbalanced() };
        let FrameKind::If(otherwise, params) = std::mem::replace(&mut frame.kind, FrameKind::Else) else {
            unbalanced()
        };
        self.leave_arm(&mut frame);
        self.begin_otherwise(otherwise, &params);
        self.frames.push(frame);
    }

    /// Leads from the end of the first branch of an `if` to the end of the whole.
    pub fn leave_arm(&mut self, frame: &mut Frame<'a>) {
        if self.reachable {
            self.pass(Self::passing(frame));
            self.asm.jmp(frame.label);
            frame.is_target = true;
        }
        self.truncate(frame.height);
    }

    /// Goes on in the second branch of an `if`.
    fn begin_otherwise(&mut self, otherwise: Label, params: &[Entry]) {
        self.asm.bind(otherwise);
        self.reachable = true;
        for &Entry { ty, loc } in params {
            self.push(ty, loc);
        }
        self.flush();
    }

    pub fn end(&mut self) -> Result<(), CompileError> {
        let Some(mut frame) = self.frames.pop() else { unbalanced() };
        match std::mem::replace(&mut frame.kind, FrameKind::Block) {
            FrameKind::Loop => {
                if !self.reachable {
                    self.truncate(frame.height);
                }
            }
            FrameKind::If(otherwise, params) => {
                if params.is_empty() {
                    // Nothing to pass: both ways end here.
                    if frame.label_types.len() == 0 {
                        self.truncate(frame.height);
                        self.asm.bind(otherwise);
                        self.asm.bind(frame.label);
                        self.reachable = true;
                        return Ok(());
                    }
                }
                self.leave_arm(&mut frame);
                self.begin_otherwise(otherwise, &params);
                self.join(&frame);
            }
            FrameKind::Block | FrameKind::Else => self.join(&frame),
            FrameKind::TryTable(clauses) => {
                self.end_try_table(&mut frame, &clauses)?;
                self.join(&frame);
            }
            FrameKind::Try => {
                self.end_try(&mut frame)?;
                self.join(&frame);
            }
            FrameKind::Catch(caught) => {
                self.end_catch(&mut frame, caught)?;
                self.join(&frame);
            }
            FrameKind::Func => {
                frame.is_target = true;
                self.join_function(&frame);
            }
        }
        Ok(())
    }

    /// Ends a frame whose label is its end: all branches to it, and the code before it where that is reachable, meet.
    pub fn join(&mut self, frame: &Frame<'a>) {
        if !frame.is_target {
            // Nothing branches here: the operands at hand are the results.
            if !self.reachable {
                self.truncate(frame.height);
            }
            return;
        }
        let passing = Self::passing(frame);
        if self.reachable {
            self.pass(passing);
        }
        self.truncate(frame.height);
        self.asm.bind(frame.label);
        self.push_passed(passing, frame.label_types);
        self.reachable = true;
    }

    /// Ends the function.
    fn join_function(&mut self, frame: &Frame<'a>) {
        let passing = Self::passing(frame);
        if self.reachable {
            self.pass(passing);
        }
        self.truncate(0);
        self.asm.bind(frame.label);
        if let Passing::Slots(..) = passing {
            let signature = Signature::of_module(self.ty, self.module);
            self.place_results(&signature.results);
        }
        self.epilogue();
        self.reachable = false;
    }

    /// A place where the code may be asked to stop, and counts: at the entry of the function and of every turn of a loop. No register
    /// holds an operand.
    pub fn safepoint(&mut self, heat: u32) {
        if self.settings.interruptible {
            let vmctx = self.vmctx();
            self.asm.load(true, R11, Mem::new(vmctx, vmcontext::AGENT as i32));
            self.asm.alu_mi(Alu::Cmp, false, Mem::new(R11, vmagent::INTERRUPT as i32), 0);
            let (cold, back) = self.cold_and_back(ColdKind::Call(Builtin::interrupt, None));
            self.asm.jcc(Cc::Ne, cold);
            self.asm.bind(back);
        }
        if self.settings.counters {
            let vmctx = self.vmctx();
            self.asm.load(true, R11, Mem::new(vmctx, vmcontext::HEAT as i32));
            self.asm.alu_mi(Alu::Add, false, Mem::new(R11, (self.func * 4) as i32), heat as i32);
            let (cold, back) = self.cold_and_back(ColdKind::Call(Builtin::hot, Some(self.func)));
            self.asm.jcc(Cc::S, cold);
            self.asm.bind(back);
        }
    }

    /// Counts the entry of the function.
    pub fn enter(&mut self) {
        self.safepoint(HEAT_OF_ENTRY);
    }
}

/// Validation balances the frames; the boundary of the compiler turns this into an error.
#[cold]
#[track_caller]
pub(super) fn unbalanced() -> ! {
    panic!("unbalanced control frames: the body was not validated")
}

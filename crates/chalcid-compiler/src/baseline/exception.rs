//! Exceptions: throwing, handlers, and the older form of both.
//!
//! # How an exception finds its clause
//! All calls within handlers (a `try_table`, or the body of a `try`) name the *landing* of the innermost ones, where the running side goes on with the
//! exception, whatever its tag: in `rax`, all other registers lost. The landing loads what has a register of its own from its home, puts the
//! exception into the slot above the operands around the handlers, and compares the tag's number with those of the clauses, in their order. Where no
//! clause fits, it goes on in the landing of the handlers around it, or throws on. What is thrown within handlers of the same function jumps to their
//! landing, past the loads.
//!
//! So a call within handlers stores the locals that have registers before it, and nothing else is done before something is thrown.
//!
//! # Invariants
//! - When handlers begin, all operands are where control joins want them, so that they are at the landing.
//! - The handlers of a frame's content are the first [`Frame::handlers`] ones.
//! - Within a clause of a `try` the exception is an operand below those of the clause: `rethrow` finds it there, and so does the collector.

use chalcid_module::builtins::Builtin;
use chalcid_module::heap_layout;
use chalcid_module::index::TagIdx;
use chalcid_module::layout::vmtag;
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::StorageType;
use wasmparser::{BlockType, Catch, Operator};

use super::asm::{Alu, Cc, Label};
use super::call::Arg;
use super::control::{Frame, FrameKind, unbalanced};
use super::reg::{Mem, R11, RAX};
use super::state::{At, Baseline, Val};
use crate::clauses::{Clause, reachable_clauses};
use crate::objects::{Extend, tag_type};
use crate::{AbiType, CompileError};

/// The handlers of a `try_table`, or of a `try`.
pub(super) struct Handlers {
    /// Where exceptions arrive that calls throw, and whether any may.
    arrival: Label,
    arrives: bool,
    /// Where they go on, as do those thrown in this function; and whether there are any of these.
    landing: Label,
    jumped_to: bool,
}

/// The exception that a clause of a `try` has caught.
#[derive(Clone, Copy)]
pub(super) struct Caught {
    /// The height of the exception.
    height: usize,
    /// Where exceptions go that no clause so far takes; `None` after `catch_all`.
    otherwise: Option<Label>,
}

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match op {
        Operator::TryTable { try_table } => {
            let kind = FrameKind::TryTable(try_table.catches.clone().into());
            b.begin_handlers(kind, try_table.ty)?;
        }
        Operator::Try { blockty } => b.begin_handlers(FrameKind::Try, *blockty)?,
        Operator::Catch { tag_index } => b.begin_catch(Some(TagIdx(*tag_index)))?,
        Operator::CatchAll => b.begin_catch(None)?,
        Operator::Delegate { relative_depth } => b.delegate(*relative_depth)?,
        Operator::Rethrow { relative_depth } => b.rethrow(*relative_depth)?,
        Operator::Throw { tag_index } => b.throw(TagIdx(*tag_index))?,
        Operator::ThrowRef => {
            let val = b.pop();
            b.trap_if_null(val, TrapCode::NullExceptionReference);
            b.raise(val)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Throwing.
impl Baseline<'_> {
    /// Says that what the call throws that was just emitted goes to the innermost handlers.
    pub fn throws_here(&mut self) {
        if let Some(handlers) = self.handlers.last_mut() {
            handlers.arrives = true;
            self.handler_sites.push((self.asm.pos(), handlers.arrival));
        }
    }

    /// Throws an exception that is not null.
    fn raise(&mut self, exception: Val) -> Result<(), CompileError> {
        self.raise_to(self.handlers.len(), exception)
    }

    /// Throws an exception to the innermost of so many handlers.
    fn raise_to(&mut self, handlers: usize, exception: Val) -> Result<(), CompileError> {
        match handlers.checked_sub(1) {
            Some(innermost) => {
                self.move_to(exception, RAX);
                self.release_gpr(RAX);
                let handlers = &mut self.handlers[innermost];
                handlers.jumped_to = true;
                self.asm.jmp(handlers.landing);
                self.reachable = false;
            }
            None => {
                self.call_builtin(Builtin::throw_ref, &[Arg::Val(exception)])?;
            }
        }
        Ok(())
    }

    /// `throw`
    fn throw(&mut self, tag: TagIdx) -> Result<(), CompileError> {
        let ty = tag_type(self.module, tag)?;
        let exception = self.call_builtin(Builtin::exception_new, &[Arg::Imm(tag.0.into())])?;
        let made = self.made(exception)?;
        let layout = heap_layout::exception(&ty.params);
        let from = self.height() - ty.params.len();
        let storages = ty.params.iter().map(|&ty| StorageType::Val(ty));
        let exception = self.initialize(made, from, storages.zip(layout.offsets.iter().copied()));
        self.raise(Val { ty: AbiType::GcRef, at: At::Gpr(exception) })
    }

    /// `rethrow`
    fn rethrow(&mut self, depth: u32) -> Result<(), CompileError> {
        let frame = self.frames.len().checked_sub(depth as usize + 1).map(|position| &self.frames[position].kind);
        let Some(&FrameKind::Catch(Some(caught))) = frame else { unbalanced() };
        let exception = self.exception_at(caught.height);
        self.raise(exception)
    }
}

/// Handlers.
impl<'a> Baseline<'a> {
    /// Opens a frame with handlers around its content.
    fn begin_handlers(&mut self, kind: FrameKind, ty: BlockType) -> Result<(), CompileError> {
        if !self.frame.catches {
            return Err(CompileError::Internal("the first look missed handlers".into()));
        }
        let (params, results) = self.block_types(ty)?;
        self.flush();
        let (arrival, landing, label) = (self.asm.label(), self.asm.label(), self.asm.label());
        self.handlers.push(Handlers { arrival, arrives: false, landing, jumped_to: false });
        self.push_frame(kind, params.len(), results, label);
        Ok(())
    }

    /// Ends the content of a frame with handlers. If anything may throw to them, leaves for the frame's end, and goes on in their landing with
    /// the exception as the only operand of the frame.
    fn leave_content(&mut self, frame: &mut Frame<'a>) -> bool {
        let Some(handlers) = self.handlers.pop() else { unbalanced() };
        if !handlers.arrives && !handlers.jumped_to {
            return false;
        }
        self.leave_arm(frame);
        if handlers.arrives {
            self.asm.bind(handlers.arrival);
            self.reload_all();
        }
        self.asm.bind(handlers.landing);
        self.reachable = true;
        self.asm.store(false, self.slot(frame.height), RAX);
        self.push_slot(AbiType::GcRef);
        true
    }

    /// The exception at a height, in its slot.
    fn exception_at(&self, height: usize) -> Val {
        Val { ty: AbiType::GcRef, at: At::Mem(self.slot(height)) }
    }

    /// Ends the content of a `try_table`, and tries its clauses.
    pub fn end_try_table(&mut self, frame: &mut Frame<'a>, clauses: &[Catch]) -> Result<(), CompileError> {
        if !self.leave_content(frame) {
            return Ok(());
        }
        let exception = self.exception_at(frame.height);
        for Clause { tag, with_ref, label } in reachable_clauses(clauses) {
            let next = match tag {
                Some(tag) => {
                    let next = self.asm.label();
                    self.branch_unless_tag(exception, tag, next);
                    self.push_payload(exception, tag)?;
                    Some(next)
                }
                None => None,
            };
            if with_ref {
                let reg = self.in_own_gpr(exception);
                self.push_gpr(AbiType::GcRef, reg);
            }
            self.br(label);
            self.truncate(frame.height + 1);
            let Some(next) = next else { return Ok(()) };
            self.asm.bind(next);
            self.reachable = true;
            self.check_size()?;
        }
        self.raise(exception)
    }

    /// Branches to a label if an exception is not of a tag.
    fn branch_unless_tag(&mut self, exception: Val, tag: TagIdx, next: Label) {
        let reference = self.in_own_gpr(exception);
        let found = self.in_object(reference, heap_layout::EXCEPTION_TAG as i32);
        self.asm.load(false, reference, found);
        let vmctx = self.vmctx();
        self.asm.load(true, R11, Mem::new(vmctx, self.layout.tag(tag) as i32));
        self.asm.alu_rm(Alu::Cmp, false, reference, Mem::new(R11, vmtag::NUMBER as i32));
        self.asm.jcc(Cc::Ne, next);
        self.release_gpr(reference);
    }

    /// Pushes the values that an exception of a tag carries.
    fn push_payload(&mut self, exception: Val, tag: TagIdx) -> Result<(), CompileError> {
        let ty = tag_type(self.module, tag)?;
        let layout = heap_layout::exception(&ty.params);
        // No value is for the operator behind this one alone.
        let next = std::mem::replace(&mut self.next, usize::MAX);
        let reference = self.in_own_gpr(exception);
        for (&ty, &offset) in ty.params.iter().zip(&layout.offsets) {
            let mem = self.in_object(reference, offset as i32);
            let class = self.field_class(StorageType::Val(ty));
            self.push_field(class, Extend::Unsigned, mem, None);
        }
        self.next = next;
        self.release_gpr(reference);
        Ok(())
    }
}

/// The older form.
impl<'a> Baseline<'a> {
    /// `catch`, or `catch_all`.
    fn begin_catch(&mut self, tag: Option<TagIdx>) -> Result<(), CompileError> {
        let Some(mut frame) = self.frames.pop() else { unbalanced() };
        let arrived = match std::mem::replace(&mut frame.kind, FrameKind::Catch(None)) {
            FrameKind::Try => self.leave_content(&mut frame),
            FrameKind::Catch(Some(Caught { otherwise: Some(otherwise), .. })) => {
                self.go_on_otherwise(&mut frame, otherwise);
                true
            }
            FrameKind::Catch(None) => false,
            _ => unbalanced(),
        };
        if !arrived {
            // Nothing throws, so that the clause is never reached.
            self.leave_arm(&mut frame);
            self.reachable = false;
        }
        frame.handlers = self.handlers.len();
        let height = frame.height;
        if arrived {
            let otherwise = tag.map(|_| self.asm.label());
            frame.kind = FrameKind::Catch(Some(Caught { height, otherwise }));
            self.frames.push(frame);
            if let (Some(tag), Some(otherwise)) = (tag, otherwise) {
                let exception = self.exception_at(height);
                self.branch_unless_tag(exception, tag, otherwise);
                self.push_payload(exception, tag)?;
            }
            return Ok(());
        }
        self.frames.push(frame);
        Ok(())
    }

    /// Leaves a clause for the end of its `try`, and goes on with the exception where that was of another tag.
    fn go_on_otherwise(&mut self, frame: &mut Frame<'a>, otherwise: Label) {
        self.leave_arm(frame);
        self.asm.bind(otherwise);
        self.reachable = true;
        self.push_slot(AbiType::GcRef);
    }

    /// Ends a `try` that has no clauses.
    pub fn end_try(&mut self, frame: &mut Frame<'a>) -> Result<(), CompileError> {
        if self.leave_content(frame) {
            let exception = self.exception_at(frame.height);
            self.raise(exception)?;
        }
        Ok(())
    }

    /// Ends the last clause of a `try`: throws on what no clause took.
    pub fn end_catch(&mut self, frame: &mut Frame<'a>, caught: Option<Caught>) -> Result<(), CompileError> {
        match caught {
            Some(Caught { height, otherwise: Some(otherwise) }) => {
                self.go_on_otherwise(frame, otherwise);
                let exception = self.exception_at(height);
                self.raise(exception)
            }
            // The exception is below the results, so that these have to be passed.
            _ => {
                frame.is_target |= self.reachable;
                Ok(())
            }
        }
    }

    /// Ends a `try` whose exceptions go to the handlers around the content of another frame.
    fn delegate(&mut self, depth: u32) -> Result<(), CompileError> {
        let Some(mut frame) = self.frames.pop() else { unbalanced() };
        let Some(target) = self.frames.len().checked_sub(depth as usize + 1) else { unbalanced() };
        if self.leave_content(&mut frame) {
            let exception = self.exception_at(frame.height);
            self.raise_to(self.frames[target].handlers, exception)?;
        }
        self.join(&frame);
        Ok(())
    }
}

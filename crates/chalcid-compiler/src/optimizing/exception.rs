//! Exceptions: throwing, handlers, and the older form of both.
//!
//! # How an exception finds its clause
//! Code within handlers (a `try_table`, or the body of a `try`) calls by `try_call`, whose exceptional edge leads to the *landing* of the
//! innermost handlers: one block for all its calls. The running side goes on there with the exception, whatever its tag. The code of the landing
//! compares the tag's number with those of the clauses, in their order, and branches to the label of the first that fits; where none does, it
//! goes on in the landing of the handlers around it, or throws on. What is thrown within handlers of the same function jumps to their landing.
//!
//! So a call costs a table entry, however many clauses there are around it, clauses cost code once, and nothing runs before something is thrown.
//!
//! # Invariants
//! - A landing takes one parameter: the exception, zero-extended to 64 bits. It is sealed when its handlers end.
//! - The handlers of a frame's content are the first [`Frame::handlers`] ones.

use chalcid_module::builtins::Builtin;
use chalcid_module::heap_layout;
use chalcid_module::index::TagIdx;
use chalcid_module::layout::vmtag;
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{FuncType, StorageType};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, BlockArg, ExceptionTableData, ExceptionTableItem, Inst, InstBuilder, SigRef, Value, types,
};
use wasmparser::{BlockType, Catch, Operator};

use super::bounds::Place;
use super::call::Code;
use super::control::{Frame, FrameKind, unbalanced};
use super::object::Extend;
use super::region::Region;
use super::translator::FuncTranslator;
use crate::CompileError;
use crate::clauses::{Clause, reachable_clauses};
use crate::objects::tag_type;

/// The handlers of a `try_table`, or of a `try`.
#[derive(Default)]
pub(super) struct Handlers {
    /// Where exceptions arrive, once there is a place that may throw.
    landing: Option<ir::Block>,
    /// Places that may throw.
    sites: usize,
}

/// An exception that a clause of a `try` has caught.
pub(super) struct Caught {
    /// The exception.
    exception: Value,
    /// Where exceptions go that no clause so far takes; `None` after `catch_all`.
    otherwise: Option<ir::Block>,
}

/// The results of a call.
#[derive(Clone, Copy)]
pub(super) enum Results {
    /// Of an instruction.
    Inst(Inst),
    /// Parameters of the block in which the call goes on.
    Block(ir::Block),
}

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match op {
        Operator::TryTable { try_table } => {
            let kind = FrameKind::TryTable(try_table.catches.clone().into());
            t.begin_handlers(kind, try_table.ty)?;
        }
        Operator::Try { blockty } => t.begin_handlers(FrameKind::Try, *blockty)?,
        Operator::Catch { tag_index } => t.begin_catch(Some(TagIdx(*tag_index)))?,
        Operator::CatchAll => t.begin_catch(None)?,
        Operator::Delegate { relative_depth } => t.delegate(*relative_depth),
        Operator::Rethrow { relative_depth } => t.rethrow(*relative_depth),
        Operator::Throw { tag_index } => t.throw(TagIdx(*tag_index))?,
        Operator::ThrowRef => {
            let exception = t.pop();
            let is_null = t.is_null(exception);
            t.trap_if(is_null, TrapCode::NullExceptionReference);
            t.raise(exception);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Calls within handlers.
impl FuncTranslator<'_> {
    /// Where exceptions of the code at hand arrive, if it is within handlers.
    fn landing(&mut self) -> Option<ir::Block> {
        let innermost = self.handlers.len().checked_sub(1)?;
        Some(self.landing_of(innermost))
    }

    /// The landing of handlers by their position.
    fn landing_of(&mut self, position: usize) -> ir::Block {
        let handlers = &mut self.handlers[position];
        handlers.sites += 1;
        *handlers.landing.get_or_insert_with(|| {
            let landing = self.builder.create_block();
            self.builder.append_block_param(landing, types::I64);
            self.builder.set_cold_block(landing);
            landing
        })
    }

    /// Calls a function that may throw.
    pub(super) fn call_throwing(&mut self, sig: SigRef, code: Code, args: &[Value]) -> Results {
        let Some(landing) = self.landing() else {
            let call = match code {
                Code::At(code) => self.ins().call_indirect(sig, code, args),
                Code::Itself(itself) => self.ins().call(itself, args),
            };
            self.call_emitted(call);
            return Results::Inst(call);
        };
        let next = self.builder.create_block();
        if self.in_cold_path {
            self.builder.set_cold_block(next);
        }
        let count = self.builder.func.dfg.signatures[sig].returns.len();
        for position in 0..count {
            let ty = self.builder.func.dfg.signatures[sig].returns[position].value_type;
            self.builder.append_block_param(next, ty);
        }
        let mut results = std::mem::take(&mut self.spare_block_args);
        results.clear();
        results.extend((0..count as u32).map(BlockArg::TryCallRet));
        let dfg = &mut self.builder.func.dfg;
        let returned = dfg.block_call(next, &results);
        let thrown = dfg.block_call(landing, &[BlockArg::TryCallExn(0)]);
        let table = ExceptionTableData::new(sig, returned, [ExceptionTableItem::Default(thrown)]);
        let table = dfg.exception_tables.push(table);
        self.spare_block_args = results;
        let call = match code {
            Code::At(code) => self.ins().try_call_indirect(code, args, table),
            Code::Itself(itself) => self.ins().try_call(itself, args, table),
        };
        self.call_emitted(call);
        self.go_on_in(next);
        Results::Block(next)
    }

    /// A result of a call.
    pub(super) fn result(&self, results: Results, position: usize) -> Value {
        match results {
            Results::Inst(call) => self.builder.inst_results(call)[position],
            Results::Block(next) => self.builder.block_params(next)[position],
        }
    }

    /// Throws an exception that is not null. What follows is unreachable.
    fn raise(&mut self, exception: Value) {
        match self.landing() {
            Some(landing) => self.jump_to_landing(landing, exception),
            None => self.throw_to_caller(exception),
        }
    }

    fn throw_to_caller(&mut self, exception: Value) {
        self.call_builtin(Builtin::throw_ref, &[exception]);
    }

    fn jump_to_landing(&mut self, landing: ir::Block, exception: Value) {
        let exception = self.ins().uextend(types::I64, exception);
        self.ins().jump(landing, &[exception.into()]);
        self.reachable = false;
    }
}

/// Handlers.
impl<'a> FuncTranslator<'a> {
    /// Opens a frame with handlers around its content.
    fn begin_handlers(&mut self, kind: FrameKind, ty: BlockType) -> Result<(), CompileError> {
        let (params, results) = self.block_types(ty)?;
        self.handlers.push(Handlers::default());
        self.push_frame(kind, params.len(), results, None);
        Ok(())
    }

    /// Ends the content of a frame with handlers. If anything may throw to them, leaves for the frame's end, and goes on in their landing with
    /// the exception.
    fn leave_content(&mut self, frame: &mut Frame<'a>) -> Option<Value> {
        let Some(handlers) = self.handlers.pop() else { unbalanced() };
        let landing = handlers.landing?;
        self.finish_arm(frame);
        self.work.landing(handlers.sites, self.locals.variables());
        self.go_on_in(landing);
        let param = self.builder.block_params(landing)[0];
        let exception = self.ins().ireduce(types::I32, param);
        Some(self.declare_reference(exception))
    }

    /// Ends the content of a `try_table`, and tries its clauses.
    pub(super) fn end_try_table(&mut self, frame: &mut Frame<'a>, clauses: &[Catch]) -> Result<(), CompileError> {
        let Some(exception) = self.leave_content(frame) else { return Ok(()) };
        let height = self.height();
        for Clause { tag, with_ref, label } in reachable_clauses(clauses) {
            let next = match tag {
                Some(tag) => {
                    let next = self.branch_unless_tag(exception, tag);
                    self.push_payload(exception, tag)?;
                    Some(next)
                }
                None => None,
            };
            if with_ref {
                self.push(exception);
            }
            self.br(label);
            self.truncate(height);
            match next {
                Some(next) => self.go_on_in(next),
                None => return Ok(()),
            }
        }
        self.raise(exception);
        Ok(())
    }

    /// Goes on in a new block if an exception is of a tag, and gives the block for those that are not.
    fn branch_unless_tag(&mut self, exception: Value, tag: TagIdx) -> ir::Block {
        let object = self.heap_address(exception);
        let found = self.load_mutable(types::I32, Region::Exceptions, object, heap_layout::EXCEPTION_TAG);
        let wanted = self.load_vmctx_ptr(self.layout.tag(tag));
        let wanted = self.load_mutable(types::I32, Region::Exceptions, wanted, vmtag::NUMBER);
        let matches = self.ins().icmp(IntCC::Equal, found, wanted);
        let then = self.builder.create_block();
        let next = self.builder.create_block();
        self.builder.set_cold_block(next);
        self.ins().brif(matches, then, &[], next, &[]);
        self.go_on_in(then);
        next
    }
}

/// The older form.
impl<'a> FuncTranslator<'a> {
    /// `catch`, or `catch_all`.
    pub(super) fn begin_catch(&mut self, tag: Option<TagIdx>) -> Result<(), CompileError> {
        let Some(mut frame) = self.frames.pop() else { unbalanced() };
        let exception = match std::mem::replace(&mut frame.kind, FrameKind::Catch(None)) {
            FrameKind::Try => self.leave_content(&mut frame),
            FrameKind::Catch(Some(Caught { exception, otherwise: Some(otherwise) })) => {
                self.finish_arm(&mut frame);
                self.go_on_in(otherwise);
                Some(exception)
            }
            FrameKind::Catch(None) => None,
            _ => unbalanced(),
        };
        if exception.is_none() {
            // Nothing throws, so that the clause is never reached.
            self.finish_arm(&mut frame);
            self.reachable = false;
        }
        frame.handlers = self.handlers.len();
        if let Some(exception) = exception {
            let otherwise = tag.map(|tag| self.branch_unless_tag(exception, tag));
            frame.kind = FrameKind::Catch(Some(Caught { exception, otherwise }));
        }
        self.frames.push(frame);
        match (exception, tag) {
            (Some(exception), Some(tag)) => self.push_payload(exception, tag),
            _ => Ok(()),
        }
    }

    /// Ends a `try` that has no clauses.
    pub(super) fn end_try(&mut self, frame: &mut Frame<'a>) {
        if let Some(exception) = self.leave_content(frame) {
            self.raise(exception);
        }
    }

    /// Ends the last clause of a `try`: throws on what no clause took.
    pub(super) fn end_catch(&mut self, frame: &mut Frame<'a>, caught: Option<Caught>) {
        if let Some(Caught { exception, otherwise: Some(otherwise) }) = caught {
            self.finish_arm(frame);
            self.go_on_in(otherwise);
            self.raise(exception);
        }
    }

    /// Ends a `try` whose exceptions go to the handlers around the content of another frame.
    pub(super) fn delegate(&mut self, depth: u32) {
        let Some(mut frame) = self.frames.pop() else { unbalanced() };
        let Some(target) = self.frames.len().checked_sub(depth as usize + 1) else { unbalanced() };
        if let Some(exception) = self.leave_content(&mut frame) {
            match self.frames[target].handlers.checked_sub(1) {
                Some(position) => {
                    let landing = self.landing_of(position);
                    self.jump_to_landing(landing, exception);
                }
                None => self.throw_to_caller(exception),
            }
        }
        self.join(&mut frame);
    }

    /// Throws the exception that a clause has caught.
    fn rethrow(&mut self, depth: u32) {
        let frame = self.frames.len().checked_sub(depth as usize + 1).map(|position| &self.frames[position].kind);
        let Some(FrameKind::Catch(Some(caught))) = frame else { unbalanced() };
        let exception = caught.exception;
        self.raise(exception);
    }
}

/// What an exception carries.
impl<'a> FuncTranslator<'a> {
    /// `throw`
    fn throw(&mut self, tag: TagIdx) -> Result<(), CompileError> {
        let ty = self.tag_type(tag)?;
        let number = self.i32_const(tag.0);
        let Some(made) = self.call_builtin(Builtin::exception_new, &[number]) else { return Ok(()) };
        let exception = self.ins().ireduce(types::I32, made);
        let exception = self.declare_reference(exception);
        let layout = heap_layout::exception(&ty.params);
        let fields = ty.params.iter().zip(&layout.offsets).map(|(&ty, &offset)| (StorageType::Val(ty), offset));
        self.initialize_fields(exception, fields);
        self.raise(exception);
        Ok(())
    }

    /// Pushes the values that an exception of a tag carries.
    fn push_payload(&mut self, exception: Value, tag: TagIdx) -> Result<(), CompileError> {
        let ty = self.tag_type(tag)?;
        let layout = heap_layout::exception(&ty.params);
        let pointer = self.heap_address(exception);
        for (&ty, &offset) in ty.params.iter().zip(&layout.offsets) {
            let storage = StorageType::Val(ty);
            let flags = self.field_flags(storage);
            self.push_field(storage, Extend::Unsigned, Place { pointer, offset: offset as i32, flags });
        }
        Ok(())
    }

    fn tag_type(&self, tag: TagIdx) -> Result<&'a FuncType, CompileError> {
        tag_type(self.module, tag)
    }
}

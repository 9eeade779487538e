//! Variable and parametric instructions: locals, globals, `drop` and `select`.

use chalcid_module::builtins::Builtin;
use chalcid_module::const_expr::ConstOp;
use chalcid_module::declarations::GlobalDecl;
use chalcid_module::index::GlobalIdx;
use chalcid_module::layout::{GLOBAL_ASK, vmglobal};
use chalcid_module::types::{Hierarchy, ValType};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};
use wasmparser::Operator;

use super::region::Region;
use super::translator::FuncTranslator;
use super::types::{Repr, val_type};
use crate::CompileError;
use crate::signature::hierarchy;

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match op {
        Operator::LocalGet { local_index } => t.local_get(*local_index)?,
        Operator::LocalSet { local_index } => {
            let value = t.pop();
            t.local_set(*local_index, value)?;
        }
        Operator::LocalTee { local_index } => {
            let value = t.peek();
            t.local_set(*local_index, value)?;
        }
        Operator::GlobalGet { global_index } => t.global_get(GlobalIdx(*global_index))?,
        Operator::GlobalSet { global_index } => t.global_set(GlobalIdx(*global_index))?,
        Operator::Drop => t.drop_n(1),
        Operator::Select => t.select(false),
        Operator::TypedSelect { ty } => {
            let ty = val_type(*ty).ok_or_else(|| CompileError::Internal(format!("unknown type {ty}")))?;
            t.select(t.repr(ty).is_gc_ref);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Where a global's value lies.
enum Place {
    /// At an offset from a pointer.
    Memory(Value, u32),
    /// With the running side, as a function reference that can be read in place.
    FuncRef(Value),
    /// With the running side, which leaves there what can be read in place.
    Ref(Value),
}

impl<'a> FuncTranslator<'a> {
    fn global(&self, index: GlobalIdx) -> Result<&'a GlobalDecl, CompileError> {
        let global = self.module.globals.get(index.index());
        global.ok_or_else(|| CompileError::Internal(format!("no global {}", index.0)))
    }

    fn global_place(&mut self, index: GlobalIdx, content: ValType) -> Place {
        let pointer = self.layout.global_pointer(index);
        match content {
            ValType::Ref(ty) => match hierarchy(ty.heap, self.module) {
                Hierarchy::Func => Place::FuncRef(self.load_vmctx_ptr(pointer)),
                Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => Place::Ref(self.load_vmctx_ptr(pointer)),
            },
            _ => match self.layout.inline_global(index) {
                Some(offset) => Place::Memory(self.vmctx, offset),
                None => Place::Memory(self.load_vmctx_ptr(pointer), vmglobal::VALUE),
            },
        }
    }

    fn global_get(&mut self, index: GlobalIdx) -> Result<(), CompileError> {
        let global = self.global(index)?;
        if let Some(value) = self.constant_global(global) {
            self.push(value);
            return Ok(());
        }
        let ty = self.repr(global.ty.content).ty;
        match self.global_place(index, global.ty.content) {
            Place::Memory(base, offset) => {
                let flags = self.global_flags(index, global);
                let value = self.ins().load(ty, flags, base, offset as i32);
                self.push(value);
            }
            Place::FuncRef(base) => {
                let flags = self.global_flags(index, global);
                let value = self.ins().load(ty, flags, base, vmglobal::VALUE as i32);
                self.push(value);
            }
            Place::Ref(base) => {
                let flags = self.global_flags(index, global);
                let found = self.ins().load(types::I64, flags, base, vmglobal::VALUE as i32);
                let ask = self.ins().icmp_imm_s(IntCC::Equal, found, GLOBAL_ASK.cast_signed());
                let wide = self.cold_path(ask, found, |t| {
                    let number = t.i32_const(index.0);
                    t.call_builtin(Builtin::global_get_ref, &[number])
                });
                let value = self.ins().ireduce(types::I32, wide);
                self.push_gc_ref(value);
            }
        }
        Ok(())
    }

    fn global_set(&mut self, index: GlobalIdx) -> Result<(), CompileError> {
        let global = self.global(index)?;
        let value = self.pop();
        match self.global_place(index, global.ty.content) {
            Place::Memory(base, offset) => {
                let flags = self.global_flags(index, global);
                self.ins().store(flags, value, base, offset as i32);
            }
            Place::FuncRef(_) => {
                let number = self.i32_const(index.0);
                self.call_builtin(Builtin::global_set_func, &[number, value]);
            }
            Place::Ref(_) => {
                let number = self.i32_const(index.0);
                self.call_builtin(Builtin::global_set_ref, &[number, value]);
            }
        }
        Ok(())
    }

    /// How a global's memory is accessed. An immutable global has its value before any code of its instance runs.
    fn global_flags(&mut self, index: GlobalIdx, global: &GlobalDecl) -> MemFlagsData {
        let flags = if global.ty.mutable {
            self.flags(Region::Global(index))
        } else {
            MemFlagsData::trusted().with_readonly().with_can_move()
        };
        // Storage of globals is 16 bytes wide, but only the instance's own is known to be aligned so.
        match global.ty.content {
            ValType::V128 => {
                let unaligned = MemFlagsData::new().with_notrap().with_alias_region(flags.alias_region());
                if flags.readonly() { unaligned.with_readonly().with_can_move() } else { unaligned }
            }
            _ => flags,
        }
    }

    /// The value of a global that is a number known from the module alone.
    fn constant_global(&mut self, global: &GlobalDecl) -> Option<Value> {
        if global.ty.mutable {
            return None;
        }
        let [op] = global.init.as_ref()?.ops() else { return None };
        Some(match *op {
            ConstOp::I32Const(value) => self.i32_const(value as u32),
            ConstOp::I64Const(value) => self.i64_const(value as u64),
            ConstOp::F32Const(bits) => self.ins().f32const(f32::from_bits(bits)),
            ConstOp::F64Const(bits) => self.ins().f64const(f64::from_bits(bits)),
            _ => return None,
        })
    }

    fn select(&mut self, is_gc_ref: bool) {
        let (first, second, condition) = self.pop3();
        let value = self.ins().select(condition, first, second);
        self.push_as(value, Repr { ty: self.type_of(value), is_gc_ref });
    }
}

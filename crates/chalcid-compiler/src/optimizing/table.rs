//! Table instructions.
//!
//! Elements of function tables are read in place: an element that is 0 was not asked for yet and is filled by the running
//! side, any other is a pointer with its low bit set. All writes, and all tables of other references, are the running side's.

use chalcid_module::builtins::Builtin;
use chalcid_module::declarations::TableDecl;
use chalcid_module::index::TableIdx;
use chalcid_module::layout::{POINTER_SIZE, TABLE_FILLED, vmtable};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{AddressType, Hierarchy};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use wasmparser::Operator;

use super::region::Region;
use super::translator::{FuncTranslator, ir_trap_code};
use super::types::POINTER;
use crate::CompileError;
use crate::signature::hierarchy;

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match op {
        Operator::TableGet { table } => t.table_get(TableIdx(*table))?,
        Operator::TableSet { table } => {
            let table = TableIdx(*table);
            let value = t.pop();
            let index = t.pop_table_index(table)?;
            let builtin = t.by_elements(table, Builtin::table_set_func, Builtin::table_set_ref)?;
            let number = t.i32_const(table.0);
            t.call_builtin(builtin, &[number, index, value]);
        }
        Operator::TableSize { table } => {
            let table = TableIdx(*table);
            let length = t.table_length(table)?;
            let address = t.table_decl(table)?.ty.address;
            t.push_address(length, address);
        }
        Operator::TableGrow { table } => {
            let table = TableIdx(*table);
            let delta = t.pop_table_index(table)?;
            let value = t.pop();
            let builtin = t.by_elements(table, Builtin::table_grow_func, Builtin::table_grow_ref)?;
            let number = t.i32_const(table.0);
            let address = t.table_decl(table)?.ty.address;
            if let Some(old) = t.call_builtin(builtin, &[number, value, delta]) {
                t.push_address(old, address);
            }
        }
        Operator::TableFill { table } => {
            let table = TableIdx(*table);
            let length = t.pop_table_index(table)?;
            let value = t.pop();
            let start = t.pop_table_index(table)?;
            let builtin = t.by_elements(table, Builtin::table_fill_func, Builtin::table_fill_ref)?;
            let number = t.i32_const(table.0);
            t.call_builtin(builtin, &[number, start, value, length]);
        }
        Operator::TableCopy { dst_table, src_table } => {
            let (to, from) = (TableIdx(*dst_table), TableIdx(*src_table));
            let narrow = match (t.table_decl(to)?.ty.address, t.table_decl(from)?.ty.address) {
                (AddressType::I64, AddressType::I64) => AddressType::I64,
                _ => AddressType::I32,
            };
            let length = t.pop_address(narrow);
            let from_index = t.pop_table_index(from)?;
            let to_index = t.pop_table_index(to)?;
            let (to, from) = (t.i32_const(to.0), t.i32_const(from.0));
            t.call_builtin(Builtin::table_copy, &[to, from, to_index, from_index, length]);
        }
        Operator::TableInit { elem_index, table } => {
            let (source, length) = t.pop2();
            let start = t.pop_table_index(TableIdx(*table))?;
            let (table, segment) = (t.i32_const(*table), t.i32_const(*elem_index));
            t.call_builtin(Builtin::table_init, &[table, segment, start, source, length]);
        }
        Operator::ElemDrop { elem_index } => {
            let segment = t.i32_const(*elem_index);
            t.call_builtin(Builtin::elem_drop, &[segment]);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

impl<'a> FuncTranslator<'a> {
    /// A table's declaration.
    pub(super) fn table_decl(&self, table: TableIdx) -> Result<&'a TableDecl, CompileError> {
        let decl = self.module.tables.get(table.index());
        decl.ok_or_else(|| CompileError::Internal(format!("no table {}", table.0)))
    }

    /// Pops an index or a length of a table, as 64 bits.
    pub(super) fn pop_table_index(&mut self, table: TableIdx) -> Result<Value, CompileError> {
        let address = self.table_decl(table)?.ty.address;
        Ok(self.pop_address(address))
    }

    /// Chooses by what a table holds.
    fn by_elements<T>(&self, table: TableIdx, functions: T, others: T) -> Result<T, CompileError> {
        let heap = self.table_decl(table)?.ty.element.heap;
        Ok(match hierarchy(heap, self.module) {
            Hierarchy::Func => functions,
            Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => others,
        })
    }

    fn table_get(&mut self, table: TableIdx) -> Result<(), CompileError> {
        let index = self.pop_table_index(table)?;
        let number = self.i32_const(table.0);
        if self.by_elements(table, false, true)? {
            if let Some(wide) = self.call_builtin(Builtin::table_get_ref, &[number, index]) {
                let reference = self.ins().ireduce(types::I32, wide);
                self.push_gc_ref(reference);
            }
            return Ok(());
        }
        let filled = self.load_table_element(table, index, TrapCode::TableOutOfBounds)?;
        let func = self.ins().band_imm_s(filled, !(TABLE_FILLED as i64));
        let missing = self.is_null(filled);
        let func = self.cold_path(missing, func, |t| t.call_builtin(Builtin::table_get_func, &[number, index]));
        self.push(func);
        Ok(())
    }

    /// The current number of elements, 64 bits wide.
    fn table_length(&mut self, table: TableIdx) -> Result<Value, CompileError> {
        let limits = self.table_decl(table)?.ty.limits;
        if limits.max == Some(limits.min) {
            return Ok(self.i64_const(limits.min));
        }
        let header = self.load_vmctx_ptr(self.layout.table(table));
        Ok(self.load_mutable(types::I64, Region::TableHeaders, header, vmtable::LENGTH))
    }

    /// Loads an element of a function table as it is stored. Traps when the index is out of bounds.
    ///
    /// A CPU may run ahead of the check, so the address depends on its outcome by a select that is not speculated, and is 0
    /// when the check fails. With signals this is the trap itself: nothing is ever mapped there, and the load is a trap site.
    pub(super) fn load_table_element(
        &mut self,
        table: TableIdx,
        index: Value,
        code: TrapCode,
    ) -> Result<Value, CompileError> {
        let length = self.table_length(table)?;
        let outside = self.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        let mut flags = self.flags(Region::TableElements);
        if self.settings.spectre_guards && self.settings.signals {
            flags = flags.with_trap_code(Some(ir_trap_code(code)));
        } else {
            self.trap_if(outside, code);
        }
        let header = self.load_vmctx_ptr(self.layout.table(table));
        let elements = self.load_mutable(POINTER, Region::TableHeaders, header, vmtable::ELEMENTS);
        let offset = self.ins().ishl_imm_u(index, i64::from(POINTER_SIZE.trailing_zeros()));
        let mut address = self.ins().iadd(elements, offset);
        if self.settings.spectre_guards {
            let nowhere = self.ins().iconst(POINTER, 0);
            address = self.ins().select_spectre_guard(outside, nowhere, address);
        }
        Ok(self.ins().load(POINTER, flags, address, 0))
    }
}

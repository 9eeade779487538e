//! Table instructions. Elements of function tables are read in place; all writes, and all tables of other references, are the running side's.

use chalcid_module::builtins::Builtin;
use chalcid_module::declarations::TableDecl;
use chalcid_module::index::TableIdx;
use chalcid_module::layout::{POINTER_SIZE, vmtable};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{AddressType, Hierarchy};
use wasmparser::Operator;

use super::asm::{Alu, Cc};
use super::call::Arg;
use super::reg::{Gpr, Mem, R11};
use super::state::{Baseline, Loc};
use crate::signature::hierarchy;
use crate::{AbiType, CompileError};

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::TableGet { table } => b.table_get(TableIdx(table))?,
        Operator::TableSet { table } => {
            let value = b.pop();
            let index = b.pop();
            let builtin = b.by_elements(TableIdx(table), Builtin::table_set_func, Builtin::table_set_ref)?;
            b.call_builtin(builtin, &[Arg::Imm(table.into()), Arg::Val(index), Arg::Val(value)])?;
        }
        Operator::TableSize { table } => b.table_size(TableIdx(table))?,
        Operator::TableGrow { table } => {
            let delta = b.pop();
            let value = b.pop();
            let builtin = b.by_elements(TableIdx(table), Builtin::table_grow_func, Builtin::table_grow_ref)?;
            let result = b.call_builtin(builtin, &[Arg::Imm(table.into()), Arg::Val(value), Arg::Val(delta)])?;
            let address = b.table_decl(TableIdx(table))?.ty.address;
            b.push_address(result, address);
        }
        Operator::TableFill { table } => {
            let length = b.pop();
            let value = b.pop();
            let start = b.pop();
            let builtin = b.by_elements(TableIdx(table), Builtin::table_fill_func, Builtin::table_fill_ref)?;
            let args = [Arg::Imm(table.into()), Arg::Val(start), Arg::Val(value), Arg::Val(length)];
            b.call_builtin(builtin, &args)?;
        }
        Operator::TableCopy { dst_table, src_table } => {
            let length = b.pop();
            let from = b.pop();
            let to = b.pop();
            let (dst, src) = (Arg::Imm(dst_table.into()), Arg::Imm(src_table.into()));
            b.call_builtin(Builtin::table_copy, &[dst, src, Arg::Val(to), Arg::Val(from), Arg::Val(length)])?;
        }
        Operator::TableInit { elem_index, table } => {
            let length = b.pop();
            let source = b.pop();
            let start = b.pop();
            let (table, segment) = (Arg::Imm(table.into()), Arg::Imm(elem_index.into()));
            let args = [table, segment, Arg::Val(start), Arg::Val(source), Arg::Val(length)];
            b.call_builtin(Builtin::table_init, &args)?;
        }
        Operator::ElemDrop { elem_index } => {
            b.call_builtin(Builtin::elem_drop, &[Arg::Imm(elem_index.into())])?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

impl<'a> Baseline<'a> {
    /// A table's declaration.
    pub fn table_decl(&self, table: TableIdx) -> Result<&'a TableDecl, CompileError> {
        let decl = self.module.tables.get(table.index());
        decl.ok_or_else(|| CompileError::Internal(format!("no table {}", table.0)))
    }

    /// Chooses by what a table holds.
    fn by_elements<T>(&self, table: TableIdx, functions: T, others: T) -> Result<T, CompileError> {
        let heap = self.table_decl(table)?.ty.element.heap;
        Ok(match hierarchy(heap, self.module) {
            Hierarchy::Func => functions,
            Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => others,
        })
    }

    /// Pushes what a builtin gave as a value of an address type.
    pub fn push_address(&mut self, result: Option<Gpr>, address: AddressType) {
        let Some(reg) = result else { return };
        let ty = if address == AddressType::I64 { AbiType::I64 } else { AbiType::I32 };
        if ty == AbiType::I32 {
            self.asm.zero_extend(reg);
        }
        self.push_gpr(ty, reg);
    }

    fn table_get(&mut self, table: TableIdx) -> Result<(), CompileError> {
        let index = self.pop();
        if self.by_elements(table, false, true)? {
            let args = [Arg::Imm(table.0.into()), Arg::Val(index)];
            if let Some(reg) = self.call_builtin(Builtin::table_get_ref, &args)? {
                self.push_gpr(AbiType::GcRef, reg);
            }
            return Ok(());
        }
        let func = self.table_func(table, index, TrapCode::TableOutOfBounds, None)?;
        self.push_gpr(AbiType::FuncRef, func);
        Ok(())
    }

    fn table_size(&mut self, table: TableIdx) -> Result<(), CompileError> {
        let ty = &self.table_decl(table)?.ty;
        let narrow = ty.address == AddressType::I32;
        let abi = if narrow { AbiType::I32 } else { AbiType::I64 };
        if ty.limits.max == Some(ty.limits.min) {
            self.push(abi, Loc::Const(ty.limits.min));
            return Ok(());
        }
        let vmctx = self.vmctx();
        let dst = self.result_gpr();
        self.asm.load(true, dst, Mem::new(vmctx, self.layout.table(table) as i32));
        self.asm.load(!narrow, dst, Mem::new(dst, vmtable::LENGTH as i32));
        self.push_gpr(abi, dst);
        Ok(())
    }

    /// Loads an element of a function table as it is stored. Traps when the index is out of bounds: the address is 0 then by a select that
    /// is not speculated, and nothing is ever mapped there.
    pub fn load_table_element(
        &mut self,
        table: TableIdx,
        index: Gpr,
        dst: Gpr,
        code: TrapCode,
    ) -> Result<(), CompileError> {
        let limits = self.table_decl(table)?.ty.limits;
        let vmctx = self.vmctx();
        self.asm.load(true, R11, Mem::new(vmctx, self.layout.table(table) as i32));
        match (limits.max, i32::try_from(limits.min)) {
            (Some(max), Ok(length)) if max == limits.min => self.asm.alu_ri(Alu::Cmp, true, index, length),
            _ => self.asm.alu_rm(Alu::Cmp, true, index, Mem::new(R11, vmtable::LENGTH as i32)),
        }
        if !self.settings.signals {
            self.trap_if(Cc::Ae, code);
        }
        self.asm.load(true, dst, Mem::new(R11, vmtable::ELEMENTS as i32));
        self.asm.lea(true, dst, Mem::indexed(dst, index, POINTER_SIZE.trailing_zeros() as u8, 0));
        self.asm.mov_ri(R11, 0);
        self.asm.cmov(Cc::Ae, true, dst, R11);
        if self.settings.signals {
            self.trap_site(code);
        }
        self.asm.load(true, dst, Mem::new(dst, 0));
        Ok(())
    }
}

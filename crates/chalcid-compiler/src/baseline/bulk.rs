//! Memories as a whole: size and growth, and the bulk operations, which are the running side's.

use chalcid_module::builtins::Builtin;
use chalcid_module::index::MemIdx;
use chalcid_module::layout::{vmmemory, vmmemoryref};
use chalcid_module::types::AddressType;
use wasmparser::Operator;

use super::asm::Shift;
use super::call::Arg;
use super::reg::Mem;
use super::state::Baseline;
use crate::{AbiType, CompileError};

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::MemorySize { mem } => {
            let ty = b.memory_type(MemIdx(mem))?;
            let vmctx = b.vmctx();
            let dst = b.result_gpr();
            let header = b.layout.memory(MemIdx(mem)) + vmmemoryref::MEMORY;
            b.asm.load(true, dst, Mem::new(vmctx, header as i32));
            b.asm.load(true, dst, Mem::new(dst, vmmemory::LENGTH as i32));
            if ty.page_size_log2 > 0 {
                b.asm.shift_ri(Shift::Shr, true, dst, ty.page_size_log2);
            }
            let wide = ty.address == AddressType::I64;
            if !wide && ty.page_size_log2 < 1 {
                b.asm.zero_extend(dst);
            }
            b.push_gpr(if wide { AbiType::I64 } else { AbiType::I32 }, dst);
        }
        Operator::MemoryGrow { mem } => {
            let delta = b.pop();
            let result = b.call_builtin(Builtin::memory_grow, &[Arg::Imm(mem.into()), Arg::Val(delta)])?;
            let address = b.memory_type(MemIdx(mem))?.address;
            b.push_address(result, address);
        }
        Operator::MemoryFill { mem } => {
            let len = b.pop();
            let value = b.pop();
            let dst = b.pop();
            let args = [Arg::Imm(mem.into()), Arg::Val(dst), Arg::Val(value), Arg::Val(len)];
            b.call_builtin(Builtin::memory_fill, &args)?;
        }
        Operator::MemoryCopy { dst_mem, src_mem } => {
            let len = b.pop();
            let src = b.pop();
            let dst = b.pop();
            let (to, from) = (Arg::Imm(dst_mem.into()), Arg::Imm(src_mem.into()));
            b.call_builtin(Builtin::memory_copy, &[to, from, Arg::Val(dst), Arg::Val(src), Arg::Val(len)])?;
        }
        Operator::MemoryInit { data_index, mem } => {
            let len = b.pop();
            let src = b.pop();
            let dst = b.pop();
            let (memory, data) = (Arg::Imm(mem.into()), Arg::Imm(data_index.into()));
            b.call_builtin(Builtin::memory_init, &[memory, data, Arg::Val(dst), Arg::Val(src), Arg::Val(len)])?;
        }
        Operator::DataDrop { data_index } => {
            b.call_builtin(Builtin::data_drop, &[Arg::Imm(data_index.into())])?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

//! Memory instructions: loads and stores of numbers and vectors, size and growth, and the bulk operations.
//!
//! Every access is placed by [`bounds::place`]. A narrow access reads and writes exactly its own bytes. The bulk operations are the running
//! side's, which checks their ranges and can be interrupted.

use chalcid_module::builtins::Builtin;
use chalcid_module::index::MemIdx;
use chalcid_module::layout::vmmemory;
use chalcid_module::types::AddressType;
use cranelift_codegen::ir::{Inst, InstBuilder, Type, Value, types};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::{MemArg, MemArgTarget, Operator};

use super::bounds::{self, Place};
use super::region::Region;
use super::translator::FuncTranslator;
use crate::CompileError;

/// Translates a memory instruction.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as Op;
    use types::{F32, F64, I8, I8X16, I16, I32, I64};
    match op {
        // Loads of numbers.
        Op::I32Load { memarg } => return load(t, memarg, 4, |ins, p| ins.load(I32, p.flags, p.pointer, p.offset)),
        Op::I64Load { memarg } => return load(t, memarg, 8, |ins, p| ins.load(I64, p.flags, p.pointer, p.offset)),
        Op::F32Load { memarg } => return load(t, memarg, 4, |ins, p| ins.load(F32, p.flags, p.pointer, p.offset)),
        Op::F64Load { memarg } => return load(t, memarg, 8, |ins, p| ins.load(F64, p.flags, p.pointer, p.offset)),
        Op::I32Load8S { memarg } => return load(t, memarg, 1, |ins, p| ins.sload8(I32, p.flags, p.pointer, p.offset)),
        Op::I32Load8U { memarg } => return load(t, memarg, 1, |ins, p| ins.uload8(I32, p.flags, p.pointer, p.offset)),
        Op::I32Load16S { memarg } => {
            return load(t, memarg, 2, |ins, p| ins.sload16(I32, p.flags, p.pointer, p.offset));
        }
        Op::I32Load16U { memarg } => {
            return load(t, memarg, 2, |ins, p| ins.uload16(I32, p.flags, p.pointer, p.offset));
        }
        Op::I64Load8S { memarg } => return load(t, memarg, 1, |ins, p| ins.sload8(I64, p.flags, p.pointer, p.offset)),
        Op::I64Load8U { memarg } => return load(t, memarg, 1, |ins, p| ins.uload8(I64, p.flags, p.pointer, p.offset)),
        Op::I64Load16S { memarg } => {
            return load(t, memarg, 2, |ins, p| ins.sload16(I64, p.flags, p.pointer, p.offset));
        }
        Op::I64Load16U { memarg } => {
            return load(t, memarg, 2, |ins, p| ins.uload16(I64, p.flags, p.pointer, p.offset));
        }
        Op::I64Load32S { memarg } => return load(t, memarg, 4, |ins, p| ins.sload32(p.flags, p.pointer, p.offset)),
        Op::I64Load32U { memarg } => return load(t, memarg, 4, |ins, p| ins.uload32(p.flags, p.pointer, p.offset)),

        // Loads of vectors.
        Op::V128Load { memarg } => return load(t, memarg, 16, |ins, p| ins.load(I8X16, p.flags, p.pointer, p.offset)),
        Op::V128Load8x8S { memarg } => return load(t, memarg, 8, |ins, p| ins.sload8x8(p.flags, p.pointer, p.offset)),
        Op::V128Load8x8U { memarg } => return load(t, memarg, 8, |ins, p| ins.uload8x8(p.flags, p.pointer, p.offset)),
        Op::V128Load16x4S { memarg } => {
            return load(t, memarg, 8, |ins, p| ins.sload16x4(p.flags, p.pointer, p.offset));
        }
        Op::V128Load16x4U { memarg } => {
            return load(t, memarg, 8, |ins, p| ins.uload16x4(p.flags, p.pointer, p.offset));
        }
        Op::V128Load32x2S { memarg } => {
            return load(t, memarg, 8, |ins, p| ins.sload32x2(p.flags, p.pointer, p.offset));
        }
        Op::V128Load32x2U { memarg } => {
            return load(t, memarg, 8, |ins, p| ins.uload32x2(p.flags, p.pointer, p.offset));
        }
        Op::V128Load8Splat { memarg } => return load_splat(t, memarg, I8),
        Op::V128Load16Splat { memarg } => return load_splat(t, memarg, I16),
        Op::V128Load32Splat { memarg } => return load_splat(t, memarg, I32),
        Op::V128Load64Splat { memarg } => return load_splat(t, memarg, I64),
        Op::V128Load32Zero { memarg } => return load_zero(t, memarg, I32),
        Op::V128Load64Zero { memarg } => return load_zero(t, memarg, I64),
        Op::V128Load8Lane { memarg, lane } => return load_lane(t, memarg, I8, *lane),
        Op::V128Load16Lane { memarg, lane } => return load_lane(t, memarg, I16, *lane),
        Op::V128Load32Lane { memarg, lane } => return load_lane(t, memarg, I32, *lane),
        Op::V128Load64Lane { memarg, lane } => return load_lane(t, memarg, I64, *lane),

        // Stores.
        Op::I32Store { memarg } | Op::F32Store { memarg } => {
            return store(t, memarg, 4, |ins, p, x| ins.store(p.flags, x, p.pointer, p.offset));
        }
        Op::I64Store { memarg } | Op::F64Store { memarg } => {
            return store(t, memarg, 8, |ins, p, x| ins.store(p.flags, x, p.pointer, p.offset));
        }
        Op::I32Store8 { memarg } | Op::I64Store8 { memarg } => {
            return store(t, memarg, 1, |ins, p, x| ins.istore8(p.flags, x, p.pointer, p.offset));
        }
        Op::I32Store16 { memarg } | Op::I64Store16 { memarg } => {
            return store(t, memarg, 2, |ins, p, x| ins.istore16(p.flags, x, p.pointer, p.offset));
        }
        Op::I64Store32 { memarg } => {
            return store(t, memarg, 4, |ins, p, x| ins.istore32(p.flags, x, p.pointer, p.offset));
        }
        Op::V128Store { memarg } => {
            return store(t, memarg, 16, |ins, p, x| ins.store(p.flags, x, p.pointer, p.offset));
        }
        Op::V128Store8Lane { memarg, lane } => return store_lane(t, memarg, I8, *lane),
        Op::V128Store16Lane { memarg, lane } => return store_lane(t, memarg, I16, *lane),
        Op::V128Store32Lane { memarg, lane } => return store_lane(t, memarg, I32, *lane),
        Op::V128Store64Lane { memarg, lane } => return store_lane(t, memarg, I64, *lane),

        // The memory as a whole.
        Op::MemorySize { mem } => size(t, MemIdx(*mem))?,
        Op::MemoryGrow { mem } => grow(t, MemIdx(*mem))?,
        Op::MemoryFill { mem } => fill(t, MemIdx(*mem))?,
        Op::MemoryCopy { dst_mem, src_mem } => copy(t, MemIdx(*dst_mem), MemIdx(*src_mem))?,
        Op::MemoryInit { data_index, mem } => init(t, MemIdx(*mem), *data_index)?,
        Op::DataDrop { data_index } => {
            let data = t.i32_const(*data_index);
            t.call_builtin(Builtin::data_drop, &[data]);
        }

        _ => return Ok(false),
    }
    Ok(true)
}

/// The memory an access goes to; `None` if it is the contents of an array.
pub(super) fn target(memarg: &MemArg) -> Option<MemIdx> {
    match memarg.target {
        MemArgTarget::Memory(memory) => Some(MemIdx(memory)),
        _ => None,
    }
}

/// Pops an address and places the access there; `None` in unreachable code, for an access that always traps.
fn pop_place(
    t: &mut FuncTranslator<'_>,
    memory: MemIdx,
    memarg: &MemArg,
    size: u32,
) -> Result<Option<Place>, CompileError> {
    let index = t.pop();
    bounds::place(t, memory, index, memarg.offset, size)
}

/// Replaces an address by what `make` loads from there.
fn load(
    t: &mut FuncTranslator<'_>,
    memarg: &MemArg,
    size: u32,
    make: impl FnOnce(FuncInstBuilder<'_, '_>, Place) -> Value,
) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    if let Some(place) = pop_place(t, memory, memarg, size)? {
        let value = make(t.ins(), place);
        push_loaded(t, value);
    }
    Ok(true)
}

fn push_loaded(t: &mut FuncTranslator<'_>, value: Value) {
    if t.type_of(value).is_vector() { t.push_vector(value) } else { t.push(value) }
}

/// Loads one lane into all. As an integer, so that no wider load can take its place.
fn load_splat(t: &mut FuncTranslator<'_>, memarg: &MemArg, lane: Type) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    if let Some(place) = pop_place(t, memory, memarg, lane.bytes())? {
        let value = t.ins().load(lane, place.flags, place.pointer, place.offset);
        let vector = t.ins().splat(lanes_of(lane), value);
        t.push_vector(vector);
    }
    Ok(true)
}

/// Loads the lowest lane and sets the others to 0.
fn load_zero(t: &mut FuncTranslator<'_>, memarg: &MemArg, lane: Type) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    if let Some(place) = pop_place(t, memory, memarg, lane.bytes())? {
        let value = t.ins().load(lane, place.flags, place.pointer, place.offset);
        let vector = t.ins().scalar_to_vector(lanes_of(lane), value);
        t.push_vector(vector);
    }
    Ok(true)
}

/// Loads one lane of a vector and keeps the others.
fn load_lane(t: &mut FuncTranslator<'_>, memarg: &MemArg, ty: Type, lane: u8) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let vector = t.pop_vector(lanes_of(ty));
    if let Some(place) = pop_place(t, memory, memarg, ty.bytes())? {
        let value = t.ins().load(ty, place.flags, place.pointer, place.offset);
        let vector = t.ins().insertlane(vector, value, lane);
        t.push_vector(vector);
    }
    Ok(true)
}

/// Stores a value with `make`.
fn store(
    t: &mut FuncTranslator<'_>,
    memarg: &MemArg,
    size: u32,
    make: impl FnOnce(FuncInstBuilder<'_, '_>, Place, Value) -> Inst,
) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let value = t.pop();
    if let Some(place) = pop_place(t, memory, memarg, size)? {
        make(t.ins(), place, value);
    }
    Ok(true)
}

/// Stores one lane of a vector.
fn store_lane(t: &mut FuncTranslator<'_>, memarg: &MemArg, ty: Type, lane: u8) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let vector = t.pop_vector(lanes_of(ty));
    if let Some(place) = pop_place(t, memory, memarg, ty.bytes())? {
        let value = t.ins().extractlane(vector, lane);
        t.ins().store(place.flags, value, place.pointer, place.offset);
    }
    Ok(true)
}

/// The 128-bit vector type with lanes of a type.
fn lanes_of(lane: Type) -> Type {
    match lane {
        types::I8 => types::I8X16,
        types::I16 => types::I16X8,
        types::I32 => types::I32X4,
        _ => types::I64X2,
    }
}

/// `memory.size`.
fn size(t: &mut FuncTranslator<'_>, memory: MemIdx) -> Result<(), CompileError> {
    let ty = bounds::memory_type(t, memory)?;
    let bytes = if ty.shared {
        // Another agent may grow it at any moment, and a loop may wait for that.
        let header = bounds::header(t, memory);
        let flags = t.flags(Region::MemoryHeaders);
        let field = t.ins().iadd_imm_u(header, i64::from(vmmemory::LENGTH));
        t.ins().atomic_load(types::I64, flags, field)
    } else {
        bounds::length(t, memory)
    };
    let pages = t.ins().ushr_imm_u(bytes, i64::from(ty.page_size_log2));
    t.push_address(pages, ty.address);
    Ok(())
}

/// `memory.grow`.
fn grow(t: &mut FuncTranslator<'_>, memory: MemIdx) -> Result<(), CompileError> {
    let ty = bounds::memory_type(t, memory)?;
    let delta = t.pop_address(ty.address);
    let number = t.i32_const(memory.0);
    if let Some(old) = t.call_builtin(Builtin::memory_grow, &[number, delta]) {
        t.push_address(old, ty.address);
    }
    Ok(())
}

/// `memory.fill`.
fn fill(t: &mut FuncTranslator<'_>, memory: MemIdx) -> Result<(), CompileError> {
    let ty = bounds::memory_type(t, memory)?;
    let len = t.pop_address(ty.address);
    let value = t.pop();
    let dst = t.pop_address(ty.address);
    let number = t.i32_const(memory.0);
    t.call_builtin(Builtin::memory_fill, &[number, dst, value, len]);
    Ok(())
}

/// `memory.copy`. The length has the narrower of the two address types.
fn copy(t: &mut FuncTranslator<'_>, dst_memory: MemIdx, src_memory: MemIdx) -> Result<(), CompileError> {
    let dst_address = bounds::memory_type(t, dst_memory)?.address;
    let src_address = bounds::memory_type(t, src_memory)?.address;
    let both_wide = dst_address == AddressType::I64 && src_address == AddressType::I64;
    let len = t.pop_address(if both_wide { AddressType::I64 } else { AddressType::I32 });
    let src = t.pop_address(src_address);
    let dst = t.pop_address(dst_address);
    let dst_number = t.i32_const(dst_memory.0);
    let src_number = t.i32_const(src_memory.0);
    t.call_builtin(Builtin::memory_copy, &[dst_number, src_number, dst, src, len]);
    Ok(())
}

/// `memory.init`.
fn init(t: &mut FuncTranslator<'_>, memory: MemIdx, data: u32) -> Result<(), CompileError> {
    let address = bounds::memory_type(t, memory)?.address;
    let (src, len) = t.pop2();
    let dst = t.pop_address(address);
    let number = t.i32_const(memory.0);
    let data = t.i32_const(data);
    t.call_builtin(Builtin::memory_init, &[number, data, dst, src, len]);
    Ok(())
}

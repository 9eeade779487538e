//! Loads and stores of numbers and vectors.
//!
//! Every access is placed by [`bounds::place`]. A narrow access reads and writes exactly its own bytes.

use chalcid_module::index::MemIdx;
use cranelift_codegen::ir::{Inst, InstBuilder, Type, Value, types};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::{MemArg, MemArgTarget, Operator};

use super::bounds::{self, Place};
use super::translator::FuncTranslator;
use crate::CompileError;

/// Translates a memory instruction.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as Op;
    use types::{F32, F64, I8, I8X16, I16, I32, I64};
    match op {
        // Loads of numbers.
        Op::I32Load { memarg } => load(t, memarg, 4, |ins, p| ins.load(I32, p.flags, p.pointer, p.offset)),
        Op::I64Load { memarg } => load(t, memarg, 8, |ins, p| ins.load(I64, p.flags, p.pointer, p.offset)),
        Op::F32Load { memarg } => load(t, memarg, 4, |ins, p| ins.load(F32, p.flags, p.pointer, p.offset)),
        Op::F64Load { memarg } => load(t, memarg, 8, |ins, p| ins.load(F64, p.flags, p.pointer, p.offset)),
        Op::I32Load8S { memarg } => load(t, memarg, 1, |ins, p| ins.sload8(I32, p.flags, p.pointer, p.offset)),
        Op::I32Load8U { memarg } => load(t, memarg, 1, |ins, p| ins.uload8(I32, p.flags, p.pointer, p.offset)),
        Op::I32Load16S { memarg } => load(t, memarg, 2, |ins, p| ins.sload16(I32, p.flags, p.pointer, p.offset)),
        Op::I32Load16U { memarg } => load(t, memarg, 2, |ins, p| ins.uload16(I32, p.flags, p.pointer, p.offset)),
        Op::I64Load8S { memarg } => load(t, memarg, 1, |ins, p| ins.sload8(I64, p.flags, p.pointer, p.offset)),
        Op::I64Load8U { memarg } => load(t, memarg, 1, |ins, p| ins.uload8(I64, p.flags, p.pointer, p.offset)),
        Op::I64Load16S { memarg } => load(t, memarg, 2, |ins, p| ins.sload16(I64, p.flags, p.pointer, p.offset)),
        Op::I64Load16U { memarg } => load(t, memarg, 2, |ins, p| ins.uload16(I64, p.flags, p.pointer, p.offset)),
        Op::I64Load32S { memarg } => load(t, memarg, 4, |ins, p| ins.sload32(p.flags, p.pointer, p.offset)),
        Op::I64Load32U { memarg } => load(t, memarg, 4, |ins, p| ins.uload32(p.flags, p.pointer, p.offset)),

        // Loads of vectors.
        Op::V128Load { memarg } => load(t, memarg, 16, |ins, p| ins.load(I8X16, p.flags, p.pointer, p.offset)),
        Op::V128Load8x8S { memarg } => load(t, memarg, 8, |ins, p| ins.sload8x8(p.flags, p.pointer, p.offset)),
        Op::V128Load8x8U { memarg } => load(t, memarg, 8, |ins, p| ins.uload8x8(p.flags, p.pointer, p.offset)),
        Op::V128Load16x4S { memarg } => load(t, memarg, 8, |ins, p| ins.sload16x4(p.flags, p.pointer, p.offset)),
        Op::V128Load16x4U { memarg } => load(t, memarg, 8, |ins, p| ins.uload16x4(p.flags, p.pointer, p.offset)),
        Op::V128Load32x2S { memarg } => load(t, memarg, 8, |ins, p| ins.sload32x2(p.flags, p.pointer, p.offset)),
        Op::V128Load32x2U { memarg } => load(t, memarg, 8, |ins, p| ins.uload32x2(p.flags, p.pointer, p.offset)),
        Op::V128Load8Splat { memarg } => load_splat(t, memarg, I8),
        Op::V128Load16Splat { memarg } => load_splat(t, memarg, I16),
        Op::V128Load32Splat { memarg } => load_splat(t, memarg, I32),
        Op::V128Load64Splat { memarg } => load_splat(t, memarg, I64),
        Op::V128Load32Zero { memarg } => load_zero(t, memarg, I32),
        Op::V128Load64Zero { memarg } => load_zero(t, memarg, I64),
        Op::V128Load8Lane { memarg, lane } => load_lane(t, memarg, I8, *lane),
        Op::V128Load16Lane { memarg, lane } => load_lane(t, memarg, I16, *lane),
        Op::V128Load32Lane { memarg, lane } => load_lane(t, memarg, I32, *lane),
        Op::V128Load64Lane { memarg, lane } => load_lane(t, memarg, I64, *lane),

        // Stores.
        Op::I32Store { memarg } | Op::F32Store { memarg } => {
            store(t, memarg, 4, |ins, p, x| ins.store(p.flags, x, p.pointer, p.offset))
        }
        Op::I64Store { memarg } | Op::F64Store { memarg } => {
            store(t, memarg, 8, |ins, p, x| ins.store(p.flags, x, p.pointer, p.offset))
        }
        Op::I32Store8 { memarg } | Op::I64Store8 { memarg } => {
            store(t, memarg, 1, |ins, p, x| ins.istore8(p.flags, x, p.pointer, p.offset))
        }
        Op::I32Store16 { memarg } | Op::I64Store16 { memarg } => {
            store(t, memarg, 2, |ins, p, x| ins.istore16(p.flags, x, p.pointer, p.offset))
        }
        Op::I64Store32 { memarg } => store(t, memarg, 4, |ins, p, x| ins.istore32(p.flags, x, p.pointer, p.offset)),
        Op::V128Store { memarg } => store(t, memarg, 16, |ins, p, x| ins.store(p.flags, x, p.pointer, p.offset)),
        Op::V128Store8Lane { memarg, lane } => store_lane(t, memarg, I8, *lane),
        Op::V128Store16Lane { memarg, lane } => store_lane(t, memarg, I16, *lane),
        Op::V128Store32Lane { memarg, lane } => store_lane(t, memarg, I32, *lane),
        Op::V128Store64Lane { memarg, lane } => store_lane(t, memarg, I64, *lane),

        _ => Ok(false),
    }
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

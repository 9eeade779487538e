//! Loads and stores of vectors. A narrow access reads and writes exactly its own bytes.

use wasmparser::{MemArg, Operator};

use super::PSHUFD;
use crate::AbiType::V128;
use crate::CompileError;
use crate::baseline::asm::Op;
use crate::baseline::memory::target;
use crate::baseline::state::Baseline;

/// Compiles the instruction if it is one of these.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as O;
    match op {
        O::V128Load { memarg } => load(b, memarg, 16, Op::two(0, 0x10), None),
        O::V128Load8x8S { memarg } => load(b, memarg, 8, Op::x38(0x20), None),
        O::V128Load8x8U { memarg } => load(b, memarg, 8, Op::x38(0x30), None),
        O::V128Load16x4S { memarg } => load(b, memarg, 8, Op::x38(0x23), None),
        O::V128Load16x4U { memarg } => load(b, memarg, 8, Op::x38(0x33), None),
        O::V128Load32x2S { memarg } => load(b, memarg, 8, Op::x38(0x25), None),
        O::V128Load32x2U { memarg } => load(b, memarg, 8, Op::x38(0x35), None),
        O::V128Load32Zero { memarg } => load(b, memarg, 4, Op::two(0xf3, 0x10), None),
        O::V128Load64Zero { memarg } => load(b, memarg, 8, Op::two(0xf2, 0x10), None),
        O::V128Load32Splat { memarg } => load(b, memarg, 4, Op::two(0xf3, 0x10), Some(0)),
        O::V128Load64Splat { memarg } => load(b, memarg, 8, Op::two(0xf2, 0x10), Some(0x44)),
        O::V128Load8Splat { memarg } => load_splat(b, memarg, 1),
        O::V128Load16Splat { memarg } => load_splat(b, memarg, 2),
        O::V128Load8Lane { memarg, lane } => load_lane(b, memarg, 1, Op::x3a(0x20), *lane),
        O::V128Load16Lane { memarg, lane } => load_lane(b, memarg, 2, Op::two(0x66, 0xc4), *lane),
        O::V128Load32Lane { memarg, lane } => load_lane(b, memarg, 4, Op::x3a(0x22), *lane),
        O::V128Load64Lane { memarg, lane } => load_lane(b, memarg, 8, Op::x3a(0x22), *lane),
        O::V128Store { memarg } => store(b, memarg, 16, Op::two(0, 0x11), None),
        O::V128Store8Lane { memarg, lane } => store(b, memarg, 1, Op::x3a(0x14), Some(*lane)),
        O::V128Store16Lane { memarg, lane } => store(b, memarg, 2, Op::x3a(0x15), Some(*lane)),
        O::V128Store32Lane { memarg, lane } => store(b, memarg, 4, Op::x3a(0x16), Some(*lane)),
        O::V128Store64Lane { memarg, lane } => store(b, memarg, 8, Op::x3a(0x16), Some(*lane)),
        _ => Ok(false),
    }
}

/// Loads, and may then copy lanes.
fn load(b: &mut Baseline<'_>, memarg: &MemArg, size: u32, op: Op, order: Option<u8>) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let index = b.pop();
    let Some(place) = b.place(memory, index, memarg.offset, size)? else { return Ok(true) };
    b.release_place(place);
    let dst = b.result_xmm();
    b.memory_site();
    b.asm.rm(op, false, dst.0, place.mem);
    if let Some(order) = order {
        b.asm.sse_imm(PSHUFD, dst, dst, order);
    }
    b.push_xmm(V128, dst);
    Ok(true)
}

fn load_splat(b: &mut Baseline<'_>, memarg: &MemArg, size: u8) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let index = b.pop();
    let Some(place) = b.place(memory, index, memarg.offset, size.into())? else { return Ok(true) };
    b.release_place(place);
    let number = b.alloc();
    let dst = b.result_xmm();
    b.memory_site();
    b.asm.rm(Op::two(0, if size == 1 { 0xb6 } else { 0xb7 }), false, number.0, place.mem);
    b.asm.mov_xr(false, dst, number);
    b.release_gpr(number);
    super::lanes::splat_lowest(b, dst, size);
    b.push_xmm(V128, dst);
    Ok(true)
}

fn load_lane(b: &mut Baseline<'_>, memarg: &MemArg, size: u32, op: Op, lane: u8) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let val = b.pop();
    let dst = b.in_own_xmm(val);
    let index = b.pop();
    let Some(place) = b.place(memory, index, memarg.offset, size)? else {
        b.release_xmm(dst);
        return Ok(true);
    };
    b.memory_site();
    b.asm.rm(op, size == 8, dst.0, place.mem);
    b.asm.put1(lane);
    b.release_place(place);
    b.push_xmm(V128, dst);
    Ok(true)
}

/// Stores a vector, or a lane of it.
fn store(b: &mut Baseline<'_>, memarg: &MemArg, size: u32, op: Op, lane: Option<u8>) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let val = b.pop();
    let src = b.in_xmm(val);
    let index = b.pop();
    if let Some(place) = b.place(memory, index, memarg.offset, size)? {
        b.memory_site();
        b.asm.rm(op, size == 8 && lane.is_some(), src.0, place.mem);
        if let Some(lane) = lane {
            b.asm.put1(lane);
        }
        b.release_place(place);
    }
    b.release_xmm(src);
    Ok(true)
}

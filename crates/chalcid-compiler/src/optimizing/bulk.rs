//! Memories as a whole: size and growth, and the bulk operations.
//!
//! The bulk operations are the running side's, which checks their ranges and can be interrupted. But compilers of C and Rust make a `memory.copy`
//! of every assignment of a small structure, so copies and fills of a few bytes, as many as a constant says, are done on the spot.
//!
//! # Small copies and fills
//! They have to trap before they write anything. All loads come before all stores, and a store to the last bytes comes first. If the range ends
//! within the memory, it lies within it as a whole, since its beginning is placed by [`bounds::place`] with the size of the whole
//! range; if not, either the placing traps already, or the first load or the first store faults. A store of a number that crosses into
//! bytes that are inaccessible writes none of its bytes on x86. On other machines, and of a vector, it may write some: there the last
//! byte is read before.

use chalcid_module::builtins::Builtin;
use chalcid_module::index::MemIdx;
use chalcid_module::layout::vmmemory;
use chalcid_module::types::AddressType;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use wasmparser::Operator;

use super::bounds::{self, Place};
use super::region::Region;
use super::translator::FuncTranslator;
use crate::CompileError;

/// Bytes that are copied and filled on the spot at most.
const SMALL: u64 = 64;

/// Translates an instruction on a memory as a whole.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as Op;
    match op {
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
    let len = t.pop();
    let value = t.pop();
    let dst = t.pop();
    if let Some(len) = small(t, len) {
        return fill_small(t, memory, dst, value, len);
    }
    let len = t.extend_address(len, ty.address);
    let dst = t.extend_address(dst, ty.address);
    let number = t.i32_const(memory.0);
    t.call_builtin(Builtin::memory_fill, &[number, dst, value, len]);
    Ok(())
}

/// `memory.copy`. The length has the narrower of the two address types.
fn copy(t: &mut FuncTranslator<'_>, dst_memory: MemIdx, src_memory: MemIdx) -> Result<(), CompileError> {
    let dst_address = bounds::memory_type(t, dst_memory)?.address;
    let src_address = bounds::memory_type(t, src_memory)?.address;
    let both_wide = dst_address == AddressType::I64 && src_address == AddressType::I64;
    let (dst, src, len) = t.pop3();
    if let Some(len) = small(t, len) {
        return copy_small(t, (dst_memory, dst), (src_memory, src), len);
    }
    let len = t.extend_address(len, if both_wide { AddressType::I64 } else { AddressType::I32 });
    let src = t.extend_address(src, src_address);
    let dst = t.extend_address(dst, dst_address);
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

/// A length, if it is a constant that is small and not 0.
fn small(t: &FuncTranslator<'_>, len: Value) -> Option<u32> {
    match bounds::constant(t, len) {
        Some(len @ 1..=SMALL) => Some(len as u32),
        _ => None,
    }
}

/// How a range of bytes is moved: offsets and types of the pieces, the one with the last byte first. Pieces may overlap.
fn pieces(len: u32) -> impl Iterator<Item = (u32, Type)> {
    let piece = match len {
        1 => types::I8,
        2..=3 => types::I16,
        4..=7 => types::I32,
        8..=15 => types::I64,
        _ => types::I8X16,
    };
    let size = piece.bytes();
    std::iter::once((len - size, piece)).chain((0..(len - 1) / size).map(move |number| (number * size, piece)))
}

/// Copies a few bytes.
fn copy_small(
    t: &mut FuncTranslator<'_>,
    (dst_memory, dst): (MemIdx, Value),
    (src_memory, src): (MemIdx, Value),
    len: u32,
) -> Result<(), CompileError> {
    let Some(src) = bounds::place(t, src_memory, src, 0, len)? else { return Ok(()) };
    let mut values = [None; SMALL as usize / 16 + 1];
    for (value, (offset, piece)) in values.iter_mut().zip(pieces(len)) {
        *value = Some(t.ins().load(piece, src.flags, src.pointer, src.offset + offset as i32));
    }
    let Some(dst) = bounds::place(t, dst_memory, dst, 0, len)? else { return Ok(()) };
    probe(t, dst, len);
    for (value, (offset, _)) in values.into_iter().flatten().zip(pieces(len)) {
        t.ins().store(dst.flags, value, dst.pointer, dst.offset + offset as i32);
    }
    Ok(())
}

/// Fills a few bytes.
fn fill_small(
    t: &mut FuncTranslator<'_>,
    memory: MemIdx,
    dst: Value,
    value: Value,
    len: u32,
) -> Result<(), CompileError> {
    let Some(dst) = bounds::place(t, memory, dst, 0, len)? else { return Ok(()) };
    probe(t, dst, len);
    // The byte in every byte of 64 bits.
    let byte = t.ins().band_imm_u(value, 0xff);
    let byte = t.ins().uextend(types::I64, byte);
    let word = t.ins().imul_imm_u(byte, 0x0101_0101_0101_0101);
    for (offset, piece) in pieces(len) {
        let value = match piece {
            types::I8X16 => t.ins().splat(types::I64X2, word),
            types::I64 => word,
            narrow => t.ins().ireduce(narrow, word),
        };
        t.ins().store(dst.flags, value, dst.pointer, dst.offset + offset as i32);
    }
    Ok(())
}

/// Faults if the last of the bytes at `place` is inaccessible, where a store that faults may have written some of its bytes.
fn probe(t: &mut FuncTranslator<'_>, place: Place, len: u32) {
    let by_vectors = len >= types::I8X16.bytes();
    if by_vectors || !t.is_x86() {
        t.ins().load(types::I8, place.flags, place.pointer, place.offset + len as i32 - 1);
    }
}

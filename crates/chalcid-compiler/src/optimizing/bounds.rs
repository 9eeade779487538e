//! Where in the process an access to a linear memory goes, and what keeps it inside.
//!
//! **This file is what stands between hostile code and the process.** Every access of every memory instruction is placed by [`place`].
//!
//! # Inputs
//! - `index`: the address operand, any 32-bit or 64-bit number as the memory's address type says.
//! - `offset`: the constant of the instruction, below 2^32 for 32-bit memories, any 64-bit number for others.
//! - `size`: the bytes accessed, 1 to 64.
//! - The memory's type and [plan](MemoryPlan). `LENGTH`, its size in bytes, never shrinks and is at least the type's minimum.
//!
//! The access is within bounds exactly when `index + offset + size <= LENGTH` as unbounded integers. If it is not, the instruction has to trap,
//! and not one of its bytes may be read or written.
//!
//! # Cases
//! | | when | check | address |
//! |---|---|---|---|
//! | within | `index` is constant, and index + offset + size ≤ minimum size | none | base + constant |
//! | reserved | static plan, `index` is constant, and index + offset + size ≤ reservation + guard | a fault | base + constant |
//! | guarded | static plan, offset + size ≤ guard | a fault | base + zext(index), offset in the instruction |
//! | never | offset + size ≥ 2^64 | it traps | none |
//! | small | offset + size ≤ minimum size | index > LENGTH − (offset + size) | base + index + offset |
//! | narrow | 32-bit `index` | index + (offset + size) > LENGTH in 64 bits | base + index + offset |
//! | wide | 64-bit `index` | offset + size > LENGTH, or index > LENGTH − (offset + size) | base + index + offset |
//!
//! The first case that holds is taken. *Guarded* is right since zext(index) < reservation, so that the whole access ends at most at
//! reservation + guard, and all that lies there beyond `LENGTH` is inaccessible. No addition of a check can wrap: in *small* the
//! difference is not negative as `LENGTH` is no less than the minimum, in *narrow* the sum stays below 2^34, and in *wide* a negative
//! difference is ignored as the first test holds then.
//!
//! # Speculation
//! A CPU may run ahead of an explicit check. So the address of a checked access depends on the outcome: a select that is not
//! speculated gives address 0 when the check fails. With signals this *is* the trap: address 0 is never mapped, the access faults there,
//! and the instruction is a known trap site. The offset stays in the instruction only if the access at 0 + offset ends below
//! [`NULL_GUARD`]; otherwise it is added before the select. Without signals a branch traps first.
//!
//! # What would break it
//! - Flags on the access which say that it cannot trap, may move, or is aligned: then Cranelift may drop, hoist or widen it. [`flags`] sets none.
//! - A 32-bit index that is not zero-extended before it is added: the upper half of a register is not zero by itself.
//! - Reading `LENGTH` or the base of a checked memory before a call and using it after: the memory may have grown and moved.
//! - A static plan for a memory that is mapped otherwise: [`MemoryPlan::of`] is the one place that decides.
//! - A page 0 that is mapped: system policies forbid it, and a process that maps it by force gives up this guard.

use chalcid_module::index::MemIdx;
use chalcid_module::layout::{
    MemoryPlan, NULL_GUARD, STATIC_MEMORY_GUARD, STATIC_MEMORY_RESERVATION, vmmemory, vmmemoryref,
};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{AddressType, MemoryType};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Opcode, Value, ValueDef, types};

use super::region::Region;
use super::translator::FuncTranslator;
use super::types::POINTER;
use crate::CompileError;

/// Where an access goes: `pointer + offset`, with the flags it has to have.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// A pointer, in or before the memory.
    pub pointer: Value,
    /// Added to it.
    pub offset: i32,
    /// Flags of the access.
    pub flags: MemFlagsData,
}

/// The type of a memory.
pub(super) fn memory_type(t: &FuncTranslator<'_>, memory: MemIdx) -> Result<MemoryType, CompileError> {
    let ty = t.module.memories.get(memory.index());
    ty.copied().ok_or_else(|| CompileError::Internal(format!("no memory {}", memory.0)))
}

/// Places an access of `size` bytes at `index` + `offset`. Gives `None`, in unreachable code then, if it always traps.
pub(super) fn place(
    t: &mut FuncTranslator<'_>,
    memory: MemIdx,
    index: Value,
    offset: u64,
    size: u32,
) -> Result<Option<Place>, CompileError> {
    let ty = memory_type(t, memory)?;
    let plan = MemoryPlan::of(&ty, t.settings.signals);
    // If this overflows, no memory has the minimum size, so any smaller number will do.
    let minimum = ty.limits.min.checked_mul(ty.page_size()).unwrap_or(0);
    let flags = flags(t, memory);

    // Within, and reserved.
    if let Some(address) = constant(t, index).and_then(|index| index.checked_add(offset)) {
        let end = address.checked_add(u64::from(size));
        let unchecked_end = match plan {
            MemoryPlan::Static => STATIC_MEMORY_RESERVATION + STATIC_MEMORY_GUARD,
            MemoryPlan::Checked => minimum,
        };
        if end.is_some_and(|end| end <= unchecked_end) {
            let base = base(t, memory, plan);
            return Ok(Some(displaced(t, base, address, flags)));
        }
    }

    // Never.
    let Some(reach) = offset.checked_add(u64::from(size)) else {
        t.trap(TrapCode::MemoryOutOfBounds);
        return Ok(None);
    };

    // Guarded.
    let index = t.extend_address(index, ty.address);
    if plan == MemoryPlan::Static && reach <= STATIC_MEMORY_GUARD {
        let base = base(t, memory, plan);
        let pointer = t.ins().iadd(base, index);
        return Ok(Some(displaced(t, pointer, offset, flags)));
    }

    // Small, narrow and wide.
    let length = length(t, memory);
    let outside = if reach <= minimum {
        beyond(t, index, length, reach)
    } else {
        match ty.address {
            AddressType::I32 => {
                let reach = t.i64_const(reach);
                let end = t.ins().iadd(index, reach);
                t.ins().icmp(IntCC::UnsignedGreaterThan, end, length)
            }
            AddressType::I64 => {
                let least_length = t.i64_const(reach);
                let too_short = t.ins().icmp(IntCC::UnsignedLessThan, length, least_length);
                let beyond = beyond(t, index, length, reach);
                t.ins().bor(too_short, beyond)
            }
        }
    };
    let guarded = t.settings.spectre_guards;
    if !(guarded && t.settings.signals) {
        t.trap_if(outside, TrapCode::MemoryOutOfBounds);
    }
    let base = base(t, memory, plan);
    let mut pointer = t.ins().iadd(base, index);
    if !guarded {
        return Ok(Some(displaced(t, pointer, offset, flags)));
    }
    let mut offset = offset;
    if reach > NULL_GUARD {
        let distance = t.i64_const(offset);
        pointer = t.ins().iadd(pointer, distance);
        offset = 0;
    }
    let nowhere = t.i64_const(0);
    let pointer = t.ins().select_spectre_guard(outside, nowhere, pointer);
    Ok(Some(displaced(t, pointer, offset, flags)))
}

/// Traps if the address of an atomic access, `index` + `offset`, is no multiple of its `size`.
pub(super) fn check_alignment(t: &mut FuncTranslator<'_>, index: Value, offset: u64, size: u32) {
    debug_assert!(size.is_power_of_two());
    let mask = u64::from(size - 1);
    // Wrapping does not change the lowest bits, so the index's own type is wide enough.
    let surplus = offset & mask;
    if constant(t, index).is_some_and(|index| index.wrapping_add(surplus) & mask == 0) {
        return;
    }
    let address = if surplus == 0 { index } else { t.ins().iadd_imm_u(index, surplus.cast_signed()) };
    let misalignment = t.ins().band_imm_u(address, mask.cast_signed());
    t.trap_if(misalignment, TrapCode::UnalignedAtomic);
}

/// `index` + `offset` as 64 bits, for the running side to check. Traps if it has no 64 bits: no memory reaches that far.
pub(super) fn effective_address(
    t: &mut FuncTranslator<'_>,
    memory: MemIdx,
    index: Value,
    offset: u64,
) -> Result<Value, CompileError> {
    let ty = memory_type(t, memory)?;
    let index = t.extend_address(index, ty.address);
    if offset == 0 {
        return Ok(index);
    }
    let offset = t.i64_const(offset);
    match ty.address {
        // Both are below 2^32.
        AddressType::I32 => Ok(t.ins().iadd(index, offset)),
        AddressType::I64 => {
            let (address, carry) = t.ins().uadd_overflow(index, offset);
            t.trap_if(carry, TrapCode::MemoryOutOfBounds);
            Ok(address)
        }
    }
}

/// Flags of every access to a linear memory: it may trap, may be unaligned, stays where it is, and is little-endian.
fn flags(t: &mut FuncTranslator<'_>, memory: MemIdx) -> MemFlagsData {
    let region = Region::Memory(memory).declare(t.module, t.builder.func);
    MemFlagsData::new().with_endianness(Endianness::Little).with_alias_region(Some(region))
}

/// The value of a constant, zero-extended.
pub(super) fn constant(t: &FuncTranslator<'_>, value: Value) -> Option<u64> {
    let dfg = &t.builder.func.dfg;
    let ValueDef::Result(inst, _) = dfg.value_def(dfg.resolve_aliases(value)) else { return None };
    if dfg.insts[inst].opcode() != Opcode::Iconst {
        return None;
    }
    let cranelift_codegen::ir::InstructionData::UnaryImm { imm, .. } = dfg.insts[inst] else { return None };
    let bits = imm.bits().cast_unsigned();
    Some(if dfg.value_type(value) == types::I32 { bits & u64::from(u32::MAX) } else { bits })
}

/// Whether `index` > `length` − `reach`.
fn beyond(t: &mut FuncTranslator<'_>, index: Value, length: Value, reach: u64) -> Value {
    let reach = t.i64_const(reach);
    let last = t.ins().isub(length, reach);
    t.ins().icmp(IntCC::UnsignedGreaterThan, index, last)
}

/// Where an access `distance` bytes behind `pointer` goes.
fn displaced(t: &mut FuncTranslator<'_>, pointer: Value, distance: u64, flags: MemFlagsData) -> Place {
    match i32::try_from(distance) {
        Ok(offset) => Place { pointer, offset, flags },
        Err(_) => {
            let distance = t.i64_const(distance);
            Place { pointer: t.ins().iadd(pointer, distance), offset: 0, flags }
        }
    }
}

/// The first byte of a memory.
fn base(t: &mut FuncTranslator<'_>, memory: MemIdx, plan: MemoryPlan) -> Value {
    match plan {
        MemoryPlan::Static => t.load_vmctx_ptr(t.layout.memory(memory) + vmmemoryref::BASE),
        MemoryPlan::Checked => {
            let header = header(t, memory);
            t.load_mutable(POINTER, Region::MemoryHeaders, header, vmmemory::BASE)
        }
    }
}

/// The size of a memory in bytes at this moment.
pub(super) fn length(t: &mut FuncTranslator<'_>, memory: MemIdx) -> Value {
    let header = header(t, memory);
    t.load_mutable(types::I64, Region::MemoryHeaders, header, vmmemory::LENGTH)
}

/// The `VMMemory` of a memory.
pub(super) fn header(t: &mut FuncTranslator<'_>, memory: MemIdx) -> Value {
    t.load_vmctx_ptr(t.layout.memory(memory) + vmmemoryref::MEMORY)
}

//! Atomic instructions: loads, stores, read-modify-write, compare-exchange, fence, wait and notify.
//!
//! All are sequentially consistent, whatever weaker ordering an instruction may ask for. An access whose address is not a multiple of its
//! size traps; that is tested before the bounds. Narrow operations work on their own bytes only and give them zero-extended.

use chalcid_module::builtins::Builtin;
use chalcid_module::index::MemIdx;
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, MemFlagsData, Type, Value, types};
use wasmparser::{MemArg, Operator};

use super::bounds;
use super::memory::target;
use super::translator::FuncTranslator;
use crate::CompileError;

/// Translates an atomic instruction.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use AtomicRmwOp as Rmw;
    use Operator as Op;
    use types::{I8, I16, I32, I64};
    match op {
        Op::I32AtomicLoad { memarg } => load(t, memarg, I32, I32),
        Op::I64AtomicLoad { memarg } => load(t, memarg, I64, I64),
        Op::I32AtomicLoad8U { memarg } => load(t, memarg, I8, I32),
        Op::I32AtomicLoad16U { memarg } => load(t, memarg, I16, I32),
        Op::I64AtomicLoad8U { memarg } => load(t, memarg, I8, I64),
        Op::I64AtomicLoad16U { memarg } => load(t, memarg, I16, I64),
        Op::I64AtomicLoad32U { memarg } => load(t, memarg, I32, I64),

        Op::I32AtomicStore { memarg } => store(t, memarg, I32),
        Op::I64AtomicStore { memarg } => store(t, memarg, I64),
        Op::I32AtomicStore8 { memarg } | Op::I64AtomicStore8 { memarg } => store(t, memarg, I8),
        Op::I32AtomicStore16 { memarg } | Op::I64AtomicStore16 { memarg } => store(t, memarg, I16),
        Op::I64AtomicStore32 { memarg } => store(t, memarg, I32),

        Op::I32AtomicRmwAdd { memarg } => update(t, memarg, Rmw::Add, I32, I32),
        Op::I64AtomicRmwAdd { memarg } => update(t, memarg, Rmw::Add, I64, I64),
        Op::I32AtomicRmw8AddU { memarg } => update(t, memarg, Rmw::Add, I8, I32),
        Op::I32AtomicRmw16AddU { memarg } => update(t, memarg, Rmw::Add, I16, I32),
        Op::I64AtomicRmw8AddU { memarg } => update(t, memarg, Rmw::Add, I8, I64),
        Op::I64AtomicRmw16AddU { memarg } => update(t, memarg, Rmw::Add, I16, I64),
        Op::I64AtomicRmw32AddU { memarg } => update(t, memarg, Rmw::Add, I32, I64),

        Op::I32AtomicRmwSub { memarg } => update(t, memarg, Rmw::Sub, I32, I32),
        Op::I64AtomicRmwSub { memarg } => update(t, memarg, Rmw::Sub, I64, I64),
        Op::I32AtomicRmw8SubU { memarg } => update(t, memarg, Rmw::Sub, I8, I32),
        Op::I32AtomicRmw16SubU { memarg } => update(t, memarg, Rmw::Sub, I16, I32),
        Op::I64AtomicRmw8SubU { memarg } => update(t, memarg, Rmw::Sub, I8, I64),
        Op::I64AtomicRmw16SubU { memarg } => update(t, memarg, Rmw::Sub, I16, I64),
        Op::I64AtomicRmw32SubU { memarg } => update(t, memarg, Rmw::Sub, I32, I64),

        Op::I32AtomicRmwAnd { memarg } => update(t, memarg, Rmw::And, I32, I32),
        Op::I64AtomicRmwAnd { memarg } => update(t, memarg, Rmw::And, I64, I64),
        Op::I32AtomicRmw8AndU { memarg } => update(t, memarg, Rmw::And, I8, I32),
        Op::I32AtomicRmw16AndU { memarg } => update(t, memarg, Rmw::And, I16, I32),
        Op::I64AtomicRmw8AndU { memarg } => update(t, memarg, Rmw::And, I8, I64),
        Op::I64AtomicRmw16AndU { memarg } => update(t, memarg, Rmw::And, I16, I64),
        Op::I64AtomicRmw32AndU { memarg } => update(t, memarg, Rmw::And, I32, I64),

        Op::I32AtomicRmwOr { memarg } => update(t, memarg, Rmw::Or, I32, I32),
        Op::I64AtomicRmwOr { memarg } => update(t, memarg, Rmw::Or, I64, I64),
        Op::I32AtomicRmw8OrU { memarg } => update(t, memarg, Rmw::Or, I8, I32),
        Op::I32AtomicRmw16OrU { memarg } => update(t, memarg, Rmw::Or, I16, I32),
        Op::I64AtomicRmw8OrU { memarg } => update(t, memarg, Rmw::Or, I8, I64),
        Op::I64AtomicRmw16OrU { memarg } => update(t, memarg, Rmw::Or, I16, I64),
        Op::I64AtomicRmw32OrU { memarg } => update(t, memarg, Rmw::Or, I32, I64),

        Op::I32AtomicRmwXor { memarg } => update(t, memarg, Rmw::Xor, I32, I32),
        Op::I64AtomicRmwXor { memarg } => update(t, memarg, Rmw::Xor, I64, I64),
        Op::I32AtomicRmw8XorU { memarg } => update(t, memarg, Rmw::Xor, I8, I32),
        Op::I32AtomicRmw16XorU { memarg } => update(t, memarg, Rmw::Xor, I16, I32),
        Op::I64AtomicRmw8XorU { memarg } => update(t, memarg, Rmw::Xor, I8, I64),
        Op::I64AtomicRmw16XorU { memarg } => update(t, memarg, Rmw::Xor, I16, I64),
        Op::I64AtomicRmw32XorU { memarg } => update(t, memarg, Rmw::Xor, I32, I64),

        Op::I32AtomicRmwXchg { memarg } => update(t, memarg, Rmw::Xchg, I32, I32),
        Op::I64AtomicRmwXchg { memarg } => update(t, memarg, Rmw::Xchg, I64, I64),
        Op::I32AtomicRmw8XchgU { memarg } => update(t, memarg, Rmw::Xchg, I8, I32),
        Op::I32AtomicRmw16XchgU { memarg } => update(t, memarg, Rmw::Xchg, I16, I32),
        Op::I64AtomicRmw8XchgU { memarg } => update(t, memarg, Rmw::Xchg, I8, I64),
        Op::I64AtomicRmw16XchgU { memarg } => update(t, memarg, Rmw::Xchg, I16, I64),
        Op::I64AtomicRmw32XchgU { memarg } => update(t, memarg, Rmw::Xchg, I32, I64),

        Op::I32AtomicRmwCmpxchg { memarg } => compare_exchange(t, memarg, I32, I32),
        Op::I64AtomicRmwCmpxchg { memarg } => compare_exchange(t, memarg, I64, I64),
        Op::I32AtomicRmw8CmpxchgU { memarg } => compare_exchange(t, memarg, I8, I32),
        Op::I32AtomicRmw16CmpxchgU { memarg } => compare_exchange(t, memarg, I16, I32),
        Op::I64AtomicRmw8CmpxchgU { memarg } => compare_exchange(t, memarg, I8, I64),
        Op::I64AtomicRmw16CmpxchgU { memarg } => compare_exchange(t, memarg, I16, I64),
        Op::I64AtomicRmw32CmpxchgU { memarg } => compare_exchange(t, memarg, I32, I64),

        Op::MemoryAtomicWait32 { memarg } => wait(t, memarg, Builtin::memory_atomic_wait32),
        Op::MemoryAtomicWait64 { memarg } => wait(t, memarg, Builtin::memory_atomic_wait64),
        Op::MemoryAtomicNotify { memarg } => notify(t, memarg),
        Op::AtomicFence { .. } => {
            t.ins().fence();
            Ok(true)
        }
        // A hint for loops that wait.
        Op::Pause => Ok(true),

        _ => Ok(false),
    }
}

/// Pops an address and gives the pointer and the flags of an aligned access of a type there; `None` in unreachable code, for an access
/// that always traps.
fn pop_pointer(
    t: &mut FuncTranslator<'_>,
    memory: MemIdx,
    memarg: &MemArg,
    ty: Type,
) -> Result<Option<(Value, MemFlagsData)>, CompileError> {
    let index = t.pop();
    bounds::check_alignment(t, index, memarg.offset, ty.bytes());
    let Some(place) = bounds::place(t, memory, index, memarg.offset, ty.bytes())? else { return Ok(None) };
    // Atomic instructions have no offset of their own.
    let pointer =
        if place.offset == 0 { place.pointer } else { t.ins().iadd_imm_u(place.pointer, i64::from(place.offset)) };
    Ok(Some((pointer, place.flags)))
}

/// Pops an integer and narrows it to a type.
fn pop_narrow(t: &mut FuncTranslator<'_>, ty: Type) -> Value {
    let value = t.pop();
    if t.type_of(value) == ty { value } else { t.ins().ireduce(ty, value) }
}

/// Pushes an integer zero-extended to a type.
fn push_extended(t: &mut FuncTranslator<'_>, value: Value, ty: Type) {
    let value = if t.type_of(value) == ty { value } else { t.ins().uextend(ty, value) };
    t.push(value);
}

/// Loads a `ty` as a `wide`.
fn load(t: &mut FuncTranslator<'_>, memarg: &MemArg, ty: Type, wide: Type) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    if let Some((pointer, flags)) = pop_pointer(t, memory, memarg, ty)? {
        let value = t.ins().atomic_load(ty, flags, pointer);
        push_extended(t, value, wide);
    }
    Ok(true)
}

/// Stores an integer as a `ty`.
fn store(t: &mut FuncTranslator<'_>, memarg: &MemArg, ty: Type) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let value = pop_narrow(t, ty);
    if let Some((pointer, flags)) = pop_pointer(t, memory, memarg, ty)? {
        t.ins().atomic_store(flags, value, pointer);
    }
    Ok(true)
}

/// Reads, modifies and writes a `ty`; gives what was read as a `wide`.
fn update(
    t: &mut FuncTranslator<'_>,
    memarg: &MemArg,
    operation: AtomicRmwOp,
    ty: Type,
    wide: Type,
) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let operand = pop_narrow(t, ty);
    if let Some((pointer, flags)) = pop_pointer(t, memory, memarg, ty)? {
        let old = t.ins().atomic_rmw(ty, flags, operation, pointer, operand);
        push_extended(t, old, wide);
    }
    Ok(true)
}

/// Replaces a `ty` if it equals the lowest bits of what is expected; gives what was read as a `wide`.
fn compare_exchange(t: &mut FuncTranslator<'_>, memarg: &MemArg, ty: Type, wide: Type) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let replacement = pop_narrow(t, ty);
    let expected = pop_narrow(t, ty);
    if let Some((pointer, flags)) = pop_pointer(t, memory, memarg, ty)? {
        let old = t.ins().atomic_cas(flags, pointer, expected, replacement);
        push_extended(t, old, wide);
    }
    Ok(true)
}

/// `memory.atomic.wait32` and `wait64`.
fn wait(t: &mut FuncTranslator<'_>, memarg: &MemArg, builtin: Builtin) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let (index, expected, timeout) = t.pop3();
    let address = bounds::effective_address(t, memory, index, memarg.offset)?;
    let number = t.i32_const(memory.0);
    if let Some(outcome) = t.call_builtin(builtin, &[number, address, expected, timeout]) {
        let outcome = t.ins().ireduce(types::I32, outcome);
        t.push(outcome);
    }
    Ok(true)
}

/// `memory.atomic.notify`.
fn notify(t: &mut FuncTranslator<'_>, memarg: &MemArg) -> Result<bool, CompileError> {
    let Some(memory) = target(memarg) else { return Ok(false) };
    let (index, count) = t.pop2();
    let address = bounds::effective_address(t, memory, index, memarg.offset)?;
    let number = t.i32_const(memory.0);
    if let Some(woken) = t.call_builtin(Builtin::memory_atomic_notify, &[number, address, count]) {
        let woken = t.ins().ireduce(types::I32, woken);
        t.push(woken);
    }
    Ok(true)
}

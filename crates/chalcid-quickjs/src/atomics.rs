//! `Atomics.wait` and `Atomics.notify` where WebAssembly waits and notifies, too.
//!
//! An address has one list of waiters, whichever language they wait in. QuickJS keeps a list of its own; so for arrays over a shared
//! memory both functions are replaced by ones that wait and notify in the engine's, which an interruption ends as well. For every other array,
//! and everything that is none, they are QuickJS's own.

use std::time::Duration;

use chalcid::{SharedMemory, WaitOutcome};
use chalcid_js::errors::{range_error, thrown_value, type_error};
use chalcid_js::host::{Attributes, Call, FunctionKind, Host, Key, NativeFunction};
use rquickjs::qjs;

use crate::QuickJs;
use crate::buffer::{original, to_index};
use crate::property;
use crate::shared_buffers;
use crate::value::Value;

/// Replaces the two functions of `Atomics`.
pub(crate) fn guard(host: QuickJs) -> Result<(), Value> {
    let realm = host.realm_ref()?;
    let intrinsics = &realm.data().intrinsics;
    let Some(atomics) = &intrinsics.atomics else { return Ok(()) };
    let functions: [(&str, u32, NativeFunction<QuickJs>, &Option<Value>); 2] =
        [("wait", 4, wait, &intrinsics.atomics_wait), ("notify", 3, notify, &intrinsics.atomics_notify)];
    for (name, length, steps, original) in functions {
        if let Some(original) = original {
            let function = host.new_function(name, length, FunctionKind::Method, steps, vec![original.clone()])?;
            host.define_property(atomics, Key::String(name), function, Attributes::HIDDEN)?;
        }
    }
    Ok(())
}

/// An array that one can wait at, over a shared memory.
struct Waitable {
    memory: SharedMemory,
    /// Its first byte in the memory.
    offset: u64,
    elements: u64,
    element_size: u64,
}

impl Waitable {
    /// What a value is, if it is an Int32Array or a BigInt64Array over a shared memory. Such an array cannot get out of bounds.
    fn of(host: QuickJs, value: &Value) -> Option<Self> {
        if !property::is_object(value.raw()) {
            return None;
        }
        // SAFETY: reads a live object.
        let element_size = match unsafe { qjs::JS_GetTypedArrayType(value.raw()) }.try_into() {
            Ok(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT32) => 4,
            Ok(qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_BIG_INT64) => 8,
            _ => return None,
        };
        let (mut offset, mut length, mut size): (qjs::size_t, qjs::size_t, qjs::size_t) = (0, 0, 0);
        let ctx = host.ctx().as_ptr();
        // SAFETY: a typed array; the result is an owned count. What is detached or out of bounds is an exception, and no shared memory.
        let buffer = unsafe {
            host.own(qjs::JS_GetTypedArrayBuffer(ctx, value.raw(), &mut offset, &mut length, std::ptr::null_mut()))
        };
        let mut bytes = std::ptr::null_mut();
        if property::is_object(buffer.raw()) {
            // SAFETY: a live object; null and an exception where there are no bytes.
            bytes = unsafe { qjs::JS_GetArrayBuffer(ctx, &mut size, buffer.raw()) };
        }
        if bytes.is_null() {
            drop(host.take_exception());
            return None;
        }
        let memory = shared_buffers::memory_at(bytes.addr())?;
        Some(Self { memory, offset, elements: length / element_size, element_size })
    }

    /// `ValidateAtomicAccess`: the address of an element. **May run JavaScript.**
    fn address(host: QuickJs, array: &Value, index: &Value) -> Result<Option<(Self, u64)>, Value> {
        let index = to_index(&host, index)?;
        // The conversion may have let the array grow.
        let Some(found) = Self::of(host, array) else { return Ok(None) };
        if index >= found.elements {
            return Err(range_error(&host, "out-of-bound access"));
        }
        let address = found.offset + index * found.element_size;
        Ok(Some((found, address)))
    }
}

/// `Atomics.wait(typedArray, index, value, timeout)`
fn wait(host: &QuickJs, call: &Call<'_, QuickJs>) -> Result<Value, Value> {
    // 1. Let taRecord be ? ValidateIntegerTypedArray(typedArray, true).
    // 2. If IsSharedArrayBuffer(taRecord.[[Object]].[[ViewedArrayBuffer]]) is false, throw a TypeError exception.
    let array = call.arg(host, 0);
    if Waitable::of(*host, &array).is_none() {
        return original(host, call);
    }
    // 3. Let i be ? ValidateAtomicAccess(taRecord, index).
    let Some((waitable, address)) = Waitable::address(*host, &array, &call.arg(host, 1))? else {
        return original(host, call);
    };
    // 5. If arrayTypeName is "BigInt64Array", let v be ? ToBigInt64(value). 6. Otherwise, let v be ? ToInt32(value).
    let value = call.arg(host, 2);
    let value = if waitable.element_size == 8 { host.to_bigint64(&value)? } else { host.to_int32(&value)?.into() };
    // 7. Let q be ? ToNumber(timeout).
    let timeout = milliseconds(host.to_number(&call.arg(host, 3))?);
    // 9. If mode is sync and AgentCanSuspend() is false, throw a TypeError exception.
    let agent = &host.runtime().agent;
    if !agent.can_block() {
        return Err(type_error(host, "cannot block in this thread"));
    }
    let memory = &waitable.memory;
    let outcome = match waitable.element_size {
        8 => agent.atomic_wait64(memory, address, value.cast_unsigned(), timeout),
        _ => agent.atomic_wait32(memory, address, (value as i32).cast_unsigned(), timeout),
    };
    let outcome = match outcome.map_err(|error| thrown_value(host, error))? {
        WaitOutcome::Woken => "ok",
        WaitOutcome::NotEqual => "not-equal",
        WaitOutcome::TimedOut => "timed-out",
    };
    host.new_string(outcome)
}

/// Step 8 of `DoWait`: how long to wait; `None` for ever.
fn milliseconds(timeout: f64) -> Option<Duration> {
    if timeout.is_nan() {
        return None;
    }
    Duration::try_from_secs_f64(timeout.max(0.0) / 1000.0).ok()
}

/// `Atomics.notify(typedArray, index, count)`
fn notify(host: &QuickJs, call: &Call<'_, QuickJs>) -> Result<Value, Value> {
    // 1. Let taRecord be ? ValidateIntegerTypedArray(typedArray, true).
    let array = call.arg(host, 0);
    if Waitable::of(*host, &array).is_none() {
        return original(host, call);
    }
    // 2. Let byteIndexInBuffer be ? ValidateAtomicAccess(taRecord, index).
    let Some((waitable, address)) = Waitable::address(*host, &array, &call.arg(host, 1))? else {
        return original(host, call);
    };
    let count = call.arg(host, 2);
    // 3. If count is undefined, then let c be +∞. 4. Otherwise, let c be max(? ToIntegerOrInfinity(count), 0).
    let count = match count.tag() {
        qjs::JS_TAG_UNDEFINED => u32::MAX,
        // What is not a number, negative or too large is what the conversion makes of it.
        _ => host.to_number(&count)? as u32,
    };
    let woken = host.runtime().agent.atomic_notify(&waitable.memory, address, count);
    let woken = woken.map_err(|error| thrown_value(host, error))?;
    let rest = notify_others(host, call, &array, (address - waitable.offset) / waitable.element_size, count - woken)?;
    Ok(host.number(f64::from(woken) + rest))
}

/// Wakes those who wait by QuickJS's list: runtimes that have the buffer, but no WebAssembly.
fn notify_others(
    host: &QuickJs,
    call: &Call<'_, QuickJs>,
    array: &Value,
    index: u64,
    count: u32,
) -> Result<f64, Value> {
    let Some(original) = call.captures.first() else { return Ok(0.0) };
    let args = [array.clone(), host.number(index as f64), host.number(f64::from(count))];
    let woken = host.call(original, call.this, &args)?;
    host.to_number(&woken)
}

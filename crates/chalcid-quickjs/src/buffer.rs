//! ArrayBuffers that show a memory.
//!
//! The bytes of the buffer are the bytes of the memory. QuickJS knows the block by its address alone and asks a function of ours to
//! free it when the buffer is detached or finalised; the block is then no longer held by that buffer, and lives on if the memory or
//! anybody else holds it. So a buffer can outlive its memory, and a stale one is harmless.
//!
//! QuickJS has no detach keys. The methods that would detach, move or resize a buffer ([`guard`]) are replaced on
//! `ArrayBuffer.prototype` by ones that know our buffers and otherwise call the originals. A program that got hold of the originals
//! before Chalcid was installed can still move a buffer: it gains nothing, since the moved buffer holds the block as the first did.
//!
//! QuickJS's own limit of 2 GiB − 1 bytes a buffer is its RangeError.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use chalcid::{LinearMemory, Memory, SharedMemory};
use chalcid_js::host::{Attributes, BufferLength, Call, FunctionKind, Host, Key, NativeFunction};
use rquickjs::qjs;

use crate::QuickJs;
use crate::property;
use crate::runtime::Runtime;
use crate::shared_buffers;
use crate::value::{self, Value};

/// What an ArrayBuffer holds of a memory; QuickJS keeps the pointer to it.
pub(crate) struct Hold {
    runtime: NonNull<Runtime>,
    /// The buffer object, once it is made.
    object: Cell<Option<NonNull<c_void>>>,
    /// Keeps the block mapped.
    block: RefCell<Arc<LinearMemory>>,
    /// The block that the buffer is about to have, while the memory itself changes its length.
    next: RefCell<Option<Arc<LinearMemory>>>,
    resizable: bool,
}

/// Makes the buffer of a memory.
pub(crate) fn new(host: QuickJs, memory: &Memory, object: &Value, length: BufferLength) -> Result<Value, Value> {
    let block = memory.bytes();
    let (data, byte_length) = (block.base(), memory.byte_len());
    let max_length = match length {
        BufferLength::Fixed => 0,
        // A maximum of no bytes is one byte to QuickJS, which takes 0 for "not resizable"; pages are larger.
        BufferLength::Resizable(max) => usize::try_from(max).unwrap_or(usize::MAX).max(1),
    };
    if let Some(shared) = memory.share() {
        return new_shared(host, memory, shared, object, max_length);
    }
    let hold = Box::into_raw(Box::new(Hold {
        runtime: host.runtime_ptr(),
        object: Cell::new(None),
        block: RefCell::new(block),
        next: RefCell::new(None),
        resizable: max_length != 0,
    }));
    // SAFETY: the block is readable and writable for `byte_length` bytes as long as the hold has it, and the hold lives until
    // `reallocate` is told to free it, which QuickJS does when the buffer is detached or finalised.
    let buffer = unsafe {
        qjs::JS_NewArrayBuffer(
            host.ctx().as_ptr(),
            data,
            byte_length as _,
            max_length as _,
            Some(reallocate),
            hold.cast(),
            false,
        )
    };
    let buffer = host.adopt(buffer).inspect_err(|_| {
        // SAFETY: no buffer was made, so nobody else has the pointer.
        drop(unsafe { Box::from_raw(hold) });
    })?;
    if let (Some(identity), Some(hold)) = (value::object_pointer(buffer.raw()), NonNull::new(hold)) {
        // SAFETY: the buffer has just been made and holds it.
        unsafe { hold.as_ref() }.object.set(Some(identity));
        host.runtime().memory_buffers.borrow_mut().insert(identity, hold);
    }
    if max_length != 0 {
        remember_memory(host, &buffer, object)?;
    }
    Ok(buffer)
}

/// Makes the SharedArrayBuffer of a shared memory. Nobody can detach or move it, so QuickJS may hold the block as it holds its own.
fn new_shared(
    host: QuickJs,
    memory: &Memory,
    shared: SharedMemory,
    object: &Value,
    max_length: usize,
) -> Result<Value, Value> {
    let byte_length = memory.byte_len();
    let buffer = shared_buffers::hold(host.ctx(), shared, &memory.bytes(), |data| {
        // SAFETY: the context is live; the block is mapped, and QuickJS asks the functions of `shared_buffers` to count it.
        let buffer = unsafe {
            qjs::JS_NewArrayBuffer(
                host.ctx().as_ptr(),
                data,
                byte_length as _,
                max_length as _,
                None,
                ptr::null_mut(),
                true,
            )
        };
        host.adopt(buffer)
    })?;
    if max_length != 0 {
        remember_memory(host, &buffer, object)?;
    }
    Ok(buffer)
}

/// QuickJS's question about the block of a buffer: free it (size 0), or make it `size` bytes.
unsafe extern "C" fn reallocate(
    _: *mut qjs::JSRuntime,
    hold: *mut c_void,
    _: *mut c_void,
    size: qjs::size_t,
) -> *mut c_void {
    let hold = hold.cast::<Hold>();
    if size == 0 {
        // SAFETY: QuickJS frees a block once, and never asks about it again.
        let hold = unsafe { Box::from_raw(hold) };
        if let Some(object) = hold.object.get() {
            // SAFETY: the runtime's state outlives every object.
            let runtime = unsafe { hold.runtime.as_ref() };
            runtime.memory_buffers.borrow_mut().remove(&object);
        }
        return ptr::null_mut();
    }
    // SAFETY: the buffer still has the block, so the hold is alive.
    let hold = unsafe { &*hold };
    match hold.next.take() {
        Some(next) => {
            let base = next.base();
            drop(hold.block.replace(next));
            base.cast()
        }
        None => ptr::null_mut(),
    }
}

/// The hold of a buffer of a memory; `None` for every other value.
fn hold_of(host: &QuickJs, buffer: qjs::JSValue) -> Option<NonNull<Hold>> {
    let identity = value::object_pointer(buffer)?;
    host.runtime().memory_buffers.borrow().get(&identity).copied()
}

/// Whether a value is an ArrayBuffer that shows a memory, and so must not be transferred.
pub(crate) fn is_memory_buffer(host: &QuickJs, value: qjs::JSValue) -> bool {
    hold_of(host, value).is_some()
}

/// `DetachArrayBuffer` with the right key.
pub(crate) fn detach(host: QuickJs, buffer: &Value) {
    // SAFETY: a live object; for anything but an ArrayBuffer this does nothing.
    unsafe { qjs::JS_DetachArrayBuffer(host.ctx().as_ptr(), buffer.raw()) }
}

/// Gives a resizable buffer the length that its memory has now.
///
/// Only QuickJS's own `resize` can change a buffer's length and that of its views. It asks `reallocate`, which lets it keep its
/// block, and then zeroes what it thinks is new: if the memory has been written there already, that is put back.
pub(crate) fn update(host: QuickJs, buffer: &Value, memory: &Memory) {
    if memory.ty().shared {
        update_shared(host, buffer, memory);
        return;
    }
    let Some(hold) = hold_of(&host, buffer.raw()) else { return };
    let Ok(realm) = host.realm_ref() else { return };
    let Some(resize) = &realm.data().intrinsics.resize else { return };
    let mut old_length: qjs::size_t = 0;
    // SAFETY: a live object; a detached buffer gives null and an exception.
    let data = unsafe { qjs::JS_GetArrayBuffer(host.ctx().as_ptr(), &mut old_length, buffer.raw()) };
    if data.is_null() {
        drop(host.take_exception());
        return;
    }
    let old_length = old_length as usize;
    let (block, length) = (memory.bytes(), memory.byte_len());
    if length == old_length {
        return;
    }
    let base = block.base();
    let added = length.saturating_sub(old_length);
    // SAFETY: the memory has `length` accessible bytes from its base, and this is the only thread that uses it.
    let new_bytes = unsafe { std::slice::from_raw_parts(base.add(old_length), added) };
    let written = new_bytes.iter().any(|&byte| byte != 0).then(|| new_bytes.to_vec());
    // SAFETY: the buffer is alive and not detached, so its hold is alive; it stays so while `resize` runs.
    let next = unsafe { &hold.as_ref().next };
    next.replace(Some(block));
    let new_length = host.number(length as f64);
    let result = property::call(host, resize.raw(), buffer.raw(), &[new_length.raw()]);
    next.take();
    drop(result);
    if let Some(written) = written {
        // SAFETY: as above: `added` bytes that nobody else looks at meanwhile, in the block that the memory still has.
        unsafe { ptr::copy_nonoverlapping(written.as_ptr(), base.add(old_length), added) };
    }
}

/// As [`update`], for a SharedArrayBuffer, which QuickJS grows by its own method without a look at the bytes.
fn update_shared(host: QuickJs, buffer: &Value, memory: &Memory) {
    let Ok(realm) = host.realm_ref() else { return };
    let Some(grow) = &realm.data().intrinsics.shared_grow else { return };
    let new_length = host.number(memory.byte_len() as f64);
    // It refuses to shrink, and another thread may have been faster: then it has the length that is wanted, or a greater one.
    drop(property::call(host, grow.raw(), buffer.raw(), &[new_length.raw()]));
}

/// Keeps the Memory object alive through its resizable buffer, and finds it again.
fn remember_memory(host: QuickJs, buffer: &Value, object: &Value) -> Result<(), Value> {
    let realm = host.realm_ref()?;
    let intrinsics = &realm.data().intrinsics;
    if let (Some(map), Some(set)) = (&intrinsics.memory_of_buffer, &intrinsics.weak_map_set) {
        property::call(host, set.raw(), map.raw(), &[buffer.raw(), object.raw()])?;
    }
    Ok(())
}

/// The Memory object of a resizable buffer.
fn memory_of(host: QuickJs, buffer: &Value) -> Result<Value, Value> {
    let realm = host.realm_ref()?;
    let intrinsics = &realm.data().intrinsics;
    match (&intrinsics.memory_of_buffer, &intrinsics.weak_map_get) {
        (Some(map), Some(get)) => property::call(host, get.raw(), map.raw(), &[buffer.raw()]),
        _ => Ok(host.undefined()),
    }
}

/// Replaces the methods of `ArrayBuffer.prototype` and `SharedArrayBuffer.prototype` that must not touch a memory's buffer.
pub(crate) fn guard(host: QuickJs) -> Result<(), Value> {
    let realm = host.realm_ref()?;
    let intrinsics = &realm.data().intrinsics;
    let (plain, shared) = (&intrinsics.array_buffer_prototype, &intrinsics.shared_array_buffer_prototype);
    let guards: [(_, &str, u32, NativeFunction<QuickJs>, &Option<Value>); 5] = [
        (plain, "resize", 1, resize, &intrinsics.resize),
        (plain, "transfer", 0, transfer, &intrinsics.transfer),
        (plain, "transferToFixedLength", 0, transfer, &intrinsics.transfer_to_fixed_length),
        (plain, "transferToImmutable", 0, transfer, &intrinsics.transfer_to_immutable),
        (shared, "grow", 1, grow, &intrinsics.shared_grow),
    ];
    for (prototype, name, length, steps, original) in guards {
        if let (Some(prototype), Some(original)) = (prototype, original) {
            let function = host.new_function(name, length, FunctionKind::Method, steps, vec![original.clone()])?;
            host.define_property(prototype, Key::String(name), function, Attributes::HIDDEN)?;
        }
    }
    Ok(())
}

/// Calls the method that a guard replaced.
pub(crate) fn original(host: &QuickJs, call: &Call<'_, QuickJs>) -> Result<Value, Value> {
    match call.captures.first() {
        Some(original) => host.call(original, call.this, call.args),
        None => Ok(host.undefined()),
    }
}

/// `ToIndex`
pub(crate) fn to_index(host: &QuickJs, value: &Value) -> Result<u64, Value> {
    let mut index = 0;
    // SAFETY: context and value are live.
    host.check(unsafe { qjs::JS_ToIndex(host.ctx().as_ptr(), &mut index, value.raw()) })?;
    Ok(index)
}

/// `transfer`, `transferToFixedLength` and `transferToImmutable`: `DetachArrayBuffer` without the key is a TypeError.
fn transfer(host: &QuickJs, call: &Call<'_, QuickJs>) -> Result<Value, Value> {
    if !is_memory_buffer(host, call.this.raw()) {
        return original(host, call);
    }
    if let Some(new_length) = call.get(0)
        && new_length.tag() != qjs::JS_TAG_UNDEFINED
    {
        to_index(host, new_length)?;
    }
    Err(host.type_error(c"the buffer of a WebAssembly.Memory cannot be transferred"))
}

/// `ArrayBuffer.prototype.resize`: that of a memory's resizable buffer grows the memory.
fn resize(host: &QuickJs, call: &Call<'_, QuickJs>) -> Result<Value, Value> {
    // SAFETY: the buffer, which the caller holds, has the hold; the reference ends here.
    let is_resizable = hold_of(host, call.this.raw()).is_some_and(|hold| unsafe { hold.as_ref() }.resizable);
    if !is_resizable {
        return original(host, call);
    }
    // 3. Let newByteLength be ? ToIndex(newLength).
    let new_length = to_index(host, &call.arg(host, 0))?;
    // 4. If IsDetachedBuffer(O) is true, throw a TypeError exception.
    // 5. If newByteLength > O.[[ArrayBufferMaxByteLength]], throw a RangeError exception.
    // The memory's maximum is the buffer's, and a detached buffer has no hold any more: QuickJS's own method says the rest.
    if hold_of(host, call.this.raw()).is_none() {
        return original(host, call);
    }
    let memory = memory_of(*host, call.this)?;
    chalcid_js::memory::host_resize_array_buffer(host, &memory, new_length)?;
    Ok(host.undefined())
}

/// `SharedArrayBuffer.prototype.grow`: that of a shared memory's growable buffer grows the memory.
fn grow(host: &QuickJs, call: &Call<'_, QuickJs>) -> Result<Value, Value> {
    let memory = if property::is_object(call.this.raw()) { memory_of(*host, call.this)? } else { host.undefined() };
    if memory.tag() != qjs::JS_TAG_OBJECT {
        return original(host, call);
    }
    // 3. Let newByteLength be ? ToIndex(newLength).
    let new_length = to_index(host, &call.arg(host, 0))?;
    // 4. Let hostHandled be ? HostGrowSharedArrayBuffer(O, newByteLength).
    chalcid_js::memory::host_grow_shared_array_buffer(host, &memory, new_length)?;
    Ok(host.undefined())
}

//! How the engine counts JavaScript values and keeper objects: [`AgentHooks`].

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

use chalcid::host::{HostHooks, RawHostValue};
use rquickjs::qjs;

use crate::class::{self, ObjectBox};
use crate::{interrupt, value};

/// The engine's hooks of one runtime.
pub(crate) struct AgentHooks {
    rt: NonNull<qjs::JSRuntime>,
    object_class: qjs::JSClassID,
    /// Whether the runtime still exists: an embedder's handle may be dropped later, and then there is nothing left to count.
    alive: Rc<Cell<bool>>,
}

impl AgentHooks {
    /// Hooks that count in a runtime, whose memories' objects are of a class.
    pub(crate) fn new(rt: NonNull<qjs::JSRuntime>, object_class: qjs::JSClassID, alive: Rc<Cell<bool>>) -> Self {
        Self { rt, object_class, alive }
    }

    /// Adds a count.
    ///
    /// # Safety
    /// The value is live, if the runtime is.
    unsafe fn dup(&self, raw: qjs::JSValue) {
        if self.alive.get() {
            // SAFETY: the caller's promise.
            unsafe { value::dup(self.rt, raw) };
        }
    }

    /// Gives a count back.
    ///
    /// # Safety
    /// The value is live, if the runtime is, and the caller owns a count of it.
    unsafe fn free(&self, raw: qjs::JSValue) {
        if self.alive.get() {
            // SAFETY: the caller's promise.
            unsafe { value::free(self.rt, raw) }
        }
    }
}

// SAFETY: counts are QuickJS's own; neither counting nor finalising unwinds (QuickJS is C, and a panic in a finaliser aborts).
unsafe impl HostHooks for AgentHooks {
    unsafe fn retain_object(&self, object: NonNull<c_void>) {
        // SAFETY: a keeper is a live object of the runtime.
        unsafe { self.dup(value::object_value(object)) }
    }

    unsafe fn release_object(&self, object: NonNull<c_void>) {
        // SAFETY: as above, and the engine owns the count.
        unsafe { self.free(value::object_value(object)) }
    }

    unsafe fn clone_value(&self, value: RawHostValue) -> RawHostValue {
        // SAFETY: the engine owns a count of the value, so it is live.
        unsafe { self.dup(value_of(value)) };
        value
    }

    unsafe fn drop_value(&self, value: RawHostValue) {
        // SAFETY: the engine owns the count.
        unsafe { self.free(value_of(value)) }
    }

    fn stop(&self) -> Option<bool> {
        if self.alive.get() { interrupt::ask(self.rt) } else { None }
    }

    fn collect_garbage(&self) {
        if self.alive.get() {
            // SAFETY: the runtime is live, this is its thread, and everything that holds a value holds a count of it.
            unsafe { qjs::JS_RunGC(self.rt.as_ptr()) };
        }
    }

    unsafe fn memory_grown(&self, object: NonNull<c_void>) {
        if !self.alive.get() {
            return;
        }
        let object = value::object_value(object);
        // SAFETY: the keeper of a memory is an object of the class, which was registered with `ObjectBox`.
        if let Some(body) = unsafe { class::body::<ObjectBox>(object, self.object_class) } {
            let host = body.host();
            chalcid_js::memory::refresh_the_memory_buffer(&host, &host.borrow(object));
        }
    }
}

/// A JavaScript value as the engine's bytes. No count moves.
#[inline]
pub(crate) fn bytes_of(raw: qjs::JSValue) -> RawHostValue {
    let tag = value::tag(raw);
    // SAFETY: the tag says which member of the union was written; the others are not read.
    let payload = unsafe {
        if tag == qjs::JS_TAG_FLOAT64 {
            qjs::JS_VALUE_GET_FLOAT64(raw).to_bits()
        } else if value::is_counted(raw) {
            qjs::JS_VALUE_GET_PTR(raw).expose_provenance() as u64
        } else {
            u64::from(qjs::JS_VALUE_GET_INT(raw).cast_unsigned())
        }
    };
    [payload, u64::from(tag.cast_unsigned())]
}

/// The JavaScript value of the engine's bytes. No count moves.
#[inline]
pub(crate) fn value_of([payload, tag]: RawHostValue) -> qjs::JSValue {
    let tag = (tag as u32).cast_signed();
    if tag == qjs::JS_TAG_FLOAT64 {
        qjs::__JS_NewFloat64(f64::from_bits(payload))
    } else if tag < 0 {
        qjs::JS_MKPTR(tag, std::ptr::with_exposed_provenance_mut(payload as usize))
    } else {
        qjs::JS_MKVAL(tag, (payload as u32).cast_signed())
    }
}

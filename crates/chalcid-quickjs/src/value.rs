//! [`Value`]: an owned JavaScript value.
//!
//! QuickJS counts references. A `Value` holds one count and knows the runtime that must take it back, so that Rust's `Clone` and
//! `Drop` are all the bookkeeping there is. What QuickJS lends (arguments, `this`) is a plain `JSValue` and stays one until somebody
//! keeps it.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use rquickjs::qjs;

/// One counted reference to a JavaScript value.
pub struct Value {
    raw: qjs::JSValue,
    rt: NonNull<qjs::JSRuntime>,
}

impl Value {
    /// Takes over one count.
    ///
    /// # Safety
    /// `raw` is a live value of `rt`, the caller owns one count of it and gives it up. The value is dropped on the thread of `rt`
    /// and before `rt` is freed.
    pub(crate) unsafe fn from_owned(rt: NonNull<qjs::JSRuntime>, raw: qjs::JSValue) -> Self {
        Self { raw, rt }
    }

    /// Adds a count to a value that somebody else holds.
    ///
    /// # Safety
    /// `raw` is a live value of `rt`; the rest as for [`Value::from_owned`].
    pub(crate) unsafe fn from_borrowed(rt: NonNull<qjs::JSRuntime>, raw: qjs::JSValue) -> Self {
        // SAFETY: the value is live.
        let raw = unsafe { dup(rt, raw) };
        Self { raw, rt }
    }

    /// The value, lent.
    pub(crate) fn raw(&self) -> qjs::JSValue {
        self.raw
    }

    /// The value with its count.
    pub(crate) fn into_raw(self) -> qjs::JSValue {
        ManuallyDrop::new(self).raw
    }

    /// The tag that says what `raw` is.
    pub(crate) fn tag(&self) -> i32 {
        tag(self.raw)
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        // SAFETY: `self` holds a count, so the value is live.
        unsafe { Self::from_borrowed(self.rt, self.raw) }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: `self` owns the count that this gives back.
        unsafe { free(self.rt, self.raw) }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value(tag {})", self.tag())
    }
}

/// The tag of a value.
#[inline]
pub(crate) fn tag(raw: qjs::JSValue) -> i32 {
    // SAFETY: reads a field of a plain struct.
    unsafe { qjs::JS_VALUE_GET_TAG(raw) }
}

/// Whether values of this kind are counted at all.
#[inline]
pub(crate) fn is_counted(raw: qjs::JSValue) -> bool {
    // SAFETY: reads a field of a plain struct.
    unsafe { qjs::JS_VALUE_HAS_REF_COUNT(raw) }
}

/// Adds a count.
///
/// # Safety
/// `raw` is a live value of `rt`.
#[inline]
pub(crate) unsafe fn dup(rt: NonNull<qjs::JSRuntime>, raw: qjs::JSValue) -> qjs::JSValue {
    if is_counted(raw) {
        // SAFETY: the caller's promise.
        unsafe { qjs::JS_DupValueRT(rt.as_ptr(), raw) }
    } else {
        raw
    }
}

/// Gives a count back. When it was the last, finalisers run.
///
/// # Safety
/// `raw` is a live value of `rt`, the caller owns a count of it, and this is the thread of `rt`.
#[inline]
pub(crate) unsafe fn free(rt: NonNull<qjs::JSRuntime>, raw: qjs::JSValue) {
    if is_counted(raw) {
        // SAFETY: the caller's promise.
        unsafe { qjs::JS_FreeValueRT(rt.as_ptr(), raw) }
    }
}

/// The object behind an object's value: its identity.
#[inline]
pub(crate) fn object_pointer(raw: qjs::JSValue) -> Option<NonNull<std::ffi::c_void>> {
    if tag(raw) != qjs::JS_TAG_OBJECT {
        return None;
    }
    // SAFETY: the tag says that the payload is a pointer.
    NonNull::new(unsafe { qjs::JS_VALUE_GET_PTR(raw) })
}

/// The value of an object.
#[inline]
pub(crate) fn object_value(object: NonNull<std::ffi::c_void>) -> qjs::JSValue {
    qjs::JS_MKPTR(qjs::JS_TAG_OBJECT, object.as_ptr())
}

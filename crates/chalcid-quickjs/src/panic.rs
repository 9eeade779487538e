//! What becomes of a panic: an error that JavaScript cannot catch, so that the program ends and the process does not.
//!
//! Nothing that a guest does panics, but a function of the embedder may, and no panic may pass through QuickJS's C.

use std::any::Any;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rquickjs::qjs;

use crate::QuickJs;

/// Runs steps for QuickJS.
#[inline(always)]
pub(crate) fn contain(host: QuickJs, steps: impl FnOnce() -> qjs::JSValue) -> qjs::JSValue {
    match catch_unwind(AssertUnwindSafe(steps)) {
        Ok(value) => value,
        Err(payload) => throw(host, &*payload),
    }
}

#[cold]
fn throw(host: QuickJs, payload: &(dyn Any + Send)) -> qjs::JSValue {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    let message = CString::new(format!("panic: {text}")).unwrap_or_default();
    // SAFETY: the context is live; the format takes one string; the result is an owned count.
    let error = host.own(unsafe { qjs::JS_NewInternalError(host.ctx().as_ptr(), c"%s".as_ptr(), message.as_ptr()) });
    // SAFETY: context and error are live.
    unsafe { qjs::JS_SetUncatchableError(host.ctx().as_ptr(), error.raw()) };
    host.throw(error)
}

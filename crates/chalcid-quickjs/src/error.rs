//! Error objects.

use std::fmt::Write as _;

use chalcid::Frame;
use chalcid_js::host::EngineError;
use rquickjs::qjs;

use crate::atom::Atom;
use crate::value::Value;
use crate::{QuickJs, property};

/// An error object with a prototype, a message, and a stack that begins with the WebAssembly frames.
pub(crate) fn new(host: QuickJs, prototype: &Value, message: Option<&Value>, frames: &[Frame]) -> Result<Value, Value> {
    // SAFETY: the context is live; the result is an owned count. The error takes the JavaScript frames with it.
    let error = host.adopt(unsafe { qjs::JS_NewError(host.ctx().as_ptr()) })?;
    // SAFETY: a new, extensible object and a live prototype.
    host.check(unsafe { qjs::JS_SetPrototype(host.ctx().as_ptr(), error.raw(), prototype.raw()) })?;
    if let Some(message) = message {
        define_hidden(host, &error, "message", message.clone())?;
    }
    add_frames(host, &error, frames)?;
    Ok(error)
}

/// An error that QuickJS itself makes in such a case.
pub(crate) fn new_engine_error(host: QuickJs, which: EngineError, frames: &[Frame]) -> Value {
    let ctx = host.ctx().as_ptr();
    // SAFETY: the context is live; the formats take no argument; the results are owned counts.
    let error = unsafe {
        match which {
            EngineError::StackOverflow => qjs::JS_NewRangeError(ctx, c"Maximum call stack size exceeded".as_ptr()),
            EngineError::OutOfMemory => qjs::JS_NewInternalError(ctx, c"out of memory".as_ptr()),
            EngineError::Interrupted => qjs::JS_NewInternalError(ctx, c"interrupted".as_ptr()),
        }
    };
    let error = match host.adopt(error) {
        Ok(error) => error,
        Err(thrown) => return thrown,
    };
    // Without memory for the frames, the error goes without them.
    drop(add_frames(host, &error, frames));
    if which == EngineError::Interrupted {
        // SAFETY: context and error are live.
        unsafe { qjs::JS_SetUncatchableError(ctx, error.raw()) };
    }
    error
}

/// Puts WebAssembly frames before the JavaScript frames of an error's stack.
///
/// The stack of an error is not a property in QuickJS but an accessor of `Error.prototype`, whose value nobody else may set: an own
/// property stands before it.
fn add_frames(host: QuickJs, error: &Value, frames: &[Frame]) -> Result<(), Value> {
    if frames.is_empty() {
        return Ok(());
    }
    let Ok(realm) = host.realm_ref() else { return Ok(()) };
    let Some(getter) = &realm.data().intrinsics.error_stack else { return Ok(()) };
    let rest = property::call(host, getter.raw(), error.raw(), &[])?;
    let mut stack = String::new();
    // Of the activations around the one that ended the rest of the stack tells, if it tells of any.
    let is_traced = realm.data().stack_traces.is_installed();
    for frame in frames.iter().filter(|frame| !is_traced || frame.activation == 0) {
        // Writing to a string does not fail.
        let _ = writeln!(stack, "    {frame}");
    }
    match rest.tag() {
        qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE => stack.push_str(&host.text(&rest)),
        qjs::JS_TAG_UNDEFINED | qjs::JS_TAG_NULL => {}
        // `Error.prepareStackTrace` made something else of it, which is the program's wish.
        _ => return Ok(()),
    }
    let stack = host.new_string(&stack)?;
    define_hidden(host, error, "stack", stack)
}

/// Remembers that an error comes from a trap.
pub(crate) fn mark_uncatchable(host: QuickJs, error: &Value) {
    let Ok(realm) = host.realm_ref() else { return };
    let intrinsics = &realm.data().intrinsics;
    if let (Some(map), Some(set)) = (&intrinsics.trap_errors, &intrinsics.weak_map_set) {
        // Without memory for it the error is like any other.
        drop(property::call(host, set.raw(), map.raw(), &[error.raw(), qjs::JS_TRUE]));
    }
}

/// Whether WebAssembly may not catch what was thrown.
pub(crate) fn is_uncatchable(host: QuickJs, thrown: &Value) -> bool {
    if !property::is_object(thrown.raw()) {
        return false;
    }
    // SAFETY: reads a live value.
    if unsafe { qjs::JS_IsUncatchableError(thrown.raw()) } {
        return true;
    }
    let Ok(realm) = host.realm_ref() else { return false };
    let intrinsics = &realm.data().intrinsics;
    let (Some(map), Some(get)) = (&intrinsics.trap_errors, &intrinsics.weak_map_get) else { return false };
    property::call(host, get.raw(), map.raw(), &[thrown.raw()]).is_ok_and(|found| found.tag() == qjs::JS_TAG_BOOL)
}

/// The stack of an error that is made now.
pub(crate) fn call_stack(host: QuickJs) -> Value {
    // SAFETY: the context is live; the result is an owned count.
    let error = host.adopt(unsafe { qjs::JS_NewError(host.ctx().as_ptr()) });
    let (Ok(error), Ok(realm)) = (error, host.realm_ref()) else { return host.own(qjs::JS_UNDEFINED) };
    let stack = match &realm.data().intrinsics.error_stack {
        Some(getter) => property::call(host, getter.raw(), error.raw(), &[]),
        None => return host.own(qjs::JS_UNDEFINED),
    };
    match stack {
        Ok(stack) if matches!(stack.tag(), qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE) => stack,
        _ => host.own(qjs::JS_UNDEFINED),
    }
}

fn define_hidden(host: QuickJs, object: &Value, name: &str, value: Value) -> Result<(), Value> {
    let name = Atom::new(host, name)?;
    let flags = (qjs::JS_PROP_WRITABLE | qjs::JS_PROP_CONFIGURABLE) as i32;
    // SAFETY: object and key are live; QuickJS takes over the count of the value.
    let result =
        unsafe { qjs::JS_DefinePropertyValue(host.ctx().as_ptr(), object.raw(), name.raw(), value.into_raw(), flags) };
    host.check(result).map(drop)
}

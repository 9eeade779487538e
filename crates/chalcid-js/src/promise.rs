//! Promises, in the words that Web IDL has for them.

use crate::host::{Call, FunctionKind, Host, NativeFunction, PromiseCapability};
use crate::webidl::Completion;

/// Resolves or rejects a promise, as an operation ended.
///
/// Resolving may run the `then` getter of the value, which belongs to the program; what it throws becomes the rejection.
pub(crate) fn settle<H: Host>(host: &H, promise: &PromiseCapability<H::Value>, completion: Completion<H>) {
    let (function, value) = match completion {
        Ok(value) => (&promise.resolve, value),
        Err(reason) => (&promise.reject, reason),
    };
    // A resolving function throws only if the engine itself gives up (no memory, no stack, an interruption): then there is nobody
    // left to tell.
    let _ = host.call(function, &host.undefined(), &[value]);
}

/// "React" to a promise: exactly one of the two steps runs, with the value as its argument, in a microtask.
///
/// A step that returns normally or throws has settled whatever depends on it: nothing depends on the reaction itself.
pub(crate) fn react<H: Host>(
    host: &H,
    promise: &H::Value,
    fulfilled: NativeFunction<H>,
    rejected: NativeFunction<H>,
    captures: Vec<H::Value>,
) -> Completion<H, ()> {
    let on_fulfilled = host.new_function("", 1, FunctionKind::Method, fulfilled, captures.clone())?;
    let on_rejected = host.new_function("", 1, FunctionKind::Method, rejected, captures)?;
    host.perform_promise_then(promise, &on_fulfilled, &on_rejected)
}

/// The capability that the first three captures of a reaction's step hold.
pub(crate) fn captured_capability<H: Host>(host: &H, call: &Call<'_, H>) -> PromiseCapability<H::Value> {
    let capture = |index: usize| call.captures.get(index).cloned().unwrap_or_else(|| host.undefined());
    PromiseCapability { promise: capture(0), resolve: capture(1), reject: capture(2) }
}

/// The captures that [`captured_capability`] reads.
pub(crate) fn captures<V: Clone>(promise: &PromiseCapability<V>) -> Vec<V> {
    vec![promise.promise.clone(), promise.resolve.clone(), promise.reject.clone()]
}

/// A step that rejects the captured promise with the reason.
pub(crate) fn reject_captured<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    settle(host, &captured_capability(host, call), Err(call.arg(host, 0)));
    Ok(host.undefined())
}

/// The promise of an operation whose IDL return type is a promise type: what it throws becomes a rejection.
///
/// Web IDL, "create an operation function", the clause for operations with a promise type.
pub(crate) fn promise_of<H: Host>(
    host: &H,
    steps: impl FnOnce(PromiseCapability<H::Value>) -> Completion<H, ()>,
) -> Completion<H> {
    let capability = host.new_promise_capability()?;
    let copy = PromiseCapability {
        promise: capability.promise.clone(),
        resolve: capability.resolve.clone(),
        reject: capability.reject.clone(),
    };
    if let Err(thrown) = steps(copy) {
        settle(host, &capability, Err(thrown));
    }
    Ok(capability.promise)
}

//! Bytes that JavaScript owns, seen from Rust.
//!
//! The engine may write to, detach or move an `ArrayBuffer` whenever JavaScript runs, so a slice of its bytes is only good while
//! none does. The functions here hand a slice to a closure that has no way to reach the engine; nothing else in this crate
//! touches the bytes of a buffer in place.

use rquickjs::{ArrayBuffer, Ctx, Result, TypedArray, Value};

/// Calls `read` with the bytes of a `Uint8Array`, none if its buffer is detached.
pub fn with_bytes<R>(array: &TypedArray<'_, u8>, read: impl FnOnce(&[u8]) -> R) -> R {
    match array.as_raw() {
        // SAFETY: the pointer and length are those of the array at this moment, and `read` cannot call into the engine
        // (it holds no `Ctx` of its own: every value it could reach belongs to the caller, who is in here).
        #[allow(unsafe_code)]
        Some(raw) => read(unsafe { raw.as_ref() }),
        None => read(&[]),
    }
}

/// Calls `write` with the bytes of a `Uint8Array` to be changed in place.
pub fn with_bytes_mut<R>(array: &TypedArray<'_, u8>, write: impl FnOnce(&mut [u8]) -> R) -> R {
    match array.as_raw() {
        // SAFETY: as above; and nobody else holds a slice of these bytes, since slices only exist inside these two functions.
        #[allow(unsafe_code)]
        Some(mut raw) => write(unsafe { raw.as_mut() }),
        None => write(&mut []),
    }
}

/// A copy of the bytes of a `Uint8Array`.
pub fn copy(array: &TypedArray<'_, u8>) -> Vec<u8> {
    with_bytes(array, <[u8]>::to_vec)
}

/// A new `Uint8Array` that owns `bytes`.
pub fn uint8_array<'js>(ctx: &Ctx<'js>, bytes: Vec<u8>) -> Result<Value<'js>> {
    let buffer = ArrayBuffer::new(ctx.clone(), bytes)?;
    Ok(TypedArray::<u8>::from_arraybuffer(buffer)?.into_value())
}

//! Bytes that JavaScript owns, on their way to Rust and back: always copied, since the engine may write to, detach or move an
//! `ArrayBuffer` whenever JavaScript runs.

use rquickjs::{ArrayBuffer, Ctx, Result, TypedArray, Value};

/// A copy of the bytes of a `Uint8Array`; none if its buffer is detached.
pub fn copy(array: &TypedArray<'_, u8>) -> Vec<u8> {
    match array.as_raw() {
        // SAFETY: the pointer and length are those of the array at this moment, and no JavaScript runs while they are read.
        #[allow(unsafe_code)]
        Some(raw) => unsafe { raw.as_ref() }.to_vec(),
        None => Vec::new(),
    }
}

/// Writes `bytes` to the beginning of a `Uint8Array`, as many as fit.
pub fn write(array: &TypedArray<'_, u8>, bytes: &[u8]) {
    if let Some(mut raw) = array.as_raw() {
        // SAFETY: as above, and nobody holds a slice of these bytes: they are only ever borrowed inside these two functions.
        #[allow(unsafe_code)]
        let target = unsafe { raw.as_mut() };
        let length = bytes.len().min(target.len());
        target[..length].copy_from_slice(&bytes[..length]);
    }
}

/// A new `Uint8Array` that owns `bytes`.
pub fn uint8_array<'js>(ctx: &Ctx<'js>, bytes: Vec<u8>) -> Result<Value<'js>> {
    let buffer = ArrayBuffer::new(ctx.clone(), bytes)?;
    Ok(TypedArray::<u8>::from_arraybuffer(buffer)?.into_value())
}

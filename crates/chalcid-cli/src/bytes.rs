//! Bytes that JavaScript owns, on their way to Rust and back.

use chalcid_quickjs::array_bytes;
use rquickjs::{ArrayBuffer, Ctx, Result, TypedArray, Value};

/// A copy of the bytes of a `Uint8Array`; none if its buffer is detached.
pub fn copy(array: &TypedArray<'_, u8>) -> Result<Vec<u8>> {
    array_bytes::copy_out(array)
}

/// Writes `bytes` to the beginning of a `Uint8Array`, as many as fit.
pub fn write(array: &TypedArray<'_, u8>, bytes: &[u8]) {
    array_bytes::copy_in(array, bytes);
}

/// A new `Uint8Array` that owns `bytes`.
pub fn uint8_array<'js>(ctx: &Ctx<'js>, bytes: Vec<u8>) -> Result<Value<'js>> {
    let buffer = ArrayBuffer::new(ctx.clone(), bytes)?;
    Ok(TypedArray::<u8>::from_arraybuffer(buffer)?.into_value())
}

//! The bytes of a `Uint8Array`, copied out and in: what a program that embeds QuickJS does with buffers, without `unsafe` of its own.
//!
//! The engine may write to, detach or move a buffer whenever JavaScript runs, so a slice of its bytes is only good while none
//! does. These functions hold one just for the copy.

use rquickjs::TypedArray;

/// A copy of the bytes of a `Uint8Array`; none if its buffer is detached.
pub fn copy_out(array: &TypedArray<'_, u8>) -> Vec<u8> {
    match array.as_raw() {
        // SAFETY: the pointer and length are those of the array at this moment, and no JavaScript runs while they are read.
        Some(raw) => unsafe { raw.as_ref() }.to_vec(),
        None => Vec::new(),
    }
}

/// Writes `bytes` to the beginning of a `Uint8Array`, as many as fit; says how many did.
pub fn copy_in(array: &TypedArray<'_, u8>, bytes: &[u8]) -> usize {
    let Some(mut raw) = array.as_raw() else { return 0 };
    // SAFETY: as above; and nobody else on this thread holds a slice of these bytes, since slices never leave these functions.
    let target = unsafe { raw.as_mut() };
    let length = bytes.len().min(target.len());
    target[..length].copy_from_slice(&bytes[..length]);
    length
}

//! The bytes of a `Uint8Array`, copied out and in: what a program that embeds QuickJS does with buffers, without `unsafe` of its own.
//!
//! The engine may write to, detach or move a buffer whenever JavaScript runs, so a slice of its bytes is only good while none
//! does. These functions hold one just for the copy.

use rquickjs::{Error, Result, TypedArray};

/// A copy of the bytes of a `Uint8Array`; none if its buffer is detached.
///
/// # Errors
/// When there is no memory for the copy.
pub fn copy_out(array: &TypedArray<'_, u8>) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    if let Some(raw) = array.as_raw() {
        copy.try_reserve_exact(raw.len()).map_err(|_| Error::Allocation)?;
        // SAFETY: the pointer and length are those of the array at this moment, and no JavaScript runs while they are read.
        copy.extend_from_slice(unsafe { raw.as_ref() });
    }
    Ok(copy)
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

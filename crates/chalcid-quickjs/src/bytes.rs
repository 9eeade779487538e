//! Reading the bytes of buffer sources.

use std::sync::Arc;

use chalcid_js::host::Host;
use rquickjs::qjs;

use crate::QuickJs;
use crate::property;
use crate::value::Value;

/// "Get a copy of the bytes held by the buffer source"; `None` for a value that is none.
pub(crate) fn copy(host: QuickJs, source: &Value) -> Result<Option<Arc<[u8]>>, Value> {
    if !property::is_object(source.raw()) {
        return Ok(None);
    }
    if is_buffer(host, source)? {
        return Ok(Some(slice(host, source, 0, usize::MAX)));
    }
    // SAFETY: reads a live value.
    let (is_typed_array, is_data_view) =
        unsafe { (qjs::JS_GetTypedArrayType(source.raw()) >= 0, qjs::JS_IsDataView(source.raw())) };
    if is_typed_array {
        return copy_typed_array(host, source).map(Some);
    }
    if is_data_view {
        return copy_data_view(host, source).map(Some);
    }
    Ok(None)
}

/// Whether a value is a buffer source.
pub(crate) fn is_source(host: QuickJs, value: &Value) -> bool {
    // SAFETY: reads a live value.
    let is_view = || unsafe { qjs::JS_GetTypedArrayType(value.raw()) >= 0 || qjs::JS_IsDataView(value.raw()) };
    property::is_object(value.raw()) && (is_view() || is_buffer(host, value).unwrap_or(false))
}

/// Whether a value is an ArrayBuffer or a SharedArrayBuffer.
fn is_buffer(host: QuickJs, value: &Value) -> Result<bool, Value> {
    // SAFETY: reads a live value.
    if unsafe { qjs::JS_IsArrayBuffer(value.raw()) } {
        return Ok(true);
    }
    let realm = host.realm_ref()?;
    let shared = realm.data().intrinsics.shared_array_buffer_class;
    // SAFETY: reads a live value.
    Ok(shared != qjs::JS_INVALID_CLASS_ID && unsafe { qjs::JS_GetClassID(value.raw()) } == shared)
}

/// At most `length` bytes of a buffer from `offset`; those that exist. A detached buffer has none.
fn slice(host: QuickJs, buffer: &Value, offset: usize, length: usize) -> Arc<[u8]> {
    let mut size: qjs::size_t = 0;
    // SAFETY: a live object; a detached buffer gives null and an exception.
    let data = unsafe { qjs::JS_GetArrayBuffer(host.ctx().as_ptr(), &mut size, buffer.raw()) };
    if data.is_null() {
        drop(host.take_exception());
        return Arc::default();
    }
    let size = size as usize;
    let start = offset.min(size);
    let length = length.min(size - start);
    // SAFETY: the range lies in the buffer's block, and nothing runs before the bytes are copied. Another thread may write to a
    // shared buffer meanwhile: QuickJS's own reads have that race, and any bytes are acceptable.
    let bytes = unsafe { std::slice::from_raw_parts(data.add(start), length) };
    host.runtime().agent.engine().copy_bytes(bytes)
}

fn copy_typed_array(host: QuickJs, array: &Value) -> Result<Arc<[u8]>, Value> {
    let realm = host.realm_ref()?;
    let Some(byte_length) = &realm.data().intrinsics.typed_array_byte_length else { return Ok(Arc::default()) };
    let mut offset: qjs::size_t = 0;
    // SAFETY: a typed array; the lengths that are not wanted may be null. One out of bounds (or detached) is an exception.
    let buffer = unsafe {
        qjs::JS_GetTypedArrayBuffer(
            host.ctx().as_ptr(),
            array.raw(),
            &mut offset,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    // [[ByteLength]] of an array that is out of bounds is 0.
    let Ok(buffer) = host.adopt(buffer) else { return Ok(Arc::default()) };
    let length = property::call(host, byte_length.raw(), array.raw(), &[])?;
    Ok(slice(host, &buffer, offset as usize, host.to_number(&length)? as usize))
}

fn copy_data_view(host: QuickJs, view: &Value) -> Result<Arc<[u8]>, Value> {
    let realm = host.realm_ref()?;
    let intrinsics = &realm.data().intrinsics;
    let (Some(buffer), Some(offset), Some(length)) =
        (&intrinsics.data_view_buffer, &intrinsics.data_view_byte_offset, &intrinsics.data_view_byte_length)
    else {
        return Ok(Arc::default());
    };
    let buffer = property::call(host, buffer.raw(), view.raw(), &[])?;
    if is_detached(host, &buffer) {
        return Ok(Arc::default());
    }
    // Both throw the TypeError of a view that is out of bounds.
    let offset = property::call(host, offset.raw(), view.raw(), &[])?;
    let length = property::call(host, length.raw(), view.raw(), &[])?;
    Ok(slice(host, &buffer, host.to_number(&offset)? as usize, host.to_number(&length)? as usize))
}

fn is_detached(host: QuickJs, buffer: &Value) -> bool {
    let mut size: qjs::size_t = 0;
    // SAFETY: a live object; a detached buffer gives null and an exception.
    let data = unsafe { qjs::JS_GetArrayBuffer(host.ctx().as_ptr(), &mut size, buffer.raw()) };
    if data.is_null() {
        drop(host.take_exception());
    }
    data.is_null()
}

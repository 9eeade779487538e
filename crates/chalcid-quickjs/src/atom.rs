//! Property keys.

use std::mem::ManuallyDrop;

use rquickjs::qjs;

use crate::QuickJs;
use crate::value::Value;

/// A counted property key.
pub(crate) struct Atom {
    host: QuickJs,
    raw: qjs::JSAtom,
}

impl Atom {
    /// The key of a string.
    pub(crate) fn new(host: QuickJs, name: &str) -> Result<Self, Value> {
        // SAFETY: the context is live; QuickJS copies the bytes, which are UTF-8.
        let raw = unsafe { qjs::JS_NewAtomLen(host.ctx().as_ptr(), name.as_ptr().cast(), name.len() as _) };
        Self::checked(host, raw)
    }

    /// The key of a string or symbol value.
    pub(crate) fn of(host: QuickJs, key: &Value) -> Result<Self, Value> {
        // SAFETY: context and value are live.
        let raw = unsafe { qjs::JS_ValueToAtom(host.ctx().as_ptr(), key.raw()) };
        Self::checked(host, raw)
    }

    fn checked(host: QuickJs, raw: qjs::JSAtom) -> Result<Self, Value> {
        if raw == qjs::JS_ATOM_NULL { Err(host.take_exception()) } else { Ok(Self { host, raw }) }
    }

    /// The key, lent.
    pub(crate) fn raw(&self) -> qjs::JSAtom {
        self.raw
    }

    /// The key with its count.
    pub(crate) fn into_raw(self) -> qjs::JSAtom {
        ManuallyDrop::new(self).raw
    }
}

impl Drop for Atom {
    fn drop(&mut self) {
        // SAFETY: `self` owns the count.
        unsafe { qjs::JS_FreeAtom(self.host.ctx().as_ptr(), self.raw) }
    }
}

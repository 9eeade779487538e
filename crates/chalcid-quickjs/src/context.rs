//! [`QuickJs`]: a handle to one context, and the bridge between counted and lent values.

use std::ffi::CString;
use std::ptr::NonNull;

use chalcid_js::host::Host;
use rquickjs::{Ctx, qjs};

use crate::atom::Atom;
use crate::class::Classes;
use crate::realm::RealmRef;
use crate::runtime::Runtime;
use crate::value::{self, Value};

/// One context (one realm) of a QuickJS runtime: the `Host` of the JavaScript interface.
///
/// A handle holds no count: it is valid as long as its context, which everything that keeps one keeps too (a realm's data, a
/// function, a task hold the realm by a counted value).
#[derive(Clone, Copy)]
pub struct QuickJs {
    ctx: NonNull<qjs::JSContext>,
    runtime: NonNull<Runtime>,
}

impl QuickJs {
    /// The handle of a context, whose runtime has the state.
    pub(crate) fn new(ctx: NonNull<qjs::JSContext>, runtime: NonNull<Runtime>) -> Self {
        Self { ctx, runtime }
    }

    /// The context.
    #[inline]
    pub(crate) fn ctx(&self) -> NonNull<qjs::JSContext> {
        self.ctx
    }

    /// The state of the runtime.
    #[inline]
    pub(crate) fn runtime(&self) -> &Runtime {
        // SAFETY: the state outlives every context of its runtime.
        unsafe { self.runtime.as_ref() }
    }

    /// The pointer behind [`QuickJs::runtime`], for what lives as long.
    pub(crate) fn runtime_ptr(&self) -> NonNull<Runtime> {
        self.runtime
    }

    /// The class numbers.
    #[inline]
    pub(crate) fn classes(&self) -> Classes {
        self.runtime().classes
    }

    /// The context in the words of rquickjs, with a lifetime that ends with the call that this is made in.
    pub(crate) fn with_ctx<T>(&self, use_it: impl FnOnce(Ctx<'_>) -> T) -> T {
        // SAFETY: the caller runs on the runtime's thread, inside a call from the runtime or from a holder of its lock; the
        // lifetime is fresh and does not leave this call.
        use_it(unsafe { Ctx::from_raw(self.ctx) })
    }

    /// The realm, prepared: a thrown error where it is not.
    pub(crate) fn realm_ref(&self) -> Result<RealmRef, Value> {
        RealmRef::of(self.ctx, self.runtime()).ok_or_else(|| {
            // SAFETY: the context is live, and the format takes no argument.
            self.own(unsafe {
                qjs::JS_NewTypeError(self.ctx.as_ptr(), c"WebAssembly is not available in this realm".as_ptr())
            })
        })
    }

    /// Takes over the count of a value.
    #[inline]
    pub(crate) fn own(&self, raw: qjs::JSValue) -> Value {
        // SAFETY: callers pass what QuickJS gave them to own, of this runtime.
        unsafe { Value::from_owned(self.runtime().rt, raw) }
    }

    /// Adds a count to a lent value.
    #[inline]
    pub(crate) fn borrow(&self, raw: qjs::JSValue) -> Value {
        // SAFETY: callers pass what QuickJS lends them, of this runtime.
        unsafe { Value::from_borrowed(self.runtime().rt, raw) }
    }

    /// Takes over the result of a QuickJS function: the pending exception, if it says that there is one.
    #[inline]
    pub(crate) fn adopt(&self, raw: qjs::JSValue) -> Result<Value, Value> {
        if value::tag(raw) == qjs::JS_TAG_EXCEPTION { Err(self.take_exception()) } else { Ok(self.own(raw)) }
    }

    /// Takes over the result of a QuickJS function that returns a negative number for an exception.
    #[inline]
    pub(crate) fn check(&self, result: std::ffi::c_int) -> Result<bool, Value> {
        if result < 0 { Err(self.take_exception()) } else { Ok(result != 0) }
    }

    /// The pending exception, which is none any more.
    #[cold]
    pub(crate) fn take_exception(&self) -> Value {
        // SAFETY: the context is live; the result is an owned count.
        self.own(unsafe { qjs::JS_GetException(self.ctx.as_ptr()) })
    }

    /// Makes a value the pending exception.
    #[cold]
    pub(crate) fn throw(&self, thrown: Value) -> qjs::JSValue {
        // SAFETY: the context is live and takes over the count.
        unsafe { qjs::JS_Throw(self.ctx.as_ptr(), thrown.into_raw()) }
    }

    /// A completion in QuickJS's terms.
    #[inline]
    pub(crate) fn give_back(&self, completion: Result<Value, Value>) -> qjs::JSValue {
        match completion {
            Ok(value) => value.into_raw(),
            Err(thrown) => self.throw(thrown),
        }
    }

    /// The global object.
    pub(crate) fn global(&self) -> Value {
        // SAFETY: the context is live; the result is an owned count.
        self.own(unsafe { qjs::JS_GetGlobalObject(self.ctx.as_ptr()) })
    }

    /// `%Function.prototype%`
    pub(crate) fn function_prototype(&self) -> Result<Value, Value> {
        // SAFETY: the context is live; the result is an owned count.
        self.adopt(unsafe { qjs::JS_GetFunctionProto(self.ctx.as_ptr()) })
    }

    /// A String.
    pub(crate) fn new_string(&self, text: &str) -> Result<Value, Value> {
        // SAFETY: QuickJS copies the bytes, which are UTF-8.
        self.adopt(unsafe { qjs::JS_NewStringLen(self.ctx.as_ptr(), text.as_ptr().cast(), text.len() as _) })
    }

    /// Gives a new function its own properties `length` and `name`.
    pub(crate) fn name_function(&self, function: &Value, name: &str, length: u32) -> Result<(), Value> {
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        self.define(function, "length", qjs::JS_MKVAL(qjs::JS_TAG_INT, length), qjs::JS_PROP_CONFIGURABLE)?;
        let name = self.new_string(name)?;
        self.define(function, "name", name.into_raw(), qjs::JS_PROP_CONFIGURABLE)
    }

    /// Defines a data property whose value's count goes to the object.
    pub(crate) fn define(&self, object: &Value, key: &str, value: qjs::JSValue, flags: u32) -> Result<(), Value> {
        let value = self.own(value);
        let key = Atom::new(*self, key)?;
        // SAFETY: object and key are live; QuickJS takes over the count of the value.
        let result = unsafe {
            qjs::JS_DefinePropertyValue(self.ctx.as_ptr(), object.raw(), key.raw(), value.into_raw(), flags as i32)
        };
        self.check(result).map(drop)
    }

    /// The text of a String, lone surrogates replaced.
    pub(crate) fn text(&self, string: &Value) -> String {
        String::from_utf16_lossy(&self.code_units(string))
    }

    /// A value as rquickjs has it.
    pub(crate) fn lend_to_rquickjs<'js>(&self, ctx: &Ctx<'js>, value: &Value) -> rquickjs::Value<'js> {
        // SAFETY: the value is of this runtime, and the count that rquickjs will give back is a new one.
        unsafe { rquickjs::Value::from_raw(ctx.clone(), value.clone().into_raw()) }
    }

    /// What an error of rquickjs is to a program.
    pub(crate) fn thrown_by(&self, error: rquickjs::Error) -> Value {
        if error.is_exception() {
            return self.take_exception();
        }
        let message = CString::new(error.to_string()).unwrap_or_default();
        self.type_error(&message)
    }

    /// A new TypeError of QuickJS's own.
    pub(crate) fn type_error(&self, message: &std::ffi::CStr) -> Value {
        // SAFETY: the context is live; the format is ours and takes one string.
        self.own(unsafe { qjs::JS_NewTypeError(self.ctx.as_ptr(), c"%s".as_ptr(), message.as_ptr()) })
    }
}

//! `GetFunctionRealm`, which QuickJS does not offer.
//!
//! But it does the operation itself when an object is made for a `newTarget` without a usable `prototype`: the object then gets the
//! default prototype *of that realm*. So the realm is known by its `%Object.prototype%`.

use std::ffi::c_void;
use std::ptr::NonNull;

use rquickjs::qjs;

use crate::builtin::Builtin;
use crate::class;
use crate::exported::Exported;
use crate::value::{self, Value};
use crate::{QuickJs, property};

/// A realm that WebAssembly is installed in, known by its `%Object.prototype%`.
pub(crate) struct Known {
    pub(crate) object_prototype: NonNull<c_void>,
    pub(crate) ctx: NonNull<qjs::JSContext>,
}

/// The realm of a function; the current one, where that is a realm without WebAssembly.
pub(crate) fn find(host: QuickJs, function: &Value) -> Result<QuickJs, Value> {
    let classes = host.classes();
    // SAFETY: the classes were registered with these boxes; `function` keeps the object meanwhile.
    unsafe {
        if let Some(builtin) = class::body::<Builtin>(function.raw(), classes.builtin) {
            return Ok(builtin.host());
        }
        if let Some(exported) = class::body::<Exported>(function.raw(), classes.exported) {
            return Ok(exported.host());
        }
    }
    if host.runtime().realms.borrow().len() < 2 {
        return Ok(host);
    }
    let realm = host.realm_ref()?;
    let Some(object_constructor) = &realm.data().intrinsics.object else { return Ok(host) };
    // SAFETY: both functions are live; there are no arguments. The result is an owned count.
    let object = host.adopt(unsafe {
        qjs::JS_CallConstructor2(host.ctx().as_ptr(), object_constructor.raw(), function.raw(), 0, std::ptr::null_mut())
    })?;
    let prototype = property::prototype_of(host, &object)?.and_then(|prototype| value::object_pointer(prototype.raw()));
    let realms = host.runtime().realms.borrow();
    let known = realms.iter().find(|known| Some(known.object_prototype) == prototype);
    Ok(known.map_or(host, |known| QuickJs::new(known.ctx, host.runtime_ptr())))
}

//! Exported GC Objects: structures and arrays of WebAssembly as objects of JavaScript.
//!
//! ```text
//! program ──► Proxy ──► target: an object of a class of ours, which owns the slots; frozen, without properties or prototype
//!               ▲  └──► handler: one a realm
//!               ┆ not counted
//!      Runtime.gc_objects, by number
//! ```
//!
//! QuickJS lets a class say what its objects' properties are, but not that they cannot be made non-extensible, so the exotic object of the
//! text is a Proxy whose handler refuses what the text refuses. A program never has the target. The Proxy is
//! found again through a pointer that is not counted: the target takes it off the list when it is finalised, which is when its Proxy
//! goes, before anything else runs.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

use chalcid_js::host::{Attributes, Call, FunctionKind, Host, Key, NativeFunction, PlatformObject};
use rquickjs::qjs;

use crate::QuickJs;
use crate::class::{self, ClassBox, Marker, ObjectBox};
use crate::runtime::Runtime;
use crate::value::{self, Value};

/// What the target of an Exported GC Object owns.
pub(crate) struct GcObject {
    own: ObjectBox,
    id: u32,
}

impl ClassBox for GcObject {
    fn runtime(&self) -> &Runtime {
        self.own.runtime()
    }

    fn mark(&self, marker: &mut Marker) {
        self.own.mark(marker);
    }
}

impl Drop for GcObject {
    fn drop(&mut self) {
        self.runtime().gc_objects.borrow_mut().remove(&self.id);
    }
}

/// Makes the object of a structure or array that has none.
pub(crate) fn new(host: QuickJs, id: u32, slots: Rc<dyn PlatformObject<QuickJs>>) -> Result<Value, Value> {
    host.runtime().follow_collection();
    let own = ObjectBox::new(host, slots)?;
    let realm = own.realm().data();
    let handler = match realm.gc_object_handler.get() {
        Some(handler) => handler.clone(),
        None => {
            let handler = make_handler(host)?;
            realm.gc_object_handler.get_or_init(|| handler).clone()
        }
    };
    let body = GcObject { own, id };
    // SAFETY: the class was registered with `GcObject`.
    let target = unsafe { class::new_object(host.ctx(), host.classes().gc_object, qjs::JS_NULL, body) };
    let target = host.adopt(target.unwrap_or(qjs::JS_EXCEPTION))?;
    // SAFETY: context and object are live.
    host.check(unsafe { qjs::JS_PreventExtensions(host.ctx().as_ptr(), target.raw()) })?;
    // SAFETY: context, target and handler are live; the result is an owned count.
    let proxy = host.adopt(unsafe { qjs::JS_NewProxy(host.ctx().as_ptr(), target.raw(), handler.raw()) })?;
    remember(host, id, &proxy);
    Ok(proxy)
}

/// Remembers the object of a number, without a count: whoever owns the number calls [`forget`] when the object goes.
pub(crate) fn remember(host: QuickJs, id: u32, object: &Value) {
    if let Some(identity) = value::object_pointer(object.raw()) {
        host.runtime().gc_objects.borrow_mut().insert(id, identity);
    }
}

/// Forgets the object of a number.
pub(crate) fn forget(host: QuickJs, id: u32) {
    host.runtime().gc_objects.borrow_mut().remove(&id);
}

/// The object of a number, if it lives.
pub(crate) fn find(host: QuickJs, id: u32) -> Option<Value> {
    let identity: NonNull<c_void> = host.runtime().gc_objects.borrow().get(&id).copied()?;
    // The target is alive, or it would have taken the entry away; nobody but the Proxy holds it.
    Some(host.borrow(value::object_value(identity)))
}

/// The slots of an Exported GC Object.
pub(crate) fn slots(host: QuickJs, value: &Value) -> Option<Rc<dyn PlatformObject<QuickJs>>> {
    // SAFETY: reads a live value.
    if value.tag() != qjs::JS_TAG_OBJECT || !unsafe { qjs::JS_IsProxy(value.raw()) } {
        return None;
    }
    // SAFETY: context and value are live; the result is an owned count. A revoked Proxy is an exception or null.
    let target = host.adopt(unsafe { qjs::JS_GetProxyTarget(host.ctx().as_ptr(), value.raw()) }).ok()?;
    // SAFETY: the class was registered with `GcObject`, and `target` keeps the box.
    let body = unsafe { class::body::<GcObject>(target.raw(), host.classes().gc_object)? };
    Some(Rc::clone(body.own.slots()))
}

/// The handler. What it does not say a frozen object without properties says itself.
fn make_handler(host: QuickJs) -> Result<Value, Value> {
    let traps: [(&str, u32, NativeFunction<QuickJs>); 4] =
        [("set", 4, refuse), ("deleteProperty", 2, refuse), ("preventExtensions", 1, no), ("setPrototypeOf", 2, no)];
    let handler = host.new_object(None)?;
    for (name, length, steps) in traps {
        let function = host.new_function(name, length, FunctionKind::Method, steps, Vec::new())?;
        host.define_property(&handler, Key::String(name), function, Attributes::FIXED)?;
    }
    Ok(handler)
}

/// `[[Set]]` and `[[Delete]]`: throw a TypeError.
fn refuse(host: &QuickJs, _: &Call<'_, QuickJs>) -> Result<Value, Value> {
    Err(host.type_error(c"WebAssembly objects are opaque"))
}

/// `[[PreventExtensions]]` and `[[SetPrototypeOf]]`: return false.
fn no(host: &QuickJs, _: &Call<'_, QuickJs>) -> Result<Value, Value> {
    Ok(host.boolean(false))
}

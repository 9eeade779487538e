//! The classes of JavaScript objects that Chalcid adds to a runtime.
//!
//! | class | the object's box | callable |
//! |---|---|---|
//! | `object` | [`ObjectBox`]: the slots of a Memory, a Module, … | no |
//! | `builtin` | [`Builtin`](crate::builtin::Builtin): steps and captures of a built-in function | yes |
//! | `exported` | [`Exported`](crate::exported::Exported): an Exported Function | yes |
//! | `exports` | [`Exports`](crate::exports::Exports): the exports of an instance, made when they are asked for | no |
//! | `gc_object` | [`GcObject`](crate::gc_object::GcObject): a structure or array, behind a Proxy | no |
//! | `realm` | [`RealmData`](crate::realm::RealmData): one a context, never seen by programs | no |
//! | `watch`, `waste` | none: one a runtime, see [`crate::collector`] | no |
//!
//! Each object owns one box, which its finaliser drops and its marker traces. QuickJS finds cycles by trial deletion: a marker must
//! report every count that the box holds exactly once, and a box must not hold a count that it does not report, or the cycle through
//! it lives for ever.

use std::ffi::{CStr, c_void};
use std::ptr::{self, NonNull};
use std::rc::Rc;

use chalcid::host::Edge;
use chalcid_js::host::{PlatformObject, Tracer};
use rquickjs::{Error, qjs};

use crate::builtin::{self, Builtin};
use crate::exported::{self, Exported};
use crate::exports::{self, Exports};
use crate::gc_object::GcObject;
use crate::realm::{RealmData, RealmRef};
use crate::runtime::Runtime;
use crate::value::{self, Value};
use crate::{QuickJs, collector};

/// The class numbers of one runtime.
#[derive(Clone, Copy)]
pub(crate) struct Classes {
    pub(crate) object: qjs::JSClassID,
    pub(crate) builtin: qjs::JSClassID,
    pub(crate) exported: qjs::JSClassID,
    pub(crate) exports: qjs::JSClassID,
    pub(crate) realm: qjs::JSClassID,
    pub(crate) gc_object: qjs::JSClassID,
    pub(crate) watch: qjs::JSClassID,
    pub(crate) waste: qjs::JSClassID,
}

/// What an object of one of our classes owns.
pub(crate) trait ClassBox {
    /// The runtime's state.
    fn runtime(&self) -> &Runtime;

    /// Reports every count that the box holds, once.
    fn mark(&self, marker: &mut Marker);
}

/// The slots of an object, and the realm it was made in. Classes whose objects own more keep one of these beside it.
pub(crate) struct ObjectBox<S: ?Sized = dyn PlatformObject<QuickJs>> {
    slots: Rc<S>,
    host: QuickJs,
    realm: RealmRef,
}

impl ObjectBox {
    /// The box of a new object that the collector may have to be called for.
    pub(crate) fn new(host: QuickJs, slots: Rc<dyn PlatformObject<QuickJs>>) -> Result<Self, Value> {
        let runtime = host.runtime();
        runtime.collector.waste(host.ctx(), host.runtime_ptr());
        runtime.pressure.relieve(runtime.rt, &runtime.agent);
        Self::of(host, slots)
    }
}

impl<S: ?Sized> ObjectBox<S> {
    /// The box of an object that comes with others.
    pub(crate) fn of(host: QuickJs, slots: Rc<S>) -> Result<Self, Value> {
        Ok(Self { slots, host, realm: host.realm_ref()? })
    }

    /// The slots.
    #[inline]
    pub(crate) fn slots(&self) -> &Rc<S> {
        &self.slots
    }

    /// The host of the realm the object was made in.
    #[inline]
    pub(crate) fn host(&self) -> QuickJs {
        self.host
    }

    /// That realm.
    pub(crate) fn realm(&self) -> &RealmRef {
        &self.realm
    }
}

impl<S: PlatformObject<QuickJs> + ?Sized> ClassBox for ObjectBox<S> {
    fn runtime(&self) -> &Runtime {
        self.host.runtime()
    }

    fn mark(&self, marker: &mut Marker) {
        marker.raw(self.realm.raw());
        self.slots.trace(marker);
    }
}

impl Classes {
    /// Registers the classes in a runtime.
    pub(crate) fn register(rt: NonNull<qjs::JSRuntime>) -> rquickjs::Result<Self> {
        Ok(Self {
            object: register::<ObjectBox>(rt, c"WebAssemblyObject", None, None)?,
            builtin: register::<Builtin>(rt, c"WebAssemblyBuiltin", Some(builtin::call), None)?,
            exported: register::<Exported>(rt, c"WebAssemblyFunction", Some(exported::call), None)?,
            exports: register::<Exports>(rt, c"WebAssemblyExports", None, Some(&exports::METHODS))?,
            realm: register::<RealmData>(rt, c"WebAssemblyRealm", None, None)?,
            gc_object: register::<GcObject>(rt, c"WebAssemblyGCObject", None, None)?,
            watch: collector::register_watch(rt)?,
            waste: collector::register_waste(rt)?,
        })
    }
}

type CallHandler = unsafe extern "C" fn(
    *mut qjs::JSContext,
    qjs::JSValue,
    qjs::JSValue,
    std::ffi::c_int,
    *mut qjs::JSValue,
    std::ffi::c_int,
) -> qjs::JSValue;

fn register<B: ClassBox>(
    rt: NonNull<qjs::JSRuntime>,
    name: &CStr,
    call: Option<CallHandler>,
    methods: Option<&'static qjs::JSClassExoticMethods>,
) -> rquickjs::Result<qjs::JSClassID> {
    let mut id = qjs::JS_INVALID_CLASS_ID;
    let definition = qjs::JSClassDef {
        class_name: name.as_ptr(),
        finalizer: Some(finalize::<B>),
        gc_mark: Some(mark::<B>),
        call,
        exotic: methods.map_or(ptr::null_mut(), |methods| ptr::from_ref(methods).cast_mut()),
    };
    // SAFETY: the runtime is live; the definition is copied, and the methods, which live for ever, are only read; the handlers take
    // exactly the box that `new_object` puts in objects of the class.
    let result = unsafe {
        qjs::JS_NewClassID(rt.as_ptr(), &mut id);
        qjs::JS_NewClass(rt.as_ptr(), id, &definition)
    };
    if result == 0 { Ok(id) } else { Err(Error::Allocation) }
}

/// Makes an object of one of our classes with its box. `None` when memory is out: the exception is pending.
///
/// # Safety
/// `B` is the box that `class` was registered with, in the runtime of `ctx`.
pub(crate) unsafe fn new_object<B: ClassBox>(
    ctx: NonNull<qjs::JSContext>,
    class: qjs::JSClassID,
    prototype: qjs::JSValue,
    body: B,
) -> Option<qjs::JSValue> {
    // SAFETY: context and prototype are live.
    let object = unsafe { qjs::JS_NewObjectProtoClass(ctx.as_ptr(), prototype, class) };
    if value::tag(object) == qjs::JS_TAG_EXCEPTION {
        return None;
    }
    let body = Box::into_raw(Box::new(body));
    // SAFETY: the object is of a class of ours, so its opaque pointer is ours to set.
    unsafe { qjs::JS_SetOpaque(object, body.cast()) };
    Some(object)
}

/// The box of an object of a class; `None` for every other value.
///
/// # Safety
/// `B` is the box that `class` was registered with. The reference must not outlive the object.
#[inline]
pub(crate) unsafe fn body<'a, B: ClassBox>(object: qjs::JSValue, class: qjs::JSClassID) -> Option<&'a B> {
    // SAFETY: objects of the class hold null (while they are made) or a box of `B`.
    unsafe { qjs::JS_GetOpaque(object, class).cast::<B>().as_ref() }
}

/// The box of an object that is known to be of a class of ours.
///
/// # Safety
/// `object` is of a class registered with `B`, and has its box. The reference must not outlive the object.
#[inline]
pub(crate) unsafe fn body_unchecked<'a, B: ClassBox>(object: qjs::JSValue) -> &'a B {
    let mut class = 0;
    // SAFETY: the caller's promise.
    unsafe { &*qjs::JS_GetAnyOpaque(object, &mut class).cast::<B>() }
}

unsafe extern "C" fn finalize<B: ClassBox>(_: *mut qjs::JSRuntime, object: qjs::JSValue) {
    let body = opaque(object).cast::<B>();
    if !body.is_null() {
        // SAFETY: the object owns the box, and is being destroyed.
        let body = unsafe { Box::from_raw(body) };
        body.runtime().agent.raw().host_finalizes();
        drop(body);
    }
}

unsafe extern "C" fn mark<B: ClassBox>(rt: *mut qjs::JSRuntime, object: qjs::JSValue, mark: qjs::JS_MarkFunc) {
    let body = opaque(object).cast::<B>();
    // SAFETY: the object owns the box and is alive while it is marked.
    if let Some(body) = unsafe { body.as_ref() } {
        let runtime = body.runtime();
        runtime.collector.asks(runtime, mark);
        body.mark(&mut Marker::new(rt, mark));
    }
}

fn opaque(object: qjs::JSValue) -> *mut c_void {
    let mut class = 0;
    // SAFETY: reads two fields of a live object.
    unsafe { qjs::JS_GetAnyOpaque(object, &mut class) }
}

/// Hands counts to QuickJS's collector.
pub(crate) struct Marker {
    rt: *mut qjs::JSRuntime,
    mark: qjs::JS_MarkFunc,
}

impl Marker {
    /// For the collector's call of a marker.
    pub(crate) fn new(rt: *mut qjs::JSRuntime, mark: qjs::JS_MarkFunc) -> Self {
        Self { rt, mark }
    }

    /// Reports one count of a value.
    pub(crate) fn raw(&mut self, raw: qjs::JSValue) {
        // SAFETY: the collector is running in `rt`, and whoever reports the value holds a count of it.
        unsafe { qjs::JS_MarkValue(self.rt, raw, self.mark) }
    }
}

impl Tracer<QuickJs> for Marker {
    fn value(&mut self, value: &Value) {
        self.raw(value.raw());
    }

    fn edge(&mut self, edge: Edge) {
        match edge {
            Edge::Object(object) => self.raw(value::object_value(object)),
            Edge::Value(value) => self.raw(crate::hooks::value_of(value)),
        }
    }
}

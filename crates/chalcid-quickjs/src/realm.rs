//! [`RealmData`]: what Chalcid keeps for one context (one realm).
//!
//! It lives in an object of a class of its own, which the context holds as the prototype of that class: the one place of a context
//! where a native library may put a value that the collector follows. So the data dies with its context, and cycles between the two
//! are the collector's to find.

use std::cell::{OnceCell, RefCell};
use std::ptr::NonNull;
use std::rc::Rc;

use chalcid_js::Realm;
use rquickjs::qjs;

use crate::QuickJs;
use crate::class::{self, ClassBox, Marker};
use crate::function_realm::Known;
use crate::intrinsics::Intrinsics;
use crate::runtime::Runtime;
use crate::stack_trace::StackTraces;
use crate::string::Layout;
use crate::value::{self, Value};

/// Chalcid's data of one realm.
pub(crate) struct RealmData {
    /// The JavaScript interface's data, once it is installed.
    pub(crate) interface: RefCell<Option<Rc<Realm<QuickJs>>>>,
    /// What the realm was born with.
    pub(crate) intrinsics: Intrinsics,
    /// The handler of Exported GC Objects, once there were any.
    pub(crate) gc_object_handler: OnceCell<Value>,
    /// What is kept for stack traces.
    pub(crate) stack_traces: StackTraces,
    ctx: NonNull<qjs::JSContext>,
    runtime: NonNull<Runtime>,
}

impl Drop for RealmData {
    fn drop(&mut self) {
        let runtime = self.runtime();
        runtime.realms.borrow_mut().retain(|known| known.ctx != self.ctx);
        if runtime.traced_context.get() == self.ctx.as_ptr() {
            runtime.traced_context.set(std::ptr::null_mut());
        }
    }
}

impl ClassBox for RealmData {
    fn runtime(&self) -> &Runtime {
        // SAFETY: the runtime's state outlives every object.
        unsafe { self.runtime.as_ref() }
    }

    fn mark(&self, marker: &mut Marker) {
        self.intrinsics.each(|value| marker.raw(value.raw()));
        self.stack_traces.each(|value| marker.raw(value.raw()));
        if let Some(handler) = self.gc_object_handler.get() {
            marker.raw(handler.raw());
        }
        // The cell is borrowed only where nothing can be collected, so it is never refused; if it were, the values would merely be
        // taken for roots.
        if let Ok(interface) = self.interface.try_borrow()
            && let Some(interface) = &*interface
        {
            interface.trace(marker);
        }
    }
}

/// A realm as a counted value: keeps its context alive, as long as the collector can see who holds it.
#[derive(Clone)]
pub(crate) struct RealmRef {
    object: Value,
    data: NonNull<RealmData>,
}

impl RealmRef {
    /// The realm of a context, where it has been prepared.
    pub(crate) fn of(ctx: NonNull<qjs::JSContext>, runtime: &Runtime) -> Option<Self> {
        // SAFETY: the context is live, the class is registered in its runtime; the result is an owned count.
        let object =
            unsafe { Value::from_owned(runtime.rt, qjs::JS_GetClassProto(ctx.as_ptr(), runtime.classes.realm)) };
        // SAFETY: the class was registered with `RealmData`, and `object` keeps the box alive.
        let data = unsafe { class::body::<RealmData>(object.raw(), runtime.classes.realm)? };
        Some(Self { data: NonNull::from(data), object })
    }

    /// The realm of a context, prepared on first use: its intrinsics are looked up now, before a program can replace more of them.
    pub(crate) fn prepare(ctx: NonNull<qjs::JSContext>, runtime: NonNull<Runtime>) -> rquickjs::Result<Self> {
        // SAFETY: the runtime's state outlives its contexts.
        let state = unsafe { runtime.as_ref() };
        if let Some(realm) = Self::of(ctx, state) {
            return Ok(realm);
        }
        if state.string_layout.get().is_none() {
            state.string_layout.set(Layout::find(QuickJs::new(ctx, runtime)));
        }
        let intrinsics = Intrinsics::capture(ctx, runtime)?;
        let identity = intrinsics.object_prototype.as_ref().and_then(|object| value::object_pointer(object.raw()));
        if let Some(object_prototype) = identity {
            state.realms.borrow_mut().push(Known { object_prototype, ctx });
        }
        let data = RealmData {
            interface: RefCell::new(None),
            intrinsics,
            gc_object_handler: OnceCell::new(),
            stack_traces: StackTraces::default(),
            ctx,
            runtime,
        };
        // SAFETY: the class was registered with `RealmData`.
        let object = unsafe { class::new_object(ctx, state.classes.realm, qjs::JS_NULL, data) };
        let object = object.ok_or(rquickjs::Error::Exception)?;
        // SAFETY: the class is registered; the context takes over the count.
        unsafe { qjs::JS_SetClassProto(ctx.as_ptr(), state.classes.realm, object) };
        Self::of(ctx, state).ok_or(rquickjs::Error::Unknown)
    }

    /// The data.
    pub(crate) fn data(&self) -> &RealmData {
        // SAFETY: `object` holds a count of the object that owns the box.
        unsafe { self.data.as_ref() }
    }

    /// The object, for markers.
    pub(crate) fn raw(&self) -> qjs::JSValue {
        debug_assert_eq!(value::tag(self.object.raw()), qjs::JS_TAG_OBJECT);
        self.object.raw()
    }
}

//! QuickJS's collector, as far as it shows what it is doing.
//!
//! It finds cycles by trial deletion. It asks every object for the counts it holds twice: first to take them away; then those that
//! live, to put them back and to find what else lives; at last those that do not. There is no hook for the beginning of any of this. But each of
//! the three hands another function to the markers, and these functions are always the same. The first that is ever seen is the first phase's; and
//! since one object of ours, the [`watch`](Collector::start), always lives, the next is that of the second phase.
//!
//! What nothing reaches in the engine's heap is reported by an object of ours that nothing reaches either but itself, the *waste*: every collection
//! frees it, and it is made again.
//!
//! How often it collects has to do with the engine's heap, too ([`weight`](crate::weight)).
//!
//! The engine has to hear of it: what lies between our objects, it reports by phases ([`chalcid::host::Phase`]).

use std::cell::Cell;
use std::ffi::CStr;
use std::ptr::{self, NonNull};

use chalcid::Agent;
use chalcid::host::Phase;
use chalcid_js::host::Tracer;
use rquickjs::{Error, qjs};

use crate::class::Marker;
use crate::runtime::Runtime;
use crate::value::{self, Value};
use crate::weight::Weight;

/// What is known of the collector of a runtime.
#[derive(Default)]
pub(crate) struct Collector {
    /// The function that was handed to a marker last, as an address; 0 for none.
    current: Cell<usize>,
    /// The functions of the first and the second phase.
    count: Cell<usize>,
    live: Cell<usize>,
    /// An object that always lives, until no more is to be told.
    watch: Cell<Option<Value>>,
    /// Whether there is an object that nothing reaches, for the next collection to find.
    has_waste: Cell<bool>,
    /// Whether QuickJS has collected since somebody asked.
    has_run: Cell<bool>,
    /// What QuickJS counts for the engine's heap.
    weight: Weight,
}

impl Collector {
    /// Begins to follow the collector of a runtime: makes the object that always lives.
    pub(crate) fn start(&self, ctx: NonNull<qjs::JSContext>, runtime: NonNull<Runtime>) -> rquickjs::Result<()> {
        // SAFETY: the runtime's state outlives its objects.
        let state = unsafe { runtime.as_ref() };
        let watch = new_object(ctx, state.classes.watch, runtime)?;
        // SAFETY: the count is ours.
        let watch = unsafe { Value::from_owned(state.rt, watch) };
        self.watch.set(Some(watch));
        Ok(())
    }

    /// Makes an object that nothing reaches, unless there is one or the engine's heap has never been used. The next collection frees it.
    #[inline]
    pub(crate) fn waste(&self, ctx: NonNull<qjs::JSContext>, runtime: NonNull<Runtime>) {
        // SAFETY: the runtime's state outlives its contexts.
        let state = unsafe { runtime.as_ref() };
        if !self.has_waste.get() && state.agent.raw().heap_size() > 0 {
            self.make_waste(ctx, state, runtime);
        }
    }

    #[cold]
    fn make_waste(&self, ctx: NonNull<qjs::JSContext>, state: &Runtime, runtime: NonNull<Runtime>) {
        // Making it may collect: from here on there is one, if only to be.
        self.has_waste.set(true);
        match new_object(ctx, state.classes.waste, runtime) {
            // The count stays with the object, which is asked for it.
            Ok(_) => state.agent.raw().seek_unreached(true),
            Err(_) => {
                self.has_waste.set(false);
                // SAFETY: the context is live; the exception is dropped: nothing but memory is missing.
                unsafe { value::free(state.rt, qjs::JS_GetException(ctx.as_ptr())) };
            }
        }
    }

    /// Ends it: QuickJS wants all objects back.
    pub(crate) fn stop(&self, rt: NonNull<qjs::JSRuntime>, agent: &Agent) {
        self.watch.take();
        self.weight.free(rt);
        agent.raw().end_host_collections();
    }

    /// Whether QuickJS has collected since this was asked last.
    #[inline]
    pub(crate) fn take_has_run(&self) -> bool {
        self.has_run.get() && self.has_run.take()
    }

    /// Hears that an object of ours is asked what it holds.
    #[inline]
    pub(crate) fn asks(&self, runtime: &Runtime, mark: qjs::JS_MarkFunc) {
        let function = mark.map_or(0, |mark| mark as usize);
        if self.current.get() != function {
            self.enter(runtime, function);
        }
    }

    #[cold]
    fn enter(&self, runtime: &Runtime, function: usize) {
        self.current.set(function);
        self.has_run.set(true);
        let Some(watch) = self.watch.take() else { return };
        self.watch.set(Some(watch));
        let is = |known: &Cell<usize>| {
            if known.get() == 0 {
                known.set(function);
            }
            known.get() == function
        };
        let phase = match () {
            () if is(&self.count) => Phase::Count,
            () if is(&self.live) => Phase::Live,
            () => Phase::Dead,
        };
        let agent = runtime.agent.raw();
        if phase == Phase::Count {
            self.weight.fit(runtime.rt, agent.heap_size());
        }
        agent.host_collection(phase);
    }
}

/// The class of the object that always lives.
pub(crate) fn register_watch(rt: NonNull<qjs::JSRuntime>) -> rquickjs::Result<qjs::JSClassID> {
    register(rt, c"WebAssemblyWatch", mark_watch, None)
}

/// The class of the objects that never do.
pub(crate) fn register_waste(rt: NonNull<qjs::JSRuntime>) -> rquickjs::Result<qjs::JSClassID> {
    register(rt, c"WebAssemblyWaste", mark_waste, Some(finalize_waste))
}

fn register(
    rt: NonNull<qjs::JSRuntime>,
    name: &CStr,
    mark: unsafe extern "C" fn(*mut qjs::JSRuntime, qjs::JSValue, qjs::JS_MarkFunc),
    finalizer: Option<unsafe extern "C" fn(*mut qjs::JSRuntime, qjs::JSValue)>,
) -> rquickjs::Result<qjs::JSClassID> {
    let mut id = qjs::JS_INVALID_CLASS_ID;
    let definition = qjs::JSClassDef {
        class_name: name.as_ptr(),
        finalizer,
        gc_mark: Some(mark),
        call: None,
        exotic: ptr::null_mut(),
    };
    // SAFETY: the runtime is live; the definition is copied.
    let result = unsafe {
        qjs::JS_NewClassID(rt.as_ptr(), &mut id);
        qjs::JS_NewClass(rt.as_ptr(), id, &definition)
    };
    if result == 0 { Ok(id) } else { Err(Error::Allocation) }
}

/// An object of one of these classes, whose one count is the caller's.
fn new_object(
    ctx: NonNull<qjs::JSContext>,
    class: qjs::JSClassID,
    runtime: NonNull<Runtime>,
) -> rquickjs::Result<qjs::JSValue> {
    // SAFETY: the context is live.
    let object = unsafe { qjs::JS_NewObjectProtoClass(ctx.as_ptr(), qjs::JS_NULL, class) };
    if value::tag(object) == qjs::JS_TAG_EXCEPTION {
        return Err(Error::Exception);
    }
    // SAFETY: the object is of our class, whose opaque pointer is the runtime's state.
    unsafe { qjs::JS_SetOpaque(object, runtime.as_ptr().cast()) };
    Ok(object)
}

/// The runtime's state, of an object of one of these classes.
fn runtime_of<'a>(object: qjs::JSValue) -> Option<&'a Runtime> {
    let mut class = 0;
    // SAFETY: reads two fields of a live object. The pointer is null while the object is made, and afterwards the runtime's state, which outlives
    // all objects.
    unsafe { qjs::JS_GetAnyOpaque(object, &mut class).cast::<Runtime>().as_ref() }
}

unsafe extern "C" fn mark_watch(_: *mut qjs::JSRuntime, object: qjs::JSValue, mark: qjs::JS_MarkFunc) {
    if let Some(runtime) = runtime_of(object) {
        runtime.collector.asks(runtime, mark);
    }
}

unsafe extern "C" fn mark_waste(rt: *mut qjs::JSRuntime, object: qjs::JSValue, mark: qjs::JS_MarkFunc) {
    if let Some(runtime) = runtime_of(object) {
        runtime.collector.asks(runtime, mark);
        let marker = &mut Marker::new(rt, mark);
        // Its one count is its own.
        marker.raw(object);
        runtime.agent.raw().trace_unreached(&mut |edge| marker.edge(edge));
    }
}

unsafe extern "C" fn finalize_waste(_: *mut qjs::JSRuntime, object: qjs::JSValue) {
    if let Some(runtime) = runtime_of(object) {
        runtime.agent.raw().host_finalizes();
        runtime.agent.raw().seek_unreached(false);
        runtime.collector.has_waste.set(false);
    }
}

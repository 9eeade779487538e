//! QuickJS's collector, as far as it shows what it is doing.
//!
//! It finds cycles by trial deletion. It asks every object for the counts it holds twice: first to take them away; then those that
//! live, to put them back and to find what else lives; at last those that do not. There is no hook for the beginning of any of this. But each of
//! the three hands another function to the markers, and these functions are always the same. The first that is ever seen is the first phase's; and
//! since one object of ours, the [`watch`](Collector::start), always lives, the next is that of the second phase.
//!
//! The engine has to hear of it: what lies between our objects, it reports by phases ([`chalcid::host::Phase`]).

use std::cell::Cell;
use std::ptr::{self, NonNull};

use chalcid::Agent;
use chalcid::host::Phase;
use rquickjs::{Error, qjs};

use crate::runtime::Runtime;
use crate::value::{self, Value};

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
    /// Whether QuickJS has collected since somebody asked.
    has_run: Cell<bool>,
}

impl Collector {
    /// Begins to follow the collector of a runtime: makes the object that always lives.
    pub(crate) fn start(&self, ctx: NonNull<qjs::JSContext>, runtime: NonNull<Runtime>) -> rquickjs::Result<()> {
        // SAFETY: the runtime's state outlives its objects.
        let state = unsafe { runtime.as_ref() };
        // SAFETY: the context is live.
        let object = unsafe { qjs::JS_NewObjectProtoClass(ctx.as_ptr(), qjs::JS_NULL, state.classes.watch) };
        if value::tag(object) == qjs::JS_TAG_EXCEPTION {
            return Err(Error::Exception);
        }
        // SAFETY: the object is of our class, whose opaque pointer is the runtime's state; the count is ours.
        let watch = unsafe {
            qjs::JS_SetOpaque(object, runtime.as_ptr().cast());
            Value::from_owned(state.rt, object)
        };
        self.watch.set(Some(watch));
        Ok(())
    }

    /// Ends it: QuickJS wants all objects back.
    pub(crate) fn stop(&self, agent: &Agent) {
        self.watch.take();
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
            // What it held when it had last collected by itself, and half as much again.
            // SAFETY: the runtime is live, and this is its thread.
            agent.host_heap_size(unsafe { qjs::JS_GetGCThreshold(runtime.rt.as_ptr()) } as u64);
        }
        agent.host_collection(phase);
    }
}

/// The class of the object that always lives.
pub(crate) fn register(rt: NonNull<qjs::JSRuntime>) -> rquickjs::Result<qjs::JSClassID> {
    let mut id = qjs::JS_INVALID_CLASS_ID;
    let definition = qjs::JSClassDef {
        class_name: c"WebAssemblyWatch".as_ptr(),
        finalizer: None,
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

unsafe extern "C" fn mark(_: *mut qjs::JSRuntime, object: qjs::JSValue, mark: qjs::JS_MarkFunc) {
    let mut class = 0;
    // SAFETY: reads two fields of a live object. The pointer is null while the object is made, and afterwards the runtime's state, which outlives
    // all objects.
    if let Some(runtime) = unsafe { qjs::JS_GetAnyOpaque(object, &mut class).cast::<Runtime>().as_ref() } {
        runtime.collector.asks(runtime, mark);
    }
}

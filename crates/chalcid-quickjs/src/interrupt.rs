//! The runtime's own interrupt handler (`JS_SetInterruptHandler`, rquickjs's `Runtime::set_interrupt_handler`) stops WebAssembly, too.
//!
//! QuickJS asks it now and then while JavaScript runs. While WebAssembly runs the engine asks it every few milliseconds, wherever code
//! stands; no code is made in another way for that, and where no handler is set nothing is done but to see so when JavaScript calls into this crate.
//! Code that is to end ends with the error that QuickJS itself throws, which neither JavaScript nor WebAssembly can catch.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use rquickjs::qjs;

use crate::runtime::Runtime;

unsafe extern "C" {
    /// QuickJS: reads private fields of a runtime, for its own libraries.
    fn js_std_cmd(command: c_int, ...) -> usize;
}

const GET_INTERRUPT_HANDLER: c_int = 5;
const GET_INTERRUPT_OPAQUE: c_int = 6;

/// A handler, as QuickJS has it.
type Handler = unsafe extern "C" fn(*mut qjs::JSRuntime, *mut c_void) -> c_int;

/// The handler of a runtime.
fn handler(rt: NonNull<qjs::JSRuntime>) -> Option<Handler> {
    // SAFETY: the runtime is live, and QuickJS gives back what it was given: a handler, or null.
    unsafe { std::mem::transmute::<usize, Option<Handler>>(js_std_cmd(GET_INTERRUPT_HANDLER, rt.as_ptr())) }
}

fn opaque(rt: NonNull<qjs::JSRuntime>) -> *mut c_void {
    // SAFETY: the runtime is live.
    std::ptr::with_exposed_provenance_mut(unsafe { js_std_cmd(GET_INTERRUPT_OPAQUE, rt.as_ptr()) })
}

/// Asks the handler, where there is one, whether what runs is to end.
pub(crate) fn ask(rt: NonNull<qjs::JSRuntime>) -> Option<bool> {
    let handler = handler(rt)?;
    // SAFETY: as QuickJS calls it, with what it was set together with.
    Some(unsafe { handler(rt.as_ptr(), opaque(rt)) } != 0)
}

/// Where a runtime keeps its handler, from its address; 0 if that is not known. It is right behind the list of frames, whose place
/// [`find_frame_list`](crate::stack_trace::find_frame_list) finds.
pub(crate) fn find(rt: NonNull<qjs::JSRuntime>, frame_list: usize) -> usize {
    unsafe extern "C" fn probe(_: *mut qjs::JSRuntime, _: *mut c_void) -> c_int {
        0
    }
    if frame_list == 0 {
        return 0;
    }
    let place = frame_list + size_of::<usize>();
    let (handler, opaque) = (handler(rt), opaque(rt));
    // SAFETY: the runtime is live, and keeps fields beyond the list of frames; no JavaScript runs until the handler is what it was before.
    unsafe {
        qjs::JS_SetInterruptHandler(rt.as_ptr(), Some(probe), std::ptr::null_mut());
        let found = rt.as_ptr().byte_add(place).cast::<usize>().read();
        qjs::JS_SetInterruptHandler(rt.as_ptr(), handler, opaque);
        if found == probe as *const () as usize { place } else { 0 }
    }
}

/// JavaScript is about to call WebAssembly: has the handler asked meanwhile, if there is one.
#[inline(always)]
pub(crate) fn notice(runtime: &Runtime) {
    let place = runtime.interrupt_handler;
    let is_set = if place == 0 {
        handler(runtime.rt).is_some()
    } else {
        // SAFETY: the runtime is live, and keeps its handler there: that is what `find` found out.
        0 != unsafe { runtime.rt.as_ptr().byte_add(place).cast::<usize>().read() }
    };
    if is_set {
        watch(runtime);
    }
}

#[cold]
fn watch(runtime: &Runtime) {
    let agent = runtime.agent.raw();
    if !agent.is_watched() {
        agent.watch();
    }
}

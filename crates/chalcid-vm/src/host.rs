//! What the host of an agent offers: counted objects that keep entities alive, and counted values.

use std::any::Any;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

use crate::value::RawHostValue;

/// A host object that keeps an entity: see [`Strong::adopt`](crate::entity::Strong::adopt).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keeper(NonNull<c_void>);

impl Keeper {
    /// Names a host object as keeper.
    ///
    /// # Safety
    /// The hooks of the entity's agent must accept `object` for `retain_object` and `release_object` for as long as the
    /// object has not dropped the `Body` it was given. When the host finalises the object it drops that `Body`.
    pub unsafe fn new(object: NonNull<c_void>) -> Self {
        Self(object)
    }

    /// The object.
    pub fn as_ptr(self) -> NonNull<c_void> {
        self.0
    }
}

/// Reference counts of the host.
///
/// Any method may run arbitrary host code and re-enter the engine: no borrow is held when one is called.
///
/// # Safety
/// `clone_value` returns a value that is valid for `clone_value` and `drop_value` until it is dropped, and cloning leaves the
/// original valid. The methods do not unwind.
pub unsafe trait HostHooks {
    /// Adds a count to a keeper object.
    ///
    /// # Safety
    /// `object` is a keeper whose `Body` is not dropped yet.
    unsafe fn retain_object(&self, object: NonNull<c_void>);

    /// Takes a count from a keeper object; finalises it at the last one.
    ///
    /// # Safety
    /// As for `retain_object`, and the caller owns the count.
    unsafe fn release_object(&self, object: NonNull<c_void>);

    /// Copies a value.
    ///
    /// # Safety
    /// `value` is alive.
    unsafe fn clone_value(&self, value: RawHostValue) -> RawHostValue;

    /// Gives up a value.
    ///
    /// # Safety
    /// `value` is alive and owned by the caller.
    unsafe fn drop_value(&self, value: RawHostValue);

    /// Has the host's collector run, if it has one: the engine's heap is full, and some of it may be held by cycles through the host.
    fn collect_garbage(&self) {}

    /// Hears that a memory was grown, also by 0 pages: the host refreshes the buffer it shows.
    ///
    /// # Safety
    /// `object` is the keeper of the memory.
    unsafe fn memory_grown(&self, object: NonNull<c_void>) {
        let _ = object;
    }

    /// Whether code that runs is to end; `None` where nobody wants to be asked any more. Asked every few milliseconds while an agent is
    /// [watched](crate::Agent::watch), on its thread, between any two instructions of code, in a signal handler. It must not touch the engine.
    fn stop(&self) -> Option<bool> {
        None
    }
}

/// The host of plain Rust programs: values are `Rc<dyn Any>`, entities have no keepers.
pub(crate) struct PlainHost;

// SAFETY: values are counts of an `Rc`, made and dropped as such.
unsafe impl HostHooks for PlainHost {
    unsafe fn retain_object(&self, _object: NonNull<c_void>) {}

    unsafe fn release_object(&self, _object: NonNull<c_void>) {}

    unsafe fn clone_value(&self, value: RawHostValue) -> RawHostValue {
        // SAFETY: the caller says that the value is alive.
        rc_into_raw(unsafe { rc_clone_raw(value) })
    }

    unsafe fn drop_value(&self, value: RawHostValue) {
        // SAFETY: the caller owns the count.
        drop(unsafe { rc_from_raw(value) });
    }
}

const _: () = assert!(size_of::<*const dyn Any>() == size_of::<RawHostValue>());

/// Turns a count of an `Rc` into bytes.
pub(crate) fn rc_into_raw(value: Rc<dyn Any>) -> RawHostValue {
    // SAFETY: both are 16 bytes without padding; the bytes are only ever turned back.
    unsafe { std::mem::transmute::<*const dyn Any, RawHostValue>(Rc::into_raw(value)) }
}

/// Takes back the count that [`rc_into_raw`] turned into bytes.
///
/// # Safety
/// `raw` comes from `rc_into_raw` and its count was not taken back yet.
pub(crate) unsafe fn rc_from_raw(raw: RawHostValue) -> Rc<dyn Any> {
    // SAFETY: the same 16 bytes that the transmute in `rc_into_raw` gave, with a count that is ours.
    unsafe { Rc::from_raw(std::mem::transmute::<RawHostValue, *const dyn Any>(raw)) }
}

/// A further count of an `Rc` in bytes.
///
/// # Safety
/// `raw` comes from `rc_into_raw` and its count was not taken back yet.
pub(crate) unsafe fn rc_clone_raw(raw: RawHostValue) -> Rc<dyn Any> {
    // SAFETY: the count in `raw` stays: it is not dropped, only cloned from.
    let value = std::mem::ManuallyDrop::new(unsafe { rc_from_raw(raw) });
    Rc::clone(&value)
}

//! What a host with counted objects and values of its own builds on: a JavaScript runtime, for example.
//!
//! Such a host makes an agent with [`HostHooks`]. When it makes an object for an entity (a `WebAssembly.Memory` for a [`Memory`]),
//! the entity *adopts* that object as its keeper: the object owns the entity's contents through a [`Body`], and every handle stands for one
//! count of the object. So the host's collector decides when the entity dies, seeing its edges through [`Body::trace`].
//!
//! A host object that stands for a structure, an array or an exception owns an [`ObjectBody`]. For what lies between host objects, the heap above all,
//! the collector says what it is doing: [`RawAgent::host_collection`], [`RawAgent::host_finalizes`].

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use chalcid_vm::Strong;

pub use chalcid_vm::{Agent as RawAgent, Edge, HostHooks, HostValue, Keeper, Phase, RawHostValue};

use crate::{AnyRef, Exception, Func, FuncHome, Global, Instance, Memory, Table, Tag};

mod sealed {
    /// What a handle is a newtype of.
    pub trait Raw {
        type Entity: chalcid_vm::Entity;
        fn raw(&self) -> &chalcid_vm::Strong<Self::Entity>;
        fn from_raw(raw: chalcid_vm::Strong<Self::Entity>) -> Self;
    }

    /// What may be a handle to an object of the heap.
    pub trait OfHeap: Sized {
        fn object(&self) -> Option<&chalcid_vm::ObjectRef>;
        fn from_object(object: chalcid_vm::ObjectRef) -> Self;
    }
}
use sealed::OfHeap;
pub(crate) use sealed::Raw;

/// Something that a host object can be the keeper of.
pub trait Adopt: Raw + Clone {
    /// Its keeper, where it has one.
    fn host_object(&self) -> Option<NonNull<c_void>> {
        self.raw().host_object()
    }

    /// Makes a host object its keeper, unless it has one, and returns the keeper; `None` when a keeper was finalised already.
    ///
    /// `make` creates the object around the [`Body`] and returns it; the count that the new object is born with stays the
    /// caller's. Every handle that exists gets a count of its own. When `make` fails, nothing has changed.
    fn adopt<E>(&self, make: impl FnOnce(Body<Self>) -> Result<Keeper, E>) -> Result<Option<NonNull<c_void>>, E> {
        let mut failed = None;
        let keeper = self.raw().adopt(|body| make(Body(body)).map_err(|error| failed = Some(error)).ok());
        match failed {
            Some(error) => Err(error),
            None => Ok(keeper),
        }
    }

    /// Reports what holding this handle means for the host's collector: one count of the keeper, or what the entity itself
    /// holds where nobody else does.
    fn trace(&self, visit: &mut dyn FnMut(Edge)) {
        self.raw().trace_edge(visit);
    }

    /// A number that tells it from everything else alive.
    fn id(&self) -> usize {
        self.raw().id()
    }

    /// Whether its keeper has not been finalised.
    fn is_alive(&self) -> bool {
        self.raw().is_alive()
    }
}

impl<T: Raw + Clone> Adopt for T {}

/// What the keeper of an entity owns: when it is dropped, the entity's contents go.
pub struct Body<T: Raw>(chalcid_vm::Body<T::Entity>);

impl<T: Raw> Body<T> {
    /// A handle to the entity: a count of the keeper.
    pub fn handle(&self) -> T {
        T::from_raw(self.0.handle())
    }

    /// Reports what the entity holds, each edge once for every count of it.
    pub fn trace(&self, visit: &mut dyn FnMut(Edge)) {
        self.0.trace(visit);
    }
}

impl<T: Raw> fmt::Debug for Body<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Body").finish_non_exhaustive()
    }
}

/// What a host object owns that stands for a structure, an array or an exception: it keeps the object, as far as the host object lives itself.
pub struct ObjectBody<T>(chalcid_vm::ObjectBody, PhantomData<T>);

impl<T: OfHeap> ObjectBody<T> {
    /// A handle to the object.
    pub fn handle(&self) -> T {
        T::from_object(self.0.handle())
    }

    /// The number of the object.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Reports what the object holds and reaches, as [`Body::trace`].
    pub fn trace(&self, visit: &mut dyn FnMut(Edge)) {
        self.0.trace(visit);
    }
}

impl<T> fmt::Debug for ObjectBody<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A handle to what may be an object of the heap.
pub trait AdoptObject: OfHeap {
    /// Makes a host object that stands for the structure, array or exception, as [`Adopt::adopt`] does for an entity. There may be several: which
    /// one is *the* object is for the host to know. For other references `make` is not called.
    fn adopt<E>(&self, make: impl FnOnce(ObjectBody<Self>) -> Result<Keeper, E>) -> Result<(), E> {
        self.object().map_or(Ok(()), |object| object.adopt(|body| make(ObjectBody(body, PhantomData))))
    }
}

impl<T: OfHeap> AdoptObject for T {}

impl OfHeap for AnyRef {
    fn object(&self) -> Option<&chalcid_vm::ObjectRef> {
        self.object()
    }

    fn from_object(object: chalcid_vm::ObjectRef) -> Self {
        Self::from_object(object)
    }
}

impl OfHeap for Exception {
    fn object(&self) -> Option<&chalcid_vm::ObjectRef> {
        Some(self.object())
    }

    fn from_object(object: chalcid_vm::ObjectRef) -> Self {
        Self::from_object(object)
    }
}

/// A function of the host as an entity, see [`FuncHome`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostFunc(Strong<chalcid_vm::HostFunc>);

/// Receives what a host function holds: every handle and every value, each once.
pub struct Tracer<'a, 'b>(&'a mut chalcid_vm::Tracer<'b>);

impl<'a, 'b> Tracer<'a, 'b> {
    pub(crate) fn new(tracer: &'a mut chalcid_vm::Tracer<'b>) -> Self {
        Self(tracer)
    }

    /// A value of the host.
    pub fn value(&mut self, value: &HostValue) {
        self.0.value(value.raw());
    }

    /// A handle to an entity.
    pub fn entity(&mut self, handle: &impl Raw) {
        self.0.entity(handle.raw());
    }

    /// A handle to a function.
    pub fn func(&mut self, func: &Func) {
        match func.owner() {
            chalcid_vm::FuncOwner::Instance(instance) => self.0.entity(instance),
            chalcid_vm::FuncOwner::Host(func) => self.0.entity(func),
        }
    }
}

impl FuncHome {
    /// The keeper of what keeps the function alive, where there is one.
    pub fn host_object(&self) -> Option<NonNull<c_void>> {
        match self {
            Self::Instance(instance) => instance.host_object(),
            Self::Host(func) => func.host_object(),
        }
    }
}

/// Makes a newtype of a handle of the running side an entity's handle.
macro_rules! raw {
    ($($handle:ident: $entity:ty;)*) => {$(
        impl $crate::host::Raw for $handle {
            type Entity = $entity;

            fn raw(&self) -> &chalcid_vm::Strong<$entity> {
                &self.0
            }

            fn from_raw(raw: chalcid_vm::Strong<$entity>) -> Self {
                Self(raw)
            }
        }
    )*};
}
pub(crate) use raw;

raw! {
    HostFunc: chalcid_vm::HostFunc;
}

/// What the keeper of a memory owns.
pub type MemoryBody = Body<Memory>;
/// What the keeper of a table owns.
pub type TableBody = Body<Table>;
/// What the keeper of a global owns.
pub type GlobalBody = Body<Global>;
/// What the keeper of a tag owns.
pub type TagBody = Body<Tag>;
/// What the keeper of an instance owns.
pub type InstanceBody = Body<Instance>;
/// What the keeper of a host function owns.
pub type HostFuncBody = Body<HostFunc>;

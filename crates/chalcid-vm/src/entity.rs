//! The smart pointer to everything an agent owns, and whose count it is.
//!
//! ```text
//!  without keeper                       with keeper
//!
//!  Strong ─┐                            Strong ──(one count each)──► host object ──owns──► Body
//!  Strong ─┼─► box: handles = 2         Strong ──(one count each)──►     ▲                  │
//!          │        body                   │                       host's collector         ▼
//!                                          └───────────────────────────────────────────►  box: body
//! ```
//!
//! An entity (instance, memory, table, global, tag, host function) lives in a box. While nobody but Rust knows it, the number of
//! [`Strong`] handles is its reference count. Once a host object is made for it ([`Strong::adopt`]), that object is its
//! *keeper*: the object alone owns the body, and every `Strong` stands for one count of the object. So the host's own collector,
//! which sees the keeper's edges through [`Body::trace`], decides when the entity dies.
//!
//! When the keeper is finalised (it drops its [`Body`]), or the last handle goes of an entity without one, the entity is *cleared*: it gives up
//! its edges and becomes an empty shell. The box itself stays until the last `Strong` and the last `Body` are gone, so a handle left in
//! a dying cycle is harmless: what it reaches is empty, never freed.
//!
//! Clearing one entity can drop the last handle of the next. Such chains are worked off by a loop, not by recursion: their length is a guest's choice.

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

use chalcid_module::heap_layout::OBJECT_MASK;

use crate::agent::Agent;
use crate::host::Keeper;
use crate::lifetimes;
use crate::value::RawHostValue;

/// What a kept entity holds, as its keeper reports it to the host's collector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// One count of a keeper object.
    Object(NonNull<c_void>),
    /// A value of the host; the entity owns one count of it.
    Value(RawHostValue),
}

/// What an entity reports to a [`Tracer`].
#[derive(Clone, Copy)]
pub(crate) enum RawEdge {
    Entity(NonNull<Header>),
    Value(RawHostValue),
    /// An object of the heap, by its reference.
    Object(u32),
}

/// Receives the edges of an entity, each exactly once for every count that is held.
pub struct Tracer<'a>(&'a mut dyn FnMut(RawEdge));

impl<'a> Tracer<'a> {
    pub(crate) fn new(visit: &'a mut dyn FnMut(RawEdge)) -> Self {
        Self(visit)
    }

    /// An entity that is held by one handle.
    pub fn entity<T: Entity>(&mut self, handle: &Strong<T>) {
        (self.0)(RawEdge::Entity(handle.ptr.cast()));
    }

    /// A value of the host that is held.
    pub fn value(&mut self, value: RawHostValue) {
        (self.0)(RawEdge::Value(value));
    }

    /// A reference that is no value of the host: an object, unless it is null or a 31-bit integer.
    pub(crate) fn reference(&mut self, bits: u32) {
        if bits != 0 && bits & OBJECT_MASK == 0 {
            (self.0)(RawEdge::Object(bits));
        }
    }
}

mod sealed {
    pub trait Sealed {}
}
pub(crate) use sealed::Sealed;

/// Something that lives in an entity box. Only this crate's types do.
pub trait Entity: Sealed + Sized + 'static {
    #[doc(hidden)]
    fn trace(&self, tracer: &mut Tracer<'_>);

    /// Gives up all edges and contents. The empty shell must be safe to use; machine code never runs on it any more.
    #[doc(hidden)]
    fn clear(&self, agent: &Agent);
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The handles are the count.
    Free,
    /// The keeper's object is the count.
    Kept,
    /// Cleared, or about to be.
    Dead,
}

struct VTable {
    trace: unsafe fn(NonNull<Header>, &mut Tracer<'_>),
    clear: unsafe fn(NonNull<Header>),
    free: unsafe fn(NonNull<Header>),
}

/// The front of every entity box.
pub(crate) struct Header {
    /// Number of `Strong`s.
    handles: Cell<usize>,
    /// Number of `Body`s, and of the loops that work on the box.
    pins: Cell<usize>,
    state: Cell<State>,
    keeper: Cell<*mut c_void>,
    vtable: &'static VTable,
    /// The agent's list of entities.
    pub(crate) prev: Cell<*const Header>,
    pub(crate) next: Cell<*const Header>,
    /// For the cycle collector alone.
    pub(crate) scratch: Cell<usize>,
    agent: Agent,
}

#[repr(C)]
struct EntityBox<T> {
    header: Header,
    body: UnsafeCell<T>,
}

/// A handle to an entity.
pub struct Strong<T: Entity> {
    ptr: NonNull<EntityBox<T>>,
    marker: PhantomData<EntityBox<T>>,
}

/// What the keeper of an entity owns: when it is dropped, the entity is cleared.
pub struct Body<T: Entity> {
    ptr: NonNull<EntityBox<T>>,
    marker: PhantomData<EntityBox<T>>,
}

/// A handle to an entity of any type.
pub(crate) struct AnyStrong(NonNull<Header>);

unsafe fn trace_box<T: Entity>(header: NonNull<Header>, tracer: &mut Tracer<'_>) {
    // SAFETY: the vtable belongs to an `EntityBox<T>`, alive while its header is referred to.
    unsafe { &*header.cast::<EntityBox<T>>().as_ref().body.get() }.trace(tracer);
}

unsafe fn clear_box<T: Entity>(header: NonNull<Header>) {
    // SAFETY: as in `trace_box`.
    let entity = unsafe { header.cast::<EntityBox<T>>().as_ref() };
    // SAFETY: as in `trace_box`.
    unsafe { &*entity.body.get() }.clear(&entity.header.agent);
}

unsafe fn free_box<T: Entity>(header: NonNull<Header>) {
    // SAFETY: the box was made by `Box::new` in `Strong::new`; the caller owns the last reference.
    drop(unsafe { Box::from_raw(header.cast::<EntityBox<T>>().as_ptr()) });
}

impl Header {
    pub(crate) fn agent(&self) -> &Agent {
        &self.agent
    }

    pub(crate) fn handles(&self) -> usize {
        self.handles.get()
    }

    pub(crate) fn is_free_standing(&self) -> bool {
        self.state.get() == State::Free
    }

    pub(crate) fn keeper(&self) -> Option<NonNull<c_void>> {
        if self.state.get() == State::Kept { NonNull::new(self.keeper.get()) } else { None }
    }

    fn retain(&self) {
        let handles = self.handles.get() + 1;
        self.handles.set(handles);
        match self.state.get() {
            State::Kept => {
                if let Some(keeper) = self.keeper() {
                    // SAFETY: the state is `Kept`: the keeper's `Body` is not dropped yet.
                    unsafe { self.agent.hooks().retain_object(keeper) }
                }
            }
            State::Free if handles == 2 => self.agent.inner().entities.count_shared(true),
            State::Free | State::Dead => {}
        }
    }

    /// Leaves the state in which handles are the count.
    fn leave_free(&self, state: State) {
        if self.is_free_standing() && self.handles.get() > 1 {
            self.agent.inner().entities.count_shared(false);
        }
        self.state.set(state);
    }

    /// Reports the edges of the entity itself.
    pub(crate) fn trace(this: NonNull<Header>, tracer: &mut Tracer<'_>) {
        // SAFETY: a header is only referred to while its box is alive.
        unsafe { (this.as_ref().vtable.trace)(this, tracer) }
    }

    /// Clears the entity unless that was done before, and frees its box when nothing refers to it.
    pub(crate) fn kill(this: NonNull<Header>) {
        // SAFETY: the caller refers to the box.
        let header = unsafe { this.as_ref() };
        if header.state.get() != State::Dead {
            header.leave_free(State::Dead);
            header.pins.set(header.pins.get() + 1);
            header.agent.clone().bury(this);
        }
    }

    /// Second half of `kill`, called by the agent's burial loop.
    pub(crate) fn finish(this: NonNull<Header>) {
        // SAFETY: `kill` pinned the box.
        unsafe { (this.as_ref().vtable.clear)(this) };
        Self::unpin(this);
    }

    fn unpin(this: NonNull<Header>) {
        // SAFETY: the caller's pin keeps the box alive up to here.
        let header = unsafe { this.as_ref() };
        header.pins.set(header.pins.get() - 1);
        Self::free_if_unused(this);
    }

    fn free_if_unused(this: NonNull<Header>) {
        // SAFETY: the box is alive: only this function frees it.
        let header = unsafe { this.as_ref() };
        if header.handles.get() == 0 && header.pins.get() == 0 {
            debug_assert_eq!(header.state.get(), State::Dead);
            let agent = header.agent.clone();
            agent.unlink(this);
            let free = header.vtable.free;
            // SAFETY: no `Strong`, no `Body` and no loop refers to the box.
            unsafe { free(this) };
        }
    }

    fn release(this: NonNull<Header>) {
        // SAFETY: the handle that is given up keeps the box alive up to here.
        let header = unsafe { this.as_ref() };
        let handles = header.handles.get() - 1;
        header.handles.set(handles);
        match header.state.get() {
            State::Kept => {
                let agent = header.agent.clone();
                if let Some(keeper) = header.keeper() {
                    // SAFETY: the state is `Kept`, and the handle owned one count. The box may be gone afterwards.
                    unsafe { agent.hooks().release_object(keeper) }
                }
            }
            State::Free if handles == 0 => Self::kill(this),
            State::Free if handles == 1 => header.agent.inner().entities.count_shared(false),
            State::Free => {}
            State::Dead => Self::free_if_unused(this),
        }
    }
}

impl<T: Entity> Strong<T> {
    /// Puts an entity into a box on the agent's list.
    pub(crate) fn new(agent: &Agent, body: T) -> Self {
        struct Table<T>(PhantomData<T>);
        impl<T: Entity> Table<T> {
            const TABLE: VTable = VTable { trace: trace_box::<T>, clear: clear_box::<T>, free: free_box::<T> };
        }
        // Handles in `body`, and the caller's, lie in no box: what they reach is held from outside.
        if agent.inner().entities.is_due() {
            lifetimes::collect_cycles(agent);
        }
        let entity = Box::new(EntityBox {
            header: Header {
                handles: Cell::new(1),
                pins: Cell::new(0),
                state: Cell::new(State::Free),
                keeper: Cell::new(std::ptr::null_mut()),
                vtable: &Table::<T>::TABLE,
                prev: Cell::new(std::ptr::null()),
                next: Cell::new(std::ptr::null()),
                scratch: Cell::new(0),
                agent: agent.clone(),
            },
            body: UnsafeCell::new(body),
        });
        let ptr = NonNull::from(Box::leak(entity));
        agent.link(ptr.cast());
        Self { ptr, marker: PhantomData }
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the box lives as long as a `Strong`.
        unsafe { &self.ptr.as_ref().header }
    }

    /// The agent that the entity belongs to.
    #[inline]
    pub fn agent(&self) -> &Agent {
        &self.header().agent
    }

    /// Whether both are handles to the same entity.
    pub fn same(&self, other: &Self) -> bool {
        self.ptr == other.ptr
    }

    /// A number that tells the entity from every other one alive.
    pub fn id(&self) -> usize {
        self.ptr.as_ptr() as usize
    }

    /// Whether the entity has not been cleared.
    #[inline]
    pub fn is_alive(&self) -> bool {
        self.header().state.get() != State::Dead
    }

    /// The keeper, where there is one.
    pub fn host_object(&self) -> Option<NonNull<c_void>> {
        self.header().keeper()
    }

    /// Makes a host object the keeper of the entity, unless it has one; returns the keeper.
    ///
    /// `make` creates the object with the [`Body`] in it and returns it; the count that the new object starts with stays the
    /// caller's. Every handle that exists gets one count of its own. `None` is what `make` returned: then nothing has changed.
    pub fn adopt(&self, make: impl FnOnce(Body<T>) -> Option<Keeper>) -> Option<NonNull<c_void>> {
        let header = self.header();
        match header.state.get() {
            State::Kept => return header.keeper(),
            State::Dead => return None,
            State::Free => {}
        }
        let keeper = make(Body::new(self.ptr))?.as_ptr();
        if header.state.get() == State::Kept {
            // `make` adopted the entity on its own account: the first keeper stays.
            return header.keeper();
        }
        header.keeper.set(keeper.as_ptr());
        header.leave_free(State::Kept);
        for _ in 0..header.handles.get() {
            // SAFETY: the contract of `Keeper::new`; its `Body` is not dropped.
            unsafe { header.agent.hooks().retain_object(keeper) }
        }
        Some(keeper)
    }

    /// Reports what this handle stands for to a collector that has found it: a count of the keeper, or, where there is no keeper and no other
    /// handle, what the entity holds.
    pub fn trace_edge(&self, visit: &mut dyn FnMut(Edge)) {
        lifetimes::trace_handle(self.agent(), self.ptr.cast(), visit);
    }

    pub(crate) fn erase(self) -> AnyStrong {
        let this = ManuallyDrop::new(self);
        AnyStrong(this.ptr.cast())
    }

    /// The address of the body, stable for the life of the box.
    pub(crate) fn as_ptr(&self) -> *const T {
        // SAFETY: the box is alive.
        unsafe { self.ptr.as_ref().body.get() }
    }

    /// A further handle from the address that `as_ptr` gave.
    ///
    /// # Safety
    /// The box must be alive.
    pub(crate) unsafe fn from_body_ptr(body: *const T) -> Self {
        // SAFETY: the caller says that the box is alive, and it is not used longer than this takes.
        Self::clone(&*unsafe { Borrowed::new(body) })
    }
}

/// A handle that counts nothing: for code that runs while something else keeps the entity.
pub(crate) struct Borrowed<'a, T: Entity> {
    handle: ManuallyDrop<Strong<T>>,
    marker: PhantomData<&'a T>,
}

/// The front of the box that an entity lies in.
pub(crate) fn header_of<T: Entity>(body: *const T) -> NonNull<Header> {
    const { assert!(std::mem::offset_of!(EntityBox<T>, header) == 0) };
    let start = body.wrapping_byte_sub(std::mem::offset_of!(EntityBox<T>, body)).cast_mut().cast();
    // SAFETY: an entity lies behind the front of its box, whose address is not null.
    unsafe { NonNull::new_unchecked(start) }
}

impl<T: Entity> Borrowed<'_, T> {
    /// The handle of an entity from the address that `as_ptr` gave.
    ///
    /// # Safety
    /// The entity must be kept alive, uncleared, by somebody else as long as this is used.
    pub(crate) unsafe fn new(body: *const T) -> Self {
        let offset = std::mem::offset_of!(EntityBox<T>, body);
        // SAFETY: the caller says that `body` lies in a living box, at that offset.
        let ptr = unsafe { NonNull::new_unchecked(body.byte_sub(offset).cast_mut().cast::<EntityBox<T>>()) };
        Self { handle: ManuallyDrop::new(Strong { ptr, marker: PhantomData }), marker: PhantomData }
    }
}

impl<T: Entity> Deref for Borrowed<'_, T> {
    type Target = Strong<T>;

    fn deref(&self) -> &Strong<T> {
        &self.handle
    }
}

impl<T: Entity> Deref for Strong<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the box lives as long as a `Strong`, and nobody has a mutable reference to the body: a cleared one is an
        // empty shell, not a dropped value.
        unsafe { &*self.ptr.as_ref().body.get() }
    }
}

impl<T: Entity> Clone for Strong<T> {
    fn clone(&self) -> Self {
        self.header().retain();
        Self { ptr: self.ptr, marker: PhantomData }
    }
}

impl<T: Entity> Drop for Strong<T> {
    fn drop(&mut self) {
        Header::release(self.ptr.cast());
    }
}

impl<T: Entity> PartialEq for Strong<T> {
    fn eq(&self, other: &Self) -> bool {
        self.same(other)
    }
}

impl<T: Entity> Eq for Strong<T> {}

impl<T: Entity> fmt::Debug for Strong<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:p}", std::any::type_name::<T>(), self.ptr)
    }
}

impl AnyStrong {
    /// A handle to the entity of a header.
    pub(crate) fn new(header: NonNull<Header>) -> Self {
        // SAFETY: a header is only referred to while its box is alive.
        unsafe { header.as_ref() }.retain();
        Self(header)
    }

    pub(crate) fn header(&self) -> NonNull<Header> {
        self.0
    }
}

impl Drop for AnyStrong {
    fn drop(&mut self) {
        Header::release(self.0);
    }
}

impl<T: Entity> Body<T> {
    fn new(ptr: NonNull<EntityBox<T>>) -> Self {
        // SAFETY: the caller has a `Strong`.
        let header = unsafe { &ptr.as_ref().header };
        header.pins.set(header.pins.get() + 1);
        Self { ptr, marker: PhantomData }
    }

    fn header(&self) -> &Header {
        // SAFETY: a `Body` pins the box.
        unsafe { &self.ptr.as_ref().header }
    }

    /// A handle to the entity.
    pub fn handle(&self) -> Strong<T> {
        self.header().retain();
        Strong { ptr: self.ptr, marker: PhantomData }
    }

    /// The agent that the entity belongs to.
    pub fn agent(&self) -> &Agent {
        &self.header().agent
    }

    /// Reports what the entity holds: each edge once for every count. What lies between it and what the host counts, entities without keeper and
    /// objects of the heap, is reported by the first that reaches it: see [`Agent::host_collection`].
    pub fn trace(&self, visit: &mut dyn FnMut(Edge)) {
        lifetimes::trace_parts(self.agent(), self.ptr.cast(), visit);
    }
}

impl<T: Entity> Deref for Body<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: as for `Strong`.
        unsafe { &*self.ptr.as_ref().body.get() }
    }
}

impl<T: Entity> Drop for Body<T> {
    fn drop(&mut self) {
        let header = self.header();
        if header.state.get() == State::Kept {
            Header::kill(self.ptr.cast());
        }
        Header::unpin(self.ptr.cast());
    }
}

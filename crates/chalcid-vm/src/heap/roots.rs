//! What keeps objects and boxes alive from outside: scopes, handles, and the slots of entities.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use chalcid_module::heap_layout::OBJECT_MASK;

use crate::agent::Agent;
use crate::entity::Edge;
use crate::func::Misuse;
use crate::global::GlobalInst;
use crate::host::Keeper;
use crate::instance::Instance;
use crate::lifetimes;
use crate::owners::AddressHasher;
use crate::table::TableInst;

/// The roots of an agent, but for those in frames.
#[derive(Default)]
pub(super) struct Roots {
    /// References that open scopes hold, in the order they were made.
    scoped: RefCell<Vec<u32>>,
    /// Length of `scoped`.
    len: Cell<usize>,
    /// Objects that handles name.
    handles: RefCell<HashMap<usize, Handles, BuildHasherDefault<AddressHasher>>>,
    /// Entities with slots that may hold objects.
    holders: RefCell<HashMap<usize, Holder, BuildHasherDefault<AddressHasher>>>,
}

/// How many handles there are to an object.
#[derive(Clone, Copy, Default)]
struct Handles {
    /// Those that nobody will ask for.
    held: usize,
    /// Those of host objects, which the host's collector asks.
    asked: usize,
}

/// An entity with slots. It takes itself out of the list before it is freed.
#[derive(Clone, Copy)]
pub(crate) enum Holder {
    Table(*const TableInst),
    Global(*const GlobalInst),
    Instance(*const Instance),
}

impl Holder {
    fn key(self) -> usize {
        match self {
            Self::Table(table) => table as usize,
            Self::Global(global) => global as usize,
            Self::Instance(instance) => instance as usize,
        }
    }
}

impl Holder {
    /// Visits the objects that its slots refer to. Only for one that is listed.
    pub(super) fn for_each_object(self, visit: &mut dyn FnMut(u32)) {
        // SAFETY: an entity is only listed while it is alive.
        unsafe {
            match self {
                Self::Table(table) => (*table).for_each_object(visit),
                Self::Global(global) => (*global).for_each_object(visit),
                Self::Instance(instance) => (*instance).for_each_object(visit),
            }
        }
    }
}

impl Roots {
    #[inline]
    pub(super) fn scoped(&self) -> usize {
        self.len.get()
    }

    #[inline]
    pub(super) fn truncate(&self, len: usize) {
        if self.len.get() > len {
            self.scoped.borrow_mut().truncate(len);
            self.len.set(len);
        }
    }

    /// Lets the open scope hold a reference.
    pub(super) fn push(&self, reference: u32) {
        self.scoped.borrow_mut().push(reference);
        self.len.set(self.len.get() + 1);
    }

    /// Whether an open scope holds a reference. What is asked for was nearly always pushed just before.
    pub(super) fn holds(&self, reference: u32) -> bool {
        self.scoped.borrow().iter().rev().any(|held| *held == reference)
    }

    pub(super) fn list(&self, holder: Holder) {
        self.holders.borrow_mut().insert(holder.key(), holder);
    }

    pub(super) fn unlist(&self, holder: Holder) {
        self.holders.borrow_mut().remove(&holder.key());
    }

    fn retain(&self, reference: u32) {
        self.handles.borrow_mut().entry(reference as usize).or_default().held += 1;
    }

    fn release(&self, reference: u32) {
        self.change(reference, |handles| handles.held -= 1);
    }

    fn change(&self, reference: u32, change: impl FnOnce(&mut Handles)) {
        let mut all = self.handles.borrow_mut();
        if let Some(handles) = all.get_mut(&(reference as usize)) {
            change(handles);
            if handles.held + handles.asked == 0 {
                all.remove(&(reference as usize));
            }
        }
    }

    /// Visits every root.
    pub(super) fn for_each(&self, visit: &mut dyn FnMut(u32)) {
        self.for_each_scoped(visit);
        self.for_each_handle(true, visit);
        for holder in self.holders.borrow().values() {
            holder.for_each_object(visit);
        }
    }

    /// Visits what scopes hold.
    pub(super) fn for_each_scoped(&self, visit: &mut dyn FnMut(u32)) {
        for reference in self.scoped.borrow().iter() {
            visit(*reference);
        }
    }

    /// Visits the objects that host objects hold.
    pub(super) fn for_each_asked(&self, visit: &mut dyn FnMut(u32)) {
        for (reference, handles) in self.handles.borrow().iter() {
            if handles.asked > 0 {
                visit(*reference as u32);
            }
        }
    }

    /// Visits the objects that handles name; those of host objects only if so asked.
    pub(super) fn for_each_handle(&self, host_objects: bool, visit: &mut dyn FnMut(u32)) {
        for (reference, handles) in self.handles.borrow().iter() {
            if host_objects || handles.held > 0 {
                visit(*reference as u32);
            }
        }
    }
}

/// A handle to an object of the heap: a structure, an array or an exception. It keeps the object, and everything that the object reaches.
///
/// Two are equal exactly when they name the same object.
pub struct ObjectRef {
    agent: Agent,
    reference: u32,
}

impl ObjectRef {
    /// A handle to an object that is there.
    pub(super) fn new(agent: &Agent, reference: u32) -> Self {
        debug_assert!(reference != 0 && reference & OBJECT_MASK == 0);
        agent.inner().heap.roots.retain(reference);
        Self { agent: agent.clone(), reference }
    }

    /// A handle to the object that wasm means by a reference.
    pub(crate) fn of_raw(agent: &Agent, reference: u32) -> Result<Self, Misuse> {
        match agent.inner().heap.kind(reference) {
            Some(_) => Ok(Self::new(agent, reference)),
            None => Err(Misuse::BadReference),
        }
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// A number that tells the object from every other one of its agent, as long as it lives. Objects do not move.
    pub fn id(&self) -> u32 {
        self.reference
    }

    pub(crate) fn reference(&self) -> u32 {
        self.reference
    }
}

impl Clone for ObjectRef {
    fn clone(&self) -> Self {
        Self::new(&self.agent, self.reference)
    }
}

impl Drop for ObjectRef {
    fn drop(&mut self) {
        self.agent.inner().heap.roots.release(self.reference);
    }
}

impl PartialEq for ObjectRef {
    fn eq(&self, other: &Self) -> bool {
        self.reference == other.reference && self.agent.same(&other.agent)
    }
}

impl Eq for ObjectRef {}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectRef({:#x})", self.reference)
    }
}

/// What a host object owns that stands for an object of the heap: a handle that the host's collector asks for.
pub struct ObjectBody {
    agent: Agent,
    reference: u32,
    /// Whether the host object was made, so that it is asked.
    asked: Rc<Cell<bool>>,
}

impl ObjectRef {
    /// Makes a host object that owns a handle to the object, and reports what it holds by [`ObjectBody::trace`].
    ///
    /// `make` creates the host object with the [`ObjectBody`] in it and names it. When `make` fails, nothing has changed.
    pub fn adopt<E>(&self, make: impl FnOnce(ObjectBody) -> Result<Keeper, E>) -> Result<(), E> {
        let asked = Rc::new(Cell::new(false));
        self.agent.inner().heap.roots.retain(self.reference);
        make(ObjectBody { agent: self.agent.clone(), reference: self.reference, asked: Rc::clone(&asked) })?;
        if Rc::strong_count(&asked) > 1 {
            self.agent.inner().heap.roots.change(self.reference, |handles| {
                handles.held -= 1;
                handles.asked += 1;
            });
            asked.set(true);
        }
        Ok(())
    }
}

impl ObjectBody {
    /// A handle to the object.
    pub fn handle(&self) -> ObjectRef {
        ObjectRef::new(&self.agent, self.reference)
    }

    /// The number of the object, as [`ObjectRef::id`].
    pub fn id(&self) -> u32 {
        self.reference
    }

    /// Reports what the object holds, and all that it reaches in the heap: each edge once for every count, by the first that reaches it. See
    /// [`Agent::host_collection`].
    pub fn trace(&self, visit: &mut dyn FnMut(Edge)) {
        lifetimes::trace_object(&self.agent, self.reference, visit);
    }
}

impl Drop for ObjectBody {
    fn drop(&mut self) {
        let asked = self.asked.get();
        self.agent.inner().heap.roots.change(self.reference, |handles| {
            *if asked { &mut handles.asked } else { &mut handles.held } -= 1;
        });
    }
}

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectBody({:#x})", self.reference)
    }
}

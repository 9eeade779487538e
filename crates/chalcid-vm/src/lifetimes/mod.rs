//! The entities of an agent, and who finds those that only reach each other.
//!
//! - [`graph`] walks what the agent owns and no host counts: entities without keeper, and the heap.
//! - [`cycles`] finds garbage in it where there is no host: in plain Rust.
//! - [`deferred`] keeps what frames may rely on.
//! - [`host`] tells the collector of a host what lies between the objects and values that the host counts.

use std::cell::Cell;
use std::ptr::NonNull;

use crate::entity::Header;

mod cycles;
mod deferred;
mod graph;
mod host;

pub(crate) use cycles::collect_cycles;
pub(crate) use deferred::Deferred;
pub use host::Phase;
pub(crate) use host::{HostCollection, trace_handle, trace_object, trace_parts};

/// A list of all entity boxes, linked through their headers.
pub(crate) struct EntityList {
    first: Cell<*const Header>,
    len: Cell<usize>,
    /// Number of entities at which the next collection is due.
    due: Cell<usize>,
    /// Number of entities without keeper that have several handles.
    shared: Cell<usize>,
}

/// No collection below this many entities.
const SMALLEST_DUE: usize = 4096;

impl Default for EntityList {
    fn default() -> Self {
        Self {
            first: Cell::new(std::ptr::null()),
            len: Cell::new(0),
            due: Cell::new(SMALLEST_DUE),
            shared: Cell::new(0),
        }
    }
}

impl EntityList {
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    pub(crate) fn is_due(&self) -> bool {
        self.len.get() >= self.due.get()
    }

    /// Whether an entity without keeper has several handles.
    fn has_shared(&self) -> bool {
        self.shared.get() > 0
    }

    /// Counts an entity without keeper that has several handles now, or has no longer.
    pub(crate) fn count_shared(&self, more: bool) {
        self.shared.set(if more { self.shared.get() + 1 } else { self.shared.get() - 1 });
    }

    fn set_due(&self) {
        self.due.set(self.len.get().saturating_mul(2).max(SMALLEST_DUE));
    }

    pub(crate) fn link(&self, header: NonNull<Header>) {
        let first = self.first.get();
        // SAFETY: the new header and the first of the list are alive; their links are cells.
        unsafe {
            header.as_ref().next.set(first);
            header.as_ref().prev.set(std::ptr::null());
            if let Some(first) = first.as_ref() {
                first.prev.set(header.as_ptr());
            }
        }
        self.first.set(header.as_ptr());
        self.len.set(self.len.get() + 1);
    }

    pub(crate) fn unlink(&self, header: NonNull<Header>) {
        // SAFETY: the header is in the list, and so are its neighbours, alive.
        unsafe {
            let (prev, next) = (header.as_ref().prev.get(), header.as_ref().next.get());
            match prev.as_ref() {
                Some(prev) => prev.next.set(next),
                None => self.first.set(next),
            }
            if let Some(next) = next.as_ref() {
                next.prev.set(prev);
            }
        }
        self.len.set(self.len.get() - 1);
    }

    /// All entities. Nothing may be linked or unlinked meanwhile.
    fn iter(&self) -> impl Iterator<Item = NonNull<Header>> {
        let mut current = self.first.get();
        std::iter::from_fn(move || {
            let header = NonNull::new(current.cast_mut())?;
            // SAFETY: the header is in the list, so it is alive.
            current = unsafe { header.as_ref() }.next.get();
            Some(header)
        })
    }
}

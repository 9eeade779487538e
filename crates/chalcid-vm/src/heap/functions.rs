//! Functions that objects refer to.
//!
//! A field holds a function by its number in a table that code reads (`vmagent::HEAP_FUNCS`), so that the heap holds no pointer. A function has one
//! number, and the table keeps what keeps the function. The collector frees numbers that no object holds.
//!
//! A number that was asked for since the last collection survives the next: it is on its way into a field.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::ptr::NonNull;

use super::HeapFull;
use crate::entity::Header;
use crate::func::FuncOwner;
use crate::owners::AddressHasher;
use crate::vmcontext::{VMAgent, VMFuncRef};

/// What code reads before there is a table: null at place 0, where it looks when a number is beyond the table's length.
pub(crate) fn no_functions() -> *const *mut VMFuncRef {
    static NULL: usize = 0;
    std::ptr::from_ref(&NULL).cast()
}

/// The table.
#[derive(Default)]
pub(super) struct HeapFuncs {
    /// Place 0 is null.
    pointers: Vec<*mut VMFuncRef>,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_pointer: HashMap<usize, u32, BuildHasherDefault<AddressHasher>>,
}

struct Entry {
    owner: FuncOwner,
    marked: bool,
    recent: bool,
}

impl HeapFuncs {
    /// The number of a function that has one.
    pub(super) fn find(&mut self, func: NonNull<VMFuncRef>) -> Option<u32> {
        let number = *self.by_pointer.get(&(func.as_ptr() as usize))?;
        if let Some(Some(entry)) = self.entries.get_mut(number as usize) {
            entry.recent = true;
        }
        Some(number)
    }

    /// Gives a number to a function that has none; `owner` keeps the function.
    pub(super) fn insert(
        &mut self,
        vm: &VMAgent,
        func: NonNull<VMFuncRef>,
        owner: FuncOwner,
    ) -> Result<u32, (HeapFull, FuncOwner)> {
        // The pointers last: once they have moved, code has to hear of it.
        let room = self.pointers.len() < u32::MAX as usize
            && self.by_pointer.try_reserve(1).is_ok()
            && self.entries.try_reserve(2).is_ok()
            && self.free.try_reserve(1).is_ok()
            && self.pointers.try_reserve(2).is_ok();
        if !room {
            return Err((HeapFull, owner));
        }
        if self.pointers.is_empty() {
            self.pointers.push(std::ptr::null_mut());
            self.entries.push(None);
        }
        let entry = Some(Entry { owner, marked: false, recent: true });
        let number = match self.free.pop() {
            Some(number) => {
                self.pointers[number as usize] = func.as_ptr();
                self.entries[number as usize] = entry;
                number
            }
            None => {
                self.pointers.push(func.as_ptr());
                self.entries.push(entry);
                self.pointers.len() as u32 - 1
            }
        };
        self.by_pointer.insert(func.as_ptr() as usize, number);
        vm.heap_funcs.set(self.pointers.as_ptr());
        vm.heap_funcs_len.set(self.pointers.len() as u64);
        Ok(number)
    }

    /// The function of a number.
    pub(super) fn get(&self, number: u32) -> Option<NonNull<VMFuncRef>> {
        NonNull::new(*self.pointers.get(number as usize)?)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_pointer.is_empty()
    }

    pub(super) fn begin_marking(&mut self) {
        for entry in self.entries.iter_mut().flatten() {
            entry.marked = false;
        }
    }

    /// Marks a number; whether it was not marked before.
    pub(super) fn mark(&mut self, number: u32) -> bool {
        match self.entries.get_mut(number as usize) {
            Some(Some(entry)) => !std::mem::replace(&mut entry.marked, true),
            _ => false,
        }
    }

    /// What keeps the function of a number.
    pub(super) fn owner(&self, number: u32) -> Option<NonNull<Header>> {
        Some(self.entries.get(number as usize)?.as_ref()?.owner.header())
    }

    /// Visits what keeps the functions, once for each.
    pub(super) fn for_each_owner(&self, visit: &mut dyn FnMut(NonNull<Header>)) {
        for entry in self.entries.iter().flatten() {
            visit(entry.owner.header());
        }
    }

    /// The numbers that are not marked.
    pub(super) fn unmarked(&self) -> impl Iterator<Item = u32> {
        let is_unmarked = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| !entry.marked);
        let unmarked = self.entries.iter().enumerate().filter(move |(_, entry)| is_unmarked(entry));
        unmarked.map(|(number, _)| number as u32)
    }

    /// Frees the numbers that are not marked; what kept their functions is the caller's to let go.
    /// Recent ones are freed too unless `keep_recent`.
    pub(super) fn sweep(&mut self, keep_recent: bool) -> Vec<FuncOwner> {
        let mut unused = Vec::new();
        for (number, slot) in self.entries.iter_mut().enumerate() {
            let Some(entry) = slot else { continue };
            let keep = entry.marked | (std::mem::take(&mut entry.recent) & keep_recent);
            if !keep {
                unused.push(number as u32);
            }
        }
        unused.into_iter().filter_map(|number| self.take(number)).collect()
    }

    /// Frees a number; what kept its function is the caller's to let go.
    pub(super) fn take(&mut self, number: u32) -> Option<FuncOwner> {
        let entry = self.entries.get_mut(number as usize)?.take()?;
        let pointer = std::mem::replace(&mut self.pointers[number as usize], std::ptr::null_mut());
        self.by_pointer.remove(&(pointer as usize));
        self.free.push(number);
        Some(entry.owner)
    }
}

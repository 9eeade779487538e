//! A multiset of what keeps the functions of a table alive.
//!
//! A table holds plain `VMFuncRef` pointers, since machine code reads them. For each it counts the function's owner here: one handle
//! for every owner, however many of its functions the table holds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::NonNull;

use crate::entity::Tracer;
use crate::func::{FuncInst, FuncOwner};
use crate::vmcontext::VMFuncRef;

#[derive(Default)]
pub(crate) struct Owners(RefCell<HashMap<usize, (FuncOwner, usize), BuildHasherDefault<AddressHasher>>>);

/// Mixes the address of a context. Guests choose neither addresses nor the order in which they are given out.
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        let mixed = (self.0 ^ address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// The key of a function's owner: its context.
fn key(func: NonNull<VMFuncRef>) -> usize {
    // SAFETY: the caller's table or frame keeps the function, and a `VMFuncRef` is immutable once made.
    unsafe { func.as_ref() }.vmctx as usize
}

impl Owners {
    /// Whether two functions, or nulls, have the same owner.
    ///
    /// # Safety
    /// The functions must be alive.
    pub(crate) unsafe fn are_same(a: Option<NonNull<VMFuncRef>>, b: Option<NonNull<VMFuncRef>>) -> bool {
        a.map(key) == b.map(key)
    }

    /// Counts the owner of a function `times` more.
    ///
    /// # Safety
    /// The function must be alive.
    pub(crate) unsafe fn add(&self, func: NonNull<VMFuncRef>, times: usize) {
        if times == 0 {
            return;
        }
        let key = key(func);
        if let Some((_, count)) = self.0.borrow_mut().get_mut(&key) {
            *count += times;
            return;
        }
        // Making a handle may call the host, which must not find the map borrowed.
        // SAFETY: the caller says that the function is alive.
        let owner = unsafe { FuncInst::from_vm(func) }.into_owner();
        self.0.borrow_mut().entry(key).or_insert((owner, 0)).1 += times;
    }

    /// Counts the owner of a function once less. The last handle is kept until no frame can rely on it.
    ///
    /// # Safety
    /// `add` was called for the function.
    pub(crate) unsafe fn remove(&self, func: NonNull<VMFuncRef>) {
        let key = key(func);
        let last = {
            let mut owners = self.0.borrow_mut();
            match owners.get_mut(&key) {
                Some((_, count)) if *count > 1 => {
                    *count -= 1;
                    None
                }
                _ => owners.remove(&key),
            }
        };
        if let Some((owner, _)) = last {
            owner.defer();
        }
    }

    pub(crate) fn trace(&self, tracer: &mut Tracer<'_>) {
        for (owner, _) in self.0.borrow().values() {
            owner.trace(tracer);
        }
    }

    pub(crate) fn clear(&self) {
        let owners = self.0.take();
        for (owner, _) in owners.into_values() {
            owner.defer();
        }
    }
}

//! The exports object of an instance, whose values are made when they are first asked for.
//!
//! JS API, section "Instances", "create an exports object". The text makes the object of every export at once; nobody can tell when it was made,
//! and most programs use few of the exports that there are. What is made stays the same: the object remembers it, and so does
//! the entity or the instance's record.

use std::cell::RefCell;
use std::rc::Rc;

use chalcid::Extern;

use crate::errors::type_error;
use crate::exported_function::{InstanceRecord, a_new_exported_function};
use crate::global::create_a_global_object;
use crate::host::{Host, PlatformObject, Tracer};
use crate::memory::create_a_memory_object;
use crate::module::ModuleObject;
use crate::table::create_a_table_object;
use crate::tag::create_a_tag_object;
use crate::webidl::{Completion, slots_of};

/// What the exports object of an instance says: its names, in module order, and their values.
pub struct ExportsObject<H: Host> {
    /// The record that keeps the instance.
    record: H::Value,
    module_object: Rc<ModuleObject<H>>,
    /// By position; empty until there is one.
    values: RefCell<Box<[Option<H::Value>]>>,
}

impl<H: Host> PlatformObject<H> for ExportsObject<H> {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        tracer.value(&self.record);
        for value in self.values.borrow().iter().flatten() {
            tracer.value(value);
        }
    }
}

impl<H: Host> ExportsObject<H> {
    /// What the exports object of an instance, which a record keeps, will say.
    pub(crate) fn new(record: H::Value, module_object: Rc<ModuleObject<H>>) -> Rc<Self> {
        Rc::new(Self { record, module_object, values: RefCell::default() })
    }

    /// The names of the exports, as [`Host::export_names`] has made them. No two are the same.
    #[inline]
    pub fn names(&self, host: &H) -> Completion<H, &H::ExportNames> {
        self.module_object.export_names(host)
    }

    /// How many exports there are.
    pub fn len(&self) -> usize {
        self.module_object.module.exports().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of the export at a position, in the realm of the instance. Throws where there is no room to make it.
    #[inline]
    pub fn value(&self, host: &H, position: usize) -> Completion<H> {
        let made = self.values.borrow().get(position).and_then(Clone::clone);
        match made {
            Some(value) => Ok(value),
            None => self.make(host, position),
        }
    }

    #[inline(never)]
    fn make(&self, host: &H, position: usize) -> Completion<H> {
        let instance = slots_of::<H, InstanceRecord<H>>(host, &self.record).map(|record| record.instance());
        // 2.1. Let externval be instance_export(instance, name).
        let externval = instance.and_then(|instance| instance.export_at(position));
        let externval = externval.ok_or_else(|| type_error(host, "the instance is gone"))?;
        // 2.3 to 2.7. Let value be the object that is created from the address.
        let value = object_of_an_address(host, &externval)?;
        let mut values = self.values.borrow_mut();
        if values.is_empty() {
            *values = (0..self.len()).map(|_| None).collect();
        }
        if let Some(slot) = values.get_mut(position) {
            // Nobody was asked meanwhile, so nothing was there.
            debug_assert!(slot.is_none());
            *slot = Some(value.clone());
        }
        Ok(value)
    }
}

/// The object that is created from the address of an entity: the one that it has, or one that is made now.
pub(crate) fn object_of_an_address<H: Host>(host: &H, externval: &Extern) -> Completion<H> {
    match externval {
        Extern::Func(func) => a_new_exported_function(host, func),
        Extern::Global(global) => create_a_global_object(host, global),
        Extern::Memory(memory) => create_a_memory_object(host, memory),
        Extern::Table(table) => create_a_table_object(host, table),
        Extern::Tag(tag) => create_a_tag_object(host, tag),
    }
}

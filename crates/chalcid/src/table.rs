//! Tables.

use chalcid_vm::{Strong, TableInst};

use crate::host::raw;
use crate::types::{TableType, ValType};
use crate::{Agent, Error, Misuse, ResourceError, Val};

pub use chalcid_vm::TableError;

/// A table. Cloning gives another handle to the same one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table(Strong<TableInst>);

raw! {
    Table: TableInst;
}

impl Table {
    /// A table of its minimum size, every element holding a value.
    pub fn new(agent: &Agent, ty: TableType, init: Val) -> Result<Self, Error> {
        init.check(agent, ValType::Ref(ty.element))?;
        let table = Self(TableInst::new(agent.raw(), ty)?);
        if !init.is_null() {
            table.fill(0, init, ty.limits.min)?;
        }
        Ok(table)
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        Agent::from_raw(self.0.agent())
    }

    /// Its type. The minimum is the one it was made with, not its current size.
    pub fn ty(&self) -> TableType {
        *self.0.ty()
    }

    /// Current number of elements.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// An element; `None` outside the table.
    pub fn get(&self, index: u64) -> Option<Val> {
        let value = self.0.get(index)?;
        Some(Val::from_ref(&self.agent(), value, self.0.ty().element))
    }

    /// Sets an element.
    pub fn set(&self, index: u64, value: Val) -> Result<(), Error> {
        self.fill(index, value, 1)
    }

    /// Sets a range of elements to one value.
    pub fn fill(&self, start: u64, value: Val, len: u64) -> Result<(), Error> {
        let value = self.element(&value)?;
        Ok(self.0.fill(start, &value, len)?)
    }

    /// Adds elements that hold a value; returns the size before.
    pub fn grow(&self, delta: u64, value: Val) -> Result<u64, Error> {
        let value = self.element(&value)?;
        Ok(self.0.grow(delta, &value)?)
    }

    fn element(&self, value: &Val) -> Result<chalcid_vm::RefValue, Misuse> {
        let ty = ValType::Ref(self.0.ty().element);
        value.check(&self.agent(), ty)?;
        value.to_ref().ok_or(Misuse::wrong_type(ty, "a number"))
    }
}

impl From<TableError> for Error {
    fn from(error: TableError) -> Self {
        match error {
            TableError::OutOfBounds => Misuse::OutOfBounds.into(),
            error => ResourceError::new(error.to_string()).into(),
        }
    }
}

//! Globals.

use chalcid_vm::{GlobalInst, Strong};

use crate::host::raw;
use crate::types::GlobalType;
use crate::{Agent, Error, Misuse, Val};

/// A global. Cloning gives another handle to the same one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Global(Strong<GlobalInst>);

raw! {
    Global: GlobalInst;
}

impl Global {
    /// A global that holds a value.
    pub fn new(agent: &Agent, ty: GlobalType, value: Val) -> Result<Self, Error> {
        let value = value.to_global(agent, ty.content)?;
        let global = GlobalInst::new(agent.raw(), ty, &value).map_err(|_| Misuse::UnknownType)?;
        Ok(Self(global))
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        Agent::from_raw(self.0.agent())
    }

    /// Its type.
    pub fn ty(&self) -> GlobalType {
        *self.0.ty()
    }

    /// Its value.
    pub fn get(&self) -> Val {
        Val::from_global(&self.agent(), self.0.get(), self.0.ty().content)
    }

    /// Sets its value, if it is mutable.
    pub fn set(&self, value: Val) -> Result<(), Error> {
        let ty = self.0.ty();
        if !ty.mutable {
            return Err(Misuse::Immutable.into());
        }
        let value = value.to_global(&self.agent(), ty.content)?;
        self.0.set(&value).map_err(|_| Misuse::UnknownType)?;
        Ok(())
    }
}

//! Tags.

use chalcid_vm::{Strong, TagInst};

use crate::host::raw;
use crate::types::{DefTypeId, FuncType};
use crate::{Agent, Error, Misuse, ResourceError};

/// A tag: the identity of a kind of exception. Cloning gives another handle to the same one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag(Strong<TagInst>);

raw! {
    Tag: TagInst;
}

impl Tag {
    /// A tag whose exceptions carry values of the parameter types.
    pub fn new(agent: &Agent, ty: FuncType) -> Result<Self, Error> {
        let engine = agent.engine();
        let registered = engine.types().register_func(ty).map_err(|_| Misuse::UnknownType)?;
        let signature = engine.signature(registered.id()).ok_or(Misuse::UnknownType)?;
        Ok(Self(TagInst::new(agent.raw(), &signature)))
    }

    /// The tag of the values that the agent's host throws: for JavaScript, `WebAssembly.JSTag`. Its exceptions carry one `externref`, the value. An agent has
    /// one at a time.
    pub fn of_host(agent: &Agent) -> Result<Self, Error> {
        agent.raw().host_tag().map(Self).map_err(|error| ResourceError::new(error.to_string()).into())
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        Agent::from_raw(self.0.agent())
    }

    /// Its type.
    pub fn ty(&self) -> FuncType {
        self.0.signature().ty().clone()
    }

    /// The engine-wide identity of its type.
    pub fn type_id(&self) -> DefTypeId {
        self.0.type_id()
    }
}

//! What the interface keeps for a realm.
//!
//! The object caches of the text (section "WebAssembly JS Object Caches") need no maps: each entity of the engine knows the object
//! that was made for it, its keeper; an instance's record and a host function's record hold the Exported Functions.

use chalcid::{Agent, Engine};

use crate::errors;
use crate::host::{Host, Tracer};

/// The interfaces and error classes whose prototypes a realm keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Interface {
    /// `WebAssembly.Module`
    Module,
    /// `WebAssembly.Instance`
    Instance,
    /// `WebAssembly.Memory`
    Memory,
    /// `WebAssembly.Table`
    Table,
    /// `WebAssembly.Global`
    Global,
    /// `WebAssembly.Tag`
    Tag,
    /// `WebAssembly.Exception`
    Exception,
    /// `WebAssembly.CompileError`
    CompileError,
    /// `WebAssembly.LinkError`
    LinkError,
    /// `WebAssembly.RuntimeError`
    RuntimeError,
}

impl Interface {
    /// How many there are.
    pub const COUNT: usize = Self::RuntimeError as usize + 1;

    /// The name without the namespace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Module => "Module",
            Self::Instance => "Instance",
            Self::Memory => "Memory",
            Self::Table => "Table",
            Self::Global => "Global",
            Self::Tag => "Tag",
            Self::Exception => "Exception",
            Self::CompileError => "CompileError",
            Self::LinkError => "LinkError",
            Self::RuntimeError => "RuntimeError",
        }
    }
}

/// The data of a realm: its agent, and the prototypes of the interfaces.
pub struct Realm<H: Host> {
    agent: Agent,
    prototypes: [H::Value; Interface::COUNT],
}

impl<H: Host> Realm<H> {
    /// The data of a realm whose interfaces were made.
    pub(crate) fn new(agent: Agent, prototypes: [H::Value; Interface::COUNT]) -> Self {
        Self { agent, prototypes }
    }

    /// The agent: the store and what belongs to the thread.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The engine that compiles.
    pub fn engine(&self) -> &Engine {
        self.agent.engine()
    }

    /// The interface prototype object.
    pub fn prototype(&self, interface: Interface) -> &H::Value {
        &self.prototypes[interface as usize]
    }

    /// Reports every value the data holds.
    pub fn trace(&self, tracer: &mut dyn Tracer<H>) {
        for prototype in &self.prototypes {
            tracer.value(prototype);
        }
    }
}

/// The realm's data; a TypeError where WebAssembly was not installed.
pub(crate) fn realm_of<H: Host>(host: &H) -> Result<std::rc::Rc<Realm<H>>, H::Value> {
    host.realm().ok_or_else(|| errors::type_error(host, "WebAssembly is not available in this realm"))
}

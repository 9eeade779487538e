//! What an embedder passes between JavaScript and Rust: the entity behind an object, and the object of an entity.

use chalcid::{Extern, Instance, Module};

use crate::agent::realm_of;
use crate::compile_options::VirtualImports;
use crate::errors::type_error;
use crate::exported_function::{InstanceRecord, function_of};
use crate::exports_object::object_of_an_address;
use crate::global::GlobalObject;
use crate::host::Host;
use crate::instance::InstanceObject;
use crate::memory::MemoryObject;
use crate::module::{ModuleObject, construct_a_webassembly_module_object};
use crate::table::TableObject;
use crate::tag::TagObject;
use crate::webidl::{Completion, slots_of};

/// The module of a Module object; `None` for every other value.
pub fn module_of<H: Host>(host: &H, value: &H::Value) -> Option<Module> {
    Some(slots_of::<H, ModuleObject<H>>(host, value)?.module.clone())
}

/// What a Module object is made of, apart from any realm: for structured clones in other realms, runtimes and threads.
#[derive(Clone, Debug)]
pub struct SerializedModule {
    module: Module,
    virtual_imports: VirtualImports,
}

impl SerializedModule {
    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }
}

/// The serialization steps of a Module object; `None` for every other value.
///
/// WebAssembly Web API, section "Serialization". The code goes along: nothing is compiled again.
pub fn serialize_module<H: Host>(host: &H, value: &H::Value) -> Option<SerializedModule> {
    let slots = slots_of::<H, ModuleObject<H>>(host, value)?;
    Some(SerializedModule { module: slots.module.clone(), virtual_imports: slots.virtual_imports.clone() })
}

/// The deserialization steps of a Module object. A realm whose engine is another one is of another agent cluster.
pub fn deserialize_module<H: Host>(host: &H, serialized: &SerializedModule) -> Completion<H> {
    let SerializedModule { module, virtual_imports } = serialized.clone();
    if realm_of(host)?.engine() != module.engine() {
        return Err(type_error(host, "WebAssembly.Module: the module belongs to another engine"));
    }
    construct_a_webassembly_module_object(host, module, virtual_imports)
}

/// A new Module object.
pub fn new_module_object<H: Host>(host: &H, module: Module) -> Completion<H> {
    construct_a_webassembly_module_object(host, module, VirtualImports::default())
}

/// The instance of an Instance object; `None` for every other value.
pub fn instance_of<H: Host>(host: &H, value: &H::Value) -> Option<Instance> {
    let object = slots_of::<H, InstanceObject<H>>(host, value)?;
    Some(slots_of::<H, InstanceRecord<H>>(host, object.record())?.instance())
}

/// What an Exported Function, a Memory, Table, Global or Tag object stands for; `None` for every other value.
pub fn extern_of<H: Host>(host: &H, value: &H::Value) -> Option<Extern> {
    if let Some(object) = slots_of::<H, MemoryObject<H>>(host, value) {
        return Some(Extern::Memory(object.memory()));
    }
    if let Some(object) = slots_of::<H, TableObject>(host, value) {
        return Some(Extern::Table(object.table()));
    }
    if let Some(object) = slots_of::<H, GlobalObject>(host, value) {
        return Some(Extern::Global(object.global()));
    }
    if let Some(object) = slots_of::<H, TagObject>(host, value) {
        return Some(Extern::Tag(object.tag()));
    }
    function_of(host, value).map(Extern::Func)
}

/// The object of an entity of the realm's agent: the one that it has, or one that is made now.
pub fn object_of<H: Host>(host: &H, entity: &Extern) -> Completion<H> {
    object_of_an_address(host, entity)
}

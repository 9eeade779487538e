//! Tags: the Tag interface.
//!
//! JS API, section "Tags".

use std::rc::Rc;

use chalcid::Tag;
use chalcid::host::{Adopt, Body};
use chalcid::types::FuncType;

use crate::agent::{Interface, realm_of};
use crate::errors::range_error;
use crate::global::to_value_type;
use crate::host::{Call, Host, PlatformObject, Tracer};
use crate::webidl::{self, Completion, Dictionary, What};

/// The internal slots of a Tag object, which is the keeper of its tag.
pub struct TagObject {
    /// `[[Address]]`
    body: Body<Tag>,
}

impl<H: Host> PlatformObject<H> for TagObject {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        self.body.trace(&mut |edge| tracer.edge(edge));
    }
}

impl TagObject {
    /// The tag.
    pub fn tag(&self) -> Tag {
        self.body.handle()
    }
}

/// "Initialize a Tag object": makes the object, with a prototype, that keeps a tag which has none yet.
fn initialize_a_tag_object<H: Host>(host: &H, tag: &Tag, prototype: &H::Value) -> Completion<H> {
    // 3. Set tag.[[Address]] to tagAddress.
    // 4. Set map[tagAddress] to tag.
    webidl::keep(host, tag, Some(prototype), |body| Rc::new(TagObject { body }))
}

/// "Create a Tag object": the Tag object of a tag.
pub(crate) fn create_a_tag_object<H: Host>(host: &H, tag: &Tag) -> Completion<H> {
    // 2. If map[tagAddress] exists, return map[tagAddress].
    if let Some(object) = tag.host_object() {
        return Ok(host.keeper_object(object));
    }
    // 3. Let tag be a new Tag.
    // 4. Initialize tag from tagAddress.
    // 5. Return tag.
    initialize_a_tag_object(host, tag, realm_of(host)?.prototype(Interface::Tag))
}

/// The interface object and the interface prototype object.
pub(crate) fn create_the_tag_interface<H: Host>(host: &H) -> Completion<H, (H::Value, H::Value)> {
    webidl::create_an_interface(host, Interface::Tag, 1, constructor)
}

/// `new Tag(type)`
fn constructor<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Tag()";
    const PARAMETERS: What = What::Member(CALLER, "parameters");
    let new_target = webidl::require_new(host, call, Interface::Tag)?;
    let ty = Dictionary::new(host, call, 0, CALLER, "a tag type")?;
    // 1. Let parameters be type["parameters"].
    let parameters = ty.required(CALLER, "parameters")?;
    // 2. Let wasmParameters be «».
    // 3. For each paramType of parameters, append ToValueType(paramType) to wasmParameters.
    let params = webidl::sequence(host, &parameters, PARAMETERS, |param| to_value_type(host, param, PARAMETERS))?;
    let prototype = webidl::prototype_from_new_target(host, new_target, Interface::Tag)?;
    // 5. Let (store, tagAddress) be tag_alloc(store, wasmParameters → « »).
    let tag = Tag::new(realm_of(host)?.agent(), FuncType { params: params.into(), results: Box::new([]) })
        .map_err(|error| range_error(host, format_args!("{CALLER}: {error}")))?;
    // 7. Initialize this from tagAddress.
    initialize_a_tag_object(host, &tag, &prototype)
}

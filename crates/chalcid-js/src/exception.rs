//! Exceptions: the Exception interface, the JavaScript exception tag, and what passes between the two languages when something is thrown.
//!
//! JS API, section "Exceptions". A value that JavaScript throws passes through WebAssembly as it is: the engine makes an exception of
//! the JavaScript exception tag of it only where code catches it.

use std::rc::Rc;

use chalcid::host::{AdoptObject, ObjectBody};
use chalcid::types::{FuncType, ValType};
use chalcid::{Error, Exception, Tag};

use crate::agent::{Interface, realm_of};
use crate::conversions::{to_js_value, to_webassembly_value};
use crate::errors::{range_error, type_error};
use crate::global::is_opaque_to_javascript;
use crate::host::{Attributes, Call, FunctionKind, Host, Key, PlatformObject, Tracer};
use crate::tag::{TagObject, create_a_tag_object};
use crate::webidl::{self, Completion, Dictionary, What};

/// The internal slots of an Exception object.
pub struct ExceptionObject<H: Host> {
    host: H,
    /// `[[Address]]`, which knows `[[Type]]` and `[[Payload]]`.
    exception: ObjectBody<Exception>,
    /// `[[Stack]]`
    stack: H::Value,
}

impl<H: Host> PlatformObject<H> for ExceptionObject<H> {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        tracer.value(&self.stack);
        self.exception.trace(&mut |edge| tracer.edge(edge));
    }
}

impl<H: Host> Drop for ExceptionObject<H> {
    fn drop(&mut self) {
        // Only the object that is in the cache has slots with this number.
        self.host.forget_heap_object(self.exception.id());
    }
}

/// "Initialize an Exception object": makes the object, with a prototype.
fn initialize_an_exception_object<H: Host>(
    host: &H,
    exception: &Exception,
    stack: H::Value,
    prototype: &H::Value,
) -> Completion<H> {
    let id = exception.id();
    let mut made = None;
    exception.adopt(|exception| {
        let slots = Rc::new(ExceptionObject { host: host.clone(), exception, stack });
        let object = host.new_platform_object(Some(prototype), slots)?;
        let keeper = host.keeper(&object);
        made = Some(object);
        Ok(keeper)
    })?;
    let object = made.unwrap_or_else(|| host.undefined());
    // 4. Set map[exnAddress] to exn.
    host.remember_heap_object(id, &object);
    Ok(object)
}

/// "Create an Exception object" from an exception address.
fn create_an_exception_object<H: Host>(host: &H, exception: &Exception) -> Completion<H> {
    // 2. If map[exnAddress] exists, return map[exnAddress].
    if let Some(object) = host.heap_object(exception.id()) {
        return Ok(object);
    }
    // 3. Let exn be a new Exception.
    // 4. Initialize exn from exnAddress.
    let realm = realm_of(host)?;
    initialize_an_exception_object(host, exception, host.undefined(), realm.prototype(Interface::Exception))
}

/// Steps 10 of "call an Exported Function": what is thrown for an exception that nobody caught.
pub(crate) fn thrown_value<H: Host>(host: &H, exception: Exception) -> H::Value {
    let value = || {
        // 10.3. Let jsTagAddr be the result of getting the JavaScript exception tag.
        let js_tag = get_the_javascript_exception_tag(host)?;
        // 10.4. If tagaddr is equal to jsTagAddr, throw ToJSValue(payload[0]).
        if exception.is(&js_tag) {
            let payload = exception.args().map_err(|error| range_error(host, error))?;
            return match payload.first() {
                Some(value) => to_js_value(host, value),
                None => Ok(host.undefined()),
            };
        }
        // 10.5. Otherwise, throw a new Exception created from exnaddr.
        create_an_exception_object(host, &exception)
    };
    value().unwrap_or_else(|thrown| thrown)
}

/// Step 10 of "create a host function": what JavaScript threw, on its way through WebAssembly.
pub(crate) fn throw_into_webassembly<H: Host>(host: &H, v: H::Value) -> Error {
    // 10.2. If v implements Exception, let address be v.[[Address]].
    if let Some(slots) = webidl::slots_of::<H, ExceptionObject<H>>(host, &v) {
        return Error::Exception(slots.exception.handle());
    }
    // What a trap became stays a trap to WebAssembly: the text is silent, and engines agree.
    if host.is_uncatchable(&v) {
        return Error::uncatchable(host.to_host_value(v));
    }
    // 10.3. Otherwise, let address be an exception of the JavaScript exception tag: made where it is caught.
    Error::host_value(host.to_host_value(v))
}

/// "Get the JavaScript exception tag".
fn get_the_javascript_exception_tag<H: Host>(host: &H) -> Completion<H, Tag> {
    Tag::of_host(realm_of(host)?.agent()).map_err(|error| range_error(host, error))
}

/// Defines `JSTag` on the namespace object.
pub(crate) fn define_the_js_tag<H: Host>(host: &H, namespace: &H::Value) -> Completion<H, ()> {
    let getter = host.new_function("get JSTag", 0, FunctionKind::Method, js_tag, Vec::new())?;
    host.define_accessor(namespace, Key::String("JSTag"), getter, None, Attributes::ALL)
}

/// The getter of `JSTag`.
fn js_tag<H: Host>(host: &H, _: &Call<'_, H>) -> Completion<H> {
    // 1. Let JSTagAddr be the result of getting the JavaScript exception tag.
    // 2. Let JSTagObject be the result of creating a Tag object from JSTagAddr.
    create_a_tag_object(host, &get_the_javascript_exception_tag(host)?)
}

/// The interface object and the interface prototype object.
pub(crate) fn create_the_exception_interface<H: Host>(host: &H) -> Completion<H, (H::Value, H::Value)> {
    let (object, prototype) = webidl::create_an_interface(host, Interface::Exception, 2, constructor)?;
    webidl::define_operation(host, &prototype, "getArg", 2, get_arg)?;
    webidl::define_operation(host, &prototype, "is", 1, is)?;
    webidl::define_attribute(host, &prototype, "stack", stack, None)?;
    Ok((object, prototype))
}

fn argument_tag<H: Host>(host: &H, call: &Call<'_, H>, caller: &str) -> Completion<H, Tag> {
    webidl::argument_slots::<H, TagObject>(host, call, 0, caller, Interface::Tag).map(|slots| slots.tag())
}

/// `new Exception(exceptionTag, payload, options)`
fn constructor<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Exception()";
    let new_target = webidl::require_new(host, call, Interface::Exception)?;
    let tag = argument_tag(host, call, CALLER)?;
    let payload = webidl::sequence(host, &call.arg(host, 1), What::Argument(CALLER, 1), |value| Ok(value.clone()))?;
    let options = Dictionary::new(host, call, 2, CALLER, "an object")?;
    let trace_stack = options.member("traceStack")?.is_some_and(|value| host.to_boolean(&value));
    let prototype = webidl::prototype_from_new_target(host, new_target, Interface::Exception)?;
    // 2. If exceptionTag.[[Address]] is equal to JSTagAddr, throw a TypeError.
    if tag == get_the_javascript_exception_tag(host)? {
        return Err(type_error(host, format_args!("{CALLER}: Argument 0 cannot be WebAssembly.JSTag")));
    }
    // 4. Let types → [] be tag_type(store, exceptionTag.[[Address]]).
    let FuncType { params: types, .. } = tag.ty();
    // 5. If types's size is not payload's size, throw a TypeError.
    if types.len() != payload.len() {
        return Err(type_error(
            host,
            format_args!("{CALLER}: Number of exception values does not match signature length"),
        ));
    }
    // 6. Let wasmPayload be « ».
    let mut wasm_payload = Vec::with_capacity(types.len());
    // 7. For each value and resultType of payload and types, paired linearly,
    for (value, ty) in payload.iter().zip(&types) {
        // 7.1. If resultType matches v128 or exnref, throw a TypeError.
        refuse_opaque(host, *ty, CALLER)?;
        // 7.2. Append ? ToWebAssemblyValue(value, resultType) to wasmPayload.
        wasm_payload.push(to_webassembly_value(host, value, *ty)?);
    }
    // 8. Let (store, exceptionAddr) be exn_alloc(store, exceptionTag.[[Address]], wasmPayload).
    let exception = Exception::new(realm_of(host)?.agent(), &tag, &wasm_payload)
        .map_err(|error| range_error(host, format_args!("{CALLER}: {error}")))?;
    // 11. If options["traceStack"] is true, set this.[[Stack]] to a representation of the current call stack.
    let stack = if trace_stack { host.call_stack() } else { host.undefined() };
    // 10. Initialize this from exceptionAddr.
    initialize_an_exception_object(host, &exception, stack, &prototype)
}

fn refuse_opaque<H: Host>(host: &H, ty: ValType, caller: &str) -> Completion<H, ()> {
    if is_opaque_to_javascript(ty) {
        return Err(type_error(host, format_args!("{caller}: values of this type are not accessible from JavaScript")));
    }
    Ok(())
}

fn this_exception<H: Host>(host: &H, call: &Call<'_, H>, caller: &str) -> Completion<H, Rc<ExceptionObject<H>>> {
    webidl::this_slots(host, call, caller, Interface::Exception)
}

/// `getArg(exceptionTag, index)`
fn get_arg<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Exception.getArg()";
    let slots = this_exception(host, call, CALLER)?;
    webidl::require_arguments(host, call, 2, CALLER)?;
    let tag = argument_tag(host, call, CALLER)?;
    let index = webidl::enforce_range_unsigned_long(host, &call.arg(host, 1), What::Argument(CALLER, 1))?;
    // 2. If this.[[Type]] is not equal to exceptionTag.[[Address]], throw a TypeError.
    if !slots.exception.handle().is(&tag) {
        return Err(type_error(host, format_args!("{CALLER}: First argument does not match the exception tag")));
    }
    // 4. Let payload be exn_read(store, this.[[Address]]).
    // 7. Let types → [] be tag_type(store, tagaddr).
    let FuncType { params: types, .. } = tag.ty();
    // 6. If index ≥ payload's size, throw a RangeError.
    let ty = types.get(index as usize).ok_or_else(|| {
        range_error(host, format_args!("{CALLER}: Index must be convertible to a valid number below {}", types.len()))
    })?;
    // 8. If types[index] matches v128 or exnref, throw a TypeError.
    refuse_opaque(host, *ty, CALLER)?;
    // 9. Return ! ToJSValue(payload[index]).
    let payload =
        slots.exception.handle().args().map_err(|error| range_error(host, format_args!("{CALLER}: {error}")))?;
    payload.get(index as usize).map_or_else(|| Ok(host.undefined()), |value| to_js_value(host, value))
}

/// `is(exceptionTag)`
fn is<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Exception.is()";
    let slots = this_exception(host, call, CALLER)?;
    let tag = argument_tag(host, call, CALLER)?;
    // 1. If this.[[Type]] is not equal to exceptionTag.[[Address]], return false.
    // 2. Return true.
    Ok(host.boolean(slots.exception.handle().is(&tag)))
}

/// The getter of `stack`.
fn stack<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    // 1. Return this.[[Stack]].
    Ok(this_exception(host, call, "get WebAssembly.Exception.stack")?.stack.clone())
}

//! Globals: the Global interface.
//!
//! JS API, section "Globals".

use std::rc::Rc;

use chalcid::Global;
use chalcid::host::{Adopt, Body};
use chalcid::types::{AbsHeapType, GlobalType, HeapType, RefType, ValType};

use crate::agent::{Interface, realm_of};
use crate::conversions::{default_value, to_js_value, to_reference, to_webassembly_value};
use crate::errors::{range_error, type_error};
use crate::host::{Call, Host, PlatformObject, Tracer, Type};
use crate::webidl::{self, Completion, Dictionary, What};

/// The internal slots of a Global object, which is the keeper of its global.
pub struct GlobalObject {
    /// `[[Global]]`
    body: Body<Global>,
}

impl<H: Host> PlatformObject<H> for GlobalObject {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        self.body.trace(&mut |edge| tracer.edge(edge));
    }
}

impl GlobalObject {
    /// The global.
    pub fn global(&self) -> Global {
        self.body.handle()
    }
}

/// "Initialize a global object": makes the object, with a prototype, that keeps a global which has none yet.
fn initialize_a_global_object<H: Host>(host: &H, global: &Global, prototype: &H::Value) -> Completion<H> {
    // 3. Set global.[[Global]] to globaladdr.
    // 4. Set map[globaladdr] to global.
    webidl::keep(host, global, Some(prototype), |body| Rc::new(GlobalObject { body }))
}

/// "Create a global object": the Global object of a global.
pub(crate) fn create_a_global_object<H: Host>(host: &H, global: &Global) -> Completion<H> {
    // 2. If map[globaladdr] exists, return map[globaladdr].
    if let Some(object) = global.host_object() {
        return Ok(host.keeper_object(object));
    }
    // 3. Let global be a new Global.
    // 4. Initialize global from globaladdr.
    // 5. Return global.
    initialize_a_global_object(host, global, realm_of(host)?.prototype(Interface::Global))
}

/// `ToValueType(s)`, after the conversion of a value to the enumeration `ValueType`.
pub(crate) fn to_value_type<H: Host>(host: &H, value: &H::Value, what: What) -> Completion<H, ValType> {
    Ok(match webidl::dom_string(host, value)?.as_deref() {
        Some("i32") => ValType::I32,
        Some("i64") => ValType::I64,
        Some("f32") => ValType::F32,
        Some("f64") => ValType::F64,
        Some("v128") => ValType::V128,
        Some("anyfunc") => ValType::Ref(RefType::FUNCREF),
        Some("externref") => ValType::Ref(RefType::EXTERNREF),
        _ => return Err(type_error(host, format_args!("{what} must be a WebAssembly type"))),
    })
}

/// "matches v128 or exnref": the types whose values JavaScript never sees.
pub(crate) fn is_opaque_to_javascript(ty: ValType) -> bool {
    match ty {
        ValType::V128 => true,
        ValType::Ref(ty) => matches!(ty.heap, HeapType::Abstract(AbsHeapType::Exn | AbsHeapType::NoExn)),
        _ => false,
    }
}

/// What a value that becomes a reference of a type must be.
pub(crate) fn wanted_reference(ty: RefType) -> &'static str {
    match ty.heap {
        HeapType::Abstract(AbsHeapType::Func) => {
            "function-typed object must be null (if nullable) or a Wasm function object"
        }
        _ => "value of the reference type expected",
    }
}

/// What a program calls a type, in messages.
pub(crate) fn type_name(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::V128 => "v128",
        ValType::Ref(ty) => match ty.heap {
            HeapType::Abstract(AbsHeapType::Func) => "funcref",
            HeapType::Abstract(AbsHeapType::Extern) => "externref",
            HeapType::Abstract(AbsHeapType::Exn) => "exnref",
            HeapType::Abstract(AbsHeapType::Any) => "anyref",
            HeapType::Abstract(AbsHeapType::Eq) => "eqref",
            HeapType::Abstract(AbsHeapType::I31) => "i31ref",
            HeapType::Abstract(AbsHeapType::Struct) => "structref",
            HeapType::Abstract(AbsHeapType::Array) => "arrayref",
            _ => "reference",
        },
    }
}

fn refuse_opaque<H: Host>(host: &H, ty: ValType, caller: &str) -> Completion<H, ()> {
    if is_opaque_to_javascript(ty) {
        return Err(type_error(host, format_args!("{caller}: values of this type are not accessible from JavaScript")));
    }
    Ok(())
}

/// The interface object and the interface prototype object.
pub(crate) fn create_the_global_interface<H: Host>(host: &H) -> Completion<H, (H::Value, H::Value)> {
    let (object, prototype) = webidl::create_an_interface(host, Interface::Global, 1, constructor)?;
    webidl::define_operation(host, &prototype, "valueOf", 0, value_of)?;
    webidl::define_attribute(host, &prototype, "value", get_value, Some(set_value))?;
    Ok((object, prototype))
}

/// `new Global(descriptor, v)`
fn constructor<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Global()";
    let new_target = webidl::require_new(host, call, Interface::Global)?;
    let descriptor = Dictionary::new(host, call, 0, CALLER, "a global descriptor")?;
    // 1. Let mutable be descriptor["mutable"].
    let mutable = descriptor.member("mutable")?.is_some_and(|value| host.to_boolean(&value));
    // 2. Let valuetype be ToValueType(descriptor["value"]).
    let value_type = descriptor.required(CALLER, "value")?;
    let content = to_value_type(host, &value_type, What::Member(CALLER, "value"))?;
    let prototype = webidl::prototype_from_new_target(host, new_target, Interface::Global)?;
    // 3. If valuetype matches v128 or exnref, throw a TypeError exception.
    if is_opaque_to_javascript(content) {
        let name = type_name(content);
        return Err(type_error(
            host,
            format_args!("{CALLER}: A global of type '{name}' cannot be created in JavaScript"),
        ));
    }
    // 4. If v is missing, let value be DefaultValue(valuetype).
    // 5. Otherwise, let value be ? ToWebAssemblyValue(v, valuetype).
    // Every engine, and the official test, takes undefined for missing where the type is that of a number.
    let missing = |v: &H::Value| !matches!(content, ValType::Ref(_)) && host.type_of(v) == Type::Undefined;
    let value = match call.get(1).filter(|v| !missing(v)) {
        Some(v) => match content {
            ValType::Ref(ty) => to_reference(host, v, ty)
                .ok_or_else(|| type_error(host, format_args!("{CALLER}: {}", wanted_reference(ty))))?,
            content => to_webassembly_value(host, v, content)?,
        },
        None => default_value(host, content)
            .ok_or_else(|| type_error(host, format_args!("{CALLER}: Argument 1 is required for this type")))?,
    };
    // 6. If mutable is true, let globaltype be var valuetype; otherwise, let globaltype be const valuetype.
    let ty = GlobalType { content, mutable };
    // 8. Let (store, globaladdr) be global_alloc(store, globaltype, value).
    let global = Global::new(realm_of(host)?.agent(), ty, value)
        .map_err(|error| range_error(host, format_args!("{CALLER}: {error}")))?;
    // 10. Initialize this from globaladdr.
    initialize_a_global_object(host, &global, &prototype)
}

fn this_global<H: Host>(host: &H, call: &Call<'_, H>, caller: &str) -> Completion<H, Global> {
    webidl::this_slots::<H, GlobalObject>(host, call, caller, Interface::Global).map(|slots| slots.global())
}

/// `GetGlobalValue(global)`
fn get_global_value<H: Host>(host: &H, global: &Global, caller: &str) -> Completion<H> {
    // 3. Let globaltype be global_type(store, globaladdr).
    // 4. If globaltype matches v128 or exnref, throw a TypeError.
    refuse_opaque(host, global.ty().content, caller)?;
    // 5. Let value be global_read(store, globaladdr).
    // 6. Return ! ToJSValue(value).
    to_js_value(host, &global.get())
}

/// The getter of `value`.
fn get_value<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "get WebAssembly.Global.value";
    // 1. Return GetGlobalValue(this).
    get_global_value(host, &this_global(host, call, CALLER)?, CALLER)
}

/// The setter of `value`.
fn set_value<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "set WebAssembly.Global.value";
    // 2. Let globaladdr be this.[[Global]].
    let global = this_global(host, call, CALLER)?;
    // 3. Let mut valuetype be global_type(store, globaladdr).
    let ty = global.ty();
    // 4. If valuetype matches v128 or exnref, throw a TypeError.
    refuse_opaque(host, ty.content, CALLER)?;
    // 5. If mut is const, throw a TypeError.
    if !ty.mutable {
        return Err(type_error(host, format_args!("{CALLER}: Can't set the value of an immutable global.")));
    }
    // 6. Let value be ? ToWebAssemblyValue(the given value, valuetype).
    let value = to_webassembly_value(host, &call.arg(host, 0), ty.content)?;
    // 7. Let store be global_write(store, globaladdr, value).
    // 8. If store is error, throw a RangeError exception.
    global.set(value).map_err(|error| range_error(host, format_args!("{CALLER}: {error}")))?;
    Ok(host.undefined())
}

/// `valueOf()`
fn value_of<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Global.valueOf()";
    // 1. Return GetGlobalValue(this).
    get_global_value(host, &this_global(host, call, CALLER)?, CALLER)
}

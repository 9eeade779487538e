//! The part of Web IDL that the interface leans on: conversions of arguments, dictionaries, and interface objects.

use std::fmt::{self, Display};
use std::rc::Rc;
use std::sync::Arc;

use chalcid::host::{Adopt, Body};

use crate::agent::{Interface, realm_of};
use crate::compile_options::CompileOptions;
use crate::errors::type_error;
use crate::host::{Attributes, Call, FunctionKind, Host, Intrinsic, Key, NativeFunction, PlatformObject, Type};

/// The result of an operation that may throw.
pub type Completion<H, T = <H as Host>::Value> = Result<T, <H as Host>::Value>;

/// What a value is to the program that passed it, for messages: "WebAssembly.Memory(): Property 'initial'".
#[derive(Clone, Copy)]
pub(crate) enum What {
    /// An argument, counted from 0.
    Argument(&'static str, usize),
    /// A member of the dictionary that is the first argument.
    Member(&'static str, &'static str),
}

impl Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(caller, index) => write!(f, "{caller}: Argument {index}"),
            Self::Member(caller, name) => write!(f, "{caller}: Property '{name}'"),
        }
    }
}

// ---- Conversions

/// `[EnforceRange] unsigned long`.
///
/// Web IDL, `ConvertToInt(V, 32, "unsigned")` with `[EnforceRange]`.
pub(crate) fn enforce_range_unsigned_long<H: Host>(host: &H, value: &H::Value, what: What) -> Completion<H, u32> {
    // 4. Let x be ? ToNumber(V).
    let x = host.to_number(value)?;
    // 6.1. If x is NaN, +∞, or −∞, then throw a TypeError.
    if !x.is_finite() {
        return Err(type_error(host, format_args!("{what} must be convertible to a valid number")));
    }
    // 6.2. Set x to IntegerPart(x).
    let x = x.trunc();
    // 6.3. If x < lowerBound or x > upperBound, then throw a TypeError.
    if x < 0.0 {
        return Err(type_error(host, format_args!("{what} must be non-negative")));
    }
    if x > f64::from(u32::MAX) {
        return Err(type_error(host, format_args!("{what} must be in the unsigned long range")));
    }
    // 6.4. Return x.
    Ok(x as u32)
}

/// `[AllowResizable] AllowSharedBufferSource`, then "get a copy of the bytes held by the buffer source".
pub(crate) fn copy_of_buffer_source<H: Host>(host: &H, call: &Call<'_, H>, caller: &str) -> Completion<H, Arc<[u8]>> {
    let bytes = match call.get(0) {
        Some(value) => host.copy_buffer_source(value)?,
        None => None,
    };
    bytes.ok_or_else(|| type_error(host, format_args!("{caller}: Argument 0 must be a buffer source")))
}

/// As [`copy_of_buffer_source`], for an operation that takes compile options, too: all arguments are converted before the bytes are copied.
pub(crate) fn buffer_source_and_options<H: Host>(
    host: &H,
    call: &Call<'_, H>,
    options: usize,
    caller: &'static str,
) -> Completion<H, (Arc<[u8]>, CompileOptions)> {
    require_buffer_source(host, call, caller)?;
    let options = CompileOptions::read(host, call, options, caller)?;
    Ok((copy_of_buffer_source(host, call, caller)?, options))
}

/// The conversion of the first argument to a buffer source, before any byte is looked at.
pub(crate) fn require_buffer_source<H: Host>(host: &H, call: &Call<'_, H>, caller: &str) -> Completion<H, ()> {
    if call.get(0).is_some_and(|value| host.is_buffer_source(value)) {
        return Ok(());
    }
    Err(type_error(host, format_args!("{caller}: Argument 0 must be a buffer source")))
}

/// `optional object importObject`: an object, or undefined.
pub(crate) fn optional_object<H: Host>(
    host: &H,
    call: &Call<'_, H>,
    index: usize,
    caller: &str,
) -> Completion<H, Option<H::Value>> {
    match call.get(index) {
        None => Ok(None),
        Some(value) => match host.type_of(value) {
            Type::Undefined => Ok(None),
            Type::Object => Ok(Some(value.clone())),
            _ => Err(type_error(host, format_args!("{caller}: Argument {index} must be an object"))),
        },
    }
}

/// A `DOMString`, where it has no lone surrogate: such a string equals no name of a module.
pub(crate) fn dom_string<H: Host>(host: &H, value: &H::Value) -> Completion<H, Option<String>> {
    let string = host.to_string(value)?;
    Ok(String::from_utf16(&host.code_units(&string)).ok())
}

/// A `USVString`: lone surrogates are replaced.
pub(crate) fn usv_string<H: Host>(host: &H, value: &H::Value) -> Completion<H, String> {
    let string = host.to_string(value)?;
    Ok(String::from_utf16_lossy(&host.code_units(&string)))
}

/// The sequence that an iterable object holds, each element converted as it comes.
///
/// Web IDL, "convert a JavaScript value to an IDL sequence type".
pub(crate) fn sequence<H: Host, T>(
    host: &H,
    value: &H::Value,
    what: What,
    convert: impl Fn(&H::Value) -> Completion<H, T>,
) -> Completion<H, Vec<T>> {
    // 1. If V is not an Object, throw a TypeError.
    let not_iterable = || type_error(host, format_args!("{what} must be iterable"));
    if host.type_of(value) != Type::Object {
        return Err(not_iterable());
    }
    // 2. Let method be ? GetMethod(V, %Symbol.iterator%).
    // 3. If method is undefined, throw a TypeError.
    let method = get_method(host, value, Key::Iterator)?.ok_or_else(not_iterable)?;
    // 4. Return the result of creating a sequence from V and method.
    let mut elements = Vec::new();
    for_each_value(host, value, &method, |next| {
        elements.push(convert(&next)?);
        Ok(())
    })?;
    Ok(elements)
}

// ---- Dictionaries

/// A dictionary argument: its members are read by [`Dictionary::member`].
pub(crate) struct Dictionary<'a, H: Host> {
    host: &'a H,
    object: Option<H::Value>,
    /// What the argument should be, for messages: "Argument 0 must be a memory descriptor".
    wanted: (usize, &'static str),
}

impl<'a, H: Host> Dictionary<'a, H> {
    /// Web IDL, "convert a JavaScript value to an IDL dictionary", step 1: undefined and null have no members.
    pub(crate) fn new(
        host: &'a H,
        call: &Call<'_, H>,
        index: usize,
        caller: &str,
        noun: &'static str,
    ) -> Completion<H, Self> {
        let object = match call.get(index) {
            None => None,
            Some(value) => match host.type_of(value) {
                Type::Undefined | Type::Null => None,
                Type::Object => Some(value.clone()),
                _ => return Err(type_error(host, format_args!("{caller}: Argument {index} must be {noun}"))),
            },
        };
        Ok(Self { host, object, wanted: (index, noun) })
    }

    /// A member, where it is there and not undefined.
    pub(crate) fn member(&self, name: &str) -> Completion<H, Option<H::Value>> {
        let Some(object) = &self.object else { return Ok(None) };
        let value = self.host.get(object, Key::String(name))?;
        Ok(Some(value).filter(|value| self.host.type_of(value) != Type::Undefined))
    }

    /// A member that must be there.
    pub(crate) fn required(&self, caller: &'static str, name: &'static str) -> Completion<H> {
        self.member(name)?.ok_or_else(|| match (&self.object, self.wanted) {
            (None, (index, noun)) => type_error(self.host, format_args!("{caller}: Argument {index} must be {noun}")),
            _ => type_error(self.host, format_args!("{} is required", What::Member(caller, name))),
        })
    }
}

// ---- ECMAScript's operations on objects

/// `GetMethod(V, P)`, ECMAScript, section "GetMethod".
pub(crate) fn get_method<H: Host>(host: &H, value: &H::Value, key: Key<'_>) -> Completion<H, Option<H::Value>> {
    // 1. Let func be ? GetV(V, P).
    let func = host.get(value, key)?;
    // 2. If func is either undefined or null, return undefined.
    if matches!(host.type_of(&func), Type::Undefined | Type::Null) {
        return Ok(None);
    }
    // 3. If IsCallable(func) is false, throw a TypeError exception.
    if !host.is_callable(&func) {
        return Err(type_error(host, "iterator method is not callable"));
    }
    // 4. Return func.
    Ok(Some(func))
}

/// `GetIteratorFromMethod(object, method)`, then `IteratorStepValue` until it is done. The iterator is not closed when a step throws.
pub(crate) fn for_each_value<H: Host>(
    host: &H,
    object: &H::Value,
    method: &H::Value,
    mut step: impl FnMut(H::Value) -> Completion<H, ()>,
) -> Completion<H, ()> {
    // GetIteratorFromMethod
    // 1. Let iterator be ? Call(method, obj).
    let iterator = host.call(method, object, &[])?;
    // 2. If iterator is not an Object, throw a TypeError exception.
    if host.type_of(&iterator) != Type::Object {
        return Err(type_error(host, "iterator is not an object"));
    }
    // 3. Return ? GetIteratorDirect(iterator).
    let next_method = host.get(&iterator, Key::String("next"))?;
    loop {
        // IteratorStepValue
        let result = host.call(&next_method, &iterator, &[])?;
        if host.type_of(&result) != Type::Object {
            return Err(type_error(host, "iterator result is not an object"));
        }
        let done = host.get(&result, Key::String("done"))?;
        if host.to_boolean(&done) {
            return Ok(());
        }
        step(host.get(&result, Key::String("value"))?)?;
    }
}

// ---- Platform objects

/// The slots of a value that implements an interface.
pub(crate) fn slots_of<H: Host, T: PlatformObject<H>>(host: &H, value: &H::Value) -> Option<Rc<T>> {
    let slots: Rc<dyn std::any::Any> = host.slots(value)?;
    slots.downcast().ok()
}

/// The slots of `this`, which must implement the interface.
pub(crate) fn this_slots<H: Host, T: PlatformObject<H>>(
    host: &H,
    call: &Call<'_, H>,
    caller: &str,
    interface: Interface,
) -> Completion<H, Rc<T>> {
    slots_of(host, call.this)
        .ok_or_else(|| type_error(host, format_args!("{caller}: Receiver is not a WebAssembly.{}", interface.name())))
}

/// The slots of an argument, which must implement the interface.
pub(crate) fn argument_slots<H: Host, T: PlatformObject<H>>(
    host: &H,
    call: &Call<'_, H>,
    index: usize,
    caller: &str,
    interface: Interface,
) -> Completion<H, Rc<T>> {
    call.get(index).and_then(|value| slots_of(host, value)).ok_or_else(|| {
        type_error(host, format_args!("{caller}: Argument {index} must be a WebAssembly.{}", interface.name()))
    })
}

/// The first argument that must be there for the call to be tried at all.
pub(crate) fn require_arguments<H: Host>(
    host: &H,
    call: &Call<'_, H>,
    wanted: usize,
    caller: &str,
) -> Completion<H, ()> {
    if call.args.len() >= wanted {
        return Ok(());
    }
    let found = call.args.len();
    Err(type_error(host, format_args!("{caller}: {wanted} argument(s) required, but only {found} present")))
}

/// `NewTarget` of a constructor that must be called with `new`.
pub(crate) fn require_new<'a, H: Host>(
    host: &H,
    call: &Call<'a, H>,
    interface: Interface,
) -> Completion<H, &'a H::Value> {
    let name = interface.name();
    call.new_target.ok_or_else(|| {
        type_error(host, format_args!("WebAssembly.{name}(): WebAssembly.{name} must be invoked with 'new'"))
    })
}

/// The prototype of an object that `NewTarget` constructs.
///
/// Web IDL, "internally create a new object implementing the interface", steps 3 to 5.
pub(crate) fn prototype_from_new_target<H: Host>(
    host: &H,
    new_target: &H::Value,
    interface: Interface,
) -> Completion<H> {
    // 3.2. Let prototype be ? Get(newTarget, "prototype").
    let prototype = host.get(new_target, Key::String("prototype"))?;
    if host.type_of(&prototype) == Type::Object {
        return Ok(prototype);
    }
    // 3.3. If prototype is not an Object, let targetRealm be ? GetFunctionRealm(newTarget), and set prototype to the interface
    // prototype object for interface in targetRealm.
    let target_realm = host.function_realm(new_target)?.realm();
    let realm = match target_realm {
        Some(realm) => realm,
        None => realm_of(host)?,
    };
    Ok(realm.prototype(interface).clone())
}

/// Makes the object that keeps an entity which has none yet, and returns it. `slots` wraps the body that the object is to own.
pub(crate) fn keep<H: Host, T: Adopt>(
    host: &H,
    entity: &T,
    prototype: Option<&H::Value>,
    slots: impl FnOnce(Body<T>) -> Rc<dyn PlatformObject<H>>,
) -> Completion<H> {
    // The count that the new object starts with is held here until the entity's handles have theirs.
    let mut made = None;
    let keeper = entity.adopt(|body| {
        let object = host.new_platform_object(prototype, slots(body))?;
        let keeper = host.keeper(&object);
        made = Some(object);
        Ok(keeper)
    })?;
    let keeper = keeper.ok_or_else(|| type_error(host, "the object's contents are gone already"))?;
    Ok(host.keeper_object(keeper))
}

// ---- Interface objects

/// Makes the interface object and the interface prototype object: (constructor, prototype).
///
/// Web IDL, sections "Interface object" and "Interface prototype object".
pub(crate) fn create_an_interface<H: Host>(
    host: &H,
    interface: Interface,
    length: u32,
    constructor: NativeFunction<H>,
) -> Completion<H, (H::Value, H::Value)> {
    let prototype = host.new_object(Some(&host.intrinsic(Intrinsic::ObjectPrototype)))?;
    let object = host.new_function(interface.name(), length, FunctionKind::Constructor, constructor, Vec::new())?;
    host.define_property(&object, Key::String("prototype"), prototype.clone(), Attributes::FIXED)?;
    host.define_property(&prototype, Key::String("constructor"), object.clone(), Attributes::HIDDEN)?;
    define_class_string(host, &prototype, interface.name())?;
    Ok((object, prototype))
}

/// Defines `@@toStringTag`: "WebAssembly.Memory".
fn define_class_string<H: Host>(host: &H, prototype: &H::Value, name: &str) -> Completion<H, ()> {
    let class_string = host.string(&format!("WebAssembly.{name}"));
    host.define_property(prototype, Key::ToStringTag, class_string, Attributes::READ_ONLY)
}

/// Defines an operation: a method of an interface prototype object, of an interface object (if static) or of a namespace.
pub(crate) fn define_operation<H: Host>(
    host: &H,
    target: &H::Value,
    name: &str,
    length: u32,
    steps: NativeFunction<H>,
) -> Completion<H, ()> {
    let function = host.new_function(name, length, FunctionKind::Method, steps, Vec::new())?;
    host.define_property(target, Key::String(name), function, Attributes::ALL)
}

/// Defines an attribute: an accessor of an interface prototype object.
pub(crate) fn define_attribute<H: Host>(
    host: &H,
    target: &H::Value,
    name: &str,
    getter: NativeFunction<H>,
    setter: Option<NativeFunction<H>>,
) -> Completion<H, ()> {
    let getter = host.new_function(&format!("get {name}"), 0, FunctionKind::Method, getter, Vec::new())?;
    let setter = match setter {
        Some(setter) => Some(host.new_function(&format!("set {name}"), 1, FunctionKind::Method, setter, Vec::new())?),
        None => None,
    };
    host.define_accessor(target, Key::String(name), getter, setter, Attributes::ALL)
}

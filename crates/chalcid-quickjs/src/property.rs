//! Looking at objects without running a program's code.

use rquickjs::qjs;

use crate::QuickJs;
use crate::atom::Atom;
use crate::value::{self, Value};

/// An own property.
pub(crate) enum Descriptor {
    /// A data property's value.
    Data(Value),
    /// An accessor property's getter, and its setter if it has one.
    Accessor(Value, Option<Value>),
}

/// `[[GetOwnProperty]]` of an object that is no Proxy.
pub(crate) fn own(host: QuickJs, object: &Value, name: &str) -> Result<Option<Descriptor>, Value> {
    let atom = Atom::new(host, name)?;
    let mut descriptor = qjs::JSPropertyDescriptor {
        flags: 0,
        value: qjs::JS_UNDEFINED,
        getter: qjs::JS_UNDEFINED,
        setter: qjs::JS_UNDEFINED,
    };
    // SAFETY: the object and the atom are live; the descriptor is written only when 1 is returned.
    let found = unsafe { qjs::JS_GetOwnProperty(host.ctx().as_ptr(), &mut descriptor, object.raw(), atom.raw()) };
    match found {
        0 => Ok(None),
        1 => {
            let (value, getter, setter) =
                (host.own(descriptor.value), host.own(descriptor.getter), host.own(descriptor.setter));
            let accessor = descriptor.flags & qjs::JS_PROP_GETSET as i32 != 0;
            let setter = Some(setter).filter(|setter| setter.tag() == qjs::JS_TAG_OBJECT);
            Ok(Some(if accessor { Descriptor::Accessor(getter, setter) } else { Descriptor::Data(value) }))
        }
        _ => Err(host.take_exception()),
    }
}

/// The value of an own data property.
pub(crate) fn own_value(host: QuickJs, object: &Value, name: &str) -> Result<Option<Value>, Value> {
    if object.tag() != qjs::JS_TAG_OBJECT {
        return Ok(None);
    }
    Ok(match own(host, object, name)? {
        Some(Descriptor::Data(value)) if value.tag() != qjs::JS_TAG_UNDEFINED => Some(value),
        _ => None,
    })
}

/// The getter of an own accessor property.
pub(crate) fn getter(host: QuickJs, object: &Value, name: &str) -> Result<Option<Value>, Value> {
    Ok(match own(host, object, name)? {
        Some(Descriptor::Accessor(getter, _)) if getter.tag() == qjs::JS_TAG_OBJECT => Some(getter),
        _ => None,
    })
}

/// The `prototype` of a constructor on the global object.
pub(crate) fn prototype_property(host: QuickJs, global: &Value, name: &str) -> Result<Option<Value>, Value> {
    match own_value(host, global, name)? {
        Some(constructor) => own_value(host, &constructor, "prototype"),
        None => Ok(None),
    }
}

/// `[[GetPrototypeOf]]`
pub(crate) fn prototype_of(host: QuickJs, object: &Value) -> Result<Option<Value>, Value> {
    // SAFETY: the object is live; the result is an owned count.
    let prototype = host.adopt(unsafe { qjs::JS_GetPrototype(host.ctx().as_ptr(), object.raw()) })?;
    Ok((prototype.tag() == qjs::JS_TAG_OBJECT).then_some(prototype))
}

/// `Construct`
pub(crate) fn construct(host: QuickJs, constructor: &Value, args: &[qjs::JSValue]) -> Result<Value, Value> {
    // SAFETY: constructor and arguments are live; QuickJS only reads the arguments.
    host.adopt(unsafe {
        qjs::JS_CallConstructor(host.ctx().as_ptr(), constructor.raw(), args.len() as i32, args.as_ptr().cast_mut())
    })
}

/// `Call` with lent values.
pub(crate) fn call(
    host: QuickJs,
    function: qjs::JSValue,
    this: qjs::JSValue,
    args: &[qjs::JSValue],
) -> Result<Value, Value> {
    debug_assert!(args.len() <= i32::MAX as usize);
    // SAFETY: function, receiver and arguments are live; QuickJS copies the arguments before it writes to any.
    host.adopt(unsafe {
        qjs::JS_Call(host.ctx().as_ptr(), function, this, args.len() as i32, args.as_ptr().cast_mut())
    })
}

/// Whether a value is an object.
pub(crate) fn is_object(raw: qjs::JSValue) -> bool {
    value::tag(raw) == qjs::JS_TAG_OBJECT
}

//! Error objects: making them, the NativeError classes of the namespace, and the error mapping.
//!
//! JS API, sections "Error Objects" and "Error Condition Mappings to JavaScript".

use std::fmt::Display;

use chalcid::{Error, Frame, Trap, TrapCode};

use crate::agent::{Interface, realm_of};
use crate::exception;
use crate::host::{Attributes, Call, EngineError, FunctionKind, Host, Intrinsic, Key, Type};
use crate::webidl;

/// The class of an error that the interface throws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorClass {
    /// `TypeError`
    Type,
    /// `RangeError`
    Range,
    /// `WebAssembly.CompileError`
    Compile,
    /// `WebAssembly.LinkError`
    Link,
    /// `WebAssembly.RuntimeError`
    Runtime,
}

/// A new error. Where not even that can be made, what was thrown instead.
pub fn new_error<H: Host>(host: &H, class: ErrorClass, message: impl Display, frames: &[Frame]) -> H::Value {
    let interface = |interface| match host.realm() {
        Some(realm) => realm.prototype(interface).clone(),
        None => host.intrinsic(Intrinsic::ErrorPrototype),
    };
    let prototype = match class {
        ErrorClass::Type => host.intrinsic(Intrinsic::TypeErrorPrototype),
        ErrorClass::Range => host.intrinsic(Intrinsic::RangeErrorPrototype),
        ErrorClass::Compile => interface(Interface::CompileError),
        ErrorClass::Link => interface(Interface::LinkError),
        ErrorClass::Runtime => interface(Interface::RuntimeError),
    };
    let message = host.string(&message.to_string());
    host.new_error(&prototype, Some(&message), frames).unwrap_or_else(|thrown| thrown)
}

/// A new TypeError.
pub fn type_error<H: Host>(host: &H, message: impl Display) -> H::Value {
    new_error(host, ErrorClass::Type, message, &[])
}

/// A new RangeError.
pub fn range_error<H: Host>(host: &H, message: impl Display) -> H::Value {
    new_error(host, ErrorClass::Range, message, &[])
}

/// A new CompileError.
pub fn compile_error<H: Host>(host: &H, message: impl Display) -> H::Value {
    new_error(host, ErrorClass::Compile, message, &[])
}

/// A new LinkError.
pub fn link_error<H: Host>(host: &H, message: impl Display) -> H::Value {
    new_error(host, ErrorClass::Link, message, &[])
}

/// A new RuntimeError.
pub fn runtime_error<H: Host>(host: &H, message: impl Display) -> H::Value {
    new_error(host, ErrorClass::Runtime, message, &[])
}

/// What JavaScript sees of an error that running WebAssembly ended with.
///
/// JS API, section "Error Condition Mappings to JavaScript": a trap is a RuntimeError, except that a stack overflow and the lack of
/// memory are what they are in JavaScript; what a host function threw passes through unchanged.
pub fn thrown_value<H: Host>(host: &H, error: Error) -> H::Value {
    match error {
        Error::Trap(trap) => {
            let error = trap_value(host, &trap);
            host.mark_uncatchable(&error);
            error
        }
        Error::Exception(exception) => exception::thrown_value(host, exception),
        Error::Host(error) => match error.into_value() {
            Ok(value) => host.from_host_value(&value),
            Err(error) => new_error(host, ErrorClass::Runtime, error, &[]),
        },
        Error::Link(error) => link_error(host, error),
        Error::Resource(error) => range_error(host, error),
        Error::Misuse(error) => type_error(host, error),
        error => new_error(host, ErrorClass::Runtime, error, &[]),
    }
}

fn trap_value<H: Host>(host: &H, trap: &Trap) -> H::Value {
    let engine_error = match trap.code() {
        TrapCode::CallStackExhausted => EngineError::StackOverflow,
        TrapCode::AllocationFailed => EngineError::OutOfMemory,
        TrapCode::Interrupted => EngineError::Interrupted,
        code => return new_error(host, ErrorClass::Runtime, trap_message(code), trap.frames()),
    };
    host.new_engine_error(engine_error, trap.frames())
}

/// What a RuntimeError says: in the words that programs and people know from V8, where it has some.
pub(crate) fn trap_message(code: TrapCode) -> &'static str {
    match code {
        TrapCode::MemoryOutOfBounds => "memory access out of bounds",
        TrapCode::TableOutOfBounds | TrapCode::UndefinedElement => "table index is out of bounds",
        TrapCode::UninitializedElement | TrapCode::IndirectCallTypeMismatch => {
            "null function or function signature mismatch"
        }
        TrapCode::IntegerDivideByZero => "divide by zero",
        TrapCode::InvalidConversionToInteger => "float unrepresentable in integer range",
        TrapCode::NullReference
        | TrapCode::NullFunctionReference
        | TrapCode::NullI31Reference
        | TrapCode::NullStructureReference
        | TrapCode::NullArrayReference => "dereferencing a null pointer",
        TrapCode::ArrayOutOfBounds => "array element access out of bounds",
        TrapCode::CastFailure => "illegal cast",
        TrapCode::NullExceptionReference => "rethrowing null value",
        TrapCode::UnalignedAtomic => "operation does not support unaligned accesses",
        // V8 tells a division from a conversion; the specification does not.
        code => code.message(),
    }
}

/// Makes the constructor of CompileError, LinkError or RuntimeError, "a new object implementing the NativeError Object Structure",
/// and returns it with its prototype.
///
/// JS API, section "Error Objects"; ECMAScript, section "NativeError Object Structure".
pub(crate) fn create_a_native_error<H: Host>(host: &H, interface: Interface) -> Result<(H::Value, H::Value), H::Value> {
    let name = host.string(interface.name());
    let prototype = host.new_object(Some(&host.intrinsic(Intrinsic::ErrorPrototype)))?;
    host.define_property(&prototype, Key::String("name"), name, Attributes::HIDDEN)?;
    host.define_property(&prototype, Key::String("message"), host.string(""), Attributes::HIDDEN)?;

    let steps = match interface {
        Interface::LinkError => native_error::<H, { Interface::LinkError as usize }>,
        Interface::RuntimeError => native_error::<H, { Interface::RuntimeError as usize }>,
        _ => native_error::<H, { Interface::CompileError as usize }>,
    };
    let constructor = host.new_function(interface.name(), 1, FunctionKind::Constructor, steps, Vec::new())?;
    host.set_prototype(&constructor, &host.intrinsic(Intrinsic::Error))?;
    host.define_property(&constructor, Key::String("prototype"), prototype.clone(), Attributes::FIXED)?;
    host.define_property(&prototype, Key::String("constructor"), constructor.clone(), Attributes::HIDDEN)?;
    Ok((constructor, prototype))
}

/// `NativeError(message [, options])`, ECMAScript, section "NativeError Constructors".
fn native_error<H: Host, const INTERFACE: usize>(host: &H, call: &Call<'_, H>) -> Result<H::Value, H::Value> {
    let interface = match INTERFACE {
        i if i == Interface::LinkError as usize => Interface::LinkError,
        i if i == Interface::RuntimeError as usize => Interface::RuntimeError,
        _ => Interface::CompileError,
    };
    // 1. If NewTarget is undefined, let newTarget be the active function object; else let newTarget be NewTarget.
    // 2. Let O be ? OrdinaryCreateFromConstructor(newTarget, "%NativeError.prototype%", « [[ErrorData]] »).
    let prototype = match call.new_target {
        Some(new_target) => webidl::prototype_from_new_target(host, new_target, interface)?,
        None => realm_of(host)?.prototype(interface).clone(),
    };
    // 3. If message is not undefined, let msg be ? ToString(message), and define it.
    let message = match call.get(0) {
        Some(message) if host.type_of(message) != Type::Undefined => Some(host.to_string(message)?),
        _ => None,
    };
    let error = host.new_error(&prototype, message.as_ref(), &[])?;
    // 4. Perform ? InstallErrorCause(O, options).
    if let Some(options) = call.get(1)
        && host.type_of(options) == Type::Object
        && host.has_property(options, Key::String("cause"))?
    {
        let cause = host.get(options, Key::String("cause"))?;
        host.define_property(&error, Key::String("cause"), cause, Attributes::HIDDEN)?;
    }
    // 5. Return O.
    Ok(error)
}

//! What can go wrong while wasm runs or the API is used.

use std::any::Any;
use std::fmt;

use chalcid_vm::Failure;

use crate::types::{FuncType, Text, ValType};
use crate::{Agent, Exception, HostValue, LinkError, Trap};

/// Why a call, an instantiation or another operation of the Rust API failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Execution trapped.
    Trap(Trap),
    /// An exception that nobody caught. A host function that fails with it throws it again.
    Exception(Exception),
    /// A host function failed; its error passed through wasm unchanged.
    Host(HostError),
    /// The imports do not fit the module.
    Link(LinkError),
    /// The API was used in a way it does not allow. Nothing was done.
    Misuse(Misuse),
    /// The system or a limit refused resources.
    Resource(ResourceError),
}

impl Error {
    /// An error of a host function, to be found again by [`HostError::downcast_ref`].
    pub fn host(error: impl std::error::Error + 'static) -> Self {
        Self::Host(HostError(Payload::Error(Box::new(error))))
    }

    /// A value of the host that no code of wasm may catch, on its way to the host around: for JavaScript, the error that a trap was turned into, or the
    /// order to end the program.
    pub fn uncatchable(value: HostValue) -> Self {
        Self::Host(HostError(Payload::Uncatchable(value)))
    }

    /// A value of the host as an error: for JavaScript, the thrown value. Wasm may catch it, as an exception of the tag [`Tag::of_host`](crate::Tag::of_host)
    /// that carries the value.
    pub fn host_value(value: HostValue) -> Self {
        Self::Host(HostError(Payload::Value(value)))
    }

    /// What came out of the running side.
    #[cold]
    pub(crate) fn from_failure(failure: Failure) -> Self {
        match failure {
            Failure::Trap(trap) => Self::Trap(Trap::from_raw(trap)),
            Failure::Value(value) => Self::host_value(value),
            Failure::Uncatchable(value) => Self::uncatchable(value),
            Failure::Exception(exception) => Self::Exception(Exception::from_object(exception)),
            Failure::Error(error) => match error.downcast::<Self>() {
                Ok(error) => *error,
                Err(error) => Self::from_below(&*error),
            },
        }
    }

    fn from_below(error: &dyn Any) -> Self {
        if let Some(misuse) = error.downcast_ref::<chalcid_vm::Misuse>() {
            Self::Misuse(Misuse::Call(*misuse))
        } else if let Some(code) = error.downcast_ref::<chalcid_vm::CodeError>() {
            Self::Resource(ResourceError::new(code.to_string()))
        } else {
            Self::Resource(ResourceError::new("the call failed for a reason that is not known here"))
        }
    }

    /// The error on its way into the running side, to end the code that is running.
    pub(crate) fn into_failure(self, agent: &Agent) -> Failure {
        match self {
            Self::Trap(trap) if trap.is_bare() => agent.raw().trap(trap.code()),
            Self::Trap(trap) => Failure::Trap(trap.into_raw()),
            Self::Exception(exception) => Failure::Exception(exception.into_object()),
            Self::Host(HostError(Payload::Value(value))) => Failure::Value(value),
            Self::Host(HostError(Payload::Uncatchable(value))) => Failure::Uncatchable(value),
            error => Failure::Error(Box::new(error)),
        }
    }

    /// The exception, if it is one.
    pub fn as_exception(&self) -> Option<&Exception> {
        match self {
            Self::Exception(exception) => Some(exception),
            _ => None,
        }
    }

    /// The trap, if it is one.
    pub fn as_trap(&self) -> Option<&Trap> {
        match self {
            Self::Trap(trap) => Some(trap),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(trap) => trap.fmt(f),
            Self::Exception(exception) => exception.fmt(f),
            Self::Host(error) => error.fmt(f),
            Self::Link(error) => error.fmt(f),
            Self::Misuse(error) => error.fmt(f),
            Self::Resource(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Host(HostError(Payload::Error(error))) => error.source(),
            _ => None,
        }
    }
}

impl From<Trap> for Error {
    fn from(trap: Trap) -> Self {
        Self::Trap(trap)
    }
}

impl From<Exception> for Error {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}

impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<Misuse> for Error {
    fn from(error: Misuse) -> Self {
        Self::Misuse(error)
    }
}

impl From<ResourceError> for Error {
    fn from(error: ResourceError) -> Self {
        Self::Resource(error)
    }
}

/// The error of a host function: a Rust error, which wasm cannot catch, or a value of the host (a JavaScript exception).
#[derive(Debug)]
pub struct HostError(Payload);

#[derive(Debug)]
enum Payload {
    Value(HostValue),
    Uncatchable(HostValue),
    Error(Box<dyn std::error::Error + 'static>),
}

impl HostError {
    /// The host's value, if it is one.
    pub fn value(&self) -> Option<&HostValue> {
        match &self.0 {
            Payload::Value(value) | Payload::Uncatchable(value) => Some(value),
            Payload::Error(_) => None,
        }
    }

    /// Whether it is a value that wasm may not catch, see [`Error::uncatchable`].
    pub fn is_uncatchable(&self) -> bool {
        matches!(self.0, Payload::Uncatchable(_))
    }

    /// The host's value, or the error back.
    pub fn into_value(self) -> Result<HostValue, Self> {
        match self.0 {
            Payload::Value(value) | Payload::Uncatchable(value) => Ok(value),
            error => Err(Self(error)),
        }
    }

    /// The Rust error of a certain type.
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match &self.0 {
            Payload::Error(error) => error.downcast_ref(),
            Payload::Value(_) | Payload::Uncatchable(_) => None,
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Payload::Value(_) | Payload::Uncatchable(_) => f.write_str("a value thrown by the host"),
            Payload::Error(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HostError {}

/// A use of the API that it does not allow.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Misuse {
    /// A function was called with too few or too many values.
    Count {
        /// What there should have been.
        wanted: usize,
        /// What there was.
        found: usize,
        /// "arguments" or "results".
        what: &'static str,
    },
    /// A value is not of the type that is wanted.
    Type {
        /// The wanted type as text.
        wanted: Box<str>,
        /// The value's kind.
        found: &'static str,
    },
    /// Things of two agents or two engines met.
    Foreign(&'static str),
    /// An access outside a table or memory.
    OutOfBounds,
    /// A write to an immutable global, field or element.
    Immutable,
    /// A type that does not exist in the engine, or is not of the kind that is needed.
    UnknownType,
    /// A structure needs a descriptor of the type that its own type names, or can have none.
    Descriptor,
    /// Limits whose minimum is above their maximum, or above what is possible.
    Limits,
    /// Something the Rust API has no form for yet.
    Unsupported(&'static str),
    /// A call that the running side refused.
    Call(chalcid_vm::Misuse),
}

impl Misuse {
    pub(crate) fn wrong_type(wanted: ValType, found: &'static str) -> Self {
        Self::Type { wanted: Text(wanted).to_string().into(), found }
    }

    pub(crate) fn arguments(ty: &FuncType, found: usize) -> Self {
        Self::Count { wanted: ty.params.len(), found, what: "arguments" }
    }

    pub(crate) fn results(ty: &FuncType, found: usize) -> Self {
        Self::Count { wanted: ty.results.len(), found, what: "results" }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { wanted, found, what } => write!(f, "expected {wanted} {what}, found {found}"),
            Self::Type { wanted, found } => write!(f, "expected a value of type {wanted}, found {found}"),
            Self::Foreign(what) => write!(f, "{what} of another agent or engine"),
            Self::OutOfBounds => f.write_str("out of bounds"),
            Self::Immutable => f.write_str("it is immutable"),
            Self::UnknownType => f.write_str("the type is unknown to this engine"),
            Self::Descriptor => f.write_str("the descriptor is missing or not of the type's own"),
            Self::Limits => f.write_str("the limits are impossible"),
            Self::Unsupported(what) => write!(f, "the API does not support {what}"),
            Self::Call(misuse) => misuse.fmt(f),
        }
    }
}

impl std::error::Error for Misuse {}

/// Resources that could not be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResourceError {
    message: Box<str>,
}

impl ResourceError {
    pub(crate) fn new(message: impl Into<Box<str>>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for ResourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ResourceError {}

//! What a directive expects against what was found.

use chalcid::{CompileError, Error, Module, Val};

use crate::messages;
use crate::script::Failure;

/// `assert_trap` and `assert_exhaustion`
pub(crate) fn trap(found: Result<Vec<Val>, Failure>, expected: &str) -> Result<(), String> {
    match found {
        Ok(values) => Err(format!("expected trap {expected:?}, found {} results", values.len())),
        Err(Failure::Engine(Error::Trap(trap))) if messages::trap_matches(trap.code().message(), expected) => Ok(()),
        Err(other) => Err(format!("expected trap {expected:?}, found {}", other.describe())),
    }
}

/// `assert_exception`
pub(crate) fn exception(found: Result<Vec<Val>, Failure>) -> Result<(), String> {
    match found {
        Ok(values) => Err(format!("expected an exception, found {} results", values.len())),
        Err(Failure::Engine(Error::Exception(_))) => Ok(()),
        Err(other) => Err(format!("expected an exception, found {}", other.describe())),
    }
}

/// `assert_unlinkable`: the module is fine, its imports are not.
pub(crate) fn unlinkable(found: Result<(), Failure>, expected: &str) -> Result<(), String> {
    let found = match found {
        Ok(()) => return Err(format!("expected link error {expected:?}, found an instance")),
        Err(Failure::UnknownImport(message)) => message,
        Err(Failure::Engine(Error::Link(error))) => error.to_string(),
        Err(other) => return Err(format!("expected link error {expected:?}, found {}", other.describe())),
    };
    if messages::begins_as(&found, expected) {
        Ok(())
    } else {
        Err(format!("expected link error {expected:?}, found {found:?}"))
    }
}

/// `assert_invalid` and `assert_malformed`. Text that the text format's parser refuses only has to be refused.
pub(crate) fn refused(
    found: Result<Option<Result<Module, CompileError>>, String>,
    expected: &str,
) -> Result<(), String> {
    match found {
        Ok(None) => Ok(()),
        Ok(Some(Err(error))) if messages::compile_error_matches(&error.message, expected) => Ok(()),
        Ok(Some(Err(error))) => Err(format!("expected compile error {expected:?}, found {:?}", error.message)),
        Ok(Some(Ok(_))) => Err(format!("expected compile error {expected:?}, found a valid module")),
        Err(message) => Err(format!("expected compile error {expected:?}, found no binary: {message}")),
    }
}

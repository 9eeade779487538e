//! Why a module could not be linked with the imports it was given.

use std::fmt;

/// An import that does not fit.
///
/// The message begins with the words of the specification's tests ("unknown import", "incompatible import type") and names the
/// module, the field, what was wanted and what was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkError {
    /// Position of the import in its module.
    pub index: usize,
    /// First name of the import.
    pub module: Box<str>,
    /// Second name of the import.
    pub name: Box<str>,
    /// What the module wants there.
    pub wanted: Box<str>,
    /// What was given instead; nothing where the import is missing.
    pub found: Option<Box<str>>,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.found.is_some() { "incompatible import type" } else { "unknown import" };
        let found = self.found.as_deref().unwrap_or("nothing");
        write!(
            f,
            "{kind}: import #{} {:?} {:?}: wanted {}, found {found}",
            self.index, self.module, self.name, self.wanted
        )
    }
}

impl std::error::Error for LinkError {}

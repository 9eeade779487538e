//! Why bytes are no valid module.

use std::fmt;

use crate::features::Features;

/// The reason for which a module was refused, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompileError {
    /// What is wrong.
    pub message: String,
    /// Offset of the fault in the module's bytes, where it has one.
    pub offset: Option<usize>,
    /// What was being looked at, for example a function with its index and name.
    pub context: Option<String>,
}

impl CompileError {
    /// A fault at an offset.
    pub fn at(offset: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), offset: Some(offset), context: None }
    }

    /// A fault of the module as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), offset: None, context: None }
    }

    /// The same fault, found within something.
    #[must_use]
    pub fn within(mut self, context: impl Into<String>) -> Self {
        self.context = Some(context.into());
        self
    }
}

impl From<wasmparser::Error> for CompileError {
    fn from(error: wasmparser::Error) -> Self {
        // The library names some operators by its own functions.
        let mut message = error.message().replace("operator: visit_", "operator: ");
        if let Some(feature) = error.missing_wasm_feature().and_then(Features::from_wasmparser) {
            message.push_str(&format!(" (feature `{feature}` is off)"));
        }
        Self { message, offset: usize::try_from(error.offset()).ok(), context: None }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.context {
            write!(f, "{context}: ")?;
        }
        f.write_str(&self.message)?;
        match self.offset {
            Some(offset) => write!(f, " @+{offset}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CompileError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_where_and_within_what() {
        assert_eq!(CompileError::new("too big").to_string(), "too big");
        assert_eq!(CompileError::at(7, "odd").within("function #2").to_string(), "function #2: odd @+7");
    }
}

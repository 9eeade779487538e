//! Why a function was not compiled.

/// What went wrong while compiling one function.
///
/// None of these means that the module is invalid: validation came first. A function that cannot be compiled is reported when
/// it is first called, or when its module is compiled as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// An operator that this compiler does not know yet.
    #[error("unsupported operator {operator} @+{offset}")]
    Unsupported {
        /// The operator, by its name in wasmparser.
        operator: String,
        /// Its offset in the module.
        offset: usize,
    },
    /// The function exceeds a budget.
    #[error("function too complex: {what} {count} > {limit}")]
    TooComplex {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        count: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// The body cannot be read, which validation excludes.
    #[error("malformed function body: {message} @+{offset}")]
    Malformed {
        /// What the reader said.
        message: String,
        /// Offset in the module.
        offset: usize,
    },
    /// The machine or the settings are not supported.
    #[error("unsupported target: {0}")]
    Target(String),
    /// The code generator failed: a fault of the engine, kept from harming its process.
    #[error("internal compiler error: {0}")]
    Internal(String),
}

impl CompileError {
    /// The error for an operator that no family knows: its name without its immediates.
    pub(crate) fn unsupported(op: &wasmparser::Operator<'_>, offset: usize) -> Self {
        let printed = format!("{op:?}");
        let name = printed.split([' ', '{', '(']).next().unwrap_or_default();
        Self::Unsupported { operator: name.to_owned(), offset }
    }
}

impl From<wasmparser::BinaryReaderError> for CompileError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed { message: error.message().to_owned(), offset: error.offset() as usize }
    }
}

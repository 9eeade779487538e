//! What a program may say when it compiles a module: `WebAssemblyCompileOptions`.
//!
//! JS API, section "The WebAssembly Namespace": the dictionary, and "validate builtins and imported string for a WebAssembly module".

use std::fmt;
use std::rc::Rc;

use chalcid::types::{AbsHeapType, ExternType, GlobalType, HeapType, ImportType, RefType, ValType};
use chalcid::{CompileError, Module};

use crate::builtins::{self, Builtin, BuiltinSet};
use crate::errors::compile_error;
use crate::host::{Call, Host, PlatformObject, Tracer, Type};
use crate::webidl::{self, Completion, Dictionary, What};

/// The members of the dictionary.
#[derive(Clone, Default, Debug)]
pub(crate) struct CompileOptions {
    /// `builtins`: every name, whether such a set exists or not.
    builtins: Vec<String>,
    /// `importedStringConstants`
    imported_string_constants: Option<String>,
}

/// Options on their way through a promise reaction.
impl<H: Host> PlatformObject<H> for CompileOptions {
    fn trace(&self, _tracer: &mut dyn Tracer<H>) {}
}

impl CompileOptions {
    /// Converts an argument to the dictionary. **May run JavaScript.**
    pub(crate) fn read<H: Host>(
        host: &H,
        call: &Call<'_, H>,
        index: usize,
        caller: &'static str,
    ) -> Completion<H, Self> {
        let options = Dictionary::new(host, call, index, caller, "an object")?;
        // In the order of Web IDL, which is the alphabet's.
        let builtins = match options.member("builtins")? {
            Some(names) => {
                let what = What::Member(caller, "builtins");
                webidl::sequence(host, &names, what, |name| webidl::usv_string(host, name))?
            }
            None => Vec::new(),
        };
        let imported_string_constants = match options.member("importedStringConstants")? {
            Some(module) if host.type_of(&module) != Type::Null => Some(webidl::usv_string(host, &module)?),
            _ => None,
        };
        Ok(Self { builtins, imported_string_constants })
    }

    /// The options as a value that a function can capture; [`CompileOptions::captured`] finds them again.
    pub(crate) fn capture<H: Host>(self, host: &H) -> Completion<H> {
        host.new_platform_object(None, Rc::new(self))
    }

    /// The options that a value holds.
    pub(crate) fn captured<H: Host>(host: &H, value: Option<&H::Value>) -> Self {
        let options = value.and_then(|value| webidl::slots_of::<H, Self>(host, value));
        options.map_or_else(Self::default, |options| Self::clone(&options))
    }

    /// Whether they say anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.builtins.is_empty() && self.imported_string_constants.is_none()
    }

    /// "Validate builtins and imported string for a WebAssembly module": what the module object keeps, or what is wrong.
    pub(crate) fn validate(self, module: &Module) -> Result<VirtualImports, Invalid> {
        // 1. If validating builtin set names for builtinSetNames is false, return false.
        if let Some(name) = first_duplicate(&self.builtins) {
            return Err(Invalid::DuplicateSet(name.to_owned()));
        }
        let sets = self.builtins.iter().filter_map(|name| BuiltinSet::named(name)).collect();
        let imports = VirtualImports { sets, string_module: self.imported_string_constants };
        if imports.is_empty() {
            return Ok(imports);
        }
        // 2. For each import of module_imports(module),
        for (index, import) in module.imports().enumerate() {
            let is_valid = match imports.find(&import) {
                // 2.1.3. If match_externtype(stringExternType, importExternType) is false, return false.
                Some(Virtual::String) => matches!(import.ty, ExternType::Global(ty) if takes_a_string(ty)),
                // 2.2.1. If validating an import for builtins with import and builtinSetNames is false, return false.
                Some(Virtual::Builtin(builtin)) => builtins::validate_an_import_for_builtins(module, &import, builtin),
                None => true,
            };
            if !is_valid {
                let wanted = match imports.find(&import) {
                    Some(Virtual::Builtin(_)) => "does not have the type of the builtin function",
                    _ => "must be an immutable global of type externref, for a string constant",
                };
                return Err(Invalid::Import {
                    index,
                    module: import.module.to_owned(),
                    name: import.name.to_owned(),
                    wanted,
                });
            }
        }
        // 3. Return true.
        Ok(imports)
    }
}

/// "If builtinSetNames contains any duplicates."
fn first_duplicate(names: &[String]) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    names.iter().find(|name| !seen.insert(name.as_str())).map(String::as_str)
}

/// Whether `global const (ref extern)` matches the type of a global.
fn takes_a_string(ty: GlobalType) -> bool {
    const EXTERN: HeapType = HeapType::Abstract(AbsHeapType::Extern);
    !ty.mutable && matches!(ty.content, ValType::Ref(RefType { heap: EXTERN, .. }))
}

/// Why a module does not go with its options.
pub(crate) enum Invalid {
    /// A set is named twice.
    DuplicateSet(String),
    /// An import that the interface would provide is of another type.
    Import { index: usize, module: String, name: String, wanted: &'static str },
    /// The module itself.
    Module(CompileError),
    /// There are no bytes.
    Empty,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateSet(name) => write!(f, "Property 'builtins': duplicate builtin set '{name}'"),
            Self::Import { index, module, name, wanted } => {
                write!(f, "Import #{index} \"{module}\" \"{name}\" {wanted}")
            }
            Self::Module(CompileError { context: Some(context), message, offset }) => {
                write!(f, "Compiling {context} failed: {message}")?;
                offset.map_or(Ok(()), |offset| write!(f, " @+{offset}"))
            }
            Self::Module(error) => error.fmt(f),
            Self::Empty => f.write_str("BufferSource argument is empty"),
        }
    }
}

impl Invalid {
    /// The CompileError of an operation.
    pub(crate) fn into_error<H: Host>(self, host: &H, caller: &str) -> H::Value {
        compile_error(host, format_args!("{caller}: {self}"))
    }
}

/// The imports of a module that the interface provides: `[[BuiltinSets]]` and `[[ImportedStringModule]]`.
#[derive(Clone, Default, Debug)]
pub(crate) struct VirtualImports {
    sets: Vec<BuiltinSet>,
    string_module: Option<String>,
}

/// What the interface provides for an import.
#[derive(Clone, Copy)]
pub(crate) enum Virtual {
    /// A String: the import's name.
    String,
    /// A builtin function.
    Builtin(Builtin),
}

impl VirtualImports {
    fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.string_module.is_none()
    }

    /// What is provided for an import; `None` where the imports object is asked.
    pub(crate) fn find(&self, import: &ImportType<'_>) -> Option<Virtual> {
        if self.string_module.as_deref() == Some(import.module) {
            return Some(Virtual::String);
        }
        builtins::find_a_builtin(import, &self.sets).map(Virtual::Builtin)
    }
}

//! Builtin sets: functions of the JavaScript engine that a module can import and call without JavaScript in between.
//!
//! JS API, section "Builtins".

mod js_string;

use chalcid::types::{DefTypeId, ExternType, ImportType};
use chalcid::{Func, Module};

use crate::agent::realm_of;
use crate::errors::range_error;
use crate::host::Host;
use crate::webidl::Completion;

pub(crate) use js_string::JsString;

/// A builtin set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BuiltinSet {
    /// `js-string`
    JsString,
}

/// A function of a builtin set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Builtin {
    /// Of `js-string`.
    JsString(JsString),
}

impl BuiltinSet {
    /// The set of a name, where there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        (name == "js-string").then_some(Self::JsString)
    }

    fn qualified_name(self) -> &'static str {
        match self {
            Self::JsString => "wasm:js-string",
        }
    }

    /// "Get the builtins for a builtin set": the one of a name.
    fn builtin(self, name: &str) -> Option<Builtin> {
        match self {
            Self::JsString => JsString::named(name).map(Builtin::JsString),
        }
    }
}

/// "Find a builtin" for an import.
pub(crate) fn find_a_builtin(import: &ImportType<'_>, sets: &[BuiltinSet]) -> Option<Builtin> {
    sets.iter().filter(|set| set.qualified_name() == import.module).find_map(|set| set.builtin(import.name))
}

/// "Validate an import for builtins", for the builtin that was found.
pub(crate) fn validate_an_import_for_builtins(module: &Module, import: &ImportType<'_>, builtin: Builtin) -> bool {
    // 4. Let importExternType be import[2].
    let ExternType::Func(ty) = import.ty else { return false };
    // 5. Let builtinFuncType be maybeBuiltin[1][1].
    let Builtin::JsString(builtin) = builtin;
    // 7. Return match_externtype(builtinExternType, importExternType). The builtin's type is final and below no other.
    builtin.func_type(module.engine()).is_some_and(|handle| handle.id() == ty)
}

/// "Create a builtin function" of the type that an import was found to have.
pub(crate) fn create_a_builtin_function<H: Host>(
    host: &H,
    builtin: Builtin,
    ty: DefTypeId,
    index: u32,
) -> Completion<H, Func> {
    let realm = realm_of(host)?;
    // 1. Let hostfunc be a host function which executes steps when called.
    let Builtin::JsString(builtin) = builtin;
    let hostfunc = builtin.host_function(host);
    // 3. Let (store, funcaddr) be func_alloc(store, funcType, hostfunc).
    Func::from_host(realm.agent(), ty, index, hostfunc).map_err(|error| range_error(host, error))
}

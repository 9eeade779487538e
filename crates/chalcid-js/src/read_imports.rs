//! Reading the imports of a module from an imports object.
//!
//! JS API, section "The WebAssembly Namespace", "read the imports".

use std::fmt::{self, Display};
use std::rc::Rc;

use chalcid::types::{ExternType, GlobalType, ImportType, ValType};
use chalcid::{Extern, Func, Global, Module, Val};

use crate::agent::realm_of;
use crate::builtins::{Builtin, create_a_builtin_function};
use crate::compile_options::{Virtual, VirtualImports};
use crate::conversions::{to_reference, to_webassembly_value};
use crate::errors::{link_error, range_error, type_error};
use crate::exported_function::{self, Shape};
use crate::global::GlobalObject;
use crate::host::{Host, Type};
use crate::host_function::create_a_host_function;
use crate::memory::MemoryObject;
use crate::module::ModuleObject;
use crate::table::TableObject;
use crate::tag::TagObject;
use crate::webidl::{Completion, slots_of};

/// Which import a message is about: `WebAssembly.Instance(): Import #0 "env" "f"`.
#[derive(Clone, Copy)]
pub(crate) struct ImportName<'a> {
    pub(crate) caller: &'a str,
    pub(crate) index: usize,
    pub(crate) module: &'a str,
    pub(crate) name: &'a str,
}

impl Display for ImportName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: Import #{} \"{}\" \"{}\"", self.caller, self.index, self.module, self.name)
    }
}

/// What can be known of an import before there are values for it: found out once for a Module object.
pub(crate) struct PreparedImport<H: Host> {
    module: H::Value,
    name: H::Value,
    /// What the compile options provide.
    provided: Option<Virtual>,
    /// Of a function.
    shape: Shape,
}

/// What can be known of a module's imports.
pub(crate) fn prepare_the_imports<H: Host>(
    host: &H,
    module: &Module,
    virtual_imports: &VirtualImports,
) -> Completion<H, Box<[PreparedImport<H>]>> {
    let prepare = |import: ImportType<'_>| {
        let shape = match import.ty {
            ExternType::Func(ty) => module.engine().func_type(ty).map_or(Shape::Opaque, |ty| Shape::of(&ty)),
            _ => Shape::Opaque,
        };
        let (module, name) = (host.property_name(import.module)?, host.property_name(import.name)?);
        Ok(PreparedImport { module, name, provided: virtual_imports.find(&import), shape })
    };
    module.imports().map(prepare).collect()
}

/// "Read the imports" of a module. **May run JavaScript.**
pub(crate) fn read_the_imports<H: Host>(
    host: &H,
    module_object: &ModuleObject<H>,
    import_object: Option<&H::Value>,
    caller: &str,
) -> Completion<H, Vec<Extern>> {
    let module = &module_object.module;
    // 1. If module.imports is not empty, and importObject is undefined, throw a TypeError exception.
    let Some(import_object) = import_object else {
        return match module.imports().len() {
            0 => Ok(Vec::new()),
            _ => {
                Err(type_error(host, format_args!("{caller}: Imports argument must be present and must be an object")))
            }
        };
    };
    // 5. Let imports be « ».
    let mut imports = Vec::with_capacity(module.imports().len());
    let mut external_functions = 0;
    // 6. For each (moduleName, componentName, externtype) of module_imports(module),
    for (index, (import, prepared)) in module.imports().zip(module_object.prepared_imports(host)?).enumerate() {
        let name = ImportName { caller, index, module: import.module, name: import.name };
        // 6.1. If builtinOrStringImports contains moduleName, and what it has there has the property componentName, that is v.
        let provided = match prepared.provided {
            Some(Virtual::Builtin(builtin)) => Some(builtin_import(host, builtin, &import, external_functions)?),
            Some(Virtual::String) => Some(string_import(host, &import)?),
            None => None,
        };
        if let Some(provided) = provided {
            external_functions += u32::from(matches!(provided, Extern::Func(_)));
            imports.push(provided);
            continue;
        }
        // 6.2.1. Let o be ? Get(importObject, moduleName).
        let o = host.get_named(import_object, &prepared.module)?;
        // 6.3. If o is not an Object, throw a TypeError exception.
        if host.type_of(&o) != Type::Object {
            return Err(type_error(
                host,
                format_args!("{caller}: Import #{index} \"{}\": module is not an object or function", import.module),
            ));
        }
        // 6.4. Let v be ? Get(o, componentName).
        let v = host.get_named(&o, &prepared.name)?;
        let wrong = |wanted: &str| link_error(host, format_args!("{name}: {wanted}, found {}", describe(host, &v)));
        imports.push(match import.ty {
            // 6.5. If externtype is of the form func functype,
            ExternType::Func(functype) => {
                // 6.5.1. If IsCallable(v) is false, throw a LinkError exception.
                if !host.is_callable(&v) {
                    return Err(wrong("function import requires a callable"));
                }
                let funcaddr: Func = match exported_function::function_of(host, &v) {
                    // 6.5.2. If v has a [[FunctionAddress]] internal slot, let funcaddr be its value.
                    Some(funcaddr) => funcaddr,
                    // 6.5.3. Otherwise, create a host function from v and functype, and let funcaddr be the result.
                    None => create_a_host_function(host, &v, functype, prepared.shape, external_functions)?,
                };
                external_functions += 1;
                Extern::Func(funcaddr)
            }
            // 6.6. If externtype is of the form global mut valtype,
            ExternType::Global(ty) => match slots_of::<H, GlobalObject>(host, &v) {
                // 6.6.1. If v implements Global, let globaladdr be v.[[Global]].
                Some(slots) => Extern::Global(slots.global()),
                // 6.6.2. Otherwise,
                None => Extern::Global(global_of_a_value(host, &v, ty.content)?.ok_or_else(|| wrong(wanted(ty)))?),
            },
            // 6.7. If externtype is of the form mem memtype, v must implement Memory.
            ExternType::Memory(_) => {
                let slots: Rc<MemoryObject<H>> =
                    slots_of(host, &v).ok_or_else(|| wrong("memory import must be a WebAssembly.Memory object"))?;
                Extern::Memory(slots.memory())
            }
            // 6.8. If externtype is of the form table tabletype, v must implement Table.
            ExternType::Table(_) => {
                let slots: Rc<TableObject> =
                    slots_of(host, &v).ok_or_else(|| wrong("table import requires a WebAssembly.Table"))?;
                Extern::Table(slots.table())
            }
            // 6.9. If externtype is of the form tag attribute functype, v must implement Tag.
            ExternType::Tag(_) => {
                let slots: Rc<TagObject> =
                    slots_of(host, &v).ok_or_else(|| wrong("tag import requires a WebAssembly.Tag"))?;
                Extern::Tag(slots.tag())
            }
        });
    }
    // 7. Return imports.
    Ok(imports)
}

/// A builtin function for an import whose type was validated.
fn builtin_import<H: Host>(host: &H, builtin: Builtin, import: &ImportType<'_>, index: u32) -> Completion<H, Extern> {
    match import.ty {
        ExternType::Func(ty) => create_a_builtin_function(host, builtin, ty, index).map(Extern::Func),
        _ => Err(link_error(host, "import does not match the expected type")),
    }
}

/// A String constant for an import whose type was validated: a constant global with the import's name as its value.
fn string_import<H: Host>(host: &H, import: &ImportType<'_>) -> Completion<H, Extern> {
    let ExternType::Global(ty) = import.ty else {
        return Err(link_error(host, "import does not match the expected type"));
    };
    let value = Val::ExternRef(Some(host.to_host_value(host.string(import.name))));
    Global::new(realm_of(host)?.agent(), ty, value).map(Extern::Global).map_err(|error| range_error(host, error))
}

/// Steps 6.6.2.1 to 6.6.2.6 of "read the imports": a new constant global with a value; `None` where the text throws a LinkError.
fn global_of_a_value<H: Host>(host: &H, v: &H::Value, content: ValType) -> Completion<H, Option<Global>> {
    let value: Option<Val> = match (content, host.type_of(v)) {
        // 6.6.2.1. If valtype is i64 and v is not a BigInt, throw a LinkError exception.
        // 6.6.2.2. If valtype is one of i32, f32 or f64 and v is not a Number, throw a LinkError exception.
        // 6.6.2.4. Let value be ToWebAssemblyValue(v, valtype).
        (ValType::I64, Type::BigInt) | (ValType::I32 | ValType::F32 | ValType::F64, Type::Number) => {
            Some(to_webassembly_value(host, v, content)?)
        }
        // 6.6.2.4. … If this operation throws a TypeError, catch it, and throw a LinkError exception.
        (ValType::Ref(ty), _) => to_reference(host, v, ty),
        // 6.6.2.3. If valtype is v128, throw a LinkError exception.
        _ => None,
    };
    let Some(value) = value else { return Ok(None) };
    // 6.6.2.6. Let (store, globaladdr) be global_alloc(store, const valtype, value).
    let ty = GlobalType { content, mutable: false };
    Global::new(realm_of(host)?.agent(), ty, value).map(Some).map_err(|error| range_error(host, error))
}

/// What a global import must be.
fn wanted(ty: GlobalType) -> &'static str {
    match ty {
        GlobalType { mutable: true, .. } => "imported mutable global must be a WebAssembly.Global object",
        GlobalType { content: ValType::I64, .. } => "global import must be a BigInt or WebAssembly.Global object",
        GlobalType { content: ValType::V128, .. } => "global import must be a WebAssembly.Global object",
        GlobalType { content: ValType::Ref(_), .. } => "imported global does not match the expected type",
        _ => "global import must be a number or WebAssembly.Global object",
    }
}

/// A value in a few words, for messages.
fn describe<H: Host>(host: &H, value: &H::Value) -> &'static str {
    match host.type_of(value) {
        Type::Undefined => "undefined",
        Type::Null => "null",
        Type::Boolean => "a boolean",
        Type::Number => "a number",
        Type::BigInt => "a BigInt",
        Type::String => "a string",
        Type::Symbol => "a symbol",
        Type::Object if host.is_callable(value) => "a function",
        Type::Object if slots_of::<H, MemoryObject<H>>(host, value).is_some() => "a WebAssembly.Memory object",
        Type::Object if slots_of::<H, TableObject>(host, value).is_some() => "a WebAssembly.Table object",
        Type::Object if slots_of::<H, GlobalObject>(host, value).is_some() => "a WebAssembly.Global object",
        Type::Object if slots_of::<H, TagObject>(host, value).is_some() => "a WebAssembly.Tag object",
        Type::Object => "an object",
    }
}

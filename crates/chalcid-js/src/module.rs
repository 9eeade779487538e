//! Modules: the Module interface, and compiling.
//!
//! JS API, section "Modules", and the compiling half of section "The WebAssembly Namespace".

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use chalcid::types::{ExternKind, ExternType};
use chalcid::{CompileError, Engine, Module, ModuleBuilder};

use crate::agent::{Interface, realm_of};
use crate::compile_options::{CompileOptions, Invalid, VirtualImports};
use crate::host::{Attributes, Call, Host, Intrinsic, Key, PlatformObject, PromiseCapability, Tracer};
use crate::promise;
use crate::read_imports::{PreparedImport, prepare_the_imports};
use crate::webidl::{self, Completion};

/// The internal slots of a Module object. `[[Bytes]]` are kept by the module itself.
pub struct ModuleObject<H: Host> {
    /// `[[Module]]`
    pub(crate) module: Module,
    /// `[[BuiltinSets]]` and `[[ImportedStringModule]]`
    pub(crate) virtual_imports: VirtualImports,
    /// The names of its exports as property keys: made when the first of its instances is asked for an export.
    export_names: OnceCell<H::ExportNames>,
    /// What can be known of its imports: found out when it is first instantiated.
    imports: OnceCell<Box<[PreparedImport<H>]>>,
}

impl<H: Host> ModuleObject<H> {
    /// The slots of a new Module object.
    fn new(module: Module, virtual_imports: VirtualImports) -> Rc<Self> {
        Rc::new(Self { module, virtual_imports, export_names: OnceCell::new(), imports: OnceCell::new() })
    }

    /// The names of its exports as property keys.
    pub(crate) fn export_names(&self, host: &H) -> Completion<H, &H::ExportNames> {
        if let Some(names) = self.export_names.get() {
            return Ok(names);
        }
        let names = host.export_names(&mut self.module.exports().map(|export| export.name))?;
        Ok(self.export_names.get_or_init(|| names))
    }

    /// What can be known of its imports, in module order.
    pub(crate) fn prepared_imports(&self, host: &H) -> Completion<H, &[PreparedImport<H>]> {
        if let Some(imports) = self.imports.get() {
            return Ok(imports);
        }
        let imports = prepare_the_imports(host, &self.module, &self.virtual_imports)?;
        Ok(self.imports.get_or_init(|| imports))
    }
}

impl<H: Host> PlatformObject<H> for ModuleObject<H> {
    fn trace(&self, _tracer: &mut dyn Tracer<H>) {}
}

/// "Compile a WebAssembly module" from source bytes.
fn compile_a_webassembly_module(engine: &Engine, bytes: Arc<[u8]>) -> Result<Module, CompileError> {
    // 1. Let module be module_decode(bytes). If module is error, return error.
    // 2. If module_validate(module) is error, return error.
    // 3. Return module.
    Module::new(engine, bytes)
}

/// Compiles a module, and validates builtins and imported strings.
fn compile_with_options(
    engine: &Engine,
    bytes: Arc<[u8]>,
    options: CompileOptions,
) -> Result<(Module, VirtualImports), Invalid> {
    if bytes.is_empty() {
        return Err(Invalid::Empty);
    }
    let module = compile_a_webassembly_module(engine, bytes).map_err(Invalid::Module)?;
    let virtual_imports = options.validate(&module)?;
    Ok((module, virtual_imports))
}

/// The same for bytes that were compiled while they arrived.
fn finish_with_options(builder: ModuleBuilder, options: CompileOptions) -> Result<(Module, VirtualImports), Invalid> {
    if builder.is_empty() {
        return Err(Invalid::Empty);
    }
    let module = builder.finish().map_err(Invalid::Module)?;
    let virtual_imports = options.validate(&module)?;
    Ok((module, virtual_imports))
}

/// Whether bytes are a valid module that goes with the options.
pub(crate) fn validate(engine: &Engine, bytes: Arc<[u8]>, options: CompileOptions) -> bool {
    if options.is_empty() {
        return Module::validate(engine, &bytes).is_ok();
    }
    compile_with_options(engine, bytes, options).is_ok()
}

/// "Construct a WebAssembly module object" from a module, enabled builtins, and importedStringModule.
pub(crate) fn construct_a_webassembly_module_object<H: Host>(
    host: &H,
    module: Module,
    virtual_imports: VirtualImports,
) -> Completion<H> {
    // 1. Let moduleObject be a new Module.
    // 2. Set moduleObject.[[Module]] to module.
    // 4. Set moduleObject.[[BuiltinSets]] to builtinSetNames.
    // 5. Set moduleObject.[[ImportedStringModule]] to importedStringModule.
    let prototype = realm_of(host)?.prototype(Interface::Module).clone();
    host.new_platform_object(Some(&prototype), ModuleObject::new(module, virtual_imports))
    // 6. Return moduleObject.
}

/// "Asynchronously compile a WebAssembly module" from source bytes: settles a promise that exists already.
///
/// A CompileError's message begins with the name of the function that was called.
pub(crate) fn asynchronously_compile_a_webassembly_module<H: Host>(
    host: &H,
    bytes: Arc<[u8]>,
    options: CompileOptions,
    caller: &'static str,
    promise: PromiseCapability<H::Value>,
) -> Completion<H, ()> {
    // 2. Run the following steps in parallel:
    // 2.1. Compile the WebAssembly module bytes and store the result as module.
    let engine = realm_of(host)?.engine().clone();
    settle_with_a_module(host, move || compile_with_options(&engine, bytes, options), caller, promise);
    Ok(())
}

/// The same for bytes that have arrived, and were compiled meanwhile.
pub(crate) fn asynchronously_finish_a_webassembly_module<H: Host>(
    host: &H,
    builder: ModuleBuilder,
    options: CompileOptions,
    caller: &'static str,
    promise: PromiseCapability<H::Value>,
) {
    settle_with_a_module(host, move || finish_with_options(builder, options), caller, promise);
}

/// Compiles in parallel, and settles a promise.
fn settle_with_a_module<H: Host>(
    host: &H,
    work: impl FnOnce() -> Result<(Module, VirtualImports), Invalid> + Send + 'static,
    caller: &'static str,
    promise: PromiseCapability<H::Value>,
) {
    // 2.2. Queue a task to perform the following steps:
    host.in_parallel(work, move |host: &H, module| {
        let module_object = match module {
            // 2.2.1. If module is error, reject promise with a CompileError exception and return.
            // 2.2.4. If validating builtins and imported strings is false, reject promise with a CompileError exception.
            Err(invalid) => Err(invalid.into_error(host, caller)),
            // 2.2.5.1. Construct a WebAssembly module object from module, and let moduleObject be the result.
            Ok((module, virtual_imports)) => construct_a_webassembly_module_object(host, module, virtual_imports),
        };
        // 2.2.5.2. Resolve promise with moduleObject.
        promise::settle(host, &promise, module_object);
    });
}

/// "String value of the extern type".
fn string_value_of_the_extern_type(ty: &ExternType) -> &'static str {
    match ExternKind::of(ty) {
        ExternKind::Func => "function",
        ExternKind::Table => "table",
        ExternKind::Memory => "memory",
        ExternKind::Global => "global",
        ExternKind::Tag => "tag",
    }
}

/// A `ModuleExportDescriptor` or `ModuleImportDescriptor` as an object.
fn descriptor<H: Host>(host: &H, object_prototype: &H::Value, members: &[(&str, &str)]) -> Completion<H> {
    let object = host.new_object(Some(object_prototype))?;
    for (name, value) in members {
        host.define_property(&object, Key::String(name), host.string(value), Attributes::ALL)?;
    }
    Ok(object)
}

/// The interface object and the interface prototype object.
pub(crate) fn create_the_module_interface<H: Host>(host: &H) -> Completion<H, (H::Value, H::Value)> {
    let (object, prototype) = webidl::create_an_interface(host, Interface::Module, 1, constructor)?;
    webidl::define_operation(host, &object, "exports", 1, exports)?;
    webidl::define_operation(host, &object, "imports", 1, imports)?;
    webidl::define_operation(host, &object, "customSections", 2, custom_sections)?;
    Ok((object, prototype))
}

/// `new Module(bytes, options)`
fn constructor<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Module()";
    let new_target = webidl::require_new(host, call, Interface::Module)?;
    // 1. Let stableBytes be a copy of the bytes held by the buffer bytes.
    let (stable_bytes, options) = webidl::buffer_source_and_options(host, call, 1, CALLER)?;
    let prototype = webidl::prototype_from_new_target(host, new_target, Interface::Module)?;
    // 2. Compile the WebAssembly module stableBytes and store the result as module.
    // 3. If module is error, throw a CompileError exception.
    // 6. If validating builtins and imported strings returns false, throw a CompileError exception.
    let realm = realm_of(host)?;
    let (module, virtual_imports) = compile_with_options(realm.engine(), stable_bytes, options)
        .map_err(|invalid| invalid.into_error(host, CALLER))?;
    // 7. Set this.[[Module]] to module.
    // 9. Set this.[[BuiltinSets]] to builtinSetNames.
    // 10. Set this.[[ImportedStringModule]] to importedStringModule.
    host.new_platform_object(Some(&prototype), ModuleObject::new(module, virtual_imports))
}

/// `Module.exports(moduleObject)`
fn exports<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    // 1. Let module be moduleObject.[[Module]].
    let slots: Rc<ModuleObject<H>> =
        webidl::argument_slots(host, call, 0, "WebAssembly.Module.exports()", Interface::Module)?;
    let object_prototype = host.intrinsic(Intrinsic::ObjectPrototype);
    // 2. Let exports be « ».
    // 3. For each (name, type) of module_exports(module),
    let exports = slots.module.exports().map(|export| {
        // 3.1. Let kind be the string value of the extern type type.
        let kind = string_value_of_the_extern_type(&export.ty);
        // 3.2. Let obj be «[ "name" → name, "kind" → kind ]».
        // 3.3. Append obj to exports.
        descriptor(host, &object_prototype, &[("name", export.name), ("kind", kind)])
    });
    // 4. Return exports.
    host.new_array(exports.collect::<Completion<H, Vec<_>>>()?)
}

/// `Module.imports(moduleObject)`
fn imports<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    // 1. Let module be moduleObject.[[Module]].
    let slots: Rc<ModuleObject<H>> =
        webidl::argument_slots(host, call, 0, "WebAssembly.Module.imports()", Interface::Module)?;
    let object_prototype = host.intrinsic(Intrinsic::ObjectPrototype);
    // 4. Let imports be « ».
    // 5. For each (moduleName, name, type) of module_imports(module),
    // 5.1. If finding a builtin for the import is not null, then continue.
    // 5.2. If moduleName equals importedStringModule, then continue.
    let asked_for = slots.module.imports().filter(|import| slots.virtual_imports.find(import).is_none());
    let imports = asked_for.map(|import| {
        // 5.3. Let kind be the string value of the extern type type.
        let kind = string_value_of_the_extern_type(&import.ty);
        // 5.4. Let obj be «[ "module" → moduleName, "name" → name, "kind" → kind ]».
        // 5.5. Append obj to imports.
        descriptor(host, &object_prototype, &[("module", import.module), ("name", import.name), ("kind", kind)])
    });
    // 6. Return imports.
    host.new_array(imports.collect::<Completion<H, Vec<_>>>()?)
}

/// `Module.customSections(moduleObject, sectionName)`
fn custom_sections<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Module.customSections()";
    webidl::require_arguments(host, call, 2, CALLER)?;
    let slots: Rc<ModuleObject<H>> = webidl::argument_slots(host, call, 0, CALLER, Interface::Module)?;
    let section_name = webidl::dom_string(host, &call.arg(host, 1))?;
    // 1. Let bytes be moduleObject.[[Bytes]].
    // 2. Let customSections be « ».
    let mut custom_sections = Vec::new();
    // 3. For each custom section customSection of bytes,
    if let Some(section_name) = section_name {
        // 3.1. Let name be the name of customSection, decoded as UTF-8.
        // 3.3. If name equals sectionName as string values,
        for contents in slots.module.custom_sections(&section_name) {
            // 3.3.1. Append a new ArrayBuffer containing a copy of the bytes to customSections.
            custom_sections.push(host.new_array_buffer(contents)?);
        }
    }
    // 4. Return customSections.
    host.new_array(custom_sections)
}

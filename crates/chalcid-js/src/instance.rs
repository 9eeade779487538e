//! Instances: the Instance interface, and instantiating.
//!
//! JS API, section "Instances", and the instantiating half of section "The WebAssembly Namespace".

use std::borrow::Cow;
use std::rc::Rc;

use chalcid::types::{ExternKind, ExternType, Limits};
use chalcid::{Error, Extern, Instance, LinkError, Module, TrapCode};

use crate::agent::{Interface, realm_of};
use crate::errors::{self, thrown_value};
use crate::exported_function::instance_record;
use crate::exports_object::ExportsObject;
use crate::host::{Attributes, Call, Host, Intrinsic, Key, PlatformObject, PromiseCapability, Tracer, Type};
use crate::module::ModuleObject;
use crate::promise;
use crate::read_imports::{ImportName, read_the_imports};
use crate::webidl::{self, Completion};

/// The internal slots of an Instance object.
pub(crate) struct InstanceObject<H: Host> {
    /// `[[Instance]]`: the record that keeps it.
    record: H::Value,
    /// `[[Exports]]`
    exports: H::Value,
}

impl<H: Host> InstanceObject<H> {
    /// The record of `[[Instance]]`.
    pub(crate) fn record(&self) -> &H::Value {
        &self.record
    }
}

impl<H: Host> PlatformObject<H> for InstanceObject<H> {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        tracer.value(&self.record);
        tracer.value(&self.exports);
    }
}

/// "Initialize an instance object": makes the object with a prototype.
fn initialize_an_instance_object<H: Host>(
    host: &H,
    module_object: Rc<ModuleObject<H>>,
    instance: &Instance,
    prototype: &H::Value,
) -> Completion<H> {
    let record = instance_record(host, instance)?;
    // 1. Create an exports object from module and instance and let exportsObject be the result.
    let exports = host.new_exports_object(ExportsObject::new(record.clone(), module_object))?;
    // 2. Set instanceObject.[[Instance]] to instance.
    // 3. Set instanceObject.[[Exports]] to exportsObject.
    host.new_platform_object(Some(prototype), Rc::new(InstanceObject::<H> { record, exports }))
}

/// "Instantiate the core of a WebAssembly module" with imports. **May run JavaScript**: the start function may call imports.
fn instantiate_the_core_of_a_webassembly_module<H: Host>(
    host: &H,
    module: &Module,
    imports: &[Extern],
    caller: &str,
) -> Completion<H, Instance> {
    // 2. Let result be module_instantiate(store, module, imports).
    // 3. If result is error, throw an appropriate exception type.
    let realm = realm_of(host)?;
    let instance = match Instance::allocate(realm.agent(), module, imports) {
        Err(Error::Resource(_)) => {
            host.collect_garbage();
            Instance::allocate(realm.agent(), module, imports)
        }
        made => made,
    };
    let instance = instance.map_err(|error| match error {
        Error::Link(error) => link_error(host, &error, module, imports, caller),
        Error::Resource(error) => errors::range_error(host, format_args!("{caller}: {error}")),
        error => thrown_value(host, error),
    })?;
    // Functions may reach JavaScript as soon as the start function runs: from now on the record keeps the instance.
    let _record = instance_record(host, &instance)?;
    instance.initialize().map_err(|error| match &error {
        // No function was running: it was a segment.
        Error::Trap(trap) if trap.frames().is_empty() => {
            let problem = match trap.code() {
                TrapCode::MemoryOutOfBounds => "data segment is out of bounds",
                code => errors::trap_message(code),
            };
            errors::runtime_error(host, format_args!("{caller}: {problem}"))
        }
        _ => thrown_value(host, error),
    })?;
    // 6. Return instance.
    Ok(instance)
}

/// The LinkError of an import that does not fit.
fn link_error<H: Host>(host: &H, error: &LinkError, module: &Module, imports: &[Extern], caller: &str) -> H::Value {
    let name = ImportName { caller, index: error.index, module: &error.module, name: &error.name };
    let wanted = module.imports().nth(error.index).map(|import| import.ty);
    let found = imports.get(error.index).map(Extern::ty);
    let problem: Cow<'_, str> = match (wanted, found) {
        (Some(ExternType::Memory(wanted)), Some(ExternType::Memory(found))) => {
            limits_problem("memory", "pages", wanted.limits, found.limits)
        }
        (Some(ExternType::Table(wanted)), Some(ExternType::Table(found))) if wanted.element == found.element => {
            limits_problem("table", "elements", wanted.limits, found.limits)
        }
        (Some(ExternType::Global(wanted)), Some(ExternType::Global(found))) if wanted.mutable != found.mutable => {
            "imported global does not match the expected mutability".into()
        }
        (Some(wanted), _) => {
            format!("imported {} does not match the expected type", ExternKind::of(&wanted).name()).into()
        }
        (None, _) => "import does not match the expected type".into(),
    };
    let found = error.found.as_deref().unwrap_or("nothing");
    errors::link_error(host, format_args!("{name}: {problem}: wanted {}, found {found}", error.wanted))
}

/// Why a memory or a table does not fit.
fn limits_problem(what: &str, unit: &str, wanted: Limits, found: Limits) -> Cow<'static, str> {
    if found.min < wanted.min {
        let (size, initial) = (found.min, wanted.min);
        return format!("{what} import has {size} {unit} which is smaller than the declared initial of {initial}")
            .into();
    }
    match (wanted.max, found.max) {
        (Some(most), None) => format!("{what} import has no maximum limit, expected at most {most}").into(),
        (Some(most), Some(max)) if max > most => {
            format!("{what} import has a larger maximum size {max} than the module's declared maximum {most}").into()
        }
        _ => format!("imported {what} does not match the expected type").into(),
    }
}

/// "Asynchronously instantiate a WebAssembly module" from a module and imports: settles a promise that exists already.
///
/// What it returns as `Err` is the reason to reject the promise with.
pub(crate) fn asynchronously_instantiate_a_webassembly_module<H: Host>(
    host: &H,
    module_object: Rc<ModuleObject<H>>,
    import_object: Option<&H::Value>,
    caller: &'static str,
    promise: PromiseCapability<H::Value>,
) -> Completion<H, ()> {
    // 2. Let module be moduleObject.[[Module]].
    // 5. Read the imports of module with imports importObject, and let imports be the result.
    let imports = read_the_imports(host, &module_object, import_object, caller)?;
    // 6. Run the following steps in parallel: 6.1. Queue a task to perform the following steps:
    host.queue_task(move |host: &H| {
        // 6.1.1. Instantiate the core of a WebAssembly module module with imports, and let instance be the result.
        let instance_object =
            instantiate_the_core_of_a_webassembly_module(host, &module_object.module, &imports, caller)
                // 6.1.2. Let instanceObject be a new Instance.
                // 6.1.3. Initialize instanceObject from module and instance.
                .and_then(|instance| {
                    let realm = realm_of(host)?;
                    initialize_an_instance_object(host, module_object, &instance, realm.prototype(Interface::Instance))
                });
        // 6.1.4. Resolve promise with instanceObject.
        promise::settle(host, &promise, instance_object);
    });
    Ok(())
}

/// "Instantiate a promise of a module" with imports: settles a promise that exists already.
pub(crate) fn instantiate_a_promise_of_a_module<H: Host>(
    host: &H,
    promise_of_module: &H::Value,
    import_object: Option<H::Value>,
    promise: PromiseCapability<H::Value>,
) -> Completion<H, ()> {
    // 2. React to promiseOfModule:
    // 2.2. If promiseOfModule was rejected with reason reason, reject promise with reason.
    let mut captures = promise::captures(&promise);
    captures.push(import_object.unwrap_or_else(|| host.undefined()));
    promise::react(host, promise_of_module, module_fulfilled, promise::reject_captured, captures)
}

/// Step 2.1 of "instantiate a promise of a module". Captures: the promise, importObject.
fn module_fulfilled<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    let promise = promise::captured_capability(host, call);
    let react = || {
        let module = call.arg(host, 0);
        let slots: Rc<ModuleObject<H>> =
            webidl::argument_slots(host, call, 0, "WebAssembly.instantiate()", Interface::Module)?;
        let import_object = call.captures.get(3).filter(|object| host.type_of(object) == Type::Object);
        // 2.1.1. Instantiate the WebAssembly module module importing importObject, and let innerPromise be the result.
        let inner_promise = promise::promise_of(host, |inner_promise| {
            asynchronously_instantiate_a_webassembly_module(
                host,
                slots,
                import_object,
                "WebAssembly.instantiate()",
                inner_promise,
            )
        })?;
        // 2.1.2. React to innerPromise:
        // 2.1.2.2. If innerPromise was rejected with reason reason, reject promise with reason.
        let mut captures = promise::captures(&promise);
        captures.push(module);
        promise::react(host, &inner_promise, instance_fulfilled, promise::reject_captured, captures)
    };
    if let Err(thrown) = react() {
        promise::settle(host, &promise, Err(thrown));
    }
    Ok(host.undefined())
}

/// Step 2.1.2.1 of "instantiate a promise of a module". Captures: the promise, module.
fn instance_fulfilled<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    let promise = promise::captured_capability(host, call);
    let module = call.captures.get(3).cloned().unwrap_or_else(|| host.undefined());
    let source = || {
        // 2.1.2.1.1. Let result be the WebAssemblyInstantiatedSource value «[ "module" → module, "instance" → instance ]».
        let result = host.new_object(Some(&host.intrinsic(Intrinsic::ObjectPrototype)))?;
        host.define_property(&result, Key::String("module"), module, Attributes::ALL)?;
        host.define_property(&result, Key::String("instance"), call.arg(host, 0), Attributes::ALL)?;
        Ok(result)
    };
    // 2.1.2.1.2. Resolve promise with result.
    promise::settle(host, &promise, source());
    Ok(host.undefined())
}

/// The interface object and the interface prototype object.
pub(crate) fn create_the_instance_interface<H: Host>(host: &H) -> Completion<H, (H::Value, H::Value)> {
    let (object, prototype) = webidl::create_an_interface(host, Interface::Instance, 1, constructor)?;
    webidl::define_attribute(host, &prototype, "exports", exports, None)?;
    Ok((object, prototype))
}

/// `new Instance(moduleObject, importObject)`
fn constructor<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Instance()";
    let new_target = webidl::require_new(host, call, Interface::Instance)?;
    // 3. Let module be moduleObject.[[Module]].
    let slots: Rc<ModuleObject<H>> = webidl::argument_slots(host, call, 0, CALLER, Interface::Module)?;
    let import_object = webidl::optional_object(host, call, 1, CALLER)?;
    let prototype = webidl::prototype_from_new_target(host, new_target, Interface::Instance)?;
    // 4. Read the imports of module with imports importObject, and let imports be the result.
    let imports = read_the_imports(host, &slots, import_object.as_ref(), CALLER)?;
    // 5. Instantiate the core of a WebAssembly module module with imports, and let instance be the result.
    let instance = instantiate_the_core_of_a_webassembly_module(host, &slots.module, &imports, CALLER)?;
    // 6. Initialize this from module and instance.
    initialize_an_instance_object(host, slots, &instance, &prototype)
}

/// The getter of `exports`.
fn exports<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    // Returns this.[[Exports]].
    let slots: Rc<InstanceObject<H>> =
        webidl::this_slots(host, call, "get WebAssembly.Instance.exports", Interface::Instance)?;
    Ok(slots.exports.clone())
}

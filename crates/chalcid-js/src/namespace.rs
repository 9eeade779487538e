//! The WebAssembly namespace object, and its functions.
//!
//! JS API, section "The WebAssembly Namespace".

use std::rc::Rc;

use chalcid::{Agent, Feature};

use crate::agent::{Interface, Realm, realm_of};
use crate::host::{Attributes, Call, Host, Intrinsic, Key, PromiseCapability};
use crate::instance::{self, instantiate_a_promise_of_a_module};
use crate::module::{self, ModuleObject};
use crate::promise;
use crate::webidl::{self, Completion};
use crate::{errors, exception};
use crate::{global, memory, streaming, table, tag};

/// Installs the namespace into a realm: defines `WebAssembly` on the global object.
pub fn install<H: Host>(host: &H, agent: Agent) -> Completion<H, ()> {
    let namespace = create_the_webassembly_namespace_object(host, agent)?;
    host.define_property(&host.global_object(), Key::String("WebAssembly"), namespace, Attributes::HIDDEN)
}

/// Creates the namespace object, and gives the realm its data.
///
/// JS API, "create the WebAssembly namespace object"; Web IDL, "create a namespace object".
fn create_the_webassembly_namespace_object<H: Host>(host: &H, agent: Agent) -> Completion<H> {
    let namespace = host.new_object(Some(&host.intrinsic(Intrinsic::ObjectPrototype)))?;
    host.define_property(&namespace, Key::ToStringTag, host.string("WebAssembly"), Attributes::READ_ONLY)?;

    webidl::define_operation(host, &namespace, "validate", 1, validate)?;
    webidl::define_operation(host, &namespace, "compile", 1, compile)?;
    webidl::define_operation(host, &namespace, "instantiate", 1, instantiate)?;
    webidl::define_operation(host, &namespace, "compileStreaming", 1, streaming::compile_streaming)?;
    webidl::define_operation(host, &namespace, "instantiateStreaming", 1, streaming::instantiate_streaming)?;

    let define = |interface: Interface, object| {
        host.define_property(&namespace, Key::String(interface.name()), object, Attributes::HIDDEN)
    };
    let interface = |interface: Interface, made: Completion<H, (H::Value, H::Value)>| {
        let (object, prototype) = made?;
        define(interface, object)?;
        Ok(prototype)
    };
    let has_exceptions = agent.engine().features().contains(Feature::Exceptions);
    let native_error = |kind| interface(kind, errors::create_a_native_error(host, kind));
    // In the order of `Interface`.
    let prototypes = [
        interface(Interface::Module, module::create_the_module_interface(host))?,
        interface(Interface::Instance, instance::create_the_instance_interface(host))?,
        interface(Interface::Memory, memory::create_the_memory_interface(host))?,
        interface(Interface::Table, table::create_the_table_interface(host))?,
        interface(Interface::Global, global::create_the_global_interface(host))?,
        {
            let (object, prototype) = tag::create_the_tag_interface(host)?;
            // What programs look for is only there where modules can use it.
            if has_exceptions {
                define(Interface::Tag, object)?;
            }
            prototype
        },
        {
            let (object, prototype) = exception::create_the_exception_interface(host)?;
            if has_exceptions {
                define(Interface::Exception, object)?;
                exception::define_the_js_tag(host, &namespace)?;
            }
            prototype
        },
        native_error(Interface::CompileError)?,
        native_error(Interface::LinkError)?,
        native_error(Interface::RuntimeError)?,
    ];
    host.set_realm(Rc::new(Realm::new(agent, prototypes)));
    Ok(namespace)
}

/// `validate(bytes, options)`
fn validate<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    // 1. Let stableBytes be a copy of the bytes held by the buffer bytes.
    let (stable_bytes, options) = webidl::buffer_source_and_options(host, call, 1, "WebAssembly.validate()")?;
    // 2. Compile stableBytes as a WebAssembly module and store the results as module.
    // 3. If module is error, return false.
    // 6. If validating builtins and imported strings returns false, return false.
    // 7. Return true.
    Ok(host.boolean(module::validate(realm_of(host)?.engine(), stable_bytes, options)))
}

/// `compile(bytes, options)`
fn compile<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.compile()";
    promise::promise_of(host, |promise| {
        // 1. Let stableBytes be a copy of the bytes held by the buffer bytes.
        let (stable_bytes, options) = webidl::buffer_source_and_options(host, call, 1, CALLER)?;
        // 2. Asynchronously compile a WebAssembly module from stableBytes using options and return the result.
        module::asynchronously_compile_a_webassembly_module(host, stable_bytes, options, CALLER, promise)
    })
}

/// `instantiate`, whose two overloads the first argument tells apart.
fn instantiate<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    promise::promise_of(host, |promise| match call.get(0).and_then(|value| webidl::slots_of(host, value)) {
        Some(module_object) => instantiate_module(host, call, module_object, promise),
        None => instantiate_bytes(host, call, promise),
    })
}

const INSTANTIATE: &str = "WebAssembly.instantiate()";

/// `instantiate(bytes, importObject, options)`
fn instantiate_bytes<H: Host>(host: &H, call: &Call<'_, H>, promise: PromiseCapability<H::Value>) -> Completion<H, ()> {
    if !call.get(0).is_some_and(|value| host.is_buffer_source(value)) {
        let wanted = "must be a buffer source or a WebAssembly.Module";
        return Err(errors::type_error(host, format_args!("{INSTANTIATE}: Argument 0 {wanted}")));
    }
    let import_object = webidl::optional_object(host, call, 1, INSTANTIATE)?;
    // 1. Let stableBytes be a copy of the bytes held by the buffer bytes.
    let (stable_bytes, options) = webidl::buffer_source_and_options(host, call, 2, INSTANTIATE)?;
    // 2. Asynchronously compile a WebAssembly module from stableBytes using options and let promiseOfModule be the result.
    let promise_of_module = promise::promise_of(host, |promise_of_module| {
        module::asynchronously_compile_a_webassembly_module(host, stable_bytes, options, INSTANTIATE, promise_of_module)
    })?;
    // 3. Instantiate promiseOfModule with imports importObject and return the result.
    instantiate_a_promise_of_a_module(host, &promise_of_module, import_object, promise)
}

/// `instantiate(moduleObject, importObject)`
fn instantiate_module<H: Host>(
    host: &H,
    call: &Call<'_, H>,
    module_object: Rc<ModuleObject<H>>,
    promise: PromiseCapability<H::Value>,
) -> Completion<H, ()> {
    let import_object = webidl::optional_object(host, call, 1, INSTANTIATE)?;
    // 1. Asynchronously instantiate the WebAssembly module moduleObject importing importObject, and return the result.
    instance::asynchronously_instantiate_a_webassembly_module(
        host,
        module_object,
        import_object.as_ref(),
        INSTANTIATE,
        promise,
    )
}

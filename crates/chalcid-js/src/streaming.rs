//! Compiling and instantiating what a `Response` brings, while it brings it.
//!
//! WebAssembly Web API, section "Streaming Module Compilation and Instantiation". By its text a body is consumed whole before it is compiled, so
//! whatever is wrong with its bytes is only told at its end, and a body that fails rejects with its own error whatever came before. What cannot
//! be seen is that everything has been decoded and validated by then, on other threads.

use std::rc::Rc;

use chalcid::ModuleBuilder;

use crate::agent::realm_of;
use crate::compile_options::CompileOptions;
use crate::errors::type_error;
use crate::host::{Call, Host, PlatformObject, PromiseCapability, Tracer};
use crate::instance::instantiate_a_promise_of_a_module;
use crate::module::{asynchronously_compile_a_webassembly_module, asynchronously_finish_a_webassembly_module};
use crate::promise;
use crate::webidl::{self, Completion};

const COMPILE: &str = "WebAssembly.compileStreaming()";
const INSTANTIATE: &str = "WebAssembly.instantiateStreaming()";

/// `compileStreaming(source, options)`
pub(crate) fn compile_streaming<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    promise::promise_of(host, |promise| {
        webidl::require_arguments(host, call, 1, COMPILE)?;
        let options = CompileOptions::read(host, call, 1, COMPILE)?;
        // Returns the result of compiling a potential WebAssembly response with source using options.
        compile_a_potential_webassembly_response(host, &call.arg(host, 0), options, COMPILE, promise)
    })
}

/// `instantiateStreaming(source, importObject, options)`
pub(crate) fn instantiate_streaming<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    promise::promise_of(host, |promise| {
        webidl::require_arguments(host, call, 1, INSTANTIATE)?;
        let import_object = webidl::optional_object(host, call, 1, INSTANTIATE)?;
        let options = CompileOptions::read(host, call, 2, INSTANTIATE)?;
        // 1. Let promiseOfModule be the result of compiling a potential WebAssembly response with source using options.
        let promise_of_module = promise::promise_of(host, |promise_of_module| {
            compile_a_potential_webassembly_response(host, &call.arg(host, 0), options, INSTANTIATE, promise_of_module)
        })?;
        // 2. Return the result of instantiating the promise of a module promiseOfModule with imports importObject.
        instantiate_a_promise_of_a_module(host, &promise_of_module, import_object, promise)
    })
}

/// "Compile a potential WebAssembly response": settles a promise that exists already.
fn compile_a_potential_webassembly_response<H: Host>(
    host: &H,
    source: &H::Value,
    options: CompileOptions,
    caller: &'static str,
    return_value: PromiseCapability<H::Value>,
) -> Completion<H, ()> {
    // 2. React to source, which is a promise for a Response:
    let source = host.promise_resolve(source)?;
    let fulfilled = if caller == COMPILE { source_fulfilled::<H, true> } else { source_fulfilled::<H, false> };
    // 2.2. If source was rejected with reason reason, reject returnValue with reason.
    let mut captures = promise::captures(&return_value);
    captures.push(options.capture(host)?);
    promise::react(host, &source, fulfilled, promise::reject_captured, captures)
}

/// The name of the function that was called.
const fn caller(compiling: bool) -> &'static str {
    if compiling { COMPILE } else { INSTANTIATE }
}

/// What a body's bytes are compiled by, on its way through a promise reaction.
struct BodyCompiler(ModuleBuilder);

impl<H: Host> PlatformObject<H> for BodyCompiler {
    fn trace(&self, _tracer: &mut dyn Tracer<H>) {}
}

/// Step 2.1 of "compile a potential WebAssembly response". Captures: returnValue, options.
fn source_fulfilled<H: Host, const COMPILING: bool>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    let return_value = promise::captured_capability(host, call);
    let react = || {
        let builder = ModuleBuilder::new(realm_of(host)?.engine());
        let body_promise = consume_a_webassembly_response(host, &call.arg(host, 0), &builder, caller(COMPILING))?;
        // 2.1.9. React to bodyPromise:
        // 2.1.9.2. If bodyPromise was rejected with reason reason, reject returnValue with reason.
        let fulfilled = body_fulfilled::<H, COMPILING>;
        let mut captures = call.captures.to_vec();
        captures.push(host.new_platform_object(None, Rc::new(BodyCompiler(builder)))?);
        promise::react(host, &body_promise, fulfilled, promise::reject_captured, captures)
    };
    if let Err(thrown) = react() {
        promise::settle(host, &return_value, Err(thrown));
    }
    Ok(host.undefined())
}

/// Steps 2.1.1 to 2.1.8: a promise for the body, if the response may be compiled.
fn consume_a_webassembly_response<H: Host>(
    host: &H,
    source: &H::Value,
    builder: &ModuleBuilder,
    caller: &str,
) -> Completion<H> {
    // 2.1.1. Let response be unwrappedSource's response.
    let response = host.response(source)?.ok_or_else(|| {
        type_error(host, format_args!("{caller}: Argument 0 must be a Response or a Promise resolving to one"))
    })?;
    // 2.1.2. Let mimeType be the result of getting `Content-Type` from response's header list.
    // 2.1.3. If mimeType is null, reject returnValue with a TypeError and abort these substeps.
    let mime_type = response.content_type.ok_or_else(|| {
        type_error(host, format_args!("{caller}: Response has no Content-Type, expected 'application/wasm'"))
    })?;
    // 2.1.4. Remove all HTTP tab or space byte from the start and end of mimeType.
    let essence = mime_type.trim_matches(['\t', ' ']);
    // 2.1.5. If mimeType is not a byte-case-insensitive match for `application/wasm`, reject returnValue with a TypeError.
    if !essence.eq_ignore_ascii_case("application/wasm") {
        return Err(type_error(
            host,
            format_args!("{caller}: Incorrect response MIME type '{essence}'. Expected 'application/wasm'."),
        ));
    }
    // 2.1.6. If response is not CORS-same-origin, reject returnValue with a TypeError and abort these substeps.
    if !response.cors_same_origin {
        return Err(type_error(host, format_args!("{caller}: Response is not CORS-same-origin")));
    }
    // 2.1.7. If response's status is not an ok status, reject returnValue with a TypeError and abort these substeps.
    if !response.ok {
        return Err(type_error(host, format_args!("{caller}: HTTP status code is not ok: {}", response.status)));
    }
    // 2.1.8. Consume response's body as an ArrayBuffer, and let bodyPromise be the result.
    host.consume_body(source, builder)
}

/// Step 2.1.9.1 of "compile a potential WebAssembly response". Captures: returnValue, options, the compiler.
fn body_fulfilled<H: Host, const COMPILING: bool>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    let return_value = promise::captured_capability(host, call);
    let caller = caller(COMPILING);
    let compile = || {
        let return_value = promise::captured_capability(host, call);
        let options = CompileOptions::captured(host, call.captures.get(3));
        let compiler = call.captures.get(4).and_then(|value| webidl::slots_of::<H, BodyCompiler>(host, value));
        // 2.1.9.1.1. Let stableBytes be a copy of the bytes held by the buffer bodyArrayBuffer.
        // 2.1.9.1.2. Asynchronously compile the WebAssembly module stableBytes using options and resolve returnValue with it.
        match compiler.filter(|_| !host.is_buffer_source(&call.arg(host, 0))) {
            Some(compiler) => {
                let builder = compiler.0.clone();
                asynchronously_finish_a_webassembly_module(host, builder, options, caller, return_value);
                Ok(())
            }
            None => {
                let stable_bytes = webidl::copy_of_buffer_source(host, call, caller)?;
                asynchronously_compile_a_webassembly_module(host, stable_bytes, options, caller, return_value)
            }
        }
    };
    if let Err(thrown) = compile() {
        promise::settle(host, &return_value, Err(thrown));
    }
    Ok(host.undefined())
}

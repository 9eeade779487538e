//! Host functions: JavaScript functions as WebAssembly sees them.
//!
//! JS API, section "Exported Functions", "create a host function" and "run a host function".

use chalcid::host::Tracer;
use chalcid::types::{DefTypeId, FuncType};
use chalcid::{Agent, Error, Func, HostCall, HostValue, Val, ValRaw};

use crate::agent::realm_of;
use crate::conversions::{incompatible, number_to_js_value, to_js_value, to_webassembly_number, to_webassembly_value};
use crate::errors::{range_error, thrown_value, type_error};
use crate::exception::throw_into_webassembly;
use crate::exported_function::Shape;
use crate::host::{Host, Key};
use crate::webidl::{self, Completion};

/// The host code of a function: a callable JavaScript object and a type.
pub struct HostFunction<H: Host> {
    host: H,
    /// Keeps the realm of `host`, which need not be that of `func`.
    realm: HostValue,
    func: HostValue,
    shape: Shape,
}

impl<H: Host> HostFunction<H> {
    /// The callable object.
    #[inline]
    pub fn func(&self) -> &HostValue {
        &self.func
    }

    /// How its values cross.
    pub fn shape(&self) -> Shape {
        self.shape
    }
}

impl<H: Host> HostCall for HostFunction<H> {
    fn call(&self, agent: &Agent, ty: &FuncType, values: &mut [ValRaw]) -> Result<(), Error> {
        self.host.entering_javascript();
        // 3.6. Let result be the result of running a host function from func, functype, and arguments.
        // 3.10. If result.[[Type]] is throw, then throw it as an exception of WebAssembly.
        run_a_host_function(&self.host, self, ty, agent, values)
            .map_err(|thrown| throw_into_webassembly(&self.host, thrown))
    }

    fn trace(&self, tracer: &mut Tracer<'_, '_>) {
        tracer.value(&self.realm);
        tracer.value(&self.func);
    }
}

/// "Create a host function" from a callable object and a function type, whose shape is known.
///
/// `index` is the "index of the host function": the number of functions among the imports before it.
pub(crate) fn create_a_host_function<H: Host>(
    host: &H,
    func: &H::Value,
    ty: DefTypeId,
    shape: Shape,
    index: u32,
) -> Completion<H, Func> {
    // 3. Let hostfunc be a host function which performs the steps of `HostFunction::call` when called with arguments.
    let host_function = HostFunction {
        host: host.clone(),
        realm: host.to_host_value(host.realm_anchor()),
        func: host.to_host_value(func.clone()),
        shape,
    };
    // 5. Let (store, funcaddr) be func_alloc(store, functype, hostfunc).
    // 7. Return funcaddr.
    Func::from_host(realm_of(host)?.agent(), ty, index, host_function).map_err(|error| range_error(host, error))
}

/// How many arguments a call keeps on the native stack.
const SMALL: usize = 8;

/// "Run a host function" with arguments, which its results replace. **Runs JavaScript.**
pub fn run_a_host_function<H: Host>(
    host: &H,
    function: &HostFunction<H>,
    ty: &FuncType,
    agent: &Agent,
    values: &mut [ValRaw],
) -> Completion<H, ()> {
    match function.shape {
        Shape::Numbers => host.run_with_numbers(function, ty, values),
        Shape::References => run_with_values(host, function, ty, agent, values),
        // 2. If any type in parameters or results matches v128 or exnref, throw a TypeError.
        Shape::Opaque => Err(incompatible(host)),
    }
}

/// "Run a host function" where all types are those of numbers, for hosts that have no form of their own.
pub fn run_with_numbers<H: Host>(
    host: &H,
    function: &HostFunction<H>,
    FuncType { params, results }: &FuncType,
    values: &mut [ValRaw],
) -> Completion<H, ()> {
    let func = host.from_host_value(&function.func);
    // 3. Let jsArguments be « ».
    // 4. For each arg of arguments, append ! ToJSValue(arg) to jsArguments.
    // 5. Let ret be ? Call(func, undefined, jsArguments).
    let ret = if params.len() <= SMALL {
        let mut js_arguments: [H::Value; SMALL] = std::array::from_fn(|_| host.undefined());
        for ((argument, value), ty) in js_arguments.iter_mut().zip(&*values).zip(params) {
            *argument = number_to_js_value(host, *value, *ty);
        }
        host.call(&func, &host.undefined(), &js_arguments[..params.len()])?
    } else {
        let js_arguments = values.iter().zip(params).map(|(value, ty)| number_to_js_value(host, *value, *ty));
        host.call(&func, &host.undefined(), &js_arguments.collect::<Vec<_>>())?
    };
    match results[..] {
        // 7. If resultsSize is 0, return « ».
        [] => {}
        // 8. Otherwise, if resultsSize is 1, return « ? ToWebAssemblyValue(ret, results[0]) ».
        [ty] => values[0] = to_webassembly_number(host, &ret, ty)?,
        // 9. Otherwise,
        _ => {
            let list = results_of_an_iterable(host, &ret, results.len())?;
            // 9.6. For each value and resultType, append ? ToWebAssemblyValue(value, resultType) to wasmValues.
            // They go to their places at once: the arguments were read long ago.
            for ((value, ty), slot) in list.iter().zip(results).zip(values) {
                *slot = to_webassembly_number(host, value, *ty)?;
            }
        }
    }
    Ok(())
}

/// "Run a host function" in general.
fn run_with_values<H: Host>(
    host: &H,
    function: &HostFunction<H>,
    FuncType { params, results }: &FuncType,
    agent: &Agent,
    values: &mut [ValRaw],
) -> Completion<H, ()> {
    let func = host.from_host_value(&function.func);
    // 3. Let jsArguments be « ».
    // 4. For each arg of arguments, append ! ToJSValue(arg) to jsArguments.
    let js_arguments =
        values.iter().zip(params).map(|(value, ty)| to_js_value(host, &Val::from_raw(agent, *value, *ty)));
    let js_arguments = js_arguments.collect::<Completion<H, Vec<_>>>()?;
    // 5. Let ret be ? Call(func, undefined, jsArguments).
    let ret = host.call(&func, &host.undefined(), &js_arguments)?;
    let wasm_values = match results[..] {
        // 7. If resultsSize is 0, return « ».
        [] => Vec::new(),
        // 8. Otherwise, if resultsSize is 1, return « ? ToWebAssemblyValue(ret, results[0]) ».
        [ty] => vec![to_webassembly_value(host, &ret, ty)?],
        // 9. Otherwise,
        _ => {
            let list = results_of_an_iterable(host, &ret, results.len())?;
            // 9.4. Let wasmValues be a new, empty list.
            // 9.6. For each value and resultType, append ? ToWebAssemblyValue(value, resultType) to wasmValues.
            let wasm_values = list.iter().zip(results).map(|(value, ty)| to_webassembly_value(host, value, *ty));
            // 9.7. Return wasmValues.
            wasm_values.collect::<Completion<H, Vec<_>>>()?
        }
    };
    // Only now, when no more JavaScript runs, do references become bits that wasm will read.
    for (slot, value) in values.iter_mut().zip(&wasm_values) {
        *slot = value.to_raw(agent).map_err(|error| thrown_value(host, error))?;
    }
    Ok(())
}

/// Steps 9.1 to 9.5 of "run a host function": as many values as there are results.
fn results_of_an_iterable<H: Host>(host: &H, ret: &H::Value, results_size: usize) -> Completion<H, Vec<H::Value>> {
    // 9.1. Let method be ? GetMethod(ret, %Symbol.iterator%).
    // 9.2. If method is undefined, throw a TypeError.
    let method = webidl::get_method(host, ret, Key::Iterator)?
        .ok_or_else(|| type_error(host, "multi-return value must be iterable"))?;
    // 9.3. Let values be ? IteratorToList(? GetIteratorFromMethod(ret, method)).
    // The iterator is drained, but what is more than wanted need not be kept to be refused.
    let mut values = Vec::with_capacity(results_size);
    webidl::for_each_value(host, ret, &method, |value| {
        if values.len() <= results_size {
            values.push(value);
        }
        Ok(())
    })?;
    // 9.5. If values's size is not resultsSize, throw a TypeError exception.
    if values.len() != results_size {
        return Err(type_error(host, "multi-return length mismatch"));
    }
    Ok(values)
}

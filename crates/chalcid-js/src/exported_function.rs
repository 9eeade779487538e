//! Exported Functions: WebAssembly functions as JavaScript sees them.
//!
//! JS API, section "Exported Functions".

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use chalcid::host::{Adopt, Body, HostFunc};
use chalcid::types::{FuncType, ValType};
use chalcid::{Func, FuncHome, Instance, Val, ValRaw};

use crate::conversions::{incompatible, number_to_js_value, to_js_value, to_webassembly_number, to_webassembly_value};
use crate::errors::{thrown_value, type_error};
use crate::global::is_opaque_to_javascript;
use crate::host::{Host, PlatformObject, Tracer};
use crate::webidl::{self, Completion};

/// What the types of a function mean for calls across the border.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// All are number types.
    Numbers,
    /// Some are reference types.
    References,
    /// Some match v128 or exnref: every call throws a TypeError.
    Opaque,
}

impl Shape {
    /// The shape of a function type.
    pub fn of(ty: &FuncType) -> Self {
        let mut shape = Self::Numbers;
        for ty in ty.params.iter().chain(&ty.results) {
            if is_opaque_to_javascript(*ty) {
                return Self::Opaque;
            }
            if matches!(ty, ValType::Ref(_)) {
                shape = Self::References;
            }
        }
        shape
    }
}

/// The internal slots of an Exported Function.
pub struct ExportedFunction<H: Host> {
    /// `[[FunctionAddress]]`
    func: Func,
    shape: Shape,
    realm: std::marker::PhantomData<fn(&H)>,
}

impl<H: Host> PlatformObject<H> for ExportedFunction<H> {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        // The handle is a count of the record of the function's home.
        self.func.trace(&mut |edge| tracer.edge(edge));
    }
}

impl<H: Host> ExportedFunction<H> {
    /// `[[FunctionAddress]]`
    #[inline]
    pub fn func(&self) -> &Func {
        &self.func
    }

    /// The function's type.
    pub fn ty(&self) -> &FuncType {
        self.func.ty()
    }

    /// How its values cross.
    pub fn shape(&self) -> Shape {
        self.shape
    }
}

/// The record of an instance: a hidden object that keeps it, and holds its part of the Exported Function cache.
pub(crate) struct InstanceRecord<H: Host> {
    body: Body<Instance>,
    /// By function index.
    functions: RefCell<HashMap<u32, H::Value>>,
}

impl<H: Host> InstanceRecord<H> {
    /// The instance.
    pub(crate) fn instance(&self) -> Instance {
        self.body.handle()
    }
}

impl<H: Host> PlatformObject<H> for InstanceRecord<H> {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        self.body.trace(&mut |edge| tracer.edge(edge));
        for function in self.functions.borrow().values() {
            tracer.value(function);
        }
    }
}

/// The record of a host function: as that of an instance.
struct HostFunctionRecord<H: Host> {
    body: Body<HostFunc>,
    function: RefCell<Option<H::Value>>,
}

impl<H: Host> PlatformObject<H> for HostFunctionRecord<H> {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        self.body.trace(&mut |edge| tracer.edge(edge));
        if let Some(function) = &*self.function.borrow() {
            tracer.value(function);
        }
    }
}

/// The record of an instance, made now if there was none.
pub(crate) fn instance_record<H: Host>(host: &H, instance: &Instance) -> Completion<H> {
    match instance.host_object() {
        Some(record) => Ok(host.keeper_object(record)),
        None => webidl::keep(host, instance, None, |body| {
            Rc::new(InstanceRecord::<H> { body, functions: RefCell::default() })
        }),
    }
}

/// The record of a host function, made now if there was none.
fn host_function_record<H: Host>(host: &H, function: &HostFunc) -> Completion<H> {
    match function.host_object() {
        Some(record) => Ok(host.keeper_object(record)),
        None => webidl::keep(host, function, None, |body| {
            Rc::new(HostFunctionRecord::<H> { body, function: RefCell::default() })
        }),
    }
}

/// Where the Exported Function cache has its entry for a function address.
enum CacheEntry<H: Host> {
    Instance(Rc<InstanceRecord<H>>, u32),
    Host(Rc<HostFunctionRecord<H>>),
}

impl<H: Host> CacheEntry<H> {
    /// The entry of a function. The second value is the record, which must be held as long as the entry.
    fn of(host: &H, func: &Func) -> Completion<H, (Self, H::Value)> {
        let lost = || type_error(host, "the function's instance is gone");
        match func.home() {
            FuncHome::Instance(instance) => {
                let record = instance_record(host, &instance)?;
                let slots = webidl::slots_of(host, &record).ok_or_else(lost)?;
                Ok((Self::Instance(slots, func.index()), record))
            }
            FuncHome::Host(function) => {
                let record = host_function_record(host, &function)?;
                let slots = webidl::slots_of(host, &record).ok_or_else(lost)?;
                Ok((Self::Host(slots), record))
            }
        }
    }

    fn get(&self) -> Option<H::Value> {
        match self {
            Self::Instance(record, index) => record.functions.borrow().get(index).cloned(),
            Self::Host(record) => record.function.borrow().clone(),
        }
    }

    fn set(&self, function: H::Value) {
        match self {
            Self::Instance(record, index) => {
                // No borrow lasts while a value is dropped.
                let before = record.functions.borrow_mut().insert(*index, function);
                drop(before);
            }
            Self::Host(record) => drop(record.function.replace(Some(function))),
        }
    }
}

/// "Name of the WebAssembly function".
fn name_of_the_webassembly_function(func: &Func) -> String {
    // 3. If funcinst is of the form {type functype, hostcode hostfunc}, let index be the index of the host function funcaddr.
    // 4. Otherwise, let index be the index of moduleinst.funcaddrs where funcaddr is found.
    // 5. Return ! ToString(index).
    func.index().to_string()
}

/// "A new Exported Function" from a function address: the one there is already, if there is one.
pub(crate) fn a_new_exported_function<H: Host>(host: &H, func: &Func) -> Completion<H> {
    // 1. Let map be the surrounding agent's associated Exported Function cache.
    let (entry, _record) = CacheEntry::of(host, func)?;
    // 2. If map[funcaddr] exists, return map[funcaddr].
    if let Some(function) = entry.get() {
        return Ok(function);
    }
    // 6. Let functype be func_type(store, funcaddr).
    let ty = func.ty();
    // 8. Let arity be paramTypes's size.
    let arity = ty.params.len() as u32;
    // 9. Let name be the name of the WebAssembly function funcaddr.
    let name = name_of_the_webassembly_function(func);
    // 10. Let function be ! CreateBuiltinFunction(steps, arity, name, « [[FunctionAddress]] », realm).
    // 11. Set function.[[FunctionAddress]] to funcaddr.
    let shape = Shape::of(ty);
    let slots = Rc::new(ExportedFunction { func: func.clone(), shape, realm: std::marker::PhantomData });
    let function = host.new_exported_function(&name, arity, slots)?;
    // 12. Set map[funcaddr] to function.
    entry.set(function.clone());
    // 13. Return function.
    Ok(function)
}

/// The function address of an Exported Function.
pub(crate) fn function_of<H: Host>(host: &H, value: &H::Value) -> Option<Func> {
    webidl::slots_of::<H, ExportedFunction<H>>(host, value).map(|slots| slots.func.clone())
}

/// How many values a call keeps on the native stack.
const SMALL: usize = 16;

/// "Call an Exported Function" with arguments. **May run JavaScript.**
pub fn call_an_exported_function<H: Host>(
    host: &H,
    function: &ExportedFunction<H>,
    arg_values: &[H::Value],
) -> Completion<H> {
    match function.shape {
        Shape::Numbers => {
            let count = function.func.values();
            if count <= SMALL {
                call_with_numbers(host, function, arg_values, &mut [ValRaw::ZERO; SMALL][..count])
            } else {
                call_with_numbers(host, function, arg_values, &mut vec![ValRaw::ZERO; count])
            }
        }
        Shape::References => call_with_values(host, function, arg_values),
        // 4. If any type in parameters or results matches v128 or exnref, throw a TypeError.
        Shape::Opaque => Err(incompatible(host)),
    }
}

/// "Call an Exported Function" where all types are those of numbers.
#[inline]
fn call_with_numbers<H: Host>(
    host: &H,
    function: &ExportedFunction<H>,
    arg_values: &[H::Value],
    values: &mut [ValRaw],
) -> Completion<H> {
    let FuncType { params, results } = function.ty();
    // 7. For each t of parameters, append ? ToWebAssemblyValue(arg, t) to args; arg is undefined where it is not given.
    for (i, (ty, value)) in params.iter().zip(&mut *values).enumerate() {
        *value = match arg_values.get(i) {
            Some(arg) => to_webassembly_number(host, arg, *ty)?,
            None => to_webassembly_number(host, &host.undefined(), *ty)?,
        };
    }
    // 8. Let (store, ret) be the result of func_invoke(store, funcaddr, args).
    // 10. If ret is error, throw an exception.
    // 11. If ret is exception exnaddr, throw it.
    function.func.call_raw(values).map_err(|error| thrown_value(host, error))?;
    match results[..] {
        // 13. If outArity is 0, return undefined.
        [] => Ok(host.undefined()),
        // 14. Otherwise, if outArity is 1, return ! ToJSValue(ret[0]).
        [ty] => Ok(number_to_js_value(host, values[0], ty)),
        // 15. Otherwise, return CreateArrayFromList of their ToJSValue.
        _ => host
            .new_array(results.iter().zip(values).map(|(ty, value)| number_to_js_value(host, *value, *ty)).collect()),
    }
}

/// "Call an Exported Function" in general.
fn call_with_values<H: Host>(host: &H, function: &ExportedFunction<H>, arg_values: &[H::Value]) -> Completion<H> {
    let FuncType { params, results } = function.ty();
    // 5. Let args be « ».
    let mut args = Vec::with_capacity(params.len());
    // 7. For each t of parameters,
    for (i, ty) in params.iter().enumerate() {
        // 7.1. If argValues's size > i, let arg be argValues[i]. 7.2. Otherwise, let arg be undefined.
        // 7.3. Append ? ToWebAssemblyValue(arg, t) to args.
        args.push(match arg_values.get(i) {
            Some(arg) => to_webassembly_value(host, arg, *ty)?,
            None => to_webassembly_value(host, &host.undefined(), *ty)?,
        });
    }
    // 8. Let (store, ret) be the result of func_invoke(store, funcaddr, args).
    let mut ret = vec![Val::I32(0); results.len()];
    function.func.call(&args, &mut ret).map_err(|error| thrown_value(host, error))?;
    match &ret[..] {
        // 13. If outArity is 0, return undefined.
        [] => Ok(host.undefined()),
        // 14. Otherwise, if outArity is 1, return ! ToJSValue(ret[0]).
        [value] => to_js_value(host, value),
        // 15. Otherwise, return CreateArrayFromList of their ToJSValue.
        values => {
            let values = values.iter().map(|value| to_js_value(host, value)).collect::<Completion<H, Vec<_>>>()?;
            host.new_array(values)
        }
    }
}

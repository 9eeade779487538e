//! The fast way from WebAssembly to JavaScript.
//!
//! As short as the way in: arguments go from the trampoline's array to an array of QuickJS's values on the stack, the function is
//! called, and its result goes back. Only BigInts are counted and allocated.

use std::mem::MaybeUninit;

use chalcid::ValRaw;
use chalcid::types::{FuncType, ValType};
use chalcid_js::host_function::{self, HostFunction};
use rquickjs::qjs;

use crate::QuickJs;
use crate::exported::{Number, Thrown, number_to_js_value, to_webassembly_number};
use crate::hooks;
use crate::value::{self, Value};

/// The most arguments that the fast way keeps on the stack.
const SMALL: usize = 8;

/// "Run a host function" where all types are those of numbers.
pub(crate) fn run_with_numbers(
    host: QuickJs,
    function: &HostFunction<QuickJs>,
    ty: &FuncType,
    values: &mut [ValRaw],
) -> Result<(), Value> {
    let FuncType { params, results } = ty;
    if params.len() > SMALL || results.len() > 1 {
        return host_function::run_with_numbers(&host, function, ty, values);
    }
    let mut args = [const { MaybeUninit::<qjs::JSValue>::uninit() }; SMALL];
    let (count, mut has_bigints) = (params.len().min(values.len()), false);
    for i in 0..count {
        args[i].write(match Number::of(params[i]) {
            Some(ty) => number_to_js_value(host, values[i], ty),
            None => qjs::JS_UNDEFINED,
        });
        has_bigints |= matches!(params[i], ValType::I64);
    }
    // The count that the host function has of the callee is enough: what runs keeps the host function as long as it may need it.
    let callee = hooks::value_of(function.func().raw());
    // SAFETY: the callee and the first `count` arguments are live; QuickJS copies arguments before it writes to any.
    let result =
        unsafe { qjs::JS_Call(host.ctx().as_ptr(), callee, qjs::JS_UNDEFINED, count as i32, args.as_mut_ptr().cast()) };
    if has_bigints {
        for arg in &args[..count] {
            // SAFETY: the first `count` arguments were made above; only BigInts are counted, and each count is given back once.
            unsafe { value::free(host.runtime().rt, arg.assume_init()) };
        }
    }
    if value::tag(result) == qjs::JS_TAG_EXCEPTION {
        return Err(host.take_exception());
    }
    let converted = match results.first().and_then(|ty| Number::of(*ty)) {
        None => Ok(()),
        Some(ty) => to_webassembly_number(host, &result, ty).map(|bits| values[0] = ValRaw::u64(bits)),
    };
    // SAFETY: the count of the result is ours, and given back once.
    unsafe { value::free(host.runtime().rt, result) };
    converted.map_err(|Thrown| host.take_exception())
}

//! The fast way from WebAssembly to JavaScript.
//!
//! As short as the way in: arguments go from the trampoline's array to an array of QuickJS's values on the stack, the function is
//! called, and its result goes back. Only BigInts are counted and allocated.

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
    values: &mut [ValRaw],
) -> Result<(), Value> {
    let FuncType { params, results } = function.ty();
    if params.len() > SMALL || results.len() > 1 {
        return host_function::run_with_numbers(&host, function, values);
    }
    let mut args = [qjs::JS_UNDEFINED; SMALL];
    for ((arg, value), ty) in args.iter_mut().zip(&*values).zip(params) {
        *arg = match Number::of(*ty) {
            Some(ty) => number_to_js_value(host, *value, ty),
            None => qjs::JS_UNDEFINED,
        };
    }
    // Whatever the function does to whoever holds it, it lives until it returns.
    let callee = host.borrow(hooks::value_of(function.func().raw()));
    // SAFETY: the callee and the arguments are live; QuickJS copies arguments before it writes to any. There are at most `SMALL`.
    let result = unsafe {
        qjs::JS_Call(host.ctx().as_ptr(), callee.raw(), qjs::JS_UNDEFINED, params.len() as i32, args.as_mut_ptr())
    };
    for (arg, ty) in args.iter().zip(params) {
        if *ty == ValType::I64 {
            // SAFETY: the BigInt was made above, and its count is given back once.
            unsafe { value::free(host.runtime().rt, *arg) };
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

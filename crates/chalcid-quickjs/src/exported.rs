//! Exported Functions, and the fast way from JavaScript into WebAssembly.
//!
//! The way is short on purpose: QuickJS calls [`call`] with the object and lent arguments; the object's box is one load away and
//! has everything that is needed; numbers go from the arguments to an array on the stack and from there into registers. No allocation,
//! no count is touched, nothing is looked up. What is not a number type goes the general way, which is
//! [`call_an_exported_function`]; both have the same effects in the same order.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::rc::Rc;
use std::slice;

use chalcid::{FuncType, ValRaw, ValType};
use chalcid_js::exported_function::{ExportedFunction, call_an_exported_function};
use chalcid_js::host::PlatformObject;
use rquickjs::qjs;

use crate::class::{self, ClassBox, Marker, ObjectBox};
use crate::runtime::Runtime;
use crate::stack_trace::Entry;
use crate::value::{self, Value};
use crate::{QuickJs, interrupt, panic, stack};

/// What an Exported Function owns.
pub(crate) struct Exported {
    own: ObjectBox<ExportedFunction<QuickJs>>,
    /// How to call it the fast way, where that can be.
    fast: Option<Fast>,
}

/// The most values that the fast way keeps on the stack.
const SMALL: usize = 8;

/// The types of a function that can be called the fast way, close at hand.
struct Fast {
    params: [Number; SMALL],
    param_count: u8,
    result: Option<Number>,
}

/// A number type.
#[derive(Clone, Copy)]
pub(crate) enum Number {
    I32,
    I64,
    F32,
    F64,
}

impl Number {
    /// The number type of a value type, if it is one.
    #[inline(always)]
    pub(crate) fn of(ty: ValType) -> Option<Self> {
        match ty {
            ValType::I32 => Some(Self::I32),
            ValType::I64 => Some(Self::I64),
            ValType::F32 => Some(Self::F32),
            ValType::F64 => Some(Self::F64),
            ValType::V128 | ValType::Ref(_) => None,
        }
    }
}

impl Fast {
    /// The types, if all are those of numbers and there are few enough.
    fn of(ty: &FuncType) -> Option<Self> {
        let mut params = [Number::I32; SMALL];
        if ty.params.len() > SMALL || ty.results.len() > 1 {
            return None;
        }
        for (param, ty) in params.iter_mut().zip(&ty.params) {
            *param = Number::of(*ty)?;
        }
        let result = match ty.results.first() {
            Some(ty) => Some(Number::of(*ty)?),
            None => None,
        };
        Some(Self { params, param_count: ty.params.len() as u8, result })
    }
}

impl Exported {
    /// The slots.
    pub(crate) fn slots(&self) -> Rc<dyn PlatformObject<QuickJs>> {
        Rc::clone(self.own.slots()) as Rc<dyn PlatformObject<QuickJs>>
    }

    /// The host of the realm the function was made in.
    pub(crate) fn host(&self) -> QuickJs {
        self.own.host()
    }
}

impl ClassBox for Exported {
    fn runtime(&self) -> &Runtime {
        self.own.runtime()
    }

    fn mark(&self, marker: &mut Marker) {
        self.own.mark(marker);
    }
}

/// The function object of a function of the engine.
pub(crate) fn new(
    host: QuickJs,
    name: &str,
    length: u32,
    slots: Rc<ExportedFunction<QuickJs>>,
) -> Result<Value, Value> {
    let fast = Fast::of(slots.ty());
    let body = Exported { own: ObjectBox::of(host, slots)?, fast };
    let prototype = host.function_prototype()?;
    // SAFETY: the class was registered with `Exported`.
    let object = unsafe { class::new_object(host.ctx(), host.classes().exported, prototype.raw(), body) };
    let function = host.adopt(object.unwrap_or(qjs::JS_EXCEPTION))?;
    host.name_function(&function, name, length)?;
    Ok(function)
}

/// The class's call handler: `[[Call]]`.
pub(crate) unsafe extern "C" fn call(
    _: *mut qjs::JSContext,
    function: qjs::JSValue,
    _: qjs::JSValue,
    argc: c_int,
    argv: *mut qjs::JSValue,
    _: c_int,
) -> qjs::JSValue {
    // SAFETY: QuickJS calls the handler with objects of the class only, and its caller holds the function meanwhile.
    let exported = unsafe { class::body_unchecked::<Exported>(function) };
    let host = exported.host();
    let runtime = host.runtime();
    if !stack::synchronize(host.ctx(), runtime) {
        return wrong_thread(host);
    }
    interrupt::notice(runtime);
    // SAFETY: QuickJS lends `argc` live values (and a null pointer for none, at times).
    let lent = if argc <= 0 { &[][..] } else { unsafe { slice::from_raw_parts(argv, argc as usize) } };
    let entry = Entry::new(runtime);
    entry.enter(runtime);
    let result = panic::contain(host, || match &exported.fast {
        Some(fast) => call_with_numbers(host, fast, exported.own.slots(), lent),
        None => call_with_values(host, exported.own.slots(), lent),
    });
    entry.leave(runtime);
    result
}

/// rquickjs can move a runtime to another thread (its feature `parallel`); an agent stays where it was made.
#[cold]
fn wrong_thread(host: QuickJs) -> qjs::JSValue {
    host.throw(host.type_error(c"WebAssembly can only be called on the thread that installed it"))
}

/// "Call an Exported Function" in general.
#[inline(never)]
fn call_with_values(host: QuickJs, slots: &ExportedFunction<QuickJs>, args: &[qjs::JSValue]) -> qjs::JSValue {
    let args: Vec<Value> = args.iter().map(|&raw| host.borrow(raw)).collect();
    host.give_back(call_an_exported_function(&host, slots, &args))
}

/// "Call an Exported Function" where all types are those of numbers, and there is at most one result.
#[inline(always)]
fn call_with_numbers(
    host: QuickJs,
    fast: &Fast,
    slots: &ExportedFunction<QuickJs>,
    args: &[qjs::JSValue],
) -> qjs::JSValue {
    let params = &fast.params[..usize::from(fast.param_count).min(SMALL)];
    // An argument that is not given is undefined.
    let mut padded = MaybeUninit::uninit();
    let args = match args.get(..params.len()) {
        Some(args) => args,
        None => pad(args, &mut padded),
    };
    let mut values = [const { MaybeUninit::<ValRaw>::uninit() }; SMALL];
    // There is always room for a result, and the first value is always written.
    values[0] = MaybeUninit::new(ValRaw::ZERO);
    for i in 0..params.len().min(args.len()) {
        // By reference: QuickJS has just written tag and payload apart, and a load of both at once would wait for both stores.
        match to_webassembly_number(host, &args[i], params[i]) {
            Ok(bits) => values[i] = MaybeUninit::new(ValRaw::u64(bits)),
            // QuickJS has the exception pending already.
            Err(Thrown) => return qjs::JS_EXCEPTION,
        }
    }
    let count = params.len().max(1);
    // SAFETY: the first value and those of all parameters were written.
    let values = unsafe { slice::from_raw_parts_mut(values.as_mut_ptr().cast::<ValRaw>(), count) };
    if let Err(error) = slots.func().call_raw(values) {
        return thrown(host, error);
    }
    match fast.result {
        None => qjs::JS_UNDEFINED,
        Some(ty) => number_to_js_value(host, values[0], ty),
    }
}

/// As many arguments as a call the fast way can have.
#[cold]
fn pad<'a>(args: &[qjs::JSValue], padded: &'a mut MaybeUninit<[qjs::JSValue; SMALL]>) -> &'a [qjs::JSValue] {
    let padded = padded.write([qjs::JS_UNDEFINED; SMALL]);
    for (padded, arg) in padded.iter_mut().zip(args) {
        *padded = *arg;
    }
    padded
}

#[cold]
fn thrown(host: QuickJs, error: chalcid::Error) -> qjs::JSValue {
    host.throw(chalcid_js::errors::thrown_value(&host, error))
}

/// The pending exception of the context was thrown.
pub(crate) struct Thrown;

/// "ToWebAssemblyValue" for number types: the bits, zero-extended. **May run JavaScript.**
///
/// What is a move, or nearly, is done in place, and asked for in the order in which it is met most; the rest is a call.
#[inline(always)]
pub(crate) fn to_webassembly_number(host: QuickJs, value: &qjs::JSValue, ty: Number) -> Result<u64, Thrown> {
    let tag = value::tag(*value);
    if matches!(ty, Number::I32) && tag == qjs::JS_TAG_INT {
        Ok(u64::from(int(*value).cast_unsigned()))
    } else if matches!(ty, Number::F64) && tag == qjs::JS_TAG_FLOAT64 {
        Ok(float(*value).to_bits())
    } else if matches!(ty, Number::F64) && tag == qjs::JS_TAG_INT {
        Ok(f64::from(int(*value)).to_bits())
    } else {
        convert(host, value, ty)
    }
}

/// The conversions that are more than a move.
#[inline(never)]
fn convert(host: QuickJs, value: &qjs::JSValue, ty: Number) -> Result<u64, Thrown> {
    let (ctx, value) = (host.ctx().as_ptr(), *value);
    let tag = value::tag(value);
    // SAFETY: context and value are live; each writes its result unless it throws, which a negative number says.
    unsafe {
        match ty {
            Number::I64 if tag == qjs::JS_TAG_SHORT_BIG_INT => Ok(i64::from(short_bigint(value)).cast_unsigned()),
            Number::F32 if tag == qjs::JS_TAG_FLOAT64 => Ok(u64::from((float(value) as f32).to_bits())),
            Number::I32 => {
                let mut number = 0_i32;
                if qjs::JS_ToInt32(ctx, &mut number, value) < 0 {
                    Err(Thrown)
                } else {
                    Ok(u64::from(number.cast_unsigned()))
                }
            }
            Number::I64 => {
                let mut number = 0_i64;
                if qjs::JS_ToBigInt64(ctx, &mut number, value) < 0 { Err(Thrown) } else { Ok(number.cast_unsigned()) }
            }
            Number::F32 | Number::F64 => {
                let mut number = 0.0;
                if qjs::JS_ToFloat64(ctx, &mut number, value) < 0 {
                    return Err(Thrown);
                }
                Ok(match ty {
                    Number::F32 => u64::from((number as f32).to_bits()),
                    _ => number.to_bits(),
                })
            }
        }
    }
}

/// "ToJSValue" for number types.
#[inline(always)]
pub(crate) fn number_to_js_value(host: QuickJs, value: ValRaw, ty: Number) -> qjs::JSValue {
    if matches!(ty, Number::I32) {
        qjs::JS_MKVAL(qjs::JS_TAG_INT, value.get_i32())
    } else if matches!(ty, Number::F64) {
        qjs::JS_NewFloat64(f64::from_bits(value.get_u64()))
    } else if matches!(ty, Number::F32) {
        qjs::JS_NewFloat64(f64::from(f32::from_bits(value.get_u32())))
    } else {
        // SAFETY: the context is live.
        unsafe { qjs::JS_NewBigInt64(host.ctx().as_ptr(), value.get_i64()) }
    }
}

#[inline(always)]
fn int(value: qjs::JSValue) -> i32 {
    // SAFETY: reads the member of the union that the tag names.
    unsafe { qjs::JS_VALUE_GET_INT(value) }
}

#[inline(always)]
fn float(value: qjs::JSValue) -> f64 {
    // SAFETY: reads the member of the union that the tag names.
    unsafe { qjs::JS_VALUE_GET_FLOAT64(value) }
}

#[inline(always)]
fn short_bigint(value: qjs::JSValue) -> i32 {
    // SAFETY: a short BigInt lies where an integer does.
    unsafe { qjs::JS_VALUE_GET_INT(value) }
}

//! Values from one side to the other.
//!
//! JS API, section "Exported Functions": ToJSValue, ToWebAssemblyValue, AddressValueToU64, U64ToAddressValue; section "Globals":
//! DefaultValue. A function all of whose types are those of numbers takes the short way over [`ValRaw`], which makes no [`Val`].

use chalcid::types::{AbsHeapType, AddressType, CompType, HeapType, Hierarchy, RefType, ValType};
use chalcid::{AnyRef, Engine, I31, Val, ValRaw};

use crate::errors::type_error;
use crate::exported_function::{self, a_new_exported_function};
use crate::exported_gc_object::{self, a_new_exported_gc_object};
use crate::host::{Host, Type};
use crate::webidl::{self, Completion, Dictionary, What};

/// `ToJSValue(w)`. It throws only where an Exported Function cannot be made for lack of memory.
///
/// The value must not be of a type that JavaScript never sees (v128, exnref): callers have refused those.
pub(crate) fn to_js_value<H: Host>(host: &H, w: &Val) -> Completion<H> {
    Ok(match w {
        // 3. If w is of the form i64.const u64, return ℤ(i64).
        Val::I64(i64) => host.bigint_i64(*i64),
        // 4. If w is of the form i32.const u32, return 𝔽(i32).
        Val::I32(i32) => host.int32(*i32),
        // 5. If w is of the form f32.const f32, return 𝔽(f32), NaN for a nan.
        Val::F32(bits) => host.number(f64::from(f32::from_bits(*bits))),
        // 6. If w is of the form f64.const f64, return 𝔽(f64), NaN for a nan.
        Val::F64(bits) => host.number(f64::from_bits(*bits)),
        // 7. If w is of the form ref.null t, return null.
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) => host.null(),
        Val::AnyRef(Some(any)) => any_to_js_value(host, any)?,
        // 11. If w is of the form ref.func funcaddr, return the result of creating a new Exported Function from funcaddr.
        Val::FuncRef(Some(func)) => a_new_exported_function(host, func)?,
        // 12. If w is of the form ref.host hostaddr, return the result of retrieving a host value from hostaddr.
        // 13. If w is of the form ref.extern ref, return ToJSValue(ref).
        Val::ExternRef(Some(value)) => host.from_host_value(value),
        // 1. Assert: w is not of the form v128.const v128.
        _ => return Err(incompatible(host)),
    })
}

/// ToJSValue of a reference of the `any` hierarchy.
fn any_to_js_value<H: Host>(host: &H, any: &AnyRef) -> Completion<H> {
    // 8. If w is of the form ref.i31 u31, return 𝔽(signed_31(u31)).
    if let Some(i31) = any.as_i31() {
        return Ok(host.int32(i31.get()));
    }
    match (any.as_host(), any.id()) {
        // 12. If w is of the form ref.host hostaddr, return the result of retrieving a host value from hostaddr.
        (Some(value), _) => Ok(host.from_host_value(value)),
        // 9 and 10. If w is of the form ref.struct or ref.array, return the result of creating a new Exported GC Object.
        (None, Some(id)) => a_new_exported_gc_object(host, any, id),
        (None, None) => Err(incompatible(host)),
    }
}

/// ToJSValue of a number type.
#[inline]
pub(crate) fn number_to_js_value<H: Host>(host: &H, w: ValRaw, ty: ValType) -> H::Value {
    match ty {
        ValType::I32 => host.int32(w.get_i32()),
        ValType::I64 => host.bigint_i64(w.get_i64()),
        ValType::F32 => host.number(f64::from(f32::from_bits(w.get_u32()))),
        ValType::F64 => host.number(f64::from_bits(w.get_u64())),
        ValType::V128 | ValType::Ref(_) => host.undefined(),
    }
}

/// `ToWebAssemblyValue(v, type)`
pub(crate) fn to_webassembly_value<H: Host>(host: &H, v: &H::Value, ty: ValType) -> Completion<H, Val> {
    Ok(match ty {
        // 3. If type is i64, return i64.const of ? ToBigInt64(v).
        ValType::I64 => Val::I64(host.to_bigint64(v)?),
        // 4. If type is i32, return i32.const of ? ToInt32(v).
        ValType::I32 => Val::I32(host.to_int32(v)?),
        // 5. If type is f32, return f32.const of ? ToNumber(v), rounded.
        ValType::F32 => Val::F32(to_f32(host.to_number(v)?)),
        // 6. If type is f64, return f64.const of ? ToNumber(v).
        ValType::F64 => Val::F64(host.to_number(v)?.to_bits()),
        // 7. If type is of the form ref null heaptype,
        ValType::Ref(ty) => to_reference(host, v, ty).ok_or_else(|| incompatible(host))?,
        // 1. Assert: type is not v128.
        ValType::V128 => return Err(incompatible(host)),
    })
}

/// The TypeError for a value that does not cross.
pub(crate) fn incompatible<H: Host>(host: &H) -> H::Value {
    type_error(host, "type incompatibility when transforming from/to JS")
}

/// ToWebAssemblyValue of a number type.
#[inline]
pub(crate) fn to_webassembly_number<H: Host>(host: &H, v: &H::Value, ty: ValType) -> Completion<H, ValRaw> {
    Ok(match ty {
        ValType::I32 => ValRaw::i32(host.to_int32(v)?),
        ValType::I64 => ValRaw::i64(host.to_bigint64(v)?),
        ValType::F32 => ValRaw::u32(to_f32(host.to_number(v)?)),
        ValType::F64 => ValRaw::u64(host.to_number(v)?.to_bits()),
        ValType::V128 | ValType::Ref(_) => ValRaw::ZERO,
    })
}

/// Step 5 of ToWebAssemblyValue: round to nearest, ties to even, which is what the conversion of Rust does. A NaN becomes the canonical one.
#[inline]
fn to_f32(number: f64) -> u32 {
    if number.is_nan() { 0x7fc0_0000 } else { (number as f32).to_bits() }
}

/// Step 7 of ToWebAssemblyValue: a value of a reference type, or `None` where the text throws a TypeError. Runs no JavaScript.
pub(crate) fn to_reference<H: Host>(host: &H, v: &H::Value, ty: RefType) -> Option<Val> {
    let realm = host.realm()?;
    let hierarchy = hierarchy(realm.engine(), ty.heap)?;
    // 7.1. If v is null, let r be ref.null heaptype.
    if host.type_of(v) == Type::Null {
        return ty.nullable.then_some(match hierarchy {
            Hierarchy::Func => Val::FuncRef(None),
            Hierarchy::Extern => Val::ExternRef(None),
            Hierarchy::Any => Val::AnyRef(None),
            Hierarchy::Exn => Val::ExnRef(None),
        });
    }
    let r = match hierarchy {
        // 7.2. Else if match_valtype(type, ref null extern), let r be ref.extern of ToWebAssemblyValue(v, ref any).
        Hierarchy::Extern => match to_any(host, v) {
            Some(any) => Val::AnyRef(Some(any)),
            None => Val::ExternRef(Some(host.to_host_value(v.clone()))),
        },
        // 7.3. Else if v is an Exported Function and match_valtype(type, ref null func), let r be ref.func funcaddr.
        Hierarchy::Func => Val::FuncRef(Some(exported_function::function_of(host, v)?)),
        // 7.4 to 7.6.
        Hierarchy::Any => {
            let any = to_any(host, v);
            Val::AnyRef(Some(any.unwrap_or_else(|| AnyRef::from_host(host.to_host_value(v.clone())))))
        }
        Hierarchy::Exn => return None,
    };
    // 7.8. Let actualtype be ref_type(store, r).
    // 7.9. If match_valtype(actualtype, type) is false, throw a TypeError.
    match ty.heap {
        HeapType::Abstract(AbsHeapType::Extern | AbsHeapType::Func | AbsHeapType::Any) => Some(r),
        _ => r.is_of_type(realm.agent(), ValType::Ref(ty)).then_some(r),
    }
}

/// Steps 7.4 and 7.5 of ToWebAssemblyValue: what is not a value of the host in the `any` hierarchy.
fn to_any<H: Host>(host: &H, v: &H::Value) -> Option<AnyRef> {
    match host.type_of(v) {
        // 7.4. Else if v is a Number and v is equal to ToInt32(v) and ℝ(v) < 2^30 and ℝ(v) ⩾ -2^30, let r be ref.i31 of it.
        // A negative zero stays what it is, as in every engine: WebAssembly/spec issue 1984.
        Type::Number => {
            let number = host.to_number(v).ok()?;
            let integer = number as i32;
            let is_equal = f64::from(integer).to_bits() == number.to_bits();
            is_equal.then(|| I31::new(integer).map(AnyRef::from)).flatten()
        }
        // 7.5. Else if v is an Exported GC Object, let r be ref.struct or ref.array of its [[ObjectAddress]].
        Type::Object => exported_gc_object::object_of(host, v),
        _ => None,
    }
}

/// The hierarchy of a heap type; `None` for a type that is gone.
fn hierarchy(engine: &Engine, heap: HeapType) -> Option<Hierarchy> {
    match heap {
        HeapType::Abstract(heap) => Some(heap.hierarchy()),
        HeapType::Concrete(id) | HeapType::Exact(id) => Some(match engine.composite_type(id)? {
            CompType::Func(_) => Hierarchy::Func,
            _ => Hierarchy::Any,
        }),
    }
}

/// `DefaultValue(valuetype)`; `None` is the text's error.
pub(crate) fn default_value<H: Host>(host: &H, ty: ValType) -> Option<Val> {
    Some(match ty {
        ValType::I32 => Val::I32(0),
        ValType::I64 => Val::I64(0),
        ValType::F32 => Val::F32(0),
        ValType::F64 => Val::F64(0),
        ValType::V128 => Val::V128(0),
        // 1. If valuetype equals externref, return ! ToWebAssemblyValue(undefined, valuetype).
        ValType::Ref(RefType::EXTERNREF) => Val::ExternRef(Some(host.to_host_value(host.undefined()))),
        // 2. Return val_default(valuetype).
        ValType::Ref(ty) => return to_reference(host, &host.null(), ty),
    })
}

/// `AddressValueToU64(v, addrtype)`
pub(crate) fn address_value_to_u64<H: Host>(
    host: &H,
    v: &H::Value,
    address: AddressType,
    what: What,
) -> Completion<H, u64> {
    match address {
        // 1. If addrtype is "i32", let n be ? ConvertToInt(v, 32, "unsigned") with [EnforceRange].
        AddressType::I32 => Ok(webidl::enforce_range_unsigned_long(host, v, what)?.into()),
        // 2. If addrtype is "i64", let n be ? ToBigInt(v); if n < 0 or n > 2^64 − 1, throw a TypeError.
        AddressType::I64 => host
            .to_bigint_u64(v)?
            .ok_or_else(|| type_error(host, format_args!("{what} must be in the range of an unsigned 64-bit integer"))),
    }
}

/// `U64ToAddressValue(v, addrtype)`
pub(crate) fn u64_to_address_value<H: Host>(host: &H, v: u64, address: AddressType) -> H::Value {
    match address {
        // 1. If addrtype is "i32", return 𝔽(v).
        AddressType::I32 => host.number(v as f64),
        // 2. Else if addrtype is "i64", return ℤ(v).
        AddressType::I64 => host.bigint_u64(v),
    }
}

/// The member `address` of a descriptor, of the enumeration `AddressType`; "i32" where it is absent.
pub(crate) fn optional_address_type<H: Host>(
    host: &H,
    descriptor: &Dictionary<'_, H>,
    caller: &'static str,
) -> Completion<H, AddressType> {
    let Some(address) = descriptor.member("address")? else { return Ok(AddressType::I32) };
    let address = webidl::usv_string(host, &address)?;
    match &*address {
        "i32" => Ok(AddressType::I32),
        "i64" => Ok(AddressType::I64),
        _ => Err(type_error(host, format_args!("{caller}: Unknown address type '{address}'; pass 'i32' or 'i64'"))),
    }
}

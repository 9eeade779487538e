//! Arguments and results of scripts.

use std::fmt;

use chalcid::{Agent, AnyRef, Hierarchy, HostValue, Val};
use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64};
use wast::{WastArg, WastRet};

use crate::spectest::{number, reference};

/// Turns a script's argument into a value.
pub(crate) fn argument(agent: &Agent, arg: &WastArg<'_>) -> Result<Val, String> {
    let WastArg::Core(arg) = arg else { return Err("arguments of components are not supported".into()) };
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes())),
        WastArgCore::RefNull(ty) => null(ty)?,
        WastArgCore::RefExtern(number) => Val::ExternRef(Some(host_value(agent, *number)?)),
        WastArgCore::RefHost(number) => Val::from(AnyRef::from_host(host_value(agent, *number)?)),
    })
}

fn host_value(agent: &Agent, number: u32) -> Result<HostValue, String> {
    reference(agent, number).ok_or_else(|| "the agent has values of its own".into())
}

fn null(ty: &HeapType<'_>) -> Result<Val, String> {
    match hierarchy(ty) {
        Some(Hierarchy::Func) => Ok(Val::FuncRef(None)),
        Some(Hierarchy::Extern) => Ok(Val::ExternRef(None)),
        Some(Hierarchy::Any) => Ok(Val::AnyRef(None)),
        Some(Hierarchy::Exn) => Ok(Val::ExnRef(None)),
        None => Err(format!("null arguments of type {ty:?} are not supported")),
    }
}

/// The hierarchy of a type that every module knows.
fn hierarchy(ty: &HeapType<'_>) -> Option<Hierarchy> {
    use AbstractHeapType::{Any, Array, Eq, Exn, Extern, Func, I31, NoExn, NoExtern, NoFunc, None, Struct};
    let HeapType::Abstract { ty, .. } = ty else { return Option::None };
    Some(match ty {
        Func | NoFunc => Hierarchy::Func,
        Extern | NoExtern => Hierarchy::Extern,
        Any | Eq | I31 | Struct | Array | None => Hierarchy::Any,
        Exn | NoExn => Hierarchy::Exn,
        _ => return Option::None,
    })
}

/// Compares all results with what a script expects.
pub(crate) fn compare_all(found: &[Val], expected: &[WastRet<'_>]) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("expected {} results, found {}", expected.len(), found.len()));
    }
    for (position, (found, expected)) in found.iter().zip(expected).enumerate() {
        let WastRet::Core(expected) = expected else { return Err("results of components are not supported".into()) };
        if !matches(found, expected) {
            return Err(format!("result {position}: expected {}, found {}", Expected(expected), Found(found)));
        }
    }
    Ok(())
}

fn matches(found: &Val, expected: &WastRetCore<'_>) -> bool {
    match (found, expected) {
        (_, WastRetCore::Either(choices)) => choices.iter().any(|expected| matches(found, expected)),
        (Val::I32(found), WastRetCore::I32(expected)) => found == expected,
        (Val::I64(found), WastRetCore::I64(expected)) => found == expected,
        (Val::F32(found), WastRetCore::F32(expected)) => f32_matches(*found, expected),
        (Val::F64(found), WastRetCore::F64(expected)) => f64_matches(*found, expected),
        (Val::V128(found), WastRetCore::V128(expected)) => v128_matches(*found, expected),
        (found, WastRetCore::RefNull(None)) => found.is_null(),
        (found, WastRetCore::RefNull(Some(ty))) => null(ty).is_ok_and(|null| is_same_null(found, &null)),
        (Val::FuncRef(Some(_)), WastRetCore::RefFunc(None)) => true,
        (Val::ExternRef(Some(_)) | Val::AnyRef(Some(_)), WastRetCore::RefExtern(None)) => true,
        (Val::ExternRef(Some(found)), WastRetCore::RefExtern(Some(expected))) => number(found) == Some(*expected),
        (Val::AnyRef(Some(found)), WastRetCore::RefHost(expected)) => {
            found.as_host().and_then(number) == Some(*expected)
        }
        (Val::AnyRef(Some(_)), WastRetCore::RefAny) => true,
        (Val::AnyRef(Some(found)), WastRetCore::RefEq) => found.as_host().is_none(),
        (Val::AnyRef(Some(found)), WastRetCore::RefStruct) => found.as_struct().is_some(),
        (Val::AnyRef(Some(found)), WastRetCore::RefArray) => found.as_array().is_some(),
        (Val::AnyRef(Some(found)), WastRetCore::RefI31) => found.as_i31().is_some(),
        _ => false,
    }
}

fn is_same_null(found: &Val, expected: &Val) -> bool {
    found.is_null() && std::mem::discriminant(found) == std::mem::discriminant(expected)
}

fn f32_matches(found: u32, expected: &NanPattern<F32>) -> bool {
    match expected {
        NanPattern::CanonicalNan => found & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => found & 0x7fc0_0000 == 0x7fc0_0000,
        NanPattern::Value(value) => found == value.bits,
    }
}

fn f64_matches(found: u64, expected: &NanPattern<F64>) -> bool {
    match expected {
        NanPattern::CanonicalNan => found & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => found & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
        NanPattern::Value(value) => found == value.bits,
    }
}

fn v128_matches(found: u128, expected: &V128Pattern) -> bool {
    let lane_32 = |lane: usize| (found >> (lane * 32)) as u32;
    let lane_64 = |lane: usize| (found >> (lane * 64)) as u64;
    match expected {
        V128Pattern::I8x16(lanes) => lanes.iter().enumerate().all(|(i, lane)| (found >> (i * 8)) as i8 == *lane),
        V128Pattern::I16x8(lanes) => lanes.iter().enumerate().all(|(i, lane)| (found >> (i * 16)) as i16 == *lane),
        V128Pattern::I32x4(lanes) => lanes.iter().enumerate().all(|(i, lane)| lane_32(i) as i32 == *lane),
        V128Pattern::I64x2(lanes) => lanes.iter().enumerate().all(|(i, lane)| lane_64(i) as i64 == *lane),
        V128Pattern::F32x4(lanes) => lanes.iter().enumerate().all(|(i, lane)| f32_matches(lane_32(i), lane)),
        V128Pattern::F64x2(lanes) => lanes.iter().enumerate().all(|(i, lane)| f64_matches(lane_64(i), lane)),
    }
}

/// A value as messages show it.
pub fn display(value: &Val) -> impl fmt::Display {
    Found(value)
}

/// A value for a message.
struct Found<'a>(&'a Val);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Val::I32(value) => write!(f, "i32 {value} (0x{value:x})"),
            Val::I64(value) => write!(f, "i64 {value} (0x{value:x})"),
            Val::F32(bits) => write!(f, "f32 {} (0x{bits:08x})", f32::from_bits(*bits)),
            Val::F64(bits) => write!(f, "f64 {} (0x{bits:016x})", f64::from_bits(*bits)),
            Val::V128(bits) => write!(f, "v128 0x{bits:032x}"),
            Val::FuncRef(None) => f.write_str("ref.null func"),
            Val::FuncRef(Some(func)) => write!(f, "ref.func #{}", func.index()),
            Val::ExternRef(None) => f.write_str("ref.null extern"),
            Val::ExternRef(Some(value)) => match number(value) {
                Some(number) => write!(f, "ref.extern {number}"),
                None => f.write_str("ref.extern of something else"),
            },
            Val::AnyRef(None) => f.write_str("ref.null any"),
            Val::AnyRef(Some(value)) => match (value.as_i31(), value.as_host().and_then(number)) {
                (Some(value), _) => write!(f, "ref.i31 {}", value.get()),
                (None, Some(number)) => write!(f, "ref.host {number}"),
                _ if value.as_struct().is_some() => f.write_str("ref.struct"),
                _ if value.as_array().is_some() => f.write_str("ref.array"),
                _ => f.write_str("ref.host of something else"),
            },
            Val::ExnRef(None) => f.write_str("ref.null exn"),
            Val::ExnRef(Some(_)) => f.write_str("ref.exn"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// An expectation for a message.
struct Expected<'a>(&'a WastRetCore<'a>);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            WastRetCore::I32(value) => write!(f, "i32 {value} (0x{value:x})"),
            WastRetCore::I64(value) => write!(f, "i64 {value} (0x{value:x})"),
            WastRetCore::F32(NanPattern::Value(value)) => {
                write!(f, "f32 {} (0x{:08x})", f32::from_bits(value.bits), value.bits)
            }
            WastRetCore::F64(NanPattern::Value(value)) => {
                write!(f, "f64 {} (0x{:016x})", f64::from_bits(value.bits), value.bits)
            }
            other => write!(f, "{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_patterns() {
        for (bits, canonical, arithmetic) in [
            (0x7fc0_0000, true, true),
            (0xffc0_0000, true, true),
            (0x7fc0_0001, false, true),
            (0x7f80_0001, false, false),
            (0x7f80_0000, false, false),
        ] {
            assert_eq!(f32_matches(bits, &NanPattern::CanonicalNan), canonical, "{bits:x}");
            assert_eq!(f32_matches(bits, &NanPattern::ArithmeticNan), arithmetic, "{bits:x}");
        }
        for (bits, canonical, arithmetic) in [
            (0x7ff8_0000_0000_0000, true, true),
            (0xfff8_0000_0000_0000, true, true),
            (0x7ffc_0000_0000_0000, false, true),
            (0x7ff4_0000_0000_0000, false, false),
        ] {
            assert_eq!(f64_matches(bits, &NanPattern::CanonicalNan), canonical, "{bits:x}");
            assert_eq!(f64_matches(bits, &NanPattern::ArithmeticNan), arithmetic, "{bits:x}");
        }
    }

    #[test]
    fn lanes_begin_at_the_lowest_bits() {
        let found = 0x0000_0004_0000_0003_0000_0002_0000_0001;
        assert!(v128_matches(found, &V128Pattern::I32x4([1, 2, 3, 4])));
        assert!(!v128_matches(found, &V128Pattern::I32x4([4, 3, 2, 1])));
        assert!(v128_matches(found, &V128Pattern::I64x2([0x2_0000_0001, 0x4_0000_0003])));
        assert!(v128_matches(0xff, &V128Pattern::I8x16([-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])));
    }
}

//! Values as the Rust API speaks of them, checked on their way into wasm.

use chalcid_module::matching;
use chalcid_vm::{GlobalValue, RefValue};

use crate::types::{AbsHeapType, HeapType, Hierarchy, RefType, ValType};
use crate::{Agent, AnyRef, ArrayRef, Error, Exception, Func, HostValue, I31, Misuse, StructRef, ValRaw};

/// A value of any type that the Rust API can hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Val {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// 32-bit float, by its bits: a NaN keeps its payload.
    F32(u32),
    /// 64-bit float, by its bits: a NaN keeps its payload.
    F64(u64),
    /// 128-bit vector.
    V128(u128),
    /// Function, or null.
    FuncRef(Option<Func>),
    /// Value of the host, or null of the `extern` hierarchy. What `extern.convert_any` makes of other references is an [`AnyRef`](Val::AnyRef).
    ExternRef(Option<HostValue>),
    /// Structure, array, 31-bit integer or value of the host, or null of the `any` hierarchy. One that is not null is a value of type
    /// `externref` too.
    AnyRef(Option<AnyRef>),
    /// Exception, or null.
    ExnRef(Option<Exception>),
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $get:ident: $ty:ty, $pattern:pat => $value:expr;)*) => {
        impl Val {
            $($(#[$doc])* pub fn $get(&self) -> Option<$ty> {
                match *self { $pattern => Some($value), _ => None }
            })*
        }
    };
}

accessors! {
    /// The value, if it is an `i32`.
    i32: i32, Self::I32(value) => value;
    /// The value, if it is an `i64`.
    i64: i64, Self::I64(value) => value;
    /// The value, if it is an `f32`.
    f32: f32, Self::F32(bits) => f32::from_bits(bits);
    /// The value, if it is an `f64`.
    f64: f64, Self::F64(bits) => f64::from_bits(bits);
    /// The value, if it is a `v128`.
    v128: u128, Self::V128(bits) => bits;
}

impl Val {
    /// The value that a variable of a type has before anything was stored in it: zero or null. There is none for references that
    /// cannot be null.
    pub fn default_of(agent: &Agent, ty: ValType) -> Option<Self> {
        match ty {
            ValType::Ref(ty) if !ty.nullable => None,
            ty => Some(Self::from_raw(agent, ValRaw::ZERO, ty)),
        }
    }

    /// The function, if it is one and not null.
    pub fn func(&self) -> Option<&Func> {
        match self {
            Self::FuncRef(func) => func.as_ref(),
            _ => None,
        }
    }

    /// The value of the host, if it is one and not null.
    pub fn host_value(&self) -> Option<&HostValue> {
        match self {
            Self::ExternRef(value) => value.as_ref(),
            _ => None,
        }
    }

    /// The reference of the `any` hierarchy, if it is one and not null.
    pub fn any(&self) -> Option<&AnyRef> {
        match self {
            Self::AnyRef(value) => value.as_ref(),
            _ => None,
        }
    }

    /// The exception, if it is one and not null.
    pub fn exception(&self) -> Option<&Exception> {
        match self {
            Self::ExnRef(value) => value.as_ref(),
            _ => None,
        }
    }

    /// Whether it is a null reference.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::FuncRef(None) | Self::ExternRef(None) | Self::AnyRef(None) | Self::ExnRef(None))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
            Self::V128(_) => "v128",
            Self::FuncRef(Some(_)) => "a function",
            Self::ExternRef(Some(_)) => "a value of the host",
            Self::AnyRef(Some(value)) => value.kind(),
            Self::ExnRef(Some(_)) => "an exception",
            Self::FuncRef(None) | Self::ExternRef(None) | Self::AnyRef(None) | Self::ExnRef(None) => "null",
        }
    }

    /// Whether it is a value of a type, for an agent.
    pub fn is_of_type(&self, agent: &Agent, ty: ValType) -> bool {
        self.check(agent, ty).is_ok()
    }

    pub(crate) fn check(&self, agent: &Agent, ty: ValType) -> Result<(), Misuse> {
        let matches = match (self, ty) {
            (Self::I32(_), ValType::I32)
            | (Self::I64(_), ValType::I64)
            | (Self::F32(_), ValType::F32)
            | (Self::F64(_), ValType::F64)
            | (Self::V128(_), ValType::V128) => true,
            (Self::FuncRef(func), ValType::Ref(ty)) => {
                if func.as_ref().is_some_and(|func| func.agent() != *agent) {
                    return Err(Misuse::Foreign("a function"));
                }
                match func {
                    Some(func) => {
                        let found = RefType { nullable: false, heap: HeapType::Exact(func.type_id()) };
                        agent.engine().types().matching(|types| matching::match_ref_type(types, found, ty))
                    }
                    None => ty.nullable && hierarchy(agent, ty) == Some(Hierarchy::Func),
                }
            }
            (Self::ExternRef(value), ValType::Ref(ty)) => {
                if value.as_ref().is_some_and(|value| !value.agent().same(agent.raw())) {
                    return Err(Misuse::Foreign("a value"));
                }
                match value {
                    Some(_) => ty.heap == HeapType::Abstract(AbsHeapType::Extern),
                    None => ty.nullable && hierarchy(agent, ty) == Some(Hierarchy::Extern),
                }
            }
            (Self::AnyRef(value), ValType::Ref(ty)) => match value {
                Some(value) => {
                    if value.agent().is_some_and(|owner| owner != *agent) {
                        return Err(Misuse::Foreign("a reference"));
                    }
                    agent.raw().ref_matches(&value.to_ref(), &ty)
                }
                None => ty.nullable && hierarchy(agent, ty) == Some(Hierarchy::Any),
            },
            (Self::ExnRef(value), ValType::Ref(ty)) => match value {
                Some(value) => {
                    if value.agent() != *agent {
                        return Err(Misuse::Foreign("an exception"));
                    }
                    ty.heap == HeapType::Abstract(AbsHeapType::Exn)
                }
                None => ty.nullable && hierarchy(agent, ty) == Some(Hierarchy::Exn),
            },
            _ => false,
        };
        if matches { Ok(()) } else { Err(Misuse::wrong_type(ty, self.kind())) }
    }

    /// The value as wasm takes it. References in it stay valid while a scope of the agent is open that is open now.
    ///
    /// The type is not looked at: what takes the value does that.
    pub fn to_raw(&self, agent: &Agent) -> Result<ValRaw, Error> {
        Ok(match self {
            Self::I32(value) => ValRaw::i32(*value),
            Self::I64(value) => ValRaw::i64(*value),
            Self::F32(bits) => ValRaw::u32(*bits),
            Self::F64(bits) => ValRaw::u64(*bits),
            Self::V128(bits) => ValRaw::v128(*bits),
            Self::FuncRef(func) => agent.func_to_raw(func.as_ref()),
            Self::ExternRef(value) => agent.extern_to_raw(value.clone())?,
            Self::AnyRef(None) | Self::ExnRef(None) => ValRaw::ZERO,
            Self::AnyRef(Some(value)) => agent.heap_to_raw(&value.to_ref())?,
            Self::ExnRef(Some(value)) => agent.heap_to_raw(&RefValue::Object(value.object().clone()))?,
        })
    }

    /// A value as wasm gave it.
    pub fn from_raw(agent: &Agent, raw: ValRaw, ty: ValType) -> Self {
        match ty {
            ValType::I32 => Self::I32(raw.get_i32()),
            ValType::I64 => Self::I64(raw.get_i64()),
            ValType::F32 => Self::F32(raw.get_u32()),
            ValType::F64 => Self::F64(raw.get_u64()),
            ValType::V128 => Self::V128(raw.get_v128()),
            ValType::Ref(ty) => match hierarchy(agent, ty) {
                Some(Hierarchy::Func) => Self::FuncRef(agent.func_from_raw(raw)),
                _ => Self::from_ref(agent, agent.raw().ref_from_raw(raw), ty),
            },
        }
    }

    /// The value as a table or global holds it; `None` for numbers.
    pub(crate) fn to_ref(&self) -> Option<RefValue> {
        match self {
            Self::FuncRef(func) => Some(RefValue::Func(func.as_ref().map(|func| func.inst().clone()))),
            Self::ExternRef(value) => Some(RefValue::Host(value.clone())),
            Self::AnyRef(None) | Self::ExnRef(None) => Some(RefValue::Host(None)),
            Self::AnyRef(Some(value)) => Some(value.to_ref()),
            Self::ExnRef(Some(value)) => Some(RefValue::Object(value.object().clone())),
            Self::I32(_) | Self::I64(_) | Self::F32(_) | Self::F64(_) | Self::V128(_) => None,
        }
    }

    /// A value as a table or global of a type held it.
    pub(crate) fn from_ref(agent: &Agent, value: RefValue, ty: RefType) -> Self {
        match (value, hierarchy(agent, ty)) {
            (RefValue::Func(func), _) => Self::FuncRef(func.and_then(Func::from_inst)),
            (RefValue::I31(bits), _) => Self::AnyRef(Some(AnyRef::from_i31_bits(bits))),
            (RefValue::Object(object), Some(Hierarchy::Exn)) => Self::ExnRef(Some(Exception::from_object(object))),
            (RefValue::Object(object), _) => Self::AnyRef(Some(AnyRef::from_object(object))),
            (RefValue::Host(value), Some(Hierarchy::Any)) => Self::AnyRef(value.map(AnyRef::from_host)),
            (RefValue::Host(None), Some(Hierarchy::Exn)) => Self::ExnRef(None),
            (RefValue::Host(None), Some(Hierarchy::Func)) => Self::FuncRef(None),
            (RefValue::Host(value), _) => Self::ExternRef(value),
        }
    }

    /// The value as a global of a type takes it.
    pub(crate) fn to_global(&self, agent: &Agent, ty: ValType) -> Result<GlobalValue, Error> {
        self.check(agent, ty)?;
        Ok(match self.to_ref() {
            Some(reference) => GlobalValue::Ref(reference),
            None => GlobalValue::Number(self.to_raw(agent)?),
        })
    }

    /// A value as a global of a type gave it.
    pub(crate) fn from_global(agent: &Agent, value: GlobalValue, ty: ValType) -> Self {
        match value {
            GlobalValue::Number(raw) => Self::from_raw(agent, raw, ty),
            GlobalValue::Ref(reference) => match ty {
                ValType::Ref(ty) => Self::from_ref(agent, reference, ty),
                _ => Self::from_ref(agent, reference, RefType::EXTERNREF),
            },
        }
    }
}

fn hierarchy(agent: &Agent, ty: RefType) -> Option<Hierarchy> {
    match ty.heap {
        HeapType::Abstract(heap) => Some(heap.hierarchy()),
        HeapType::Concrete(id) | HeapType::Exact(id) => {
            let kind = agent.engine().types().get(id)?;
            Some(matching::kind_of(&kind.comp).hierarchy())
        }
    }
}

impl From<i32> for Val {
    fn from(value: i32) -> Self {
        Self::I32(value)
    }
}

impl From<i64> for Val {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<f32> for Val {
    fn from(value: f32) -> Self {
        Self::F32(value.to_bits())
    }
}

impl From<f64> for Val {
    fn from(value: f64) -> Self {
        Self::F64(value.to_bits())
    }
}

impl From<u128> for Val {
    fn from(value: u128) -> Self {
        Self::V128(value)
    }
}

impl From<Func> for Val {
    fn from(func: Func) -> Self {
        Self::FuncRef(Some(func))
    }
}

impl From<AnyRef> for Val {
    fn from(value: AnyRef) -> Self {
        Self::AnyRef(Some(value))
    }
}

impl From<Exception> for Val {
    fn from(value: Exception) -> Self {
        Self::ExnRef(Some(value))
    }
}

impl From<I31> for Val {
    fn from(value: I31) -> Self {
        AnyRef::from(value).into()
    }
}

impl From<StructRef> for Val {
    fn from(value: StructRef) -> Self {
        AnyRef::from(value).into()
    }
}

impl From<ArrayRef> for Val {
    fn from(value: ArrayRef) -> Self {
        AnyRef::from(value).into()
    }
}

//! References of the `any` hierarchy: structures, arrays, 31-bit integers, and values of the host among them.

use chalcid_vm::{GlobalValue, ObjectError, ObjectRef, RefValue};

use crate::types::{CompType, DefTypeId, FieldType, StorageType, ValType};
use crate::{Agent, Error, HostValue, Misuse, ResourceError, Val};

/// A reference of the `any` hierarchy that is not null. Cloning gives another handle to the same; two are equal exactly when `ref.eq` says so, and,
/// where they are values of the host, when they are the same bits.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chalcid::{AnyRef, I31};
///
/// let small = AnyRef::from(I31::new(-5).ok_or("too large")?);
/// assert_eq!(small.as_i31().map(I31::get), Some(-5));
/// assert!(small.as_struct().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AnyRef(Kind);

#[derive(Clone, Debug)]
enum Kind {
    I31(I31),
    /// A structure or an array.
    Object(ObjectRef),
    Host(HostValue),
}

/// An integer of 31 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct I31(i32);

/// A structure. A handle keeps it, and what it refers to; cloning gives another handle to the same one.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chalcid::{Agent, Config, Engine, Features, Instance, Module, StructRef, Val};
///
/// let wasm = wat::parse_str(
///     r#"(module
///          (type $point (struct (field $x i32) (field $y (mut f64))))
///          (global (export "origin") (ref $point) (struct.new $point (i32.const 1) (f64.const 2))))"#,
/// )?;
/// let engine = Engine::new(Config::new().features(Features::WASM3))?;
/// let agent = Agent::new(&engine);
/// let instance = Instance::new(&agent, &Module::new(&engine, wasm)?, &[])?;
/// let origin = instance.get_global("origin").ok_or("no export")?.get();
/// let origin = origin.any().and_then(|any| any.as_struct()).ok_or("no structure")?;
/// assert_eq!(origin.field(0)?.i32(), Some(1));
/// origin.set_field(1, Val::from(2.5))?;
/// assert_eq!(origin.field(1)?.f64(), Some(2.5));
///
/// let other = StructRef::new(&agent, origin.ty(), &[Val::I32(7), Val::from(0.0)])?;
/// assert_ne!(origin, other);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StructRef(ObjectRef);

/// An array. A handle keeps it, and what it refers to; cloning gives another handle to the same one.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chalcid::{Agent, ArrayRef, Config, Engine, Features, Instance, Module, Val};
///
/// let wasm = wat::parse_str(
///     r#"(module
///          (type $bytes (array (mut i8)))
///          (global (export "bytes") (ref $bytes) (array.new $bytes (i32.const 255) (i32.const 3))))"#,
/// )?;
/// let engine = Engine::new(Config::new().features(Features::WASM3))?;
/// let agent = Agent::new(&engine);
/// let instance = Instance::new(&agent, &Module::new(&engine, wasm)?, &[])?;
/// let bytes = instance.get_global("bytes").ok_or("no export")?.get();
/// let bytes = bytes.any().and_then(|any| any.as_array()).ok_or("no array")?;
/// assert_eq!(bytes.len(), 3);
/// assert_eq!(bytes.get(2)?.i32(), Some(255));
///
/// let more = ArrayRef::new(&agent, bytes.ty(), Val::I32(0), 1000)?;
/// assert!(more.set(1000, Val::I32(1)).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArrayRef(ObjectRef);

impl I31 {
    /// An integer, if 31 bits hold it.
    pub fn new(value: i32) -> Option<Self> {
        let wrapped = Self::wrapping(value);
        (wrapped.0 == value).then_some(wrapped)
    }

    /// The lowest 31 bits of an integer.
    pub fn wrapping(value: i32) -> Self {
        Self(value << 1 >> 1)
    }

    /// The integer, its highest bit the sign.
    pub fn get(self) -> i32 {
        self.0
    }

    /// The integer without a sign.
    pub fn get_unsigned(self) -> u32 {
        self.0 as u32 & 0x7fff_ffff
    }
}

impl AnyRef {
    /// A value of the host as `any.convert_extern` makes it.
    pub fn from_host(value: HostValue) -> Self {
        Self(Kind::Host(value))
    }

    /// The integer, if it is one.
    pub fn as_i31(&self) -> Option<I31> {
        match &self.0 {
            Kind::I31(value) => Some(*value),
            _ => None,
        }
    }

    /// The structure, if it is one.
    pub fn as_struct(&self) -> Option<StructRef> {
        match &self.0 {
            Kind::Object(object) if object.kind() == chalcid_vm::ObjectKind::Struct => Some(StructRef(object.clone())),
            _ => None,
        }
    }

    /// The array, if it is one.
    pub fn as_array(&self) -> Option<ArrayRef> {
        match &self.0 {
            Kind::Object(object) if object.kind() == chalcid_vm::ObjectKind::Array => Some(ArrayRef(object.clone())),
            _ => None,
        }
    }

    /// The value of the host, if it is one.
    pub fn as_host(&self) -> Option<&HostValue> {
        match &self.0 {
            Kind::Host(value) => Some(value),
            _ => None,
        }
    }

    /// The type of a structure or array.
    pub fn ty(&self) -> Option<DefTypeId> {
        match &self.0 {
            Kind::Object(object) => object.type_id(),
            _ => None,
        }
    }

    /// A number that tells a structure or array from every other one of its agent, as long as it lives.
    pub fn id(&self) -> Option<u32> {
        match &self.0 {
            Kind::Object(object) => Some(object.id()),
            _ => None,
        }
    }

    /// The agent it belongs to; integers belong to none.
    pub fn agent(&self) -> Option<Agent> {
        match &self.0 {
            Kind::I31(_) => None,
            Kind::Object(object) => Some(Agent::from_raw(object.agent())),
            Kind::Host(value) => Some(Agent::from_raw(value.agent())),
        }
    }

    pub(crate) fn from_object(object: ObjectRef) -> Self {
        Self(Kind::Object(object))
    }

    pub(crate) fn object(&self) -> Option<&ObjectRef> {
        match &self.0 {
            Kind::Object(object) => Some(object),
            Kind::I31(_) | Kind::Host(_) => None,
        }
    }

    /// An integer as the running side has it.
    pub(crate) fn from_i31_bits(bits: u32) -> Self {
        Self(Kind::I31(I31(bits as i32 >> 1)))
    }

    pub(crate) fn to_ref(&self) -> RefValue {
        match &self.0 {
            Kind::I31(value) => RefValue::I31((value.0 as u32) << 1 | 1),
            Kind::Object(object) => RefValue::Object(object.clone()),
            Kind::Host(value) => RefValue::Host(Some(value.clone())),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match &self.0 {
            Kind::I31(_) => "an i31",
            Kind::Object(object) if object.kind() == chalcid_vm::ObjectKind::Array => "an array",
            Kind::Object(_) => "a structure",
            Kind::Host(_) => "a value of the host",
        }
    }
}

impl PartialEq for AnyRef {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::I31(a), Kind::I31(b)) => a == b,
            (Kind::Object(a), Kind::Object(b)) => a == b,
            (Kind::Host(a), Kind::Host(b)) => a.raw() == b.raw() && a.agent().same(b.agent()),
            _ => false,
        }
    }
}

impl Eq for AnyRef {}

impl From<I31> for AnyRef {
    fn from(value: I31) -> Self {
        Self(Kind::I31(value))
    }
}

impl From<StructRef> for AnyRef {
    fn from(value: StructRef) -> Self {
        Self(Kind::Object(value.0))
    }
}

impl From<ArrayRef> for AnyRef {
    fn from(value: ArrayRef) -> Self {
        Self(Kind::Object(value.0))
    }
}

impl StructRef {
    /// A structure of a type, with the values of its fields.
    pub fn new(agent: &Agent, ty: DefTypeId, values: &[Val]) -> Result<Self, Error> {
        let values = fields_to_raw(agent, ty, values)?;
        Ok(Self(ObjectRef::new_struct(agent.raw(), ty, &values)?))
    }

    /// A structure of a type that has a descriptor, with the values of its fields.
    pub fn new_described(agent: &Agent, ty: DefTypeId, descriptor: &Self, values: &[Val]) -> Result<Self, Error> {
        if descriptor.agent() != *agent {
            return Err(Misuse::Foreign("a descriptor").into());
        }
        let values = fields_to_raw(agent, ty, values)?;
        Ok(Self(ObjectRef::new_described_struct(agent.raw(), ty, &descriptor.0, &values)?))
    }

    /// Its descriptor, if its type has one.
    pub fn descriptor(&self) -> Option<Self> {
        self.0.descriptor().map(Self)
    }

    /// A structure of a type, every field zero or null. Fields that cannot be null have no such value.
    pub fn new_default(agent: &Agent, ty: DefTypeId) -> Result<Self, Error> {
        fields_of(agent, ty)?;
        Ok(Self(ObjectRef::new_default_struct(agent.raw(), ty)?))
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        Agent::from_raw(self.0.agent())
    }

    /// Its type, see [`Engine::composite_type`](crate::Engine::composite_type).
    pub fn ty(&self) -> DefTypeId {
        type_of(&self.0)
    }

    /// The number of its fields.
    pub fn len(&self) -> u32 {
        self.0.len()
    }

    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A field. Packed ones come without a sign.
    pub fn field(&self, index: u32) -> Result<Val, Error> {
        let agent = self.agent();
        let fields = fields_of(&agent, self.ty())?;
        let field = fields.get(index as usize).ok_or(Misuse::OutOfBounds)?;
        Ok(Val::from_global(&agent, self.0.get(index)?, unpacked(field)))
    }

    /// Writes a field, if it is mutable.
    pub fn set_field(&self, index: u32, value: Val) -> Result<(), Error> {
        let agent = self.agent();
        let fields = fields_of(&agent, self.ty())?;
        let field = fields.get(index as usize).ok_or(Misuse::OutOfBounds)?;
        Ok(self.0.set(index, &to_field(&agent, &value, field)?)?)
    }

    /// A number that tells it from every other structure and array of its agent, as long as it lives.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl ArrayRef {
    /// An array of a type, every element the same value.
    pub fn new(agent: &Agent, ty: DefTypeId, value: Val, len: u32) -> Result<Self, Error> {
        let value = to_field(agent, &value, &element_of(agent, ty)?)?;
        Ok(Self(ObjectRef::new_array(agent.raw(), ty, len, Some(&value))?))
    }

    /// An array of a type, every element zero or null.
    pub fn new_default(agent: &Agent, ty: DefTypeId, len: u32) -> Result<Self, Error> {
        element_of(agent, ty)?;
        Ok(Self(ObjectRef::new_array(agent.raw(), ty, len, None)?))
    }

    /// An array of a type, with the values of its elements.
    pub fn of(agent: &Agent, ty: DefTypeId, values: &[Val]) -> Result<Self, Error> {
        let element = element_of(agent, ty)?;
        let values = values.iter().map(|value| to_field(agent, value, &element)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(ObjectRef::new_array_of(agent.raw(), ty, &values)?))
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        Agent::from_raw(self.0.agent())
    }

    /// Its type, see [`Engine::composite_type`](crate::Engine::composite_type).
    pub fn ty(&self) -> DefTypeId {
        type_of(&self.0)
    }

    /// The number of its elements.
    pub fn len(&self) -> u32 {
        self.0.len()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An element. Packed ones come without a sign.
    pub fn get(&self, index: u32) -> Result<Val, Error> {
        let agent = self.agent();
        let element = element_of(&agent, self.ty())?;
        Ok(Val::from_global(&agent, self.0.get(index)?, unpacked(&element)))
    }

    /// Writes an element, if the elements are mutable.
    pub fn set(&self, index: u32, value: Val) -> Result<(), Error> {
        let agent = self.agent();
        let element = element_of(&agent, self.ty())?;
        Ok(self.0.set(index, &to_field(&agent, &value, &element)?)?)
    }

    /// Copies elements out of an array of 16-bit integers, as many as there is room for.
    pub fn read_u16(&self, start: u32, elements: &mut [u16]) -> Result<(), Error> {
        Ok(self.0.read_16_bits(start, elements)?)
    }

    /// Copies elements into an array of 16-bit integers.
    pub fn write_u16(&self, start: u32, elements: &[u16]) -> Result<(), Error> {
        Ok(self.0.write_16_bits(start, elements)?)
    }

    /// A number that tells it from every other structure and array of its agent, as long as it lives.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

fn type_of(object: &ObjectRef) -> DefTypeId {
    match object.type_id() {
        Some(ty) => ty,
        // These handles are made of structures and arrays alone.
        None => unreachable!("a structure or array without a type"),
    }
}

fn fields_of(agent: &Agent, ty: DefTypeId) -> Result<Box<[FieldType]>, Misuse> {
    match agent.engine().composite_type(ty) {
        Some(CompType::Struct(fields)) => Ok(fields),
        _ => Err(Misuse::UnknownType),
    }
}

fn element_of(agent: &Agent, ty: DefTypeId) -> Result<FieldType, Misuse> {
    match agent.engine().composite_type(ty) {
        Some(CompType::Array(element)) => Ok(element),
        _ => Err(Misuse::UnknownType),
    }
}

fn unpacked(field: &FieldType) -> ValType {
    match field.storage {
        StorageType::I8 | StorageType::I16 => ValType::I32,
        StorageType::Val(ty) => ty,
    }
}

/// The values of all fields of a new structure.
fn fields_to_raw(agent: &Agent, ty: DefTypeId, values: &[Val]) -> Result<Vec<GlobalValue>, Error> {
    let fields = fields_of(agent, ty)?;
    if values.len() != fields.len() {
        return Err(Misuse::Count { wanted: fields.len(), found: values.len(), what: "fields" }.into());
    }
    values.iter().zip(&fields).map(|(value, field)| to_field(agent, value, field)).collect()
}

fn to_field(agent: &Agent, value: &Val, field: &FieldType) -> Result<GlobalValue, Error> {
    value.to_global(agent, unpacked(field))
}

impl From<ObjectError> for Error {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Full(full) => ResourceError::new(full.to_string()).into(),
            ObjectError::OutOfBounds => Misuse::OutOfBounds.into(),
            ObjectError::Immutable => Misuse::Immutable.into(),
            ObjectError::Descriptor => Misuse::Descriptor.into(),
            // The others were looked for before.
            ObjectError::NoSuchType | ObjectError::ValueType | ObjectError::Count => Misuse::UnknownType.into(),
        }
    }
}

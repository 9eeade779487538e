//! Objects as the running side and the Rust API see them: made, read and written by field, with every type checked.

use std::rc::Rc;

use chalcid_module::heap_layout::{ARRAY_LENGTH, DESCRIPTOR_SIZE, EXCEPTION_TAG, Kind, OBJECT_MASK, TYPE_ID};
use chalcid_module::index::DefTypeId;
use chalcid_module::types::{AbsHeapType, FieldType, HeapType, RefType, StorageType, ValType};

use super::layouts::{Field, Holds, Layout};
use super::roots::ObjectRef;
use super::{Heap, HeapFull};
use crate::agent::Agent;
use crate::entity::Strong;
use crate::func::FuncInst;
use crate::global::GlobalValue;
use crate::reference::RefValue;
use crate::table::value_matches;
use crate::tag::TagInst;
use crate::value::{HostValue, ValRaw};

/// Why an object could not be made, read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ObjectError {
    /// There is no room.
    #[error(transparent)]
    Full(#[from] HeapFull),
    /// The type is not one of structures or arrays, or not registered.
    #[error("not a type of such objects")]
    NoSuchType,
    /// No such field, or an index outside the array.
    #[error("no such field or element")]
    OutOfBounds,
    /// A value that is not of the field's type.
    #[error("the value is not of the field's type")]
    ValueType,
    /// Not as many values as there are fields.
    #[error("not as many values as there are fields")]
    Count,
    /// A structure whose type has a descriptor was to be made without one, or with what is none.
    #[error("the structure needs a descriptor of its type")]
    Descriptor,
    /// A field that cannot be written.
    #[error("the field is immutable")]
    Immutable,
}

impl Heap {
    /// The layout of a type of objects; `None` for what is none.
    fn layout(&self, agent: &Agent, ty: DefTypeId) -> Option<Rc<Layout>> {
        self.layouts.borrow_mut().get(agent.types(), ty.0)
    }

    /// A zeroed structure of a type.
    pub(crate) fn new_struct(&self, agent: &Agent, ty: DefTypeId) -> Result<u32, ObjectError> {
        let layout = self.layout(agent, ty).filter(|layout| layout.kind == Kind::Struct);
        let layout = layout.ok_or(ObjectError::NoSuchType)?;
        Ok(self.allocate(agent, &layout, layout.size, None)?)
    }

    /// A zeroed array of a type.
    pub(crate) fn new_array(&self, agent: &Agent, ty: DefTypeId, len: u32) -> Result<u32, ObjectError> {
        let layout = self.layout(agent, ty).filter(|layout| layout.kind == Kind::Array);
        let layout = layout.ok_or(ObjectError::NoSuchType)?;
        let size = layout.object_size(len).ok_or(HeapFull)?;
        Ok(self.allocate(agent, &layout, size, Some(len))?)
    }

    /// An exception of a tag, its values zero.
    pub(crate) fn new_exception(&self, agent: &Agent, tag: &Strong<TagInst>) -> Result<u32, ObjectError> {
        let layout = self.number_tag(agent, tag)?;
        let reference = self.allocate(agent, &layout, layout.size, None)?;
        // A collection on the way may have taken the number back.
        self.number_tag(agent, tag)?;
        self.write(reference + EXCEPTION_TAG, &tag.number().to_le_bytes());
        Ok(reference)
    }

    /// Sees to it that a tag has a number; returns the layout of its exceptions.
    fn number_tag(&self, agent: &Agent, tag: &Strong<TagInst>) -> Result<Rc<Layout>, HeapFull> {
        if tag.number() == 0 {
            // A handle is made and dropped without a borrow, since that may call the host.
            let tag = tag.clone();
            let inserted = self.tags.borrow_mut().insert(agent.types(), tag);
            inserted.map_err(|(full, tag)| {
                drop(tag);
                full
            })?;
        }
        self.tags.borrow().layout(tag.number()).cloned().ok_or(HeapFull)
    }

    /// The tag of an exception.
    pub(crate) fn exception_tag(&self, exception: u32) -> Option<Strong<TagInst>> {
        let number = self.read_u32(exception + EXCEPTION_TAG);
        // The handle is made after the borrow, since that may call the host.
        let tag = self.tags.borrow().tag(number).map(|tag| tag.as_ptr())?;
        // SAFETY: the table keeps the tag.
        Some(unsafe { Strong::from_body_ptr(tag) })
    }

    /// What an object is; `None` for what is no object.
    pub(crate) fn kind(&self, reference: u32) -> Option<Kind> {
        if reference == 0 || reference & OBJECT_MASK != 0 {
            return None;
        }
        match self.read::<1>(reference + 4) {
            [kind] if kind == Kind::Struct as u8 => Some(Kind::Struct),
            [kind] if kind == Kind::Array as u8 => Some(Kind::Array),
            [kind] if kind == Kind::Exception as u8 => Some(Kind::Exception),
            _ => None,
        }
    }

    /// The type of a structure or array.
    pub(crate) fn type_id(&self, reference: u32) -> DefTypeId {
        DefTypeId(self.read_u32(reference + TYPE_ID))
    }

    /// The size of the elements of an array.
    pub(crate) fn element_size(&self, agent: &Agent, array: u32) -> Option<u32> {
        if self.kind(array) == Some(Kind::Array) { self.element_size_of(agent, self.type_id(array)) } else { None }
    }

    /// The size of the elements of arrays of a type.
    pub(crate) fn element_size_of(&self, agent: &Agent, ty: DefTypeId) -> Option<u32> {
        Some(self.layout(agent, ty).filter(|layout| layout.kind == Kind::Array)?.size)
    }

    /// The number of elements of an array.
    pub(crate) fn array_len(&self, array: u32) -> u32 {
        self.read_u32(array + ARRAY_LENGTH)
    }

    /// The layout of an object that is there.
    fn layout_of(&self, agent: &Agent, reference: u32) -> Option<Rc<Layout>> {
        match self.kind(reference)? {
            Kind::Exception => self.tags.borrow().layout(self.read_u32(reference + EXCEPTION_TAG)).cloned(),
            Kind::Struct | Kind::Array => self.layout(agent, self.type_id(reference)),
        }
    }

    /// Whether a reference that is alive is a value of a type.
    pub(crate) fn matches(&self, agent: &Agent, reference: u32, ty: &RefType<DefTypeId>) -> bool {
        use AbsHeapType::{Any, Array, Eq, Exn, Extern, I31, Struct};
        let is_one_of = |types: &[AbsHeapType]| matches!(&ty.heap, HeapType::Abstract(heap) if types.contains(heap));
        if reference == 0 {
            return ty.nullable;
        }
        if reference & 1 == 1 {
            return is_one_of(&[I31, Eq, Any, Extern]);
        }
        match (self.kind(reference), ty.heap) {
            (None, _) => is_one_of(&[Any, Extern]),
            (Some(Kind::Exception), _) => is_one_of(&[Exn]),
            (Some(Kind::Struct), HeapType::Abstract(_)) => is_one_of(&[Struct, Eq, Any, Extern]),
            (Some(Kind::Array), HeapType::Abstract(_)) => is_one_of(&[Array, Eq, Any, Extern]),
            (Some(Kind::Struct | Kind::Array), HeapType::Exact(wanted)) => self.type_id(reference) == wanted,
            (Some(Kind::Struct | Kind::Array), HeapType::Concrete(wanted)) => {
                let found = self.type_id(reference);
                found == wanted || agent.types().is_subtype(found, wanted)
            }
        }
    }

    /// The bits by which a field holds a reference. What needs a box gets one, which may collect: the caller's object must be rooted.
    pub(crate) fn bits_of(&self, agent: &Agent, value: &RefValue) -> Result<u32, HeapFull> {
        match value {
            RefValue::Func(None) | RefValue::Host(None) => Ok(0),
            RefValue::Func(Some(func)) => self.func_to_heap(agent, func.as_ptr()),
            RefValue::Host(Some(value)) => self.new_box(agent, value.clone().into_raw()),
            RefValue::I31(bits) => Ok(*bits),
            RefValue::Object(object) => Ok(object.reference()),
        }
    }

    /// The reference of another hierarchy than the functions' that bits mean.
    pub(crate) fn value_of(&self, agent: &Agent, bits: u32) -> RefValue {
        if bits & 1 == 1 {
            return RefValue::I31(bits);
        }
        if self.kind(bits).is_some() {
            return RefValue::Object(ObjectRef::new(agent, bits));
        }
        let value = self.boxes.borrow().get(bits);
        // SAFETY: the box owns the value, so it is alive, and the hooks accept it.
        RefValue::Host(value.map(|value| unsafe { HostValue::from_raw(agent, agent.hooks().clone_value(value)) }))
    }

    fn read_field(&self, agent: &Agent, place: u32, field: &Field) -> GlobalValue {
        let number = match &field.ty.storage {
            StorageType::I8 => ValRaw::u32(u32::from(u8::from_le_bytes(self.read(place)))),
            StorageType::I16 => ValRaw::u32(u32::from(u16::from_le_bytes(self.read(place)))),
            StorageType::Val(ValType::I32 | ValType::F32) => ValRaw::u32(self.read_u32(place)),
            StorageType::Val(ValType::I64 | ValType::F64) => ValRaw::u64(u64::from_le_bytes(self.read(place))),
            StorageType::Val(ValType::V128) => ValRaw::v128(u128::from_le_bytes(self.read(place))),
            StorageType::Val(ValType::Ref(_)) => {
                let bits = self.read_u32(place);
                return GlobalValue::Ref(if field.holds == Holds::Function {
                    let func = self.funcs.borrow().get(bits);
                    // SAFETY: the table keeps its functions, and the object holds the number.
                    RefValue::Func(func.map(|func| unsafe { FuncInst::from_vm(func) }))
                } else {
                    self.value_of(agent, bits)
                });
            }
        };
        GlobalValue::Number(number)
    }

    /// Writes a field of an object that the caller keeps.
    fn write_field(&self, agent: &Agent, place: u32, field: &Field, value: &GlobalValue) -> Result<(), ObjectError> {
        match (&field.ty.storage, value) {
            (StorageType::Val(ValType::Ref(ty)), GlobalValue::Ref(value)) => {
                if !value_matches(agent, value, ty) {
                    return Err(ObjectError::ValueType);
                }
                let bits = self.bits_of(agent, value)?;
                self.write(place, &bits.to_le_bytes());
            }
            (StorageType::Val(ValType::Ref(_)), GlobalValue::Number(_)) | (_, GlobalValue::Ref(_)) => {
                return Err(ObjectError::ValueType);
            }
            (StorageType::I8, GlobalValue::Number(value)) => self.write(place, &[value.get_u32() as u8]),
            (StorageType::I16, GlobalValue::Number(value)) => {
                self.write(place, &(value.get_u32() as u16).to_le_bytes());
            }
            (StorageType::Val(ValType::I32 | ValType::F32), GlobalValue::Number(value)) => {
                self.write(place, &value.get_u32().to_le_bytes());
            }
            (StorageType::Val(ValType::I64 | ValType::F64), GlobalValue::Number(value)) => {
                self.write(place, &value.get_u64().to_le_bytes());
            }
            (StorageType::Val(ValType::V128), GlobalValue::Number(value)) => {
                self.write(place, &value.get_v128().to_le_bytes());
            }
        }
        Ok(())
    }
}

/// A field's type can be written after all.
fn check_mutable(ty: &FieldType<DefTypeId>) -> Result<(), ObjectError> {
    if ty.mutable { Ok(()) } else { Err(ObjectError::Immutable) }
}

impl ObjectRef {
    fn heap(&self) -> &Heap {
        &self.agent().inner().heap
    }

    fn layout(&self) -> Result<Rc<Layout>, ObjectError> {
        self.heap().layout_of(self.agent(), self.reference()).ok_or(ObjectError::NoSuchType)
    }

    /// A structure of a type, with the values of its fields.
    pub fn new_struct(agent: &Agent, ty: DefTypeId, values: &[GlobalValue]) -> Result<Self, ObjectError> {
        let object = Self::with_descriptor(agent, ty, None)?;
        object.fill(values)?;
        Ok(object)
    }

    /// A structure of a type that has a descriptor, with the values of its fields.
    pub fn new_described_struct(
        agent: &Agent,
        ty: DefTypeId,
        descriptor: &Self,
        values: &[GlobalValue],
    ) -> Result<Self, ObjectError> {
        let object = Self::with_descriptor(agent, ty, Some(descriptor))?;
        object.fill(values)?;
        Ok(object)
    }

    fn with_descriptor(agent: &Agent, ty: DefTypeId, descriptor: Option<&Self>) -> Result<Self, ObjectError> {
        let heap = &agent.inner().heap;
        let wanted = heap.layout(agent, ty).ok_or(ObjectError::NoSuchType)?.descriptor;
        if descriptor.and_then(Self::type_id) != wanted {
            return Err(ObjectError::Descriptor);
        }
        let object = Self::new(agent, heap.new_struct(agent, ty)?);
        if let Some(descriptor) = descriptor {
            heap.write(object.reference() - DESCRIPTOR_SIZE, &descriptor.reference().to_le_bytes());
        }
        Ok(object)
    }

    /// The descriptor of a structure.
    pub fn descriptor(&self) -> Option<Self> {
        self.layout().ok()?.descriptor?;
        let reference = self.heap().read_u32(self.reference() - DESCRIPTOR_SIZE);
        Some(Self::new(self.agent(), reference))
    }

    /// A structure of a type, every field zero or null.
    pub fn new_default_struct(agent: &Agent, ty: DefTypeId) -> Result<Self, ObjectError> {
        Self::with_descriptor(agent, ty, None)?.all_default()
    }

    /// A structure of a type that has a descriptor, every field zero or null.
    pub fn new_default_described_struct(agent: &Agent, ty: DefTypeId, descriptor: &Self) -> Result<Self, ObjectError> {
        Self::with_descriptor(agent, ty, Some(descriptor))?.all_default()
    }

    fn all_default(self) -> Result<Self, ObjectError> {
        let layout = self.layout()?;
        if layout.fields.iter().all(|field| has_default(&field.ty)) { Ok(self) } else { Err(ObjectError::ValueType) }
    }

    /// An array of a type, every element the same value; without one, zero or null.
    pub fn new_array(agent: &Agent, ty: DefTypeId, len: u32, value: Option<&GlobalValue>) -> Result<Self, ObjectError> {
        let heap = &agent.inner().heap;
        let object = Self::new(agent, heap.new_array(agent, ty, len)?);
        let layout = object.layout()?;
        let field = layout.fields.first().ok_or(ObjectError::NoSuchType)?;
        match value {
            None if has_default(&field.ty) => {}
            None => return Err(ObjectError::ValueType),
            Some(value) => {
                let first = object.reference() + field.offset;
                if len == 0 {
                    // Checked all the same.
                    let scratch = Self::new(agent, heap.new_array(agent, ty, 1)?);
                    heap.write_field(agent, scratch.reference() + field.offset, field, value)?;
                } else {
                    heap.write_field(agent, first, field, value)?;
                    heap.repeat(first, layout.size, len);
                }
            }
        }
        Ok(object)
    }

    /// An array of a type, with the values of its elements.
    pub fn new_array_of(agent: &Agent, ty: DefTypeId, values: &[GlobalValue]) -> Result<Self, ObjectError> {
        let len = u32::try_from(values.len()).map_err(|_| HeapFull)?;
        let object = Self::new(agent, agent.inner().heap.new_array(agent, ty, len)?);
        for (index, value) in (0..len).zip(values) {
            object.write_element(index, value, false)?;
        }
        Ok(object)
    }

    /// An exception of a tag, with the values it carries.
    pub fn new_exception(tag: &Strong<TagInst>, values: &[GlobalValue]) -> Result<Self, ObjectError> {
        let agent = tag.agent();
        let object = Self::new(agent, agent.inner().heap.new_exception(agent, tag)?);
        object.fill(values)?;
        Ok(object)
    }

    fn fill(&self, values: &[GlobalValue]) -> Result<(), ObjectError> {
        let layout = self.layout()?;
        if values.len() != layout.fields.len() {
            return Err(ObjectError::Count);
        }
        for (field, value) in layout.fields.iter().zip(values) {
            self.heap().write_field(self.agent(), self.reference() + field.offset, field, value)?;
        }
        Ok(())
    }

    /// What the object is.
    pub fn kind(&self) -> Kind {
        // Handles are made of objects alone.
        self.heap().kind(self.reference()).unwrap_or(Kind::Struct)
    }

    /// The type of a structure or array.
    pub fn type_id(&self) -> Option<DefTypeId> {
        (self.kind() != Kind::Exception).then(|| self.heap().type_id(self.reference()))
    }

    /// The tag of an exception.
    pub fn tag(&self) -> Option<Strong<TagInst>> {
        if self.kind() == Kind::Exception { self.heap().exception_tag(self.reference()) } else { None }
    }

    /// The number of fields of a structure, of elements of an array, of values of an exception.
    pub fn len(&self) -> u32 {
        match self.kind() {
            Kind::Array => self.heap().array_len(self.reference()),
            Kind::Struct | Kind::Exception => self.layout().map_or(0, |layout| layout.fields.len() as u32),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A field, element or value. Packed ones are extended by zeros.
    pub fn get(&self, index: u32) -> Result<GlobalValue, ObjectError> {
        let (layout, field, place) = self.place(index)?;
        Ok(self.heap().read_field(self.agent(), place, &layout.fields[field]))
    }

    /// Writes a field or element, if it is mutable.
    pub fn set(&self, index: u32, value: &GlobalValue) -> Result<(), ObjectError> {
        self.write_element(index, value, true)
    }

    /// The place of a range of an array whose elements are of 16 bits.
    fn place_of_16_bits(&self, start: u32, count: usize, written: bool) -> Result<u32, ObjectError> {
        let layout = self.layout()?;
        let field = layout.fields.first().ok_or(ObjectError::ValueType)?;
        if layout.kind != Kind::Array || field.ty.storage != StorageType::I16 {
            return Err(ObjectError::ValueType);
        }
        if written {
            check_mutable(&field.ty)?;
        }
        let end = u64::from(start) + count as u64;
        if end > u64::from(self.heap().array_len(self.reference())) {
            return Err(ObjectError::OutOfBounds);
        }
        Ok(self.reference() + field.offset + start * layout.size)
    }

    /// Reads elements of an array of 16-bit integers.
    pub fn read_16_bits(&self, start: u32, elements: &mut [u16]) -> Result<(), ObjectError> {
        let first = self.place_of_16_bits(start, elements.len(), false)?;
        for (element, place) in elements.iter_mut().zip((first..).step_by(2)) {
            *element = u16::from_le_bytes(self.heap().read(place));
        }
        Ok(())
    }

    /// Writes elements of an array of 16-bit integers.
    pub fn write_16_bits(&self, start: u32, elements: &[u16]) -> Result<(), ObjectError> {
        let first = self.place_of_16_bits(start, elements.len(), true)?;
        for (element, place) in elements.iter().zip((first..).step_by(2)) {
            self.heap().write(place, &element.to_le_bytes());
        }
        Ok(())
    }

    fn write_element(&self, index: u32, value: &GlobalValue, heed: bool) -> Result<(), ObjectError> {
        let (layout, field, place) = self.place(index)?;
        let field = &layout.fields[field];
        if heed {
            check_mutable(&field.ty)?;
        }
        self.heap().write_field(self.agent(), place, field, value)
    }

    /// The layout, the position in it, and the place of a field or element.
    fn place(&self, index: u32) -> Result<(Rc<Layout>, usize, u32), ObjectError> {
        let layout = self.layout()?;
        if layout.kind == Kind::Array {
            if index >= self.heap().array_len(self.reference()) {
                return Err(ObjectError::OutOfBounds);
            }
            let first = layout.fields.first().ok_or(ObjectError::OutOfBounds)?.offset;
            let place = self.reference() + first + index * layout.size;
            return Ok((layout, 0, place));
        }
        let offset = layout.fields.get(index as usize).ok_or(ObjectError::OutOfBounds)?.offset;
        Ok((layout, index as usize, self.reference() + offset))
    }
}

fn has_default(ty: &FieldType<DefTypeId>) -> bool {
    !matches!(&ty.storage, StorageType::Val(ValType::Ref(ty)) if !ty.nullable)
}

//! What the heap of objects looks like to compiled code and to the running side: references, headers, and where fields lie.
//!
//! ```text
//! reference   0            null
//!             …1           a 31-bit integer, shifted left by one
//!             …010         a box of a host value: its number, shifted left by three
//!             …000         an object: its offset from the heap's base, a multiple of 8
//!
//! object      0  u32  DefTypeId of its type; 0 for exceptions
//!             4  u8   Kind
//!             5  …    the collector's; zero in a fresh object
//!             8       structure: fields, each aligned to its size, to 8 at most
//!                     array: u32 length, then elements at 12, or at 16 where they are larger than four bytes
//!                     exception: u32 number of its tag (`vmtag::NUMBER`), then the values of its tag, laid out as fields from 12 on
//! ```
//!
//! Numbers are little-endian. A reference of the `extern`, `any` or `exn` hierarchies in a field is its 32 bits. A function reference is a 32-bit
//! number too, the place of the function in the table that `vmagent::HEAP_FUNCS` names (0 is null, and that place holds null): no pointer is ever in the
//! heap. A structure whose type has a descriptor keeps the reference to it in the four bytes at [`DESCRIPTOR`], before itself.
//!
//! # Invariants
//! - The fields of a type begin as those of its supertype do: code that knows an object by a supertype finds them.
//! - An object ends below 2^32, padding included, so that 32-bit arithmetic on offsets within it does not wrap.

use crate::types::{FieldType, StorageType, ValType};

/// Bits of a reference that tell an object (0) from all else.
pub const OBJECT_MASK: u32 = 0b111;
/// Bit that marks a 31-bit integer.
pub const I31_BIT: u32 = 1;
/// Low three bits of a box.
pub const BOX_TAG: u32 = 0b010;
/// How far a box's number is shifted.
pub const BOX_SHIFT: u32 = 3;

/// Offset of the `DefTypeId`.
pub const TYPE_ID: u32 = 0;
/// Offset of the [`Kind`].
pub const KIND: u32 = 4;
/// Size of the header of a structure.
pub const HEADER_SIZE: u32 = 8;
/// Offset of an array's length.
pub const ARRAY_LENGTH: u32 = 8;
/// Offset of an exception's tag.
pub const EXCEPTION_TAG: u32 = 8;
/// Offset of the first value of an exception, before it is aligned.
pub const EXCEPTION_VALUES: u32 = 12;
/// Alignment of objects.
pub const OBJECT_ALIGN: u32 = 8;
/// Offset of the reference to the descriptor, relative to the structure, where its type has one.
pub const DESCRIPTOR: i32 = -(DESCRIPTOR_SIZE as i32);
/// Bytes before a structure that has a descriptor. They belong to the object.
pub const DESCRIPTOR_SIZE: u32 = 8;
/// Largest object in bytes, an array with its header.
pub const MAX_OBJECT_SIZE: u32 = 1 << 30;

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A structure.
    Struct = 1,
    /// An array.
    Array = 2,
    /// An exception.
    Exception = 3,
}

/// Where the fields of a structure, or the values of an exception, lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldsLayout {
    /// Offset of each field from the start of the object.
    pub offsets: Box<[u32]>,
    /// Size of the whole object, a multiple of [`OBJECT_ALIGN`].
    pub size: u32,
}

/// Bytes that a field or element takes.
pub fn storage_size<I>(storage: &StorageType<I>) -> u32 {
    match storage {
        StorageType::I8 => 1,
        StorageType::I16 => 2,
        StorageType::Val(ty) => value_size(ty),
    }
}

/// Bytes that a value takes in an object.
pub fn value_size<I>(ty: &ValType<I>) -> u32 {
    match ty {
        ValType::I32 | ValType::F32 | ValType::Ref(_) => 4,
        ValType::I64 | ValType::F64 => 8,
        ValType::V128 => 16,
    }
}

/// The layout of a structure.
pub fn structure<I>(fields: &[FieldType<I>]) -> FieldsLayout {
    lay_out(HEADER_SIZE, fields.iter().map(|field| storage_size(&field.storage)))
}

/// The layout of an exception whose tag has these parameters.
pub fn exception<I>(params: &[ValType<I>]) -> FieldsLayout {
    lay_out(EXCEPTION_VALUES, params.iter().map(value_size))
}

/// Offset of the first element of an array of elements of a size.
pub fn elements_offset(element_size: u32) -> u32 {
    if element_size <= 4 { 12 } else { 16 }
}

/// Size of an array in bytes, padding included; `None` above [`MAX_OBJECT_SIZE`].
pub fn array_size(element_size: u32, length: u32) -> Option<u32> {
    let size = u64::from(elements_offset(element_size)) + u64::from(element_size) * u64::from(length);
    let size = size.next_multiple_of(u64::from(OBJECT_ALIGN));
    if size <= u64::from(MAX_OBJECT_SIZE) { Some(size as u32) } else { None }
}

// Fields number at most 10,000, and a tag's parameters 1,000: no sum overflows.
fn lay_out(start: u32, sizes: impl Iterator<Item = u32>) -> FieldsLayout {
    let mut next = start;
    let offsets = sizes
        .map(|size| {
            let offset = next.next_multiple_of(size.min(OBJECT_ALIGN));
            next = offset + size;
            offset
        })
        .collect();
    FieldsLayout { offsets, size: next.next_multiple_of(OBJECT_ALIGN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(storage: StorageType) -> FieldType {
        FieldType { storage, mutable: true }
    }

    #[test]
    fn fields_are_aligned_and_a_subtype_begins_as_its_supertype() {
        let mut fields = vec![field(StorageType::I8), field(StorageType::Val(ValType::I64)), field(StorageType::I16)];
        let shorter = structure(&fields);
        assert_eq!(*shorter.offsets, [8, 16, 24]);
        assert_eq!(shorter.size, 32);
        fields.push(field(StorageType::Val(ValType::V128)));
        let longer = structure(&fields);
        assert_eq!(*longer.offsets, [8, 16, 24, 32]);
        assert_eq!(longer.size, 48);
        assert_eq!(structure::<crate::index::TypeIdx>(&[]).size, 8);
    }

    #[test]
    fn arrays_are_bounded() {
        assert_eq!(array_size(1, 0), Some(16));
        assert_eq!(array_size(8, 1), Some(24));
        assert_eq!(array_size(1, MAX_OBJECT_SIZE - 12), Some(MAX_OBJECT_SIZE));
        assert_eq!(array_size(1, MAX_OBJECT_SIZE - 11), None);
        assert_eq!(array_size(16, u32::MAX), None);
    }

    #[test]
    fn an_exception_keeps_its_tag_before_its_values() {
        let layout = exception::<crate::index::TypeIdx>(&[ValType::I32, ValType::F64]);
        assert_eq!(*layout.offsets, [12, 16]);
        assert_eq!(layout.size, 24);
    }
}

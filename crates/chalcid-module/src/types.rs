//! Types, by the names of the specification's chapter "Types".
//!
//! `I` says what a concrete type reference means: [`TypeIdx`] within one module, [`DefTypeId`] across the engine. The two
//! never mix: a module's types are turned into engine-wide ones by the type registry alone.

use crate::index::{DefTypeId, TypeIdx};

/// A number, vector or reference type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ValType<I = TypeIdx> {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 128-bit vector.
    V128,
    /// Reference.
    Ref(RefType<I>),
}

/// A reference type: what it refers to and whether it may be null.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RefType<I = TypeIdx> {
    /// Whether null is a value of the type.
    pub nullable: bool,
    /// What the reference refers to.
    pub heap: HeapType<I>,
}

/// What a reference refers to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HeapType<I = TypeIdx> {
    /// One of the types every module knows.
    Abstract(AbsHeapType),
    /// A defined type.
    Concrete(I),
    /// A defined type without its subtypes.
    Exact(I),
}

/// The abstract heap types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AbsHeapType {
    /// Top of the functions.
    Func,
    /// Bottom of the functions.
    NoFunc,
    /// Top of the host's references.
    Extern,
    /// Bottom of the host's references.
    NoExtern,
    /// Top of the aggregates and scalars.
    Any,
    /// Everything that `ref.eq` compares.
    Eq,
    /// Unboxed 31-bit integers.
    I31,
    /// Top of the structures.
    Struct,
    /// Top of the arrays.
    Array,
    /// Bottom of the aggregates and scalars.
    None,
    /// Top of the exceptions.
    Exn,
    /// Bottom of the exceptions.
    NoExn,
}

/// The four disjoint hierarchies of heap types; each has its own representation at run time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Hierarchy {
    /// `func` and below: a pointer to a `VMFuncRef`, or 0.
    Func,
    /// `extern` and below: a 32-bit reference into the heap, or 0.
    Extern,
    /// `any` and below: a 32-bit reference into the heap, an `i31` with its low bit set, or 0.
    Any,
    /// `exn` and below: a 32-bit reference into the heap, or 0.
    Exn,
}

/// Parameters and results of a function or the parameters of a tag.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FuncType<I = TypeIdx> {
    /// Parameter types.
    pub params: Box<[ValType<I>]>,
    /// Result types.
    pub results: Box<[ValType<I>]>,
}

/// What a field of an aggregate holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StorageType<I = TypeIdx> {
    /// 8-bit integer.
    I8,
    /// 16-bit integer.
    I16,
    /// An unpacked value.
    Val(ValType<I>),
}

/// A field of an aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FieldType<I = TypeIdx> {
    /// What it holds.
    pub storage: StorageType<I>,
    /// Whether it can be written after its creation.
    pub mutable: bool,
}

/// The structure of a defined type.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum CompType<I = TypeIdx> {
    /// A function type.
    Func(FuncType<I>),
    /// A structure type: its fields.
    Struct(Box<[FieldType<I>]>),
    /// An array type: its elements.
    Array(FieldType<I>),
}

/// A composite type with its place among the subtypes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SubType<I = TypeIdx> {
    /// Whether it can have no further subtypes.
    pub is_final: bool,
    /// Its declared supertype.
    pub supertype: Option<I>,
    /// Of a structure type that is described: the type of the descriptors, of the same recursion group.
    pub descriptor: Option<I>,
    /// Of the type of descriptors: the type that they describe, of the same recursion group.
    pub describes: Option<I>,
    /// Its structure.
    pub comp: CompType<I>,
}

/// Minimum and maximum size, in the unit of what they limit (pages, elements).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    /// Initial size.
    pub min: u64,
    /// Largest size, where one is declared.
    pub max: Option<u64>,
}

/// Whether addresses are 32 or 64 bits wide.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddressType {
    /// `i32`.
    I32,
    /// `i64`.
    I64,
}

/// The type of a memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MemoryType {
    /// Size limits in pages.
    pub limits: Limits,
    /// Width of addresses.
    pub address: AddressType,
    /// Whether several agents may share it.
    pub shared: bool,
    /// Binary logarithm of the page size in bytes: 16 unless the custom-page-sizes proposal is on.
    pub page_size_log2: u8,
}

/// The type of a table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TableType<I = TypeIdx> {
    /// Type of the elements.
    pub element: RefType<I>,
    /// Size limits in elements.
    pub limits: Limits,
    /// Width of indices.
    pub address: AddressType,
}

/// The type of a global.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GlobalType<I = TypeIdx> {
    /// Type of the value.
    pub content: ValType<I>,
    /// Whether it can be written.
    pub mutable: bool,
}

/// The type of an import or export. Functions and tags name their defined type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExternType<I = TypeIdx> {
    /// Function of a defined type.
    Func(I),
    /// Table.
    Table(TableType<I>),
    /// Memory.
    Memory(MemoryType),
    /// Global.
    Global(GlobalType<I>),
    /// Tag whose parameters are those of a defined function type.
    Tag(I),
}

impl AbsHeapType {
    /// The hierarchy the type belongs to.
    pub fn hierarchy(self) -> Hierarchy {
        match self {
            Self::Func | Self::NoFunc => Hierarchy::Func,
            Self::Extern | Self::NoExtern => Hierarchy::Extern,
            Self::Exn | Self::NoExn => Hierarchy::Exn,
            Self::Any | Self::Eq | Self::I31 | Self::Struct | Self::Array | Self::None => Hierarchy::Any,
        }
    }
}

impl<I: Copy> HeapType<I> {
    /// The defined type that it names, exact or not.
    pub fn defined(self) -> Option<I> {
        match self {
            Self::Abstract(_) => None,
            Self::Concrete(ty) | Self::Exact(ty) => Some(ty),
        }
    }
}

impl<I> SubType<I> {
    /// A type that has no subtypes and no supertype.
    pub fn alone(comp: CompType<I>) -> Self {
        Self { is_final: true, supertype: None, descriptor: None, describes: None, comp }
    }
}

impl<I> RefType<I> {
    /// Nullable reference to any function.
    pub const FUNCREF: Self = Self { nullable: true, heap: HeapType::Abstract(AbsHeapType::Func) };
    /// Nullable reference to any host value.
    pub const EXTERNREF: Self = Self { nullable: true, heap: HeapType::Abstract(AbsHeapType::Extern) };
    /// Nullable reference to any aggregate or scalar.
    pub const ANYREF: Self = Self { nullable: true, heap: HeapType::Abstract(AbsHeapType::Any) };
    /// Nullable reference to any exception.
    pub const EXNREF: Self = Self { nullable: true, heap: HeapType::Abstract(AbsHeapType::Exn) };
}

/// A defined type across the engine.
pub type DefSubType = SubType<DefTypeId>;

impl MemoryType {
    /// Page size in bytes.
    pub fn page_size(&self) -> u64 {
        1 << self.page_size_log2
    }
}

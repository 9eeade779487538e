//! Types as the Rust API speaks of them: engine-wide, with a text form for messages.
//!
//! The shapes come from `chalcid-module`; here concrete type references are [`DefTypeId`]s, which mean the same in every module
//! of one [`Engine`](crate::Engine).

use std::fmt::{self, Write as _};

use chalcid_module::types as generic;

pub use chalcid_module::index::DefTypeId;
pub use chalcid_module::registry::TypeHandle;
pub use chalcid_module::types::{AbsHeapType, AddressType, Hierarchy, Limits, MemoryType};

/// A number, vector or reference type.
pub type ValType = generic::ValType<DefTypeId>;
/// A reference type.
pub type RefType = generic::RefType<DefTypeId>;
/// What a reference refers to.
pub type HeapType = generic::HeapType<DefTypeId>;
/// Parameters and results of a function or the parameters of a tag.
pub type FuncType = generic::FuncType<DefTypeId>;
/// What a field of a structure or an element of an array holds.
pub type StorageType = generic::StorageType<DefTypeId>;
/// A field of a structure, or the elements of an array.
pub type FieldType = generic::FieldType<DefTypeId>;
/// The type of a function, structure or array.
pub type CompType = generic::CompType<DefTypeId>;
/// The type of a table.
pub type TableType = generic::TableType<DefTypeId>;
/// The type of a global.
pub type GlobalType = generic::GlobalType<DefTypeId>;
/// The type of an import or export; functions and tags name their defined type, see
/// [`Engine::func_type`](crate::Engine::func_type).
pub type ExternType = generic::ExternType<DefTypeId>;

/// The five kinds of imports and exports.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExternKind {
    /// Function.
    Func,
    /// Table.
    Table,
    /// Memory.
    Memory,
    /// Global.
    Global,
    /// Tag.
    Tag,
}

impl ExternKind {
    /// The kind of a type.
    pub fn of<I>(ty: &generic::ExternType<I>) -> Self {
        match ty {
            generic::ExternType::Func(_) => Self::Func,
            generic::ExternType::Table(_) => Self::Table,
            generic::ExternType::Memory(_) => Self::Memory,
            generic::ExternType::Global(_) => Self::Global,
            generic::ExternType::Tag(_) => Self::Tag,
        }
    }

    /// The name that the JavaScript API uses: `function`, `table`, `memory`, `global`, `tag`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Func => "function",
            Self::Table => "table",
            Self::Memory => "memory",
            Self::Global => "global",
            Self::Tag => "tag",
        }
    }
}

impl fmt::Display for ExternKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An import of a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImportType<'a> {
    /// First name.
    pub module: &'a str,
    /// Second name.
    pub name: &'a str,
    /// What is wanted.
    pub ty: ExternType,
}

/// An export of a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExportType<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is offered.
    pub ty: ExternType,
}

/// Writes types the way the text format does, for messages.
pub(crate) struct Text<T>(pub T);

impl fmt::Display for Text<ValType> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(ty) => Text(ty).fmt(f),
        }
    }
}

impl fmt::Display for Text<RefType> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.nullable, self.0.heap) {
            (true, HeapType::Abstract(AbsHeapType::NoFunc)) => f.write_str("nullfuncref"),
            (true, HeapType::Abstract(AbsHeapType::NoExtern)) => f.write_str("nullexternref"),
            (true, HeapType::Abstract(AbsHeapType::NoExn)) => f.write_str("nullexnref"),
            (true, HeapType::Abstract(AbsHeapType::None)) => f.write_str("nullref"),
            (true, HeapType::Abstract(heap)) => write!(f, "{}ref", heap_name(heap)),
            (false, HeapType::Abstract(heap)) => write!(f, "(ref {})", heap_name(heap)),
            (true, HeapType::Concrete(id)) => write!(f, "(ref null #{})", id.0),
            (false, HeapType::Concrete(id)) => write!(f, "(ref #{})", id.0),
            (true, HeapType::Exact(id)) => write!(f, "(ref null (exact #{}))", id.0),
            (false, HeapType::Exact(id)) => write!(f, "(ref (exact #{}))", id.0),
        }
    }
}

fn heap_name(heap: AbsHeapType) -> &'static str {
    match heap {
        AbsHeapType::Func => "func",
        AbsHeapType::NoFunc => "nofunc",
        AbsHeapType::Extern => "extern",
        AbsHeapType::NoExtern => "noextern",
        AbsHeapType::Any => "any",
        AbsHeapType::Eq => "eq",
        AbsHeapType::I31 => "i31",
        AbsHeapType::Struct => "struct",
        AbsHeapType::Array => "array",
        AbsHeapType::None => "none",
        AbsHeapType::Exn => "exn",
        AbsHeapType::NoExn => "noexn",
    }
}

impl fmt::Display for Text<&[ValType]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        for (i, ty) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            Text(*ty).fmt(f)?;
        }
        f.write_char(')')
    }
}

impl fmt::Display for Text<&FuncType> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", Text(&*self.0.params), Text(&*self.0.results))
    }
}

/// Limits with their unit.
struct Extent(Limits, AddressType, &'static str);

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1 == AddressType::I64 {
            f.write_str("of i64 addresses ")?;
        }
        match self.0.max {
            Some(max) => write!(f, "with {} to {max} {}", self.0.min, self.2),
            None => write!(f, "with at least {} {}", self.0.min, self.2),
        }
    }
}

impl fmt::Display for Text<&MemoryType> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = if self.0.shared { "shared " } else { "" };
        write!(f, "{shared}memory {}", Extent(self.0.limits, self.0.address, "pages"))?;
        match self.0.page_size_log2 {
            16 => Ok(()),
            log2 => write!(f, " of 2^{log2} bytes"),
        }
    }
}

impl fmt::Display for Text<&TableType> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table of {} {}", Text(self.0.element), Extent(self.0.limits, self.0.address, "elements"))
    }
}

impl fmt::Display for Text<&GlobalType> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}global of type {}", if self.0.mutable { "mutable " } else { "" }, Text(self.0.content))
    }
}

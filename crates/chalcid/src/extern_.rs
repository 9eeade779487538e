//! What can be imported and exported.

use chalcid_vm::Import;

use crate::host::Raw;
use crate::types::{ExternKind, ExternType, Text};
use crate::{Agent, Func, Global, Memory, Table, Tag};

/// A function, table, memory, global or tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extern {
    /// Function.
    Func(Func),
    /// Table.
    Table(Table),
    /// Memory.
    Memory(Memory),
    /// Global.
    Global(Global),
    /// Tag.
    Tag(Tag),
}

impl Extern {
    /// Its kind.
    pub fn kind(&self) -> ExternKind {
        match self {
            Self::Func(_) => ExternKind::Func,
            Self::Table(_) => ExternKind::Table,
            Self::Memory(_) => ExternKind::Memory,
            Self::Global(_) => ExternKind::Global,
            Self::Tag(_) => ExternKind::Tag,
        }
    }

    /// Its type as it is now: the minimum of a table or memory is its current size.
    pub fn ty(&self) -> ExternType {
        match self {
            Self::Func(func) => ExternType::Func(func.type_id()),
            Self::Table(table) => {
                let mut ty = table.ty();
                ty.limits.min = table.size();
                ExternType::Table(ty)
            }
            Self::Memory(memory) => {
                let mut ty = memory.ty();
                ty.limits.min = memory.size();
                ExternType::Memory(ty)
            }
            Self::Global(global) => ExternType::Global(global.ty()),
            Self::Tag(tag) => ExternType::Tag(tag.type_id()),
        }
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        match self {
            Self::Func(func) => func.agent(),
            Self::Table(table) => table.agent(),
            Self::Memory(memory) => memory.agent(),
            Self::Global(global) => global.agent(),
            Self::Tag(tag) => tag.agent(),
        }
    }

    /// The running side's form of it.
    pub(crate) fn to_import(&self) -> Import {
        match self {
            Self::Func(func) => Import::Func(func.inst().clone()),
            Self::Table(table) => Import::Table(table.raw().clone()),
            Self::Memory(memory) => Import::Memory(memory.raw().clone()),
            Self::Global(global) => Import::Global(global.raw().clone()),
            Self::Tag(tag) => Import::Tag(tag.raw().clone()),
        }
    }

    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        match self {
            Self::Func(func) => Some(func),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The memory, if it is one.
    pub fn into_memory(self) -> Option<Memory> {
        match self {
            Self::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        match self {
            Self::Global(global) => Some(global),
            _ => None,
        }
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($name:ident),*) => {$(
        impl From<$name> for Extern {
            fn from(item: $name) -> Self {
                Self::$name(item)
            }
        }
    )*};
}

from!(Func, Table, Memory, Global, Tag);

/// A type of an import or export for messages, with its parameters and results where it is a function's.
pub(crate) fn describe(engine: &crate::Engine, ty: &ExternType) -> String {
    match ty {
        ExternType::Func(id) => match engine.func_type(*id) {
            Some(ty) => format!("function {}", Text(&ty)),
            None => "function".to_owned(),
        },
        ExternType::Table(ty) => Text(ty).to_string(),
        ExternType::Memory(ty) => Text(ty).to_string(),
        ExternType::Global(ty) => Text(ty).to_string(),
        ExternType::Tag(id) => match engine.func_type(*id) {
            Some(ty) => format!("tag {}", Text(&*ty.params)),
            None => "tag".to_owned(),
        },
    }
}

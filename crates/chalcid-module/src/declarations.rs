//! A decoded module: what its sections declare, by the index spaces of the specification.

use std::ops::Range;
use std::sync::Arc;

use crate::bodies::Bodies;
use crate::branch_hints::BranchHints;
use crate::const_expr::ConstExpr;
use crate::data::DataSegments;
use crate::index::*;
use crate::types::*;

/// Everything a module declares. Byte ranges are offsets into the module's bytes, which the owner keeps beside it.
#[derive(Debug, Default)]
pub struct Declarations {
    /// Types by [`TypeIdx`]; concrete references in them are module-relative.
    pub types: Vec<SubType>,
    /// The recursion groups that partition `types`, in order.
    pub rec_groups: Vec<Range<u32>>,
    /// Imports in module order.
    pub imports: Vec<Import>,
    /// Type of every function, imported ones first.
    pub functions: Vec<TypeIdx>,
    /// Every table, imported ones first.
    pub tables: Vec<TableDecl>,
    /// Every memory, imported ones first.
    pub memories: Vec<MemoryType>,
    /// Every global, imported ones first.
    pub globals: Vec<GlobalDecl>,
    /// Type of every tag, imported ones first.
    pub tags: Vec<TypeIdx>,
    /// How many functions, tables, memories, globals and tags are imported.
    pub imported: ImportCounts,
    /// Exports in module order.
    pub exports: Vec<Export>,
    /// The start function.
    pub start: Option<FuncIdx>,
    /// Element segments.
    pub elements: Vec<ElementSegment>,
    /// Data segments.
    pub data: DataSegments,
    /// Bodies by [`DefinedFuncIdx`].
    pub bodies: Bodies,
    /// Custom sections in module order.
    pub custom_sections: Vec<CustomSection>,
    /// Which way branches are expected to go.
    pub branch_hints: BranchHints,
    /// Functions that can become a `funcref` (exported, in element segments, in `ref.func` of any constant expression or
    /// body), by [`FuncRefIdx`]: ascending, but those that are exported come before all others. An instance that is made for a host hands out
    /// these and perhaps no other, so that it touches one page of what has a place for each.
    pub func_refs: Vec<FuncIdx>,
    /// How many of `func_refs` are exported.
    pub exported_func_refs: usize,
}

/// How many entities of each kind are imported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ImportCounts {
    /// Functions.
    pub functions: u32,
    /// Tables.
    pub tables: u32,
    /// Memories.
    pub memories: u32,
    /// Globals.
    pub globals: u32,
    /// Tags.
    pub tags: u32,
}

/// An import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// First name. Imports that follow each other with the same one share it.
    pub module: Arc<str>,
    /// Second name.
    pub name: Box<str>,
    /// What is wanted.
    pub ty: ExternType,
    /// Whether the function that is wanted must be of that very type, none below it.
    pub exact: bool,
}

/// An export.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Export {
    /// Where its name lies: a module may have thousands, most of which nobody asks for.
    pub name: Range<u32>,
    /// What it names.
    pub item: ExternIdx,
}

impl Export {
    /// Its name. `bytes` are those of the module.
    pub fn name<'a>(&self, bytes: &'a [u8]) -> &'a str {
        let name = bytes.get(self.name.start as usize..self.name.end as usize).unwrap_or_default();
        // Decoding showed that it is one.
        str::from_utf8(name).unwrap_or_default()
    }
}

/// An index into one of the five index spaces that imports and exports have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExternIdx {
    /// Function.
    Func(FuncIdx),
    /// Table.
    Table(TableIdx),
    /// Memory.
    Memory(MemIdx),
    /// Global.
    Global(GlobalIdx),
    /// Tag.
    Tag(TagIdx),
}

/// A table.
#[derive(Clone, PartialEq, Debug)]
pub struct TableDecl {
    /// Its type.
    pub ty: TableType,
    /// Initial value of its elements; null where absent. Always absent for imported tables.
    pub init: Option<ConstExpr>,
}

/// A global.
#[derive(Clone, PartialEq, Debug)]
pub struct GlobalDecl {
    /// Its type.
    pub ty: GlobalType,
    /// Its initial value; absent for imported globals.
    pub init: Option<ConstExpr>,
    /// Whether an export names it: then it lives apart from the instance.
    pub exported: bool,
}

/// When a segment is applied.
#[derive(Clone, PartialEq, Debug)]
pub enum SegmentMode<I> {
    /// By an instruction.
    Passive,
    /// At instantiation.
    Active {
        /// Where to.
        target: I,
        /// At which index or address.
        offset: ConstExpr,
    },
    /// Never: it only declares functions as referable.
    Declared,
}

/// An element segment.
#[derive(Clone, PartialEq, Debug)]
pub struct ElementSegment {
    /// When it is applied.
    pub mode: SegmentMode<TableIdx>,
    /// Type of its elements.
    pub ty: RefType,
    /// Its elements.
    pub items: ElementItems,
}

/// Elements of a segment.
#[derive(Clone, PartialEq, Debug)]
pub enum ElementItems {
    /// Functions.
    Functions(Box<[FuncIdx]>),
    /// Constant expressions.
    Expressions(Box<[ConstExpr]>),
}

/// A custom section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomSection {
    /// Its name.
    pub name: Box<str>,
    /// Its contents after the name.
    pub data: Range<u32>,
}

impl Declarations {
    /// Number of functions the module defines.
    pub fn defined_functions(&self) -> usize {
        self.functions.len() - self.imported.functions as usize
    }

    /// The position of a function among the defined ones, unless it is imported.
    pub fn defined_index(&self, func: FuncIdx) -> Option<DefinedFuncIdx> {
        func.0.checked_sub(self.imported.functions).map(DefinedFuncIdx)
    }

    /// The function index of a defined function.
    pub fn func_index(&self, defined: DefinedFuncIdx) -> FuncIdx {
        FuncIdx(self.imported.functions + defined.0)
    }

    /// The position of a function among those that can become a `funcref`.
    pub fn func_ref_index(&self, func: FuncIdx) -> Option<FuncRefIdx> {
        let (exported, others) = self.func_refs.split_at_checked(self.exported_func_refs)?;
        let position = match exported.binary_search(&func) {
            Ok(position) => position,
            Err(_) => exported.len() + others.binary_search(&func).ok()?,
        };
        Some(FuncRefIdx::new(position))
    }

    /// The function type of a type index that validation showed to be one.
    pub fn func_type(&self, ty: TypeIdx) -> Option<&FuncType> {
        match &self.types.get(ty.index())?.comp {
            CompType::Func(ty) => Some(ty),
            _ => None,
        }
    }

    /// The type of an imported or exported item, where the index is in range.
    pub fn extern_type(&self, item: ExternIdx) -> Option<ExternType> {
        Some(match item {
            ExternIdx::Func(f) => ExternType::Func(*self.functions.get(f.index())?),
            ExternIdx::Table(t) => ExternType::Table(self.tables.get(t.index())?.ty),
            ExternIdx::Memory(m) => ExternType::Memory(*self.memories.get(m.index())?),
            ExternIdx::Global(g) => ExternType::Global(self.globals.get(g.index())?.ty),
            ExternIdx::Tag(t) => ExternType::Tag(*self.tags.get(t.index())?),
        })
    }
}

//! The sections of a module, in the order of the binary format's chapter, each added to the [`Declarations`] once it is valid.

use std::ops::Range;
use std::sync::Arc;

use wasmparser::{self as wp, Payload, TypeRef};

use super::const_expr::const_expr;
use super::quick;
use super::types::{self, Unsupported};
use crate::bodies::Bodies;
use crate::branch_hints;
use crate::const_expr::{ConstExpr, ConstOp};
use crate::data::DataSegments;
use crate::declarations::*;
use crate::error::CompileError;
use crate::features::{Feature, Features};
use crate::index::*;
use crate::leb;
use crate::limits;
use crate::types::*;

/// Declarations on their way.
#[derive(Default)]
pub(super) struct Sections {
    declarations: Declarations,
    /// For every function, what refers to it.
    referred: Vec<Referred>,
    /// Bodies that were found so far.
    bodies: Vec<Range<u32>>,
}

/// What refers to a function, as far as it matters: exports before all else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Referred {
    Nothing,
    Something,
    Export,
}

impl Sections {
    /// Adds a section of a module with these bytes that the validator has accepted.
    pub(super) fn add(&mut self, bytes: &[u8], payload: Payload<'_>) -> Result<(), CompileError> {
        match payload {
            Payload::TypeSection(section) => self.types(bytes, section),
            Payload::ImportSection(section) => self.imports(section),
            Payload::FunctionSection(section) => self.functions(bytes, section),
            Payload::TableSection(section) => self.tables(section),
            Payload::MemorySection(section) => self.memories(section),
            Payload::TagSection(section) => self.tags(section),
            Payload::GlobalSection(section) => self.globals(section),
            Payload::ExportSection(section) => self.exports(bytes, section),
            Payload::StartSection { func, .. } => {
                self.declarations.start = Some(FuncIdx(func));
                Ok(())
            }
            Payload::ElementSection(section) => self.elements(section),
            Payload::CodeSectionStart { count, unchecked_range, .. } => {
                // Every entry takes a byte at least, so a count beyond that is a lie which the reader will find out.
                let most = unchecked_range.end.saturating_sub(unchecked_range.start) as usize;
                self.bodies.reserve((count as usize).min(most));
                Ok(())
            }
            Payload::CodeSectionEntry(body) => {
                self.bodies.push(range(body.range()));
                Ok(())
            }
            Payload::DataSection(section) => self.data(bytes, section),
            Payload::CustomSection(section) => {
                if section.name() == branch_hints::SECTION {
                    self.declarations.branch_hints.set_section(section.data());
                }
                let data = range(section.data_range());
                self.declarations.custom_sections.push(CustomSection { name: section.name().into(), data });
                Ok(())
            }
            // The rest says nothing by itself: the preamble, the number of data segments, and the end. Sections that no
            // standard knows do not get past the validator.
            _ => Ok(()),
        }
    }

    /// What was added so far.
    pub(super) fn declarations(&self) -> &Declarations {
        &self.declarations
    }

    /// Adds the bodies of a code section.
    pub(super) fn add_bodies(&mut self, bodies: Vec<Range<u32>>) {
        self.bodies = bodies;
    }

    /// Adds the entries of a valid code section, for others to look into.
    pub(super) fn leave_bodies(&mut self, section: Range<u32>, count: u32) {
        self.declarations.bodies = Bodies::in_place(section, count);
    }

    /// Adds the exports of an export section.
    pub(super) fn add_exports(&mut self, exports: Vec<Export>) {
        for export in &exports {
            match export.item {
                ExternIdx::Func(func) => refer(&mut self.referred, Referred::Export)(func),
                ExternIdx::Global(global) => {
                    if let Some(global) = self.declarations.globals.get_mut(global.index()) {
                        global.exported = true;
                    }
                }
                _ => {}
            }
        }
        self.declarations.exports = exports;
    }

    /// The functions that are exported, ascending.
    pub(super) fn exported_functions(&self) -> Vec<u32> {
        self.referred_by(Referred::Export).map(|func| func.0).collect()
    }

    /// Adds the segments of a data section.
    pub(super) fn add_data(&mut self, segments: DataSegments) {
        self.declarations.data = segments;
    }

    /// Everything is there.
    pub(super) fn finish(mut self) -> Declarations {
        self.list_func_refs();
        if !self.bodies.is_empty() {
            self.declarations.bodies = Bodies::listed(self.bodies);
        }
        self.declarations
    }

    /// What is there when the first body is: all that bodies are validated against. What follows adds to other parts alone.
    pub(super) fn take_head(&mut self) -> Declarations {
        self.list_func_refs();
        std::mem::take(&mut self.declarations)
    }

    /// The bodies that were added.
    pub(super) fn bodies(&self) -> &[Range<u32>] {
        &self.bodies
    }

    /// Everything is there: what [`take_head`](Self::take_head) took, and what was added since.
    pub(super) fn finish_with(self, head: Declarations) -> Declarations {
        let Declarations { data, custom_sections, branch_hints, .. } = self.declarations;
        let mut whole = head;
        whole.bodies = Bodies::listed(self.bodies);
        if whole.data.is_empty() {
            whole.data = data;
        }
        whole.custom_sections.extend(custom_sections);
        whole.branch_hints = whole.branch_hints.or(branch_hints);
        whole
    }

    /// Lists the functions that can be referred to.
    fn list_func_refs(&mut self) {
        let mut func_refs: Vec<_> = self.referred_by(Referred::Export).collect();
        let exported = func_refs.len();
        func_refs.extend(self.referred_by(Referred::Something));
        self.declarations.func_refs = func_refs;
        self.declarations.exported_func_refs = exported;
    }

    fn referred_by(&self, what: Referred) -> impl Iterator<Item = FuncIdx> {
        let referred = self.referred.iter().enumerate().filter(move |(_, referred)| **referred == what);
        referred.map(|(func, _)| FuncIdx::new(func))
    }

    fn imports(&mut self, section: wp::ImportSectionReader<'_>) -> Result<(), CompileError> {
        let declarations = &mut self.declarations;
        for import in section.into_imports_with_offsets() {
            let (offset, import) = import?;
            let at = |unsupported: Unsupported| unsupported.at(offset);
            let counts = &mut declarations.imported;
            let ty = match import.ty {
                TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                    counts.functions += 1;
                    declarations.functions.push(TypeIdx(ty));
                    ExternType::Func(TypeIdx(ty))
                }
                TypeRef::Table(ty) => {
                    counts.tables += 1;
                    let ty = types::table_type(&ty).map_err(at)?;
                    declarations.tables.push(TableDecl { ty, init: None });
                    ExternType::Table(ty)
                }
                TypeRef::Memory(ty) => {
                    counts.memories += 1;
                    let ty = memory_type(&ty, offset)?;
                    declarations.memories.push(ty);
                    ExternType::Memory(ty)
                }
                TypeRef::Global(ty) => {
                    counts.globals += 1;
                    let ty = types::global_type(&ty).map_err(at)?;
                    declarations.globals.push(GlobalDecl { ty, init: None, exported: false });
                    ExternType::Global(ty)
                }
                TypeRef::Tag(ty) => {
                    counts.tags += 1;
                    declarations.tags.push(TypeIdx(ty.func_type_idx));
                    ExternType::Tag(TypeIdx(ty.func_type_idx))
                }
            };
            let module = match declarations.imports.last() {
                Some(last) if *last.module == *import.module => Arc::clone(&last.module),
                _ => import.module.into(),
            };
            let exact = matches!(import.ty, TypeRef::FuncExact(_));
            declarations.imports.push(Import { module, name: import.name.into(), ty, exact });
        }
        self.referred.resize(self.declarations.functions.len(), Referred::Nothing);
        Ok(())
    }

    fn types(&mut self, bytes: &[u8], section: wp::TypeSectionReader<'_>) -> Result<(), CompileError> {
        let declarations = &mut self.declarations;
        match quick::types(bytes, within(&section.range())) {
            Some(types) => {
                // Each is a recursion group of its own.
                declarations.rec_groups = (0..types.len() as u32).map(|ty| ty..ty + 1).collect();
                declarations.types = types;
                Ok(())
            }
            None => types::type_section(section, &mut declarations.types, &mut declarations.rec_groups),
        }
    }

    fn functions(&mut self, bytes: &[u8], section: wp::FunctionSectionReader<'_>) -> Result<(), CompileError> {
        let functions = &mut self.declarations.functions;
        if quick::functions(bytes, within(&section.range()), functions).is_none() {
            for ty in section {
                functions.push(TypeIdx(ty?));
            }
        }
        self.referred.resize(functions.len(), Referred::Nothing);
        Ok(())
    }

    fn tables(&mut self, section: wp::TableSectionReader<'_>) -> Result<(), CompileError> {
        for table in section.into_iter_with_offsets() {
            let (offset, table) = table?;
            let ty = types::table_type(&table.ty).map_err(|unsupported| unsupported.at(offset))?;
            let init = match table.init {
                wp::TableInit::RefNull => None,
                wp::TableInit::Expr(expr) => Some(const_expr(&expr, &mut refer_to(&mut self.referred))?),
            };
            self.declarations.tables.push(TableDecl { ty, init });
        }
        Ok(())
    }

    fn memories(&mut self, section: wp::MemorySectionReader<'_>) -> Result<(), CompileError> {
        for memory in section.into_iter_with_offsets() {
            let (offset, memory) = memory?;
            self.declarations.memories.push(memory_type(&memory, offset)?);
        }
        Ok(())
    }

    fn tags(&mut self, section: wp::TagSectionReader<'_>) -> Result<(), CompileError> {
        for tag in section {
            self.declarations.tags.push(TypeIdx(tag?.func_type_idx));
        }
        Ok(())
    }

    fn globals(&mut self, section: wp::GlobalSectionReader<'_>) -> Result<(), CompileError> {
        for global in section.into_iter_with_offsets() {
            let (offset, global) = global?;
            let ty = types::global_type(&global.ty).map_err(|unsupported| unsupported.at(offset))?;
            let init = const_expr(&global.init_expr, &mut refer_to(&mut self.referred))?;
            self.declarations.globals.push(GlobalDecl { ty, init: Some(init), exported: false });
        }
        Ok(())
    }

    fn exports(&mut self, bytes: &[u8], section: wp::ExportSectionReader<'_>) -> Result<(), CompileError> {
        let mut exports = Vec::new();
        for export in section.into_iter_with_offsets() {
            let (offset, export) = export?;
            let index = export.index;
            let item = match export.kind {
                wp::ExternalKind::Func => ExternIdx::Func(FuncIdx(index)),
                wp::ExternalKind::Table => ExternIdx::Table(TableIdx(index)),
                wp::ExternalKind::Memory => ExternIdx::Memory(MemIdx(index)),
                wp::ExternalKind::Global => ExternIdx::Global(GlobalIdx(index)),
                wp::ExternalKind::Tag => ExternIdx::Tag(TagIdx(index)),
                wp::ExternalKind::FuncExact => {
                    return Err(CompileError::at(offset as usize, "exact function exports are not supported"));
                }
            };
            // An entry begins with the name.
            let (_, rest) = leb::u32(bytes.get(offset as usize..).unwrap_or_default())
                .ok_or_else(|| CompileError::at(offset as usize, "malformed name"))?;
            let start = (bytes.len() - rest.len()) as u32;
            exports.push(Export { name: start..start + export.name.len() as u32, item });
        }
        self.add_exports(exports);
        Ok(())
    }

    fn elements(&mut self, section: wp::ElementSectionReader<'_>) -> Result<(), CompileError> {
        let most = (section.range().end - section.range().start) as usize;
        self.declarations.elements.reserve((section.count() as usize).min(most));
        for element in section.into_iter_with_offsets() {
            let (offset, element) = element?;
            let mut refer_to = refer_to(&mut self.referred);
            let mode = match element.kind {
                wp::ElementKind::Passive => SegmentMode::Passive,
                wp::ElementKind::Declared => SegmentMode::Declared,
                wp::ElementKind::Active { table_index, offset_expr } => SegmentMode::Active {
                    target: TableIdx(table_index.unwrap_or(0)),
                    offset: const_expr(&offset_expr, &mut refer_to)?,
                },
            };
            let (ty, items) = match element.items {
                wp::ElementItems::Functions(functions) => {
                    let functions =
                        functions.into_iter().map(|func| func.map(FuncIdx)).collect::<Result<Box<_>, _>>()?;
                    functions.iter().copied().for_each(&mut refer_to);
                    (functions_type(), ElementItems::Functions(functions))
                }
                wp::ElementItems::Expressions(ty, expressions) => {
                    let ty = types::ref_type(ty).map_err(|unsupported| unsupported.at(offset))?;
                    (ty, expression_items(expressions, &mut refer_to)?)
                }
            };
            self.declarations.elements.push(ElementSegment { mode, ty, items });
        }
        Ok(())
    }

    fn data(&mut self, bytes: &[u8], section: wp::DataSectionReader<'_>) -> Result<(), CompileError> {
        let range = range(section.range());
        let contents = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
        let (count, segments) =
            leb::u32(contents).ok_or_else(|| CompileError::at(range.start as usize, "malformed count"))?;
        self.declarations.data = DataSegments::in_place(range.end - segments.len() as u32..range.end, count);
        Ok(())
    }
}

/// Compact imports say the name of a module once for many imports, which the validator then keeps with each: a few hundred kilobytes
/// could take gigabytes. So groups are counted before it sees them.
pub(super) fn check_compact_imports(
    section: &wp::ImportSectionReader<'_>,
    features: &Features,
) -> Result<(), CompileError> {
    if !features.contains(Feature::CompactImports) {
        return Ok(());
    }
    let (mut imports, mut names) = (0, 0);
    for group in section.clone().into_iter_with_offsets() {
        let (offset, group) = group?;
        let (count, module) = match &group {
            wp::Imports::Single(..) => (1, 0),
            wp::Imports::Compact1 { module, items } => (items.count(), module.len()),
            wp::Imports::Compact2 { module, names, .. } => (names.count(), module.len()),
        };
        imports += u64::from(count);
        names += u64::from(count) * module as u64;
        for (what, found, limit) in [
            ("imports", imports, limits::MAX_IMPORTS as u64),
            ("bytes of import names", names, limits::MAX_COMPACT_IMPORT_NAMES),
        ] {
            if found > limit {
                let message = format!("{found} {what}, at most {limit} are allowed");
                return Err(CompileError::at(offset as usize, message));
            }
        }
    }
    Ok(())
}

/// Elements given by expressions. Where each only refers to a function, as producers of typed tables write it, the functions
/// alone are kept: they take a tenth of the memory.
fn expression_items(
    expressions: wp::SectionLimited<'_, wp::ConstExpr<'_>>,
    refer_to: &mut impl FnMut(FuncIdx),
) -> Result<ElementItems, CompileError> {
    let mut functions = Vec::new();
    let mut others = Vec::new();
    for expr in expressions {
        let expr = const_expr(&expr?, refer_to)?;
        match *expr.ops() {
            [ConstOp::RefFunc(func)] if others.is_empty() => functions.push(func),
            _ => {
                let reference = |func| ConstExpr::one(ConstOp::RefFunc(func));
                others.extend(functions.drain(..).map(reference));
                others.push(expr);
            }
        }
    }
    Ok(if others.is_empty() {
        ElementItems::Functions(functions.into())
    } else {
        ElementItems::Expressions(others.into())
    })
}

/// Marks functions as referred to by something that is no export.
fn refer_to(referred: &mut [Referred]) -> impl FnMut(FuncIdx) {
    refer(referred, Referred::Something)
}

/// Marks functions as referred to.
fn refer(referred: &mut [Referred], by: Referred) -> impl FnMut(FuncIdx) {
    move |func| {
        if let Some(referred) = referred.get_mut(func.index()) {
            *referred = by.max(*referred);
        }
    }
}

/// The type of a segment of function indices: none of its elements is null.
fn functions_type() -> RefType {
    RefType { nullable: false, ..RefType::FUNCREF }
}

/// A range of the module's bytes.
fn within(range: &Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// Offsets into the module's bytes, which are fewer than 2^32: `limits::MAX_MODULE_SIZE` was checked first.
fn range(range: Range<u64>) -> Range<u32> {
    range.start as u32..range.end as u32
}

fn memory_type(ty: &wp::MemoryType, offset: u64) -> Result<MemoryType, CompileError> {
    let ty = types::memory_type(ty);
    let limit = limits::MAX_MEMORY64_PAGES;
    let declared = ty.limits.min.max(ty.limits.max.unwrap_or(0));
    if ty.page_size_log2 == 16 && declared > limit {
        let message = format!("memory size must be at most {limit} pages, but {declared} are declared");
        return Err(CompileError::at(offset as usize, message));
    }
    Ok(ty)
}

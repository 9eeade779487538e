//! Looking into a module: its functions, what their instructions say, and what the compilers make of them. For tools.

use std::ops::Range;

pub use chalcid_module::text::Instruction;

use chalcid_module::index::{DefinedFuncIdx, FuncIdx};
use chalcid_module::types as generic;

use crate::error::{Error, ResourceError};
use crate::types::{CompType, DefTypeId, ExternType, FieldType, FuncType, StorageType, Text};
use crate::{Engine, Misuse, Module, Tier, TrapCode};

/// A function of a module.
#[derive(Clone, PartialEq, Debug)]
pub struct Function<'m> {
    /// Its index.
    pub index: u32,
    /// The name that the name section gives it.
    pub name: Option<&'m str>,
    /// Its type.
    pub ty: FuncType,
    /// Where its body lies in the module: locals and instructions. `None` for imported functions.
    pub body: Option<Range<usize>>,
}

/// What a compiler made of a function.
#[derive(Clone, Debug)]
pub struct MachineCode {
    /// Which compiler it was; not the one that was asked for where that one does not know some instruction.
    pub tier: Tier,
    /// The code, with nothing filled in for addresses that are known only when it is published.
    pub bytes: Vec<u8>,
    /// Where in the module stretches of it come from, as offsets: each from its start to the next one's. `None` for code that comes from no
    /// single instruction. The baseline tier keeps this for instructions that may trap or call.
    pub sources: Vec<(u32, Option<u32>)>,
    /// Instructions that may trap.
    pub traps: Vec<(u32, TrapCode)>,
}

impl Module {
    /// Its functions, imported ones first.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = Function<'_>> {
        let declarations = self.declarations();
        (0..declarations.functions.len()).map(move |index| {
            let func = FuncIdx::new(index);
            let ty = declarations.functions[index];
            let body = declarations.defined_index(func).and_then(|func| declarations.bodies.get(self.bytes(), func));
            Function {
                index: func.0,
                name: self.func_name(func.0),
                // Validation showed that the type is a function's.
                ty: self
                    .engine()
                    .func_type(self.type_id(ty))
                    .unwrap_or_else(|| FuncType { params: [].into(), results: [].into() }),
                body: body.map(|range| range.start as usize..range.end as usize),
            }
        })
    }

    /// Its types as texts, by index.
    pub fn type_texts(&self) -> impl ExactSizeIterator<Item = String> {
        // References to types are shown as the module has them: by index.
        self.declarations().types.iter().map(|ty| text(&ty.comp.map(&mut |ty| DefTypeId(ty.0))))
    }

    /// The locals and instructions of a function that it defines.
    pub fn instructions(&self, func: u32) -> Result<Vec<Instruction>, Error> {
        let defined = self.defined(func)?;
        chalcid_module::text::instructions(self.bytes(), self.declarations(), defined)
            .map_err(|error| ResourceError::new(error.to_string()).into())
    }

    /// What a tier makes of a function that the module defines. Nothing is published: the module runs what it ran before.
    pub fn machine_code(&self, func: u32, tier: Tier) -> Result<MachineCode, Error> {
        let defined = self.defined(func)?;
        let range = self.declarations().bodies.get(self.bytes(), defined).unwrap_or_default();
        let body = &self.bytes()[range.start as usize..range.end as usize];
        let (compiler, layout) = (self.engine().compiler(), self.object().layout());
        let code = compiler
            .compile_for_people(tier, self.declarations(), layout, defined, body, range.start as usize)
            .map_err(ResourceError::from)?;
        let source = |offset: u32| (offset != u32::MAX).then_some(offset);
        Ok(MachineCode {
            tier: code.tier,
            sources: code.source_map.iter().map(|position| (position.offset, source(position.wasm_offset))).collect(),
            traps: code.traps.iter().map(|site| (site.offset, site.code)).collect(),
            bytes: code.code,
        })
    }

    fn defined(&self, func: u32) -> Result<DefinedFuncIdx, Error> {
        let declarations = self.declarations();
        let defined = declarations.defined_index(FuncIdx(func)).filter(|func| func.index() < declarations.bodies.len());
        defined.ok_or(Error::Misuse(Misuse::OutOfBounds))
    }
}

impl Engine {
    /// The type of an import or export as a text, as messages show it.
    pub fn describe(&self, ty: &ExternType) -> String {
        match ty {
            generic::ExternType::Func(id) => match self.func_type(*id) {
                Some(ty) => format!("function {}", Text(&ty)),
                None => "function".to_owned(),
            },
            generic::ExternType::Table(ty) => Text(ty).to_string(),
            generic::ExternType::Memory(ty) => Text(ty).to_string(),
            generic::ExternType::Global(ty) => Text(ty).to_string(),
            generic::ExternType::Tag(id) => match self.func_type(*id) {
                Some(ty) => format!("tag {}", Text(&*ty.params)),
                None => "tag".to_owned(),
            },
        }
    }
}

impl Function<'_> {
    /// Parameters and results as a text.
    pub fn signature(&self) -> String {
        Text(&self.ty).to_string()
    }
}

fn text(ty: &CompType) -> String {
    match ty {
        CompType::Func(ty) => format!("func {}", Text(ty)),
        CompType::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(field).collect();
            format!("struct {{{}}}", fields.join(", "))
        }
        CompType::Array(ty) => format!("array of {}", field(ty)),
    }
}

fn field(ty: &FieldType) -> String {
    let mutable = if ty.mutable { "mutable " } else { "" };
    match ty.storage {
        StorageType::I8 => format!("{mutable}i8"),
        StorageType::I16 => format!("{mutable}i16"),
        StorageType::Val(ty) => format!("{mutable}{}", Text(ty)),
    }
}

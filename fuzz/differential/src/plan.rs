//! What is done with a program, the same in every engine: values for its imports, calls with their arguments, and what is looked at after each.
//!
//! A plan is a line of JSON beside the program's bytes. Values are words: integers in decimal, floats and vectors by their bits in hexadecimal, references
//! `null`, `i31 N`, `object N` (a value of the host), `export NAME` (an exported function). Types are written as the text format writes them.

use serde::{Deserialize, Serialize};
use wasmparser::{
    AbstractHeapType, CompositeInnerType, ExternalKind, FuncType, GlobalType, HeapType, MemoryType, Parser, Payload,
    RefType, TableType, TypeRef, ValType,
};

use crate::random::Random;
use crate::{exports, smith};

/// Values of the host that there are.
pub const OBJECTS: u64 = 4;
/// The value of the host that imported functions throw.
pub const THROWN: u64 = 1;
/// Every so many calls of an imported function end in a throw.
pub const THROWS_EVERY: u32 = 7;
/// Calls of an imported function that are written down.
pub const CALLS_SHOWN: u32 = 20;
/// Elements of a table that are looked at.
pub const ELEMENTS_SHOWN: u64 = 60;
/// Times that each function is called.
const ROUNDS: usize = 2;

/// What is done with one program.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Plan {
    /// The program's seed.
    pub seed: u64,
    /// Where the program lies in the file of modules.
    pub offset: usize,
    /// Its bytes.
    pub length: usize,
    /// What it imports, in its order.
    pub imports: Vec<Import>,
    /// The calls, in their order.
    pub calls: Vec<Call>,
    /// Exports to look at after each of them.
    pub watch: Vec<Watch>,
    /// What an exported global is set to before each call.
    pub fuel: Option<(String, i32)>,
    /// Exported tags, and what they carry.
    pub tags: Vec<(String, Vec<String>)>,
}

/// An import.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Import {
    /// First name.
    pub module: String,
    /// Second name.
    pub name: String,
    /// What to supply.
    #[serde(flatten)]
    pub item: Item,
}

/// What to supply for an import.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Item {
    /// A function that writes down its arguments and returns these results.
    Func { params: Vec<String>, results: Vec<String>, returns: Vec<String> },
    /// A global of this value.
    Global { ty: String, mutable: bool, value: String },
    /// A memory of zeros.
    Memory { initial: u64, maximum: Option<u64>, wide: bool, shared: bool },
    /// A table of nulls.
    Table { initial: u64, maximum: Option<u64>, wide: bool, ty: String },
    /// A tag.
    Tag { params: Vec<String> },
}

/// A call of an exported function.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Call {
    /// The function's name.
    pub name: String,
    /// Types of the arguments.
    pub params: Vec<String>,
    /// The arguments.
    pub args: Vec<String>,
    /// Types of the results.
    pub results: Vec<String>,
}

/// An export to look at.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Watch {
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub what: Watched,
}

/// What there is to see of an export.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Watched {
    /// The size of a memory and the sum over its bytes.
    Memory { wide: bool, shared: bool },
    /// The value of a global.
    Global { ty: String },
    /// The size of a table and its first elements.
    Table { ty: String },
}

/// The types of a program, as far as they are needed.
#[derive(Default)]
struct Types {
    functions: Vec<Option<FuncType>>,
    funcs: Vec<u32>,
    tags: Vec<u32>,
    globals: Vec<GlobalType>,
    memories: Vec<MemoryType>,
    tables: Vec<TableType>,
}

/// The plan for a program. `None` where an import of it cannot be supplied, by JavaScript if `javascript`.
pub fn plan(
    seed: u64,
    offset: usize,
    program: &[u8],
    javascript: bool,
) -> Result<Option<Plan>, Box<dyn std::error::Error>> {
    let mut random = Random::new(seed ^ 0x5eed);
    let mut types = Types::default();
    let length = program.len();
    let mut plan =
        Plan { seed, offset, length, imports: vec![], calls: vec![], watch: vec![], fuel: None, tags: vec![] };
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(program) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.functions.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let Some(item) = types.import(import.ty, &mut random, javascript) else { return Ok(None) };
                    let same = |other: &Import| (&*other.module, &*other.name) == (import.module, import.name);
                    // JavaScript has one value for a name.
                    if javascript && plan.imports.iter().any(same) {
                        return Ok(None);
                    }
                    plan.imports.push(Import { module: import.module.to_owned(), name: import.name.to_owned(), item });
                }
            }
            Payload::FunctionSection(section) => {
                types.funcs.extend(section.into_iter().collect::<Result<Vec<_>, _>>()?)
            }
            Payload::TableSection(section) => {
                for table in section {
                    types.tables.push(table?.ty);
                }
            }
            Payload::MemorySection(section) => {
                types.memories.extend(section.into_iter().collect::<Result<Vec<_>, _>>()?)
            }
            Payload::TagSection(section) => {
                for tag in section {
                    types.tags.push(tag?.func_type_idx);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    types.globals.push(global?.ty);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    found.push((export.name.to_owned(), export.kind, export.index as usize));
                }
            }
            _ => {}
        }
    }
    types.exports(&found, &mut plan, &mut random, javascript);
    Ok(Some(plan))
}

impl Types {
    fn func(&self, ty: u32) -> Option<&FuncType> {
        self.functions.get(ty as usize)?.as_ref()
    }

    fn import(&mut self, ty: TypeRef, random: &mut Random, javascript: bool) -> Option<Item> {
        let named = |ty: ValType| !javascript || can_be_named(ty);
        match ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.funcs.push(ty);
                let ty = self.func(ty)?;
                if javascript && ty.params().iter().chain(ty.results()).any(|ty| !crosses(*ty)) {
                    return None;
                }
                let returns = ty.results().iter().map(|ty| value(*ty, random, None)).collect::<Option<_>>()?;
                Some(Item::Func { params: names(ty.params()), results: names(ty.results()), returns })
            }
            TypeRef::Global(ty) => {
                self.globals.push(ty);
                let value = value(ty.content_type, random, None).filter(|_| named(ty.content_type))?;
                (ty.content_type != ValType::V128 || !javascript).then_some(Item::Global {
                    ty: name(ty.content_type),
                    mutable: ty.mutable,
                    value,
                })
            }
            TypeRef::Memory(ty) => {
                self.memories.push(ty);
                let (initial, maximum) = (ty.initial, ty.maximum);
                Some(Item::Memory { initial, maximum, wide: ty.memory64, shared: ty.shared })
            }
            TypeRef::Table(ty) => {
                self.tables.push(ty);
                let element = ValType::Ref(ty.element_type);
                (named(element) && ty.element_type.is_nullable()).then_some(Item::Table {
                    initial: ty.initial,
                    maximum: ty.maximum,
                    wide: ty.table64,
                    ty: name(element),
                })
            }
            TypeRef::Tag(ty) => {
                self.tags.push(ty.func_type_idx);
                let params = self.func(ty.func_type_idx)?.params();
                params.iter().all(|ty| named(*ty)).then(|| Item::Tag { params: names(params) })
            }
        }
    }

    fn exports(&self, found: &[(String, ExternalKind, usize)], plan: &mut Plan, random: &mut Random, javascript: bool) {
        let sees = |ty: ValType| !javascript || crosses(ty);
        let function = found.iter().find(|(_, kind, _)| *kind == ExternalKind::Func).map(|(name, ..)| name.as_str());
        for (export, kind, index) in found {
            let watched = match kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    let Some(ty) = self.funcs.get(*index).and_then(|ty| self.func(*ty)) else { continue };
                    if !ty.params().iter().chain(ty.results()).all(|ty| sees(*ty)) {
                        continue;
                    }
                    for _ in 0..ROUNDS {
                        let args = ty.params().iter().map(|ty| value(*ty, random, function)).collect::<Option<_>>();
                        let Some(args) = args else { break };
                        let (params, results) = (names(ty.params()), names(ty.results()));
                        plan.calls.push(Call { name: export.clone(), params, args, results });
                    }
                    continue;
                }
                ExternalKind::Memory => {
                    self.memories.get(*index).map(|ty| Watched::Memory { wide: ty.memory64, shared: ty.shared })
                }
                ExternalKind::Global => {
                    if export == exports::FUEL {
                        plan.fuel = Some((export.clone(), smith::FUEL as i32));
                    }
                    let ty = self.globals.get(*index).map(|ty| ty.content_type).filter(|ty| sees(*ty));
                    ty.map(|ty| Watched::Global { ty: name(ty) })
                }
                ExternalKind::Table => {
                    let ty = self.tables.get(*index).map(|ty| ValType::Ref(ty.element_type)).filter(|ty| sees(*ty));
                    ty.map(|ty| Watched::Table { ty: name(ty) })
                }
                ExternalKind::Tag => {
                    if let Some(ty) = self.tags.get(*index).and_then(|ty| self.func(*ty)) {
                        // What JavaScript cannot look at is told by no engine.
                        let carries = if ty.params().iter().all(|ty| sees(*ty)) { names(ty.params()) } else { vec![] };
                        plan.tags.push((export.clone(), carries));
                    }
                    continue;
                }
            };
            plan.watch.extend(watched.map(|what| Watch { name: export.clone(), what }));
        }
    }
}

fn name(ty: ValType) -> String {
    ty.to_string()
}

fn names(types: &[ValType]) -> Vec<String> {
    types.iter().copied().map(name).collect()
}

/// Whether values of a type pass between JavaScript and wasm.
fn crosses(ty: ValType) -> bool {
    match ty {
        ValType::V128 => false,
        ValType::Ref(ty) => {
            !matches!(ty.heap_type(), HeapType::Abstract { ty: AbstractHeapType::Exn | AbstractHeapType::NoExn, .. })
        }
        _ => true,
    }
}

/// Whether the interface's text lets JavaScript name a type: an engine may know more.
fn can_be_named(ty: ValType) -> bool {
    match ty {
        ValType::Ref(ty) => ty == RefType::EXTERNREF || ty == RefType::FUNCREF,
        _ => true,
    }
}

/// A value of a type; `None` for references that cannot be null and are not easy to make.
fn value(ty: ValType, random: &mut Random, function: Option<&str>) -> Option<String> {
    let number = random.edge();
    Some(match ty {
        ValType::I32 => (number as i32).to_string(),
        ValType::I64 => (number as i64).to_string(),
        ValType::F32 => {
            let value = if random.below(2) == 0 { number as i64 as f32 / 8.0 } else { f32::from_bits(number as u32) };
            format!("{:x}", if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() })
        }
        ValType::F64 => {
            let value = if random.below(2) == 0 { number as i64 as f64 / 8.0 } else { f64::from_bits(number) };
            format!("{:x}", if value.is_nan() { 0x7ff8_0000_0000_0000 } else { value.to_bits() })
        }
        ValType::V128 => format!("{:x}", u128::from(number) << 64 | u128::from(random.edge())),
        ValType::Ref(ty) => reference(ty, random, function)?,
    })
}

fn reference(ty: RefType, random: &mut Random, function: Option<&str>) -> Option<String> {
    if ty.is_nullable() && random.below(3) == 0 {
        return Some("null".to_owned());
    }
    let made = match ty.heap_type() {
        HeapType::Abstract { shared: false, ty } => match ty {
            AbstractHeapType::Extern => Some(format!("object {}", random.below(OBJECTS))),
            AbstractHeapType::Any if random.below(2) == 0 => Some(format!("object {}", random.below(OBJECTS))),
            AbstractHeapType::Any | AbstractHeapType::Eq | AbstractHeapType::I31 => {
                Some(format!("i31 {}", [0, -1, 12, 0x3fff_ffff, -0x4000_0000][random.below(5) as usize]))
            }
            AbstractHeapType::Func => function.map(|name| format!("export {name}")),
            _ => None,
        },
        _ => None,
    };
    made.or_else(|| ty.is_nullable().then(|| "null".to_owned()))
}

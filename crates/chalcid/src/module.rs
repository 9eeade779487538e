//! Compiled modules: decoded and validated when they are made, their functions compiled when they are first called.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use chalcid_module::declarations::{Declarations, ExternIdx};
use chalcid_module::hash::ModuleHash;
use chalcid_module::index::{DefinedFuncIdx, FuncIdx, TypeIdx};
use chalcid_module::names::Names;
use chalcid_module::registry::RegisteredTypes;
use chalcid_module::source_lines::{SourceLine, SourceLines};
use chalcid_module::types as generic;

use chalcid_vm::{ModuleObject, ModuleParts, Signature};

use crate::code::OnFirstCall;
use crate::code_cache::ModuleCache;
use crate::known_modules::Known;
use crate::types::{DefTypeId, ExportType, ExternType, ImportType};
use crate::{CompileError, Engine};

/// A module. Cloning gives another handle to the same one; threads share it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = chalcid::Engine::default();
/// let module = chalcid::Module::new(&engine, wat::parse_str(r#"(module (func (export "f")))"#)?)?;
/// assert_eq!(module.exports().next().map(|export| export.name), Some("f"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Module {
    object: Arc<ModuleObject>,
    data: Arc<ModuleData>,
}

/// What the engine hangs on a module.
pub(crate) struct ModuleData {
    engine: Engine,
    types: RegisteredTypes,
    signatures: Box<[OnceLock<Arc<Signature>>]>,
    hash: ModuleHash,
    url: OnceLock<Arc<str>>,
    names: OnceLock<Names>,
    source_lines: OnceLock<SourceLines>,
    exports: OnceLock<HashMap<Box<str>, ExternIdx>>,
    cache: Option<Arc<ModuleCache>>,
    /// Functions that the optimising tier does not do better.
    stuck: Mutex<HashSet<DefinedFuncIdx>>,
}

impl ModuleData {
    /// What hangs on a module of the running side, which [`Module::new`] made.
    pub(crate) fn of(object: &ModuleObject) -> Option<&Arc<Self>> {
        object.data().downcast_ref()
    }

    pub(crate) fn url(&self) -> &Arc<str> {
        self.url.get_or_init(|| self.hash.url().into())
    }

    /// What the code cache has for the module, where there is a cache.
    pub(crate) fn cache(&self) -> Option<&ModuleCache> {
        self.cache.as_deref()
    }

    /// The engine that the module belongs to.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether a function stays with the code it has.
    pub(crate) fn is_stuck(&self, func: DefinedFuncIdx) -> bool {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner).contains(&func)
    }

    /// Says that a function stays with the code it has.
    pub(crate) fn stick(&self, func: DefinedFuncIdx) {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner).insert(func);
    }

    /// The line of source that an instruction comes from, where the module says so.
    pub(crate) fn source_line(&self, object: &ModuleObject, offset: u32) -> Option<SourceLine> {
        let (bytes, declarations) = (object.bytes(), object.declarations());
        self.source_lines.get_or_init(|| SourceLines::find(bytes, declarations)).at(bytes, declarations, offset)
    }

    pub(crate) fn names(&self, object: &ModuleObject) -> &Names {
        self.names.get_or_init(|| Names::parse(object.bytes(), object.declarations()))
    }
}

impl Module {
    /// Decodes and validates a module; on the engine's threads too, if it is large. Nothing is compiled yet. The same bytes give the same
    /// module as long as it lives.
    pub fn new(engine: &Engine, bytes: impl Into<Arc<[u8]>>) -> Result<Self, CompileError> {
        let (bytes, started) = (bytes.into(), Instant::now());
        let hash = ModuleHash::of(&bytes, engine.helpers_for(&bytes));
        Self::find_or_make(engine, bytes, hash, started, |bytes, is_valid| match is_valid {
            true => chalcid_module::decode_validated(bytes, engine.features()),
            false => decode(engine, bytes),
        })
    }

    /// The module of bytes that were decoded and validated while they came: these are their hash and what they declare.
    pub(crate) fn of_valid(
        engine: &Engine,
        bytes: Arc<[u8]>,
        hash: ModuleHash,
        declarations: Declarations,
        started: Instant,
    ) -> Result<Self, CompileError> {
        Self::find_or_make(engine, bytes, hash, started, |_, _| Ok(declarations))
    }

    /// The module that bytes are already, or a new one. `declare` gives what they declare; it is told whether they are known to be valid.
    fn find_or_make(
        engine: &Engine,
        bytes: Arc<[u8]>,
        hash: ModuleHash,
        started: Instant,
        declare: impl FnOnce(&[u8], bool) -> Result<Declarations, CompileError>,
    ) -> Result<Self, CompileError> {
        let len = bytes.len();
        let known = engine.known_modules().find(&hash);
        if !matches!(known, Known::Nothing) {
            engine.counters().count_known();
        }
        let object = match known {
            Known::Alive(object) => object,
            known => {
                let is_valid = matches!(known, Known::Valid);
                let declare = |bytes: &[u8], is_cached: bool| declare(bytes, is_valid || is_cached);
                let made = Self::make(engine, bytes, hash, declare)?;
                engine.known_modules().note(&hash, &made)
            }
        };
        engine.counters().count_module(len, started.elapsed());
        Self::from_object(&object).ok_or_else(|| CompileError::new("the module belongs to no engine"))
    }

    /// Makes a module.
    fn make(
        engine: &Engine,
        bytes: Arc<[u8]>,
        hash: ModuleHash,
        declare: impl FnOnce(&[u8], bool) -> Result<Declarations, CompileError>,
    ) -> Result<Arc<ModuleObject>, CompileError> {
        let cache = engine.cache().map(|cache| Arc::new(cache.find(&hash, bytes.len())));
        let has_entry = cache.as_ref().is_some_and(|cache| cache.has_entry());
        let declarations = declare(&bytes, has_entry)?;
        if let (Some(cache), false) = (&cache, has_entry) {
            cache.validated(bytes.len());
        }
        let types =
            engine.types().register_module(&declarations).map_err(|error| CompileError::new(error.to_string()))?;
        let type_ids: Box<[_]> = types.ids().into();
        let data = Arc::new(ModuleData {
            engine: engine.clone(),
            signatures: type_ids.iter().map(|_| OnceLock::new()).collect(),
            types,
            hash,
            url: OnceLock::new(),
            names: OnceLock::new(),
            source_lines: OnceLock::new(),
            exports: OnceLock::new(),
            cache: cache.clone(),
            stuck: Mutex::default(),
        });
        let parts = ModuleParts {
            declarations: Arc::new(declarations),
            bytes,
            type_ids,
            memories: *engine.memories(),
            compiler: Box::new(OnFirstCall::new(engine, cache)),
            data: Box::new(data),
        };
        let object = ModuleObject::new(parts).map_err(|error| CompileError::new(error.to_string()))?;
        if let Some(cache) = engine.cache() {
            cache.watch(&object);
        }
        Ok(object)
    }

    /// A module by the running side's handle.
    pub(crate) fn from_object(object: &Arc<ModuleObject>) -> Option<Self> {
        let data = ModuleData::of(object)?.clone();
        Some(Self { object: object.clone(), data })
    }

    /// Whether bytes are a valid module, and if not, why. The engine remembers bytes that are: to make the module of them takes less time then.
    pub fn validate(engine: &Engine, bytes: &[u8]) -> Result<(), CompileError> {
        let hash = ModuleHash::of(bytes, engine.helpers_for(bytes));
        if let Known::Nothing = engine.known_modules().find(&hash) {
            decode(engine, bytes)?;
            engine.known_modules().note_valid(&hash);
        }
        Ok(())
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.data.engine
    }

    /// The bytes it was made from.
    pub fn bytes(&self) -> &Arc<[u8]> {
        self.object.bytes()
    }

    /// Its imports, in module order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        self.declarations().imports.iter().map(|import| ImportType {
            module: &import.module,
            name: &import.name,
            ty: self.engine_wide(import.ty),
        })
    }

    /// Its exports, in module order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        let exports = self.declarations().exports.iter();
        exports.map(|export| ExportType { name: export.name(self.bytes()), ty: self.item_type(export.item) })
    }

    /// The contents of every custom section of a name, in module order.
    pub fn custom_sections<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.declarations().custom_sections.iter().filter(move |section| &*section.name == name);
        named.map(|section| &self.bytes()[section.data.start as usize..section.data.end as usize])
    }

    /// The address that stack traces give it: `wasm://wasm/` and eight digits of its hash.
    pub fn url(&self) -> &str {
        self.data.url()
    }

    /// The name that its name section gives it.
    pub fn name(&self) -> Option<&str> {
        self.names().module()
    }

    /// The name that its name section gives to a function.
    pub fn func_name(&self, func: u32) -> Option<&str> {
        self.names().function(FuncIdx(func))
    }

    fn names(&self) -> &Names {
        self.data.names(&self.object)
    }

    pub(crate) fn object(&self) -> &Arc<ModuleObject> {
        &self.object
    }

    pub(crate) fn declarations(&self) -> &Declarations {
        self.object.declarations()
    }

    /// The engine-wide identity of a type of the module.
    pub(crate) fn type_id(&self, ty: TypeIdx) -> DefTypeId {
        self.data.types.id(ty)
    }

    /// The signature of a type of the module; `None` for what is no function type.
    pub(crate) fn signature(&self, ty: TypeIdx) -> Option<&Arc<Signature>> {
        let slot = self.data.signatures.get(ty.index())?;
        if slot.get().is_none() {
            // Where another thread was faster it stored the same signature.
            let _ = slot.set(self.data.engine.signature(self.type_id(ty))?);
        }
        slot.get()
    }

    /// What an export of a name is.
    pub(crate) fn find_export(&self, name: &str) -> Option<ExternIdx> {
        let (declared, bytes) = (&self.declarations().exports, self.bytes());
        if declared.len() <= 8 {
            return declared.iter().find(|export| export.name(bytes) == name).map(|export| export.item);
        }
        let index = || declared.iter().map(|export| (export.name(bytes).into(), export.item)).collect();
        self.data.exports.get_or_init(index).get(name).copied()
    }

    /// A type of this module in the terms of the engine.
    pub(crate) fn engine_wide(&self, ty: generic::ExternType) -> ExternType {
        ty.map(&mut |ty| self.data.types.id(ty))
    }

    fn item_type(&self, item: ExternIdx) -> ExternType {
        let declared = self.declarations();
        // Validation showed that every export names something that exists.
        self.engine_wide(match item {
            ExternIdx::Func(func) => generic::ExternType::Func(declared.functions[func.index()]),
            ExternIdx::Table(table) => generic::ExternType::Table(declared.tables[table.index()].ty),
            ExternIdx::Memory(memory) => generic::ExternType::Memory(declared.memories[memory.index()]),
            ExternIdx::Global(global) => generic::ExternType::Global(declared.globals[global.index()].ty),
            ExternIdx::Tag(tag) => generic::ExternType::Tag(declared.tags[tag.index()]),
        })
    }
}

fn decode(engine: &Engine, bytes: &[u8]) -> Result<Declarations, CompileError> {
    chalcid_module::decode_and_validate(bytes, engine.features(), engine.helpers_for(bytes))
}

impl PartialEq for Module {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.object, &other.object)
    }
}

impl Eq for Module {}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("url", &self.url()).finish_non_exhaustive()
    }
}

//! What all agents of a process share: settings, types, compiled trampolines, background threads.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chalcid_compiler::{Compiler, Tier};
use chalcid_module::features::Features;
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::registry::TypeRegistry;
use chalcid_vm::{MemorySettings, ModuleObject, Signature};

use crate::code_cache::Cache;
use crate::error::ResourceError;
use crate::known_modules::KnownModules;
use crate::module::ModuleData;
use crate::pool::Pool;
use crate::signature::Signatures;
use crate::stats::Counters;
use crate::tier_up::TierUp;
use crate::types::{DefTypeId, FuncType, TypeHandle};
use crate::{CodeCacheError, Config, Error, Misuse, Stats, TierPolicy};

/// An engine: what modules are compiled by. Cloning gives another handle to the same engine.
///
/// Modules, and the agents that run them, belong to one engine and mix with nothing of another.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    config: Config,
    types: TypeRegistry,
    signatures: Signatures,
    compiler: Compiler,
    memories: MemorySettings,
    pool: Pool,
    tier_up: Arc<TierUp>,
    cache: Option<Arc<Cache>>,
    known_modules: KnownModules,
    counters: Arc<Counters>,
}

impl Engine {
    /// An engine with certain settings.
    ///
    /// Fails where the machine is not one that code can be made for, or a setting is impossible on it.
    pub fn new(config: Config) -> Result<Self, Error> {
        if config.perf_map {
            crate::profile::begin();
        }
        let compiler = Compiler::new(config.settings.clone()).map_err(ResourceError::from)?;
        let memories = MemorySettings { signals: config.settings.signals, ..MemorySettings::default() };
        let pool = Pool::new(config.threads);
        let tier_up = Arc::new(TierUp::new(pool.threads()));
        let (types, signatures) = (TypeRegistry::new(), Signatures::default());
        let counters = Arc::new(Counters::default());
        let cache = config
            .code_cache
            .clone()
            .map(|cache| Arc::new(Cache::new(cache, &config, &compiler, &memories, counters.clone())));
        let known_modules = KnownModules::default();
        Ok(Self(Arc::new(Inner {
            config,
            types,
            signatures,
            compiler,
            memories,
            pool,
            tier_up,
            cache,
            known_modules,
            counters,
        })))
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The proposals that modules may use.
    pub fn features(&self) -> &Features {
        &self.0.config.features
    }

    /// The function type of an engine-wide identity, if it is one that is alive.
    pub fn func_type(&self, id: DefTypeId) -> Option<FuncType> {
        self.0.types.func_type(id)
    }

    /// Registers a type that is final, below no other and alone in its recursion group; it keeps its identity while the handle lives.
    ///
    /// Fails when it names a type that is not registered, or there is no room for another one.
    pub fn register_type(&self, ty: crate::CompType) -> Result<TypeHandle, Error> {
        self.0.types.register(ty).map_err(|_| Misuse::UnknownType.into())
    }

    /// What a defined type of an engine-wide identity looks like, if it is one that is alive.
    pub fn composite_type(&self, id: DefTypeId) -> Option<crate::CompType> {
        Some(self.0.types.get(id)?.comp.clone())
    }

    /// Runs `work` on a background thread of the engine. Where the system refuses threads it is done at once.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.0.pool.spawn(work);
    }

    /// Waits until nothing that ran hot is left to be optimised.
    pub fn finish_compiling(&self) {
        self.0.tier_up.wait();
    }

    /// What the engine has done so far.
    pub fn stats(&self) -> Stats {
        self.0.counters.stats()
    }

    /// Writes what was compiled of the modules that are alive to the code cache, where it is worth it and the cache lacks it, and waits for what
    /// is being written already. The code of a module that is dropped is written in the background without being asked for;
    /// a program that is about to end waits for it here.
    pub fn save_code(&self) {
        let Some(cache) = &self.0.cache else { return };
        for module in cache.modules() {
            if let Some(known) = ModuleData::of(&module).and_then(|data| data.cache()) {
                known.save(&module, |func| self.is_hot(&module, func));
            }
        }
        cache.wait();
    }

    /// As [`Self::save_code`], in the background: for a program that has nothing to do at the moment. It may call this whenever that is so;
    /// something is done every other second at most, if there is something new.
    pub fn save_code_in_background(&self) {
        let Some(cache) = &self.0.cache else { return };
        if !cache.wants_saving() {
            return;
        }
        for module in cache.modules() {
            if let Some(known) = ModuleData::of(&module).and_then(|data| data.cache()) {
                known.save_later(&module, |func| self.is_hot(&module, func), |work| self.spawn(work));
            }
        }
    }

    /// Whether a function waits to be optimised, or is half way to being hot.
    pub(crate) fn is_hot(&self, module: &ModuleObject, func: DefinedFuncIdx) -> bool {
        let (config, heat) = (&self.0.config, module.heat(func).map_or(0, |heat| heat.load(Ordering::Relaxed)));
        config.tier == TierPolicy::Auto
            && module.tier(func) == Some(Tier::Baseline)
            && (heat.saturating_sub(config.cold()) >= config.hot_after / 2 || self.0.tier_up.waits(module, func))
    }

    /// Why the code cache is not used or not written, where that is so.
    pub fn code_cache_error(&self) -> Option<&CodeCacheError> {
        self.0.cache.as_ref()?.error()
    }

    pub(crate) fn tier_up(&self) -> &Arc<TierUp> {
        &self.0.tier_up
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    pub(crate) fn cache(&self) -> Option<&Arc<Cache>> {
        self.0.cache.as_ref()
    }

    pub(crate) fn known_modules(&self) -> &KnownModules {
        &self.0.known_modules
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    pub(crate) fn types(&self) -> &TypeRegistry {
        &self.0.types
    }

    /// The signature of a function type that is registered.
    pub(crate) fn signature(&self, id: DefTypeId) -> Option<Arc<Signature>> {
        self.0.signatures.get(&self.0.types, id)
    }

    pub(crate) fn compiler(&self) -> &Compiler {
        &self.0.compiler
    }

    pub(crate) fn memories(&self) -> &MemorySettings {
        &self.0.memories
    }

    /// A copy of a module's bytes, to be kept. Another thread helps with very many, if the engine may have more than one.
    pub fn copy_bytes(&self, bytes: &[u8]) -> Arc<[u8]> {
        chalcid_vm::copy_bytes(bytes, self.helpers_for(bytes))
    }

    /// How many threads are to help with copying, hashing and validating `bytes`.
    pub(crate) fn helpers_for(&self, bytes: &[u8]) -> Option<NonZero<usize>> {
        chalcid_module::helpers_for(bytes, self.0.pool.threads())
    }
}

impl Default for Engine {
    /// An engine with the default settings.
    ///
    /// # Panics
    /// On a machine that no code can be made for; [`Engine::new`] returns an error there.
    fn default() -> Self {
        match Self::new(Config::new()) {
            Ok(engine) => engine,
            Err(error) => panic!("no WebAssembly engine on this machine: {error}"),
        }
    }
}

impl PartialEq for Engine {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Engine {}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.0.config).finish_non_exhaustive()
    }
}

//! What the cache has for one module, and what it is to get.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use chalcid_module::artifact::{CodeBundle, CompiledCode, Tier};
use chalcid_module::index::DefinedFuncIdx;
use chalcid_vm::ModuleObject;

use super::entry::{Entry, EntryWriter, Key};
use super::{Cache, Saving};

/// What optimised code counts for, see [`super::CodeCache::worth_saving`].
const OPTIMIZED_WEIGHT: usize = 100;
/// Bytes of a module whose validation counts as much as compiling a byte of code.
const VALIDATED_WEIGHT: usize = 64;

/// The cache of one module.
pub(crate) struct ModuleCache {
    cache: Arc<Cache>,
    key: Key,
    entry: Option<Entry>,
    /// By chunk, once it was looked at.
    loaded: Box<[OnceLock<()>]>,
    /// How much was compiled that the entry lacks, weighted.
    fresh: AtomicUsize,
}

impl ModuleCache {
    pub(super) fn new(cache: &Arc<Cache>, key: Key, entry: Option<Entry>) -> Self {
        let chunks = entry.as_ref().map_or(0, Entry::chunks);
        let loaded = (0..chunks).map(|_| OnceLock::new()).collect();
        Self { cache: cache.clone(), key, entry, loaded, fresh: AtomicUsize::new(0) }
    }

    /// Whether there is an entry: then the module is valid.
    pub(crate) fn has_entry(&self) -> bool {
        self.entry.is_some()
    }

    /// Notes that the module was validated.
    pub(crate) fn validated(&self, len: usize) {
        self.fresh.fetch_add(len / VALIDATED_WEIGHT, Ordering::Relaxed);
    }

    /// Notes that a function was compiled.
    pub(crate) fn compiled(&self, tier: Tier, len: usize) {
        let weight = if tier == Tier::Optimizing { OPTIMIZED_WEIGHT } else { 1 };
        self.fresh.fetch_add(len.saturating_mul(weight), Ordering::Relaxed);
        self.cache.fresh.store(true, Ordering::Relaxed);
    }

    /// Gives the chunk of a function to `publish`, with those of its functions that were hot, if the entry has the function and nobody has done so yet. When this returns the chunk
    /// has been published, by whomever, if it is whole.
    pub(crate) fn load(&self, func: DefinedFuncIdx, publish: impl FnOnce(CodeBundle, &[DefinedFuncIdx])) {
        let Some(entry) = &self.entry else { return };
        let Some((chunk, _)) = entry.find(func) else { return };
        let Some(loaded) = self.loaded.get(chunk) else { return };
        loaded.get_or_init(|| {
            let started = Instant::now();
            let bundle = entry.chunk(chunk).and_then(|bytes| CodeBundle::decode(&bytes).ok());
            match bundle {
                Some(bundle) => {
                    let (functions, bytes) = (bundle.functions.len(), bundle.joined.code.len());
                    let is_hot = |func: &DefinedFuncIdx| entry.find(*func).is_some_and(|(_, state)| state.hot);
                    let hot: Vec<_> = bundle.functions.iter().map(|function| function.func).filter(is_hot).collect();
                    publish(bundle, &hot);
                    self.cache.counters.count_loaded(functions, bytes, started.elapsed());
                }
                None => self.cache.counters.count_damaged(),
            }
        });
    }

    /// Saves what the entry lacks, if it is worth it, and waits until it is done. `hot` says what is on its way to a better tier.
    pub(crate) fn save(&self, module: &ModuleObject, hot: impl Fn(DefinedFuncIdx) -> bool) {
        if let Some(code) = self.take_fresh(module, hot) {
            write(&self.cache, &self.key, code);
        }
    }

    /// Saves what the entry lacks, if it is worth it. Copies the code at once and leaves the rest to `spawn`.
    pub(crate) fn save_later(
        &self,
        module: &ModuleObject,
        hot: impl Fn(DefinedFuncIdx) -> bool,
        spawn: impl FnOnce(Box<dyn FnOnce() + Send>),
    ) {
        if let Some(code) = self.take_fresh(module, hot) {
            let (saving, key): (Saving, _) = (self.cache.begin_saving(), self.key);
            spawn(Box::new(move || write(&saving.0, &key, code)));
        }
    }

    /// The code that the entry lacks.
    fn take_fresh(&self, module: &ModuleObject, hot: impl Fn(DefinedFuncIdx) -> bool) -> Option<Vec<Fresh>> {
        let fresh = self.fresh.load(Ordering::Relaxed);
        if fresh == 0 || fresh < self.cache.settings.worth_saving {
            return None;
        }
        self.fresh.store(0, Ordering::Relaxed);
        let known = |func| self.entry.as_ref().and_then(|entry| entry.find(func)).map(|(_, state)| state.tier);
        let code = module.artifacts(|func, tier| {
            // What is known and was compiled all the same was not whole.
            known(func).is_none_or(|known| known <= tier)
        });
        Some(code.into_iter().map(|(func, code)| Fresh { func, code, hot: hot(func) }).collect())
    }
}

/// A function that an entry lacks.
struct Fresh {
    func: DefinedFuncIdx,
    code: CompiledCode,
    hot: bool,
}

/// Adds functions to the entry of a key as it is now: other processes and other modules of the same bytes may have added to it.
fn write(cache: &Cache, key: &Key, code: Vec<Fresh>) {
    let started = Instant::now();
    let Some(directory) = cache.directory(true) else { return };
    let current = directory.open_entry(key).ok().flatten().and_then(|file| Entry::read(file, key));
    let mut new: HashMap<_, _> = code.iter().map(|fresh| (fresh.func.0, fresh.code.tier)).collect();
    let mut writer = EntryWriter::default();
    let mut changed = current.is_none();
    if let Some(current) = &current {
        let hot = |func| current.find(func).is_some_and(|(_, state)| state.hot);
        for chunk in 0..current.chunks() {
            let whole = current.chunk(chunk).and_then(|bytes| Some((CodeBundle::decode(&bytes).ok()?, bytes)));
            let Some((bundle, bytes)) = whole else {
                changed = true;
                continue;
            };
            // What is there and as good stays as it is.
            for function in &bundle.functions {
                if new.get(&function.func.0).is_some_and(|tier| *tier <= function.tier) {
                    new.remove(&function.func.0);
                }
            }
            if !bundle.functions.iter().any(|function| new.contains_key(&function.func.0)) {
                writer.add_chunk(bytes, &bundle, hot);
                continue;
            }
            for (func, code) in bundle.split().filter(|(func, _)| !new.contains_key(&func.0)) {
                writer.add_function(func, code, hot(func));
            }
        }
    }
    changed |= !new.is_empty();
    if !changed {
        return;
    }
    for Fresh { func, code, hot } in code {
        if new.remove(&func.0).is_some() {
            writer.add_function(func, code, hot);
        }
    }
    let parts = writer.finish(key);
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let size: usize = parts.iter().map(|part| part.len()).sum();
    if size as u64 > cache.settings.max_bytes {
        return;
    }
    match directory.write_entry(key, &parts, cache.settings.max_bytes) {
        Ok(()) => cache.counters.count_saved(size, started.elapsed()),
        Err(error) => cache.failed_to_write(&error),
    }
}

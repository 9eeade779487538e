//! The code cache: compiled functions on disk, for the next time that the same module is used.
//!
//! ```text
//!   Module::new ──► Cache::find ──► Directory (checked once) ──► Entry (header and index read and checked)
//!        first call of a function ──► ModuleCache::load: its chunk is read, checked, published as a whole
//!   Engine::save_code, a module that goes ──► ModuleCache::save ──► EntryWriter ──► temporary file ──► rename
//! ```
//!
//! An entry belongs to the exact bytes of a module, a build of the engine, the CPU's features and the settings that decide what code looks like:
//! its name is the hash of all of these. That there is one says that the module is valid, so that its function bodies are not looked into again.
//!
//! # What is believed
//! Whoever can write to the directory can run code in this process, as whoever can write to the program's file can. So a directory that is a symbolic link,
//! belongs to somebody else or can be written by others is refused, with a reason, and so is every such entry. What damage, a full
//! disk or a process that died can do to an entry, its hashes find out; damaged parts are as if they were not there. Nothing read is
//! believed further than its hash, and every number is checked besides.
//!
//! # Why code is copied and not mapped
//! A page of a mapped file is read when it is first run, long after it was checked; what the file holds by then, and whether it can be
//! read at all, nobody knows. Copied code is what was checked. Absolute addresses of helper functions can be filled in, no file
//! system has to allow execution, and the copy costs less than the page faults of a mapping would: code comes in chunks of some tens of
//! kilobytes, in the order in which it was compiled, which is the order in which it is called.

mod directory;
mod entry;
mod module_cache;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use chalcid_compiler::Compiler;
use chalcid_module::artifact::FORMAT;
use chalcid_module::hash::ModuleHash;
use chalcid_vm::{MemorySettings, ModuleObject};

use crate::Config;
use crate::stats::Counters;
use directory::Directory;
use entry::{Entry, Key};
pub(crate) use module_cache::ModuleCache;

/// Where compiled code is kept between processes, and how much of it: a setting of [`Config::code_cache`].
///
/// ```no_run
/// use chalcid::{CodeCache, Config, Engine};
///
/// # fn main() -> Result<(), chalcid::Error> {
/// let mut config = Config::new();
/// if let Some(directory) = CodeCache::platform_directory("my-program") {
///     config = config.code_cache(CodeCache::new(directory).max_bytes(64 << 20));
/// }
/// let engine = Engine::new(config)?;
/// // … run modules …
/// engine.save_code();
/// # Ok(())
/// # }
/// ```
///
/// Any number of processes may share a directory. A directory that is not there is made when there is something to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeCache {
    directory: PathBuf,
    max_bytes: u64,
    worth_saving: usize,
}

/// Space that a cache takes unless it is told otherwise.
const DEFAULT_MAX_BYTES: u64 = 512 << 20;
/// See [`CodeCache::worth_saving`].
const DEFAULT_WORTH_SAVING: usize = 4096;

/// Time between saves in the background, and before the first.
const PAUSE: Duration = Duration::from_secs(2);

impl CodeCache {
    /// A cache in a directory, which should serve nothing else.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), max_bytes: DEFAULT_MAX_BYTES, worth_saving: DEFAULT_WORTH_SAVING }
    }

    /// The place for a program's cache on this platform: below `$XDG_CACHE_HOME`, where that is an absolute path, or else below
    /// `.cache` (on macOS `Library/Caches`) in the user's home. `None` when neither is known.
    pub fn platform_directory(program: &str) -> Option<PathBuf> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = absolute("XDG_CACHE_HOME").or_else(|| {
            let below_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
            Some(absolute("HOME")?.join(below_home))
        })?;
        Some(caches.join(program).join("code"))
    }

    /// Most bytes that the entries take together; beyond it those go that were not used for longest. 512 MiB by default.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// New machine code of a module that it pays to write, in bytes of the quick compiler; what the optimising compiler made counts a hundred times. 4 KiB by default.
    pub fn worth_saving(mut self, bytes: usize) -> Self {
        self.worth_saving = bytes;
        self
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Why the cache is not used, or not written.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CodeCacheError {
    /// The directory must not be trusted.
    Refused {
        /// The directory.
        directory: PathBuf,
        /// Why.
        reason: String,
    },
    /// The directory cannot be opened or made.
    Unavailable {
        /// The directory.
        directory: PathBuf,
        /// Why.
        reason: String,
    },
    /// An entry could not be written.
    NotWritten {
        /// The directory.
        directory: PathBuf,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for CodeCacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { directory, reason } | Self::Unavailable { directory, reason } => {
                write!(f, "the code cache in {} is not used: {reason}", directory.display())
            }
            Self::NotWritten { directory, reason } => {
                write!(f, "the code cache in {} was not written: {reason}", directory.display())
            }
        }
    }
}

impl std::error::Error for CodeCacheError {}

/// The code cache of an engine.
pub(crate) struct Cache {
    settings: CodeCache,
    /// What all keys have in common.
    base: [u8; 32],
    directory: OnceLock<Option<Directory>>,
    error: OnceLock<CodeCacheError>,
    /// Modules whose code may have to be saved.
    modules: Mutex<Vec<Weak<ModuleObject>>>,
    /// Saves under way in the background.
    saving: Mutex<usize>,
    saved: Condvar,
    /// Whether anything was compiled since the modules were last looked through.
    fresh: AtomicBool,
    /// When that was.
    looked: Mutex<Instant>,
    counters: Arc<Counters>,
}

impl Cache {
    pub(crate) fn new(
        settings: CodeCache,
        config: &Config,
        compiler: &Compiler,
        memories: &MemorySettings,
        counters: Arc<Counters>,
    ) -> Self {
        let features: Vec<_> = config.features.iter().map(|feature| format!("{feature:?}")).collect();
        let described = format!(
            "chalcid {} {} format {FORMAT} compiler {} features {features:?} tiers {:?} memories {memories:?}",
            env!("CARGO_PKG_VERSION"),
            env!("CHALCID_BUILD_ID"),
            compiler.fingerprint(),
            config.tier,
        );
        Self {
            settings,
            base: *blake3::hash(described.as_bytes()).as_bytes(),
            directory: OnceLock::new(),
            error: OnceLock::new(),
            modules: Mutex::default(),
            saving: Mutex::new(0),
            saved: Condvar::new(),
            fresh: AtomicBool::new(false),
            looked: Mutex::new(Instant::now()),
            counters,
        }
    }

    /// What the cache has for a module of a hash.
    pub(crate) fn find(self: &Arc<Self>, module: &ModuleHash, len: usize) -> ModuleCache {
        let key = Key::new(&self.base, module, len as u64);
        let entry = self.directory(false).and_then(|directory| directory.open_entry(&key).ok().flatten());
        let entry = entry.and_then(|file| Entry::read(file, &key));
        self.counters.count_lookup(entry.is_some());
        ModuleCache::new(self, key, entry)
    }

    /// The directory, if it is there and may be trusted; made if it is not there and wanted.
    fn directory(&self, make: bool) -> Option<&Directory> {
        if self.directory.get().is_none() {
            match Directory::open(&self.settings.directory, make) {
                Ok(Some(directory)) => drop(self.directory.set(Some(directory))),
                // Not there yet.
                Ok(None) => {}
                Err(error) => {
                    let _ = self.error.set(error);
                    let _ = self.directory.set(None);
                }
            }
        }
        self.directory.get()?.as_ref()
    }

    /// The first thing that went wrong.
    pub(crate) fn error(&self) -> Option<&CodeCacheError> {
        self.error.get()
    }

    /// Takes note of a module whose code is to be saved.
    pub(crate) fn watch(&self, module: &Arc<ModuleObject>) {
        let mut modules = lock(&self.modules);
        if modules.len() == modules.capacity() {
            modules.retain(|module| module.strong_count() > 0);
        }
        modules.push(Arc::downgrade(module));
    }

    /// Whether it is time to look through the modules for what is new. A program that starts has other things to do.
    pub(crate) fn wants_saving(&self) -> bool {
        if !self.fresh.load(Ordering::Relaxed) {
            return false;
        }
        let mut looked = lock(&self.looked);
        let now = Instant::now();
        if now.saturating_duration_since(*looked) < PAUSE {
            return false;
        }
        *looked = now;
        self.fresh.store(false, Ordering::Relaxed);
        true
    }

    /// The modules that are alive.
    pub(crate) fn modules(&self) -> Vec<Arc<ModuleObject>> {
        lock(&self.modules).iter().filter_map(Weak::upgrade).collect()
    }

    /// Waits for what is saved in the background.
    pub(crate) fn wait(&self) {
        let mut saving = lock(&self.saving);
        while *saving > 0 {
            saving = self.saved.wait(saving).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Counts a save in the background until the result is dropped.
    fn begin_saving(self: &Arc<Self>) -> Saving {
        *lock(&self.saving) += 1;
        Saving(self.clone())
    }

    fn failed_to_write(&self, error: &std::io::Error) {
        let directory = self.settings.directory.clone();
        let _ = self.error.set(CodeCacheError::NotWritten { directory, reason: error.to_string() });
    }
}

/// A save that is under way.
struct Saving(Arc<Cache>);

impl Drop for Saving {
    fn drop(&mut self) {
        *lock(&self.0.saving) -= 1;
        self.0.saved.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

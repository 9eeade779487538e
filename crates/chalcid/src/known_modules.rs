//! The modules that an engine has seen. Bytes that it found valid once are not looked into again, and give the same module as long as that
//! lives: its code, too, is shared then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use chalcid_module::hash::ModuleHash;
use chalcid_vm::ModuleObject;

/// The fewest modules that are looked through for those that are gone.
const SWEEP: usize = 256;

/// Modules by the hash of their bytes. Of those that are gone, no more are remembered than there are alive, or [`SWEEP`].
#[derive(Default)]
pub(crate) struct KnownModules(Mutex<Map>);

#[derive(Default)]
struct Map {
    /// `Weak::new()` for what was only validated.
    modules: HashMap<ModuleHash, Weak<ModuleObject>>,
    /// Size at which those that are gone are forgotten.
    sweep_at: usize,
}

/// What is known of bytes.
pub(crate) enum Known {
    /// Nothing.
    Nothing,
    /// They are a valid module.
    Valid,
    /// They are this module.
    Alive(Arc<ModuleObject>),
}

impl KnownModules {
    /// What is known of bytes by their hash.
    pub(crate) fn find(&self, hash: &ModuleHash) -> Known {
        match self.lock().modules.get(hash) {
            None => Known::Nothing,
            Some(module) => module.upgrade().map_or(Known::Valid, Known::Alive),
        }
    }

    /// Notes that bytes are valid.
    pub(crate) fn note_valid(&self, hash: &ModuleHash) {
        self.lock().entry(hash);
    }

    /// Notes which module bytes are. Where several threads made one, all of them are to go on with the first, which this returns.
    pub(crate) fn note(&self, hash: &ModuleHash, module: &Arc<ModuleObject>) -> Arc<ModuleObject> {
        let mut map = self.lock();
        let known = map.entry(hash);
        known.upgrade().unwrap_or_else(|| {
            *known = Arc::downgrade(module);
            module.clone()
        })
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Map {
    /// The place of a module.
    fn entry(&mut self, hash: &ModuleHash) -> &mut Weak<ModuleObject> {
        if self.modules.len() >= self.sweep_at.max(SWEEP) {
            self.modules.retain(|_, module| module.strong_count() > 0);
            self.sweep_at = 2 * self.modules.len();
        }
        self.modules.entry(*hash).or_default()
    }
}

//! Function types with the trampolines for them: one of each in an engine, compiled when it is first needed.
//!
//! Many types look alike to the machine; they share their trampolines, so that a module of fifty thousand types does not need as many.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use chalcid_compiler::Signature as Travel;
use chalcid_module::registry::TypeRegistry;
use chalcid_vm::{Signature, Trampolines};

use crate::types::DefTypeId;

/// The signatures of an engine that are in use.
#[derive(Default)]
pub(crate) struct Signatures {
    by_type: RwLock<WeakMap<DefTypeId, Signature>>,
    trampolines: Mutex<WeakMap<Travel, Trampolines>>,
}

impl Signatures {
    /// The signature of a function type; `None` for what is none.
    pub(crate) fn get(&self, types: &TypeRegistry, id: DefTypeId) -> Option<Arc<Signature>> {
        let known = self.by_type.read().unwrap_or_else(PoisonError::into_inner).get(&id);
        known.or_else(|| self.make(types, id))
    }

    fn make(&self, types: &TypeRegistry, id: DefTypeId) -> Option<Arc<Signature>> {
        let ty = types.func_type(id)?;
        let travel = travel(&ty, types);
        let trampolines = {
            let mut known = self.trampolines.lock().unwrap_or_else(PoisonError::into_inner);
            known.get_or_insert(travel, || Trampolines::new(&ty, types))
        };
        // The signature keeps its type registered, so that its identity stays its own.
        let made = Signature::new(id, ty, types, &trampolines).ok()?;
        Some(self.by_type.write().unwrap_or_else(PoisonError::into_inner).get_or_insert(id, || made))
    }
}

/// How the values of a function type travel.
pub(crate) fn travel(ty: &crate::FuncType, types: &TypeRegistry) -> Travel {
    types.matching(|types| Travel::of_engine(ty, types))
}

/// A map of what somebody else keeps alive.
struct WeakMap<K, V> {
    map: HashMap<K, Weak<V>>,
    /// Size at which it is next freed of what is gone.
    sweep_at: usize,
}

/// Smallest map that is worth sweeping.
const SWEEP: usize = 256;

impl<K, V> Default for WeakMap<K, V> {
    fn default() -> Self {
        Self { map: HashMap::new(), sweep_at: SWEEP }
    }
}

impl<K: Eq + Hash, V> WeakMap<K, V> {
    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.map.get(key).and_then(Weak::upgrade)
    }

    fn get_or_insert(&mut self, key: K, make: impl FnOnce() -> Arc<V>) -> Arc<V> {
        if let Some(known) = self.get(&key) {
            return known;
        }
        if self.map.len() >= self.sweep_at {
            self.map.retain(|_, value| value.strong_count() > 0);
            self.sweep_at = (2 * self.map.len()).max(SWEEP);
        }
        let made = make();
        self.map.insert(key, Arc::downgrade(&made));
        made
    }
}

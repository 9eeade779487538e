//! Which code an address lies in.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::CodeInfo;

static REGISTRY: RwLock<BTreeMap<usize, Arc<CodeInfo>>> = RwLock::new(BTreeMap::new());

pub(super) fn insert(info: Arc<CodeInfo>) {
    REGISTRY.write().unwrap_or_else(PoisonError::into_inner).insert(info.start, info);
}

pub(super) fn remove(start: usize) {
    let info = REGISTRY.write().unwrap_or_else(PoisonError::into_inner).remove(&start);
    drop(info);
}

/// The code that an address lies in. Takes a lock: not for signal handlers.
pub(crate) fn find(pc: usize) -> Option<Arc<CodeInfo>> {
    let registry = REGISTRY.read().unwrap_or_else(PoisonError::into_inner);
    let (_, info) = registry.range(..=pc).next_back()?;
    (pc - info.start < info.len).then(|| Arc::clone(info))
}

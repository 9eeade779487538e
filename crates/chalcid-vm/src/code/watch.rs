//! Telling a profiler what is published where.
//!
//! Code has no file with symbols, so a profiler of the system has to be told what lies at an address. Watching is the whole process's, as profilers are, and
//! must begin before the first code is published: from then on code memory is of a kind that profilers take for generated code (see
//! `sys::code`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use chalcid_module::artifact::Tier;
use chalcid_module::index::DefinedFuncIdx;

use super::{CodeInfo, CodeOwner};
use crate::module::ModuleObject;

/// Code that was just published.
pub struct CodeEvent<'a> {
    /// Its address.
    pub start: usize,
    /// Its length in bytes.
    pub len: usize,
    /// The function, if it is one's.
    pub function: Option<(&'a ModuleObject, DefinedFuncIdx, Tier)>,
    /// What it is otherwise.
    pub other: &'static str,
}

type Watcher = Box<dyn Fn(CodeEvent<'_>) + Send + Sync>;

static WATCHER: OnceLock<Watcher> = OnceLock::new();
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Has all code that is published from now on reported; the first watcher stays. It is called with no lock held, on the thread that publishes.
pub fn watch_code(watcher: Watcher) {
    if WATCHER.set(watcher).is_ok() {
        WATCHED.store(true, Ordering::Release);
    }
}

/// Whether code is watched.
pub(crate) fn is_watched() -> bool {
    WATCHED.load(Ordering::Acquire)
}

/// Reports a piece of code, function by function.
pub(super) fn report(info: &CodeInfo) {
    let Some(watcher) = WATCHER.get() else { return };
    let CodeInfo { start, len, tier, .. } = *info;
    match &info.owner {
        CodeOwner::Function { module, func } => {
            if let Some(module) = module.upgrade() {
                watcher(CodeEvent { start, len, function: Some((&module, *func, tier)), other: "" });
            }
        }
        CodeOwner::Bundle { module, functions } => {
            let Some(module) = module.upgrade() else { return };
            for part in functions {
                let function = Some((&*module, part.func, part.tier));
                watcher(CodeEvent { start: start + part.start as usize, len: part.len as usize, function, other: "" });
            }
        }
        CodeOwner::Trampoline => watcher(CodeEvent { start, len, function: None, other: "trampoline" }),
        CodeOwner::Stub => watcher(CodeEvent { start, len, function: None, other: "lazy stubs" }),
    }
}

//! Where the compiler's output becomes running code: functions when they are first called, trampolines when they are first needed.
//!
//! This is the one place outside `chalcid-vm` that needs `unsafe`: the running side cannot see that code was made for the very
//! function or type it is published as. Here it can be seen: every call below is handed what the compiler just made of the same arguments.

#![allow(unsafe_code, reason = "publishes what the compiler made; see the head of the file")]

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use chalcid_module::artifact::Tier;
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::HEAT_OF_ENTRY;
use chalcid_vm::{Failure, LazyCompile, ModuleObject, Signature};

use crate::Engine;
use crate::code_cache::ModuleCache;
use crate::config::HOT;
use crate::error::{Error, ResourceError};
use crate::module::ModuleData;
use crate::signature::travel;
use crate::tier_up::{LARGE, Reported};

/// Compiles the functions of one module, each when it is first called and once.
pub(crate) struct OnFirstCall {
    engine: Engine,
    /// Functions that some thread is compiling.
    running: Mutex<HashSet<DefinedFuncIdx>>,
    /// Signalled when one is done.
    done: Condvar,
    cache: Option<Arc<ModuleCache>>,
}

impl OnFirstCall {
    pub(crate) fn new(engine: &Engine, cache: Option<Arc<ModuleCache>>) -> Self {
        Self { engine: engine.clone(), running: Mutex::default(), done: Condvar::new(), cache }
    }

    /// Publishes what the code cache has of a function and of those that were compiled with it; says whether it had the function.
    fn load(&self, module: &ModuleObject, func: DefinedFuncIdx) -> bool {
        let Some(cache) = &self.cache else { return false };
        cache.load(func, |bundle, hot| {
            let quick = bundle.functions.iter().filter(|function| function.tier == Tier::Baseline);
            quick.for_each(|function| self.cool(module, function.func));
            // What was about to be optimised is, when it is called.
            for heat in hot.iter().filter_map(|func| module.heat(*func)) {
                heat.store(HOT - HEAT_OF_ENTRY, Ordering::Relaxed);
            }
            // SAFETY: the entry is named by the hash of the module's bytes, of the settings that decide what code the engine's compiler makes,
            // and of its build, and its chunk is what this compiler's code was written as: its hash says so. The directory is one that only
            // this user can write to. Where there is no memory for it, functions are compiled one by one, and fail one by one.
            let _ = unsafe { module.publish_bundle(bundle) };
        });
        module.is_compiled(func)
    }

    /// Lets a function whose code is new be as cold as new code is.
    fn cool(&self, module: &ModuleObject, func: DefinedFuncIdx) {
        if let Some(heat) = module.heat(func) {
            heat.store(self.engine.config().cold(), Ordering::Relaxed);
        }
    }

    /// Waits until no other thread compiles the function, and claims it.
    fn claim(&self, func: DefinedFuncIdx) -> Claim<'_> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while !running.insert(func) {
            running = self.done.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        Claim { owner: self, func }
    }

    fn compile_claimed(&self, module: &ModuleObject, func: DefinedFuncIdx) -> Result<(), Error> {
        if module.is_compiled(func) {
            return Ok(());
        }
        let declarations = module.declarations();
        let range = declarations.bodies.get(module.bytes(), func).unwrap_or_default();
        let body = &module.bytes()[range.start as usize..range.end as usize];
        let (tier, counters) = (self.engine.config().tier.first_tier(), self.engine.counters());
        let started = Instant::now();
        let code = self
            .engine
            .compiler()
            .compile_function(tier, declarations, module.layout(), func, body, range.start as usize)
            .map_err(|error| {
                counters.count_failed(tier);
                let func = declarations.func_index(func);
                ResourceError::new(format!("cannot compile function #{}: {error}", func.0))
            })?;
        let (tier, len) = (code.tier, code.code.len());
        counters.count_compiled(tier, body.len(), len, started.elapsed());
        if tier == Tier::Baseline {
            self.cool(module, func);
        }
        // SAFETY: the code is what the compiler of the module's engine just made of this function of this module. The compiler's
        // settings and the module's memory settings both come from the engine's configuration.
        unsafe { module.publish(func, code) }.map_err(ResourceError::from)?;
        if let Some(cache) = &self.cache {
            cache.compiled(tier, len);
        }
        Ok(())
    }
}

impl LazyCompile for OnFirstCall {
    fn compile(&self, module: &Arc<ModuleObject>, func: DefinedFuncIdx) -> Result<(), Failure> {
        if self.load(module, func) {
            return Ok(());
        }
        let _claim = self.claim(func);
        self.compile_claimed(module, func).map_err(|error| Failure::Error(Box::new(error)))
    }

    fn hot(&self, module: &Arc<ModuleObject>, func: DefinedFuncIdx) {
        let stuck = || ModuleData::of(module).is_none_or(|data| data.is_stuck(func));
        if module.tier(func) != Some(Tier::Baseline) || stuck() {
            return;
        }
        // It reports again when it has become as hot once more.
        self.cool(module, func);
        let engine = &self.engine;
        if engine.tier_up().report(module, func, engine.pool(), optimize) == Reported::CompileHere {
            with_room(|| optimize(module, func));
        }
    }

    fn retire(&self, module: &ModuleObject) {
        if let Some(cache) = &self.cache {
            cache.save_later(module, |func| self.engine.is_hot(module, func), |work| self.engine.spawn(work));
        }
    }
}

/// Compiles a function by the optimising tier and publishes it, or leaves it as it is for good.
fn optimize(module: &Arc<ModuleObject>, func: DefinedFuncIdx) {
    let Some(data) = ModuleData::of(module) else { return };
    // It may have been reported once more while another thread tried.
    if module.tier(func) != Some(Tier::Baseline) || data.is_stuck(func) {
        return;
    }
    let (engine, declarations) = (data.engine(), module.declarations());
    let range = declarations.bodies.get(module.bytes(), func).unwrap_or_default();
    let body = &module.bytes()[range.start as usize..range.end as usize];
    let large = (body.len() >= LARGE).then(|| engine.tier_up().large.lock().unwrap_or_else(PoisonError::into_inner));
    let started = Instant::now();
    let made = engine.compiler().optimize_function(declarations, module.layout(), func, body, range.start as usize);
    drop(large);
    let Ok(code) = made else {
        engine.counters().count_failed(Tier::Optimizing);
        return data.stick(func);
    };
    let len = code.code.len();
    engine.counters().count_compiled(Tier::Optimizing, body.len(), len, started.elapsed());
    // SAFETY: as in `compile_claimed`.
    match unsafe { module.publish(func, code) } {
        Ok(()) => engine.counters().count_tier_up(),
        // No memory for code: what there is does.
        Err(_) => return data.stick(func),
    }
    if let Some(cache) = data.cache() {
        cache.compiled(Tier::Optimizing, len);
    }
}

/// The right to compile a function, given up when dropped.
struct Claim<'a> {
    owner: &'a OnFirstCall,
    func: DefinedFuncIdx,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.owner.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.func);
        self.owner.done.notify_all();
    }
}

impl Engine {
    /// Sees to it that host code can call functions of a type.
    #[cold]
    pub(crate) fn need_entry(&self, signature: &Signature) -> Result<(), Error> {
        let trampolines = signature.trampolines();
        if trampolines.has_entry() {
            return Ok(());
        }
        let travel = travel(signature.ty(), self.types());
        let code = with_room(|| self.compiler().compile_entry_trampoline(&travel)).map_err(ResourceError::from)?;
        // SAFETY: the code is the entry trampoline that the compiler just made for types that look like the signature's, and the
        // trampolines are for the same.
        unsafe { trampolines.publish_entry(code) }.map_err(ResourceError::from)?;
        Ok(())
    }

    /// Sees to it that wasm can call host functions of a type.
    pub(crate) fn need_exit(&self, signature: &Signature) -> Result<(), Error> {
        let trampolines = signature.trampolines();
        if trampolines.has_host() {
            return Ok(());
        }
        let travel = travel(signature.ty(), self.types());
        let code = with_room(|| self.compiler().compile_host_trampoline(&travel)).map_err(ResourceError::from)?;
        // SAFETY: the code is the host trampoline that the compiler just made for types that look like the signature's, and the
        // trampolines are for the same.
        unsafe { trampolines.publish_host(code) }.map_err(ResourceError::from)?;
        Ok(())
    }
}

/// Compiles on a stack of its own: a host function may ask for a trampoline when the thread's is nearly used up.
fn with_room<R>(compile: impl FnOnce() -> R) -> R {
    chalcid_vm::on_large_stack(compile).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl From<chalcid_compiler::CompileError> for ResourceError {
    fn from(error: chalcid_compiler::CompileError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<chalcid_vm::CodeError> for ResourceError {
    fn from(error: chalcid_vm::CodeError) -> Self {
        Self::new(error.to_string())
    }
}

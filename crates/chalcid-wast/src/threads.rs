//! Threads of a script: `(thread $t (shared (module $m)) directive…)` runs its directives on a thread of the system, with an agent
//! and names of its own; `(wait $t)` waits for the end and takes the outcomes. A thread that nobody waits for is waited for when
//! the script ends.
//!
//! Of the module that a thread shares it sees the shared memories and nothing else: all other entities belong to the agent that
//! made them.

use std::collections::HashMap;
use std::thread::{Scope, ScopedJoinHandle};

use chalcid::{Agent, Extern, Instance, Memory, MemoryError, SharedMemory};
use wast::WastThread;

use crate::report::Outcome;
use crate::script::{Context, Script};

/// What the threads of one script, and of the threads that they start, have in common.
#[derive(Clone, Copy)]
pub(crate) struct Threads<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
}

/// A thread that runs, or has run.
pub(crate) struct Running<'scope> {
    handle: ScopedJoinHandle<'scope, Vec<Outcome>>,
}

/// The shared memories that an instance exports, by name, on their way to another agent.
#[derive(Default)]
pub(crate) struct Shared(Vec<(String, SharedMemory)>);

impl Shared {
    pub(crate) fn of(exports: &Exports) -> Self {
        let memories = exports.iter().into_iter().filter_map(|(name, item)| match item {
            Extern::Memory(memory) => Some((name, memory.share()?)),
            _ => None,
        });
        Self(memories.collect())
    }

    /// The same memories for an agent.
    pub(crate) fn exports(&self, agent: &Agent) -> Result<Exports, MemoryError> {
        let memories =
            self.0.iter().map(|(name, shared)| Ok((name.clone(), Memory::from_shared(agent, shared)?.into())));
        Ok(Exports::Named(memories.collect::<Result<_, _>>()?))
    }
}

/// What a script knows by the name of a module.
#[derive(Clone)]
pub(crate) enum Exports {
    /// An instance.
    Instance(Instance),
    /// What another thread shares.
    Named(HashMap<String, Extern>),
}

impl Exports {
    pub(crate) fn get(&self, name: &str) -> Option<Extern> {
        match self {
            Self::Instance(instance) => instance.get_export(name),
            Self::Named(items) => items.get(name).cloned(),
        }
    }

    fn iter(&self) -> Vec<(String, Extern)> {
        match self {
            Self::Instance(instance) => instance.exports().map(|(name, item)| (name.to_owned(), item)).collect(),
            Self::Named(items) => items.iter().map(|(name, item)| (name.clone(), item.clone())).collect(),
        }
    }
}

impl<'scope, 'env> Threads<'scope, 'env> {
    pub(crate) fn new(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self { scope }
    }

    /// Starts a thread.
    pub(crate) fn start<'a: 'scope>(
        self,
        context: Context<'scope>,
        thread: WastThread<'a>,
        shared: Shared,
    ) -> std::io::Result<Running<'scope>> {
        let steps = move || {
            let mut outcomes = Vec::new();
            let script = Script::new(context, self).and_then(|mut script| {
                if let Some(id) = thread.shared_module {
                    script.share(id, &shared).map_err(|error| error.to_string())?;
                }
                Ok(script)
            });
            let mut script = match script {
                Ok(script) => script,
                Err(reason) => return vec![context.outcome(thread.span, "thread", Err(reason))],
            };
            script.run_all(thread.directives, &mut outcomes);
            outcomes
        };
        let handle = std::thread::Builder::new().spawn_scoped(self.scope, steps)?;
        Ok(Running { handle })
    }
}

impl Running<'_> {
    /// Waits for the end of the thread.
    pub(crate) fn join(self, outcomes: &mut Vec<Outcome>) -> Result<(), String> {
        match self.handle.join() {
            Ok(more) => {
                outcomes.extend(more);
                Ok(())
            }
            Err(_) => Err("the thread panicked".into()),
        }
    }
}

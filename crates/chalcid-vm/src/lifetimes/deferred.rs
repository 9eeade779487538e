//! Handles that are kept until the outermost scope closes, since frames may rely on what they keep.
//!
//! Code may run for as long as the process does and write the same few functions again and again. So each entity is kept once: when the list has
//! doubled, what it holds more than once goes. It stays within twice the number of entities.

use std::cell::{Cell, RefCell};

use crate::entity::AnyStrong;

/// The list is not gone through below this many handles.
const SMALLEST_DUE: usize = 1024;

/// The handles of an agent.
pub(crate) struct Deferred {
    handles: RefCell<Vec<AnyStrong>>,
    /// Number of handles at which the list is gone through.
    due: Cell<usize>,
    is_empty: Cell<bool>,
}

impl Default for Deferred {
    fn default() -> Self {
        Self { handles: RefCell::default(), due: Cell::new(SMALLEST_DUE), is_empty: Cell::new(true) }
    }
}

impl Deferred {
    pub(crate) fn push(&self, handle: AnyStrong) {
        let mut handles = self.handles.borrow_mut();
        if handles.len() >= self.due.get() {
            handles.sort_unstable_by_key(|handle| handle.header());
            // None of these is the last handle of its entity, so that nothing is freed.
            handles.dedup_by_key(|handle| handle.header());
            self.due.set(handles.len().saturating_mul(2).max(SMALLEST_DUE));
        }
        handles.push(handle);
        self.is_empty.set(false);
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty.get()
    }

    /// Drops the handles, also those that this brings about.
    pub(crate) fn release(&self) {
        loop {
            let Some(handle) = self.handles.borrow_mut().pop() else { break };
            drop(handle);
        }
        self.due.set(SMALLEST_DUE);
        self.is_empty.set(true);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.handles.borrow().len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chalcid_module::registry::TypeRegistry;
    use chalcid_module::types::{GlobalType, ValType};

    use super::SMALLEST_DUE;
    use crate::agent::{Agent, AgentSettings};
    use crate::global::{GlobalInst, GlobalValue};
    use crate::value::ValRaw;

    #[test]
    fn what_code_writes_again_and_again_is_kept_once() {
        let agent = Agent::plain(TypeRegistry::new(), AgentSettings::default());
        let ty = GlobalType { content: ValType::I32, mutable: true };
        let zero = GlobalValue::Number(ValRaw::i32(0));
        let [first, second] = [(); 2].map(|()| GlobalInst::new(&agent, ty, &zero).unwrap());
        let scope = agent.scope();
        for _ in 0..10 * SMALLEST_DUE {
            agent.defer(first.clone().erase());
            agent.defer(second.clone().erase());
        }
        assert!(agent.inner().deferred.len() <= SMALLEST_DUE, "{}", agent.inner().deferred.len());
        drop((first, second));
        assert_eq!(agent.entities(), 2);
        drop(scope);
        assert_eq!(agent.entities(), 0);
    }
}

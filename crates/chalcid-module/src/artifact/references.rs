//! Which references live across calls: lists that most calls of a function share.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;

/// The lists of one function, each of which is kept once: where hundreds of references live across thousands of calls, a list for each call would
/// take a hundred times the memory of the code.
#[derive(Default)]
pub struct ReferenceLists {
    known: HashSet<Arc<[i32]>, RandomState>,
    /// The one that was asked for last, which is often asked for again.
    last: Option<Arc<[i32]>>,
    /// The list that is asked for.
    list: Vec<i32>,
    stored: u64,
}

impl ReferenceLists {
    /// A list that equals what is given, the same for all that are equal.
    pub fn share(&mut self, references: impl Iterator<Item = i32>) -> Arc<[i32]> {
        self.list.clear();
        self.list.extend(references);
        if let Some(last) = self.last.as_ref().filter(|last| ***last == *self.list) {
            return Arc::clone(last);
        }
        let shared = match self.known.get(&*self.list) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<[i32]> = self.list.as_slice().into();
                self.stored += new.len() as u64;
                self.known.insert(Arc::clone(&new));
                new
            }
        };
        self.last = Some(Arc::clone(&shared));
        shared
    }

    /// How many references there are in all lists that are kept.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Forgets all lists, for another function.
    pub fn clear(&mut self) {
        self.known.clear();
        self.last = None;
        self.stored = 0;
    }
}

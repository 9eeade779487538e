//! The clauses of a `try_table` as both tiers compile them, in their order.

use std::collections::HashSet;

use chalcid_module::index::TagIdx;
use wasmparser::Catch;

/// A clause that may take an exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Clause {
    /// The tag it takes; `None` for all.
    pub tag: Option<TagIdx>,
    /// Whether it passes the exception as well.
    pub with_ref: bool,
    /// Where it branches to.
    pub label: u32,
}

/// The clauses that can be reached: those for whose tag an earlier one stands, and all behind one that takes everything, are not.
pub(crate) fn reachable_clauses(catches: &[Catch]) -> Vec<Clause> {
    let mut seen = HashSet::new();
    let mut clauses = Vec::new();
    for catch in catches {
        let (tag, with_ref, label) = match *catch {
            Catch::One { tag, label } => (Some(TagIdx(tag)), false, label),
            Catch::OneRef { tag, label } => (Some(TagIdx(tag)), true, label),
            Catch::All { label } => (None, false, label),
            Catch::AllRef { label } => (None, true, label),
        };
        if tag.is_some_and(|tag| !seen.insert(tag)) {
            continue;
        }
        clauses.push(Clause { tag, with_ref, label });
        if tag.is_none() {
            break;
        }
    }
    clauses
}

//! Where function bodies lie. They have to be found one after another, which takes long enough to be left until somebody asks where the module is known
//! to be valid: what is compiled may all come from the code cache.

use std::ops::Range;
use std::sync::OnceLock;

use crate::index::DefinedFuncIdx;
use crate::leb;
use crate::limits;

/// The function bodies of a module: the bytes of each code entry after its size, that is locals and instructions.
#[derive(Debug, Default)]
pub struct Bodies {
    count: usize,
    /// The entries of the code section, where the bodies are not known yet.
    section: Range<u32>,
    found: OnceLock<Vec<Range<u32>>>,
}

impl Bodies {
    /// So many entries of a code section, which are valid.
    pub(crate) fn in_place(section: Range<u32>, count: u32) -> Self {
        Self { count: count as usize, section, found: OnceLock::new() }
    }

    /// Bodies that were found.
    pub(crate) fn listed(bodies: Vec<Range<u32>>) -> Self {
        Self { count: bodies.len(), section: 0..0, found: bodies.into() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All bodies. `bytes` are those of the module.
    pub fn all(&self, bytes: &[u8]) -> &[Range<u32>] {
        let section = self.section.start as usize..self.section.end as usize;
        self.found.get_or_init(|| entries(bytes, section, self.count as u32).unwrap_or_default())
    }

    /// One body. `bytes` are those of the module.
    pub fn get(&self, bytes: &[u8], func: DefinedFuncIdx) -> Option<Range<u32>> {
        self.all(bytes).get(func.index()).cloned()
    }
}

/// Where each body lies in the entries of a code section; nothing if they are not as they should be. `section` is what follows the number of
/// entries.
pub(crate) fn entries(bytes: &[u8], section: Range<usize>, count: u32) -> Option<Vec<Range<u32>>> {
    let contents = bytes.get(section.clone())?;
    let mut rest = contents;
    // Every entry takes a byte at least.
    let mut bodies = Vec::with_capacity((count as usize).min(contents.len()));
    for _ in 0..count {
        let (size, after) = leb::u32(rest)?;
        let size = size as usize;
        if size > limits::MAX_FUNCTION_SIZE {
            return None;
        }
        let start = section.start + (contents.len() - after.len());
        rest = after.get(size..)?;
        bodies.push(start as u32..(start + size) as u32);
    }
    rest.is_empty().then_some(bodies)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "failing is how a test reports")]
mod tests {
    use super::*;
    use crate::features::Features;

    #[test]
    fn bodies_are_found_when_they_are_asked_for() {
        let text = format!("(module (func) (func {}) (func (local i32)))", "(drop (i32.const 1))".repeat(100));
        let bytes = wat::parse_str(text).unwrap();
        let validated = crate::decode_and_validate(&bytes, &Features::WASM3, None).unwrap().bodies;
        let believed = crate::decode_validated(&bytes, &Features::WASM3).unwrap().bodies;
        assert!(believed.found.get().is_none());
        assert_eq!((believed.len(), believed.is_empty()), (3, false));
        assert_eq!(believed.all(&bytes), validated.all(&bytes));
        let [last] = [DefinedFuncIdx(2)].map(|func| believed.get(&bytes, func).unwrap());
        assert_eq!(bytes[last.start as usize..last.end as usize], [1, 1, 0x7f, 0x0b]);
        assert_eq!(believed.get(&bytes, DefinedFuncIdx(3)), None);
        assert!(Bodies::default().is_empty() && Bodies::default().all(&bytes).is_empty());
    }

    #[test]
    fn entries_that_lie_are_not_believed() {
        // Two bodies of 2 bytes.
        let good = [2, 0, 0x0b, 2, 0, 0x0b];
        assert_eq!(entries(&good, 0..6, 2), Some(vec![1..3, 4..6]));
        for (section, count) in [(0..6, 1), (0..6, 3), (0..5, 2), (0..7, 2), (1..6, 2), (0..6, u32::MAX)] {
            assert_eq!(entries(&good, section, count), None);
        }
    }
}

//! Branch hints: which way a producer expects branches to go (custom section `metadata.code.branch_hint`).
//!
//! Hints change no meaning, so a fault in the section is no fault of the module: what can be read up to there is believed. The
//! section is looked into when the first function is compiled, and the hints of a function when that one is.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use wasmparser::{BinaryReader, BranchHint, BranchHintFunction, BranchHintSectionReader, SectionLimited};

use crate::index::FuncIdx;

/// The name of the section.
pub(crate) const SECTION: &str = "metadata.code.branch_hint";

/// Longer sections are ignored: they are copied.
const MAX_SECTION: usize = 64 << 20;

/// The branch hints of a module.
#[derive(Default)]
pub struct BranchHints {
    /// What the section holds.
    contents: Box<[u8]>,
    /// Where in it the hints of each function lie, by ascending function.
    functions: OnceLock<Vec<(FuncIdx, Range<u32>)>>,
}

/// The hints of one function, asked for in the order of its instructions.
#[derive(Debug, Default)]
pub struct FunctionHints {
    /// Position in the body, and whether the branch is likely to be taken; by ascending position.
    hints: Vec<(u32, bool)>,
    next: usize,
}

impl BranchHints {
    /// Keeps a section. Of several only the first counts.
    pub(crate) fn set_section(&mut self, contents: &[u8]) {
        if self.contents.is_empty() && contents.len() <= MAX_SECTION {
            self.contents = contents.into();
        }
    }

    /// The hints of a module whose sections after these brought `later` ones.
    pub(crate) fn or(self, later: Self) -> Self {
        if self.contents.is_empty() { later } else { self }
    }

    /// The hints of a function.
    pub fn of(&self, func: FuncIdx) -> FunctionHints {
        if self.contents.is_empty() {
            return FunctionHints::default();
        }
        let functions = self.functions.get_or_init(|| self.find_functions());
        let Ok(position) = functions.binary_search_by_key(&func, |(func, _)| *func) else {
            return FunctionHints::default();
        };
        let range = &functions[position].1;
        let contents = &self.contents[range.start as usize..range.end as usize];
        let mut hints: Vec<(u32, bool)> = Vec::new();
        if let Ok(section) = SectionLimited::<BranchHint>::new(BinaryReader::new(contents, 0)) {
            for hint in section {
                match hint {
                    Ok(hint) if hints.last().is_none_or(|(last, _)| *last < hint.func_offset) => {
                        hints.push((hint.func_offset, hint.taken));
                    }
                    _ => break,
                }
            }
        }
        FunctionHints { hints, next: 0 }
    }

    fn find_functions(&self) -> Vec<(FuncIdx, Range<u32>)> {
        let mut functions: Vec<(FuncIdx, Range<u32>)> = Vec::new();
        let Ok(section) = BranchHintSectionReader::new(BinaryReader::new(&self.contents, 0)) else { return functions };
        for function in section {
            match function {
                Ok(BranchHintFunction { func, hints })
                    if functions.last().is_none_or(|(last, _)| *last < FuncIdx(func)) =>
                {
                    let range = hints.range();
                    functions.push((FuncIdx(func), range.start as u32..range.end as u32));
                }
                _ => break,
            }
        }
        functions
    }
}

impl FunctionHints {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hints.is_empty()
    }

    /// Whether the branch at a position in the body is likely to be taken, where somebody says so. Positions must ascend from call to
    /// call.
    pub fn at(&mut self, position: usize) -> Option<bool> {
        while let Some(&(hinted, taken)) = self.hints.get(self.next) {
            if hinted as usize > position {
                break;
            }
            self.next += 1;
            if hinted as usize == position {
                return Some(taken);
            }
        }
        None
    }
}

impl fmt::Debug for BranchHints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BranchHints({} bytes)", self.contents.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(section: &[u8]) -> BranchHints {
        let mut hints = BranchHints::default();
        hints.set_section(section);
        hints
    }

    #[test]
    fn hints_are_found_by_function_and_position() {
        let hints = hints(&[2, 1, 2, 5, 1, 0, 9, 1, 1, 4, 1, 3, 1, 1]);
        let mut first = hints.of(FuncIdx(1));
        assert_eq!([2, 5, 7, 9, 11].map(|position| first.at(position)), [None, Some(false), None, Some(true), None]);
        // A position that was passed by is not found again.
        assert_eq!(hints.of(FuncIdx(1)).at(9), Some(true));
        assert_eq!(hints.of(FuncIdx(4)).at(3), Some(true));
        assert!(hints.of(FuncIdx(0)).is_empty());
        assert!(hints.of(FuncIdx(5)).is_empty());
    }

    #[test]
    fn what_comes_before_a_fault_is_believed() {
        // The second function promises more than there is.
        let cut = hints(&[2, 1, 1, 5, 1, 0, 2, 9, 1]);
        assert_eq!(cut.of(FuncIdx(1)).at(5), Some(false));
        assert!(cut.of(FuncIdx(2)).is_empty());
        // Functions and positions out of order, a hint of two bytes, a hint that is neither.
        assert!(hints(&[2, 3, 1, 5, 1, 0, 1, 1, 5, 1, 0]).of(FuncIdx(1)).is_empty());
        let mut disordered = hints(&[1, 0, 2, 5, 1, 0, 4, 1, 1]).of(FuncIdx(0));
        assert_eq!((disordered.at(5), disordered.at(6)), (Some(false), None));
        assert!(hints(&[1, 0, 1, 5, 2, 0, 0]).of(FuncIdx(0)).is_empty());
        assert!(hints(&[1, 0, 1, 5, 1, 2]).of(FuncIdx(0)).is_empty());
        for garbage in [&[][..], &[0xff], &[0xff; 20], &[1]] {
            assert!(hints(garbage).of(FuncIdx(0)).is_empty());
        }
    }
}

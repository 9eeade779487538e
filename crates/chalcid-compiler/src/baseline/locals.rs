//! Locals: what is declared, and what is used of it.
//!
//! A function may declare fifty thousand locals in three bytes. Those that its body never names have no place and no zero, and nothing here grows with
//! their number: the arrays that are indexed by locals are used again from function to function, and only what was used is reset.

use chalcid_module::declarations::Declarations;
use chalcid_module::types::ValType;

use super::reg::Mem;
use super::state::{Baseline, Local, NO_PIN, NONE};
use crate::AbiType;

/// The types of a function's locals.
pub(super) struct Declared<'a> {
    pub module: &'a Declarations,
    /// Parameters, which come first.
    pub params: &'a [ValType],
    /// The others: how many locals there are up to the end of each run of one type.
    pub runs: Vec<(u32, AbiType)>,
}

impl Declared<'_> {
    /// How many there are.
    pub fn count(&self) -> u32 {
        self.runs.last().map_or(self.params.len() as u32, |&(end, _)| end)
    }

    /// Declares so many more, of one type. Validation allows fifty thousand.
    pub fn declare(&mut self, count: u32, ty: AbiType) {
        self.runs.push((self.count().saturating_add(count), ty));
    }
}

/// How often a body uses its locals.
#[derive(Default)]
pub(super) struct Uses {
    /// Uses of each: zero behind the end.
    counts: Vec<u32>,
    /// Those that are used.
    pub used: Vec<u32>,
}

impl Uses {
    /// Counts a use.
    #[inline]
    pub fn add(&mut self, index: u32, weight: u32) {
        match self.counts.get_mut(index as usize) {
            Some(count) if *count != 0 => *count = count.saturating_add(weight),
            _ => self.add_first(index, weight),
        }
    }

    #[inline(never)]
    fn add_first(&mut self, index: u32, weight: u32) {
        let position = index as usize;
        if self.counts.len() <= position {
            self.counts.resize(position + 1, 0);
        }
        self.counts[position] = weight;
        self.used.push(index);
    }

    /// How often a local is used.
    pub fn of(&self, index: u32) -> u32 {
        self.counts.get(index as usize).copied().unwrap_or(0)
    }

    /// Forgets everything but its memory.
    pub fn clear(&mut self) {
        for index in self.used.drain(..) {
            self.counts[index as usize] = 0;
        }
    }

    pub fn capacity(&self) -> usize {
        self.counts.capacity() + self.used.capacity()
    }
}

impl Local {
    /// One that is not used.
    const UNUSED: Self = Self { ty: AbiType::I32, pin: NO_PIN, home: 0, head: NONE };

    /// Whether it has a place.
    #[inline]
    fn is_used(&self) -> bool {
        self.pin != NO_PIN || self.home != 0
    }

    /// Its home: it has no register.
    #[inline]
    pub fn home(&self) -> Mem {
        if self.home == 0 {
            unseen();
        }
        Mem::frame(self.home)
    }
}

impl Baseline<'_> {
    /// Makes room for the locals that are used, named in order, and tells whether there are vectors among them.
    pub fn add_locals(&mut self, declared: &Declared<'_>, used: &[u32]) -> bool {
        let most = used.last().map_or(0, |&index| index as usize + 1);
        if self.locals.len() < most {
            self.locals.resize(most, Local::UNUSED);
        }
        let mut runs = declared.runs.as_slice();
        let mut wide = false;
        for &index in used {
            let param = declared.params.get(index as usize);
            let ty = param.map_or_else(
                || {
                    while let [(end, _), rest @ ..] = runs
                        && *end <= index
                    {
                        runs = rest;
                    }
                    runs.first().map_or(AbiType::I32, |&(_, ty)| ty)
                },
                |&param| AbiType::of_module(param, declared.module),
            );
            wide |= ty == AbiType::V128;
            self.locals[index as usize].ty = ty;
        }
        wide
    }

    /// Whether a parameter has a place.
    pub fn is_used(&self, index: usize) -> bool {
        self.locals.get(index).is_some_and(Local::is_used)
    }
}

/// Leaves no local that is used.
pub(super) fn forget(locals: &mut [Local], uses: &Uses) {
    for &index in &uses.used {
        if let Some(local) = locals.get_mut(index as usize) {
            *local = Local::UNUSED;
        }
    }
}

/// The boundary of the compiler turns this into an error.
#[cold]
#[track_caller]
pub(super) fn unseen() -> ! {
    panic!("the first look at the body did not see a local")
}

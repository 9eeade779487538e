//! The operand stack of the body that is being checked.

use super::Quick;
use super::ty::{self, BOTTOM, Ty};

/// Most operands at a time; higher stacks are left to the library. A power of two, so that an index needs no check.
pub(super) const STACK: usize = 4096;
const MASK: usize = STACK - 1;

/// The stack as far as the innermost frame reaches. Small, and passed by value to what is rarely needed: so the compiler keeps it in
/// registers where it is hot.
pub(super) struct Operands<'s, 'm> {
    pub(super) quick: &'s Quick<'m>,
    stack: &'s mut [Ty; STACK],
    /// Height of the stack.
    pub(super) top: usize,
    /// Height where the innermost frame begins.
    pub(super) base: usize,
    /// Whether the rest of the frame cannot be reached: then it has operands of every type below those it has.
    pub(super) unreachable: bool,
}

impl<'s, 'm> Operands<'s, 'm> {
    pub(super) fn new(quick: &'s Quick<'m>, stack: &'s mut [Ty; STACK]) -> Self {
        Self { quick, stack, top: 0, base: 0, unreachable: false }
    }

    #[inline(always)]
    fn at(&self, depth: usize) -> Ty {
        self.stack[self.top.wrapping_sub(depth + 1) & MASK]
    }

    #[inline(always)]
    pub(super) fn push(&mut self, ty: Ty) -> Option<()> {
        if self.top >= STACK {
            return None;
        }
        self.stack[self.top] = ty;
        self.top += 1;
        Some(())
    }

    #[inline(always)]
    pub(super) fn pop(&mut self, expected: Ty) -> Option<()> {
        if self.top > self.base && self.at(0) == expected {
            self.top -= 1;
        } else {
            let (top, found) = (self.top, if self.top > self.base { Some(self.at(0)) } else { None });
            self.top = pop_other(self.quick, top, found, self.unreachable, expected)?;
        }
        Some(())
    }

    /// Takes an operand of any type.
    #[inline(always)]
    pub(super) fn pop_any(&mut self) -> Option<Ty> {
        if self.top > self.base {
            let found = self.at(0);
            self.top -= 1;
            Some(found)
        } else if self.unreachable {
            Some(BOTTOM)
        } else {
            None
        }
    }

    /// Takes one operand and gives another.
    #[inline(always)]
    pub(super) fn unary(&mut self, from: Ty, to: Ty) -> Option<()> {
        if self.top > self.base && self.at(0) == from {
            self.stack[(self.top - 1) & MASK] = to;
            Some(())
        } else {
            self.pop(from)?;
            self.push(to)
        }
    }

    /// Takes two operands of a type and gives one.
    #[inline(always)]
    pub(super) fn binary(&mut self, from: Ty, to: Ty) -> Option<()> {
        if self.top >= self.base + 2 && self.at(0) == from && self.at(1) == from {
            self.top -= 1;
            self.stack[(self.top - 1) & MASK] = to;
            Some(())
        } else {
            self.pop(from)?;
            self.pop(from)?;
            self.push(to)
        }
    }

    /// Takes one or two operands of a type and gives one.
    #[inline(always)]
    pub(super) fn numeric(&mut self, from: Ty, count: u8, to: Ty) -> Option<()> {
        let count = usize::from(count);
        // With one operand both comparisons are of the same.
        if self.top >= self.base + count && self.at(0) == from && self.at(count.wrapping_sub(1)) == from {
            self.top -= count;
            self.stack[self.top & MASK] = to;
            self.top += 1;
            Some(())
        } else {
            for _ in 0..count {
                self.pop(from)?;
            }
            self.push(to)
        }
    }

    /// Takes operands of several types, the last first.
    #[inline(always)]
    pub(super) fn pop_all(&mut self, types: &[Ty]) -> Option<()> {
        for &ty in types.iter().rev() {
            self.pop(ty)?;
        }
        Some(())
    }

    #[inline(always)]
    pub(super) fn push_all(&mut self, types: &[Ty]) -> Option<()> {
        for &ty in types {
            self.push(ty)?;
        }
        Some(())
    }

    /// The operands of the innermost frame.
    #[inline(always)]
    pub(super) fn of_frame(&self) -> &[Ty] {
        self.stack.get(self.base..self.top).unwrap_or_default()
    }

    /// What an untyped `select` takes and gives.
    #[inline(always)]
    pub(super) fn select(&mut self) -> Option<()> {
        self.pop(ty::I32)?;
        let second = self.pop_any()?;
        let first = self.pop_any()?;
        let selected = if second == BOTTOM { first } else { second };
        let alike = first == second || first == BOTTOM || second == BOTTOM;
        if !alike || !(ty::is_number(selected) || selected == BOTTOM) {
            return None;
        }
        self.push(selected)
    }

    /// The frame's operands go, and what follows cannot be reached.
    #[inline(always)]
    pub(super) fn set_unreachable(&mut self) {
        self.top = self.base;
        self.unreachable = true;
    }
}

/// The height of the stack after an operand was taken that is not exactly as expected.
#[cold]
#[inline(never)]
fn pop_other(quick: &Quick<'_>, top: usize, found: Option<Ty>, unreachable: bool, expected: Ty) -> Option<usize> {
    match found {
        None if unreachable => Some(top),
        Some(found) if found == BOTTOM || quick.matches(found, expected) => Some(top - 1),
        _ => None,
    }
}

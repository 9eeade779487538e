//! Types of one module compared with each other: which of its indices name the same defined type.

use crate::declarations::Declarations;
use crate::index::TypeIdx;
use crate::matching::{DefTypes, kind_of};
use crate::types::*;

/// A map whose hashes are seeded at random and cheap for the many small parts of a type.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// A reference to a type as seen from within a recursion group.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum RecRef<I> {
    /// A type of the group itself, by its position.
    Inner(u32),
    /// A type outside the group.
    Outer(I),
}

/// A recursion group by structure alone. Two groups define the same types exactly when this is equal, provided that equal
/// outer identities mean equal types: the specification's iso-recursive equivalence.
pub(crate) type RecGroup<I> = Box<[SubType<RecRef<I>>]>;

/// The recursion group of a module's types that starts at `start`, outer references replaced.
pub(crate) fn rec_group<I: Copy>(types: &[SubType], start: u32, outer: impl Fn(TypeIdx) -> I) -> RecGroup<I> {
    let mut reference = |ty: TypeIdx| match ty.0.checked_sub(start) {
        Some(position) => RecRef::Inner(position),
        None => RecRef::Outer(outer(ty)),
    };
    types.iter().map(|ty| ty.map(&mut reference)).collect()
}

/// The types of one module, and which of them are the same.
#[derive(Debug)]
pub struct CanonicalTypes<'a> {
    declarations: &'a Declarations,
    /// For every type the first index that names the same type.
    first: Box<[TypeIdx]>,
}

impl<'a> CanonicalTypes<'a> {
    /// Compares a module's types.
    pub fn new(declarations: &'a Declarations) -> Self {
        let mut first: Vec<TypeIdx> = Vec::with_capacity(declarations.types.len());
        let mut groups: HashMap<RecGroup<TypeIdx>, u32> = HashMap::default();
        for group in &declarations.rec_groups {
            let types = &declarations.types[group.start as usize..group.end as usize];
            let key = rec_group(types, group.start, |ty| first[ty.index()]);
            let canonical = *groups.entry(key).or_insert(group.start);
            first.extend((0..group.end - group.start).map(|position| TypeIdx(canonical + position)));
        }
        Self { declarations, first: first.into() }
    }

    /// The first index that names the same type.
    pub fn first(&self, ty: TypeIdx) -> TypeIdx {
        self.first[ty.index()]
    }
}

impl DefTypes<TypeIdx> for CanonicalTypes<'_> {
    fn same(&self, a: TypeIdx, b: TypeIdx) -> bool {
        self.first(a) == self.first(b)
    }

    fn supertype(&self, ty: TypeIdx) -> Option<TypeIdx> {
        self.declarations.types.get(ty.index())?.supertype
    }

    fn kind(&self, ty: TypeIdx) -> Option<AbsHeapType> {
        self.declarations.types.get(ty.index()).map(|ty| kind_of(&ty.comp))
    }
}

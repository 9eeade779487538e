//! Engine-wide identity of types.
//!
//! ```text
//! module A   (rec (type $t0) (type $t1))   ─┐
//!                                           ├─► one group ──► DefTypeId 7, DefTypeId 8
//! module B   (rec (type $u3) (type $u4))   ─┘     │
//!                                                 └──► counts one on every group it refers to
//! ```
//!
//! A recursion group is interned as a whole, by its structure. It lives as long as a [`TypeHandle`] or [`RegisteredTypes`], or
//! another group that refers to it, does; then its identities go. References between groups point backwards only, so counting
//! them is enough.
//!
//! # Invariants
//! - Two live identities are equal exactly when their types are.
//! - An identity that went is given out again only after all others were: a stale one does not find another type by accident.
//! - 0 is never given out, nor anything from 2^[`ID_BITS`](crate::layout::type_info::ID_BITS) on.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::canonical::{HashMap, RecGroup, RecRef, rec_group};
use crate::declarations::Declarations;
use crate::index::{DefTypeId, TypeIdx};
use crate::layout::type_info;
use crate::matching::{DefTypes, kind_of};
use crate::types::*;

use displays::Displays;

mod displays;

/// All types of an engine. Cloning gives another handle to the same registry.
#[derive(Clone, Debug, Default)]
pub struct TypeRegistry {
    inner: Arc<RwLock<Inner>>,
}

/// Why types could not be registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistryError {
    /// A type refers to an identity that is not, or no longer, registered.
    #[error("reference to a type that is not registered")]
    UnknownType,
    /// All identities are in use.
    #[error("too many types")]
    Exhausted,
}

/// One count on a recursion group, through one of its types.
#[derive(Debug)]
pub struct TypeHandle {
    registry: TypeRegistry,
    id: DefTypeId,
}

/// The types of a module, registered as long as this lives.
#[derive(Debug)]
pub struct RegisteredTypes {
    registry: TypeRegistry,
    ids: Box<[DefTypeId]>,
    groups: Vec<GroupId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct GroupId(u64);

#[derive(Debug, Default)]
struct Inner {
    types: HashMap<DefTypeId, Entry>,
    groups: HashMap<GroupId, Group>,
    by_structure: HashMap<Arc<RecGroup<DefTypeId>>, GroupId>,
    next_type: u32,
    next_group: u64,
    /// Made when the first code needs them.
    displays: Option<Displays>,
}

#[derive(Debug)]
struct Entry {
    ty: Arc<DefSubType>,
    group: GroupId,
}

#[derive(Debug)]
struct Group {
    structure: Arc<RecGroup<DefTypeId>>,
    ids: Box<[DefTypeId]>,
    /// Handles, and groups that refer to this one.
    count: usize,
    /// Groups that this one refers to, each once.
    refers_to: Box<[GroupId]>,
}

impl TypeRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers the types of a module.
    pub fn register_module(&self, declarations: &Declarations) -> Result<RegisteredTypes, RegistryError> {
        let mut ids: Vec<DefTypeId> = Vec::with_capacity(declarations.types.len());
        let mut groups = Vec::with_capacity(declarations.rec_groups.len());
        let mut inner = self.write();
        for range in &declarations.rec_groups {
            let types = &declarations.types[range.start as usize..range.end as usize];
            let structure = rec_group(types, range.start, |ty: TypeIdx| ids[ty.index()]);
            match inner.intern(structure) {
                Ok(group) => {
                    ids.extend_from_slice(&inner.groups[&group].ids);
                    groups.push(group);
                }
                Err(error) => {
                    inner.release(groups);
                    return Err(error);
                }
            }
        }
        Ok(RegisteredTypes { registry: self.clone(), ids: ids.into(), groups })
    }

    /// Registers a function type that no module declared: final, alone in its recursion group.
    pub fn register_func(&self, ty: FuncType<DefTypeId>) -> Result<TypeHandle, RegistryError> {
        self.register(CompType::Func(ty))
    }

    /// Registers a type that no module declared: final, alone in its recursion group.
    pub fn register(&self, ty: CompType<DefTypeId>) -> Result<TypeHandle, RegistryError> {
        let ty = SubType::alone(ty);
        let structure: RecGroup<DefTypeId> = Box::new([ty.map(&mut RecRef::Outer)]);
        let mut inner = self.write();
        let group = inner.intern(structure)?;
        Ok(TypeHandle { registry: self.clone(), id: inner.groups[&group].ids[0] })
    }

    /// Keeps a registered type.
    pub fn retain(&self, id: DefTypeId) -> Result<TypeHandle, RegistryError> {
        self.write().retain(id)?;
        Ok(TypeHandle { registry: self.clone(), id })
    }

    /// The type of an identity, as long as it is registered.
    pub fn get(&self, id: DefTypeId) -> Option<Arc<DefSubType>> {
        self.read().types.get(&id).map(|entry| entry.ty.clone())
    }

    /// The function type of an identity, if it is one.
    pub fn func_type(&self, id: DefTypeId) -> Option<FuncType<DefTypeId>> {
        match &self.read().types.get(&id)?.ty.comp {
            CompType::Func(ty) => Some(ty.clone()),
            _ => None,
        }
    }

    /// A type's declared supertypes, nearest first.
    pub fn supertypes(&self, id: DefTypeId) -> Vec<DefTypeId> {
        let inner = self.read();
        let above = |id: &DefTypeId| inner.types.get(id)?.ty.supertype;
        std::iter::successors(above(&id), above).collect()
    }

    /// Whether a type is another or one of its declared subtypes.
    pub fn is_subtype(&self, sub: DefTypeId, sup: DefTypeId) -> bool {
        self.matching(|types| crate::matching::match_def_type(types, sub, sup))
    }

    /// The table of displays, see [`type_info`](crate::layout::type_info): for compiled code of any thread, as long as the registry lives.
    /// An identity's display is there while its type is registered.
    pub fn type_infos(&self) -> *const *const *const u32 {
        if let Some(displays) = &self.read().displays {
            return displays.as_ptr();
        }
        let inner = &mut *self.write();
        if inner.displays.is_none() {
            let mut displays = Displays::new();
            for group in inner.groups.values() {
                displays.add(&group.ids, |id| inner.types.get(&id)?.ty.supertype);
            }
            inner.displays = Some(displays);
        }
        inner.displays.as_ref().map_or(std::ptr::null(), Displays::as_ptr)
    }

    /// Runs several questions of [`crate::matching`] under one lock. The closure must not use the registry otherwise.
    pub fn matching<R>(&self, questions: impl FnOnce(&LockedTypes<'_>) -> R) -> R {
        questions(&LockedTypes(self.read()))
    }

    /// Number of types registered.
    pub fn len(&self) -> usize {
        self.read().types.len()
    }

    /// Whether no type is registered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // No code that holds the lock leaves the tables half changed, even where it panics: an allocation that fails aborts.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The engine's types for the time of some matching.
pub struct LockedTypes<'a>(RwLockReadGuard<'a, Inner>);

impl DefTypes<DefTypeId> for LockedTypes<'_> {
    fn same(&self, a: DefTypeId, b: DefTypeId) -> bool {
        a == b
    }

    fn supertype(&self, ty: DefTypeId) -> Option<DefTypeId> {
        self.0.types.get(&ty)?.ty.supertype
    }

    fn kind(&self, ty: DefTypeId) -> Option<AbsHeapType> {
        self.0.types.get(&ty).map(|entry| kind_of(&entry.ty.comp))
    }
}

impl Inner {
    /// Finds or adds a group, and adds one to its count.
    fn intern(&mut self, structure: RecGroup<DefTypeId>) -> Result<GroupId, RegistryError> {
        if let Some(id) = self.by_structure.get(&structure) {
            let id = *id;
            if let Some(group) = self.groups.get_mut(&id) {
                group.count += 1;
            }
            return Ok(id);
        }

        let refers_to = self.outer_groups(&structure)?;
        let ids = self.allocate(structure.len())?;
        for group in &refers_to {
            if let Some(group) = self.groups.get_mut(group) {
                group.count += 1;
            }
        }
        let id = GroupId(self.next_group);
        self.next_group += 1;
        for (ty, &def) in structure.iter().zip(&ids) {
            let ty = Arc::new(ty.map(&mut |reference| match reference {
                RecRef::Inner(position) => ids[position as usize],
                RecRef::Outer(id) => id,
            }));
            self.types.insert(def, Entry { ty, group: id });
        }
        if let Some(displays) = &mut self.displays {
            displays.add(&ids, |id| self.types.get(&id)?.ty.supertype);
        }
        let structure = Arc::new(structure);
        self.by_structure.insert(structure.clone(), id);
        self.groups.insert(id, Group { structure, ids, count: 1, refers_to });
        Ok(id)
    }

    /// The groups that the types of a new one refer to, each once.
    fn outer_groups(&self, structure: &RecGroup<DefTypeId>) -> Result<Box<[GroupId]>, RegistryError> {
        let mut groups = Vec::new();
        let mut all_known = true;
        for ty in structure {
            ty.for_each_reference(&mut |reference| {
                if let RecRef::Outer(id) = reference {
                    match self.types.get(&id) {
                        Some(entry) => groups.push(entry.group),
                        None => all_known = false,
                    }
                }
            });
        }
        if !all_known {
            return Err(RegistryError::UnknownType);
        }
        groups.sort_unstable_by_key(|group| group.0);
        groups.dedup();
        Ok(groups.into())
    }

    /// Takes identities that nobody uses.
    fn allocate(&mut self, count: usize) -> Result<Box<[DefTypeId]>, RegistryError> {
        const LAST: u32 = (1 << type_info::ID_BITS) - 1;
        const USABLE: usize = LAST as usize;
        if count > USABLE - self.types.len() {
            return Err(RegistryError::Exhausted);
        }
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            self.next_type = if self.next_type >= LAST { 1 } else { self.next_type + 1 };
            let id = DefTypeId(self.next_type);
            if !self.types.contains_key(&id) {
                ids.push(id);
            }
        }
        Ok(ids.into())
    }

    fn retain(&mut self, id: DefTypeId) -> Result<(), RegistryError> {
        let entry = self.types.get(&id).ok_or(RegistryError::UnknownType)?;
        let group = self.groups.get_mut(&entry.group).ok_or(RegistryError::UnknownType)?;
        group.count += 1;
        Ok(())
    }

    /// Takes one from the count of every group, and removes those that nothing needs any longer. No recursion: a hostile
    /// module chains a million groups.
    fn release(&mut self, mut groups: Vec<GroupId>) {
        while let Some(id) = groups.pop() {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            group.count -= 1;
            if group.count > 0 {
                continue;
            }
            if let Some(group) = self.groups.remove(&id) {
                self.by_structure.remove(&group.structure);
                if let Some(displays) = &mut self.displays {
                    displays.remove(&group.ids);
                }
                for id in &group.ids {
                    self.types.remove(id);
                }
                groups.extend_from_slice(&group.refers_to);
            }
        }
    }
}

impl TypeHandle {
    /// The identity that is kept.
    pub fn id(&self) -> DefTypeId {
        self.id
    }
}

impl Clone for TypeHandle {
    fn clone(&self) -> Self {
        let kept = self.registry.write().retain(self.id);
        debug_assert!(kept.is_ok(), "a handle keeps its type");
        Self { registry: self.registry.clone(), id: self.id }
    }
}

impl Drop for TypeHandle {
    fn drop(&mut self) {
        let mut inner = self.registry.write();
        if let Some(entry) = inner.types.get(&self.id) {
            let group = entry.group;
            inner.release(vec![group]);
        }
    }
}

impl RegisteredTypes {
    /// Identities by [`TypeIdx`].
    pub fn ids(&self) -> &[DefTypeId] {
        &self.ids
    }

    /// The identity of a type of the module.
    pub fn id(&self, ty: TypeIdx) -> DefTypeId {
        self.ids[ty.index()]
    }

    /// The registry they are registered in.
    pub fn registry(&self) -> &TypeRegistry {
        &self.registry
    }
}

impl Drop for RegisteredTypes {
    fn drop(&mut self) {
        self.registry.write().release(std::mem::take(&mut self.groups));
    }
}

#[cfg(test)]
mod tests;

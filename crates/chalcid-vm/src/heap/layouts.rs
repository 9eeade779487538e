//! What the collector knows of types: which fields of an object hold what.
//!
//! The layout of a type is made when it is first needed, and keeps the type registered. It goes at the end of a collection that met no object
//! of the type; as long as an instance that uses the type lives, it can be made again. Types of an instance that goes are
//! kept in advance, since objects of them may be left.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::rc::Rc;
use std::sync::Arc;

use chalcid_module::heap_layout::{self, ARRAY_LENGTH, Kind};
use chalcid_module::index::DefTypeId;
use chalcid_module::registry::{TypeHandle, TypeRegistry};
use chalcid_module::types::{CompType, FieldType, Hierarchy, StorageType, ValType};

use crate::func::hierarchy;
use crate::owners::AddressHasher;

/// What a field or element holds, for the collector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    /// No reference.
    Bits,
    /// A reference of the heap.
    Reference,
    /// The number of a function.
    Function,
}

/// A field of a structure, the elements of an array, or a value of an exception.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) offset: u32,
    pub(super) holds: Holds,
    pub(super) ty: FieldType<DefTypeId>,
}

/// The layout of a type of objects.
pub(super) struct Layout {
    pub(super) kind: Kind,
    pub(super) id: u32,
    /// All fields; for an array one, whose offset is that of the first element.
    pub(super) fields: Box<[Field]>,
    /// Offset and kind of those that hold references.
    pub(super) traced: Box<[(u32, Holds)]>,
    /// Size of a structure or exception; size of an array's element.
    pub(super) size: u32,
    /// The type of a structure's descriptor, where there is one.
    pub(super) descriptor: Option<DefTypeId>,
    /// Keeps the identity the type's own.
    _type: Option<TypeHandle>,
}

impl Layout {
    fn new(types: &TypeRegistry, id: DefTypeId) -> Option<Self> {
        let handle = types.retain(id).ok()?;
        let ty = types.get(id)?;
        let (kind, fields, size) = match &ty.comp {
            CompType::Func(_) => return None,
            CompType::Struct(fields) => {
                let layout = heap_layout::structure(fields);
                let placed = fields.iter().zip(&layout.offsets).map(|(ty, offset)| field(types, *offset, *ty));
                (Kind::Struct, placed.collect::<Box<[_]>>(), layout.size)
            }
            CompType::Array(element) => {
                let size = heap_layout::storage_size(&element.storage);
                let field = field(types, heap_layout::elements_offset(size), *element);
                (Kind::Array, Box::from([field]), size)
            }
        };
        let descriptor = ty.descriptor;
        Some(Self { kind, id: id.0, traced: traced(&fields), fields, size, descriptor, _type: Some(handle) })
    }

    /// The layout of exceptions whose values are of these types.
    pub(super) fn exception(types: &TypeRegistry, params: &[ValType<DefTypeId>]) -> Self {
        let layout = heap_layout::exception(params);
        let fields: Box<[Field]> = params
            .iter()
            .zip(&layout.offsets)
            .map(|(ty, offset)| field(types, *offset, FieldType { storage: StorageType::Val(*ty), mutable: false }))
            .collect();
        Self {
            kind: Kind::Exception,
            id: 0,
            traced: traced(&fields),
            fields,
            size: layout.size,
            descriptor: None,
            _type: None,
        }
    }

    /// Bytes of an object before the place that references name.
    pub(super) fn before(&self) -> u32 {
        if self.descriptor.is_some() { heap_layout::DESCRIPTOR_SIZE } else { 0 }
    }

    /// The size of an object whose word at [`ARRAY_LENGTH`] is `length`; `None` for an array that is too large.
    pub(super) fn object_size(&self, length: u32) -> Option<u32> {
        const _: () = assert!(ARRAY_LENGTH == 8);
        match self.kind {
            Kind::Array => heap_layout::array_size(self.size, length),
            Kind::Struct | Kind::Exception => Some(self.size),
        }
    }
}

fn field(types: &TypeRegistry, offset: u32, ty: FieldType<DefTypeId>) -> Field {
    let holds = match &ty.storage {
        StorageType::Val(ValType::Ref(ty)) => match hierarchy(types, ty) {
            Hierarchy::Func => Holds::Function,
            Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => Holds::Reference,
        },
        _ => Holds::Bits,
    };
    Field { offset, holds, ty }
}

fn traced(fields: &[Field]) -> Box<[(u32, Holds)]> {
    fields.iter().filter(|field| field.holds != Holds::Bits).map(|field| (field.offset, field.holds)).collect()
}

/// The layouts in use.
#[derive(Default)]
pub(super) struct Layouts(HashMap<usize, Known, BuildHasherDefault<AddressHasher>>);

struct Known {
    layout: Rc<Layout>,
    met: Cell<bool>,
}

impl Layouts {
    /// The layout of a type of objects; `None` for what is none.
    pub(super) fn get(&mut self, types: &TypeRegistry, id: u32) -> Option<Rc<Layout>> {
        if let Some(known) = self.0.get(&(id as usize)) {
            known.met.set(true);
            return Some(Rc::clone(&known.layout));
        }
        let layout = Rc::new(Layout::new(types, DefTypeId(id))?);
        self.keep(&layout);
        Some(layout)
    }

    /// Keeps a layout, for an object that was just made.
    pub(super) fn keep(&mut self, layout: &Rc<Layout>) {
        let known = Known { layout: Rc::clone(layout), met: Cell::new(true) };
        self.0.entry(layout.id as usize).or_insert(known);
    }

    pub(super) fn begin_marking(&mut self) {
        for known in self.0.values() {
            known.met.set(false);
        }
    }

    /// Forgets the types that no object was met of.
    pub(super) fn sweep(&mut self) {
        self.0.retain(|_, known| known.met.get());
    }
}

/// The types of objects that a module declares.
pub(super) fn object_types(module: &crate::module::ModuleObject) -> impl Iterator<Item = DefTypeId> {
    let declared = Arc::clone(module.declarations());
    let ids = module.type_ids();
    let is_object =
        move |index: &usize| declared.types.get(*index).is_some_and(|ty| !matches!(ty.comp, CompType::Func(_)));
    (0..ids.len()).filter(is_object).map(|index| ids[index])
}

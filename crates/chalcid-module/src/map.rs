//! Types rewritten: every concrete reference replaced by what another identity space calls it; and looked through for them.

use crate::types::*;

impl<I: Copy> HeapType<I> {
    /// The same type with concrete references replaced.
    pub fn map<J>(self, f: &mut impl FnMut(I) -> J) -> HeapType<J> {
        match self {
            HeapType::Abstract(ty) => HeapType::Abstract(ty),
            HeapType::Concrete(ty) => HeapType::Concrete(f(ty)),
            HeapType::Exact(ty) => HeapType::Exact(f(ty)),
        }
    }
}

impl<I: Copy> RefType<I> {
    /// The same type with concrete references replaced.
    pub fn map<J>(self, f: &mut impl FnMut(I) -> J) -> RefType<J> {
        RefType { nullable: self.nullable, heap: self.heap.map(f) }
    }
}

impl<I: Copy> ValType<I> {
    /// The same type with concrete references replaced.
    pub fn map<J>(self, f: &mut impl FnMut(I) -> J) -> ValType<J> {
        match self {
            ValType::I32 => ValType::I32,
            ValType::I64 => ValType::I64,
            ValType::F32 => ValType::F32,
            ValType::F64 => ValType::F64,
            ValType::V128 => ValType::V128,
            ValType::Ref(ty) => ValType::Ref(ty.map(f)),
        }
    }
}

impl<I: Copy> FieldType<I> {
    /// The same type with concrete references replaced.
    pub fn map<J>(self, f: &mut impl FnMut(I) -> J) -> FieldType<J> {
        let storage = match self.storage {
            StorageType::I8 => StorageType::I8,
            StorageType::I16 => StorageType::I16,
            StorageType::Val(ty) => StorageType::Val(ty.map(f)),
        };
        FieldType { storage, mutable: self.mutable }
    }
}

impl<I: Copy> FuncType<I> {
    /// The same type with concrete references replaced.
    pub fn map<J>(&self, f: &mut impl FnMut(I) -> J) -> FuncType<J> {
        FuncType {
            params: self.params.iter().map(|ty| ty.map(f)).collect(),
            results: self.results.iter().map(|ty| ty.map(f)).collect(),
        }
    }
}

impl<I: Copy> CompType<I> {
    /// The same type with concrete references replaced.
    pub fn map<J>(&self, f: &mut impl FnMut(I) -> J) -> CompType<J> {
        match self {
            CompType::Func(ty) => CompType::Func(ty.map(f)),
            CompType::Struct(fields) => CompType::Struct(fields.iter().map(|ty| ty.map(f)).collect()),
            CompType::Array(ty) => CompType::Array(ty.map(f)),
        }
    }
}

impl<I: Copy> SubType<I> {
    /// Calls a function with every concrete reference in the type.
    pub fn for_each_reference(&self, f: &mut impl FnMut(I)) {
        [self.supertype, self.descriptor, self.describes].into_iter().flatten().for_each(&mut *f);
        let mut val_type = |ty: &ValType<I>| {
            if let ValType::Ref(ty) = ty {
                ty.heap.defined().into_iter().for_each(&mut *f);
            }
        };
        let field = |ty: &FieldType<I>| match ty.storage {
            StorageType::Val(ty) => Some(ty),
            StorageType::I8 | StorageType::I16 => None,
        };
        match &self.comp {
            CompType::Func(ty) => ty.params.iter().chain(&ty.results).for_each(val_type),
            CompType::Struct(fields) => fields.iter().filter_map(field).for_each(|ty| val_type(&ty)),
            CompType::Array(element) => field(element).iter().for_each(val_type),
        }
    }

    /// The same type with concrete references replaced.
    pub fn map<J>(&self, f: &mut impl FnMut(I) -> J) -> SubType<J> {
        SubType {
            is_final: self.is_final,
            supertype: self.supertype.map(&mut *f),
            descriptor: self.descriptor.map(&mut *f),
            describes: self.describes.map(&mut *f),
            comp: self.comp.map(f),
        }
    }
}

impl<I: Copy> TableType<I> {
    /// The same type with concrete references replaced.
    pub fn map<J>(self, f: &mut impl FnMut(I) -> J) -> TableType<J> {
        TableType { element: self.element.map(f), limits: self.limits, address: self.address }
    }
}

impl<I: Copy> GlobalType<I> {
    /// The same type with concrete references replaced.
    pub fn map<J>(self, f: &mut impl FnMut(I) -> J) -> GlobalType<J> {
        GlobalType { content: self.content.map(f), mutable: self.mutable }
    }
}

impl<I: Copy> ExternType<I> {
    /// The same type with concrete references replaced.
    pub fn map<J>(self, f: &mut impl FnMut(I) -> J) -> ExternType<J> {
        match self {
            ExternType::Func(ty) => ExternType::Func(f(ty)),
            ExternType::Table(ty) => ExternType::Table(ty.map(f)),
            ExternType::Memory(ty) => ExternType::Memory(ty),
            ExternType::Global(ty) => ExternType::Global(ty.map(f)),
            ExternType::Tag(ty) => ExternType::Tag(f(ty)),
        }
    }
}

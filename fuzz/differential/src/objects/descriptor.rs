//! Structures with descriptors, for programs that no other engine runs: one type that has a descriptor, and the next, which is that.

use wasm_encoder::*;

use super::{ANY, Body, Program};

/// A reference to objects of just this type.
fn exact(ty: u32, nullable: bool) -> RefType {
    RefType { nullable, heap_type: HeapType::Exact(ty) }
}

impl Program<'_> {
    /// Declares both types.
    pub(super) fn declare_described(types: &mut TypeSection, described: u32) {
        let field = |ty| FieldType { element_type: StorageType::Val(ty), mutable: true };
        let sub_type = |fields: Vec<FieldType>, descriptor, describes| SubType {
            is_final: true,
            supertype_idxs: Vec::new(),
            composite_type: CompositeType {
                inner: CompositeInnerType::Struct(StructType { fields: fields.into() }),
                shared: false,
                descriptor,
                describes,
            },
        };
        types.ty().rec([
            sub_type(vec![field(ValType::I64), field(ANY)], Some(described + 1), None),
            sub_type(vec![field(ValType::I32)], None, Some(described)),
        ]);
    }
}

impl Body<'_, '_> {
    /// Makes a structure, reads its descriptor, and casts it by that or another one.
    pub(super) fn described(&mut self, ty: u32) {
        let own = self.locals.add_hidden(ValType::Ref(exact(ty + 1, true)));
        let other = self.locals.add_hidden(ValType::Ref(exact(ty + 1, true)));
        let object = self.locals.add_hidden(ValType::Ref(exact(ty, true)));
        for local in [own, other] {
            self.value(ValType::I32, 1);
            self.emit(Instruction::StructNew(ty + 1));
            self.emit(Instruction::LocalSet(local));
        }
        if self.below(2) == 0 {
            self.value(ValType::I64, 1);
            self.value(ANY, 1);
            self.emit(Instruction::LocalGet(own));
            self.emit(Instruction::StructNewDesc(ty));
        } else {
            self.emit(Instruction::LocalGet(own));
            self.emit(Instruction::StructNewDefaultDesc(ty));
        }
        self.emit(Instruction::LocalTee(object));
        self.emit(Instruction::RefGetDesc(ty));
        self.emit(Instruction::StructGet { struct_type_index: ty + 1, field_index: 0 });
        self.keep(&[ValType::I32]);
        self.cast_by_descriptor(ty, object, [own, other]);
    }

    fn cast_by_descriptor(&mut self, ty: u32, object: u32, [own, other]: [u32; 2]) {
        let nullable = self.below(2) == 0;
        let (from_ref_type, to_ref_type) = (RefType::ANYREF, exact(ty, nullable));
        // One in so many is not its descriptor.
        let descriptor = |body: &mut Self, bound| if body.below(bound) == 0 { other } else { own };
        match self.below(3) {
            0 => {
                let descriptor = descriptor(self, 12);
                self.emit(Instruction::LocalGet(object));
                self.emit(Instruction::LocalGet(descriptor));
                let heap_type = HeapType::Exact(ty);
                self.emit(if nullable {
                    Instruction::RefCastDescEqNullable(heap_type)
                } else {
                    Instruction::RefCastDescEqNonNull(heap_type)
                });
            }
            1 => {
                let descriptor = descriptor(self, 2);
                self.emit(Instruction::Block(BlockType::Result(ANY)));
                self.emit(Instruction::LocalGet(object));
                self.emit(Instruction::LocalGet(descriptor));
                self.emit(Instruction::BrOnCastDescEq { relative_depth: 0, from_ref_type, to_ref_type });
                self.emit(Instruction::Drop);
                self.i31(1);
                self.emit(Instruction::End);
            }
            _ => {
                let descriptor = descriptor(self, 2);
                self.emit(Instruction::Block(BlockType::Result(ANY)));
                self.emit(Instruction::LocalGet(object));
                self.emit(Instruction::LocalGet(descriptor));
                self.emit(Instruction::BrOnCastDescEqFail { relative_depth: 0, from_ref_type, to_ref_type });
                self.emit(Instruction::Drop);
                self.i31(1);
                self.emit(Instruction::End);
            }
        }
        self.emit(Instruction::GlobalSet(0));
    }
}

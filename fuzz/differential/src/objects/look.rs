//! The function that looks into objects: what results depend on.
//!
//! `look(any, depth)` is a number that depends on every field of a structure, and on some elements of an array, and on what they refer to, so deep.

use wasm_encoder::*;

use super::{ANY, Program, Shape, concrete};

/// Elements of an array that are looked at.
const ELEMENTS: i32 = 5;

const OBJECT: u32 = 0;
const DEPTH: u32 = 1;
const SUM: u32 = 2;
const AT: u32 = 3;
/// The first of one local for each type.
const CAST: u32 = 4;

impl Program<'_> {
    /// The number of the function.
    pub(super) const LOOK: u32 = super::FUNCTIONS;

    pub(super) fn look(&mut self) -> Function {
        let casts = (0..self.types.len() as u32).map(|ty| concrete(ty, true));
        let mut f = Function::new_with_locals_types([ValType::I64, ValType::I32].into_iter().chain(casts));
        let i31 = HeapType::Abstract { shared: false, ty: AbstractHeapType::I31 };
        self.case(&mut f, |f| {
            f.instructions().ref_is_null();
        });
        f.instructions().i64_const(1).return_().end();
        self.case(&mut f, |f| {
            f.instructions().ref_test_non_null(i31);
        });
        f.instructions().local_get(OBJECT).ref_cast_non_null(i31).i31_get_s().i64_extend_i32_s().return_().end();
        f.instructions().local_get(DEPTH).i32_eqz().if_(BlockType::Empty).i64_const(3).return_().end();
        // The last types are below the first.
        for ty in (0..self.types.len() as u32).rev() {
            self.case(&mut f, |f| {
                f.instructions().ref_test_non_null(HeapType::Concrete(ty));
            });
            f.instructions().local_get(OBJECT).ref_cast_nullable(HeapType::Concrete(ty)).local_set(CAST + ty);
            f.instructions().i64_const(i64::from(ty) + 1000).local_set(SUM);
            match self.types[ty as usize].shape.clone() {
                Shape::Struct(fields) => {
                    for (index, field) in fields.iter().enumerate() {
                        let signed = self.random.below(2) == 0;
                        self.add(&mut f, field.element_type, |f| {
                            let mut f = f.instructions();
                            f.local_get(CAST + ty);
                            match (packed(field.element_type), signed) {
                                (false, _) => f.struct_get(ty, index as u32),
                                (true, true) => f.struct_get_s(ty, index as u32),
                                (true, false) => f.struct_get_u(ty, index as u32),
                            };
                        });
                    }
                }
                Shape::Array(element) => self.elements(&mut f, ty, element.element_type),
            }
            f.instructions().local_get(SUM).return_().end();
        }
        f.instructions().i64_const(9).end();
        f
    }

    /// Opens what is done if a test of the object succeeds.
    fn case(&self, f: &mut Function, test: impl FnOnce(&mut Function)) {
        f.instructions().local_get(OBJECT);
        test(f);
        f.instructions().if_(BlockType::Empty);
    }

    /// Adds the length of an array and its first elements to the sum.
    fn elements(&mut self, f: &mut Function, ty: u32, element: StorageType) {
        let mut sink = f.instructions();
        sink.local_get(CAST + ty).array_len().i64_extend_i32_u().local_get(SUM).i64_xor().local_set(SUM);
        sink.i32_const(0).local_set(AT);
        sink.block(BlockType::Empty).loop_(BlockType::Empty);
        sink.local_get(AT).local_get(CAST + ty).array_len().i32_ge_u().br_if(1);
        let signed = self.random.below(2) == 0;
        self.add(f, element, |f| {
            let mut f = f.instructions();
            f.local_get(CAST + ty).local_get(AT);
            match (packed(element), signed) {
                (false, _) => f.array_get(ty),
                (true, true) => f.array_get_s(ty),
                (true, false) => f.array_get_u(ty),
            };
        });
        let mut sink = f.instructions();
        sink.local_get(AT).i32_const(1).i32_add().local_tee(AT).i32_const(ELEMENTS).i32_lt_u().br_if(0).end().end();
    }

    /// Adds a value to the sum.
    fn add(&mut self, f: &mut Function, storage: StorageType, push: impl FnOnce(&mut Function)) {
        f.instructions().local_get(SUM).i64_const(5).i64_rotl();
        push(f);
        let mut sink = f.instructions();
        match storage {
            StorageType::I8 | StorageType::I16 | StorageType::Val(ValType::I32) => sink.i64_extend_i32_u(),
            StorageType::Val(ValType::I64) => &mut sink,
            StorageType::Val(ValType::F32) => sink.i32_reinterpret_f32().i64_extend_i32_u(),
            StorageType::Val(ValType::F64) => sink.i64_reinterpret_f64(),
            StorageType::Val(ValType::V128) => sink.i64x2_extract_lane(self.random.below(2) as u8),
            StorageType::Val(ValType::Ref(ty)) => match ty.heap_type {
                HeapType::Abstract { ty: AbstractHeapType::Func, .. } => sink.ref_is_null().i64_extend_i32_u(),
                HeapType::Abstract { ty: AbstractHeapType::Extern, .. } => {
                    sink.any_convert_extern().local_get(DEPTH).i32_const(1).i32_sub().call(Self::LOOK)
                }
                _ => sink.local_get(DEPTH).i32_const(1).i32_sub().call(Self::LOOK),
            },
        };
        sink.i64_xor().i64_const(0x9e37_79b9_7f4a_7c15_u64 as i64).i64_mul().local_set(SUM);
    }

    /// The type of the function.
    pub(super) fn look_type() -> ([ValType; 2], [ValType; 1]) {
        ([ANY, ValType::I32], [ValType::I64])
    }
}

fn packed(storage: StorageType) -> bool {
    matches!(storage, StorageType::I8 | StorageType::I16)
}

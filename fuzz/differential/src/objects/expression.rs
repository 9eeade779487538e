//! Expressions, each made by the type that is wanted.

use wasm_encoder::*;

use super::{ANY, Body, EQ, FUNCTIONS, I31, Shape, concrete};

impl Body<'_, '_> {
    /// A local that holds an array that is not null.
    pub(super) fn remember(&mut self, ty: u32) -> u32 {
        self.not_null(ty, 2);
        let local = self.local(concrete(ty, true)).unwrap_or(0);
        self.emit(Instruction::LocalSet(local));
        local
    }

    /// An index into the array of a local, in bounds unless the array is empty or now and then.
    pub(super) fn index(&mut self, array: u32) {
        self.value(ValType::I32, 1);
        self.emit(Instruction::LocalGet(array));
        self.emit(Instruction::ArrayLen);
        let mask = if self.below(40) == 0 { -1 } else { 1 };
        self.emit(Instruction::I32Const(mask));
        self.emit(Instruction::I32Or);
        self.emit(Instruction::I32RemU);
    }

    /// A value for a field.
    pub(super) fn stored(&mut self, storage: StorageType, depth: u32) {
        match storage {
            StorageType::I8 | StorageType::I16 => self.value(ValType::I32, depth),
            StorageType::Val(ty) => self.value(ty, depth),
        }
    }

    /// A reference to a type that is not null.
    pub(super) fn not_null(&mut self, ty: u32, depth: u32) {
        self.emit(Instruction::Block(BlockType::Result(concrete(ty, false))));
        self.value(concrete(ty, true), depth);
        self.emit(Instruction::BrOnNonNull(0));
        self.fresh(ty, 0);
        self.emit(Instruction::End);
    }

    /// A new object.
    pub(super) fn fresh(&mut self, ty: u32, depth: u32) {
        match self.program.types[ty as usize].shape.clone() {
            Shape::Struct(fields) => {
                if depth == 0 || self.full() || self.below(3) == 0 {
                    self.emit(Instruction::StructNewDefault(ty));
                } else {
                    for field in fields {
                        self.stored(field.element_type, depth - 1);
                    }
                    self.emit(Instruction::StructNew(ty));
                }
            }
            Shape::Array(element) => {
                let len = if self.below(50) == 0 { 3000 } else { 1 + self.below(9) as i32 };
                match self.below(4) {
                    0 if depth > 0 => {
                        self.stored(element.element_type, depth - 1);
                        self.emit(Instruction::I32Const(len));
                        self.emit(Instruction::ArrayNew(ty));
                    }
                    1 if depth > 0 => {
                        let count = 1 + self.below(4) as u32;
                        for _ in 0..count {
                            self.stored(element.element_type, depth - 1);
                        }
                        self.emit(Instruction::ArrayNewFixed { array_type_index: ty, array_size: count });
                    }
                    2 if !matches!(element.element_type, StorageType::Val(ValType::Ref(_))) => {
                        self.small(0, 16);
                        self.small(1, 3);
                        self.emit(Instruction::ArrayNewData { array_type_index: ty, array_data_index: 0 });
                    }
                    3 if element.element_type == StorageType::Val(ANY) => {
                        self.small(0, 2);
                        self.small(1, 2);
                        self.emit(Instruction::ArrayNewElem { array_type_index: ty, array_elem_index: 1 });
                    }
                    _ => {
                        self.emit(Instruction::I32Const(len));
                        self.emit(Instruction::ArrayNewDefault(ty));
                    }
                }
            }
        }
    }

    /// A value of a type.
    pub(super) fn value(&mut self, ty: ValType, depth: u32) {
        if (depth == 0 || self.full() || self.below(4) == 0)
            && let Some(local) = self.local(ty)
        {
            return self.emit(Instruction::LocalGet(local));
        }
        let depth = depth.saturating_sub(1);
        match ty {
            ValType::I32 => self.i32(depth),
            ValType::I64 => self.i64(depth),
            ValType::F32 | ValType::F64 => self.float(ty, depth),
            ValType::V128 => {
                if !self.field_of(ValType::V128, depth) {
                    self.value(ValType::I64, depth);
                    self.emit(Instruction::I64x2Splat);
                }
            }
            ValType::Ref(reference) => self.reference(reference, depth),
        }
    }

    /// Reads a field or element of a type, where there is one.
    fn field_of(&mut self, ty: ValType, depth: u32) -> bool {
        let of = |storage: StorageType| match storage {
            StorageType::I8 | StorageType::I16 => ty == ValType::I32,
            StorageType::Val(other) => other == ty,
        };
        if self.below(2) == 0 {
            let found = self.pick(|shape| match shape {
                Shape::Struct(fields) if fields.iter().any(|field| of(field.element_type)) => Some(fields.clone()),
                _ => None,
            });
            let Some((index, fields)) = found else { return false };
            let fitting: Vec<usize> = (0..fields.len()).filter(|at| of(fields[*at].element_type)).collect();
            let field = fitting[self.below(fitting.len() as u64) as usize];
            self.not_null(index, depth);
            let (struct_type_index, field_index) = (index, field as u32);
            let packed = matches!(fields[field].element_type, StorageType::I8 | StorageType::I16);
            let sign = self.below(2);
            self.emit(match (packed, sign) {
                (false, _) => Instruction::StructGet { struct_type_index, field_index },
                (true, 0) => Instruction::StructGetS { struct_type_index, field_index },
                (true, _) => Instruction::StructGetU { struct_type_index, field_index },
            });
            return true;
        }
        let found = self.pick(|shape| match shape {
            Shape::Array(element) if of(element.element_type) => Some(*element),
            _ => None,
        });
        let Some((index, element)) = found else { return false };
        let array = self.remember(index);
        self.emit(Instruction::LocalGet(array));
        self.index(array);
        let packed = matches!(element.element_type, StorageType::I8 | StorageType::I16);
        let sign = self.below(2);
        self.emit(match (packed, sign) {
            (false, _) => Instruction::ArrayGet(index),
            (true, 0) => Instruction::ArrayGetS(index),
            (true, _) => Instruction::ArrayGetU(index),
        });
        true
    }

    fn any_heap_type(&mut self) -> HeapType {
        let ty = match self.below(8) {
            0 => AbstractHeapType::I31,
            1 => AbstractHeapType::Struct,
            2 => AbstractHeapType::Array,
            3 => AbstractHeapType::Eq,
            4 => AbstractHeapType::None,
            _ => return HeapType::Concrete(self.below(self.program.types.len() as u64) as u32),
        };
        HeapType::Abstract { shared: false, ty }
    }

    fn i32(&mut self, depth: u32) {
        match self.below(9) {
            0 => {
                let number = self.program.random.number();
                self.emit(Instruction::I32Const(number as i32));
            }
            1 if self.field_of(ValType::I32, depth) => {}
            2 => {
                self.value(ANY, depth);
                let heap = self.any_heap_type();
                let test = if self.below(2) == 0 {
                    Instruction::RefTestNonNull(heap)
                } else {
                    Instruction::RefTestNullable(heap)
                };
                self.emit(test);
            }
            3 => {
                self.value(EQ, depth);
                self.value(EQ, depth);
                self.emit(Instruction::RefEq);
            }
            4 => {
                self.emit(Instruction::Block(BlockType::Result(ValType::Ref(RefType {
                    nullable: false,
                    heap_type: HeapType::Abstract { shared: false, ty: AbstractHeapType::I31 },
                }))));
                self.value(I31, depth);
                self.emit(Instruction::BrOnNonNull(0));
                self.emit(Instruction::I32Const(5));
                self.emit(Instruction::RefI31);
                self.emit(Instruction::End);
                let get = if self.below(2) == 0 { Instruction::I31GetS } else { Instruction::I31GetU };
                self.emit(get);
            }
            5 => {
                if let Some((ty, _)) = self.an_array() {
                    self.not_null(ty, depth);
                    self.emit(Instruction::ArrayLen);
                } else {
                    self.emit(Instruction::I32Const(3));
                }
            }
            6 => {
                let ty = self.locals.all[self.program.random.below(self.locals.all.len() as u64) as usize];
                if let ValType::Ref(_) = ty.1 {
                    self.emit(Instruction::LocalGet(ty.0));
                    self.emit(Instruction::RefIsNull);
                } else {
                    self.emit(Instruction::I32Const(1));
                }
            }
            _ => {
                self.value(ValType::I32, depth);
                self.value(ValType::I32, depth);
                let operator = match self.below(6) {
                    0 => Instruction::I32Add,
                    1 => Instruction::I32Sub,
                    2 => Instruction::I32Mul,
                    3 => Instruction::I32Xor,
                    4 => Instruction::I32LtS,
                    _ => Instruction::I32Rotl,
                };
                self.emit(operator);
            }
        }
    }

    fn i64(&mut self, depth: u32) {
        match self.below(7) {
            0 => {
                let number = self.program.random.number();
                self.emit(Instruction::I64Const(number as i64));
            }
            1 if self.field_of(ValType::I64, depth) => {}
            2 if self.number > 0 && self.loops == 0 => {
                self.value(ValType::I32, depth);
                self.value(ValType::I64, depth);
                let callee = self.below(u64::from(self.number)) as u32;
                if self.below(2) == 0 {
                    self.emit(Instruction::Call(callee));
                } else {
                    self.emit(Instruction::RefFunc(callee));
                    let ty = self.program.function_type;
                    self.emit(Instruction::CallRef(ty));
                }
            }
            3 => {
                self.value(ValType::I32, depth);
                self.emit(Instruction::I64ExtendI32S);
            }
            4 if self.loops == 0 => {
                self.value(ANY, depth);
                self.look(1);
            }
            _ => {
                self.value(ValType::I64, depth);
                self.value(ValType::I64, depth);
                let operator = match self.below(4) {
                    0 => Instruction::I64Add,
                    1 => Instruction::I64Mul,
                    2 => Instruction::I64Xor,
                    _ => Instruction::I64Rotl,
                };
                self.emit(operator);
            }
        }
    }

    fn float(&mut self, ty: ValType, depth: u32) {
        if self.below(2) == 0 && self.field_of(ty, depth) {
            return;
        }
        self.value(ValType::I32, depth);
        self.emit(if ty == ValType::F32 { Instruction::F32ConvertI32S } else { Instruction::F64ConvertI32S });
    }

    fn reference(&mut self, ty: RefType, depth: u32) {
        if self.below(4) == 0 && self.field_of(ValType::Ref(ty), depth) {
            return;
        }
        match ty.heap_type {
            HeapType::Concrete(index) => match self.below(5) {
                0 if ty.nullable => self.emit(Instruction::RefNull(HeapType::Concrete(index))),
                1 => {
                    let below: Vec<u32> = (0..self.program.types.len() as u32)
                        .filter(|sub| self.program.types[*sub as usize].supertype == Some(index))
                        .collect();
                    let sub = if below.is_empty() { index } else { below[self.below(below.len() as u64) as usize] };
                    self.fresh(sub, depth);
                }
                2 if ty.nullable => self.cast(index, depth),
                3 if ty.nullable && index == 0 => self.emit(Instruction::GlobalGet(1)),
                _ => self.fresh(index, depth),
            },
            HeapType::Abstract { ty: AbstractHeapType::Any | AbstractHeapType::Eq, .. } => {
                let any = ty == RefType::ANYREF;
                match self.below(7) {
                    0 => self.i31(depth),
                    1 if any => self.emit(Instruction::GlobalGet(0)),
                    2 if any => {
                        self.element(8);
                        self.emit(Instruction::TableGet(0));
                    }
                    3 if any => {
                        self.value(ValType::EXTERNREF, depth);
                        self.emit(Instruction::AnyConvertExtern);
                    }
                    _ => {
                        let index = self.below(self.program.types.len() as u64) as u32;
                        self.value(concrete(index, true), depth);
                    }
                }
            }
            HeapType::Abstract { ty: AbstractHeapType::I31, .. } => self.i31(depth),
            HeapType::Abstract { ty: AbstractHeapType::Extern, .. } => {
                self.value(ANY, depth);
                self.emit(Instruction::ExternConvertAny);
            }
            HeapType::Abstract { ty: AbstractHeapType::Func, .. } => {
                let func = self.below(u64::from(FUNCTIONS)) as u32;
                self.emit(Instruction::RefFunc(func));
            }
            heap => self.emit(Instruction::RefNull(heap)),
        }
    }

    pub(super) fn i31(&mut self, depth: u32) {
        self.value(ValType::I32, depth);
        self.emit(Instruction::RefI31);
    }

    /// A cast down that seldom fails.
    fn cast(&mut self, ty: u32, depth: u32) {
        let to = RefType { nullable: true, heap_type: HeapType::Concrete(ty) };
        match self.below(12) {
            0 => {
                self.value(ANY, depth);
                self.emit(Instruction::RefCastNullable(HeapType::Concrete(ty)));
            }
            1..=5 => {
                self.emit(Instruction::Block(BlockType::Result(ValType::Ref(to))));
                self.value(ANY, depth);
                self.emit(Instruction::BrOnCast { relative_depth: 0, from_ref_type: RefType::ANYREF, to_ref_type: to });
                self.emit(Instruction::Drop);
                self.emit(Instruction::RefNull(HeapType::Concrete(ty)));
                self.emit(Instruction::End);
            }
            _ => {
                self.emit(Instruction::Block(BlockType::Result(ValType::Ref(to))));
                self.emit(Instruction::Block(BlockType::Result(ANY)));
                self.value(ANY, depth);
                self.emit(Instruction::BrOnCastFail {
                    relative_depth: 0,
                    from_ref_type: RefType::ANYREF,
                    to_ref_type: to,
                });
                self.emit(Instruction::Br(1));
                self.emit(Instruction::End);
                self.emit(Instruction::Drop);
                self.fresh(ty, depth);
                self.emit(Instruction::End);
            }
        }
    }
}

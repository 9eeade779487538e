//! Arrays.
//!
//! An index is compared with the array's length. A CPU may run ahead of the check, so the address of an access depends on its outcome by a select that
//! is not speculated, and is 0 when the check fails. With signals this is the trap itself, as for memories: nothing is ever
//! mapped there, and the access is a trap site.

use chalcid_module::builtins::Builtin;
use chalcid_module::heap_layout::{self, ARRAY_LENGTH, storage_size};
use chalcid_module::index::TypeIdx;
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::StorageType;
use wasmparser::Operator;

use super::allocation::Length;
use super::asm::{Alu, Cc};
use super::call::Arg;
use super::object::Made;
use super::reg::{Gpr, Mem, R11};
use super::state::{At, Baseline, Val, in_xmm};
use crate::objects::{Extend, FieldClass, UNROLLED, element, element_offsets};
use crate::{AbiType, CompileError};

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as Op;
    match *op {
        Op::ArrayNew { array_type_index } => b.array_new(TypeIdx(array_type_index))?,
        Op::ArrayNewDefault { array_type_index } => b.array_new_default(TypeIdx(array_type_index))?,
        Op::ArrayNewFixed { array_type_index, array_size } => {
            b.array_new_fixed(TypeIdx(array_type_index), array_size)?;
        }
        Op::ArrayNewData { array_type_index, array_data_index } => {
            b.array_new_segment(Builtin::array_new_data, array_type_index, array_data_index)?;
        }
        Op::ArrayNewElem { array_type_index, array_elem_index } => {
            b.array_new_segment(Builtin::array_new_elem, array_type_index, array_elem_index)?;
        }
        Op::ArrayGet { array_type_index } | Op::ArrayGetU { array_type_index } => {
            b.array_get(TypeIdx(array_type_index), Extend::Unsigned)?;
        }
        Op::ArrayGetS { array_type_index } => b.array_get(TypeIdx(array_type_index), Extend::Signed)?,
        Op::ArraySet { array_type_index } => b.array_set(TypeIdx(array_type_index))?,
        Op::ArrayLen => b.array_len(),
        Op::ArrayFill { array_type_index } => b.array_fill(TypeIdx(array_type_index))?,
        Op::ArrayCopy { .. } => b.array_copy()?,
        Op::ArrayInitData { array_data_index, .. } => b.array_init(Builtin::array_init_data, array_data_index)?,
        Op::ArrayInitElem { array_elem_index, .. } => b.array_init(Builtin::array_init_elem, array_elem_index)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Making arrays.
impl Baseline<'_> {
    fn array_new(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let storage = element(self.module, ty)?.storage;
        let class = self.field_class(storage);
        let height = self.height() - 1;
        let made = self.new_array(ty, storage_size(&storage), Length::Operand(height))?;
        let value = self.entry_at(height - 1);
        let known = match self.entry_at(height).at {
            At::Const(length) => u32::try_from(length).ok().filter(|&length| length <= UNROLLED),
            _ => None,
        };
        let object = match known {
            _ if value.at == At::Const(0) => {
                self.release_gpr(made.base);
                made.object
            }
            Some(length) if class != FieldClass::Func => {
                self.initialize_equal(class, storage, made, value, length);
                made.object
            }
            _ => self.fill_new(class, made, height)?,
        };
        self.truncate(height - 1);
        self.push_gpr(AbiType::GcRef, object);
        Ok(())
    }

    /// Stores a value into each element of a new array.
    fn initialize_equal(&mut self, class: FieldClass, storage: StorageType, made: Made, value: Val, length: u32) {
        // Read once where it is in memory.
        let loaded = match value.at {
            At::Mem(_) if in_xmm(value.ty) => Some(At::Xmm(self.in_xmm(value))),
            At::Mem(_) => Some(At::Gpr(self.in_gpr(value))),
            _ => None,
        };
        let val = Val { ty: value.ty, at: loaded.unwrap_or(value.at) };
        for offset in element_offsets(storage, length) {
            self.store_field(class, val, made.at(offset as i32), None);
        }
        if loaded.is_some() {
            self.release(val);
        }
        self.release_gpr(made.base);
    }

    /// Has the running side fill a new array, whose length is the operand at a height and whose value the one before it. Gives the array.
    fn fill_new(&mut self, class: FieldClass, made: Made, height: usize) -> Result<Gpr, CompileError> {
        self.release_gpr(made.base);
        // It is an operand while the running side works.
        self.push_gpr(AbiType::GcRef, made.object);
        self.spill_registers(usize::MAX);
        let value = self.entry_at(height - 1);
        let (low, high) = self.split(class, value, height - 1);
        let (array, length) = (self.entry_at(height + 1), self.entry_at(height));
        self.call_builtin(Builtin::array_fill, &[Arg::Val(array), Arg::Imm(0), low, high, Arg::Val(length)])?;
        let array = self.pop();
        Ok(self.in_own_gpr(array))
    }

    fn array_new_default(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let storage = element(self.module, ty)?.storage;
        let made = self.new_array(ty, storage_size(&storage), Length::Operand(self.height() - 1))?;
        self.release_gpr(made.base);
        self.drop_top();
        self.push_gpr(AbiType::GcRef, made.object);
        Ok(())
    }

    fn array_new_fixed(&mut self, ty: TypeIdx, length: u32) -> Result<(), CompileError> {
        let storage = element(self.module, ty)?.storage;
        let made = self.new_array(ty, storage_size(&storage), Length::Known(length))?;
        let from = self.height() - length as usize;
        let object = self.initialize(made, from, element_offsets(storage, length).map(|offset| (storage, offset)));
        self.push_gpr(AbiType::GcRef, object);
        Ok(())
    }

    fn array_new_segment(&mut self, builtin: Builtin, ty: u32, segment: u32) -> Result<(), CompileError> {
        let length = self.pop();
        let offset = self.pop();
        let args = [Arg::Imm(ty.into()), Arg::Imm(segment.into()), Arg::Val(offset), Arg::Val(length)];
        if let Some(array) = self.call_builtin(builtin, &args)? {
            self.push_gpr(AbiType::GcRef, array);
        }
        Ok(())
    }
}

/// Access to elements.
impl Baseline<'_> {
    fn array_get(&mut self, ty: TypeIdx, extend: Extend) -> Result<(), CompileError> {
        let storage = element(self.module, ty)?.storage;
        let (place, mem, trap) = self.element_place(storage);
        self.release_gpr(place);
        self.push_field(self.field_class(storage), extend, mem, trap);
        Ok(())
    }

    fn array_set(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let storage = element(self.module, ty)?.storage;
        let class = self.field_class(storage);
        let mut val = self.pop();
        if class == FieldClass::Func {
            val = self.func_number(val);
        }
        let val = self.storable(class, val);
        let (place, mem, trap) = self.element_place(storage);
        self.store_field(class, val, mem, trap);
        self.release_gpr(place);
        self.release(val);
        Ok(())
    }

    fn array_len(&mut self) {
        let val = self.pop();
        let array = self.in_gpr(val);
        let (mem, trap) = self.in_nullable(array, ARRAY_LENGTH, 4, TrapCode::NullArrayReference);
        self.release_gpr(array);
        self.push_field(FieldClass::I32, Extend::Unsigned, mem, trap);
    }

    /// Pops an index and an array, which may be null, and places the element: the register that the place needs, the place, and the trap that
    /// the access is.
    fn element_place(&mut self, storage: StorageType) -> (Gpr, Mem, Option<TrapCode>) {
        let index = self.pop();
        let array = self.pop();
        let array = self.in_gpr(array);
        let place = self.in_own_gpr(index);
        let (length, trap) = self.in_nullable(array, ARRAY_LENGTH, 4, TrapCode::NullArrayReference);
        if let Some(code) = trap {
            self.trap_site(code);
        }
        self.asm.alu_rm(Alu::Cmp, false, place, length);
        let guarded = self.settings.spectre_guards;
        let faults = guarded && self.settings.signals;
        if !faults {
            self.trap_if(Cc::Ae, TrapCode::ArrayOutOfBounds);
        }
        // All of it in 32 bits: within an array it does not wrap, and elsewhere it stays within the heap. The flags are kept.
        let size = storage_size(&storage);
        let mut scale = size.trailing_zeros() as u8;
        if scale > 3 {
            self.asm.lea(true, place, Mem::indexed(place, place, 0, 0));
            scale -= 1;
        }
        self.asm.lea(false, place, Mem::indexed(array, place, scale, 0));
        // The scratch register may hold the base from the comparison on.
        let base = self.frame.heap.unwrap_or(R11);
        self.asm.lea(true, place, Mem::indexed(base, place, 0, 0));
        if guarded {
            self.asm.mov_ri(R11, 0);
            self.asm.cmov(Cc::Ae, true, place, R11);
        }
        self.release_gpr(array);
        let mem = Mem::new(place, heap_layout::elements_offset(size) as i32);
        (place, mem, faults.then_some(TrapCode::ArrayOutOfBounds))
    }
}

/// Arrays as a whole.
impl Baseline<'_> {
    fn array_fill(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let storage = element(self.module, ty)?.storage;
        let class = self.field_class(storage);
        // In memory, where asking for a function's number keeps them.
        self.spill_registers(usize::MAX);
        let height = self.height() - 4;
        self.trap_if_null(self.entry_at(height), TrapCode::NullArrayReference);
        let (low, high) = self.split(class, self.entry_at(height + 2), height + 2);
        let args = [height, height + 1, height + 3].map(|height| Arg::Val(self.entry_at(height)));
        self.call_builtin(Builtin::array_fill, &[args[0], args[1], low, high, args[2]])?;
        self.truncate(height);
        Ok(())
    }

    /// The bits of an element as two numbers of 64 bits. The value is the operand at a height, and in memory or a register of its own; all others are
    /// as well.
    fn split(&mut self, class: FieldClass, value: Val, height: usize) -> (Arg, Arg) {
        let zero = Arg::Imm(0);
        match (class, value.at) {
            (_, At::Const(bits)) => (Arg::Imm(bits), zero),
            (FieldClass::Func, _) => {
                let func = self.alloc();
                self.load_gpr(func, value);
                (Arg::Val(self.func_number(Val { ty: value.ty, at: At::Gpr(func) })), zero)
            }
            (FieldClass::F32 | FieldClass::F64 | FieldClass::V128, _) => {
                // A vector register's bits are in its slot, or go there.
                let slot = self.slot(height);
                self.touch_slot(height);
                self.store_val(slot, value);
                let number = |ty, disp| Arg::Val(Val { ty, at: At::Mem(Mem { disp: slot.disp + disp, ..slot }) });
                match class {
                    FieldClass::F32 => (number(AbiType::I32, 0), zero),
                    FieldClass::F64 => (number(AbiType::I64, 0), zero),
                    _ => (number(AbiType::I64, 0), number(AbiType::I64, 8)),
                }
            }
            _ => (Arg::Val(value), zero),
        }
    }

    fn array_copy(&mut self) -> Result<(), CompileError> {
        let height = self.height() - 5;
        self.spill_registers(usize::MAX);
        self.trap_if_null(self.entry_at(height), TrapCode::NullArrayReference);
        self.trap_if_null(self.entry_at(height + 2), TrapCode::NullArrayReference);
        let args: [Arg; 5] = std::array::from_fn(|position| Arg::Val(self.entry_at(height + position)));
        self.call_builtin(Builtin::array_copy, &args)?;
        self.truncate(height);
        Ok(())
    }

    fn array_init(&mut self, builtin: Builtin, segment: u32) -> Result<(), CompileError> {
        let length = self.pop();
        let source = self.pop();
        let index = self.pop();
        let array = self.pop();
        self.trap_if_null(array, TrapCode::NullArrayReference);
        let segment = u64::from(segment) << 32;
        let segment_and_source = match source.at {
            At::Const(source) => Arg::Imm(segment | source),
            _ => {
                let reg = self.in_own_gpr(source);
                self.asm.mov_ri(R11, segment);
                self.asm.alu_rr(Alu::Or, true, reg, R11);
                Arg::Val(Val { ty: AbiType::I64, at: At::Gpr(reg) })
            }
        };
        self.call_builtin(builtin, &[Arg::Val(array), Arg::Val(index), segment_and_source, Arg::Val(length)])?;
        Ok(())
    }
}

//! Arrays.
//!
//! An index is compared with the array's length. A CPU may run ahead of the check, so the address of an access depends on its outcome by a select that
//! is not speculated, and is 0 when the check fails. With signals this is the trap itself, as for memories: nothing is ever
//! mapped there, and the access is a trap site.

use chalcid_module::builtins::Builtin;
use chalcid_module::heap_layout::{self, ARRAY_LENGTH, storage_size};
use chalcid_module::index::TypeIdx;
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{StorageType, ValType};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};
use wasmparser::Operator;

use super::bounds::{Place, constant};
use super::object::Extend;
use super::region::Region;
use super::translator::{FuncTranslator, ir_trap_code};
use super::types::POINTER;
use crate::CompileError;
use crate::objects::{UNROLLED, element_offsets};

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use Operator as Op;
    match *op {
        Op::ArrayNew { array_type_index } => t.array_new(TypeIdx(array_type_index))?,
        Op::ArrayNewDefault { array_type_index } => t.array_new_default(TypeIdx(array_type_index))?,
        Op::ArrayNewFixed { array_type_index, array_size } => {
            t.array_new_fixed(TypeIdx(array_type_index), array_size)?
        }
        Op::ArrayNewData { array_type_index, array_data_index } => {
            t.array_new_segment(Builtin::array_new_data, array_type_index, array_data_index);
        }
        Op::ArrayNewElem { array_type_index, array_elem_index } => {
            t.array_new_segment(Builtin::array_new_elem, array_type_index, array_elem_index);
        }
        Op::ArrayGet { array_type_index } | Op::ArrayGetU { array_type_index } => {
            t.array_get(TypeIdx(array_type_index), Extend::Unsigned)?;
        }
        Op::ArrayGetS { array_type_index } => t.array_get(TypeIdx(array_type_index), Extend::Signed)?,
        Op::ArraySet { array_type_index } => t.array_set(TypeIdx(array_type_index))?,
        Op::ArrayLen => {
            let array = t.pop();
            let length = t.array_length(array);
            t.push(length);
        }
        Op::ArrayFill { array_type_index } => t.array_fill(TypeIdx(array_type_index))?,
        Op::ArrayCopy { .. } => t.array_copy(),
        Op::ArrayInitData { array_data_index, .. } => t.array_init(Builtin::array_init_data, array_data_index),
        Op::ArrayInitElem { array_elem_index, .. } => t.array_init(Builtin::array_init_elem, array_elem_index),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Making arrays.
impl FuncTranslator<'_> {
    fn array_new(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let storage = self.element(ty)?.storage;
        // The value stays on the stack, to be found by the collector.
        let length = self.pop();
        let value = self.peek();
        let Some(array) = self.new_array(ty, storage_size(&storage), length) else { return Ok(()) };
        if !self.is_zero(value) {
            match constant(self, length) {
                Some(known) if known <= u64::from(UNROLLED) => {
                    self.initialize_equal(array, storage, value, known as u32)
                }
                _ => self.fill(storage, array, None, value, length),
            }
        }
        self.drop_n(1);
        self.push(array);
        Ok(())
    }

    /// Stores a value into each element of a new array.
    fn initialize_equal(&mut self, array: Value, storage: StorageType, value: Value, length: u32) {
        let bits = self.field_bits(storage, value);
        let pointer = self.heap_address(array);
        let flags = self.field_flags(storage);
        for offset in element_offsets(storage, length) {
            self.store_field(storage, bits, Place { pointer, offset: offset as i32, flags });
        }
    }

    fn array_new_default(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let storage = self.element(ty)?.storage;
        let length = self.pop();
        if let Some(array) = self.new_array(ty, storage_size(&storage), length) {
            self.push(array);
        }
        Ok(())
    }

    fn array_new_fixed(&mut self, ty: TypeIdx, length: u32) -> Result<(), CompileError> {
        let storage = self.element(ty)?.storage;
        let count = self.i32_const(length);
        let Some(array) = self.new_array(ty, storage_size(&storage), count) else { return Ok(()) };
        self.initialize_fields(array, element_offsets(storage, length).map(|offset| (storage, offset)));
        self.push(array);
        Ok(())
    }

    fn array_new_segment(&mut self, builtin: Builtin, ty: u32, segment: u32) {
        let (offset, length) = self.pop2();
        let (ty, segment) = (self.i32_const(ty), self.i32_const(segment));
        if let Some(wide) = self.call_builtin(builtin, &[ty, segment, offset, length]) {
            let array = self.ins().ireduce(types::I32, wide);
            self.push_gc_ref(array);
        }
    }
}

/// Access to elements.
impl FuncTranslator<'_> {
    fn array_get(&mut self, ty: TypeIdx, extend: Extend) -> Result<(), CompileError> {
        let storage = self.element(ty)?.storage;
        let (array, index) = self.pop2();
        let place = self.element_place(storage, array, index);
        self.push_field(storage, extend, place);
        Ok(())
    }

    fn array_set(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let storage = self.element(ty)?.storage;
        let (array, index, value) = self.pop3();
        let bits = self.field_bits(storage, value);
        let place = self.element_place(storage, array, index);
        self.store_field(storage, bits, place);
        Ok(())
    }

    /// Length of an array that may be null.
    fn array_length(&mut self, array: Value) -> Value {
        let flags = self.flags(Region::ArrayLengths);
        let place = self.place_in_object(array, ARRAY_LENGTH, 4, flags, TrapCode::NullArrayReference);
        self.ins().load(types::I32, place.flags, place.pointer, place.offset)
    }

    /// An element of an array that may be null.
    fn element_place(&mut self, storage: StorageType, array: Value, index: Value) -> Place {
        let length = self.array_length(array);
        let outside = self.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        let guarded = self.settings.spectre_guards;
        let mut flags = self.field_flags(storage);
        if guarded && self.settings.signals {
            flags = flags.with_trap_code(Some(ir_trap_code(TrapCode::ArrayOutOfBounds)));
        } else {
            self.trap_if(outside, TrapCode::ArrayOutOfBounds);
        }
        let size = storage_size(&storage);
        // All of it in 32 bits: within an array it does not wrap, and elsewhere it stays within the heap.
        let distance = self.ins().ishl_imm_u(index, i64::from(size.trailing_zeros()));
        let place = self.ins().iadd(array, distance);
        let mut pointer = self.heap_address(place);
        if guarded {
            let nowhere = self.ins().iconst(POINTER, 0);
            pointer = self.ins().select_spectre_guard(outside, nowhere, pointer);
        }
        Place { pointer, offset: heap_layout::elements_offset(size) as i32, flags }
    }
}

/// Arrays as a whole.
impl FuncTranslator<'_> {
    fn array_fill(&mut self, ty: TypeIdx) -> Result<(), CompileError> {
        let storage = self.element(ty)?.storage;
        let (index, value, length) = self.pop3();
        let array = self.pop();
        self.check_array(array);
        self.fill(storage, array, Some(index), value, length);
        Ok(())
    }

    /// Has elements from an index on, or from the first, overwritten by a value.
    fn fill(&mut self, storage: StorageType, array: Value, index: Option<Value>, value: Value, length: Value) {
        let index = index.unwrap_or_else(|| self.i32_const(0));
        let bits = self.field_bits(storage, value);
        let (low, high) = self.split(storage, bits);
        self.call_builtin(Builtin::array_fill, &[array, index, low, high, length]);
    }

    /// The bits of a field as two numbers of 64 bits.
    fn split(&mut self, storage: StorageType, bits: Value) -> (Value, Value) {
        let zero = self.i64_const(0);
        let low = match storage {
            StorageType::Val(ValType::I64) => bits,
            StorageType::Val(ValType::F64) => self.ins().bitcast(types::I64, MemFlagsData::new(), bits),
            StorageType::Val(ValType::F32) => {
                let bits = self.ins().bitcast(types::I32, MemFlagsData::new(), bits);
                self.ins().uextend(types::I64, bits)
            }
            StorageType::Val(ValType::V128) => {
                let lanes = self.cast_vector(bits, types::I64X2);
                let low = self.ins().extractlane(lanes, 0);
                return (low, self.ins().extractlane(lanes, 1));
            }
            StorageType::I8 | StorageType::I16 | StorageType::Val(ValType::I32 | ValType::Ref(_)) => {
                self.ins().uextend(types::I64, bits)
            }
        };
        (low, zero)
    }

    fn array_copy(&mut self) {
        let (from, from_index, length) = self.pop3();
        let (to, to_index) = self.pop2();
        self.check_array(to);
        self.check_array(from);
        self.call_builtin(Builtin::array_copy, &[to, to_index, from, from_index, length]);
    }

    fn array_init(&mut self, builtin: Builtin, segment: u32) {
        let (index, source, length) = self.pop3();
        let array = self.pop();
        self.check_array(array);
        let segment = self.i64_const(u64::from(segment) << 32);
        let source = self.ins().uextend(types::I64, source);
        let segment_and_source = self.ins().bor(segment, source);
        self.call_builtin(builtin, &[array, index, segment_and_source, length]);
    }

    /// Traps when an array is null.
    fn check_array(&mut self, array: Value) {
        let is_null = self.is_null(array);
        self.trap_if(is_null, TrapCode::NullArrayReference);
    }
}

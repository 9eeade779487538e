//! Objects of the heap: where they are, and how values go into their fields and come out again.
//!
//! A reference is 32 bits wide and is zero-extended before it is added to the heap's base; whatever is added within an array is added in 32
//! bits before. So no access leaves the heap's reservation, whatever the bits of a reference are.
//!
//! What fields hold, and why a function is asked for its number when the object is there, `crate::objects` says.

use std::rc::Rc;

use chalcid_module::builtins::Builtin;
use chalcid_module::heap_layout::FieldsLayout;
use chalcid_module::index::TypeIdx;
use chalcid_module::layout::{POINTER_SIZE, vmagent, vmcontext};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{FieldType, StorageType, SubType, ValType};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};

use super::bounds::{Place, constant};
use super::region::{FieldClass, Region};
use super::translator::{FuncTranslator, ir_trap_code};
use super::types::POINTER;
pub(super) use crate::objects::Extend;
use crate::{CompileError, objects};

/// Types.
impl<'a> FuncTranslator<'a> {
    /// A defined type by its index.
    pub(super) fn sub_type(&self, ty: TypeIdx) -> Result<&'a SubType, CompileError> {
        objects::sub_type(self.module, ty)
    }

    /// Fields of a structure type, and where they lie.
    pub(super) fn structure(&mut self, ty: TypeIdx) -> Result<(&'a [FieldType], Rc<FieldsLayout>), CompileError> {
        self.struct_layouts.structure(self.module, ty)
    }

    /// Element type of an array type.
    pub(super) fn element(&self, ty: TypeIdx) -> Result<FieldType, CompileError> {
        objects::element(self.module, ty)
    }

    /// The engine's identity of a type of the module.
    pub(super) fn type_id(&mut self, ty: TypeIdx) -> Value {
        let ids = self.load_vmctx_ptr(vmcontext::TYPE_IDS);
        self.load_fixed(types::I32, ids, ty.0 * 4)
    }

    /// What a field or an element holds.
    fn field_class(&self, storage: StorageType) -> FieldClass {
        FieldClass::of(storage, self.module)
    }
}

/// Places.
impl FuncTranslator<'_> {
    /// Base of the heap. It is loaded once: it was there before anything could refer to an object.
    pub(super) fn heap_base(&mut self) -> Value {
        let agent = self.load_vmctx_ptr(vmcontext::AGENT);
        self.load_fixed(POINTER, agent, vmagent::HEAP_BASE)
    }

    /// Address of the byte at a 32-bit offset of the heap.
    pub(super) fn heap_address(&mut self, offset: Value) -> Value {
        let base = self.heap_base();
        let offset = self.ins().uextend(POINTER, offset);
        self.ins().iadd(base, offset)
    }

    /// Flags of an access to a field or element. Vectors are aligned to eight bytes only.
    pub(super) fn field_flags(&mut self, storage: StorageType) -> MemFlagsData {
        let region = Region::Fields(self.field_class(storage)).declare(self.module, self.builder.func);
        let flags = match storage {
            StorageType::Val(ValType::V128) => MemFlagsData::new().with_notrap(),
            _ => MemFlagsData::trusted(),
        };
        flags.with_alias_region(Some(region))
    }

    /// A place in an object that may be null, for an access of `size` bytes. Null traps with `code`.
    pub(super) fn place_in_object(
        &mut self,
        reference: Value,
        offset: u32,
        size: u32,
        mut flags: MemFlagsData,
        code: TrapCode,
    ) -> Place {
        if self.null_faults(offset + size) {
            flags = flags.with_trap_code(Some(ir_trap_code(code)));
        } else {
            let is_null = self.is_null(reference);
            self.trap_if(is_null, code);
        }
        Place { pointer: self.heap_address(reference), offset: offset as i32, flags }
    }

    /// Whether an access that ends at `end` bytes behind a null reference is known to fault: nothing is ever mapped at the beginning of the heap.
    pub(super) fn null_faults(&self, end: u32) -> bool {
        objects::null_faults(self.settings, end)
    }
}

/// Values.
impl FuncTranslator<'_> {
    /// Loads a field or an element, and pushes it.
    pub(super) fn push_field(&mut self, storage: StorageType, extend: Extend, place: Place) {
        let Place { pointer, offset, flags } = place;
        let load = |t: &mut Self, ty: Type| t.ins().load(ty, flags, pointer, offset);
        let value = match (self.field_class(storage), extend) {
            (FieldClass::I8, Extend::Signed) => self.ins().sload8(types::I32, flags, pointer, offset),
            (FieldClass::I8, Extend::Unsigned) => self.ins().uload8(types::I32, flags, pointer, offset),
            (FieldClass::I16, Extend::Signed) => self.ins().sload16(types::I32, flags, pointer, offset),
            (FieldClass::I16, Extend::Unsigned) => self.ins().uload16(types::I32, flags, pointer, offset),
            (FieldClass::I32, _) => load(self, types::I32),
            (FieldClass::I64, _) => load(self, types::I64),
            (FieldClass::F32, _) => load(self, types::F32),
            (FieldClass::F64, _) => load(self, types::F64),
            (FieldClass::V128, _) => load(self, types::I8X16),
            (FieldClass::Func, _) => {
                let number = load(self, types::I32);
                self.func_of_number(number)
            }
            (FieldClass::Ref, _) => {
                let reference = load(self, types::I32);
                return self.push_gc_ref(reference);
            }
        };
        self.push(value);
    }

    /// The bits that a field or an element holds for a value. May call the running side: what is stored goes where the object is afterwards, by an
    /// address that is computed then, so that the collector sees that the object is still needed.
    pub(super) fn field_bits(&mut self, storage: StorageType, value: Value) -> Value {
        match self.field_class(storage) {
            FieldClass::Func => self.number_of_func(value),
            _ => value,
        }
    }

    /// Stores bits into a field or an element.
    pub(super) fn store_field(&mut self, storage: StorageType, bits: Value, place: Place) {
        let Place { pointer, offset, flags } = place;
        match self.field_class(storage) {
            FieldClass::I8 => self.ins().istore8(flags, bits, pointer, offset),
            FieldClass::I16 => self.ins().istore16(flags, bits, pointer, offset),
            _ => self.ins().store(flags, bits, pointer, offset),
        };
    }

    /// Pops the operands of a new object, which holds zeros, and stores each into a field of a type at an offset.
    pub(super) fn initialize_fields(
        &mut self,
        object: Value,
        fields: impl ExactSizeIterator<Item = (StorageType, u32)> + DoubleEndedIterator,
    ) {
        let mut pointer = self.heap_address(object);
        for (storage, offset) in fields.rev() {
            let value = self.pop();
            self.work.operator(self.height());
            if self.is_zero(value) {
                continue;
            }
            let bits = self.field_bits(storage, value);
            if bits != value {
                pointer = self.heap_address(object);
            }
            let flags = self.field_flags(storage);
            self.store_field(storage, bits, Place { pointer, offset: offset as i32, flags });
        }
    }

    /// Whether a value is a constant whose bits are all zero, as far as that is easily seen.
    pub(super) fn is_zero(&self, value: Value) -> bool {
        constant(self, value) == Some(0)
    }

    /// The number under which objects refer to a function; 0 for null.
    pub(super) fn number_of_func(&mut self, func: Value) -> Value {
        if self.is_zero(func) {
            return self.i32_const(0);
        }
        let null = self.i32_const(0);
        let is_func = self.ins().icmp_imm_u(IntCC::NotEqual, func, 0);
        self.cold_path(is_func, null, |t| {
            let wide = t.call_builtin(Builtin::func_to_heap, &[func])?;
            Some(t.ins().ireduce(types::I32, wide))
        })
    }

    /// The function of a number that an object holds. A number beyond the table, which no object holds, is taken for null.
    fn func_of_number(&mut self, number: Value) -> Value {
        let agent = self.load_vmctx_ptr(vmcontext::AGENT);
        let number = self.ins().uextend(POINTER, number);
        let length = self.load_mutable(types::I64, Region::HeapFuncs, agent, vmagent::HEAP_FUNCS_LEN);
        let funcs = self.load_mutable(POINTER, Region::HeapFuncs, agent, vmagent::HEAP_FUNCS);
        let outside = self.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, number, length);
        let offset = self.ins().ishl_imm_u(number, i64::from(POINTER_SIZE.trailing_zeros()));
        let zero = self.i64_const(0);
        let offset = self.ins().select_spectre_guard(outside, zero, offset);
        let address = self.ins().iadd(funcs, offset);
        self.load_mutable(POINTER, Region::HeapFuncs, address, 0)
    }
}

//! Making objects: inline from the bytes that the agent has set aside, by the running side when these do not suffice.
//!
//! The agent's `ALLOC_CURSOR` and `ALLOC_LIMIT` bound a stretch of the heap that is all zeros. An object is taken from its beginning by moving the
//! cursor, and has its header before anything else happens: the collector, which may run at any call, walks over whole
//! objects. The cursor stays a multiple of eight, since sizes are.

use chalcid_module::builtins::Builtin;
use chalcid_module::heap_layout::{self, ARRAY_LENGTH, HEADER_SIZE, Kind, TYPE_ID};
use chalcid_module::index::TypeIdx;
use chalcid_module::layout::{vmagent, vmcontext};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::region::Region;
use super::translator::FuncTranslator;
use crate::objects::{LARGEST_INLINE, before_structure, inline_array_size, longest_inline};

/// An object that is about to be made.
enum New {
    /// A structure, and the bytes before the place that references name.
    Struct { before: u32 },
    /// An array of so many elements.
    Array(Value),
}

impl FuncTranslator<'_> {
    /// A new structure of a type, all zeros. The collector finds it from here on.
    pub(super) fn new_struct(&mut self, ty: TypeIdx, size: u32) -> Option<Value> {
        let before = before_structure(self.module, ty);
        let new = New::Struct { before };
        if before + size > LARGEST_INLINE {
            return self.allocate_slowly(ty, &new).map(|reference| self.declare_reference(reference));
        }
        let size = self.i64_const(u64::from(before + size));
        Some(self.allocate(ty, new, size, None))
    }

    /// A new array of a type with so many elements of so many bytes, all zeros. Traps when it is too large.
    pub(super) fn new_array(&mut self, ty: TypeIdx, element_size: u32, length: Value) -> Option<Value> {
        let new = New::Array(length);
        if let Some(known) = super::bounds::constant(self, length) {
            let Some(size) = inline_array_size(element_size, known) else {
                return self.allocate_slowly(ty, &new).map(|reference| self.declare_reference(reference));
            };
            let size = self.i64_const(u64::from(size));
            return Some(self.allocate(ty, new, size, None));
        }
        let most = longest_inline(element_size);
        let too_long = self.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, length, i64::from(most));
        // Below 2^36, so that nothing overflows even where the array is too long.
        let wide = self.ins().uextend(types::I64, length);
        let elements = self.ins().ishl_imm_u(wide, i64::from(element_size.trailing_zeros()));
        let round = u64::from(heap_layout::elements_offset(element_size) + heap_layout::OBJECT_ALIGN - 1);
        let padded = self.ins().iadd_imm_u(elements, round.cast_signed());
        let size = self.ins().band_imm_s(padded, -i64::from(heap_layout::OBJECT_ALIGN));
        Some(self.allocate(ty, new, size, Some(too_long)))
    }

    /// Takes `size` bytes, unless they are `refused` or not there: then the running side makes the object.
    fn allocate(&mut self, ty: TypeIdx, new: New, size: Value, refused: Option<Value>) -> Value {
        let agent = self.load_vmctx_ptr(vmcontext::AGENT);
        let cursor = self.load_mutable(types::I64, Region::Allocation, agent, vmagent::ALLOC_CURSOR);
        let limit = self.load_mutable(types::I64, Region::Allocation, agent, vmagent::ALLOC_LIMIT);
        let end = self.ins().iadd(cursor, size);
        let mut slow = self.ins().icmp(IntCC::UnsignedGreaterThan, end, limit);
        if let Some(refused) = refused {
            slow = self.ins().bor(slow, refused);
        }
        let join = self.builder.create_block();
        let reference = self.builder.append_block_param(join, types::I32);

        let (cold, fast) = self.cold_branch(slow);
        self.builder.switch_to_block(cold);
        if let Some(made) = self.in_cold(|t| t.allocate_slowly(ty, &new)) {
            self.ins().jump(join, &[made.into()]);
        }

        self.go_on_in(fast);
        let flags = self.flags(Region::Allocation);
        self.ins().store(flags, end, agent, vmagent::ALLOC_CURSOR as i32);
        let (kind, before) = match new {
            New::Struct { before } => (Kind::Struct, before),
            New::Array(_) => (Kind::Array, 0),
        };
        let cursor = if before == 0 { cursor } else { self.ins().iadd_imm_u(cursor, i64::from(before)) };
        let header = self.header(ty, kind);
        let base = self.heap_base();
        let object = self.ins().iadd(base, cursor);
        let flags = self.flags(Region::ObjectHeaders);
        self.ins().store(flags, header, object, TYPE_ID as i32);
        if let New::Array(length) = new {
            let flags = self.flags(Region::ArrayLengths);
            self.ins().store(flags, length, object, ARRAY_LENGTH as i32);
        }
        let made = self.ins().ireduce(types::I32, cursor);
        self.ins().jump(join, &[made.into()]);
        self.go_on_in(join);
        self.declare_reference(reference)
    }

    /// The first eight bytes of an object.
    fn header(&mut self, ty: TypeIdx, kind: Kind) -> Value {
        const { assert!(HEADER_SIZE == 8 && TYPE_ID == 0 && heap_layout::KIND == 4) };
        let id = self.type_id(ty);
        let id = self.ins().uextend(types::I64, id);
        let kind = self.i64_const((kind as u64) << (8 * heap_layout::KIND));
        self.ins().bor(id, kind)
    }

    /// Asks the running side for an object.
    fn allocate_slowly(&mut self, ty: TypeIdx, new: &New) -> Option<Value> {
        let number = self.i32_const(ty.0);
        let wide = match *new {
            New::Struct { .. } => self.call_builtin(Builtin::gc_new_struct, &[number]),
            New::Array(length) => self.call_builtin(Builtin::gc_new_array, &[number, length]),
        }?;
        Some(self.ins().ireduce(types::I32, wide))
    }

    /// Tells the collector of a reference.
    pub(super) fn declare_reference(&mut self, reference: Value) -> Value {
        self.work.has_references = true;
        self.builder.declare_value_needs_stack_map(reference);
        reference
    }
}

//! Descriptors of structures: structures that have one, and casts by it.
//!
//! A structure of a type with a descriptor keeps the reference to it before itself, and a subtype of such a type has one, too. So a cast by
//! a descriptor first tests for the type, which tells that there is a descriptor to compare.

use chalcid_module::heap_layout::DESCRIPTOR;
use chalcid_module::index::TypeIdx;
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::RefType;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};
use wasmparser::Operator;

use super::cast::target;
use super::region::{FieldClass, Region};
use super::translator::FuncTranslator;
use crate::CompileError;
use crate::type_test::DescriptorCast;

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::StructNewDesc { struct_type_index } => t.struct_new_desc(TypeIdx(struct_type_index), false)?,
        Operator::StructNewDefaultDesc { struct_type_index } => t.struct_new_desc(TypeIdx(struct_type_index), true)?,
        Operator::RefGetDesc { .. } => t.ref_get_desc(),
        Operator::RefCastDescEqNonNull { hty } => t.ref_cast_desc_eq(target(hty, false)?)?,
        Operator::RefCastDescEqNullable { hty } => t.ref_cast_desc_eq(target(hty, true)?)?,
        Operator::BrOnCastDescEq { relative_depth, from_ref_type, to_ref_type } => {
            let (matches, fails) = t.operand_descriptor_blocks(from_ref_type, to_ref_type)?;
            t.branch_from(matches, relative_depth);
            t.go_on_in(fails);
        }
        Operator::BrOnCastDescEqFail { relative_depth, from_ref_type, to_ref_type } => {
            let (matches, fails) = t.operand_descriptor_blocks(from_ref_type, to_ref_type)?;
            t.branch_from(fails, relative_depth);
            t.go_on_in(matches);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

impl FuncTranslator<'_> {
    /// `struct.new_desc`, or `struct.new_default_desc` when every field is `default`.
    fn struct_new_desc(&mut self, ty: TypeIdx, default: bool) -> Result<(), CompileError> {
        let descriptor = self.pop_descriptor();
        let (fields, layout) = self.structure(ty)?;
        let Some(reference) = self.new_struct(ty, layout.size) else { return Ok(()) };
        // Before anything can collect: a structure of the type without one does not exist.
        let object = self.heap_address(reference);
        let flags = self.flags(Region::Fields(FieldClass::Ref));
        self.ins().store(flags, descriptor, object, DESCRIPTOR);
        if !default {
            let storages = fields.iter().map(|field| field.storage);
            self.initialize_fields(reference, storages.zip(layout.offsets.iter().copied()));
        }
        self.push(reference);
        Ok(())
    }

    fn ref_get_desc(&mut self) {
        let reference = self.pop();
        let is_null = self.is_null(reference);
        self.trap_if(is_null, TrapCode::NullReference);
        let descriptor = self.load_descriptor(reference);
        self.push_gc_ref(descriptor);
    }

    fn ref_cast_desc_eq(&mut self, target: RefType) -> Result<(), CompileError> {
        let descriptor = self.pop_descriptor();
        let cast = DescriptorCast::new(self.module, None, target)?;
        let (matches, fails) = self.descriptor_blocks(&cast, descriptor)?;
        self.builder.set_cold_block(fails);
        self.go_on_in(fails);
        self.trap(TrapCode::DescriptorCastFailure);
        self.go_on_in(matches);
        Ok(())
    }

    /// Pops a descriptor; null traps.
    fn pop_descriptor(&mut self) -> Value {
        let descriptor = self.pop();
        let is_null = self.is_null(descriptor);
        self.trap_if(is_null, TrapCode::NullDescriptorReference);
        descriptor
    }

    /// The descriptor of a structure that is known to have one.
    fn load_descriptor(&mut self, reference: Value) -> Value {
        let object = self.heap_address(reference);
        let flags = self.flags(Region::Fields(FieldClass::Ref));
        self.ins().load(types::I32, flags, object, DESCRIPTOR)
    }

    /// Pops a descriptor and tests the next operand, which stays on the stack; gives the blocks for success and failure.
    fn operand_descriptor_blocks(
        &mut self,
        from: wasmparser::RefType,
        to: wasmparser::RefType,
    ) -> Result<(Block, Block), CompileError> {
        let cast = DescriptorCast::of_branch(self.module, from, to)?;
        let descriptor = self.pop_descriptor();
        self.descriptor_blocks(&cast, descriptor)
    }

    /// Ends the block at hand by branches to two new ones: for a topmost operand that is null, if that will do, or whose descriptor is a
    /// certain one, and for all others.
    fn descriptor_blocks(&mut self, cast: &DescriptorCast, descriptor: Value) -> Result<(Block, Block), CompileError> {
        let reference = self.peek();
        let matches = self.builder.create_block();
        let mut known = cast.known;
        if known.nullable && cast.nullable {
            self.leave_unless(reference, matches);
            known.nullable = false;
        }
        let (typed, fails) = self.match_blocks(reference, known, cast.typed)?;
        self.go_on_in(typed);
        let found = self.load_descriptor(reference);
        let same = self.ins().icmp(IntCC::Equal, found, descriptor);
        self.ins().brif(same, matches, &[], fails, &[]);
        Ok((matches, fails))
    }
}

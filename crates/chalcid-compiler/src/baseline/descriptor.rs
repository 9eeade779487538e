//! Descriptors of structures: structures that have one, and casts by it.
//!
//! A structure of a type with a descriptor keeps the reference to it before itself, and a subtype of such a type has one, too. So a cast by
//! a descriptor first tests for the type, which tells that there is a descriptor to compare.

use chalcid_module::heap_layout::DESCRIPTOR;
use chalcid_module::index::TypeIdx;
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::RefType;
use wasmparser::Operator;

use super::asm::{Alu, Cc};
use super::cast::{Next, Reference, Ways};
use super::cold::ColdKind;
use super::reg::{Gpr, RAX};
use super::state::Baseline;
use crate::objects::{Extend, FieldClass};
use crate::type_test::{DescriptorCast, Test};
use crate::types::cast_target;
use crate::{AbiType, CompileError};

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::StructNewDesc { struct_type_index } => b.struct_new_desc(TypeIdx(struct_type_index), false)?,
        Operator::StructNewDefaultDesc { struct_type_index } => b.struct_new_desc(TypeIdx(struct_type_index), true)?,
        Operator::RefGetDesc { .. } => b.ref_get_desc(),
        Operator::RefCastDescEqNonNull { hty } => b.ref_cast_desc_eq(cast_target(hty, false)?)?,
        Operator::RefCastDescEqNullable { hty } => b.ref_cast_desc_eq(cast_target(hty, true)?)?,
        Operator::BrOnCastDescEq { relative_depth, from_ref_type, to_ref_type } => {
            let cast = DescriptorCast::of_branch(b.module, from_ref_type, to_ref_type)?;
            b.br_on_cast_desc_eq(relative_depth, Next::Fails, &cast);
        }
        Operator::BrOnCastDescEqFail { relative_depth, from_ref_type, to_ref_type } => {
            let cast = DescriptorCast::of_branch(b.module, from_ref_type, to_ref_type)?;
            b.br_on_cast_desc_eq(relative_depth, Next::Matches, &cast);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

impl Baseline<'_> {
    /// `struct.new_desc`, or `struct.new_default_desc` when every field is `default`.
    fn struct_new_desc(&mut self, ty: TypeIdx, default: bool) -> Result<(), CompileError> {
        let height = self.height() - 1;
        self.trap_if_null(self.entry_at(height), TrapCode::NullDescriptorReference);
        let (fields, layout) = self.struct_layouts.structure(self.module, ty)?;
        let made = self.new_struct(ty, layout.size)?;
        // Before anything can collect: a structure of the type without one does not exist.
        let descriptor = self.pop();
        self.store_val(made.at(DESCRIPTOR), descriptor);
        self.release(descriptor);
        let object = if default {
            self.release_gpr(made.base);
            made.object
        } else {
            let from = self.height() - fields.len();
            let storages = fields.iter().map(|field| field.storage);
            self.initialize(made, from, storages.zip(layout.offsets.iter().copied()))
        };
        self.push_gpr(AbiType::GcRef, object);
        Ok(())
    }

    fn ref_get_desc(&mut self) {
        let val = self.pop();
        let reference = self.in_gpr(val);
        self.asm.test(false, reference, reference);
        self.trap_if(Cc::E, TrapCode::NullReference);
        let mem = self.in_object(reference, DESCRIPTOR);
        self.release_gpr(reference);
        self.push_field(FieldClass::Ref, Extend::Unsigned, mem, None);
    }

    /// Pops a descriptor into a register; null traps.
    fn pop_descriptor(&mut self) -> Gpr {
        let val = self.pop();
        let descriptor = self.in_gpr(val);
        self.asm.test(false, descriptor, descriptor);
        self.trap_if(Cc::E, TrapCode::NullDescriptorReference);
        descriptor
    }

    fn ref_cast_desc_eq(&mut self, target: RefType) -> Result<(), CompileError> {
        let cast = DescriptorCast::new(self.module, None, target)?;
        let descriptor = self.pop_descriptor();
        let val = self.pop();
        let reg = self.in_own_gpr(val);
        let fails = self.cold(ColdKind::Trap(TrapCode::DescriptorCastFailure));
        let ways = Ways { matches: self.asm.label(), fails, next: Next::Matches };
        self.match_descriptor(Reference { ty: val.ty, reg }, descriptor, &cast, ways);
        self.asm.bind(ways.matches);
        self.release_gpr(descriptor);
        self.push_gpr(val.ty, reg);
        Ok(())
    }

    fn br_on_cast_desc_eq(&mut self, depth: u32, next: Next, cast: &DescriptorCast) {
        let mut descriptor = self.pop_descriptor();
        if descriptor == RAX {
            // What the label takes may have to go there.
            descriptor = self.alloc();
            self.asm.mov_rr(false, descriptor, RAX);
            self.release_gpr(RAX);
        }
        self.branch_on_test(depth, next, |b, reference, ways| {
            b.match_descriptor(reference, descriptor, cast, ways);
            b.release_gpr(descriptor);
        });
    }

    /// Tests whether a reference is null, if that will do, or of a certain descriptor.
    fn match_descriptor(&mut self, reference: Reference, descriptor: Gpr, cast: &DescriptorCast, ways: Ways) {
        let reg = reference.reg;
        let mut known = cast.known;
        let typed = self.asm.label();
        // What the first test needs is free before the first jump.
        let temporaries = self.type_temporaries(Test::of(cast.typed.heap, self.module));
        if known.nullable && cast.nullable {
            self.asm.test(false, reg, reg);
            self.asm.jcc(Cc::E, ways.matches);
            known.nullable = false;
        }
        self.release_temporaries(temporaries);
        self.match_type(reference, known, cast.typed, Ways { matches: typed, fails: ways.fails, next: Next::Matches });
        self.asm.bind(typed);
        let mem = self.in_object(reg, DESCRIPTOR);
        self.asm.alu_rm(Alu::Cmp, false, descriptor, mem);
        self.decide(Cc::E, ways);
    }
}

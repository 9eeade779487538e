//! Tests of types at run time: `ref.test`, `ref.cast`, `br_on_cast`, and what calls through tables ask of a function.
//!
//! `crate::type_test` says what is tested. A test here is a chain of branches, the cheapest first, that ends in one of two blocks.

use chalcid_module::heap_layout::{BOX_TAG, I31_BIT, KIND, OBJECT_MASK, TYPE_ID};
use chalcid_module::index::TypeIdx;
use chalcid_module::layout::{POINTER_SIZE, type_info, vmagent, vmcontext, vmfuncref};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{Hierarchy, RefType};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};
use wasmparser::Operator;

use super::region::Region;
use super::translator::FuncTranslator;
use super::types::POINTER;
use crate::CompileError;
use crate::signature::hierarchy;
use crate::type_test::{self, Test};
pub(super) use crate::type_test::{Known, is_subtype};
pub(super) use crate::types::cast_target as target;

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::RefTestNonNull { hty } => t.ref_test(target(hty, false)?)?,
        Operator::RefTestNullable { hty } => t.ref_test(target(hty, true)?)?,
        Operator::RefCastNonNull { hty } => t.ref_cast(target(hty, false)?)?,
        Operator::RefCastNullable { hty } => t.ref_cast(target(hty, true)?)?,
        Operator::BrOnCast { relative_depth, from_ref_type, to_ref_type } => {
            let (matches, fails) = t.operand_blocks(from_ref_type, to_ref_type)?;
            t.branch_from(matches, relative_depth);
            t.go_on_in(fails);
        }
        Operator::BrOnCastFail { relative_depth, from_ref_type, to_ref_type } => {
            let (matches, fails) = t.operand_blocks(from_ref_type, to_ref_type)?;
            t.branch_from(fails, relative_depth);
            t.go_on_in(matches);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The operators.
impl FuncTranslator<'_> {
    fn ref_test(&mut self, target: RefType) -> Result<(), CompileError> {
        let reference = self.pop();
        let (matches, fails) = self.match_blocks(reference, Known::NOTHING, target)?;
        let join = self.builder.create_block();
        let result = self.builder.append_block_param(join, types::I32);
        for (block, answer) in [(matches, 1), (fails, 0)] {
            self.go_on_in(block);
            let answer = self.i32_const(answer);
            self.ins().jump(join, &[answer.into()]);
        }
        self.go_on_in(join);
        self.push(result);
        Ok(())
    }

    fn ref_cast(&mut self, target: RefType) -> Result<(), CompileError> {
        let reference = self.peek();
        let (matches, fails) = self.match_blocks(reference, Known::NOTHING, target)?;
        self.builder.set_cold_block(fails);
        self.go_on_in(fails);
        self.trap(TrapCode::CastFailure);
        self.go_on_in(matches);
        Ok(())
    }

    /// Tests the topmost operand, which stays on the stack, and gives the blocks for success and failure.
    fn operand_blocks(
        &mut self,
        from: wasmparser::RefType,
        to: wasmparser::RefType,
    ) -> Result<(Block, Block), CompileError> {
        let (known, target) = type_test::cast(self.module, from, to)?;
        self.match_blocks(self.peek(), known, target)
    }

    /// Branches from a block to a label.
    pub(super) fn branch_from(&mut self, block: Block, depth: u32) {
        self.go_on_in(block);
        self.br(depth);
    }
}

/// Tests.
impl FuncTranslator<'_> {
    /// Ends the block at hand by branches to two new ones: for references that are of a type, and for those that are not. The caller
    /// goes on in each by [`Self::go_on_in`].
    pub(super) fn match_blocks(
        &mut self,
        reference: Value,
        known: Known,
        target: RefType,
    ) -> Result<(Block, Block), CompileError> {
        let (matches, fails) = (self.builder.create_block(), self.builder.create_block());
        let for_null = if target.nullable { matches } else { fails };
        let test = Test::of(target.heap, self.module);
        match test {
            Test::Always => {
                if known.nullable && !target.nullable {
                    self.ins().brif(reference, matches, &[], fails, &[]);
                } else {
                    self.ins().jump(matches, &[]);
                }
            }
            Test::Never => {
                if known.nullable && target.nullable {
                    self.ins().brif(reference, fails, &[], matches, &[]);
                } else {
                    self.ins().jump(fails, &[]);
                }
            }
            Test::I31 => {
                if known.nullable && target.nullable {
                    self.leave_unless(reference, matches);
                }
                // Null does not have the bit.
                let bit = self.ins().band_imm_u(reference, i64::from(I31_BIT));
                self.ins().brif(bit, matches, &[], fails, &[]);
            }
            Test::Eq => {
                if known.nullable {
                    self.leave_unless(reference, for_null);
                }
                let tag = self.ins().band_imm_u(reference, i64::from(OBJECT_MASK));
                let is_box = self.ins().icmp_imm_u(IntCC::Equal, tag, i64::from(BOX_TAG));
                self.ins().brif(is_box, fails, &[], matches, &[]);
            }
            Test::Kind(kind) => {
                self.leave_unless_object(reference, known, for_null, fails);
                let object = self.heap_address(reference);
                let flags = self.flags(Region::ObjectHeaders);
                let found = self.ins().uload8(types::I32, flags, object, KIND as i32);
                let same = self.ins().icmp_imm_u(IntCC::Equal, found, kind as i64);
                self.ins().brif(same, matches, &[], fails, &[]);
            }
            Test::Def(ty) | Test::Exact(ty) => {
                let id = match hierarchy(target.heap, self.module) {
                    Hierarchy::Func => {
                        if known.nullable {
                            self.leave_unless(reference, for_null);
                        }
                        self.load_mutable(types::I32, Region::FuncRefs, reference, vmfuncref::TYPE_ID)
                    }
                    Hierarchy::Any | Hierarchy::Extern | Hierarchy::Exn => {
                        self.leave_unless_object(reference, known, for_null, fails);
                        let object = self.heap_address(reference);
                        self.load_mutable(types::I32, Region::ObjectHeaders, object, TYPE_ID)
                    }
                };
                if let Test::Exact(_) = test {
                    let wanted = self.type_id(ty);
                    let same = self.ins().icmp(IntCC::Equal, id, wanted);
                    self.ins().brif(same, matches, &[], fails, &[]);
                } else {
                    self.branch_on_type(id, ty, matches, fails);
                }
            }
        }
        Ok((matches, fails))
    }

    /// Goes on only with a reference to an object.
    fn leave_unless_object(&mut self, reference: Value, known: Known, for_null: Block, fails: Block) {
        if known.nullable {
            self.leave_unless(reference, for_null);
        }
        if !known.object {
            let tag = self.ins().band_imm_u(reference, i64::from(OBJECT_MASK));
            self.leave_if(tag, fails);
        }
    }

    /// Ends the block at hand by branches to one of two, by whether the type of an identity is a type of the module or below it.
    pub(super) fn branch_on_type(&mut self, id: Value, ty: TypeIdx, matches: Block, fails: Block) {
        let wanted = self.type_id(ty);
        let same = self.ins().icmp(IntCC::Equal, id, wanted);
        self.leave_if(same, matches);

        let display = self.display(id);
        let depth = type_test::depth(self.module, ty);
        if depth >= type_info::ALWAYS {
            let found = self.load_mutable(types::I32, Region::Displays, display, type_info::DEPTH);
            let deep_enough = self.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, found, i64::from(depth));
            self.leave_unless(deep_enough, fails);
        }
        // It stays behind the test of the depth: a short display may be all there is.
        let above = self.load_mutable(types::I32, Region::Displays, display, type_info::DISPLAY + 4 * depth);
        let below = self.ins().icmp(IntCC::Equal, above, wanted);
        self.ins().brif(below, matches, &[], fails, &[]);
    }

    /// The display of the type of an identity. Every number leads to one.
    fn display(&mut self, id: Value) -> Value {
        const POINTER_BITS: u32 = POINTER_SIZE.trailing_zeros();
        const CHUNKS: u64 = (1 << (type_info::ID_BITS - type_info::CHUNK_BITS)) - 1;
        let agent = self.load_vmctx_ptr(vmcontext::AGENT);
        let chunks = self.load_fixed(POINTER, agent, vmagent::TYPE_INFOS);
        let id = self.ins().uextend(POINTER, id);
        let number = self.ins().ushr_imm_u(id, i64::from(type_info::CHUNK_BITS - POINTER_BITS));
        let offset = self.ins().band_imm_u(number, (CHUNKS << POINTER_BITS).cast_signed());
        let place = self.ins().iadd(chunks, offset);
        let chunk = self.load_mutable(POINTER, Region::Displays, place, 0);
        let number = self.ins().band_imm_u(id, i64::from(type_info::CHUNK_MASK));
        let offset = self.ins().ishl_imm_u(number, i64::from(POINTER_BITS));
        let place = self.ins().iadd(chunk, offset);
        self.load_mutable(POINTER, Region::Displays, place, 0)
    }

    /// Leaves for a block when `condition` is not zero.
    fn leave_if(&mut self, condition: Value, target: Block) {
        let next = self.builder.create_block();
        self.ins().brif(condition, target, &[], next, &[]);
        self.go_on_in(next);
    }

    /// Leaves for a block when `condition` is zero.
    pub(super) fn leave_unless(&mut self, condition: Value, target: Block) {
        let next = self.builder.create_block();
        self.ins().brif(condition, next, &[], target, &[]);
        self.go_on_in(next);
    }
}

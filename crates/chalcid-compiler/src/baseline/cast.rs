//! Tests of types at run time: `ref.test`, `ref.cast`, `br_on_cast`, and what calls through tables ask of a function. `crate::type_test` says what
//! is tested.
//!
//! A test is a chain of jumps to one of two labels, one of which may be bound right behind it. Registers that it needs are there before the first
//! jump.

use chalcid_module::heap_layout::{BOX_TAG, I31_BIT, KIND, OBJECT_MASK, TYPE_ID};
use chalcid_module::layout::{POINTER_SIZE, type_info, vmagent, vmcontext, vmfuncref};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::RefType;
use wasmparser::Operator;

use super::asm::{Alu, Cc, Label, Op, Shift};
use super::cold::ColdKind;
use super::control::Passing;
use super::reg::{Gpr, Mem, R11, RAX};
use super::state::{Baseline, invalid, is_wide};
use crate::type_test::{Known, Test, cast, depth};
use crate::types::cast_target;
use crate::{AbiType, CompileError};

/// Compiles an operator of this family.
pub(super) fn translate(b: &mut Baseline<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    match *op {
        Operator::RefTestNonNull { hty } => b.ref_test(cast_target(hty, false)?),
        Operator::RefTestNullable { hty } => b.ref_test(cast_target(hty, true)?),
        Operator::RefCastNonNull { hty } => b.ref_cast(cast_target(hty, false)?),
        Operator::RefCastNullable { hty } => b.ref_cast(cast_target(hty, true)?),
        Operator::BrOnCast { relative_depth, from_ref_type, to_ref_type } => {
            let (known, target) = cast(b.module, from_ref_type, to_ref_type)?;
            b.branch_on_test(relative_depth, Next::Fails, |b, val, ways| b.match_type(val, known, target, ways));
        }
        Operator::BrOnCastFail { relative_depth, from_ref_type, to_ref_type } => {
            let (known, target) = cast(b.module, from_ref_type, to_ref_type)?;
            b.branch_on_test(relative_depth, Next::Matches, |b, val, ways| b.match_type(val, known, target, ways));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Which way of a test goes on behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    Matches,
    Fails,
}

/// Where a test leads.
#[derive(Clone, Copy)]
pub(super) struct Ways {
    pub matches: Label,
    pub fails: Label,
    /// The one that is bound behind the test.
    pub next: Next,
}

/// The registers of a test.
#[derive(Clone, Copy)]
pub(super) struct Temporaries([Option<Gpr>; 2]);

impl Temporaries {
    fn first(self) -> Gpr {
        match self.0 {
            [Some(reg), _] => reg,
            _ => invalid(),
        }
    }
}

/// A reference in a register.
#[derive(Clone, Copy)]
pub(super) struct Reference {
    pub ty: AbiType,
    pub reg: Gpr,
}

/// The operators.
impl Baseline<'_> {
    fn ref_test(&mut self, target: RefType) {
        let val = self.pop();
        let reg = self.in_gpr(val);
        let result = self.alloc();
        let ways = Ways { matches: self.asm.label(), fails: self.asm.label(), next: Next::Fails };
        self.asm.mov_ri(result, 1);
        self.match_type(Reference { ty: val.ty, reg }, Known::NOTHING, target, ways);
        self.asm.bind(ways.fails);
        self.asm.mov_ri(result, 0);
        self.asm.bind(ways.matches);
        self.release_gpr(reg);
        self.push_gpr(AbiType::I32, result);
    }

    fn ref_cast(&mut self, target: RefType) {
        let val = self.pop();
        let reg = self.in_own_gpr(val);
        let fails = self.cold(ColdKind::Trap(TrapCode::CastFailure));
        let ways = Ways { matches: self.asm.label(), fails, next: Next::Matches };
        self.match_type(Reference { ty: val.ty, reg }, Known::NOTHING, target, ways);
        self.asm.bind(ways.matches);
        self.push_gpr(val.ty, reg);
    }

    /// Branches to a label with the topmost operands, of which the last is tested, or goes on with them if the test has the outcome `next`.
    pub fn branch_on_test(&mut self, depth: u32, next: Next, test: impl FnOnce(&mut Self, Reference, Ways)) {
        let (label, passing) = self.target(depth);
        let val = self.pop();
        let ways = |taken, not_taken, next| match next {
            Next::Fails => Ways { matches: taken, fails: not_taken, next: Next::Fails },
            Next::Matches => Ways { matches: not_taken, fails: taken, next: Next::Matches },
        };
        let skip = self.asm.label();
        if let Passing::Register = passing {
            // It is where the label takes it.
            self.move_to(val, RAX);
            test(self, Reference { ty: val.ty, reg: RAX }, ways(label, skip, next));
            self.asm.bind(skip);
            return self.push_gpr(val.ty, RAX);
        }
        let reg = self.in_own_gpr(val);
        let taken = self.asm.label();
        let other = if next == Next::Fails { Next::Matches } else { Next::Fails };
        let Ways { matches, fails, .. } = ways(taken, skip, next);
        test(self, Reference { ty: val.ty, reg }, Ways { matches, fails, next: other });
        self.asm.bind(taken);
        self.push_gpr(val.ty, reg);
        self.copy_passed(passing);
        self.asm.jmp(label);
        self.asm.bind(skip);
    }
}

/// Tests.
impl Baseline<'_> {
    /// Tests a reference. What is known of it is not tested again.
    pub fn match_type(&mut self, reference: Reference, known: Known, target: RefType, ways: Ways) {
        let Reference { ty, reg } = reference;
        let for_null = if target.nullable { ways.matches } else { ways.fails };
        let test = Test::of(target.heap, self.module);
        let temporaries = self.type_temporaries(test);
        match test {
            Test::Always if known.nullable && !target.nullable => {
                self.asm.test(is_wide(ty), reg, reg);
                self.decide(Cc::Ne, ways);
            }
            Test::Always => self.decided(true, ways),
            Test::Never if known.nullable && target.nullable => {
                self.asm.test(is_wide(ty), reg, reg);
                self.decide(Cc::E, ways);
            }
            Test::Never => self.decided(false, ways),
            Test::I31 => {
                if known.nullable && target.nullable {
                    self.leave_if_null(reference, ways.matches);
                }
                // Null does not have the bit.
                self.asm.test_imm(reg, I31_BIT);
                self.decide(Cc::Ne, ways);
            }
            Test::Eq => {
                if known.nullable {
                    self.leave_if_null(reference, for_null);
                }
                self.asm.mov_rr(false, R11, reg);
                self.asm.alu_ri(Alu::And, false, R11, OBJECT_MASK as i32);
                self.asm.alu_ri(Alu::Cmp, false, R11, BOX_TAG as i32);
                self.decide(Cc::Ne, ways);
            }
            Test::Kind(kind) => {
                self.leave_unless_object(reference, known, for_null, ways.fails);
                let mem = self.in_object(reg, KIND as i32);
                self.asm.rm(Op::one(0x80), false, Alu::Cmp as u8, mem);
                self.asm.put1(kind as u8);
                self.decide(Cc::E, ways);
            }
            Test::Def(_) | Test::Exact(_) if ty == AbiType::FuncRef => {
                if known.nullable {
                    self.leave_if_null(reference, for_null);
                }
                self.compare_types(Mem::new(reg, vmfuncref::TYPE_ID as i32), test, temporaries, ways);
            }
            Test::Def(_) | Test::Exact(_) => {
                self.leave_unless_object(reference, known, for_null, ways.fails);
                // The scratch register is needed for something else.
                let base = self.heap_base(temporaries.first());
                self.compare_types(Mem::indexed(base, reg, 0, TYPE_ID as i32), test, temporaries, ways);
            }
        }
        self.release_temporaries(temporaries);
    }

    /// The registers that a test needs.
    pub fn type_temporaries(&mut self, test: Test) -> Temporaries {
        Temporaries(match test {
            Test::Def(_) => [Some(self.alloc()), Some(self.alloc())],
            Test::Exact(_) => [Some(self.alloc()), None],
            _ => [None, None],
        })
    }

    pub fn release_temporaries(&mut self, temporaries: Temporaries) {
        for reg in temporaries.0.into_iter().flatten() {
            self.release_gpr(reg);
        }
    }

    /// Tests the identity of a type, which is in memory, for a type of the module, or for that and all below it.
    pub fn compare_types(&mut self, place: Mem, test: Test, temporaries: Temporaries, ways: Ways) {
        let (Test::Def(ty) | Test::Exact(ty)) = test else { invalid() };
        let Temporaries([_, Some(display)]) = temporaries else {
            self.load_type_id(R11, ty);
            self.asm.alu_rm(Alu::Cmp, false, R11, place);
            return self.decide(Cc::E, ways);
        };
        let id = temporaries.first();
        self.asm.load(false, id, place);
        self.load_type_id(R11, ty);
        self.asm.alu_rr(Alu::Cmp, false, id, R11);
        self.asm.jcc(Cc::E, ways.matches);
        self.load_display(display, id);
        let depth = depth(self.module, ty);
        if depth >= type_info::ALWAYS {
            self.asm.alu_mi(Alu::Cmp, false, Mem::new(display, type_info::DEPTH as i32), depth as i32);
            // It stays before the look into the display, which may be a short one.
            self.asm.jcc(Cc::B, ways.fails);
        }
        self.load_type_id(R11, ty);
        self.asm.alu_rm(Alu::Cmp, false, R11, Mem::new(display, (type_info::DISPLAY + 4 * depth) as i32));
        self.decide(Cc::E, ways);
    }

    /// The display of the type of an identity, whose register is written. Every number leads to one.
    fn load_display(&mut self, display: Gpr, id: Gpr) {
        const CHUNKS: u32 = (1 << (type_info::ID_BITS - type_info::CHUNK_BITS)) - 1;
        const SCALE: u8 = POINTER_SIZE.trailing_zeros() as u8;
        self.load_vmctx(display);
        self.asm.load(true, display, Mem::new(display, vmcontext::AGENT as i32));
        self.asm.load(true, display, Mem::new(display, vmagent::TYPE_INFOS as i32));
        self.asm.mov_rr(false, R11, id);
        self.asm.shift_ri(Shift::Shr, false, R11, type_info::CHUNK_BITS as u8);
        self.asm.alu_ri(Alu::And, false, R11, CHUNKS as i32);
        self.asm.load(true, display, Mem::indexed(display, R11, SCALE, 0));
        self.asm.alu_ri(Alu::And, false, id, type_info::CHUNK_MASK as i32);
        self.asm.load(true, display, Mem::indexed(display, id, SCALE, 0));
    }

    fn leave_if_null(&mut self, reference: Reference, target: Label) {
        self.asm.test(is_wide(reference.ty), reference.reg, reference.reg);
        self.asm.jcc(Cc::E, target);
    }

    /// Goes on only with a reference to an object.
    fn leave_unless_object(&mut self, reference: Reference, known: Known, for_null: Label, fails: Label) {
        if known.nullable {
            self.leave_if_null(reference, for_null);
        }
        if !known.object {
            self.asm.test_imm(reference.reg, OBJECT_MASK);
            self.asm.jcc(Cc::Ne, fails);
        }
    }

    /// Ends a test: it matches on a condition.
    pub fn decide(&mut self, matches: Cc, ways: Ways) {
        match ways.next {
            Next::Matches => self.asm.jcc(matches.not(), ways.fails),
            Next::Fails => self.asm.jcc(matches, ways.matches),
        }
    }

    /// Ends a test whose outcome is known.
    fn decided(&mut self, matches: bool, ways: Ways) {
        match (matches, ways.next) {
            (true, Next::Fails) => self.asm.jmp(ways.matches),
            (false, Next::Matches) => self.asm.jmp(ways.fails),
            _ => {}
        }
    }
}

//! Objects of the heap: where they are, and how values go into their fields and come out again. `crate::objects` says what fields hold.
//!
//! A reference in a register has zeros in its upper half (`state`), so that it is added to the heap's base as it is; whatever is added within an
//! array is added in 32 bits before. So no access leaves the heap's reservation, whatever the bits of a reference are.

use chalcid_module::layout::{POINTER_SIZE, vmagent, vmcontext};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::StorageType;

use super::asm::{Alu, Cc, Op};
use super::cold::ColdKind;
use super::reg::{Gpr, Mem, R11};
use super::state::{At, Baseline, Loc, Val, load_op, store_op};
use crate::AbiType;
use crate::objects::{self, Extend, FieldClass};

/// A new object, and the heap's base, in registers that are held.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub object: Gpr,
    pub base: Gpr,
}

impl Made {
    /// A place in it.
    pub fn at(self, offset: i32) -> Mem {
        Mem::indexed(self.base, self.object, 0, offset)
    }
}

/// Places.
impl Baseline<'_> {
    /// The base of the heap, in a register of its own or in this one.
    pub fn heap_base(&mut self, scratch: Gpr) -> Gpr {
        match self.frame.heap {
            Some(reg) => reg,
            None => {
                self.load_heap_base(scratch);
                scratch
            }
        }
    }

    /// A place in an object that is not null. It may need the scratch register.
    pub fn in_object(&mut self, reference: Gpr, offset: i32) -> Mem {
        let base = self.heap_base(R11);
        Mem::indexed(base, reference, 0, offset)
    }

    /// A place in an object that may be null, for an access of `size` bytes: the code of the trap that the access is for null, if it is not
    /// tested here.
    pub fn in_nullable(&mut self, reference: Gpr, offset: u32, size: u32, code: TrapCode) -> (Mem, Option<TrapCode>) {
        let faults = objects::null_faults(self.settings, offset + size);
        if !faults {
            self.asm.test(false, reference, reference);
            self.trap_if(Cc::E, code);
        }
        (self.in_object(reference, offset as i32), faults.then_some(code))
    }

    /// Traps when a value that is a reference into the heap is null. The value stays.
    pub fn trap_if_null(&mut self, val: Val, code: TrapCode) {
        match val.at {
            At::Mem(mem) => self.asm.alu_mi(Alu::Cmp, false, mem, 0),
            At::Gpr(reg) => self.asm.test(false, reg, reg),
            _ => return self.trap_always(code),
        }
        self.trap_if(Cc::E, code);
    }
}

/// Values.
impl Baseline<'_> {
    /// What a field or an element holds.
    pub fn field_class(&self, storage: StorageType) -> FieldClass {
        FieldClass::of(storage, self.module)
    }

    /// Loads a field or an element, and pushes it. The access may be a trap.
    pub fn push_field(&mut self, class: FieldClass, extend: Extend, mem: Mem, trap: Option<TrapCode>) {
        let signed = extend == Extend::Signed;
        let (ty, op, wide) = match class {
            FieldClass::I8 => (AbiType::I32, Op::two(0, if signed { 0xbe } else { 0xb6 }), false),
            FieldClass::I16 => (AbiType::I32, Op::two(0, if signed { 0xbf } else { 0xb7 }), false),
            FieldClass::I32 => (AbiType::I32, Op::one(0x8b), false),
            FieldClass::I64 => (AbiType::I64, Op::one(0x8b), true),
            FieldClass::Ref => (AbiType::GcRef, Op::one(0x8b), false),
            FieldClass::F32 => return self.push_float_field(AbiType::F32, mem, trap),
            FieldClass::F64 => return self.push_float_field(AbiType::F64, mem, trap),
            FieldClass::V128 => return self.push_float_field(AbiType::V128, mem, trap),
            FieldClass::Func => {
                let (number, zero) = (self.alloc(), self.alloc());
                self.may_trap(trap);
                self.asm.load(false, number, mem);
                self.func_of_number(number, zero);
                self.release_gpr(zero);
                return self.push_gpr(AbiType::FuncRef, number);
            }
        };
        let dst = self.result_gpr();
        self.may_trap(trap);
        self.asm.rm(op, wide, dst.0, mem);
        self.push_gpr(ty, dst);
    }

    fn push_float_field(&mut self, ty: AbiType, mem: Mem, trap: Option<TrapCode>) {
        let dst = self.result_xmm();
        self.may_trap(trap);
        self.asm.rm(load_op(ty), false, dst.0, mem);
        self.push_xmm(ty, dst);
    }

    fn may_trap(&mut self, trap: Option<TrapCode>) {
        if let Some(code) = trap {
            self.trap_site(code);
        }
    }

    /// A value as a store into a field takes it where the place needs the scratch register: in a register, or part of the instruction.
    pub fn storable(&mut self, class: FieldClass, val: Val) -> Val {
        match (val.at, class) {
            (At::Gpr(_) | At::Xmm(_), _) => val,
            (At::Const(_), FieldClass::I8 | FieldClass::I16 | FieldClass::I32 | FieldClass::F32) => val,
            (At::Const(_), FieldClass::Func | FieldClass::Ref) => val,
            (At::Const(bits), FieldClass::I64 | FieldClass::F64) if bits as i32 as u64 == bits => val,
            (_, FieldClass::F32 | FieldClass::F64 | FieldClass::V128) => {
                Val { ty: val.ty, at: At::Xmm(self.in_xmm(val)) }
            }
            _ => Val { ty: val.ty, at: At::Gpr(self.in_gpr(val)) },
        }
    }

    /// Stores a value into a field or an element: for a function, its number. The access may be a trap. A value in memory takes the scratch
    /// registers.
    pub fn store_field(&mut self, class: FieldClass, val: Val, mem: Mem, trap: Option<TrapCode>) {
        match (class, val.at) {
            (FieldClass::I8, At::Const(bits)) => {
                self.may_trap(trap);
                self.asm.rm(Op::one(0xc6), false, 0, mem);
                self.asm.put1(bits as u8);
            }
            (FieldClass::I16, At::Const(bits)) => {
                self.may_trap(trap);
                self.asm.rm(Op::one(0xc7).prefixed(0x66), false, 0, mem);
                self.asm.put1(bits as u8);
                self.asm.put1((bits >> 8) as u8);
            }
            (FieldClass::I8 | FieldClass::I16, _) => {
                let src = match val.at {
                    At::Gpr(reg) => reg,
                    _ => {
                        self.load_gpr(R11, val);
                        R11
                    }
                };
                let narrow = class == FieldClass::I8;
                let op = if narrow { Op::one(0x88).byte() } else { Op::one(0x89).prefixed(0x66) };
                self.may_trap(trap);
                self.asm.rm(op, false, src.0, mem);
            }
            (_, At::Xmm(src)) => {
                self.may_trap(trap);
                self.asm.rm(store_op(val.ty), false, src.0, mem);
            }
            _ => {
                // One instruction where it may trap, since then the value is storable.
                self.may_trap(trap);
                let ty = if class == FieldClass::Func { AbiType::I32 } else { val.ty };
                self.store_val(mem, Val { ty, at: val.at });
            }
        }
    }

    /// Stores the operands from a height on into the fields of a new object, which holds zeros, and gives them up. The object's register stays
    /// held, the base's does not.
    pub fn initialize(
        &mut self,
        made: Made,
        from: usize,
        fields: impl Iterator<Item = (StorageType, u32)> + Clone,
    ) -> Gpr {
        let mut functions = false;
        for (position, (storage, offset)) in fields.clone().enumerate() {
            let val = self.entry_at(from + position);
            match self.field_class(storage) {
                _ if val.at == At::Const(0) => {}
                FieldClass::Func => functions = true,
                class => self.store_field(class, val, made.at(offset as i32), None),
            }
        }
        self.release_gpr(made.base);
        let mut object = made.object;
        if functions {
            // Asking for a number may be a call: the object becomes an operand meanwhile.
            self.push_gpr(AbiType::GcRef, object);
            for (position, (storage, offset)) in fields.enumerate() {
                let val = self.entry_at(from + position);
                if self.field_class(storage) == FieldClass::Func && val.at != At::Const(0) {
                    let func = self.alloc();
                    // The allocation may have moved it.
                    let val = self.entry_at(from + position);
                    self.load_gpr(func, val);
                    self.number_of_func(func);
                    let reference = self.pop();
                    let reference = self.in_own_gpr(reference);
                    let mem = self.in_object(reference, offset as i32);
                    self.asm.store(false, mem, func);
                    self.release_gpr(func);
                    self.push_gpr(AbiType::GcRef, reference);
                }
            }
            let reference = self.pop();
            object = self.in_own_gpr(reference);
        }
        self.truncate(from);
        object
    }

    /// What a field holds for a function: its number. No register is held, and the object that the number is for is an operand.
    pub fn func_number(&mut self, val: Val) -> Val {
        if let At::Const(_) = val.at {
            return val;
        }
        let func = self.in_own_gpr(val);
        self.number_of_func(func);
        Val { ty: AbiType::I32, at: At::Gpr(func) }
    }

    /// Replaces a function in a register by its number, 0 for null. No other register is held.
    fn number_of_func(&mut self, func: Gpr) {
        self.asm.test(true, func, func);
        let (cold, back) = self.cold_and_back(ColdKind::FuncNumber { func });
        self.asm.jcc(Cc::Ne, cold);
        self.asm.bind(back);
    }

    /// Replaces the number that an object holds by the function. A number beyond the table, which no object holds, is taken for null.
    fn func_of_number(&mut self, number: Gpr, zero: Gpr) {
        let vmctx = self.vmctx();
        self.asm.load(true, R11, Mem::new(vmctx, vmcontext::AGENT as i32));
        self.asm.alu_rm(Alu::Cmp, true, number, Mem::new(R11, vmagent::HEAP_FUNCS_LEN as i32));
        self.asm.mov_ri(zero, 0);
        self.asm.cmov(Cc::Ae, true, number, zero);
        self.asm.load(true, R11, Mem::new(R11, vmagent::HEAP_FUNCS as i32));
        let scale = POINTER_SIZE.trailing_zeros() as u8;
        self.asm.load(true, number, Mem::indexed(R11, number, scale, 0));
    }

    /// A null reference, a constant.
    pub fn push_null(&mut self, ty: AbiType) {
        self.push(ty, Loc::Const(0));
    }
}

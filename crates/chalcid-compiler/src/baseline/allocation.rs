//! Making objects: inline from the bytes that the agent has set aside, by the running side when these do not suffice.
//!
//! The agent's `ALLOC_CURSOR` and `ALLOC_LIMIT` bound a stretch of the heap that is all zeros. An object is taken from its beginning by moving the
//! cursor, and has its header before anything else happens: the collector, which may run at any call, walks over whole
//! objects. The cursor stays a multiple of eight, since sizes are.
//!
//! What the new object is to hold are operands as long as it is being made, so that the collector finds it.

use chalcid_module::builtins::Builtin;
use chalcid_module::heap_layout::{self, ARRAY_LENGTH, KIND, Kind, OBJECT_ALIGN, TYPE_ID};
use chalcid_module::index::TypeIdx;
use chalcid_module::layout::{vmagent, vmcontext};

use super::asm::{Alu, Cc, Shift};
use super::call::Arg;
use super::cold::ColdKind;
use super::object::Made;
use super::reg::{Gpr, Mem, R11};
use super::state::{At, Baseline, Val};
use crate::objects::{LARGEST_INLINE, before_structure, inline_array_size, longest_inline};
use crate::{AbiType, CompileError};

/// The length of a new array.
#[derive(Clone, Copy)]
pub(super) enum Length {
    /// An operand, by its height.
    Operand(usize),
    Known(u32),
}

/// How many bytes an object takes.
#[derive(Clone, Copy)]
enum Size {
    Known(u32),
    /// Those of an array with elements of so many bytes each; the sum goes to a register.
    Array(u32, Gpr),
}

impl Baseline<'_> {
    /// The engine's identity of a type of the module.
    pub fn load_type_id(&mut self, dst: Gpr, ty: TypeIdx) {
        self.load_vmctx(dst);
        self.asm.load(true, dst, Mem::new(dst, vmcontext::TYPE_IDS as i32));
        self.asm.load(false, dst, Mem::new(dst, (ty.0 * 4) as i32));
    }

    /// A new structure of a type, all zeros.
    pub fn new_struct(&mut self, ty: TypeIdx, size: u32) -> Result<Made, CompileError> {
        let before = before_structure(self.module, ty);
        if before + size <= LARGEST_INLINE {
            return Ok(self.allocate(ty, before, Size::Known(before + size), None));
        }
        let object = self.call_builtin(Builtin::gc_new_struct, &[Arg::Imm(ty.0.into())])?;
        self.made(object)
    }

    /// A new array of a type with elements of so many bytes, all zeros. Traps when it is too large.
    pub fn new_array(&mut self, ty: TypeIdx, element_size: u32, length: Length) -> Result<Made, CompileError> {
        let known = match self.length(length).at {
            At::Const(known) => Some(known),
            _ => None,
        };
        match known.map(|known| inline_array_size(element_size, known)) {
            Some(Some(size)) => Ok(self.allocate(ty, 0, Size::Known(size), Some(length))),
            None => {
                let sum = self.alloc();
                let made = self.allocate(ty, 0, Size::Array(element_size, sum), Some(length));
                self.release_gpr(sum);
                Ok(made)
            }
            Some(None) => {
                self.spill_registers(usize::MAX);
                let length = self.length(length);
                let object = self.call_builtin(Builtin::gc_new_array, &[Arg::Imm(ty.0.into()), Arg::Val(length)])?;
                self.made(object)
            }
        }
    }

    fn length(&self, length: Length) -> Val {
        match length {
            Length::Operand(height) => self.entry_at(height),
            Length::Known(length) => Val { ty: AbiType::I32, at: At::Const(length.into()) },
        }
    }

    /// What the running side made.
    pub fn made(&mut self, object: Option<Gpr>) -> Result<Made, CompileError> {
        let object = object.ok_or_else(|| CompileError::Internal("an allocation without a result".into()))?;
        let base = match self.frame.heap {
            Some(reg) => reg,
            None => {
                let base = self.alloc();
                self.load_heap_base(base);
                base
            }
        };
        Ok(Made { object, base })
    }

    /// Takes the bytes of an object, unless they are too many or not there: then the running side makes it.
    fn allocate(&mut self, ty: TypeIdx, before: u32, size: Size, length: Option<Length>) -> Made {
        let object = self.alloc();
        let loaded_base = if self.frame.heap.is_none() { Some(self.alloc()) } else { None };
        let length = length.map(|length| self.length(length));
        let (cold, back) = self.cold_and_back(ColdKind::Allocate { ty, length, object, base: loaded_base });
        if let (Size::Array(element_size, sum), Some(length)) = (size, length) {
            self.sum_array(element_size, length, sum);
            self.asm.jcc(Cc::A, cold);
            let round = heap_layout::elements_offset(element_size) + OBJECT_ALIGN - 1;
            self.asm.alu_ri(Alu::Add, false, sum, round as i32);
            self.asm.alu_ri(Alu::And, false, sum, -(OBJECT_ALIGN as i32));
        }

        // The end of the object first, then its beginning.
        self.load_vmctx(R11);
        self.asm.load(true, R11, Mem::new(R11, vmcontext::AGENT as i32));
        let cursor = Mem::new(R11, vmagent::ALLOC_CURSOR as i32);
        self.asm.load(true, object, cursor);
        match size {
            Size::Known(size) => self.asm.alu_ri(Alu::Add, true, object, size as i32),
            Size::Array(_, sum) => self.asm.alu_rr(Alu::Add, true, object, sum),
        }
        self.asm.alu_rm(Alu::Cmp, true, object, Mem::new(R11, vmagent::ALLOC_LIMIT as i32));
        self.asm.jcc(Cc::A, cold);
        self.asm.store(true, cursor, object);
        if let Some(base) = loaded_base {
            self.asm.load(true, base, Mem::new(R11, vmagent::HEAP_BASE as i32));
        }
        match size {
            Size::Known(size) => self.asm.alu_ri(Alu::Sub, true, object, (size - before) as i32),
            Size::Array(_, sum) => self.asm.alu_rr(Alu::Sub, true, object, sum),
        }

        let made = Made { object, base: self.frame.heap.or(loaded_base).unwrap_or(R11) };
        self.load_type_id(R11, ty);
        self.asm.store(false, made.at(TYPE_ID as i32), R11);
        let kind = if length.is_some() { Kind::Array } else { Kind::Struct };
        self.asm.store_imm(false, made.at(KIND as i32), kind as i32);
        if let Some(length) = length {
            self.store_val(made.at(ARRAY_LENGTH as i32), length);
        }
        self.asm.bind(back);
        made
    }

    /// Compares a length with that of the longest array that is made inline, and works out the bytes of so many elements.
    fn sum_array(&mut self, element_size: u32, length: Val, sum: Gpr) {
        self.load_gpr(sum, length);
        let shift = element_size.trailing_zeros() as u8;
        if shift > 0 {
            // In 64 bits, so that nothing is lost.
            self.asm.shift_ri(Shift::Shl, true, sum, shift);
        }
        let longest = longest_inline(element_size) << shift;
        self.asm.alu_ri(Alu::Cmp, true, sum, longest as i32);
    }
}

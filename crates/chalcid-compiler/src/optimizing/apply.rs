//! The shapes that most operators have: operands off the stack, an instruction or a few, one result back.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use cranelift_frontend::FuncInstBuilder;

use super::translator::FuncTranslator;

impl FuncTranslator<'_> {
    /// Replaces the top of the stack by one instruction's result.
    pub(super) fn unary(&mut self, make: impl FnOnce(FuncInstBuilder<'_, '_>, Value) -> Value) {
        let x = self.pop();
        let result = make(self.ins(), x);
        self.push(result);
    }

    /// Replaces the two topmost values by one instruction's result.
    pub(super) fn binary(&mut self, make: impl FnOnce(FuncInstBuilder<'_, '_>, Value, Value) -> Value) {
        let (x, y) = self.pop2();
        let result = make(self.ins(), x, y);
        self.push(result);
    }

    /// Compares two integers: 1 when the condition holds, else 0.
    pub(super) fn compare_ints(&mut self, condition: IntCC) {
        self.binary(|ins, x, y| ins.icmp(condition, x, y));
        self.truth();
    }

    /// Compares two floats: 1 when the condition holds, else 0.
    pub(super) fn compare_floats(&mut self, condition: FloatCC) {
        self.binary(|ins, x, y| ins.fcmp(condition, x, y));
        self.truth();
    }

    /// Turns the outcome of an instruction that tests something into the `i32` that WebAssembly wants.
    pub(super) fn truth(&mut self) {
        self.unary(|ins, test| ins.uextend(types::I32, test));
    }

    /// Sign-extends the lowest bits of the top of the stack, as many as `narrow` has.
    pub(super) fn extend_low_bits(&mut self, narrow: Type) {
        let x = self.pop();
        let wide = self.type_of(x);
        let low = self.ins().ireduce(narrow, x);
        let result = self.ins().sextend(wide, low);
        self.push(result);
    }

    /// Replaces the vector on top of the stack by one instruction's result. The instruction takes it with these lanes.
    pub(super) fn unary_lanes(&mut self, lanes: Type, make: impl FnOnce(FuncInstBuilder<'_, '_>, Value) -> Value) {
        let x = self.pop_vector(lanes);
        let result = make(self.ins(), x);
        self.push_vector(result);
    }

    /// Replaces the two topmost vectors by one instruction's result. The instruction takes them with these lanes.
    pub(super) fn binary_lanes(
        &mut self,
        lanes: Type,
        make: impl FnOnce(FuncInstBuilder<'_, '_>, Value, Value) -> Value,
    ) {
        let (x, y) = self.pop2_vectors(lanes);
        let result = make(self.ins(), x, y);
        self.push_vector(result);
    }

    /// Whether code is made for x86.
    pub(super) fn is_x86(&self) -> bool {
        matches!(self.isa.triple().architecture, target_lexicon::Architecture::X86_64)
    }
}

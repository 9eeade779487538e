//! The same program in other words: each operator of 128-bit arithmetic becomes a call of a function that does it, and so does each division.
//!
//! So V8 can be asked about programs that only wasmi and Chalcid can run. And an engine that gives another account of the program in other words
//! contradicts itself: that finds what a compiler makes of several operators at once.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, Function, FunctionSection, InstructionSink, Module, TypeSection, ValType};
use wasmparser::{Operator, Parser, Payload, TypeRef};

/// The program in other words; `None` where it cannot be read.
pub fn lower(program: &[u8]) -> Option<Vec<u8>> {
    let (mut types, mut functions) = (0, 0);
    for payload in Parser::new(0).parse_all(program) {
        match payload.ok()? {
            Payload::TypeSection(section) => {
                for group in section {
                    types += group.ok()?.types().len() as u32;
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    functions += u32::from(matches!(import.ok()?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                }
            }
            Payload::FunctionSection(section) => functions += section.count(),
            _ => {}
        }
    }
    let mut module = Module::new();
    Pass { types, functions }.parse_core_module(&mut module, Parser::new(0), program).ok()?;
    Some(module.finish())
}

/// Writes the body of a function.
type Body = fn(&mut InstructionSink<'_>);

/// The functions that are added: the operator each stands for, which of the added types it has, and its body.
static ADDED: [(Operator<'static>, u32, Body); 12] = [
    (Operator::I64Add128, 0, add128),
    (Operator::I64Sub128, 0, sub128),
    (Operator::I64MulWideS, 1, |f| mul_wide(f, true)),
    (Operator::I64MulWideU, 1, |f| mul_wide(f, false)),
    (Operator::I32DivS, 2, |f| _ = f.local_get(0).local_get(1).i32_div_s()),
    (Operator::I32DivU, 2, |f| _ = f.local_get(0).local_get(1).i32_div_u()),
    (Operator::I32RemS, 2, |f| _ = f.local_get(0).local_get(1).i32_rem_s()),
    (Operator::I32RemU, 2, |f| _ = f.local_get(0).local_get(1).i32_rem_u()),
    (Operator::I64DivS, 3, |f| _ = f.local_get(0).local_get(1).i64_div_s()),
    (Operator::I64DivU, 3, |f| _ = f.local_get(0).local_get(1).i64_div_u()),
    (Operator::I64RemS, 3, |f| _ = f.local_get(0).local_get(1).i64_rem_s()),
    (Operator::I64RemU, 3, |f| _ = f.local_get(0).local_get(1).i64_rem_u()),
];

struct Pass {
    /// Types and functions that the program has.
    types: u32,
    functions: u32,
}

impl Reencode for Pass {
    type Error = Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_type_section(self, types, section)?;
        for (ty, operands, results) in
            [(ValType::I64, 4, 2), (ValType::I64, 2, 2), (ValType::I32, 2, 1), (ValType::I64, 2, 1)]
        {
            types.ty().function(vec![ty; operands], vec![ty; results]);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_function_section(self, functions, section)?;
        for (_, ty, _) in &ADDED {
            functions.function(self.types + ty);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_code_section(self, code, section)?;
        for (_, _, body) in &ADDED {
            let mut function = Function::new([(6, ValType::I64)]);
            body(&mut function.instructions());
            function.instructions().end();
            code.function(&function);
        }
        Ok(())
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<wasm_encoder::Instruction<'a>, Error<Infallible>> {
        match ADDED.iter().zip(0..).find(|((added, ..), _)| *added == operator) {
            Some((_, index)) => Ok(wasm_encoder::Instruction::Call(self.functions + index)),
            None => utils::instruction(self, operator),
        }
    }
}

/// Of two numbers of 128 bits, the lower half of each first: the sum.
fn add128(f: &mut InstructionSink<'_>) {
    f.local_get(0).local_get(2).i64_add().local_tee(4);
    // The carry: the sum is below an operand.
    f.local_get(1).local_get(3).i64_add().local_get(4).local_get(0).i64_lt_u().i64_extend_i32_u().i64_add();
}

/// The difference.
fn sub128(f: &mut InstructionSink<'_>) {
    f.local_get(0).local_get(2).i64_sub();
    f.local_get(1).local_get(3).i64_sub().local_get(0).local_get(2).i64_lt_u().i64_extend_i32_u().i64_sub();
}

/// Of two numbers of 64 bits: the product, from products of halves.
fn mul_wide(f: &mut InstructionSink<'_>, signed: bool) {
    const LOW: i64 = 0xffff_ffff;
    let low = |f: &mut InstructionSink<'_>, local| {
        f.local_get(local).i64_const(LOW).i64_and();
    };
    let high = |f: &mut InstructionSink<'_>, local| {
        f.local_get(local).i64_const(32).i64_shr_u();
    };
    // 2 = low × low; 3 = high × low + what 2 carries; 4 = low × high + the low half of 3.
    low(f, 0);
    low(f, 1);
    f.i64_mul().local_set(2);
    high(f, 0);
    low(f, 1);
    f.i64_mul();
    high(f, 2);
    f.i64_add().local_set(3);
    low(f, 0);
    high(f, 1);
    f.i64_mul();
    low(f, 3);
    f.i64_add().local_set(4);
    // The lower half is the product as it is; 5 is the upper one.
    f.local_get(0).local_get(1).i64_mul();
    high(f, 0);
    high(f, 1);
    f.i64_mul();
    high(f, 3);
    f.i64_add();
    high(f, 4);
    f.i64_add().local_set(5);
    if signed {
        // A negative operand counts 2^64 too much: the other one is taken from the upper half.
        for (operand, other) in [(0, 1), (1, 0)] {
            f.local_get(5)
                .local_get(operand)
                .i64_const(63)
                .i64_shr_s()
                .local_get(other)
                .i64_and()
                .i64_sub()
                .local_set(5);
        }
    }
    f.local_get(5);
}

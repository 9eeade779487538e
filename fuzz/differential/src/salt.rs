//! Adds to a program of wasm-smith what that does not make, or seldom: exceptions of the older form, rare operators ([`crate::rare`]), and numbers at
//! the edges ([`crate::numeric`]).
//!
//! Some blocks become `try` blocks, which changes no label: they end in clauses that stand for the block's results by zeros and nulls, or in
//! `delegate`. Between the instructions things are thrown now and then: a block of its own that takes nothing from the stack and leaves nothing. What
//! was caught, and where, is told by an exported global, which also decides when to throw.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType, Instruction,
    Module, SectionId, TagKind, TagSection, TagType, TypeSection, ValType,
};
use wasmparser::{CompositeInnerType, FunctionBody, Parser, Payload, TypeRef};

use crate::numeric::{self, Globals};
use crate::random::Random;
use crate::rare::Allowed;

/// What to add.
#[derive(Clone, Default, Debug)]
pub struct Salt {
    /// Exceptions of the older form.
    pub legacy: bool,
    /// Operators.
    pub rare: Allowed,
}

/// The program with more in it; `None` where it cannot be read.
pub fn rewrite(program: &[u8], mut salt: Salt, random: &mut Random) -> Option<Vec<u8>> {
    let (types, state, memories) = scan(program).ok()?;
    salt.rare.memories = memories;
    let mut module = Module::new();
    Pass { random, types, state, salt }.parse_core_module(&mut module, Parser::new(0), program).ok()?;
    Some(module.finish())
}

/// The results of each type, if it is a function's.
type Results = Vec<Option<Vec<wasmparser::ValType>>>;

/// What there is to know of a program: the results of functions, how many globals there are, and the memories of at least a page.
type Scan = (Results, u32, Vec<(u32, bool, bool)>);

fn scan(program: &[u8]) -> Result<Scan, wasmparser::BinaryReaderError> {
    let (mut types, mut globals, mut memories, mut count) = (Vec::new(), 0, Vec::new(), 0);
    let mut memory = |ty: wasmparser::MemoryType| {
        if ty.initial << ty.page_size_log2.unwrap_or(16) >= 1 << 16 {
            memories.push((count, ty.memory64, ty.shared));
        }
        count += 1;
    };
    for payload in Parser::new(0).parse_all(program) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty.results().to_vec()),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    match import?.ty {
                        TypeRef::Global(_) => globals += 1,
                        TypeRef::Memory(ty) => memory(ty),
                        _ => {}
                    }
                }
            }
            Payload::MemorySection(section) => {
                for ty in section {
                    memory(ty?);
                }
            }
            Payload::GlobalSection(section) => globals += section.count(),
            _ => {}
        }
    }
    Ok((types, globals, memories))
}

struct Pass<'a> {
    random: &'a mut Random,
    types: Results,
    /// The first of the new globals.
    state: u32,
    salt: Salt,
}

/// A block that is open.
enum Open {
    /// As it was.
    Plain,
    /// It became a `try` block, and these are its results.
    Try(Vec<ValType>),
}

/// Number of the tag that carries an i32; the next one carries an i32 and an i64.
const TAG: u32 = 0;

impl Reencode for Pass<'_> {
    type Error = Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        RoundtripReencoder.parse_type_section(types, section)?;
        types.ty().function([ValType::I32], []);
        types.ty().function([ValType::I32, ValType::I64], []);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error<Infallible>> {
        // Every program has a global, which counts its steps.
        if self.salt.legacy && before == Some(SectionId::Global) {
            let (mut tags, types) = (TagSection::new(), self.types.len() as u32);
            tags.tag(TagType { kind: TagKind::Exception, func_type_idx: types });
            tags.tag(TagType { kind: TagKind::Exception, func_type_idx: types + 1 });
            module.section(&tags);
        }
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        RoundtripReencoder.parse_global_section(globals, section)?;
        let start = self.random.number() as i64;
        let mut add = |val_type, value: &ConstExpr| {
            globals.global(GlobalType { val_type, mutable: true, shared: false }, value);
        };
        add(ValType::I64, &ConstExpr::i64_const(start));
        add(ValType::F32, &ConstExpr::f32_const(0.0_f32.into()));
        add(ValType::F64, &ConstExpr::f64_const(0.0_f64.into()));
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        RoundtripReencoder.parse_export_section(exports, section)?;
        exports.export("state", ExportKind::Global, self.state);
        if self.salt.legacy {
            exports.export("one", ExportKind::Tag, TAG);
            exports.export("two", ExportKind::Tag, TAG + 1);
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error<Infallible>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut reader = body.get_operators_reader()?;
        let mut open = vec![Open::Plain];
        while !reader.eof() {
            match self.random.below(60) {
                0 | 1 if self.salt.legacy => self.throw(&mut function),
                2 => self.salt.rare.emit(self.random, &mut function, self.state),
                3 | 4 => numeric::emit(self.random, &mut function, self.globals()),
                _ => {}
            }
            match self.parse_instruction(&mut reader)? {
                Instruction::Block(ty) if self.salt.legacy && self.random.below(3) != 0 => match self.results(ty) {
                    Some(results) => {
                        function.instruction(&Instruction::Try(ty));
                        open.push(Open::Try(results));
                        if self.random.below(2) == 0 {
                            self.throw(&mut function);
                        }
                    }
                    None => {
                        function.instruction(&Instruction::Block(ty));
                        open.push(Open::Plain);
                    }
                },
                Instruction::End => match open.pop() {
                    Some(Open::Try(results)) => self.clauses(&mut function, &results, open.len() as u64),
                    _ => {
                        function.instruction(&Instruction::End);
                    }
                },
                instruction => {
                    if matches!(instruction, Instruction::Block(_) | Instruction::Loop(_) | Instruction::If(_)) {
                        open.push(Open::Plain);
                    }
                    function.instruction(&instruction);
                }
            }
        }
        code.function(&function);
        Ok(())
    }
}

impl Pass<'_> {
    /// The new globals.
    fn globals(&self) -> Globals {
        Globals { state: self.state, f32: self.state + 1, f64: self.state + 2 }
    }

    /// The results of a block, if every one of them has a zero or null.
    fn results(&mut self, ty: BlockType) -> Option<Vec<ValType>> {
        let results = match ty {
            BlockType::Empty => Vec::new(),
            BlockType::Result(ty) => vec![ty],
            BlockType::FunctionType(index) => {
                let results = self.types.get(index as usize)?.clone()?;
                results.into_iter().map(|ty| self.val_type(ty).ok()).collect::<Option<_>>()?
            }
        };
        let has_default = |ty: &ValType| !matches!(ty, ValType::Ref(ty) if !ty.nullable);
        results.iter().all(has_default).then_some(results)
    }

    /// Moves the state on.
    fn step(&mut self, function: &mut Function) {
        let number = self.random.number() as i64;
        let mut f = function.instructions();
        f.global_get(self.state).i64_const(0x5851_f42d_4c95_7f2d).i64_mul().i64_const(number).i64_add();
        f.global_set(self.state);
    }

    /// A block whose rest is skipped, depending on the state.
    fn sometimes(&mut self, function: &mut Function) {
        let (shift, mask) = (self.random.below(60) as i64, [1, 3, 7][self.random.below(3) as usize]);
        let mut f = function.instructions();
        f.block(BlockType::Empty).global_get(self.state).i64_const(shift).i64_shr_u().i32_wrap_i64();
        f.i32_const(mask).i32_and().br_if(0);
    }

    /// Throws, or does not.
    fn throw(&mut self, function: &mut Function) {
        self.step(function);
        self.sometimes(function);
        let mut f = function.instructions();
        f.global_get(self.state).i32_wrap_i64();
        if self.random.below(2) == 0 {
            f.throw(TAG);
        } else {
            f.global_get(self.state).throw(TAG + 1);
        }
        f.end();
    }

    /// What ends a `try` block within so many labels.
    fn clauses(&mut self, function: &mut Function, results: &[ValType], labels: u64) {
        if self.random.below(4) == 0 {
            function.instruction(&Instruction::Delegate(self.random.below(labels) as u32));
            return;
        }
        let which = 1 + self.random.below(7);
        for tag in [TAG, TAG + 1] {
            if which >> tag & 1 == 0 {
                continue;
            }
            let mut f = function.instructions();
            f.catch(tag);
            if tag != TAG {
                f.i32_wrap_i64().i32_add();
            }
            f.i64_extend_i32_u().global_get(self.state).i64_xor().global_set(self.state);
            self.handler(function, results);
        }
        if which & 4 != 0 {
            function.instruction(&Instruction::CatchAll);
            self.handler(function, results);
        }
        function.instruction(&Instruction::End);
    }

    fn handler(&mut self, function: &mut Function, results: &[ValType]) {
        self.step(function);
        if self.random.below(4) == 0 {
            self.sometimes(function);
            function.instruction(&Instruction::Rethrow(1)).instruction(&Instruction::End);
        }
        for ty in results {
            function.instruction(&match *ty {
                ValType::I32 => Instruction::I32Const(11),
                ValType::I64 => Instruction::I64Const(12),
                ValType::F32 => Instruction::F32Const(1.5_f32.into()),
                ValType::F64 => Instruction::F64Const(2.5_f64.into()),
                ValType::V128 => Instruction::V128Const(13),
                ValType::Ref(ty) => Instruction::RefNull(ty.heap_type),
            });
        }
    }
}

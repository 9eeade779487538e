//! Programs about structures, arrays, casts and exceptions, made so that most calls return: a generator that knows what it wants, where wasm-smith
//! stumbles about. Types are a random recursion group; expressions are made by the type that is wanted; loops are counted; functions call only those
//! before them; and results depend on what is in the objects that locals, globals and tables hold.

mod descriptor;
mod expression;
mod look;
mod statement;

use std::borrow::Cow;

use wasm_encoder::*;

use crate::random::Random;

/// Functions of a program.
const FUNCTIONS: u32 = 3;
/// Statements of a function's outermost block.
const STATEMENTS: u64 = 9;
/// Elements of the table of exceptions.
const EXCEPTIONS: u64 = 3;
/// Instructions of a function, about.
const SIZE: u32 = 400;

#[derive(Clone)]
enum Shape {
    Struct(Vec<FieldType>),
    Array(FieldType),
}

struct Type {
    shape: Shape,
    supertype: Option<u32>,
    depth: u32,
    is_final: bool,
}

struct Program<'a> {
    random: &'a mut Random,
    types: Vec<Type>,
    legacy: bool,
    table64: bool,
    /// The first of the two types about descriptors, where there are any.
    described: Option<u32>,
    function_type: u32,
    tag_types: Vec<Vec<ValType>>,
}

/// The locals of every function, after its parameters (i32, i64): two of each kind of number, one reference to each type, and the rest.
struct Locals {
    /// Types of all but the parameters.
    declared: Vec<ValType>,
    /// Those that any statement may read and write.
    all: Vec<(u32, ValType)>,
}

impl Locals {
    fn add(&mut self, ty: ValType) {
        let local = self.add_hidden(ty);
        self.all.push((local, ty));
    }

    /// A local that only its maker knows.
    fn add_hidden(&mut self, ty: ValType) -> u32 {
        self.declared.push(ty);
        self.declared.len() as u32 + 1
    }
}

struct Body<'a, 'b> {
    program: &'a mut Program<'b>,
    code: Vec<Instruction<'static>>,
    locals: Locals,
    /// This function's number: it calls only smaller ones.
    number: u32,
    /// Labels around the place.
    labels: u32,
    /// Labels of legacy catches around the place, outermost first.
    catches: Vec<u32>,
    loops: u32,
}

const ANY: ValType = ValType::Ref(RefType::ANYREF);
const EQ: ValType = ValType::Ref(RefType::EQREF);
const I31: ValType = ValType::Ref(RefType::I31REF);

fn concrete(ty: u32, nullable: bool) -> ValType {
    ValType::Ref(RefType { nullable, heap_type: HeapType::Concrete(ty) })
}

/// The program of a seed; with what only Chalcid has if `everything`.
pub fn generate(random: &mut Random, everything: bool) -> Vec<u8> {
    let legacy = random.below(2) == 0;
    let table64 = random.below(3) == 0;
    let mut program = Program {
        random,
        types: Vec::new(),
        legacy,
        table64,
        described: None,
        function_type: 0,
        tag_types: Vec::new(),
    };
    program.make_types();
    program.function_type = program.types.len() as u32;
    program.tag_types = vec![vec![], vec![ValType::I32], vec![ValType::I64, ANY], vec![ValType::F64, ValType::V128]];
    if everything && program.random.below(2) == 0 {
        // After the functions, the tags', that which looks, and that of a branch.
        let functions = 2 + program.tag_types.len() as u32 + u32::from(!legacy);
        program.described = Some(program.function_type + functions);
    }
    program.encode()
}

impl Program<'_> {
    fn storage(&mut self, types: u32) -> StorageType {
        match self.random.below(14) {
            0 => StorageType::I8,
            1 => StorageType::I16,
            2 => StorageType::Val(ValType::I64),
            3 => StorageType::Val(ValType::F32),
            4 => StorageType::Val(ValType::F64),
            5 => StorageType::Val(ValType::V128),
            6 => StorageType::Val(ANY),
            7 => StorageType::Val(EQ),
            8 => StorageType::Val(ValType::FUNCREF),
            9 => StorageType::Val(ValType::EXTERNREF),
            10 | 11 => StorageType::Val(concrete(self.random.below(u64::from(types)) as u32, true)),
            _ => StorageType::Val(ValType::I32),
        }
    }

    fn make_types(&mut self) {
        let count = 4 + self.random.below(7) as u32;
        for index in 0..count {
            let candidates: Vec<u32> = (0..index)
                .filter(|sup| !self.types[*sup as usize].is_final && self.types[*sup as usize].depth < 20)
                .collect();
            let supertype = if candidates.is_empty() || self.random.below(3) == 0 {
                None
            } else {
                // The last ones make deep hierarchies.
                let at = candidates.len() as u64 - 1 - self.random.below(candidates.len() as u64).min(1);
                Some(candidates[at as usize])
            };
            let shape = match supertype.map(|sup| self.types[sup as usize].shape.clone()) {
                Some(Shape::Struct(mut fields)) => {
                    for _ in 0..self.random.below(3) {
                        fields
                            .push(FieldType { element_type: self.storage(count), mutable: self.random.below(4) != 0 });
                    }
                    Shape::Struct(fields)
                }
                Some(array @ Shape::Array(_)) => array,
                None if self.random.below(3) == 0 => {
                    Shape::Array(FieldType { element_type: self.storage(count), mutable: self.random.below(6) != 0 })
                }
                None => Shape::Struct(
                    (0..self.random.below(6))
                        .map(|_| FieldType { element_type: self.storage(count), mutable: self.random.below(4) != 0 })
                        .collect(),
                ),
            };
            let depth = supertype.map_or(0, |sup| self.types[sup as usize].depth + 1);
            let is_final = self.random.below(4) == 0;
            self.types.push(Type { shape, supertype, depth, is_final });
        }
    }

    fn encode(mut self) -> Vec<u8> {
        let mut types = TypeSection::new();
        let composite = |inner| CompositeType { inner, shared: false, descriptor: None, describes: None };
        types.ty().rec(self.types.iter().map(|ty| SubType {
            is_final: ty.is_final,
            supertype_idxs: ty.supertype.into_iter().collect(),
            composite_type: composite(match &ty.shape {
                Shape::Struct(fields) => CompositeInnerType::Struct(StructType { fields: fields.clone().into() }),
                Shape::Array(field) => CompositeInnerType::Array(ArrayType(*field)),
            }),
        }));
        types.ty().function([ValType::I32, ValType::I64], [ValType::I64]);
        for params in &self.tag_types {
            types.ty().function(params.iter().copied(), []);
        }
        let (params, results) = Self::look_type();
        types.ty().function(params, results);
        if !self.legacy {
            types.ty().function([ValType::Ref(RefType::EXNREF)], []);
        }
        if let Some(described) = self.described {
            Self::declare_described(&mut types, described);
        }
        let mut tags = TagSection::new();
        for index in 0..self.tag_types.len() as u32 {
            tags.tag(TagType { kind: TagKind::Exception, func_type_idx: self.function_type + 1 + index });
        }
        let mut globals = GlobalSection::new();
        let null = |heap| ConstExpr::ref_null(heap);
        let any = HeapType::Abstract { shared: false, ty: AbstractHeapType::Any };
        globals.global(GlobalType { val_type: ANY, mutable: true, shared: false }, &null(any));
        globals.global(
            GlobalType { val_type: concrete(0, true), mutable: true, shared: false },
            &null(HeapType::Concrete(0)),
        );
        let mut tables = TableSection::new();
        tables.table(TableType {
            element_type: RefType::ANYREF,
            table64: self.table64,
            minimum: 8,
            maximum: Some(8),
            shared: false,
        });
        if !self.legacy {
            tables.table(TableType {
                element_type: RefType::EXNREF,
                table64: false,
                minimum: EXCEPTIONS,
                maximum: Some(EXCEPTIONS),
                shared: false,
            });
        }
        let mut functions = FunctionSection::new();
        let mut exports = ExportSection::new();
        let mut code = CodeSection::new();
        for number in 0..FUNCTIONS {
            functions.function(self.function_type);
            exports.export(&format!("f{number}"), ExportKind::Func, number);
            code.function(&self.function(number));
        }
        functions.function(self.function_type + 1 + self.tag_types.len() as u32);
        code.function(&self.look());
        exports.export("any", ExportKind::Global, 0);
        exports.export("table", ExportKind::Table, 0);
        for tag in 0..self.tag_types.len() as u32 {
            exports.export(&format!("t{tag}"), ExportKind::Tag, tag);
        }
        let mut elements = ElementSection::new();
        elements.declared(Elements::Functions(Cow::Owned((0..FUNCTIONS).collect())));
        elements.passive(Elements::Expressions(
            RefType::ANYREF,
            Cow::Owned(
                (0..4)
                    .map(|value| ConstExpr::extended([Instruction::I32Const(value * 77), Instruction::RefI31]))
                    .collect(),
            ),
        ));
        let bytes: Vec<u8> = (0..64).map(|_| self.random.number() as u8).collect();
        let mut data = DataSection::new();
        data.passive(bytes);
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&tables)
            .section(&tags)
            .section(&globals)
            .section(&exports)
            .section(&elements)
            .section(&DataCountSection { count: 1 })
            .section(&code)
            .section(&data);
        module.finish()
    }

    fn function(&mut self, number: u32) -> Function {
        let mut locals = Locals { declared: Vec::new(), all: vec![(0, ValType::I32), (1, ValType::I64)] };
        for ty in [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128] {
            locals.add(ty);
            locals.add(ty);
        }
        for index in 0..self.types.len() as u32 {
            locals.add(concrete(index, true));
        }
        for ty in [ANY, ANY, EQ, I31, ValType::FUNCREF, ValType::EXTERNREF] {
            locals.add(ty);
        }
        let mut body =
            Body { program: self, code: Vec::new(), locals, number, labels: 0, catches: Vec::new(), loops: 0 };
        body.block(0, STATEMENTS);
        body.checksum();
        let (code, locals) = (body.code, body.locals);
        let mut function = Function::new_with_locals_types(locals.declared);
        for instruction in &code {
            function.instruction(instruction);
        }
        function.instruction(&Instruction::End);
        function
    }
}

impl Body<'_, '_> {
    fn below(&mut self, bound: u64) -> u64 {
        self.program.random.below(bound)
    }

    fn emit(&mut self, instruction: Instruction<'static>) {
        self.code.push(instruction);
    }

    fn small(&mut self, from: i32, count: u64) {
        let number = self.below(count) as i32;
        self.emit(Instruction::I32Const(from + number));
    }

    fn full(&self) -> bool {
        self.code.len() as u32 > SIZE
    }

    fn local(&mut self, ty: ValType) -> Option<u32> {
        let fitting: Vec<u32> =
            self.locals.all.iter().filter(|(_, other)| *other == ty).map(|(local, _)| *local).collect();
        if fitting.is_empty() { None } else { Some(fitting[self.below(fitting.len() as u64) as usize]) }
    }

    fn a_struct(&mut self) -> Option<(u32, Vec<FieldType>)> {
        self.pick(|shape| match shape {
            Shape::Struct(fields) if !fields.is_empty() => Some(fields.clone()),
            _ => None,
        })
    }

    fn an_array(&mut self) -> Option<(u32, FieldType)> {
        self.pick(|shape| match shape {
            Shape::Array(field) => Some(*field),
            Shape::Struct(_) => None,
        })
    }

    fn pick<T>(&mut self, choose: impl Fn(&Shape) -> Option<T>) -> Option<(u32, T)> {
        let count = self.program.types.len() as u64;
        let start = self.below(count);
        (0..count).find_map(|step| {
            let index = (start + step) % count;
            choose(&self.program.types[index as usize].shape).map(|found| (index as u32, found))
        })
    }

    /// What can be seen of all locals, as the result.
    fn checksum(&mut self) {
        self.emit(Instruction::I64Const(0));
        for (local, ty) in self.locals.all.clone() {
            self.emit(Instruction::I64Const(5));
            self.emit(Instruction::I64Rotl);
            self.emit(Instruction::LocalGet(local));
            match ty {
                ValType::I32 => self.emit(Instruction::I64ExtendI32U),
                ValType::I64 => {}
                ValType::F32 => {
                    self.emit(Instruction::I32ReinterpretF32);
                    self.emit(Instruction::I64ExtendI32U);
                }
                ValType::F64 => self.emit(Instruction::I64ReinterpretF64),
                ValType::V128 => self.emit(Instruction::I64x2ExtractLane(1)),
                ValType::Ref(ty) => match ty.heap_type {
                    HeapType::Abstract { ty: AbstractHeapType::Func, .. } => {
                        self.emit(Instruction::RefIsNull);
                        self.emit(Instruction::I64ExtendI32U);
                    }
                    HeapType::Abstract { ty: AbstractHeapType::Extern, .. } => {
                        self.emit(Instruction::AnyConvertExtern);
                        self.look(2);
                    }
                    _ => self.look(2),
                },
            }
            self.emit(Instruction::I64Xor);
        }
        for global in [0, 1] {
            self.emit(Instruction::GlobalGet(global));
            self.look(3);
            self.emit(Instruction::I64Add);
        }
        self.element(8);
        self.emit(Instruction::TableGet(0));
        self.look(3);
        self.emit(Instruction::I64Add);
    }

    /// What there is to see of the reference on the stack.
    fn look(&mut self, depth: i32) {
        self.emit(Instruction::I32Const(depth));
        self.emit(Instruction::Call(Program::LOOK));
    }

    /// An index of the table of objects.
    fn element(&mut self, count: u64) {
        let index = self.below(count) as i32;
        if self.program.table64 {
            self.emit(Instruction::I64Const(i64::from(index)));
        } else {
            self.emit(Instruction::I32Const(index));
        }
    }
}

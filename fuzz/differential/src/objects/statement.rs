//! Statements: what changes locals, globals, tables and objects, branches, loops, and throws and catches.

use wasm_encoder::*;

use super::{ANY, Body, EXCEPTIONS, concrete};

impl Body<'_, '_> {
    pub(super) fn block(&mut self, depth: u32, statements: u64) {
        for _ in 0..1 + self.below(statements) {
            if self.full() {
                return;
            }
            self.statement(depth);
        }
    }

    fn statement(&mut self, depth: u32) {
        let choice = self.below(if depth < 4 { 14 } else { 9 });
        if let Some(described) = self.program.described
            && self.below(8) == 0
        {
            return self.described(described);
        }
        match choice {
            0..=2 => {
                let (local, ty) = self.locals.all[self.program.random.below(self.locals.all.len() as u64) as usize];
                self.value(ty, 3);
                self.emit(Instruction::LocalSet(local));
            }
            3..=5 => self.mutation(),
            6 => {
                self.value(ANY, 3);
                self.emit(Instruction::GlobalSet(0));
            }
            7 => {
                self.element(8);
                self.value(ANY, 3);
                self.emit(Instruction::TableSet(0));
            }
            8 => {
                if self.below(4) == 0 {
                    self.throw();
                } else if self.number > 0 && self.below(6) == 0 {
                    self.leave();
                } else {
                    self.value(concrete(0, true), 3);
                    self.emit(Instruction::GlobalSet(1));
                }
            }
            9 | 10 => {
                self.value(ValType::I32, 2);
                self.emit(Instruction::If(BlockType::Empty));
                self.labels += 1;
                self.block(depth + 1, 3);
                if self.below(2) == 0 {
                    self.emit(Instruction::Else);
                    self.block(depth + 1, 3);
                }
                self.emit(Instruction::End);
                self.labels -= 1;
            }
            11 if self.loops < 2 => self.counted(depth),
            _ => self.guarded(depth),
        }
    }

    /// A loop that ends.
    fn counted(&mut self, depth: u32) {
        let counter = self.locals.add_hidden(ValType::I32);
        let times = if self.below(8) == 0 { 400 } else { 1 + self.below(5) as i32 };
        self.emit(Instruction::I32Const(times));
        self.emit(Instruction::LocalSet(counter));
        self.emit(Instruction::Loop(BlockType::Empty));
        self.labels += 1;
        self.loops += 1;
        self.block(depth + 1, 3);
        self.loops -= 1;
        self.emit(Instruction::LocalGet(counter));
        self.emit(Instruction::I32Const(1));
        self.emit(Instruction::I32Sub);
        self.emit(Instruction::LocalTee(counter));
        self.emit(Instruction::BrIf(0));
        self.labels -= 1;
        self.emit(Instruction::End);
    }

    /// Ends the function, now and then, by the call of another.
    fn leave(&mut self) {
        self.value(ValType::I32, 1);
        self.emit(Instruction::I32Const(7));
        self.emit(Instruction::I32And);
        self.emit(Instruction::I32Eqz);
        self.emit(Instruction::If(BlockType::Empty));
        self.labels += 1;
        self.value(ValType::I32, 2);
        self.value(ValType::I64, 2);
        let callee = self.below(u64::from(self.number)) as u32;
        if self.below(2) == 0 {
            self.emit(Instruction::ReturnCall(callee));
        } else {
            self.emit(Instruction::RefFunc(callee));
            self.emit(Instruction::ReturnCallRef(self.program.function_type));
        }
        self.labels -= 1;
        self.emit(Instruction::End);
    }

    fn throw(&mut self) {
        if !self.program.legacy && self.below(3) == 0 {
            return self.throw_again();
        }
        let tag = self.below(self.program.tag_types.len() as u64) as u32;
        self.value(ValType::I32, 1);
        self.emit(Instruction::I32Const(3));
        self.emit(Instruction::I32And);
        self.emit(Instruction::If(BlockType::Empty));
        self.labels += 1;
        for ty in self.program.tag_types[tag as usize].clone() {
            self.value(ty, 2);
        }
        self.emit(Instruction::Throw(tag));
        self.labels -= 1;
        self.emit(Instruction::End);
    }

    /// Throws an exception that was caught before, if there is one.
    fn throw_again(&mut self) {
        let null = HeapType::Abstract { shared: false, ty: AbstractHeapType::Exn };
        let index = self.below(EXCEPTIONS) as i32;
        self.emit(Instruction::I32Const(index));
        self.emit(Instruction::TableGet(1));
        self.emit(Instruction::RefIsNull);
        self.emit(Instruction::I32Eqz);
        self.emit(Instruction::If(BlockType::Empty));
        self.emit(Instruction::I32Const(index));
        self.emit(Instruction::TableGet(1));
        self.emit(Instruction::I32Const(index));
        self.emit(Instruction::RefNull(null));
        self.emit(Instruction::TableSet(1));
        self.emit(Instruction::ThrowRef);
        self.emit(Instruction::End);
    }

    /// Statements whose exceptions are caught.
    fn guarded(&mut self, depth: u32) {
        let tag = self.below(self.program.tag_types.len() as u64) as u32;
        let params = self.program.tag_types[tag as usize].clone();
        if self.program.legacy {
            self.emit(Instruction::Try(BlockType::Empty));
            self.labels += 1;
            self.block(depth + 1, 3);
            if self.below(5) == 0 {
                let outermost = self.labels;
                self.labels -= 1;
                let label = self.below(u64::from(outermost)) as u32;
                self.emit(Instruction::Delegate(label));
                return;
            }
            self.emit(Instruction::Catch(tag));
            self.keep(&params);
            self.catches.push(self.labels);
            self.block(depth + 1, 2);
            self.rethrow();
            if self.below(2) == 0 {
                self.emit(Instruction::CatchAll);
                self.block(depth + 1, 2);
                self.rethrow();
            }
            self.catches.pop();
            self.labels -= 1;
            self.emit(Instruction::End);
            return;
        }
        // block $all  block (result params…) $tag  try_table (catch tag $tag) (catch_all $all) … end  br $all  end  keep  end
        let with_ref = self.below(3) == 0;
        self.emit(Instruction::Block(BlockType::Empty));
        let block = match (params.len(), with_ref) {
            (0, false) => BlockType::Empty,
            (1, false) => BlockType::Result(params[0]),
            (0, true) => BlockType::Result(ValType::Ref(RefType::EXNREF)),
            _ => BlockType::Empty,
        };
        let tag = match block {
            BlockType::Empty if !params.is_empty() => 0,
            _ => tag,
        };
        let (params, with_ref) =
            if tag == 0 && matches!(block, BlockType::Empty) { (vec![], false) } else { (params, with_ref) };
        self.emit(Instruction::Block(block));
        let one = if with_ref { Catch::OneRef { tag, label: 0 } } else { Catch::One { tag, label: 0 } };
        let all = Catch::All { label: 1 };
        let catches = if self.below(2) == 0 { vec![one, all] } else { vec![one] };
        self.emit(Instruction::TryTable(BlockType::Empty, catches.into()));
        self.labels += 3;
        self.block(depth + 1, 3);
        self.emit(Instruction::End);
        self.labels -= 1;
        self.emit(Instruction::Br(1));
        self.emit(Instruction::End);
        self.labels -= 1;
        if with_ref {
            if self.below(3) == 0 && params.is_empty() {
                self.value(ValType::I32, 1);
                self.emit(Instruction::I32Const(7));
                self.emit(Instruction::I32And);
                let ty = self.program.function_type + 6;
                self.emit(Instruction::If(BlockType::FunctionType(ty)));
                self.emit(Instruction::Drop);
                self.emit(Instruction::Else);
                self.emit(Instruction::ThrowRef);
                self.emit(Instruction::End);
            } else {
                let caught = self.locals.add_hidden(ValType::Ref(RefType::EXNREF));
                self.emit(Instruction::LocalSet(caught));
                self.keep(&params);
                self.small(0, EXCEPTIONS);
                self.emit(Instruction::LocalGet(caught));
                self.emit(Instruction::TableSet(1));
            }
        } else {
            self.keep(&params);
        }
        self.block(depth + 1, 2);
        self.labels -= 1;
        self.emit(Instruction::End);
    }

    /// Stores the values of a caught exception.
    pub(super) fn keep(&mut self, params: &[ValType]) {
        for ty in params.iter().rev() {
            match self.local(*ty) {
                Some(local) => self.emit(Instruction::LocalSet(local)),
                None => self.emit(Instruction::Drop),
            }
        }
    }

    fn rethrow(&mut self) {
        if self.below(6) != 0 {
            return;
        }
        let Some(label) = self.catches.last().copied() else { return };
        self.value(ValType::I32, 1);
        self.emit(Instruction::I32Const(7));
        self.emit(Instruction::I32And);
        self.emit(Instruction::I32Eqz);
        self.emit(Instruction::If(BlockType::Empty));
        let up = self.labels + 1 - label;
        self.emit(Instruction::Rethrow(up));
        self.emit(Instruction::End);
    }

    /// Writes something into an object.
    fn mutation(&mut self) {
        if self.below(2) == 0
            && let Some((ty, fields)) = self.a_struct()
        {
            let mutable: Vec<usize> = (0..fields.len()).filter(|field| fields[*field].mutable).collect();
            if !mutable.is_empty() {
                let field = mutable[self.below(mutable.len() as u64) as usize];
                self.not_null(ty, 2);
                self.stored(fields[field].element_type, 2);
                self.emit(Instruction::StructSet { struct_type_index: ty, field_index: field as u32 });
            }
            return;
        }
        let Some((ty, element)) = self.an_array() else { return };
        if !element.mutable {
            return;
        }
        let array = self.remember(ty);
        match self.below(4) {
            0 => {
                self.emit(Instruction::LocalGet(array));
                self.index(array);
                self.stored(element.element_type, 2);
                self.emit(Instruction::LocalGet(array));
                self.emit(Instruction::ArrayLen);
                self.emit(Instruction::I32Const(2));
                self.emit(Instruction::I32ShrU);
                self.emit(Instruction::ArrayFill(ty));
            }
            1 => {
                self.emit(Instruction::LocalGet(array));
                self.index(array);
                self.emit(Instruction::LocalGet(array));
                self.index(array);
                self.small(0, 3);
                self.emit(Instruction::ArrayCopy { array_type_index_dst: ty, array_type_index_src: ty });
            }
            2 => match element.element_type {
                StorageType::Val(ValType::Ref(reference)) => {
                    if reference == RefType::ANYREF {
                        self.emit(Instruction::LocalGet(array));
                        self.index(array);
                        self.emit(Instruction::I32Const(0));
                        self.small(0, 3);
                        self.emit(Instruction::ArrayInitElem { array_type_index: ty, array_elem_index: 1 });
                    }
                }
                _ => {
                    self.emit(Instruction::LocalGet(array));
                    self.index(array);
                    self.small(0, 8);
                    self.small(0, 3);
                    self.emit(Instruction::ArrayInitData { array_type_index: ty, array_data_index: 0 });
                }
            },
            _ => {
                self.emit(Instruction::LocalGet(array));
                self.index(array);
                self.stored(element.element_type, 2);
                self.emit(Instruction::ArraySet(ty));
            }
        }
    }
}

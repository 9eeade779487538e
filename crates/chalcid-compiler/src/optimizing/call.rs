//! Calls: direct, imported, through tables and through references, and their tail-calling variants.
//!
//! Every function is reached through its code slot, which is read anew for each call: what it holds changes when the function
//! is compiled. Nothing else about a callee ever changes. A function calls itself without the slot: code of this tier is never replaced.

use chalcid_module::builtins::Builtin;
use chalcid_module::index::{FuncIdx, TableIdx, TypeIdx};
use chalcid_module::layout::{CODE_SLOT_SIZE, TABLE_FILLED, vmcontext, vmfuncimport, vmfuncref};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::HeapType;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{ExtFuncData, ExternalName, FuncRef, InstBuilder, UserFuncName, Value, types};
use wasmparser::Operator;

use super::cast::is_subtype;
use super::region::Region;
use super::translator::{FuncTranslator, ir_trap_code};
use super::types::POINTER;
use crate::CompileError;

/// Whether a call returns to the code after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CallKind {
    /// It does.
    Call,
    /// It takes the place of its caller.
    ReturnCall,
}

/// Where the machine code of a callee lies.
#[derive(Clone, Copy)]
pub(super) enum Code {
    /// At this address.
    At(Value),
    /// Here: the function calls itself.
    Itself(FuncRef),
}

/// What a call goes to.
struct Callee {
    /// Its machine code.
    code: Code,
    /// Its instance.
    vmctx: Value,
    /// Its type, by the caller's module.
    ty: TypeIdx,
}

/// Translates an operator of this family.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> Result<bool, CompileError> {
    use CallKind::{Call, ReturnCall};
    match op {
        Operator::Call { function_index } => t.call_direct(FuncIdx(*function_index), Call)?,
        Operator::ReturnCall { function_index } => t.call_direct(FuncIdx(*function_index), ReturnCall)?,
        Operator::CallIndirect { type_index, table_index } => {
            t.call_indirect(TypeIdx(*type_index), TableIdx(*table_index), Call)?;
        }
        Operator::ReturnCallIndirect { type_index, table_index } => {
            t.call_indirect(TypeIdx(*type_index), TableIdx(*table_index), ReturnCall)?;
        }
        Operator::CallRef { type_index } => t.call_ref(TypeIdx(*type_index), Call)?,
        Operator::ReturnCallRef { type_index } => t.call_ref(TypeIdx(*type_index), ReturnCall)?,
        _ => return Ok(false),
    }
    Ok(true)
}

impl FuncTranslator<'_> {
    fn call_direct(&mut self, func: FuncIdx, kind: CallKind) -> Result<(), CompileError> {
        let ty = self.type_of_func(func)?;
        let callee = match self.module.defined_index(func) {
            Some(defined) if self.builder.func.name == UserFuncName::user(0, defined.0) => {
                Callee { code: self.itself(ty)?, vmctx: self.vmctx, ty }
            }
            Some(defined) => {
                let slots = self.load_vmctx_ptr(vmcontext::CODE_SLOTS);
                let code = self.load_mutable(POINTER, Region::CodeSlots, slots, defined.0 * CODE_SLOT_SIZE);
                Callee { code: Code::At(code), vmctx: self.vmctx, ty }
            }
            None => {
                let import = self.layout.func_import(func);
                let slot = self.load_vmctx_ptr(import + vmfuncimport::SLOT);
                let vmctx = self.load_vmctx_ptr(import + vmfuncimport::VMCTX);
                let code = self.load_mutable(POINTER, Region::CodeSlots, slot, 0);
                Callee { code: Code::At(code), vmctx, ty }
            }
        };
        self.emit_call(callee, kind)
    }

    /// The function at hand, as a callee.
    fn itself(&mut self, ty: TypeIdx) -> Result<Code, CompileError> {
        if let Some(itself) = self.itself {
            return Ok(Code::Itself(itself));
        }
        let signature = self.signature(ty)?;
        let func = &mut *self.builder.func;
        let UserFuncName::User(name) = func.name.clone() else {
            return Err(CompileError::Internal("a function without a number calls itself".to_owned()));
        };
        let name = ExternalName::user(func.declare_imported_user_function(name));
        let itself = func.import_function(ExtFuncData { name, signature, colocated: true, patchable: false });
        self.itself = Some(itself);
        Ok(Code::Itself(itself))
    }

    fn call_indirect(&mut self, ty: TypeIdx, table: TableIdx, kind: CallKind) -> Result<(), CompileError> {
        let element = self.table_decl(table)?.ty.element;
        let index = self.pop_table_index(table)?;
        let filled = self.load_table_element(table, index, TrapCode::UndefinedElement)?;
        let func = self.ins().band_imm_s(filled, !(TABLE_FILLED as i64));
        // One test catches both an element that was not asked for yet and null.
        let missing = self.is_null(func);
        let func = self.cold_path(missing, func, |t| {
            let number = t.i32_const(table.0);
            let func = t.call_builtin(Builtin::table_get_func, &[number, index])?;
            let is_null = t.is_null(func);
            t.trap_if(is_null, TrapCode::UninitializedElement);
            Some(func)
        });
        if !is_subtype(self.module, element.heap, HeapType::Concrete(ty)) {
            self.check_func_type(func, ty)?;
        }
        let callee = self.func_ref_callee(func, ty);
        self.emit_call(callee, kind)
    }

    fn call_ref(&mut self, ty: TypeIdx, kind: CallKind) -> Result<(), CompileError> {
        let func = self.pop();
        let mut flags = self.flags(Region::FuncRefs);
        if self.settings.signals {
            // Null is address 0, where nothing is ever mapped: the first load is the check.
            flags = flags.with_trap_code(Some(ir_trap_code(TrapCode::NullFunctionReference)));
        } else {
            let is_null = self.is_null(func);
            self.trap_if(is_null, TrapCode::NullFunctionReference);
        }
        let slot = self.ins().load(POINTER, flags, func, vmfuncref::SLOT as i32);
        let callee = self.slot_callee(slot, func, ty);
        self.emit_call(callee, kind)
    }

    /// Traps unless a function's type is the type `ty` of this module, or below it.
    fn check_func_type(&mut self, func: Value, ty: TypeIdx) -> Result<(), CompileError> {
        let found = self.load_mutable(types::I32, Region::FuncRefs, func, vmfuncref::TYPE_ID);
        if self.sub_type(ty)?.is_final {
            let wanted = self.type_id(ty);
            let mismatch = self.ins().icmp(IntCC::NotEqual, found, wanted);
            self.trap_if(mismatch, TrapCode::IndirectCallTypeMismatch);
            return Ok(());
        }
        let (matches, fails) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(fails);
        self.branch_on_type(found, ty, matches, fails);
        self.go_on_in(fails);
        self.trap(TrapCode::IndirectCallTypeMismatch);
        self.go_on_in(matches);
        Ok(())
    }

    /// What a function reference that is not null refers to.
    fn func_ref_callee(&mut self, func: Value, ty: TypeIdx) -> Callee {
        let slot = self.load_mutable(POINTER, Region::FuncRefs, func, vmfuncref::SLOT);
        self.slot_callee(slot, func, ty)
    }

    /// What a function reference with the code slot `slot` refers to.
    fn slot_callee(&mut self, slot: Value, func: Value, ty: TypeIdx) -> Callee {
        let vmctx = self.load_mutable(POINTER, Region::FuncRefs, func, vmfuncref::VMCTX);
        let code = self.load_mutable(POINTER, Region::CodeSlots, slot, 0);
        Callee { code: Code::At(code), vmctx, ty }
    }

    /// Calls with the operands on the stack.
    fn emit_call(&mut self, callee: Callee, kind: CallKind) -> Result<(), CompileError> {
        let Callee { code, vmctx, ty } = callee;
        let sig = self.signature(ty)?;
        let func_type = self.func_type(ty)?;
        let params = func_type.params.len();
        let args = self.call_args_from_stack(vmctx, params);
        self.drop_n(params);
        self.count_call();
        match kind {
            CallKind::Call => {
                let results = self.call_throwing(sig, code, &args);
                for (position, &ty) in func_type.results.iter().enumerate() {
                    let result = self.result(results, position);
                    let repr = self.repr(ty);
                    self.push_as(result, repr);
                }
            }
            CallKind::ReturnCall => {
                match code {
                    Code::At(code) => self.ins().return_call_indirect(sig, code, &args),
                    Code::Itself(itself) => self.ins().return_call(itself, &args),
                };
                self.reachable = false;
            }
        }
        self.return_values(args);
        Ok(())
    }
}

//! Chalcid as an engine that runs a program.

use chalcid::{Agent, Error, Extern, Module, TrapCode, Val, ValType};

use crate::{Null, Outcome, Value, Visible};

/// An instance of a program in Chalcid.
pub struct Ours {
    instance: chalcid::Instance,
}

impl Ours {
    /// Instantiates a program. The program is valid, so that failing to compile is a fault.
    pub fn instantiate(engine: &chalcid::Engine, program: &[u8]) -> Result<Self, Outcome> {
        let module = match Module::new(engine, program) {
            Ok(module) => module,
            Err(error) => panic!("a valid program does not compile: {error}"),
        };
        let agent = Agent::new(engine);
        match chalcid::Instance::new(&agent, &module, &[]) {
            Ok(instance) => Ok(Self { instance }),
            Err(error) => Err(failure(&error)),
        }
    }
}

impl crate::Instance for Ours {
    fn call(&mut self, name: &str, args: &[Value]) -> Outcome {
        let Some(func) = self.instance.get_func(name) else { panic!("no function {name}") };
        let args: Vec<_> = args.iter().copied().map(to_val).collect();
        let mut results = vec![Val::I32(0); func.ty().results.len()];
        match func.call(&args, &mut results) {
            Ok(()) => Outcome::Returned(results.iter().map(from_val).collect()),
            Err(error) => failure(&error),
        }
    }

    fn functions(&self) -> Vec<(String, Vec<Value>)> {
        let functions = self.instance.exports().filter_map(|(name, item)| match item {
            Extern::Func(func) => Some((name.to_owned(), func.ty().params.iter().copied().map(zero).collect())),
            _ => None,
        });
        functions.collect()
    }

    fn visible(&mut self) -> Visible {
        let mut visible = Visible::default();
        for (name, item) in self.instance.exports() {
            match item {
                Extern::Memory(memory) => {
                    let bytes = memory.read_vec(0, memory.byte_len()).unwrap_or_default();
                    visible.memories.insert(name.to_owned(), bytes);
                }
                Extern::Global(global) => {
                    visible.globals.insert(name.to_owned(), from_val(&global.get()));
                }
                _ => {}
            }
        }
        visible
    }
}

fn failure(error: &Error) -> Outcome {
    let Error::Trap(trap) = error else { panic!("neither a result nor a trap: {error}") };
    Outcome::Trapped(match trap.code() {
        TrapCode::CallStackExhausted => return Outcome::Exhausted,
        TrapCode::TableOutOfBounds | TrapCode::UndefinedElement => "table",
        TrapCode::MemoryOutOfBounds => "memory",
        TrapCode::Unreachable => "unreachable",
        TrapCode::UninitializedElement => "null",
        TrapCode::IndirectCallTypeMismatch => "signature",
        TrapCode::IntegerDivideByZero => "division by zero",
        TrapCode::IntegerOverflow => "overflow",
        TrapCode::InvalidConversionToInteger => "conversion",
        code => panic!("unexpected trap: {code}"),
    })
}

fn zero(ty: ValType) -> Value {
    match ty {
        ValType::I32 => Value::I32(0),
        ValType::I64 => Value::I64(0),
        ValType::F32 => Value::F32(0),
        ValType::F64 => Value::F64(0),
        ValType::V128 => Value::V128(0),
        ValType::Ref(ty) if ty.heap == chalcid::RefType::FUNCREF.heap => Value::FuncRef(Null::Yes),
        ValType::Ref(_) => Value::ExternRef(Null::Yes),
    }
}

fn to_val(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits),
        Value::FuncRef(_) => Val::FuncRef(None),
        Value::ExternRef(_) => Val::ExternRef(None),
    }
}

fn from_val(value: &Val) -> Value {
    let null = if value.is_null() { Null::Yes } else { Null::No };
    match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(bits) => Value::F32(*bits),
        Val::F64(bits) => Value::F64(*bits),
        Val::V128(bits) => Value::V128(*bits),
        Val::FuncRef(_) => Value::FuncRef(null),
        _ => Value::ExternRef(null),
    }
}

//! wasmi as an engine that runs a program.

use wasmi::{Config, Engine, Error, Extern, Module, Nullable, Store, TrapCode, Val, ValType};

use crate::{Null, Outcome, Value, Visible};

/// Calls within calls that it allows.
const RECURSION: usize = 100_000;

/// An instance of a program in wasmi.
pub struct Other {
    store: Store<()>,
    instance: wasmi::Instance,
}

impl Other {
    /// Instantiates a program.
    pub fn instantiate(program: &[u8]) -> Result<Self, Outcome> {
        let mut config = Config::default();
        config.wasm_wide_arithmetic(true).wasm_memory64(true).wasm_multi_memory(true).wasm_simd(true);
        config.set_max_recursion_depth(RECURSION);
        let engine = Engine::new(&config);
        let module = match Module::new(&engine, program) {
            Ok(module) => module,
            Err(error) => panic!("the other engine does not know the program: {error}"),
        };
        let mut store = Store::new(&engine, ());
        match wasmi::Instance::new(&mut store, &module, &[]) {
            Ok(instance) => Ok(Self { store, instance }),
            Err(error) => Err(failure(&error)),
        }
    }
}

impl crate::Instance for Other {
    fn call(&mut self, name: &str, args: &[Value]) -> Outcome {
        let Some(func) = self.instance.get_func(&self.store, name) else { panic!("no function {name}") };
        let args: Vec<_> = args.iter().copied().map(to_val).collect();
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => Outcome::Returned(results.iter().map(from_val).collect()),
            Err(error) => failure(&error),
        }
    }

    fn functions(&self) -> Vec<(String, Vec<Value>)> {
        let functions = self.instance.exports(&self.store).filter_map(|export| {
            let name = export.name().to_owned();
            let func = export.into_func()?;
            Some((name, func.ty(&self.store).params().iter().copied().map(zero).collect()))
        });
        functions.collect()
    }

    fn visible(&mut self) -> Visible {
        let mut visible = Visible::default();
        for export in self.instance.exports(&self.store) {
            let name = export.name().to_owned();
            match export.into_extern() {
                Extern::Memory(memory) => {
                    visible.memories.insert(name, memory.data(&self.store).to_vec());
                }
                Extern::Global(global) => {
                    visible.globals.insert(name, from_val(&global.get(&self.store)));
                }
                _ => {}
            }
        }
        visible
    }
}

fn failure(error: &Error) -> Outcome {
    // An active segment that does not fit its table is no trap to this engine.
    if error.to_string().starts_with("out of bounds table access") {
        return Outcome::Trapped("table");
    }
    let Some(code) = error.as_trap_code() else { panic!("neither a result nor a trap: {error}") };
    Outcome::Trapped(match code {
        TrapCode::StackOverflow | TrapCode::OutOfFuel | TrapCode::GrowthOperationLimited => return Outcome::Exhausted,
        TrapCode::TableOutOfBounds => "table",
        TrapCode::MemoryOutOfBounds => "memory",
        TrapCode::UnreachableCodeReached => "unreachable",
        TrapCode::IndirectCallToNull => "null",
        TrapCode::BadSignature => "signature",
        TrapCode::IntegerDivisionByZero => "division by zero",
        TrapCode::IntegerOverflow => "overflow",
        TrapCode::BadConversionToInteger => "conversion",
        code => panic!("unexpected trap: {code:?}"),
    })
}

fn zero(ty: ValType) -> Value {
    match ty {
        ValType::I32 => Value::I32(0),
        ValType::I64 => Value::I64(0),
        ValType::F32 => Value::F32(0),
        ValType::F64 => Value::F64(0),
        ValType::V128 => Value::V128(0),
        ValType::FuncRef => Value::FuncRef(Null::Yes),
        ValType::ExternRef => Value::ExternRef(Null::Yes),
    }
}

fn to_val(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(wasmi::F32::from_bits(bits)),
        Value::F64(bits) => Val::F64(wasmi::F64::from_bits(bits)),
        Value::V128(bits) => Val::V128(wasmi::V128::from(bits)),
        Value::FuncRef(_) => Val::FuncRef(Nullable::Null),
        Value::ExternRef(_) => Val::ExternRef(Nullable::Null),
    }
}

fn from_val(value: &Val) -> Value {
    let null = |is_null| if is_null { Null::Yes } else { Null::No };
    match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(value) => Value::F32(value.to_bits()),
        Val::F64(value) => Value::F64(value.to_bits()),
        Val::V128(value) => Value::V128(value.as_u128()),
        Val::FuncRef(func) => Value::FuncRef(null(matches!(func, Nullable::Null))),
        Val::ExternRef(value) => Value::ExternRef(null(matches!(value, Nullable::Null))),
    }
}

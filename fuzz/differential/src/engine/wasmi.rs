//! wasmi, an interpreter that shares nothing with Chalcid but the validating library.

use wasmi::{Config, Error, Extern, Module, Nullable, Store, TrapCode, Val, ValType};

use crate::account::{self, End, Log};
use crate::plan::{self, Call, Plan, Watch, Watched};

/// Calls within calls that it allows.
const RECURSION: usize = 100_000;

/// The engine.
pub struct Wasmi(wasmi::Engine);

struct Running {
    store: Store<()>,
    instance: wasmi::Instance,
}

impl Wasmi {
    /// With everything it has.
    pub fn new() -> Self {
        let mut config = Config::default();
        config.wasm_wide_arithmetic(true).wasm_memory64(true).wasm_multi_memory(true).wasm_simd(true);
        config.wasm_custom_page_sizes(true);
        config.set_max_recursion_depth(RECURSION);
        Self(wasmi::Engine::new(&config))
    }
}

impl Default for Wasmi {
    fn default() -> Self {
        Self::new()
    }
}

impl account::Engine for Wasmi {
    fn instantiate(&mut self, program: &[u8], _: &Plan, _: &Log) -> Result<Box<dyn account::Instance>, End> {
        let module = Module::new(&self.0, program).map_err(|error| End::Failed(format!("invalid # {error}")))?;
        let mut store = Store::new(&self.0, ());
        match wasmi::Instance::new(&mut store, &module, &[]) {
            Ok(instance) => Ok(Box::new(Running { store, instance })),
            Err(error) => Err(failure(&error)),
        }
    }
}

impl account::Instance for Running {
    fn call(&mut self, call: &Call) -> End {
        let Some(func) = self.instance.get_func(&self.store, &call.name) else {
            return End::Failed("no such function".to_owned());
        };
        let ty = func.ty(&self.store);
        let args = ty.params().iter().zip(&call.args).map(|(ty, word)| self.value(*ty, word));
        let Some(args) = args.collect::<Option<Vec<_>>>() else { return End::Failed("no such arguments".to_owned()) };
        let mut results = vec![Val::I32(0); ty.results().len()];
        match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => End::Returned(results.iter().map(|value| show(&self.store, value)).collect()),
            Err(error) => failure(&error),
        }
    }

    fn set(&mut self, name: &str, value: i32) {
        if let Some(global) = self.instance.get_global(&self.store, name) {
            // It stays what it was where it cannot be set, which shows.
            let _ = global.set(&mut self.store, Val::I32(value));
        }
    }

    fn fill(&mut self, name: &str, bytes: &[u8]) {
        if let Some(memory) = self.instance.get_memory(&self.store, name) {
            let len = bytes.len().min(memory.data(&self.store).len());
            memory.data_mut(&mut self.store)[..len].copy_from_slice(&bytes[..len]);
        }
    }

    fn look(&mut self, watch: &Watch) -> String {
        let found = match (&watch.what, self.instance.get_export(&self.store, &watch.name)) {
            (Watched::Memory { .. }, Some(Extern::Memory(memory))) => {
                let bytes = memory.data(&self.store);
                Some(format!("{}:{}", bytes.len(), account::sum(bytes) as i64))
            }
            (Watched::Global { .. }, Some(Extern::Global(global))) => Some(show(&self.store, &global.get(&self.store))),
            (Watched::Table { .. }, Some(Extern::Table(table))) => {
                let size = table.size(&self.store);
                let elements = (0..size.min(plan::ELEMENTS_SHOWN)).filter_map(|index| table.get(&self.store, index));
                let elements: Vec<_> = elements.map(|value| show(&self.store, &value.into())).collect();
                Some(format!("{size} {}", elements.join(" ")))
            }
            _ => None,
        };
        found.unwrap_or_else(|| "no such export".to_owned())
    }
}

impl Running {
    /// The value that a word of a plan means.
    fn value(&mut self, ty: ValType, word: &str) -> Option<Val> {
        Some(match ty {
            ValType::I32 => Val::I32(word.parse().ok()?),
            ValType::I64 => Val::I64(word.parse().ok()?),
            ValType::F32 => Val::F32(wasmi::F32::from_bits(u32::from_str_radix(word, 16).ok()?)),
            ValType::F64 => Val::F64(wasmi::F64::from_bits(u64::from_str_radix(word, 16).ok()?)),
            ValType::V128 => Val::V128(wasmi::V128::from(u128::from_str_radix(word, 16).ok()?)),
            ValType::FuncRef => match word.split_once(' ') {
                Some((_, name)) => Val::FuncRef(Nullable::Val(self.instance.get_func(&self.store, name)?)),
                None => Val::FuncRef(Nullable::Null),
            },
            ValType::ExternRef => match word.split_once(' ') {
                Some((_, number)) => {
                    let number: u64 = number.parse().ok()?;
                    Val::ExternRef(Nullable::Val(wasmi::ExternRef::new(&mut self.store, number)))
                }
                None => Val::ExternRef(Nullable::Null),
            },
        })
    }
}

fn show(store: &Store<()>, value: &Val) -> String {
    match value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(value) => account::f32(value.to_bits()),
        Val::F64(value) => account::f64(value.to_bits()),
        Val::V128(value) => format!("{:x}", value.as_u128()),
        Val::FuncRef(Nullable::Null) | Val::ExternRef(Nullable::Null) => "null".to_owned(),
        Val::FuncRef(_) => "function".to_owned(),
        Val::ExternRef(Nullable::Val(value)) => {
            let number = value.data(store).downcast_ref::<u64>();
            number.map_or_else(|| "a value".to_owned(), |number| format!("object {number}"))
        }
    }
}

fn failure(error: &Error) -> End {
    // An active segment that does not fit its table is no trap to this engine.
    if error.to_string().starts_with("out of bounds table access") {
        return End::Failed("trap: table".to_owned());
    }
    let Some(code) = error.as_trap_code() else { return End::Failed(format!("failure: {error}")) };
    let kind = match code {
        TrapCode::StackOverflow | TrapCode::OutOfFuel | TrapCode::GrowthOperationLimited => return End::Exhausted,
        // wasmi 2.0.0 now and then takes the operand that a `select` has just kept from being the divisor. V8 judges divisions.
        TrapCode::IntegerDivisionByZero => return End::Exhausted,
        TrapCode::TableOutOfBounds => "table",
        TrapCode::MemoryOutOfBounds => "memory",
        TrapCode::UnreachableCodeReached => "unreachable",
        TrapCode::IndirectCallToNull => "null; uninitialized element",
        TrapCode::BadSignature => "null; indirect call type mismatch",
        TrapCode::IntegerOverflow => "unrepresentable; integer overflow",
        TrapCode::BadConversionToInteger => "unrepresentable; invalid conversion to integer",
        _ => "other",
    };
    End::Failed(format!("trap: {kind}"))
}

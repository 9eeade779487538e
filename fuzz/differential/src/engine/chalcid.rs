//! Chalcid, by its Rust API.

use std::cell::Cell;
use std::rc::Rc;

use chalcid::types::{AbsHeapType, ExternType, HeapType};
use chalcid::{
    Agent, AnyRef, Config, Error, Extern, Feature, Func, FuncType, Global, HostCall, HostValue, I31, Instance, Memory,
    Module, Table, Tag, TierPolicy, TrapCode, Val, ValRaw, ValType,
};

use crate::account::{self, End, Log};
use crate::plan::{self, Call, Item, Plan, Watch, Watched};

/// Chalcid with certain settings.
pub struct Chalcid {
    engine: chalcid::Engine,
}

struct Running {
    engine: chalcid::Engine,
    agent: Agent,
    instance: Instance,
    tags: Vec<(Tag, bool)>,
}

/// A value of the host.
struct Object(u64);

impl Chalcid {
    /// By the words of the command line: a tier, and what else is unusual, joined by `+`.
    pub fn named(name: &str) -> Result<Self, String> {
        let mut config = Config::new().features(Feature::ALL.iter().copied().collect());
        for word in name.split('+') {
            config = match word {
                "baseline" => config.tier(TierPolicy::Baseline),
                "optimizing" => config.tier(TierPolicy::Optimizing),
                // The second call of a function runs what was optimised after the first.
                "auto" => config.tier(TierPolicy::Auto).hot_after(1),
                "stress" => config.heap_stress(true),
                "no-signals" => config.signals(false),
                "interruptible" => config.interruptible(true),
                "unoptimized" => config.optimize(false),
                "old-cpu" => config.cpu_features([]),
                word => return Err(format!("unknown engine or setting {word}")),
            };
        }
        let engine = chalcid::Engine::new(config).map_err(|error| error.to_string())?;
        Ok(Self { engine })
    }
}

impl account::Engine for Chalcid {
    fn instantiate(&mut self, program: &[u8], plan: &Plan, log: &Log) -> Result<Box<dyn account::Instance>, End> {
        let module = Module::new(&self.engine, program).map_err(|error| End::Failed(format!("invalid # {error}")))?;
        let agent = Agent::new(&self.engine);
        let imports = module.imports().zip(&plan.imports).map(|(ty, import)| supply(&agent, ty.ty, &import.item, log));
        let imports = imports.collect::<Result<Vec<_>, _>>().map_err(|error| failure(&error, &[]))?;
        let instance = Instance::new(&agent, &module, &imports).map_err(|error| failure(&error, &[]))?;
        let tags = plan.tags.iter().filter_map(|(name, carries)| Some((instance.get_tag(name)?, !carries.is_empty())));
        let tags = tags.collect();
        Ok(Box::new(Running { engine: self.engine.clone(), agent, instance, tags }))
    }
}

impl account::Instance for Running {
    fn call(&mut self, call: &Call) -> End {
        let Some(func) = self.instance.get_func(&call.name) else { return End::Failed("no such function".to_owned()) };
        let ty = func.ty();
        let args =
            ty.params.iter().zip(&call.args).map(|(ty, word)| value(&self.agent, Some(&self.instance), *ty, word));
        let Some(args) = args.collect::<Option<Vec<_>>>() else { return End::Failed("no such arguments".to_owned()) };
        let mut results = vec![Val::I32(0); ty.results.len()];
        let end = match func.call(&args, &mut results) {
            Ok(()) => End::Returned(results.iter().map(show).collect()),
            Err(error) => failure(&error, &self.tags),
        };
        self.engine.finish_compiling();
        end
    }

    fn set(&mut self, name: &str, value: i32) {
        if let Some(global) = self.instance.get_global(name) {
            // It stays what it was where it cannot be set, which shows.
            let _ = global.set(Val::I32(value));
        }
    }

    fn fill(&mut self, name: &str, bytes: &[u8]) {
        if let Some(memory) = self.instance.get_memory(name) {
            // It stays what it was where it cannot be written, which shows.
            let _ = memory.write(0, &bytes[..bytes.len().min(memory.byte_len())]);
        }
    }

    fn look(&mut self, watch: &Watch) -> String {
        let found = match (&watch.what, self.instance.get_export(&watch.name)) {
            (Watched::Memory { .. }, Some(Extern::Memory(memory))) => {
                let bytes = memory.read_vec(0, memory.byte_len()).unwrap_or_default();
                Some(format!("{}:{}", bytes.len(), account::sum(&bytes) as i64))
            }
            (Watched::Global { .. }, Some(Extern::Global(global))) => Some(show(&global.get())),
            (Watched::Table { .. }, Some(Extern::Table(table))) => {
                let elements = (0..table.size().min(plan::ELEMENTS_SHOWN)).filter_map(|index| table.get(index));
                let elements: Vec<_> = elements.map(|value| show(&value)).collect();
                Some(format!("{} {}", table.size(), elements.join(" ")))
            }
            _ => None,
        };
        found.unwrap_or_else(|| "no such export".to_owned())
    }
}

/// What stands for an imported function: of the very type that is wanted, as JavaScript's functions are of any.
struct Import {
    results: Vec<Val>,
    calls: Cell<u32>,
    log: Log,
}

impl HostCall for Import {
    fn call(&self, agent: &Agent, ty: &FuncType, values: &mut [ValRaw]) -> Result<(), Error> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() < plan::CALLS_SHOWN {
            let args = ty.params.iter().zip(&*values).map(|(ty, value)| show(&Val::from_raw(agent, *value, *ty)));
            let args: Vec<_> = args.collect();
            self.log.borrow_mut().push(format!("  import called with {}", args.join(", ")));
        }
        if self.calls.get().is_multiple_of(plan::THROWS_EVERY) {
            return Err(object(agent, plan::THROWN).map_or_else(no_value, Error::host_value));
        }
        for (value, result) in values.iter_mut().zip(&self.results) {
            *value = result.to_raw(agent)?;
        }
        Ok(())
    }
}

fn no_value() -> Error {
    Error::host(std::io::Error::other("no such value"))
}

/// What stands for an import of a type.
fn supply(agent: &Agent, ty: ExternType, item: &Item, log: &Log) -> Result<Extern, Error> {
    Ok(match (ty, item) {
        (ExternType::Func(id), Item::Func { returns, .. }) => {
            let ty = agent.engine().func_type(id).ok_or_else(no_value)?;
            let results = ty.results.iter().zip(returns).map(|(ty, word)| value(agent, None, *ty, word));
            let results = results.collect::<Option<Vec<_>>>().ok_or_else(no_value)?;
            let import = Import { results, calls: Cell::new(0), log: log.clone() };
            Func::from_host(agent, id, 0, import)?.into()
        }
        (ExternType::Global(ty), Item::Global { value: word, .. }) => {
            let value = value(agent, None, ty.content, word).ok_or_else(no_value)?;
            Global::new(agent, ty, value)?.into()
        }
        (ExternType::Memory(ty), Item::Memory { .. }) => Memory::new(agent, ty).map_err(|_| no_value())?.into(),
        (ExternType::Table(ty), Item::Table { .. }) => {
            let null = Val::default_of(agent, ValType::Ref(ty.element)).ok_or_else(no_value)?;
            Table::new(agent, ty, null)?.into()
        }
        (ExternType::Tag(ty), Item::Tag { .. }) => {
            Tag::new(agent, agent.engine().func_type(ty).ok_or_else(no_value)?)?.into()
        }
        _ => return Err(no_value()),
    })
}

fn object(agent: &Agent, number: u64) -> Option<HostValue> {
    agent.host_value(Rc::new(Object(number)))
}

/// The value that a word of a plan means.
fn value(agent: &Agent, instance: Option<&Instance>, ty: ValType, word: &str) -> Option<Val> {
    Some(match ty {
        ValType::I32 => Val::I32(word.parse().ok()?),
        ValType::I64 => Val::I64(word.parse().ok()?),
        ValType::F32 => Val::F32(u32::from_str_radix(word, 16).ok()?),
        ValType::F64 => Val::F64(u64::from_str_radix(word, 16).ok()?),
        ValType::V128 => Val::V128(u128::from_str_radix(word, 16).ok()?),
        ValType::Ref(reference) => match word.split_once(' ') {
            None => Val::default_of(agent, ty)?,
            Some(("i31", number)) => I31::new(number.parse().ok()?)?.into(),
            Some(("object", number)) => {
                let value = object(agent, number.parse().ok()?)?;
                match reference.heap {
                    HeapType::Abstract(AbsHeapType::Extern) => Val::ExternRef(Some(value)),
                    _ => AnyRef::from_host(value).into(),
                }
            }
            Some(("export", name)) => instance?.get_func(name)?.into(),
            Some(_) => return None,
        },
    })
}

fn show(value: &Val) -> String {
    match value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => account::f32(*bits),
        Val::F64(bits) => account::f64(*bits),
        Val::V128(bits) => format!("{bits:x}"),
        value if value.is_null() => "null".to_owned(),
        Val::FuncRef(_) => "function".to_owned(),
        Val::ExternRef(value) => value.as_ref().map_or_else(String::new, show_object),
        Val::AnyRef(Some(value)) => match (value.as_i31(), value.as_host()) {
            (Some(number), _) => format!("i31 {}", number.get()),
            (_, Some(value)) => show_object(value),
            _ => "aggregate".to_owned(),
        },
        _ => "exception".to_owned(),
    }
}

fn show_object(value: &HostValue) -> String {
    let object = value.to_rc().and_then(|value| value.downcast::<Object>().ok());
    object.map_or_else(|| "a value".to_owned(), |object| format!("object {}", object.0))
}

fn failure(error: &Error, tags: &[(Tag, bool)]) -> End {
    match error {
        Error::Trap(trap) => match kind(trap.code()) {
            None => End::Exhausted,
            Some(kind) => End::Failed(format!("trap: {kind}; {}", trap.message())),
        },
        Error::Exception(exception) => {
            let mut text = "an exception".to_owned();
            for (index, (tag, carries)) in tags.iter().enumerate() {
                if exception.is(tag) {
                    let args = exception.args().unwrap_or_default();
                    let args: Vec<_> = if *carries { args.iter().map(show).collect() } else { Vec::new() };
                    text += &format!(" of tag {index} ({})", args.join(", "));
                }
            }
            End::Failed(text)
        }
        Error::Host(error) => End::Failed(error.value().map_or_else(|| error.to_string(), show_object)),
        Error::Resource(_) => End::Exhausted,
        Error::Link(error) => End::Failed(format!("a LinkError # {error}")),
        error => End::Failed(format!("failure: {error}")),
    }
}

/// What kind of trap it is to JavaScript, which tells fewer; `None` for what depends on what is left.
fn kind(code: TrapCode) -> Option<&'static str> {
    Some(match code {
        TrapCode::CallStackExhausted | TrapCode::AllocationFailed => return None,
        TrapCode::Unreachable => "unreachable",
        TrapCode::IntegerDivideByZero => "division by zero",
        TrapCode::IntegerOverflow | TrapCode::InvalidConversionToInteger => "unrepresentable",
        TrapCode::MemoryOutOfBounds | TrapCode::UnalignedAtomic => "memory",
        TrapCode::ArrayOutOfBounds => "array",
        TrapCode::TableOutOfBounds | TrapCode::UndefinedElement => "table",
        TrapCode::CastFailure => "cast",
        // V8 calls a mismatch and a null by one name, and sometimes null by the other.
        TrapCode::UninitializedElement
        | TrapCode::IndirectCallTypeMismatch
        | TrapCode::NullReference
        | TrapCode::NullFunctionReference
        | TrapCode::NullI31Reference
        | TrapCode::NullStructureReference
        | TrapCode::NullArrayReference
        | TrapCode::NullExceptionReference => "null",
        _ => "other",
    })
}

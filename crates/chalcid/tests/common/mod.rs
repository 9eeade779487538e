//! What the tests share.

#![allow(clippy::unwrap_used, dead_code, reason = "tests; not every file uses everything")]

use chalcid::{Agent, Config, Engine, Error, Extern, Func, FuncType, Instance, Limits, Module, TrapCode, Val, ValType};

/// An engine that checks what it makes.
pub fn engine() -> Engine {
    Engine::new(Config::new()).unwrap()
}

/// A module from text.
pub fn module(engine: &Engine, wat: &str) -> Module {
    Module::new(engine, wat::parse_str(wat).unwrap()).unwrap()
}

/// An agent with an engine of its own.
pub fn agent() -> Agent {
    Agent::new(&engine())
}

/// An instance of a module from text.
pub fn try_instantiate(agent: &Agent, wat: &str, imports: &[Extern]) -> Result<Instance, Error> {
    Instance::new(agent, &module(agent.engine(), wat), imports)
}

/// An instance of a module from text.
pub fn instantiate(agent: &Agent, wat: &str, imports: &[Extern]) -> Instance {
    try_instantiate(agent, wat, imports).unwrap()
}

/// Calls an export.
pub fn try_call(instance: &Instance, name: &str, args: &[Val]) -> Result<Vec<Val>, Error> {
    let func = instance.get_func(name).unwrap();
    let mut results = vec![Val::I32(0); func.ty().results.len()];
    func.call(args, &mut results)?;
    Ok(results)
}

/// Calls an export.
pub fn call(instance: &Instance, name: &str, args: &[Val]) -> Vec<Val> {
    try_call(instance, name, args).unwrap()
}

/// Calls an export that returns an `i32`.
pub fn call_i32(instance: &Instance, name: &str, args: &[i32]) -> i32 {
    let args: Vec<Val> = args.iter().map(|arg| Val::I32(*arg)).collect();
    call(instance, name, &args)[0].i32().unwrap()
}

/// The code of the trap that calling an export ends with.
pub fn trap(instance: &Instance, name: &str, args: &[Val]) -> TrapCode {
    trap_code(try_call(instance, name, args))
}

/// The code of the trap that something ended with.
pub fn trap_code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> TrapCode {
    match outcome.unwrap_err() {
        Error::Trap(trap) => trap.code(),
        other => panic!("expected a trap, found {other:?}"),
    }
}

/// A function type.
pub fn func_type(params: &[ValType], results: &[ValType]) -> FuncType {
    FuncType { params: params.into(), results: results.into() }
}

/// A host function of `i32`s.
pub fn host_i32(agent: &Agent, params: usize, call: impl Fn(&[i32]) -> Result<i32, Error> + 'static) -> Func {
    Func::new(agent, func_type(&vec![ValType::I32; params], &[ValType::I32]), move |args, results| {
        let args: Vec<i32> = args.iter().map(|arg| arg.i32().unwrap()).collect();
        results[0] = Val::I32(call(&args)?);
        Ok(())
    })
    .unwrap()
}

/// Limits.
pub fn limits(min: u64, max: Option<u64>) -> Limits {
    Limits { min, max }
}

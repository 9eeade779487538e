//! Exceptions at the border: thrown by wasm and by the host, through frames of both, and what is not to be caught.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use chalcid::{
    Agent, Config, Engine, Error, Exception, Extern, Feature, Features, Func, FuncType, HostValue, Instance, Misuse,
    Module, Tag, Trap, TrapCode, Val, ValType,
};

fn engine(signals: bool) -> Engine {
    let features = Features::default()
        .with(Feature::Exceptions)
        .with(Feature::LegacyExceptions)
        .with(Feature::Gc)
        .with(Feature::ReferenceTypes);
    Engine::new(Config::new().features(features).signals(signals)).unwrap()
}

fn agent() -> Agent {
    Agent::new(&engine(true))
}

fn module(agent: &Agent, text: &str) -> Module {
    Module::new(agent.engine(), wat::parse_str(text).unwrap()).unwrap()
}

fn instance(agent: &Agent, text: &str, imports: &[Extern]) -> Instance {
    Instance::new(agent, &module(agent, text), imports).unwrap()
}

fn call(instance: &Instance, name: &str, args: &[Val]) -> Result<Vec<Val>, Error> {
    let func = instance.get_func(name).unwrap();
    let mut results = vec![Val::I32(-1); func.ty().results.len()];
    func.call(args, &mut results)?;
    Ok(results)
}

fn call_i32(instance: &Instance, name: &str, args: &[Val]) -> i32 {
    call(instance, name, args).unwrap()[0].i32().unwrap()
}

fn ty(params: &[ValType], results: &[ValType]) -> FuncType {
    FuncType { params: params.into(), results: results.into() }
}

fn host(agent: &Agent, call: impl Fn() -> Result<(), Error> + 'static) -> Extern {
    Func::new(agent, ty(&[], &[]), move |_, _| call()).unwrap().into()
}

fn exception(error: Error) -> Exception {
    match error {
        Error::Exception(exception) => exception,
        other => panic!("{other}"),
    }
}

fn value_of(error: Error) -> i32 {
    match error {
        Error::Host(error) => *error.value().unwrap().to_rc().unwrap().downcast_ref::<i32>().unwrap(),
        other => panic!("{other}"),
    }
}

fn host_value(agent: &Agent, value: i32) -> HostValue {
    agent.host_value(Rc::new(value)).unwrap()
}

/// A module that catches what its import throws.
const CATCHER: &str = r#"(module
    (import "" "f" (func $f))
    (import "" "tag" (tag $e (param i32)))
    (func (export "uncaught") (call $f))
    (func (export "catch") (result i32)
        (block $h (result i32) (try_table (catch $e $h) (call $f)) (i32.const -1)))
    (func (export "catch_all") (result i32)
        (block $h (try_table (catch_all $h) (call $f)) (return (i32.const -1))) (i32.const 1))
    (func (export "catch_ref") (result exnref)
        (block $h (result exnref) (try_table (catch_all_ref $h) (call $f)) (ref.null exn)))
    (func (export "throw_on")
        (block $h (result exnref) (try_table (catch_all_ref $h) (call $f)) (return)) (throw_ref)))"#;

#[test]
fn what_nobody_catches_is_an_error_with_its_tag_and_values() {
    let agent = agent();
    let instance = instance(
        &agent,
        r#"(module (tag $e (export "e") (param i32 f64 externref)) (func (export "run") (param externref)
             (throw $e (i32.const 7) (f64.const 0.5) (local.get 0))))"#,
        &[],
    );
    let tag = instance.get_export("e").unwrap().into_tag().unwrap();
    let value = host_value(&agent, 3);
    let error = call(&instance, "run", &[Val::ExternRef(Some(value))]).unwrap_err();
    assert_eq!(error.to_string(), "uncaught exception (i32, f64, externref)");
    let exception = exception(error);
    assert!(exception.is(&tag));
    let args = exception.args().unwrap();
    assert_eq!((args[0].i32(), args[1].f64()), (Some(7), Some(0.5)));
    assert_eq!(args[2].host_value().unwrap().to_rc().unwrap().downcast_ref::<i32>(), Some(&3));
}

#[test]
fn the_host_throws_exceptions_of_its_own() {
    let agent = agent();
    let tag = Tag::new(&agent, ty(&[ValType::I32], &[])).unwrap();
    let thrown = Exception::new(&agent, &tag, &[Val::I32(9)]).unwrap();
    let f = host(&agent, {
        let thrown = thrown.clone();
        move || Err(thrown.clone().into())
    });
    let instance = instance(&agent, CATCHER, &[f, tag.into()]);
    assert_eq!(call_i32(&instance, "catch", &[]), 9);
    assert_eq!(call_i32(&instance, "catch_all", &[]), 1);
    assert_eq!(exception(call(&instance, "uncaught", &[]).unwrap_err()), thrown);
    assert_eq!(exception(call(&instance, "throw_on", &[]).unwrap_err()), thrown);
    assert_eq!(call(&instance, "catch_ref", &[]).unwrap()[0].exception(), Some(&thrown));
}

#[test]
fn exceptions_are_checked_when_they_are_made() {
    let agent = agent();
    let tag = Tag::new(&agent, ty(&[ValType::I32], &[])).unwrap();
    assert!(matches!(Exception::new(&agent, &tag, &[]), Err(Error::Misuse(Misuse::Count { .. }))));
    assert!(matches!(Exception::new(&agent, &tag, &[Val::I64(1)]), Err(Error::Misuse(Misuse::Type { .. }))));
    let other = Agent::new(agent.engine());
    assert!(matches!(Exception::new(&other, &tag, &[Val::I32(1)]), Err(Error::Misuse(Misuse::Foreign(_)))));
}

#[test]
fn an_exception_of_another_agent_passes_but_is_nobodys_to_catch() {
    let (agent, other) = (agent(), agent());
    let foreign = Exception::new(&other, &Tag::new(&other, ty(&[], &[])).unwrap(), &[]).unwrap();
    let value = host_value(&other, 5);
    let by_value = Cell::new(false);
    let by_value = Rc::new(by_value);
    let f = host(&agent, {
        let (foreign, by_value) = (foreign.clone(), by_value.clone());
        move || Err(if by_value.get() { Error::host_value(value.clone()) } else { foreign.clone().into() })
    });
    let tag = Tag::new(&agent, ty(&[ValType::I32], &[])).unwrap();
    let instance = instance(&agent, CATCHER, &[f, tag.into()]);
    assert_eq!(exception(call(&instance, "catch_all", &[]).unwrap_err()), foreign);
    by_value.set(true);
    assert_eq!(value_of(call(&instance, "catch_all", &[]).unwrap_err()), 5);
}

#[test]
fn a_value_of_the_host_is_caught_and_comes_out_the_same() {
    let agent = agent();
    let value = host_value(&agent, 11);
    let f = host(&agent, {
        let value = value.clone();
        move || Err(Error::host_value(value.clone()))
    });
    let plain = Tag::new(&agent, ty(&[ValType::I32], &[])).unwrap();
    let instance = instance(&agent, CATCHER, &[f, plain.into()]);
    assert_eq!(call_i32(&instance, "catch_all", &[]), 1);
    for name in ["uncaught", "throw_on", "catch"] {
        let Error::Host(error) = call(&instance, name, &[]).unwrap_err() else { panic!("{name}") };
        let found = error.into_value().unwrap().to_rc().unwrap();
        assert!(Rc::ptr_eq(&found, &value.to_rc().unwrap()), "{name}");
    }
    let kept = call(&instance, "catch_ref", &[]).unwrap()[0].exception().cloned().unwrap();
    assert!(kept.is(&Tag::of_host(&agent).unwrap()));
}

#[test]
fn the_hosts_tag_gives_the_value_and_throws_one() {
    let agent = agent();
    let f = host(&agent, {
        let agent = agent.clone();
        move || Err(Error::host_value(agent.host_value(Rc::new(5)).unwrap()))
    });
    let instance = instance(
        &agent,
        r#"(module (import "" "f" (func $f)) (import "" "js" (tag $js (param externref)))
            (func (export "catch") (result externref)
              (block $h (result externref) (try_table (catch $js $h) (call $f)) (unreachable)))
            (func (export "throw") (param externref) (throw $js (local.get 0))))"#,
        &[f, Tag::of_host(&agent).unwrap().into()],
    );
    let found = call(&instance, "catch", &[]).unwrap()[0].host_value().unwrap().to_rc().unwrap();
    assert_eq!(found.downcast_ref::<i32>(), Some(&5));
    let thrown = Rc::new(6);
    let value = agent.host_value(thrown.clone()).unwrap();
    assert_eq!(value_of(call(&instance, "throw", &[Val::ExternRef(Some(value))]).unwrap_err()), 6);
    // A null is no value of the host: it stays the exception that carries it.
    assert!(
        exception(call(&instance, "throw", &[Val::ExternRef(None)]).unwrap_err()).is(&Tag::of_host(&agent).unwrap())
    );
    assert_eq!(Tag::of_host(&agent).unwrap(), Tag::of_host(&agent).unwrap());
}

#[test]
fn what_stops_the_code_is_not_caught() {
    let agent = agent();
    let which = Rc::new(Cell::new(0));
    let f = host(&agent, {
        let (agent, which) = (agent.clone(), which.clone());
        move || {
            Err(match which.get() {
                0 => Trap::new(TrapCode::Unreachable).into(),
                1 => Error::uncatchable(agent.host_value(Rc::new(1)).unwrap()),
                _ => Error::host(std::fmt::Error),
            })
        }
    });
    let tag = Tag::new(&agent, ty(&[ValType::I32], &[])).unwrap();
    let instance = instance(&agent, CATCHER, &[f, tag.into()]);
    for name in ["uncaught", "catch", "catch_all", "catch_ref", "throw_on"] {
        which.set(0);
        assert_eq!(call(&instance, name, &[]).unwrap_err().as_trap().unwrap().code(), TrapCode::Unreachable);
        which.set(1);
        let Error::Host(error) = call(&instance, name, &[]).unwrap_err() else { panic!("{name}") };
        assert!(error.is_uncatchable());
        which.set(2);
        let Error::Host(error) = call(&instance, name, &[]).unwrap_err() else { panic!("{name}") };
        assert!(error.downcast_ref::<std::fmt::Error>().is_some());
    }
}

#[test]
fn a_panic_passes_through_handlers() {
    let agent = agent();
    let f = host(&agent, || panic!("passing through"));
    let tag = Tag::new(&agent, ty(&[ValType::I32], &[])).unwrap();
    let instance = instance(&agent, CATCHER, &[f, tag.into()]);
    let func = instance.get_func("catch_all").unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| func.call(&[], &mut [Val::I32(0)])));
    assert_eq!(*outcome.unwrap_err().downcast_ref::<&str>().unwrap(), "passing through");
}

/// Adds a line when it goes.
struct Witness<'a>(&'a RefCell<Vec<String>>, &'static str);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(format!("dropped {}", self.1));
    }
}

#[test]
fn host_frames_in_between_are_left_in_order_and_see_the_exception() {
    for signals in [true, false] {
        let agent = Agent::new(&engine(signals));
        let inner = instance(
            &agent,
            r#"(module (tag $e (export "e") (param i32))
                (func (export "run") (param i32)
                    (block $h (try_table (catch_all $h) (call $maybe (local.get 0)) (return)))
                    (throw $e (i32.const 2)))
                (func $maybe (param i32) (if (local.get 0) (then (throw $e (i32.const 1))))))"#,
            &[],
        );
        let log = Rc::new(RefCell::new(Vec::new()));
        let through = Func::new(&agent, ty(&[], &[]), {
            let (run, log) = (inner.get_func("run").unwrap(), log.clone());
            move |_, _| {
                let _witness = Witness(&log, "host frame");
                let outcome = run.call(&[Val::I32(1)], &mut []);
                log.borrow_mut().push(format!("host saw {}", outcome.as_ref().unwrap_err()));
                outcome
            }
        })
        .unwrap();
        let tag = inner.get_export("e").unwrap();
        let outer = instance(&agent, CATCHER, &[through.into(), tag]);
        assert_eq!(call_i32(&outer, "catch", &[]), 2);
        assert_eq!(log.take(), ["host saw uncaught exception (i32)", "dropped host frame"]);
        assert_eq!(call_i32(&outer, "catch_all", &[]), 1);
        let first = exception(call(&outer, "uncaught", &[]).unwrap_err());
        assert_eq!(first.args().unwrap()[0].i32(), Some(2));
    }
}

#[test]
fn identity_outlives_frames_collections_and_tables() {
    let agent = agent();
    let instance = instance(
        &agent,
        r#"(module (tag $e (param i32)) (tag $other)
            (table $t (export "t") 2 exnref)
            (func (export "make") (param i32) (result exnref)
                (try_table (result exnref) (catch_all_ref 0) (call $throw (local.get 0)) (unreachable)))
            (func $throw (param i32) (throw $e (local.get 0)))
            (func (export "churn") (param i32)
                (loop $l
                    (block $h (try_table (catch $other $h) (throw $other)))
                    (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "rethrow") (param exnref) (throw_ref (local.get 0))))"#,
        &[],
    );
    let make = |value| call(&instance, "make", &[Val::I32(value)]).unwrap().remove(0);
    let (first, second) = (make(1), make(2));
    assert_ne!(first.exception(), second.exception());
    call(&instance, "churn", &[Val::I32(100_000)]).unwrap();
    agent.collect_garbage();
    let again = exception(call(&instance, "rethrow", std::slice::from_ref(&first)).unwrap_err());
    assert_eq!(Some(&again), first.exception());
    let table = instance.get_export("t").unwrap().into_table().unwrap();
    table.set(0, second.clone()).unwrap();
    let kept = second.exception().cloned();
    drop(second);
    agent.collect_garbage();
    assert_eq!(table.get(0).unwrap().exception(), kept.as_ref());
    assert_eq!(kept.unwrap().args().unwrap()[0].i32(), Some(2));
}

#[test]
fn a_throw_in_the_start_function_ends_the_instantiation() {
    let agent = agent();
    let module = module(&agent, r#"(module (tag $e) (func $start (throw $e)) (start $start))"#);
    let error = Instance::new(&agent, &module, &[]).unwrap_err();
    assert!(matches!(error, Error::Exception(_)), "{error}");
}

#[test]
fn a_hundred_thousand_frames_are_left_at_once() {
    // The frames want more stack than the threads of tests have.
    let run = || {
        let agent = agent();
        let instance = instance(
            &agent,
            r#"(module (tag $e (param i32))
                (func $down (param i32) (result i32)
                    (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 42))))
                    (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
                (func $passing (param i32) (result i32)
                    (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 43))))
                    (block $h
                      (try_table (result i32) (catch $other $h) (call $passing (i32.sub (local.get 0) (i32.const 1))))
                      (return (i32.add (i32.const 1))))
                    (unreachable))
                (tag $other)
                (func (export "run") (param i32) (result i32)
                    (block $h (result i32) (try_table (result i32) (catch $e $h) (call $down (local.get 0)))))
                (func (export "pass") (param i32) (result i32)
                    (block $h (result i32) (try_table (result i32) (catch $e $h) (call $passing (local.get 0))))))"#,
            &[],
        );
        assert_eq!(call_i32(&instance, "run", &[Val::I32(100_000)]), 42);
        assert_eq!(call_i32(&instance, "pass", &[Val::I32(100_000)]), 43);
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_stack_that_is_used_up_is_not_caught_and_handlers_may_use_it_up_again() {
    for signals in [true, false] {
        let agent = Agent::new(&engine(signals));
        let instance = instance(
            &agent,
            r#"(module (tag $e)
                (func $deep (param i32) (result i32)
                    (block $h
                        (try_table (catch_all $h) (return (call $deep (local.get 0)))))
                    (i32.const 1))
                (func $deep_in_handler (param i32) (result i32)
                    (block $h (try_table (catch_all $h) (throw $e)))
                    (call $deep_in_handler (local.get 0)))
                (func $throw (throw $e))
                (func $thrown_deep (param i32) (result i32)
                    (block $h (try_table (catch_all $h) (call $throw)))
                    (i32.add (i32.const 1) (call $thrown_deep (local.get 0))))
                (export "deep" (func $deep)) (export "in_handler" (func $deep_in_handler))
                (export "thrown" (func $thrown_deep)))"#,
            &[],
        );
        for name in ["deep", "in_handler", "thrown", "deep"] {
            let error = call(&instance, name, &[Val::I32(0)]).unwrap_err();
            assert_eq!(error.as_trap().unwrap().code(), TrapCode::CallStackExhausted, "{name}");
        }
    }
}

#[test]
fn instances_of_one_module_have_tags_of_their_own() {
    let agent = agent();
    let text = r#"(module (import "" "f" (func $f)) (tag $e)
        (func (export "throw") (throw $e))
        (func (export "catch") (result i32)
            (block $h (try_table (catch $e $h) (call $f)) (return (i32.const 0))) (i32.const 1)))"#;
    let nothing = host(&agent, || Ok(()));
    let module = module(&agent, text);
    let first = Instance::new(&agent, &module, std::slice::from_ref(&nothing)).unwrap();
    let second = Instance::new(&agent, &module, &[first.get_export("throw").unwrap()]).unwrap();
    let error = call(&second, "catch", &[]).unwrap_err();
    assert!(matches!(error, Error::Exception(_)), "{error}");
}

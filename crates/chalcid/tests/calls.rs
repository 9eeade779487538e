//! Calls from the host into wasm and back: values of every type, many of them, errors of the caller.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{Error, Extern, Func, HostCall, Misuse, Val, ValRaw, ValType};
use common::*;

#[test]
fn numbers_of_every_type_go_in_and_come_out() {
    let agent = agent();
    let instance = instantiate(
        &agent,
        r#"(module (func (export "swap") (param i32 i64 f32 f64 v128) (result v128 f64 f32 i64 i32)
             local.get 4 local.get 3 local.get 2 local.get 1 local.get 0))"#,
        &[],
    );
    let vector = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;
    let nan = 0x7fa0_1234;
    let args = [Val::I32(-1), Val::I64(i64::MIN), Val::F32(nan), Val::from(0.5f64), Val::V128(vector)];
    let results = call(&instance, "swap", &args);
    assert_eq!(results[0].v128(), Some(vector));
    assert_eq!(results[1].f64(), Some(0.5));
    assert!(matches!(results[2], Val::F32(bits) if bits == nan));
    assert_eq!(results[3].i64(), Some(i64::MIN));
    assert_eq!(results[4].i32(), Some(-1));
}

#[test]
fn a_thousand_values_go_in_and_come_out() {
    let agent = agent();
    let types = "i64 ".repeat(1000);
    let body: String = (0..1000).rev().map(|i| format!("local.get {i} ")).collect();
    let wat = format!(r#"(module (func (export "f") (param {types}) (result {types}) {body}))"#);
    let instance = instantiate(&agent, &wat, &[]);
    let args: Vec<Val> = (0..1000).map(Val::I64).collect();
    let results = call(&instance, "f", &args);
    for (i, result) in results.iter().enumerate() {
        assert_eq!(result.i64(), Some(999 - i as i64));
    }
}

#[test]
fn a_thousand_values_go_through_a_host_function() {
    let agent = agent();
    let types = [ValType::F64; 1000];
    let host = Func::new(&agent, func_type(&types, &types), |args, results| {
        for (result, arg) in results.iter_mut().zip(args.iter().rev()) {
            *result = arg.clone();
        }
        Ok(())
    })
    .unwrap();
    let wat_types = "f64 ".repeat(1000);
    let gets: String = (0..1000).map(|i| format!("local.get {i} ")).collect();
    let wat = format!(
        r#"(module (import "" "" (func $f (param {wat_types}) (result {wat_types})))
             (func (export "f") (param {wat_types}) (result {wat_types}) {gets} call $f))"#
    );
    let instance = instantiate(&agent, &wat, &[host.into()]);
    let args: Vec<Val> = (0..1000).map(|i| Val::from(f64::from(i))).collect();
    let results = call(&instance, "f", &args);
    for (i, result) in results.iter().enumerate() {
        assert_eq!(result.f64(), Some(f64::from(999 - i as i32)));
    }
}

/// Bits of any kind of number.
fn bits(value: &Val) -> u128 {
    match value {
        Val::I32(value) => u128::from(value.cast_unsigned()),
        Val::I64(value) => u128::from(value.cast_unsigned()),
        Val::F32(bits) => u128::from(*bits),
        Val::F64(bits) => u128::from(*bits),
        Val::V128(bits) => *bits,
        Val::FuncRef(func) => func.as_ref().map_or(0, |func| func.id() as u128),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_value_keeps_its_place_whatever_is_beside_it() {
    // Signatures from pseudo-random numbers: more and fewer values than there are registers, in every order. A call goes in through one
    // trampoline and out through the other, once as a call and once as a tail call, which leaves the caller's stack for the callee's parameters.
    let agent = agent();
    let mut seed = 1_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let known = instantiate(&agent, r#"(module (func (export "f")))"#, &[]).get_func("f").unwrap();
    for round in 0..300 {
        let (most_params, most_results) = [(6, 2), (17, 1), (16, 8), (9, 18)][round % 4];
        let counts = [random(most_params + 1), random(most_results + 1)];
        let [args, results] = counts.map(|count| {
            let mut value = || {
                let number = random(u64::MAX);
                match random(6) {
                    0 => Val::I32(number as i32),
                    1 => Val::I64((number << 31) as i64),
                    2 => Val::F32(number as u32),
                    3 => Val::F64(number << 31),
                    4 => Val::V128(u128::from(number) << 80 | u128::from(number)),
                    _ => Val::FuncRef((number % 2 == 0).then(|| known.clone())),
                }
            };
            (0..count).map(|_| value()).collect::<Vec<_>>()
        });
        let types = |values: &[Val]| -> Vec<&str> {
            let name = |value: &Val| match value {
                Val::I32(_) => "i32",
                Val::I64(_) => "i64",
                Val::F32(_) => "f32",
                Val::F64(_) => "f64",
                Val::V128(_) => "v128",
                _ => "funcref",
            };
            values.iter().map(name).collect()
        };
        let ty = format!("(param {}) (result {})", types(&args).join(" "), types(&results).join(" "));
        let gets: String = (0..args.len()).map(|index| format!("(local.get {index})")).collect();
        let module = module(
            agent.engine(),
            &format!(
                r#"(module (type $t (func {ty})) (import "" "" (func $f (type $t)))
                     (func (export "call") (type $t) (call $f {gets}))
                     (func (export "tail") (type $t) (return_call $f {gets})))"#
            ),
        );
        let chalcid::ExternType::Func(id) = module.imports().next().unwrap().ty else { panic!() };
        let ty = agent.engine().func_type(id).unwrap();
        let (wanted, given) = (args.iter().map(bits).collect::<Vec<_>>(), results.clone());
        let host = Func::new(&agent, ty, move |args, results| {
            assert_eq!(args.iter().map(bits).collect::<Vec<_>>(), wanted);
            results.clone_from_slice(&given);
            Ok(())
        });
        let host = host.unwrap();
        let instance = chalcid::Instance::new(&agent, &module, &[host.clone().into()]).unwrap();
        let results: Vec<_> = results.iter().map(bits).collect();
        for name in ["call", "tail"] {
            assert_eq!(call(&instance, name, &args).iter().map(bits).collect::<Vec<_>>(), results);
        }
        let mut found = vec![Val::I32(0); results.len()];
        host.call(&args, &mut found).unwrap();
        assert_eq!(found.iter().map(bits).collect::<Vec<_>>(), results);
    }
}

#[test]
fn wrong_counts_and_types_are_errors_that_change_nothing() {
    let agent = agent();
    let instance = instantiate(&agent, r#"(module (func (export "f") (param i32) (result i32) local.get 0))"#, &[]);
    let func = instance.get_func("f").unwrap();
    let mut one = [Val::I32(7)];
    let misuse = |outcome: Result<(), Error>| matches!(outcome, Err(Error::Misuse(_)));
    assert!(misuse(func.call(&[], &mut one)));
    assert!(misuse(func.call(&[Val::I32(1), Val::I32(2)], &mut one)));
    assert!(misuse(func.call(&[Val::I32(1)], &mut [])));
    assert!(misuse(func.call(&[Val::I64(1)], &mut one)));
    assert!(misuse(func.call(&[Val::ExternRef(None)], &mut one)));
    assert!(misuse(func.call_raw(&mut [])));
    assert_eq!(one[0].i32(), Some(7));
}

#[test]
fn functions_of_another_agent_are_refused() {
    let (agent, other) = (agent(), agent_of_another_engine());
    let wat = r#"(module (table (export "t") 1 funcref) (func (export "f") (param funcref)))"#;
    let (here, there) = (instantiate(&agent, wat, &[]), instantiate(&other, wat, &[]));
    let foreign = Val::from(there.get_func("f").unwrap());
    let outcome = try_call(&here, "f", std::slice::from_ref(&foreign));
    assert!(matches!(outcome, Err(Error::Misuse(Misuse::Foreign(_)))));
    assert!(matches!(here.get_table("t").unwrap().set(0, foreign), Err(Error::Misuse(Misuse::Foreign(_)))));
}

fn agent_of_another_engine() -> chalcid::Agent {
    agent()
}

#[test]
fn raw_values_take_the_short_way() {
    let agent = agent();
    let instance = instantiate(
        &agent,
        r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#,
        &[],
    );
    let add = instance.get_func("add").unwrap();
    let mut values = [ValRaw::i32(40), ValRaw::i32(2)];
    assert_eq!(add.values(), 2);
    add.call_raw(&mut values).unwrap();
    assert_eq!(values[0].get_i32(), 42);
}

#[test]
fn bits_that_are_no_reference_are_refused() {
    let agent = agent();
    let instance = instantiate(&agent, r#"(module (func (export "f") (param funcref) (param externref)))"#, &[]);
    let f = instance.get_func("f").unwrap();
    assert!(f.call_raw(&mut [ValRaw::u64(0xdead_beef), ValRaw::ZERO]).is_err());
    assert!(f.call_raw(&mut [ValRaw::ZERO, ValRaw::u32(78)]).is_err());
    assert!(f.call_raw(&mut [ValRaw::ZERO, ValRaw::ZERO]).is_ok());
}

#[test]
fn a_host_function_is_called_directly_too() {
    let agent = agent();
    let double = host_i32(&agent, 1, |args| Ok(2 * args[0]));
    let mut result = [Val::I32(0)];
    double.call(&[Val::I32(21)], &mut result).unwrap();
    assert_eq!(result[0].i32(), Some(42));
}

#[test]
fn what_a_host_function_is_can_be_found_again() {
    struct Named(&'static str);
    impl HostCall for Named {
        fn call(&self, _: &chalcid::Agent, _: &chalcid::FuncType, _: &mut [ValRaw]) -> Result<(), Error> {
            Ok(())
        }
    }
    let agent = agent();
    let module = module(agent.engine(), r#"(module (import "" "" (func)) (export "f" (func 0)) (func (export "g")))"#);
    let chalcid::ExternType::Func(ty) = module.imports().next().unwrap().ty else { panic!() };
    let named = Func::from_host(&agent, ty, 5, Named("it")).unwrap();
    let instance = chalcid::Instance::new(&agent, &module, &[named.clone().into()]).unwrap();
    let found = instance.get_func("f").unwrap();
    assert_eq!(found, named);
    assert_eq!(found.index(), 5);
    assert_eq!(found.host_call::<Named>().unwrap().0, "it");
    assert!(instance.get_func("g").unwrap().host_call::<Named>().is_none());
}

#[test]
fn one_function_is_one_function_by_whatever_way_it_comes() {
    let agent = agent();
    let instance = instantiate(
        &agent,
        r#"(module
             (table (export "t") 2 funcref) (elem (i32.const 1) $f)
             (global (export "g") funcref (ref.func $f))
             (func $f (export "f") (export "again"))
             (func (export "get") (result funcref) (ref.func $f)))"#,
        &[],
    );
    let f = instance.get_func("f").unwrap();
    assert_eq!(instance.get_func("again").unwrap(), f);
    assert_eq!(instance.get_table("t").unwrap().get(1).unwrap().func(), Some(&f));
    assert_eq!(instance.get_global("g").unwrap().get().func(), Some(&f));
    assert_eq!(call(&instance, "get", &[])[0].func(), Some(&f));
    let importer =
        instantiate(&agent, r#"(module (import "" "" (func)) (export "f" (func 0)))"#, &[Extern::from(f.clone())]);
    assert_eq!(importer.get_func("f").unwrap(), f);
}

#[test]
fn host_values_pass_through_unchanged() {
    let agent = agent();
    let instance =
        instantiate(&agent, r#"(module (func (export "id") (param externref) (result externref) local.get 0))"#, &[]);
    let value = std::rc::Rc::new(42u8);
    let arg = agent.host_value(value.clone()).unwrap();
    let result = call(&instance, "id", &[Val::ExternRef(Some(arg))]);
    let back = result[0].host_value().unwrap().to_rc().unwrap().downcast::<u8>().unwrap();
    assert!(std::rc::Rc::ptr_eq(&back, &value));
    drop((result, back));
    assert_eq!(std::rc::Rc::strong_count(&value), 1, "nothing keeps the value any longer");
    assert!(call(&instance, "id", &[Val::ExternRef(None)])[0].is_null());
}

#[test]
fn tail_calls_do_not_use_up_the_stack() {
    let agent = agent();
    let instance = instantiate(
        &agent,
        r#"(module
             (func $even (export "even") (param i64) (result i32)
               (if (result i32) (i64.eqz (local.get 0)) (then (i32.const 1))
                 (else (return_call $odd (i64.sub (local.get 0) (i64.const 1))))))
             (func $odd (param i64) (result i32)
               (if (result i32) (i64.eqz (local.get 0)) (then (i32.const 0))
                 (else (return_call $even (i64.sub (local.get 0) (i64.const 1)))))))"#,
        &[],
    );
    assert_eq!(call(&instance, "even", &[Val::I64(1_000_001)])[0].i32(), Some(0));
}

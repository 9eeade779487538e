//! Locals in numbers that the optimising tier keeps in the frame hold what they should: numbers, vectors and references, across loops, calls,
//! collections and exceptions, in every tier.

#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

use std::fmt::Write;

use chalcid::{Agent, Config, Engine, Features, Func, FuncType, Instance, Module, TierPolicy, Val};

/// Locals of each type, and loops in each other.
const COUNT: usize = 200;
/// Turns of the outermost loop.
const TURNS: usize = 4;

/// In each loop a local of every type becomes what another one is, and more. The last local of a type is first used behind a call within the outermost
/// loop, so that only the next turn shows what it holds.
fn text() -> String {
    let mut text = String::from(
        r#"(module
            (type $s (struct (field i64)))
            (tag $t (param i64))
            (func $collect (import "" "collect"))
            (func $throw (param i64) (throw $t (local.get 0)))
            (func (export "f") (param $p i64) (param $r (ref $s)) (result i64)
                (local $turn i32) (local $sum i64)"#,
    );
    for (name, ty) in [("i", "i64"), ("f", "f32"), ("d", "f64"), ("v", "v128"), ("s", "(ref null $s)")] {
        for number in 0..COUNT {
            write!(text, "(local ${name}{number} {ty})").unwrap();
        }
    }
    for number in 0..COUNT {
        let other = number * 7 % COUNT;
        write!(
            text,
            "(loop $l{number}
                (local.set $i{number} (i64.add (local.get $i{other}) (i64.add (local.get $p) (i64.const {number}))))
                (local.set $f{number} (f32.add (local.get $f{other}) (f32.const 1)))
                (local.set $d{number} (f64.add (local.get $d{other}) (f64.const 2)))
                (local.set $v{number} (i64x2.add (local.get $v{other}) (i64x2.splat (local.get $i{number}))))
                (local.set $s{other} (struct.new $s (local.get $i{number})))"
        )
        .unwrap();
        if number % 50 == 0 {
            write!(
                text,
                "(call $collect)
                 (block $caught (result i64)
                    (try_table (catch $t $caught) (call $throw (local.get $i{number})))
                    (unreachable))
                 (local.set $sum (i64.add (local.get $sum)))"
            )
            .unwrap();
        }
    }
    for number in (0..COUNT).rev() {
        let again = if number == 0 {
            format!("(i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 1))) (i32.const {TURNS}))")
        } else {
            "(i32.eq (local.get $turn) (i32.const 1000))".to_owned()
        };
        write!(text, "(br_if $l{number} {again}))").unwrap();
    }
    for number in 0..COUNT {
        write!(
            text,
            "(local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (local.get $i{number})))
             (local.set $sum (i64.add (local.get $sum) (i64.trunc_f32_s (local.get $f{number}))))
             (local.set $sum (i64.add (local.get $sum) (i64.trunc_f64_s (local.get $d{number}))))
             (local.set $sum (i64.add (local.get $sum) (i64x2.extract_lane 1 (local.get $v{number}))))
             (if (i32.eqz (ref.is_null (local.get $s{number}))) (then
                (local.set $sum (i64.add (local.get $sum) (struct.get $s 0 (local.get $s{number}))))))"
        )
        .unwrap();
    }
    text.push_str("(i64.add (local.get $sum) (struct.get $s 0 (local.get $r)))) (func (export \"s\") (param i64) (result (ref $s)) (struct.new $s (local.get 0))))");
    text
}

/// What the function returns.
fn expected(p: i64, r: i64) -> i64 {
    let (mut i, mut f, mut d, mut v, mut s) = ([0; COUNT], [0; COUNT], [0; COUNT], [0; COUNT], [0; COUNT]);
    let mut sum = 0_i64;
    for _ in 0..TURNS {
        for number in 0..COUNT {
            let other = number * 7 % COUNT;
            i[number] = i[other] + p + number as i64;
            f[number] = f[other] + 1;
            d[number] = d[other] + 2;
            v[number] = v[other] + i[number];
            s[other] = i[number];
            if number % 50 == 0 {
                sum = sum.wrapping_add(i[number]);
            }
        }
    }
    for number in 0..COUNT {
        sum = sum.wrapping_mul(31);
        sum = [i[number], f[number], d[number], v[number], s[number]].iter().fold(sum, |sum, &x| sum.wrapping_add(x));
    }
    sum.wrapping_add(r)
}

#[test]
fn they_hold_what_they_should() {
    let bytes = wat::parse_str(text()).unwrap();
    for signals in [true, false] {
        for policy in [TierPolicy::Baseline, TierPolicy::Optimizing] {
            let config = Config::new().features(Features::WASM3).tier(policy).signals(signals);
            let agent = Agent::new(&Engine::new(config).unwrap());
            let module = Module::new(agent.engine(), &*bytes).unwrap();
            let collector = agent.clone();
            let ty = FuncType { params: [].into(), results: [].into() };
            let collect = Func::new(&agent, ty, move |_, _| {
                collector.collect_garbage();
                Ok(())
            });
            let collect = collect.unwrap();
            let instance = Instance::new(&agent, &module, &[collect.into()]).unwrap();
            let mut made = [Val::I64(0)];
            instance.get_func("s").unwrap().call(&[Val::I64(77)], &mut made).unwrap();
            let mut results = [Val::I64(0)];
            let args = [Val::I64(1_000_003), made[0].clone()];
            instance.get_func("f").unwrap().call(&args, &mut results).unwrap();
            assert_eq!(results[0].i64(), Some(expected(1_000_003, 77)), "{policy:?}, signals: {signals}");
        }
    }
}

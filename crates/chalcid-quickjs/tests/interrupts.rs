//! The runtime's own interrupt handler ends WebAssembly that does not end by itself, in every tier, wherever it stands, and nobody catches that.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::cell::Cell;
use std::rc::Rc;

use chalcid_quickjs::Options;
use chalcid_quickjs::chalcid::{Config, Engine, TierPolicy};
use chalcid_quickjs::rquickjs::{CatchResultExt, Context, Runtime};

/// What a script left when it was stopped, and what one says that runs afterwards, without a handler.
fn stopped(config: Config, script: &str, asked: u32) -> (String, u32) {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        let options = Options { engine: Some(Engine::new(config).unwrap()), ..Options::default() };
        chalcid_quickjs::init_with(&ctx, options).unwrap();
        chalcid_quickjs::set_can_block(&ctx, true);
        common::add_helpers(&ctx);
    });
    let polls = Rc::new(Cell::new(0));
    let seen = polls.clone();
    runtime.set_interrupt_handler(Some(Box::new(move || {
        seen.set(seen.get() + 1);
        seen.get() > asked
    })));
    let message = context.with(|ctx| match ctx.eval::<(), _>(script).catch(&ctx) {
        Ok(()) => "it ended by itself".to_owned(),
        Err(error) => error.to_string(),
    });
    runtime.set_interrupt_handler(None);
    context.with(|ctx| {
        common::run_in(&ctx, r#"same(instantiate('(module (func (export "f") (result i32) (i32.const 7)))').f(), 7)"#);
        let agent = chalcid_quickjs::agent(&ctx).unwrap();
        assert_eq!(agent.backtrace().len(), 0, "no frame is left");
    });
    (message, polls.get())
}

const TIERS: [TierPolicy; 3] = [TierPolicy::Baseline, TierPolicy::Optimizing, TierPolicy::Auto];

fn is_stopped(script: &str) {
    for tier in TIERS {
        // The handler says twice that the code may go on: then nothing of its state may be lost.
        let (message, polls) = stopped(Config::new().tier(tier), script, 2);
        assert!(message.contains("interrupted"), "{tier:?}: {message}");
        assert!(polls >= 3, "{tier:?}: {polls}");
    }
}

#[test]
fn loops_end() {
    is_stopped(r#"instantiate('(module (func (export "f") (loop $l (br $l))))').f()"#);
    is_stopped(
        r#"instantiate(`(module (memory 1) (func (export "f") (local i64 f64 v128) (loop $l
             (local.set 0 (i64.add (local.get 0) (i64.load (i32.wrap_i64 (i64.and (local.get 0) (i64.const 0xfff))))))
             (local.set 1 (f64.sqrt (f64.convert_i64_u (local.get 0))))
             (local.set 2 (i64x2.add (local.get 2) (i64x2.splat (local.get 0))))
             (br $l))))`).f()"#,
    );
}

#[test]
fn calls_end() {
    is_stopped(
        r#"instantiate(`(module (func $g (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
             (func (export "f") (local i32) (loop $l (local.set 0 (call $g (local.get 0))) (br $l))))`).f()"#,
    );
    // Frames that are taken down and built again for ever, with different numbers of arguments on the stack.
    is_stopped(
        r#"instantiate(`(module
             (func $few (export "f") (return_call $many (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
               (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9) (i32.const 10)))
             (func $many (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (return_call $few)))`).f()"#,
    );
}

#[test]
fn builtins_end() {
    is_stopped(
        r#"instantiate(`(module (memory 1000) (func (export "f") (loop $l
             (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536000)) (br $l))))`).f()"#,
    );
    is_stopped(
        r#"instantiate(`(module (table $t 1000 funcref) (func (export "f") (loop $l
             (table.fill $t (i32.const 0) (ref.null func) (i32.const 10)) (br $l))))`).f()"#,
    );
    is_stopped(
        r#"instantiate(`(module (type $s (struct (field i32 (ref null $s)))) (func (export "f") (local (ref null $s)) (loop $l
             (local.set 0 (struct.new $s (i32.const 1) (struct.new $s (i32.const 2) (ref.null $s)))) (br $l))))`).f()"#,
    );
}

#[test]
fn start_functions_and_waits_end() {
    is_stopped(r#"instantiate('(module (func $f (loop $l (br $l))) (start $f))')"#);
    is_stopped(
        r#"instantiate(`(module (memory 1 1 shared) (func (export "f") (result i32)
             (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))`).f()"#,
    );
}

#[test]
fn calls_between_the_two_languages_end() {
    is_stopped(
        r#"let n = 0; instantiate(`(module (import "m" "g" (func $g (param i32) (result i32)))
             (func (export "f") (loop $l (br_if $l (call $g (i32.const 1))))))`, { m: { g: (x) => { n++; return x; } } }).f()"#,
    );
    // The handler fires in JavaScript that WebAssembly called: what it throws passes through.
    is_stopped(
        r#"instantiate(`(module (import "m" "g" (func $g)) (func (export "f") (call $g)))`, { m: { g() { for (;;); } } }).f()"#,
    );
}

#[test]
fn nobody_catches_it() {
    let wasm = r#"(module (import "m" "g" (func $g)) (tag $t)
        (func (export "f") (loop $again (block $b (try_table (catch_all $b) (call $g))) (br $again)))
        (func (export "spin") (loop $l (br $l))))"#;
    is_stopped(&format!(
        r#"const {{ spin }} = instantiate(`(module (func (export "spin") (loop $l (br $l))))`);
           const {{ f }} = instantiate(`{wasm}`, {{ m: {{ g() {{ try {{ spin(); }} catch {{}} finally {{ globalThis.went = true; }} }} }} }});
           try {{ f(); }} catch {{ globalThis.caught = true; }}"#
    ));
}

#[test]
fn engines_with_safepoints_and_those_without_signals_ask_there() {
    let script = r#"instantiate('(module (func (export "f") (loop $l (br $l))))').f()"#;
    for signals in [true, false] {
        let (message, polls) = stopped(Config::new().interruptible(true).signals(signals), script, 2);
        assert!(message.contains("interrupted") && polls >= 3, "{message}, {polls}");
    }
}

#[test]
fn code_that_goes_on_is_as_if_nobody_had_asked() {
    // Every kind of register and the flags, memory, calls and objects, for some hundred ticks.
    let wasm = r#"(module (memory 1) (type $s (struct (field (mut i64)) (field (ref null $s))))
        (func $mix (param i64 i64) (result i64) (i64.xor (i64.rotl (local.get 0) (i64.const 13)) (i64.mul (local.get 1) (i64.const 0x9e3779b97f4a7c15))))
        (func (export "f") (param $n i32) (result i64) (local $h i64) (local $d f64) (local $v v128) (local $s (ref null $s))
          (loop $again
            (local.set $h (call $mix (local.get $h) (i64.extend_i32_u (local.get $n))))
            (local.set $d (f64.add (f64.mul (local.get $d) (f64.const 0.5)) (f64.convert_i32_s (local.get $n))))
            (local.set $v (i32x4.add (i32x4.mul (local.get $v) (i32x4.splat (i32.const 3))) (i32x4.splat (local.get $n))))
            (i64.store (i32.and (local.get $n) (i32.const 0xfff8)) (i64.add (local.get $h) (i64.load (i32.and (local.get $n) (i32.const 0xfff8)))))
            (local.set $s (struct.new $s (local.get $h) (select (result (ref null $s)) (local.get $s) (ref.null $s) (i32.and (local.get $n) (i32.const 7)))))
            (if (i64.gt_u (local.get $h) (i64.const 0x7fffffffffffffff)) (then (local.set $h (i64.add (local.get $h) (struct.get $s 0 (local.get $s))))))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
          (i64.xor (i64.xor (local.get $h) (i64.reinterpret_f64 (local.get $d)))
            (i64.add (i64x2.extract_lane 0 (local.get $v)) (i64x2.extract_lane 1 (local.get $v))))))"#;
    for tier in TIERS {
        let runtime = Runtime::new().unwrap();
        let context = Context::full(&runtime).unwrap();
        let run = || -> String {
            context
                .with(|ctx| ctx.eval("String(e.f(5_000_000))").catch(&ctx).map_err(|error| error.to_string()).unwrap())
        };
        context.with(|ctx| {
            let options =
                Options { engine: Some(Engine::new(Config::new().tier(tier)).unwrap()), ..Options::default() };
            chalcid_quickjs::init_with(&ctx, options).unwrap();
            common::add_helpers(&ctx);
            common::run_in(&ctx, &format!("globalThis.e = instantiate(`{wasm}`)"));
        });
        let undisturbed = run();
        let asked = Rc::new(Cell::new(0_u32));
        let seen = asked.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || {
            seen.set(seen.get() + 1);
            false
        })));
        while asked.get() < 50 {
            assert_eq!(run(), undisturbed, "{tier:?}");
        }
    }
}

#[test]
fn without_a_handler_nobody_is_asked_and_one_may_come_at_any_time() {
    let (runtime, context) = common::context();
    let watched = || context.with(|ctx| chalcid_quickjs::agent(&ctx).unwrap().raw().is_watched());
    let script = r#"globalThis.e ??= instantiate(`(module (func (export "f") (param i32) (result i32)
        (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 5)))`); same(e.f(1000), 5);"#;
    context.with(|ctx| common::run_in(&ctx, script));
    assert!(!watched());
    runtime.set_interrupt_handler(Some(Box::new(|| false)));
    context.with(|ctx| common::run_in(&ctx, script));
    assert!(watched());
    // Long enough for several ticks: the loop goes on as if nothing had happened.
    context.with(|ctx| common::run_in(&ctx, "same(e.f(100_000_000), 5);"));
    runtime.set_interrupt_handler(None);
    context.with(|ctx| {
        while chalcid_quickjs::agent(&ctx).unwrap().raw().is_watched() {
            common::run_in(&ctx, "same(e.f(10_000_000), 5);");
        }
    });
}

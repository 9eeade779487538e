//! Handlers: the table that calls within them get, what is not in it, and functions that no honest compiler makes.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use chalcid_compiler::{CompileError, Compiler, Settings, Tier};
use chalcid_module::artifact::CompiledCode;
use common::{Module, compiler};

/// Tags and functions that the bodies below use.
const PRELUDE: &str = r#"
    (tag $e) (tag $i (param i32)) (tag $r (param externref i64 funcref v128))
    (func $f (param i32) (result i32) local.get 0)
    (func $many (result i32 i64 f64 f32 i32 i32 i32 i32 i32 i32 i32 i32 i64 externref) unreachable)
    (table $t 1 funcref) (type $ft (func (param i32) (result i32)))
"#;

/// Both ways to compile, of which the first is for one kind of CPU.
const TIERS: &[Tier] =
    if cfg!(target_arch = "x86_64") { &[Tier::Baseline, Tier::Optimizing] } else { &[Tier::Optimizing] };

/// Compiles the third function of a module by every tier.
fn compile(text: &str) -> impl Iterator<Item = CompiledCode> + use<> {
    let (module, compiler) = (Module::text(text), compiler());
    TIERS.iter().map(move |&tier| {
        let code = module.compile_by(tier, &compiler, 2).unwrap();
        assert_eq!(code.tier, tier);
        code
    })
}

/// Number of calls that have a landing, in the third function of a module.
fn sites(body: &str) -> usize {
    let mut found = compile(&format!("(module {PRELUDE} (func {body}))")).map(|code| code.handlers.len());
    let first = found.next().unwrap();
    found.for_each(|sites| assert_eq!(sites, first, "{body}"));
    first
}

#[test]
fn calls_within_handlers_have_a_landing_and_others_have_none() {
    assert_eq!(sites("(drop (call $f (i32.const 1)))"), 0);
    assert_eq!(sites("(block (try_table (catch $e 0) (drop (call $f (i32.const 1)))))"), 1);
    assert_eq!(
        sites(
            "(block (try_table (catch_all 0) (drop (call $f (i32.const 1))) (drop (call $f (i32.const 1)))) (drop (call $f (i32.const 1))))"
        ),
        2
    );
    assert_eq!(
        sites("(block (try_table (catch_all 0) (drop (call_indirect (type $ft) (i32.const 1) (i32.const 0)))))"),
        1,
        "the running side's part of the call throws nothing"
    );
    assert_eq!(sites("(block (try_table (catch_all 0) (drop (call_ref $ft (i32.const 1) (ref.null $ft)))))"), 1);
    assert_eq!(
        sites("(param i32) (result i32) (block (try_table (catch_all 0) (return_call $f (local.get 0)))) i32.const 1"),
        0
    );
}

#[test]
fn what_is_thrown_and_caught_in_one_function_leaves_it_not() {
    assert_eq!(sites("(block (try_table (catch $e 0) (throw $e)))"), 0);
    assert_eq!(sites("try throw $e catch $e rethrow 0 catch_all end"), 0);
}

#[test]
fn a_landing_lies_in_the_code_and_the_frame_is_that_of_the_stack_maps() {
    let text = r#"(func (param externref) (result externref)
        (block (result i32)
            (try_table (catch $i 0)
                (drop (call $f (i32.const 1)))
                (drop (call $f (i32.const 1))))
            (i32.const 1))
        drop
        (local.get 0))"#;
    for code in compile(&format!("(module {PRELUDE} {text})")) {
        assert_eq!(code.handlers.len(), 2);
        for site in &code.handlers {
            assert!(site.landing < code.code.len() as u32);
            let map = code.stack_maps.iter().find(|map| map.return_offset == site.return_offset);
            assert_eq!(map.unwrap().frame_size, site.frame_size);
        }
    }
}

#[test]
fn every_form_of_handlers_compiles() {
    for body in [
        // Results of all kinds come out of a call that may throw.
        "(block (try_table (catch_all 0) (call $many) drop drop drop drop drop drop drop drop drop drop drop drop drop drop))",
        // Labels: of the function, of a loop, of an `if`.
        "(result i32) (try_table (catch $i 0) (drop (call $f (i32.const 1)))) i32.const 2",
        "(loop (try_table (catch_all 0) (drop (call $f (i32.const 1)))))",
        "(if (i32.const 1) (then (try_table (catch_all 0) (drop (call $f (i32.const 1))))) (else (try_table (catch_all 0) (throw $e))))",
        "(result i32 exnref) (try_table (result i32 exnref) (catch_ref $i 0) (call $f (i32.const 1)) ref.null exn)",
        "(result exnref) (try_table (catch_all_ref 0) (throw $e)) unreachable",
        "(drop (block (result exnref) (try_table (catch_all_ref 0) (throw $e)) unreachable))",
        // Values of every type.
        "(block (result externref i64 funcref v128) (try_table (catch $r 0) (throw $r (ref.null extern) (i64.const 1) (ref.null func) (v128.const i64x2 1 2))) unreachable) drop drop drop drop",
        // Parameters and results of the block itself.
        "(block (drop (i32.const 1) (try_table (param i32) (result i32) (catch_all 0) (call $f))))",
        // Nested: the inner one takes nothing that is thrown, the outer one goes on.
        "(block $a (try_table (catch $e $a) (block $b (try_table (catch $e $b) (drop (call $f (i32.const 1)))))))",
        "(block $a (try_table (catch $e $a) (try_table (drop (call $f (i32.const 1))))))",
        // The older form.
        "try i32.const 1 call $f drop end",
        "try (result i32) i32.const 1 call $f catch $i end drop",
        "try (result i32) i32.const 1 call $f catch $i catch $e i32.const 2 catch_all i32.const 3 end drop",
        "try i32.const 1 call $f drop catch_all try i32.const 2 call $f drop catch $e rethrow 1 end end",
        "try try i32.const 1 call $f drop delegate 0 catch_all end",
        "try i32.const 1 call $f drop delegate 0",
        "try try i32.const 1 call $f drop delegate 1 catch_all end",
        "block try try i32.const 1 call $f drop delegate 1 catch_all end end",
        "try try throw $e catch $e try i32.const 1 call $f drop delegate 1 end catch_all end",
        "try (result i32) i32.const 1 try (param i32) (result i32) call $f delegate 0 catch_all i32.const 4 end drop",
    ] {
        compile(&format!("(module {PRELUDE} (func {body}))")).for_each(drop);
    }
}

#[test]
fn unreachable_code_keeps_its_nesting() {
    for body in [
        // A body that cannot throw: none of its clauses is ever reached.
        "try nop catch $i drop rethrow 0 catch_all rethrow 0 end",
        "try (result i32) i32.const 1 catch $i br 0 catch $e unreachable end drop",
        "try nop catch $e try nop catch_all rethrow 1 end end",
        "try nop catch $e try throw $e delegate 0 end",
        "block try nop catch_all br 1 end end",
        // The clauses of a `try` that is itself unreachable.
        "unreachable try throw $e catch $e rethrow 0 catch_all end",
        "unreachable try try throw $e delegate 0 catch_all end",
        "unreachable (block (try_table (catch_all 0) (throw $e)))",
        "unreachable try i32.const 1 throw $i catch $i drop end",
        "return try throw $e delegate 0 nop",
        // Bodies and clauses that end unreachable, in all mixtures.
        "try unreachable catch_all end",
        "try throw $e catch $e end",
        "try throw $e catch $e unreachable catch_all unreachable end",
        "try (result i32) throw $e catch $e i32.const 1 catch_all unreachable end drop",
        "try (result i32) throw $e catch $e unreachable catch_all i32.const 1 end drop",
        "try (result i32) i32.const 1 call $f br 0 catch_all rethrow 0 end drop",
        "try (result i32) i32.const 1 call $f return delegate 0 drop",
        "try throw $e delegate 0",
        "throw $e throw_ref",
        "try return catch $e br 0 end",
        "try try unreachable delegate 0 catch $e end",
        "loop try throw $e catch $e br 1 end end",
        "try try throw $e catch $e rethrow 0 end catch_all end",
        "try throw $e catch_all try throw $e catch_all rethrow 1 end end",
        "(block (try_table (catch_all 0) unreachable))",
        "(block (try_table (catch_all 0) (br 1)))",
        "(block (try_table (catch_all 0) (throw_ref (ref.null exn))))",
        "(throw_ref (ref.null exn))",
    ] {
        compile(&format!("(module {PRELUDE} (func {body}))")).for_each(drop);
    }
}

/// Points of work that the function is refused for, if it is.
fn refusal(text: &str, func: usize) -> Option<String> {
    let compiler = Compiler::new(Settings { verify: false, ..Settings::default() }).unwrap();
    match Module::text(text).compile(&compiler, func) {
        Ok(_) => None,
        Err(error @ CompileError::TooComplex { .. }) => Some(error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn clauses_cost_nothing_at_the_calls_within_them() {
    let clauses = "(catch $e 0) ".repeat(1000);
    let nested: String = (0..100).map(|_| format!("(try_table {clauses}")).collect();
    let calls = "(call $f) ".repeat(1000);
    let text = format!("(module (tag $e) (func $f) (func (block {nested} {calls} {})))", ")".repeat(100));
    let module = Module::text(&text);
    let compiler = Compiler::new(Settings { verify: false, ..Settings::default() }).unwrap();
    for &tier in TIERS {
        assert_eq!(module.compile_by(tier, &compiler, 1).unwrap().handlers.len(), 1000);
    }
}

#[test]
fn locals_that_change_between_many_calls_within_handlers() {
    let text = |calls: usize, locals: usize| {
        let declare = "i32 ".repeat(locals);
        let body: String =
            (0..calls).map(|call| format!("(local.set {} (call $f (i32.const {call})))", call % locals)).collect();
        let uses: String = (0..locals).map(|local| format!("(drop (call $f (local.get {local})))")).collect();
        format!(
            "(module (func $f (param i32) (result i32) local.get 0) (func (local {declare}) (block (try_table (catch_all 0) {body})) {uses}))"
        )
    };
    assert_eq!(refusal(&text(300, 30), 1), None);
    // They live in the frame.
    assert_eq!(refusal(&text(5_000, 5_000), 1), None);
}

#[test]
fn handlers_nest_as_deep_as_blocks() {
    let depth = 20_000;
    for (open, close) in [("try_table ", "end "), ("try ", "end "), ("try ", "delegate 0 "), ("try ", "catch_all end ")]
    {
        let text = format!("(module (func $f) (func {} call $f {}))", open.repeat(depth), close.repeat(depth));
        let module = Module::text(&text);
        for &tier in TIERS {
            assert_eq!(module.compile_by(tier, &compiler(), 1).unwrap().tier, tier);
        }
    }
}

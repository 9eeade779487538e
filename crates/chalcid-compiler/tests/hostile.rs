//! Functions that no honest compiler makes: they must be compiled or refused, quickly, and never end the process.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use chalcid_compiler::{CompileError, Compiler, Settings};
use common::{Module, compiler};

#[test]
fn an_unknown_operator_is_named_with_its_offset() {
    let module = Module::text("(module (type $s (struct)) (func (drop (struct.new $s))))");
    let error = module.compile(&compiler(), 0).unwrap_err();
    let CompileError::Unsupported { operator, offset } = error else { panic!("{error}") };
    assert_eq!(operator, "StructNew");
    assert_eq!(module.bytes[offset], 0xfb);
}

#[test]
fn unknown_operators_in_unreachable_code_do_no_harm() {
    common::compile(
        r#"(module (type $s (struct)) (tag $e)
            (func unreachable (drop (struct.new $s)) (block (try_table (catch_all 0) (throw $e)))))"#,
    );
}

#[test]
fn fifty_thousand_locals() {
    common::compile(&format!("(module (func (local {}) ))", "i64 ".repeat(50_000)));
}

#[test]
fn deep_nesting() {
    let depth = 20_000;
    for (open, close) in
        [("block ", "end "), ("loop ", "end "), ("i32.const 1 if ", "end "), ("i32.const 1 if else ", "end ")]
    {
        let module = Module::text(&format!("(module (func {} {}))", open.repeat(depth), close.repeat(depth)));
        module.compile(&compiler(), 0).unwrap();
    }
}

#[test]
fn locals_times_loops_is_refused_before_it_takes_minutes() {
    let (locals, loops) = (50_000, 50_000);
    let text =
        format!("(module (func (local {}) {} {}))", "i64 ".repeat(locals), "loop ".repeat(loops), "end ".repeat(loops));
    let error = Module::text(&text).compile(&compiler(), 0).unwrap_err();
    assert!(matches!(error, CompileError::TooComplex { .. }), "{error}");
    assert!(error.to_string().starts_with("function too complex: "));
}

#[test]
fn a_frame_that_cannot_be_checked_is_refused() {
    // Nine thousand values that are all in use at once.
    let results = "i64 ".repeat(1000);
    let body = format!("{} {} global.set 0", "call $f ".repeat(9), "i64.add ".repeat(8_999));
    let text =
        format!("(module (global (mut i64) (i64.const 0)) (func $f (result {results}) unreachable) (func {body}))");
    let module = Module::text(&text);
    module.compile(&compiler(), 1).unwrap();
    let settings = Settings { verify: true, signals: false, ..Settings::default() };
    let error = module.compile(&Compiler::new(settings).unwrap(), 1).map(|_| ()).unwrap_err();
    assert!(matches!(error, CompileError::TooComplex { what: "bytes of stack frame", .. }), "{error}");
}

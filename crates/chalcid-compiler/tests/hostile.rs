//! Functions that no honest compiler makes: they must be compiled or refused, quickly, and never end the process.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use chalcid_compiler::{CompileError, Compiler, Settings};
use common::{Module, compiler};

#[test]
fn an_unknown_operator_is_named_with_its_offset() {
    let module = Module::text("(module (tag $e) (func (suspend $e)))");
    let error = module.compile(&compiler(), 0).unwrap_err();
    let CompileError::Unsupported { operator, offset } = error else { panic!("{error}") };
    assert_eq!(operator, "Suspend");
    assert_eq!(module.bytes[offset], 0xe2);
}

#[test]
fn unknown_operators_in_unreachable_code_do_no_harm() {
    common::compile(
        r#"(module (tag $e)
            (func unreachable (block (try_table (catch_all 0) (suspend $e)))))"#,
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

/// What is told of a function that is refused, or nothing.
fn refusal(text: &str, func: usize) -> Option<String> {
    let compiler = Compiler::new(Settings { verify: false, ..Settings::default() }).unwrap();
    match Module::text(text).compile(&compiler, func) {
        Ok(_) => None,
        Err(error @ CompileError::TooComplex { .. }) => Some(error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

/// `count` loops, in each of which two locals are added to a third.
fn loops_that_change_locals(count: usize) -> String {
    let begin = |i: usize| {
        let (a, b) = (i * 7 % count, i * 13 % count);
        format!("loop local.get {i} local.get {a} i64.add local.set {b} ")
    };
    let end = |i| format!("local.get {i} i32.wrap_i64 br_if 0 end ");
    let locals = "i64 ".repeat(count);
    let (begins, ends): (String, String) = ((0..count).map(begin).collect(), (0..count).map(end).collect());
    format!("(module (func (local {locals}) {begins} {ends}))")
}

#[test]
fn locals_that_a_nest_of_loops_changes() {
    assert_eq!(refusal(&loops_that_change_locals(300), 0), None);
    let refused = refusal(&loops_that_change_locals(2500), 0).unwrap();
    // As soon as it is too much, which all of it would be twice.
    assert!(refused.starts_with("function too complex: points of work 500"), "{refused}");
}

#[test]
fn a_nest_of_a_hundred_thousand_loops() {
    let text = format!("(module (func {} {}))", "loop ".repeat(100_000), "end ".repeat(100_000));
    assert!(refusal(&text, 0).is_some());
}

#[test]
fn references_that_live_across_thousands_of_calls() {
    let text = |count| {
        let (make, take) = ("call $make ".repeat(count), "call $take ".repeat(count));
        format!(
            "(module (func $make (result externref) ref.null extern) (func $take (param externref)) (func {make} {take}))"
        )
    };
    assert_eq!(refusal(&text(500), 2), None);
    assert!(refusal(&text(10_000), 2).is_some());
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

/// A structure of ten thousand fields, made as often as `count` says from operands that calls push by the thousand.
fn large_structures(ty: &str, make: &str, count: usize) -> String {
    let results = "i32 ".repeat(1000);
    let make = format!("{} {make} drop ", "call $f ".repeat(10)).repeat(count);
    format!("(module {ty} (func $f (result {results}) unreachable) (func {make}))")
}

#[test]
fn structures_of_ten_thousand_fields() {
    let ty = format!("(type $s (struct {}))", "(field i32) ".repeat(10_000));
    assert_eq!(refusal(&large_structures(&ty, "struct.new $s", 10), 1), None);
    assert!(refusal(&large_structures(&ty, "struct.new $s", 1000), 1).is_some());
    // Their fields are zeros already.
    let defaults = format!("(module {ty} (func {}))", "struct.new_default $s drop ".repeat(10_000));
    assert_eq!(refusal(&defaults, 0), None);
    // Where each field lies is computed once.
    let reads =
        format!("(module {ty} (func (param (ref $s)) {}))", "local.get 0 struct.get $s 9999 drop ".repeat(20_000));
    assert_eq!(refusal(&reads, 0), None);
}

#[test]
fn arrays_of_ten_thousand_operands() {
    let ty = "(type $a (array i32))";
    assert_eq!(refusal(&large_structures(ty, "array.new_fixed $a 10000", 10), 1), None);
    assert!(refusal(&large_structures(ty, "array.new_fixed $a 10000", 1000), 1).is_some());
    let too_many =
        wat::parse_str("(module (type $a (array i32)) (func unreachable (drop (array.new_fixed $a 10001))))");
    let error = Module::new(too_many.unwrap()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("10001"), "{error}");
}

#[test]
fn references_that_live_across_thousands_of_allocations() {
    let text = |count| {
        let (make, take) = ("struct.new_default $s ".repeat(count), "drop ".repeat(count));
        format!("(module (type $s (struct)) (func {make} {take}))")
    };
    assert_eq!(refusal(&text(300), 0), None);
    assert!(refusal(&text(10_000), 0).is_some());
}

#[test]
fn thousands_of_casts() {
    let casts = "local.get 0 ref.test (ref $s) drop ".repeat(3_000);
    assert_eq!(refusal(&format!("(module (type $s (sub (struct))) (func (param anyref) {casts}))"), 0), None);
}

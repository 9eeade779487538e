//! Validation takes what is valid and stays within its budget.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::decode_and_validate;
use crate::features::{Feature, Features};

fn validate(text: &str) -> Result<(), CompileError> {
    let features = Features::WASM3.with(Feature::WideArithmetic);
    decode_and_validate(&wat::parse_str(text).unwrap(), &features, None).map(drop)
}

fn refused(text: &str) -> String {
    validate(text).unwrap_err().to_string()
}

/// A module of many functions, those at `faulty` with a type error, padded so that threads share the work.
fn large_module(faulty: &[usize]) -> Vec<u8> {
    let mut text = String::from("(module ");
    for position in 0..2_000 {
        let constant = if faulty.contains(&position) { "i64.const 0" } else { "i32.const 0" };
        text.push_str(&format!("(func $f{position} (result i32) {} {constant})", "i32.const 1000000 drop ".repeat(40)));
    }
    text.push(')');
    wat::parse_str(text).unwrap()
}

#[test]
fn a_fault_names_its_function() {
    let message = refused("(module (import \"\" \"\" (func)) (func) (func $twice (result i32) (i64.const 0)))");
    assert!(message.starts_with("function #2:\"twice\": type mismatch: expected i32, found i64 @+"), "{message}");
    let message = refused("(module (func (result i32)))");
    assert!(message.starts_with("function #0: type mismatch"), "{message}");
}

#[test]
fn threads_agree_with_one() {
    let features = Features::default();
    let bytes = large_module(&[]);
    let helpers = crate::helpers_for(&bytes, 2);
    assert!(helpers.is_some());
    decode_and_validate(&bytes, &features, helpers).unwrap();

    let bytes = large_module(&[1_999, 707, 1_400]);
    let alone = decode_and_validate(&bytes, &features, None).unwrap_err();
    assert!(alone.to_string().contains("f707"), "{alone}");
    for _ in 0..20 {
        assert_eq!(decode_and_validate(&bytes, &features, helpers).unwrap_err(), alone);
    }
}

#[test]
fn chunks_cover_every_body_once() {
    let chunks_of = |sizes: &[u32]| {
        let mut end = 0;
        let bodies: Vec<_> = sizes
            .iter()
            .map(|size| {
                end += size;
                end - size..end
            })
            .collect();
        chunks(&bodies).into_iter().map(|chunk| (chunk.start, chunk.end)).collect::<Vec<_>>()
    };
    assert_eq!(chunks_of(&[]), []);
    assert_eq!(chunks_of(&[10, 10]), [(0, 2)]);
    assert_eq!(chunks_of(&[CHUNK, 10, 10]), [(0, 1), (1, 3)]);
    assert_eq!(chunks_of(&[10, CHUNK]), [(0, 2)]);
    assert_eq!(chunks_of(&[CHUNK - 1, 1, 1]), [(0, 2), (2, 3)]);
}

#[test]
fn values_left_on_the_stack_have_a_limit() {
    let calls = |count: usize| {
        let results = "i64 ".repeat(1_000);
        let calls = "call $many ".repeat(count);
        format!("(module (import \"\" \"\" (func $many (result {results}))) (func {calls} unreachable))")
    };
    validate(&calls(65)).unwrap();
    assert!(refused(&calls(66)).contains("operand stack height 66000 > 65536"));
}

#[test]
fn work_of_calls_has_a_limit() {
    // Each call takes a thousand values and gives them back: 2,000 units for two bytes.
    let values = "i64 ".repeat(1_000);
    let body = "call $many ".repeat(26_000);
    let constants = "i64.const 0 ".repeat(1_000);
    let text = format!(
        "(module (import \"\" \"\" (func $many (param {values}) (result {values})))
                 (func {constants} {body} unreachable))"
    );
    assert!(refused(&text).contains("too complex: validation work"));
}

#[test]
fn work_of_a_module_has_a_limit() {
    let values = "i64 ".repeat(40);
    let constants = "i64.const 0 ".repeat(40);
    let function = format!("(func {constants} call $forty call $forty unreachable)");
    let import = format!("(import \"\" \"\" (func $forty (param {values}) (result {values})))");
    let bytes = wat::parse_str(format!("(module {import} {})", function.repeat(5))).unwrap();
    let decoded = crate::decode::decode(&bytes, &Features::default()).unwrap();
    let within = |function, module| within_budget(&bytes, &decoded, None, Budget { function, module });
    within(160, 800).unwrap();
    assert!(within(159, 800).unwrap_err().to_string().contains("function #1: too complex: validation work 160 > 159"));
    assert!(within(160, 799).unwrap_err().to_string().contains("function #5: too complex: validation work 800 > 799"));
}

#[test]
fn a_stack_grows_by_constants_too() {
    let constants = |count: usize| format!("(module (func {} unreachable))", "i32.const 0 ".repeat(count));
    validate(&constants(65_536)).unwrap();
    assert!(refused(&constants(65_537)).contains("operand stack height 65537 > 65536"));
}

#[test]
fn br_table_has_limits() {
    let table = |results: usize, targets: usize| {
        let results = "i64 ".repeat(results);
        let targets = "0 ".repeat(targets + 1);
        format!("(module (func (result {results}) (block (result {results}) unreachable br_table {targets})))")
    };
    validate(&table(1, 65_520)).unwrap();
    assert!(refused(&table(1, 65_521)).contains("br_table of 65521 targets"));
    assert!(refused(&table(1_000, 65_520)).contains("too complex"));
}

#[test]
fn array_new_fixed_has_a_limit_even_where_it_is_unreachable() {
    let array = |size: u32| format!("(module (type $a (array i32)) (func unreachable array.new_fixed $a {size} drop))");
    validate(&array(10_000)).unwrap();
    assert!(refused(&array(10_001)).contains("array.new_fixed of 10001 elements"));
    assert!(refused(&array(u32::MAX)).contains("array.new_fixed"));
}

#[test]
fn catches_count_as_work() {
    let params = "i64 ".repeat(1_000);
    let catches = "(catch $tag 0)".repeat(9_999);
    let bodies = format!("try_table {catches} end ").repeat(6);
    let text = format!(
        "(module (tag $tag (param {params}))
                 (func (result {params}) (block (result {params}) {bodies} unreachable)))"
    );
    assert!(refused(&text).contains("too complex"));
}

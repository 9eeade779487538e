//! Functions that no honest compiler makes: they must be compiled or refused, quickly, and never end the process.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use chalcid_compiler::{CompileError, Compiler, Settings, Tier};
use chalcid_module::index::DefinedFuncIdx;
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
fn locals_that_are_never_used_cost_nothing() {
    let code = |tier, locals: &str, body: &str| {
        let module = Module::text(&format!("(module (func $f) (func (result i64) (local {locals}) {body}))"));
        let compiled = module.compile_by(tier, &compiler(), 1).unwrap();
        assert_eq!(compiled.tier, tier);
        (compiled.code, compiled.stack_maps)
    };
    let many = format!("{} i64", "i32 i64 f32 f64 v128 externref funcref ".repeat(7_000));
    for tier in [Tier::Baseline, Tier::Optimizing] {
        assert_eq!(code(tier, &many, "i64.const 1"), code(tier, "", "i64.const 1"));
        let last = code(tier, &many, "call $f local.get 49000 call $f local.get 49000 i64.add");
        assert_eq!(last, code(tier, "i64", "call $f local.get 0 call $f local.get 0 i64.add"));
    }
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

/// What became of the first function of a module: how much code, and whether its locals live in the frame. If so, it is never optimised.
fn compiled(text: &str) -> (usize, bool) {
    let module = Module::text(text);
    let range = &module.declarations.bodies.all(&module.bytes)[0];
    let (start, body) = (range.start as usize, &module.bytes[range.start as usize..range.end as usize]);
    let compiler = Compiler::new(Settings { verify: false, ..Settings::default() }).unwrap();
    let func = DefinedFuncIdx::new(0);
    let Module { declarations, layout, .. } = &module;
    let size = module.compile(&compiler, 0).unwrap().code.len();
    let listing = compiler.list_function(declarations, layout, func, body, start).unwrap();
    let in_frame = listing.translated.contains("explicit_slot");
    let optimized = compiler.optimize_function(declarations, layout, func, body, start);
    assert!(!in_frame || matches!(optimized, Err(CompileError::TooComplex { .. })));
    (size, in_frame)
}

/// A module of a function with so many locals.
fn with_locals(count: usize, ty: &str, body: &str) -> String {
    format!("(module (func (local {}) {body}))", format!("{ty} ").repeat(count))
}

/// Uses of so many locals.
fn uses(count: usize) -> String {
    (0..count).map(|local| format!("local.get {local} drop ")).collect()
}

/// Bodies whose locals are variables when they are small; when they are large, the search for the values of these would take more than linear
/// time and memory, so that they live in the frame: twice the body is twice the code then.
#[test]
fn locals_that_are_hard_to_find_live_in_the_frame() {
    let block = "block i32.const 0 br_if 0 end ";
    let branch_back = "i32.const 0 br_if 0 end ";
    let loops_that_change: fn(usize) -> String = loops_that_change_locals;
    let loops_around_uses = |n| with_locals(n, "i64", &["loop ".repeat(n), uses(n), branch_back.repeat(n)].concat());
    let loops_around_references =
        |n| with_locals(n, "externref", &["loop ".repeat(n), uses(n), branch_back.repeat(n)].concat());
    let changed_on_one_way = |n| {
        let change = |local| format!("i32.const 1 if i64.const 1 local.set {local} end ");
        with_locals(n, "i64", &[(0..n).map(change).collect(), uses(n)].concat())
    };
    let behind_blocks = |n| with_locals(n, "i64", &[block.repeat(2 * n), uses(n)].concat());
    let loop_around_blocks = |n| with_locals(n, "i64", &["loop ", &uses(n), &block.repeat(n), branch_back].concat());
    let labels_of_a_table = |n: usize| {
        let set = |local| format!("i64.const 1 local.set {local} ");
        let change = |local| format!("end local.get {local} i64.const 1 i64.add local.set {local} ");
        let table: String = (0..n).map(|label| format!("{label} ")).collect();
        let changes = [&*(0..n).map(set).collect::<String>(), "i32.const 0 br_table ", &table].concat();
        let ends: String = (0..n).map(change).collect();
        with_locals(n, "i64", &["block ".repeat(n), changes, ends, uses(n)].concat())
    };
    let families: [(&str, &dyn Fn(usize) -> String); 7] = [
        ("a nest of loops that change them", &loops_that_change),
        ("a nest of loops around their uses", &loops_around_uses),
        ("the same of references", &loops_around_references),
        ("changed on one of two ways each", &changed_on_one_way),
        ("used behind many blocks", &behind_blocks),
        ("a loop of many blocks", &loop_around_blocks),
        ("changed at the labels of a branch table", &labels_of_a_table),
    ];
    for (name, make) in families {
        assert!(!compiled(&make(16)).1, "{name}");
        let ((once, once_in_frame), (twice, twice_in_frame)) = (compiled(&make(600)), compiled(&make(1200)));
        assert!(once_in_frame && twice_in_frame, "{name}");
        assert!(2 * twice < 5 * once, "{name}: {once} and {twice} bytes");
    }
}

#[test]
fn references_in_the_frame_at_thousands_of_calls() {
    let text = |calls: usize| {
        let count = 600;
        let nest = ["loop ".repeat(count), uses(count), "end ".repeat(count)].concat();
        let locals = "externref ".repeat(count);
        format!("(module (func $f) (func (local {locals}) {nest} {}))", "call $f ".repeat(calls))
    };
    assert_eq!(refusal(&text(100), 1), None);
    let refused = refusal(&text(4_000), 1).unwrap();
    assert!(refused.starts_with("function too complex: references at calls"), "{refused}");
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

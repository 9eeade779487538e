//! The baseline tier: it compiles what it is said to, its tables are right, and hostile functions cost it no more than their length.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use chalcid_compiler::{Compiler, Settings, Tier};
use chalcid_module::artifact::CompiledCode;
use chalcid_module::trap_code::TrapCode;
use common::Module;

/// Compiles a function by the baseline tier, which must not leave it to the other one.
fn baseline_with(settings: Settings, text: &str, func: usize) -> CompiledCode {
    let compiler = Compiler::new(settings).unwrap();
    let code = Module::text(text).compile_by(Tier::Baseline, &compiler, func).unwrap();
    if cfg!(target_arch = "x86_64") {
        assert_eq!(code.tier, Tier::Baseline);
    }
    code
}

fn baseline(text: &str, func: usize) -> CompiledCode {
    baseline_with(Settings::default(), text, func)
}

#[test]
fn what_it_does_not_know_is_optimised() {
    let module = Module::text("(module (func (param v128) (result v128) (i8x16.neg (local.get 0))))");
    let old_cpu = Compiler::new(Settings { isa_flags: Some(Vec::new()), ..Settings::default() }).unwrap();
    assert_eq!(module.compile_by(Tier::Baseline, &old_cpu, 0).unwrap().tier, Tier::Optimizing);
}

#[test]
fn fifty_thousand_locals_are_cleared_by_a_loop() {
    let code = baseline(&format!("(module (func (local {})))", "i64 ".repeat(50_000)), 0);
    assert!(code.code.len() < 500, "{}", code.code.len());
}

#[test]
fn a_stack_of_operands_as_deep_as_a_body_allows() {
    let depth = 60_000;
    let body = format!("{} {}", "local.get 0 ".repeat(depth), "i64.add ".repeat(depth - 1));
    let code = baseline(&format!("(module (func (param i64) (result i64) {body}))"), 0);
    assert!(code.code.len() < 20 * depth, "{}", code.code.len());
}

#[test]
fn entries_of_many_locals_deep_below_the_top() {
    // Setting a local whose value lies deep in the stack must not search for it.
    let count = 20_000;
    let gets: String = (0..count).map(|index| format!("local.get {index} ")).collect();
    let sets: String = (0..count).map(|index| format!("i32.const 1 local.set {index} ")).collect();
    let body = format!("{gets} {} {sets} {}", "local.get 0 ".repeat(count), "drop ".repeat(2 * count));
    let code = baseline(&format!("(module (func (local {}) {body}))", "i32 ".repeat(count)), 0);
    assert!(code.code.len() < 100 * count, "{}", code.code.len());
}

#[test]
fn deep_nesting() {
    let depth = 20_000;
    for (open, close) in
        [("block ", "end "), ("loop ", "end "), ("local.get 0 if ", "end "), ("local.get 0 if else ", "end ")]
    {
        let code = baseline(&format!("(module (func (param i32) {} {}))", open.repeat(depth), close.repeat(depth)), 0);
        assert!(code.code.len() < 40 * depth, "{open} {}", code.code.len());
    }
}

#[test]
fn a_branch_table_takes_four_bytes_a_target() {
    let count = 60_000;
    for result in ["", "(result i32)"] {
        let value = if result.is_empty() { "" } else { "local.get 0" };
        let table = "0 1 ".repeat(count / 2);
        let text =
            format!("(module (func (param i32) {result} (block $a {result} {value} local.get 0 br_table {table} 0)))");
        let code = baseline(&text, 0);
        assert!(code.code.len() < 4 * count + 1000, "{}", code.code.len());
    }
}

#[test]
fn calls_of_a_thousand_results() {
    let results = "i64 f64 ".repeat(500);
    let drops = "drop ".repeat(1000);
    let text = format!(
        "(module (func $f (param {results}) (result {results}) unreachable) (func {}))",
        format!("{} call $f {drops}", "i64.const 1 f64.const 1 ".repeat(500)).repeat(20)
    );
    baseline(&text, 1);
}

#[test]
fn references_that_live_across_thousands_of_calls_are_left_to_the_other_tier() {
    let count = 5_000;
    let (make, take) = ("call $make ".repeat(count), "call $take ".repeat(count));
    let text = format!(
        "(module (func $make (result externref) ref.null extern) (func $take (param externref)) (func {make} {take}))"
    );
    let compiler = Compiler::new(Settings { verify: false, ..Settings::default() }).unwrap();
    assert!(Module::text(&text).compile_by(Tier::Baseline, &compiler, 2).is_err());
}

#[test]
fn trap_sites_have_their_reasons() {
    let code = baseline(
        r#"(module (memory 1) (table 10 funcref) (type $t (func)) (func (param i32 i32 f32) (result i32)
            (i32.store (local.get 0) (i32.div_s (local.get 0) (local.get 1)))
            (i32.store (local.get 1) (i32.trunc_f32_u (local.get 2)))
            (call_indirect (type $t) (local.get 0))
            (if (local.get 0) (then unreachable))
            (i32.load (local.get 0))))"#,
        0,
    );
    assert!(code.traps.windows(2).all(|pair| pair[0].offset < pair[1].offset));
    let mut codes: Vec<_> = code.traps.iter().map(|site| site.code as u8).collect();
    codes.sort_unstable();
    codes.dedup();
    let expected = [
        TrapCode::Unreachable,
        TrapCode::MemoryOutOfBounds,
        TrapCode::UndefinedElement,
        TrapCode::UninitializedElement,
        TrapCode::IndirectCallTypeMismatch,
        TrapCode::IntegerDivideByZero,
        TrapCode::IntegerOverflow,
        TrapCode::InvalidConversionToInteger,
        TrapCode::CallStackExhausted,
    ];
    assert_eq!(codes, expected.map(|code| code as u8));
}

#[test]
fn without_signals_nothing_is_relied_on_to_fault() {
    let code = baseline_with(
        Settings { signals: false, ..Settings::default() },
        r#"(module (memory 1) (table 10 funcref) (type $t (func)) (func (param i32 i32 f32) (result i32)
            (i32.store (local.get 0) (i32.div_s (local.get 0) (local.get 1)))
            (i32.store (local.get 1) (i32.trunc_f32_u (local.get 2)))
            (call_indirect (type $t) (local.get 0))
            (call_ref $t (ref.null $t))
            (i32.load (local.get 0))))"#,
        0,
    );
    assert_eq!(code.traps, []);
}

/// Types and a function that uses objects in every way that can trap.
const OBJECTS: &str = r#"(type $s (struct (field (mut i32)))) (type $far (struct (field $a v128) FIELDS (field $z (mut i32))))
    (type $a (array (mut i16))) (type $b (array (mut v128))) (tag $e)
    (func (param anyref i32) (result i32)
        (struct.set $s 0 (ref.cast (ref null $s) (local.get 0)) (local.get 1))
        (struct.set $far $z (ref.cast (ref null $far) (local.get 0)) (local.get 1))
        (array.set $a (ref.cast (ref null $a) (local.get 0)) (local.get 1) (i32.const 1))
        (array.fill $b (ref.cast (ref null $b) (local.get 0)) (local.get 1) (v128.const i64x2 1 2) (i32.const 3))
        (drop (array.get $b (ref.cast (ref null $b) (local.get 0)) (local.get 1)))
        (if (local.get 1) (then (throw_ref (ref.null exn))))
        (i31.get_u (ref.cast (ref null i31) (local.get 0))))"#;

#[test]
fn accesses_to_objects_have_their_reasons() {
    let text = format!("(module {})", OBJECTS.replace("FIELDS", &"(field v128)".repeat(300)));
    let code = baseline(&text, 0);
    let mut codes: Vec<_> = code.traps.iter().map(|site| site.code).collect();
    codes.sort_unstable_by_key(|&code| code as u8);
    codes.dedup();
    let mut expected = [
        TrapCode::NullStructureReference,
        TrapCode::NullArrayReference,
        TrapCode::ArrayOutOfBounds,
        TrapCode::CastFailure,
        TrapCode::NullExceptionReference,
        TrapCode::NullI31Reference,
        TrapCode::CallStackExhausted,
    ];
    expected.sort_unstable_by_key(|&code| code as u8);
    assert_eq!(codes, expected);
    let unguarded = Settings { signals: false, ..Settings::default() };
    assert_eq!(baseline_with(unguarded, &text, 0).traps, []);
}

#[test]
fn clauses_take_code_in_proportion_to_what_they_pass() {
    let values = 200;
    let (types, drops) = ("i64 ".repeat(values), "drop ".repeat(values));
    let tags: String = (0..200).map(|_| format!("(tag (param {types}))")).collect();
    let clauses: String = (0..200).map(|tag| format!("(catch {tag} 0)")).collect();
    let text = format!(
        "(module {tags} (func $f) (func (block (result {types}) (try_table {clauses} call $f) return) {drops}))"
    );
    let code = baseline(&text, 1);
    assert!(code.code.len() < 200 * (values * 50 + 100), "{}", code.code.len());
}

#[test]
fn a_structure_of_ten_thousand_fields_is_laid_out_once() {
    let fields = "(field (mut i64))".repeat(10_000);
    let gets = "(drop (struct.get $s 9999 (local.get 0))) ".repeat(20_000);
    let code = baseline(&format!("(module (type $s (struct {fields})) (func (param (ref null $s)) {gets}))"), 0);
    assert!(code.code.len() < 40 * 20_000, "{}", code.code.len());
}

#[test]
fn references_that_live_across_a_call_are_in_its_stack_map() {
    let code = baseline(
        r#"(module (func $f) (func (param externref externref funcref) (result externref)
            (local.get 1)
            (ref.null extern)
            (call $f)
            (drop)))"#,
        1,
    );
    let [map] = &code.stack_maps[..] else { panic!("{:?}", code.stack_maps) };
    // The parameter that is used: the operand is the same until that is set, and null is no reference.
    assert_eq!(map.references.len(), 1);
    assert!((-(map.frame_size as i32)..=-4).contains(&map.references[0]));
}

#[test]
fn source_positions_name_the_instructions() {
    let module = Module::text(
        r#"(module (memory 1) (func $g (param i32)) (func (param i32) (result i32)
            (call $g (i32.const 1))
            (i32.load offset=4 (local.get 0))
            (if (local.get 0) (then (call $g (i32.const 2)) unreachable))))"#,
    );
    let compiler = Compiler::new(Settings::default()).unwrap();
    let code = module.compile_by(Tier::Baseline, &compiler, 1).unwrap();
    let opcode_at = |code_offset: u32| {
        let at = code.source_map.partition_point(|position| position.offset <= code_offset);
        module.bytes[code.source_map[at - 1].wasm_offset as usize]
    };
    let site = |wanted| code.traps.iter().find(|site| site.code == wanted).unwrap().offset;
    assert_eq!(opcode_at(site(TrapCode::Unreachable)), 0x00);
    assert_eq!(opcode_at(site(TrapCode::MemoryOutOfBounds)), 0x28);
}

#[test]
fn functions_and_loops_count_when_asked_to() {
    let text = "(module (func (loop (loop))))";
    let plain = baseline(text, 0).code.len();
    let counting = baseline_with(Settings { counters: true, ..Settings::default() }, text, 0).code.len();
    assert!(counting > plain);
}

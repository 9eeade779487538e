//! The tables that come with the code: trap sites, stack maps, source positions, relocations.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use std::sync::Arc;

use chalcid_compiler::{AbiType, Compiler, Settings, Signature, Tier};
use chalcid_module::artifact::CompiledCode;
use chalcid_module::trap_code::TrapCode;
use common::{Module, compile, compiler};

/// The reasons the code can trap for, apart from the stack check of the prologue.
fn traps(code: &CompiledCode) -> Vec<TrapCode> {
    let mut codes: Vec<_> = code.traps.iter().map(|site| site.code).collect();
    codes.retain(|&code| code != TrapCode::CallStackExhausted);
    codes.sort_by_key(|&code| code as u8);
    codes.dedup();
    codes
}

#[test]
fn every_check_of_an_indirect_call_has_its_reason() {
    let [code] = &compile(
        r#"(module (type $t (func (param i32) (result i32))) (table 10 funcref)
            (func (param i32) (result i32) (call_indirect (type $t) (local.get 0) (local.get 0))))"#,
    )[..] else {
        panic!()
    };
    let expected = [TrapCode::UndefinedElement, TrapCode::UninitializedElement, TrapCode::IndirectCallTypeMismatch];
    assert_eq!(traps(code), expected);
}

#[test]
fn a_typed_table_needs_no_type_check() {
    let codes = compile(
        r#"(module (type $t (func)) (table 10 (ref null $t))
            (func (param i32) (call_indirect (type $t) (local.get 0))))"#,
    );
    assert!(!traps(&codes[0]).contains(&TrapCode::IndirectCallTypeMismatch));
}

#[test]
fn trap_sites_ascend_and_lie_within_the_code() {
    let codes = compile(
        r#"(module (memory 1) (func (param i32 i32 f32) (result i32)
            (i32.store (local.get 0) (i32.div_s (local.get 0) (local.get 1)))
            (i32.store (local.get 1) (i32.trunc_f32_u (local.get 2)))
            (if (local.get 0) (then unreachable))
            (i32.load (local.get 0))))"#,
    );
    let code = &codes[0];
    assert!(code.traps.windows(2).all(|pair| pair[0].offset < pair[1].offset));
    assert!(code.traps.iter().all(|site| (site.offset as usize) < code.code.len()));
    let expected = [
        TrapCode::Unreachable,
        TrapCode::MemoryOutOfBounds,
        TrapCode::IntegerDivideByZero,
        TrapCode::IntegerOverflow,
        TrapCode::InvalidConversionToInteger,
    ];
    assert_eq!(traps(code), expected);
}

#[test]
fn without_signals_no_instruction_is_relied_on_to_fault() {
    let module = Module::text(
        r#"(module (memory 1) (table 10 funcref) (type $t (func)) (func (param i32 i32 f32) (result i32)
            (i32.store (local.get 0) (i32.div_s (local.get 0) (local.get 1)))
            (i32.store (local.get 1) (i32.trunc_f32_u (local.get 2)))
            (call_indirect (type $t) (local.get 0))
            (i32.rem_s (i32.load (local.get 0)) (i32.rem_u (local.get 1) (local.get 0)))))"#,
    );
    let settings = Settings { verify: true, signals: false, ..Settings::default() };
    let code = module.compile(&Compiler::new(settings).unwrap(), 0).unwrap();
    assert!(!code.traps.iter().any(|site| site.code == TrapCode::CallStackExhausted));
}

#[test]
fn a_reference_that_lives_across_a_call_is_in_its_stack_map() {
    let codes = compile(
        r#"(module (func $f) (func (param externref externref) (result externref)
            (call $f)
            (local.get 1)))"#,
    );
    assert_eq!(codes[0].stack_maps.len(), 0);
    let [map] = &codes[1].stack_maps[..] else { panic!("{:?}", codes[1].stack_maps) };
    assert_eq!(map.references.len(), 1, "only the second parameter is used after the call");
    assert!((-(map.frame_size as i32)..=-4).contains(&map.references[0]));
    assert!((map.return_offset as usize) < codes[1].code.len());
}

#[test]
fn references_survive_calls_in_loops_blocks_and_selects() {
    let codes = compile(
        r#"(module (func $f (result externref) ref.null extern) (func (param externref i32) (result externref)
            (local $l externref)
            (local.set $l (call $f))
            (loop $again (result externref)
              (drop (call $f))
              (local.set $l (select (result externref) (local.get $l) (local.get 0) (local.get 1)))
              (drop (call $f))
              (br_if $again (local.get 1))
              (block (result externref) (call $f) (drop) (local.get $l)))))"#,
    );
    let live: Vec<_> = codes[1].stack_maps.iter().map(|map| map.references.len()).collect();
    // Across the first call the parameter, across the others it and the local, across the last the local.
    assert_eq!(live, [1, 2, 2, 1]);
}

#[test]
fn equal_stack_maps_of_a_function_are_stored_once() {
    // Two references live across all calls, and a third across every other one.
    let calls = "(call $f) (call $make) (call $f) (call $take)".repeat(100);
    let text = format!(
        "(module (func $f) (func $make (result externref) ref.null extern) (func $take (param externref))
            (func (param externref externref) {calls} (call $take (local.get 0)) (call $take (local.get 1))))"
    );
    for tier in [Tier::Baseline, Tier::Optimizing] {
        let code = Module::text(&text).compile_by(tier, &compiler(), 3).unwrap();
        let lists: Vec<_> = code.stack_maps.iter().map(|map| &map.references).collect();
        assert!(lists.len() >= 400 && lists.iter().any(|list| list.len() == 3), "{tier:?}");
        for (at, list) in lists.iter().enumerate() {
            assert!(lists[..at].iter().all(|other| (other == list) == Arc::ptr_eq(other, list)), "{tier:?}");
        }
    }
}

#[test]
fn function_references_and_numbers_are_in_no_stack_map() {
    let codes = compile(
        r#"(module (func $f) (func (param funcref i32 i64) (result funcref i32 i64)
            (call $f) (local.get 0) (local.get 1) (local.get 2)))"#,
    );
    assert!(codes[1].stack_maps.iter().all(|map| map.references.is_empty()));
}

#[test]
fn source_positions_ascend_and_name_instructions_of_the_body() {
    let module = Module::text(
        r#"(module (memory 1) (func $g (param i32)) (func (param i32) (result i32)
            (call $g (i32.const 1))
            (i32.load offset=4 (local.get 0))
            (if (local.get 0) (then (call $g (i32.const 2)) unreachable))))"#,
    );
    let code = module.compile(&compiler(), 1).unwrap();
    let body = &module.declarations.bodies.all(&module.bytes)[1];
    assert!(code.source_map.windows(2).all(|pair| pair[0].offset < pair[1].offset));
    assert!(code.source_map.windows(2).all(|pair| pair[0].wasm_offset != pair[1].wasm_offset));
    for position in &code.source_map {
        assert!(position.wasm_offset == u32::MAX || body.contains(&position.wasm_offset), "{position:?}");
    }
    let opcode_at = |code_offset: u32| {
        let at = code.source_map.partition_point(|position| position.offset <= code_offset);
        module.bytes[code.source_map[at - 1].wasm_offset as usize]
    };
    let site = |wanted| code.traps.iter().find(|site| site.code == wanted).unwrap().offset;
    assert_eq!(opcode_at(site(TrapCode::Unreachable)), 0x00);
    assert_eq!(opcode_at(site(TrapCode::MemoryOutOfBounds)), 0x28);
}

#[test]
fn what_the_cpu_lacks_is_an_absolute_call() {
    let module = Module::text("(module (func (param f32) (result f32) (f32.ceil (local.get 0))))");
    // No features beyond the base of x86-64: ceil needs SSE4.1 otherwise.
    let settings = Settings { verify: true, isa_flags: Some(Vec::new()), ..Settings::default() };
    let code = module.compile(&Compiler::new(settings).unwrap(), 0).unwrap();
    if cfg!(target_arch = "x86_64") {
        let [relocation] = &code.relocations[..] else { panic!("{:?}", code.relocations) };
        assert_eq!(relocation.target, chalcid_module::artifact::RelocationTarget::CeilF32);
        let place = relocation.offset as usize;
        assert_eq!(code.code[place..place + 8], [0; 8]);
    }
}

#[test]
fn trampolines_of_every_type_and_of_the_largest_signatures() {
    use AbiType::*;
    let all = [I32, I64, F32, F64, V128, FuncRef, GcRef];
    let compiler = compiler();
    for (params, results) in [(0, 0), (7, 0), (0, 7), (7, 7), (1000, 1), (1, 1000), (1000, 1000)] {
        let list = |count| all.iter().copied().cycle().take(count).collect();
        let signature = Signature { params: list(params), results: list(results) };
        assert!(!compiler.compile_entry_trampoline(&signature).unwrap().code.is_empty());
        assert!(!compiler.compile_host_trampoline(&signature).unwrap().code.is_empty());
    }
}

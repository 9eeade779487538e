//! What keeps accesses within memories, read off the intermediate representation: which accesses are checked and how, that no flag lets the
//! code generator drop or widen one, and what loops read again.

#![allow(clippy::unwrap_used, reason = "a test")]

use chalcid_compiler::{Compiler, Listing, Settings};
use chalcid_module::features::{Feature, Features};
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::VMContextLayout;

/// Lists the first function of a module.
fn list(text: &str, settings: &Settings) -> Listing {
    let bytes = wat::parse_str(text).unwrap();
    let features = Feature::ALL.iter().fold(Features::default(), |features, &feature| features.with(feature));
    let module = chalcid_module::decode_and_validate(&bytes, &features, None).unwrap();
    let layout = VMContextLayout::new(&module);
    let body = &module.bodies.all(&bytes)[0];
    let body = body.start as usize..body.end as usize;
    let compiler = Compiler::new(settings.clone()).unwrap();
    let func = DefinedFuncIdx::new(0);
    compiler.list_function(&module, &layout, func, &bytes[body.clone()], body.start).unwrap()
}

fn translated(text: &str, settings: &Settings) -> String {
    list(text, settings).translated
}

/// How one access is kept within bounds.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Protection {
    compares: bool,
    branches: bool,
    guards: bool,
}

const FAULTS: Protection = Protection { compares: false, branches: false, guards: false };
const GUARDED: Protection = Protection { compares: true, branches: false, guards: true };
const BRANCHES: Protection = Protection { compares: true, branches: true, guards: false };
const BRANCHES_AND_GUARDED: Protection = Protection { compares: true, branches: true, guards: true };

/// How `i32.load8_u` with an address operand and an offset is protected.
fn protection(memory: &str, operand: &str, offset: &str, settings: &Settings) -> Protection {
    let text = format!(
        "(module (memory {memory}) (func (param i32 i64) (result i32) ({operand}) (i32.load8_u offset={offset})))"
    );
    let listing = translated(&text, settings);
    // The check of the stack without signals is no business of ours.
    let body = listing.split("get_stack_pointer").last().unwrap();
    let checks = body.matches("icmp").count() - usize::from(!settings.signals);
    Protection {
        compares: checks > 0,
        branches: body.matches("trapnz").count() + body.matches("brif").count() > usize::from(!settings.signals),
        guards: body.contains("select_spectre_guard"),
    }
}

fn with_signals() -> Settings {
    Settings { verify: true, ..Settings::default() }
}

#[test]
fn static_memory_relies_on_the_guard() {
    let settings = with_signals();
    for offset in ["0", "65535", "0x7fff_fffe", "0x7fff_ffff"] {
        assert_eq!(protection("1", "local.get 0", offset, &settings), FAULTS, "{offset}");
    }
    assert_eq!(protection("1 1 shared", "local.get 0", "0", &settings), FAULTS);
}

#[test]
fn offset_beyond_the_guard_is_checked() {
    let settings = with_signals();
    for offset in ["0x8000_0000", "0xffff_ffff"] {
        assert_eq!(protection("1", "local.get 0", offset, &settings), GUARDED, "{offset}");
        assert_eq!(protection("65536", "local.get 0", offset, &settings), GUARDED, "{offset}");
    }
}

#[test]
fn other_memories_are_checked() {
    let settings = with_signals();
    for (memory, operand) in [
        ("i64 1", "local.get 1"),
        ("i64 0", "local.get 1"),
        ("i64 1 1 shared", "local.get 1"),
        ("1 (pagesize 1)", "local.get 0"),
        ("70000 (pagesize 1)", "local.get 0"),
    ] {
        for offset in ["0", "1", "4095", "4096", "65535", "0xffff_ffff"] {
            assert_eq!(protection(memory, operand, offset, &settings), GUARDED, "{memory} {offset}");
            let plain = Settings { spectre_guards: false, ..settings.clone() };
            assert_eq!(protection(memory, operand, offset, &plain), BRANCHES, "{memory} {offset}");
        }
    }
}

#[test]
fn without_signals_everything_is_checked() {
    let settings = Settings { signals: false, ..with_signals() };
    for memory in ["1", "0", "1 1 shared"] {
        for offset in ["0", "65535", "0x7fff_ffff", "0xffff_ffff"] {
            assert_eq!(protection(memory, "local.get 0", offset, &settings), BRANCHES_AND_GUARDED, "{memory} {offset}");
        }
    }
}

#[test]
fn constant_address_below_the_minimum_needs_no_check() {
    let settings = with_signals();
    assert_eq!(protection("i64 1", "i64.const 65535", "0", &settings), FAULTS);
    assert_eq!(protection("i64 1", "i64.const 0", "65535", &settings), FAULTS);
    assert_eq!(protection("i64 1", "i64.const 1", "65535", &settings), GUARDED);
    assert_eq!(protection("i64 1", "i64.const -1", "1", &settings), GUARDED);
    assert_eq!(protection("1", "i32.const -1", "0", &settings), FAULTS);
    assert_eq!(protection("1", "i32.const -1", "0x7fff_ffff", &settings), FAULTS);
    assert_eq!(protection("1", "i32.const -1", "0xffff_ffff", &settings), GUARDED);
}

/// An offset that no memory reaches: the code ends in a trap, and nothing is accessed.
#[test]
fn offset_that_overflows_always_traps() {
    let text =
        "(module (memory i64 1) (func (param i64) (result i32) (i32.load offset=0xffff_ffff_ffff_fffd (local.get 0))))";
    let listing = translated(text, &with_signals());
    assert!(listing.contains("trap user"), "{listing}");
    assert!(!listing.contains("little"), "{listing}");
}

/// The check is on the address before it is cut to the null page, whatever the offset.
#[test]
fn guarded_offset_stays_below_the_null_page() {
    let offset_of_access = |offset: &str| {
        let text =
            format!("(module (memory i64 1) (func (param i64) (result i64) (i64.load offset={offset} (local.get 0))))");
        let listing = translated(&text, &with_signals());
        let access = listing.lines().find(|line| line.contains("little")).unwrap().to_owned();
        access.split_once('+').map_or(0, |(_, offset)| offset.trim().parse::<u64>().unwrap())
    };
    assert_eq!(offset_of_access("0"), 0);
    assert_eq!(offset_of_access("4088"), 4088);
    assert_eq!(offset_of_access("4089"), 0);
    assert_eq!(offset_of_access("60000"), 0);
}

/// Flags that would let the code generator drop, move, merge or widen an access are on none.
#[test]
fn accesses_are_not_promised_to_succeed() {
    for memory in ["1", "i64 1", "1 1 shared"] {
        let address = if memory.starts_with("i64") { "i64" } else { "i32" };
        let text = format!(
            "(module (memory {memory}) (func (param {address})
                (drop (i32.load (local.get 0)))
                (drop (i64.load (local.get 0)))
                (drop (f64.load (local.get 0)))
                (drop (v128.load (local.get 0)))
                (drop (v128.load64_splat offset=8 (local.get 0)))
                (drop (v128.load32x2_s (local.get 0)))
                (drop (i64.load16_s ({address}.const 0)))
                (drop (i32.atomic.load (local.get 0)))
                (i32.store8 (local.get 0) (i32.const 1))
                (v128.store ({address}.const 16) (v128.const i64x2 0 0))))"
        );
        let listing = translated(&text, &with_signals());
        let region = listing.lines().find(|line| line.contains("\"memory 0\"")).unwrap();
        let region = region.trim().split(' ').next().unwrap();
        let accesses: Vec<_> = listing.lines().filter(|line| line.contains(&format!(" {region} "))).collect();
        assert_eq!(accesses.len(), 11, "with the region's own line\n{listing}");
        for access in &accesses[1..] {
            for promise in ["notrap", "aligned", "readonly", "can_move"] {
                assert!(!access.contains(promise), "{access}");
            }
        }
        // Unused loads may trap, so they stay.
        let optimized = list(&text, &with_signals()).optimized;
        assert_eq!(optimized.lines().filter(|line| line.contains(&format!(" {region} "))).count(), 11, "{optimized}");
    }
}

/// How often base and size of the memory are read in and behind the first loop.
fn header_reads_in_loop(inside: &str) -> usize {
    let text = format!(
        "(module (memory i64 1) (func $f (param i64)
            (loop
                {inside}
                (i64.store (local.get 0) (local.get 0))
                (br_if 0 (i32.load offset=8 (local.get 0))))) (func $callee))"
    );
    let listing = list(&text, &with_signals()).optimized;
    let region = listing.lines().find(|line| line.contains("\"memory headers\"")).unwrap();
    let region = region.trim().split(' ').next().unwrap().to_owned();
    let (_, body) = listing.split_once("jump block").unwrap();
    body.lines().filter(|line| line.contains(&region)).count()
}

#[test]
fn loops_that_cannot_grow_the_memory_read_its_size_before() {
    assert_eq!(header_reads_in_loop(""), 0);
    assert_eq!(header_reads_in_loop("(drop (memory.size))"), 0);
    assert_eq!(header_reads_in_loop("(loop (br_if 0 (i32.load (local.get 0))))"), 0);
}

#[test]
fn loops_that_may_grow_the_memory_read_its_size_again() {
    for inside in ["(drop (memory.grow (i64.const 1)))", "(call $callee)", "(atomic.fence)", "(loop (call $callee))"] {
        assert!(header_reads_in_loop(inside) >= 2, "{inside}");
    }
}

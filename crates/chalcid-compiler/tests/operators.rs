//! Every operator compiles, verified by the code generator's own checks: with operands from parameters, constants and loads, with every kind
//! of memory, for old and new CPUs, with and without signals, optimised and not.
//!
//! `operators.txt` lists the operators. The test fails when an operator of a proposal that the compiler supports is missing there.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fmt::Write;

use chalcid_compiler::{Compiler, OptLevel, Settings, Tier};
use chalcid_module::declarations::Declarations;
use chalcid_module::features::{Feature, Features};
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::VMContextLayout;

const TABLE: &str = include_str!("operators.txt");

/// A line of the table: an instruction with the types around it.
#[derive(Clone, Debug)]
struct Case<'a> {
    operands: Vec<&'a str>,
    results: Vec<&'a str>,
    instruction: &'a str,
}

fn cases() -> Vec<Case<'static>> {
    let mut cases = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with(";;")) {
        let (types, instructions) = line.split_once(": ").unwrap();
        let (operands, results) = types.split_once("->").unwrap();
        for instruction in instructions.split(", ") {
            cases.push(Case {
                operands: operands.split_whitespace().collect(),
                results: results.split_whitespace().collect(),
                instruction,
            });
        }
    }
    cases
}

/// A kind of memory: its declaration, its address type, and constant offsets to try.
struct Memory {
    declaration: &'static str,
    address: &'static str,
    offsets: &'static [u64],
}

const MEMORIES: &[Memory] = &[
    Memory {
        declaration: "(memory $m 1)",
        address: "i32",
        offsets: &[0, 1, 65_535, 0x7fff_fff0, 0x7fff_ffff, 0xffff_ffff],
    },
    Memory { declaration: "(memory $m 0)", address: "i32", offsets: &[0] },
    Memory { declaration: "(memory $m 1 2 shared)", address: "i32", offsets: &[0, 0x8000_0000] },
    Memory {
        declaration: "(memory $m i64 1)",
        address: "i64",
        offsets: &[0, 8, 4095, 65_535, 1 << 40, u64::MAX - 15, u64::MAX],
    },
    Memory { declaration: "(memory $m i64 0 8 shared)", address: "i64", offsets: &[0, u64::MAX] },
    Memory { declaration: "(memory $m 100 (pagesize 1))", address: "i32", offsets: &[0, 84, 200, 0xffff_ffff] },
    Memory { declaration: "(memory 1) (memory $m 1)", address: "i32", offsets: &[0] },
];

/// How the operands come onto the stack.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Operands {
    Parameters,
    Constants,
    Loads,
}

/// The address type stands for `addr`.
fn types(names: &[&str], memory: &Memory) -> String {
    names.iter().map(|&name| if name == "addr" { memory.address } else { name }).collect::<Vec<_>>().join(" ")
}

/// Text of a function for a case.
fn function(case: &Case<'_>, memory: &Memory, offset: u64, operands: Operands) -> String {
    let params = types(&case.operands, memory);
    // A parameter of each kind is there even when the operands do not come from it, for instructions on locals.
    let mut text = format!("(func (param i32 {params}) (result {})\n", types(&case.results, memory));
    for (position, ty) in params.split_whitespace().enumerate() {
        let (address, offset) = (memory.address, 16 * position);
        match (operands, ty) {
            (Operands::Constants, "i32") => text.push_str("i32.const 40\n"),
            (Operands::Constants, "i64") => text.push_str("i64.const -40\n"),
            (Operands::Constants, "f32") => text.push_str("f32.const 40.5\n"),
            (Operands::Constants, "f64") => text.push_str("f64.const -inf\n"),
            (Operands::Constants, "v128") => text.push_str("v128.const i64x2 -1 1\n"),
            (Operands::Constants, "funcref") => text.push_str("ref.null func\n"),
            (Operands::Constants, "externref") => text.push_str("ref.null extern\n"),
            (Operands::Loads, "i32" | "i64" | "f32" | "f64" | "v128") => {
                writeln!(text, "{address}.const {offset} {ty}.load $m").unwrap();
            }
            _ => writeln!(text, "local.get {}", position + 1).unwrap(),
        }
    }
    let accesses = [".load", ".store", ".rmw", ".wait", ".notify"];
    if accesses.iter().any(|access| case.instruction.contains(access)) {
        let mut words = case.instruction.split(' ');
        write!(text, "{} $m offset={offset}", words.next().unwrap()).unwrap();
        words.for_each(|word| write!(text, " {word}").unwrap());
    } else if case.instruction.starts_with("memory.copy") {
        text.push_str("memory.copy $m $m");
    } else if case.instruction.starts_with("memory.init") {
        text.push_str("memory.init $m $d");
    } else if case.instruction.starts_with("memory.") {
        write!(text, "{} $m", case.instruction).unwrap();
    } else {
        text.push_str(case.instruction);
    }
    text.push_str(")\n");
    text
}

/// Types of structures and arrays.
const AGGREGATES: &str = r#"
    (type $st (sub (struct (field (mut i8)) (field (mut i16)) (field (mut i32)) (field (mut i64)) (field (mut f32)) (field (mut f64))
        (field (mut v128)) (field (mut anyref)) (field (mut externref)) (field (mut funcref)))))
    (type $d1 (sub (struct))) (type $d2 (sub $d1 (struct))) (type $d3 (sub $d2 (struct))) (type $d4 (sub $d3 (struct)))
    (type $d5 (sub $d4 (struct))) (type $d6 (sub $d5 (struct))) (type $d7 (sub $d6 (struct))) (type $d8 (sub $d7 (struct)))
    (type $d9 (sub $d8 (struct))) (type $d10 (sub $d9 (struct (field i32))))
    (type $wide (struct (field f64 f64 i64 i32 v128 funcref)))
    (type $a8 (array (mut i8))) (type $a16 (array (mut i16))) (type $a32 (array (mut i32))) (type $a64 (array (mut i64)))
    (type $af32 (array (mut f32))) (type $af64 (array (mut f64))) (type $av (array (mut v128)))
    (rec (type $k (descriptor $kd) (struct (field (mut i32)))) (type $kd (describes $k) (struct)))
    (type $aa (array (mut anyref))) (type $ai (array (mut i31ref))) (type $af (array (mut funcref)))
"#;

/// Text of a module with functions.
fn module(memory: &Memory, functions: &[String]) -> String {
    format!(
        r#"(module
            {}
            (table $t 2 funcref) (table $e 2 externref) (table $n 2 anyref) (elem $s func $f) (elem $i i31ref) (data $d "data")
            (type $void (func)) (type $open (sub (func))) (table $o 2 (ref null $open))
            {AGGREGATES}
            (tag $e) (tag $i (param i32)) (tag $all (param i64 f64 v128 anyref funcref))
            (global $r (mut eqref) (ref.null none)) (global $g (mut i32) (i32.const 1))
            {} (func $f) (func $void))"#,
        memory.declaration,
        functions.concat(),
    )
}

fn features() -> Features {
    Feature::ALL.iter().fold(Features::default(), |features, &feature| features.with(feature))
}

fn parse(text: &str) -> (Vec<u8>, Declarations) {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let declarations = chalcid_module::decode_and_validate(&bytes, &features(), None)
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    (bytes, declarations)
}

/// Settings worth telling apart.
fn settings() -> Vec<Settings> {
    let base = Settings { verify: true, ..Settings::default() };
    let old_cpu = Some(Vec::new());
    vec![
        base.clone(),
        Settings { signals: false, ..base.clone() },
        Settings { signals: false, spectre_guards: false, isa_flags: old_cpu.clone(), ..base.clone() },
        Settings { isa_flags: old_cpu, ..base.clone() },
        Settings { opt_level: OptLevel::None, spectre_guards: false, ..base },
    ]
}

fn compile(settings: &Settings, functions: &[String], bytes: &[u8], declarations: &Declarations) {
    let compiler = Compiler::new(settings.clone()).unwrap();
    let layout = VMContextLayout::new(declarations);
    for (position, body) in declarations.bodies.all(bytes).iter().enumerate() {
        let range = body.start as usize..body.end as usize;
        let func = DefinedFuncIdx::new(position);
        let outcome = compiler.compile_function(
            Tier::Optimizing,
            declarations,
            &layout,
            func,
            &bytes[range.clone()],
            range.start,
        );
        let code = outcome.unwrap_or_else(|error| panic!("{error}\n{settings:?}\n{}", functions[position]));
        assert!(!code.code.is_empty());
    }
}

fn compile_everything(operands: Operands) {
    for memory in MEMORIES {
        let mut functions = Vec::new();
        for case in cases() {
            let touches_memory = case.operands.contains(&"addr") || case.results.contains(&"addr");
            if !touches_memory && memory.declaration != MEMORIES[0].declaration {
                continue;
            }
            for &offset in if touches_memory { memory.offsets } else { &[0] } {
                functions.push(function(&case, memory, offset, operands));
            }
        }
        let (bytes, declarations) = parse(&module(memory, &functions));
        for settings in settings() {
            compile(&settings, &functions, &bytes, &declarations);
        }
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_baseline_tier_takes_every_operator() {
    let base = Settings { verify: true, ..Settings::default() };
    let compilers: Vec<_> = [
        Compiler::new(base.clone()).unwrap(),
        Compiler::new(Settings { signals: false, interruptible: true, counters: true, ..base.clone() }).unwrap(),
    ]
    .into();
    for operands in [Operands::Parameters, Operands::Constants, Operands::Loads] {
        for memory in MEMORIES {
            let cases = cases();
            let offset = memory.offsets[memory.offsets.len() - 1];
            let functions: Vec<_> = cases.iter().map(|case| function(case, memory, offset, operands)).collect();
            let (bytes, declarations) = parse(&module(memory, &functions));
            let layout = VMContextLayout::new(&declarations);
            for (position, function) in functions.iter().enumerate() {
                let body = &declarations.bodies.all(&bytes)[position];
                let (begin, end) = (body.start as usize, body.end as usize);
                for compiler in &compilers {
                    let code = compiler
                        .compile_function(
                            Tier::Baseline,
                            &declarations,
                            &layout,
                            DefinedFuncIdx::new(position),
                            &bytes[begin..end],
                            begin,
                        )
                        .unwrap_or_else(|error| panic!("{error}\n{function}"));
                    assert!(code.tier == Tier::Baseline, "{function}");
                }
            }
        }
    }
}

#[test]
fn operators_compile_with_parameters() {
    compile_everything(Operands::Parameters);
}

#[test]
fn operators_compile_with_constants() {
    compile_everything(Operands::Constants);
}

#[test]
fn operators_compile_with_loads() {
    compile_everything(Operands::Loads);
}

/// Proposals whose operators the compiler does not know.
const UNSUPPORTED: &[&str] =
    &["acquire_release_atomics", "memory_control", "shared_everything_threads", "stack_switching"];

/// An operator that is no valid instruction today.
const INVALID: &str = "TypedSelectMulti";

#[test]
fn table_is_complete() {
    macro_rules! name_operators {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
            [$((stringify!($proposal), stringify!($op))),*]
        };
    }
    let all = wasmparser::for_each_operator!(name_operators);

    let mut seen = BTreeSet::new();
    let memory = &MEMORIES[0];
    let functions: Vec<_> = cases().iter().map(|case| function(case, memory, 0, Operands::Parameters)).collect();
    let (bytes, declarations) = parse(&module(memory, &functions));
    for body in declarations.bodies.all(&bytes) {
        let reader = wasmparser::BinaryReader::new(&bytes[body.start as usize..body.end as usize], 0);
        for op in wasmparser::FunctionBody::new(reader).get_operators_reader().unwrap() {
            let printed = format!("{:?}", op.unwrap());
            seen.insert(printed.split([' ', '{', '(']).next().unwrap().to_owned());
        }
    }
    let missing: Vec<_> = all
        .iter()
        .filter(|(proposal, op)| !UNSUPPORTED.contains(proposal) && *op != INVALID && !seen.contains(*op))
        .collect();
    assert!(missing.is_empty(), "not in operators.txt: {missing:?}");
}

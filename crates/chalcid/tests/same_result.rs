//! A numeric or vector instruction gives the same result wherever its operands come from and however it is compiled: operands that are
//! parameters, constants (which the compiler may fold) or loads (which it may fuse with the instruction) from the very end of a memory;
//! optimised or not; with signals or without; for this CPU or for one that has none of its extensions.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::HashMap;
use std::fmt::Write;

use chalcid::{Agent, Config, Engine, Error, Feature, Features, Func, Instance, Module, TierPolicy, TrapCode, Val};

/// The compiler's list of operators, with their types.
const TABLE: &str = include_str!("../../chalcid-compiler/tests/operators.txt");

/// Types of operands and results that have values here.
const TYPES: [&str; 5] = ["i32", "i64", "f32", "f64", "v128"];

/// Tuples of operands that are tried as constants.
const CONSTANT_TUPLES: usize = 12;
/// Tuples of operands that are tried as parameters.
const TUPLES: usize = 150;

struct Case {
    operands: Vec<&'static str>,
    results: Vec<&'static str>,
    instruction: &'static str,
    tuples: Vec<Vec<Val>>,
}

/// The instructions that compute results from operands and nothing else.
fn cases() -> Vec<Case> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut cases = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with(";;")) {
        let (types, instructions) = line.split_once(": ").unwrap();
        let (operands, results) = types.split_once("->").unwrap();
        let operands: Vec<_> = operands.split_whitespace().collect();
        let results: Vec<_> = results.split_whitespace().collect();
        let numeric = |types: &[&str]| !types.is_empty() && types.iter().all(|ty| TYPES.contains(ty));
        if !numeric(&operands) || !numeric(&results) {
            continue;
        }
        for instruction in instructions.split(", ") {
            if !instruction.starts_with("local.") && !instruction.starts_with("select") {
                let tuples = (0..TUPLES).map(|_| operands.iter().map(|ty| value(ty, &mut random)).collect()).collect();
                cases.push(Case { operands: operands.clone(), results: results.clone(), instruction, tuples });
            }
        }
    }
    cases
}

/// A small generator of pseudo-random numbers: the test is the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[(self.next() >> 33) as usize % values.len()]
    }
}

/// A value at an edge, or any.
fn value(ty: &str, random: &mut Random) -> Val {
    const I32: [i32; 12] = [0, 1, -1, 2, i32::MIN, i32::MAX, 31, 32, 127, -128, 0xffff, 0x8000];
    const I64: [i64; 12] =
        [0, 1, -1, 3, i64::MIN, i64::MAX, 63, 64, 0xffff_ffff, i32::MIN as i64, 1 << 53, -(1 << 53) - 1];
    const F64: [f64; 24] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        1.5,
        2.5,
        -2.5,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MIN_POSITIVE,
        f64::MAX,
        2_147_483_647.0,
        2_147_483_648.0,
        -2_147_483_648.9,
        -2_147_483_649.0,
        4_294_967_295.5,
        4_294_967_296.0,
        9_223_372_036_854_775_807.0,
        -9_223_372_036_854_775_808.0,
        18_446_744_073_709_551_615.0,
        4_503_599_627_370_497.5,
    ];
    let signalling = random.next().is_multiple_of(16);
    let f32_bits = |random: &mut Random| match signalling {
        true => 0x7fa0_0000,
        false => (random.of(&F64) as f32).to_bits(),
    };
    let f64_bits = |random: &mut Random| match signalling {
        true => 0xfff4_0000_0000_0000,
        false => random.of(&F64).to_bits(),
    };
    let any = random.next().is_multiple_of(4);
    match ty {
        "i32" if any => Val::I32(random.next() as i32),
        "i32" => Val::I32(random.of(&I32)),
        "i64" if any => Val::I64(random.next() as i64),
        "i64" => Val::I64(random.of(&I64)),
        "f32" if any => Val::F32(random.next() as u32),
        "f32" => Val::F32(f32_bits(random)),
        "f64" if any => Val::F64(random.next()),
        "f64" => Val::F64(f64_bits(random)),
        _ => Val::V128(match random.next() % 8 {
            0 => u128::from(random.next()) << 64 | u128::from(random.next()),
            1 => (0..4).fold(0, |lanes, _| lanes << 32 | u128::from(f32_bits(random))),
            2 => (0..2).fold(0, |lanes, _| lanes << 64 | u128::from(f64_bits(random))),
            3 => (0..4).fold(0, |lanes, _| lanes << 32 | u128::from(random.of(&I32) as u32)),
            4 => (0..2).fold(0, |lanes, _| lanes << 64 | u128::from(random.of(&I64) as u64)),
            5 => (0..16).fold(0, |lanes, _| lanes << 8 | u128::from(random.of(&[0_u8, 1, 0x7f, 0x80, 0xff, 16, 15]))),
            6 => (0..8).fold(0, |lanes, _| lanes << 16 | u128::from(random.of(&[0_u16, 1, 0x7fff, 0x8000, 0xffff]))),
            _ => random.of(&[0, u128::MAX, 1 << 127, 1]),
        }),
    }
}

/// The instruction that makes a value.
fn constant(value: &Val) -> String {
    match *value {
        Val::I32(value) => format!("i32.const {value}"),
        Val::I64(value) => format!("i64.const {value}"),
        // Bits, since text has no sign for every NaN.
        Val::F32(bits) => format!("i32.const {} f32.reinterpret_i32", bits as i32),
        Val::F64(bits) => format!("i64.const {} f64.reinterpret_i64", bits as i64),
        Val::V128(bits) => format!("v128.const i64x2 {} {}", bits as u64, (bits >> 64) as u64),
        _ => unreachable!(),
    }
}

fn size(ty: &str) -> u64 {
    match ty {
        "i32" | "f32" => 4,
        "v128" => 16,
        _ => 8,
    }
}

const MEMORY_SIZE: u64 = 65_536;

/// All cases as functions, with the tag that some throw and catch: `p0` with parameters, `e0_1` with operand 1 from the end of the memory, `c0_2` with tuple 2 as constants.
fn module(cases: &[Case]) -> String {
    let mut text = String::from("(module (memory (export \"memory\") 1) (tag $i (param i32))\n");
    for (number, case) in cases.iter().enumerate() {
        let (params, results) = (case.operands.join(" "), case.results.join(" "));
        for loaded in std::iter::once(None).chain((0..case.operands.len()).map(Some)) {
            let name = loaded.map_or(format!("p{number}"), |operand| format!("e{number}_{operand}"));
            write!(text, "(func (export \"{name}\") (param {params}) (result {results})").unwrap();
            for (position, ty) in case.operands.iter().enumerate() {
                if loaded == Some(position) {
                    write!(text, " i32.const {} {ty}.load", MEMORY_SIZE - size(ty)).unwrap();
                } else {
                    write!(text, " local.get {position}").unwrap();
                }
            }
            writeln!(text, " {})", case.instruction).unwrap();
        }
        for (tuple, operands) in case.tuples.iter().take(CONSTANT_TUPLES).enumerate() {
            let operands: Vec<_> = operands.iter().map(constant).collect();
            let operands = operands.join(" ");
            writeln!(text, "(func (export \"c{number}_{tuple}\") (result {results}) {operands} {})", case.instruction)
                .unwrap();
        }
    }
    text.push(')');
    text
}

/// What an instruction does, with NaNs made equal.
#[derive(Clone, PartialEq, Debug)]
enum Outcome {
    Results(Vec<u128>),
    Trap(TrapCode),
}

fn run(func: &Func, args: &[Val], case: &Case) -> Outcome {
    let mut results = vec![Val::I32(0); case.results.len()];
    match func.call(args, &mut results) {
        Ok(()) => Outcome::Results(results.iter().map(|value| canonical(value, case.instruction)).collect()),
        Err(Error::Trap(trap)) => Outcome::Trap(trap.code()),
        Err(error) => panic!("{}: {error}", case.instruction),
    }
}

/// The bits of a result; arithmetic may give any NaN.
fn canonical(value: &Val, instruction: &str) -> u128 {
    let f32_lane = |bits: u32| if f32::from_bits(bits).is_nan() { 0x7fc0_0000 } else { bits };
    let f64_lane = |bits: u64| if f64::from_bits(bits).is_nan() { 0x7ff8_0000_0000_0000 } else { bits };
    match *value {
        Val::I32(value) => (value as u32).into(),
        Val::I64(value) => (value as u64).into(),
        Val::F32(bits) => f32_lane(bits).into(),
        Val::F64(bits) => f64_lane(bits).into(),
        Val::V128(bits) if instruction.starts_with("f32x4") => {
            (0..4).map(|lane| u128::from(f32_lane((bits >> (32 * lane)) as u32)) << (32 * lane)).sum()
        }
        Val::V128(bits) if instruction.starts_with("f64x2") => {
            (0..2).map(|lane| u128::from(f64_lane((bits >> (64 * lane)) as u64)) << (64 * lane)).sum()
        }
        Val::V128(bits) => bits,
        _ => unreachable!(),
    }
}

fn bytes(value: &Val) -> Vec<u8> {
    match *value {
        Val::I32(value) => value.to_le_bytes().to_vec(),
        Val::I64(value) => value.to_le_bytes().to_vec(),
        Val::F32(bits) => bits.to_le_bytes().to_vec(),
        Val::F64(bits) => bits.to_le_bytes().to_vec(),
        Val::V128(bits) => bits.to_le_bytes().to_vec(),
        _ => unreachable!(),
    }
}

/// Runs everything with one engine. Checks that it agrees with itself, and with what came out before.
fn check(config: Config, wasm: &[u8], cases: &[Case], known: &mut HashMap<(usize, usize), Outcome>, other_cpu: bool) {
    let features = Feature::ALL.iter().fold(Features::default(), |features, &feature| features.with(feature));
    let engine = Engine::new(config.features(features)).unwrap();
    let agent = Agent::new(&engine);
    let instance = Instance::new(&agent, &Module::new(&engine, wasm).unwrap(), &[]).unwrap();
    let memory = instance.get_memory("memory").unwrap();
    for (number, case) in cases.iter().enumerate() {
        // What relaxed instructions do depends on the CPU's extensions.
        if other_cpu && case.instruction.contains("relaxed") {
            continue;
        }
        let with_params = instance.get_func(&format!("p{number}")).unwrap();
        for (tuple, operands) in case.tuples.iter().enumerate() {
            let what = || format!("{} {operands:x?}", case.instruction);
            let outcome = run(&with_params, operands, case);
            let before = known.entry((number, tuple)).or_insert_with(|| outcome.clone());
            assert_eq!(*before, outcome, "{} differs between engines", what());
            for (position, operand) in operands.iter().enumerate() {
                let with_load = instance.get_func(&format!("e{number}_{position}")).unwrap();
                memory.write(MEMORY_SIZE - size(case.operands[position]), &bytes(operand)).unwrap();
                assert_eq!(outcome, run(&with_load, operands, case), "{} with operand {position} loaded", what());
            }
            if tuple < CONSTANT_TUPLES {
                let with_constants = instance.get_func(&format!("c{number}_{tuple}")).unwrap();
                assert_eq!(outcome, run(&with_constants, &[], case), "{} with constants", what());
            }
        }
    }
}

#[test]
fn instructions_agree_with_themselves() {
    let cases = cases();
    assert!(cases.len() > 350, "{}", cases.len());
    let wasm = wat::parse_str(module(&cases)).unwrap();
    let mut known = HashMap::new();
    check(Config::new(), &wasm, &cases, &mut known, false);
    check(Config::new().optimize(false), &wasm, &cases, &mut known, false);
    check(Config::new().signals(false), &wasm, &cases, &mut known, false);
    check(Config::new().tier(TierPolicy::Baseline), &wasm, &cases, &mut known, false);
    check(Config::new().tier(TierPolicy::Baseline).signals(false), &wasm, &cases, &mut known, false);
    check(Config::new().cpu_features([]), &wasm, &cases, &mut known, true);
    check(Config::new().cpu_features([]).tier(TierPolicy::Baseline), &wasm, &cases, &mut known, true);
    check(Config::new().cpu_features([]).optimize(false).signals(false), &wasm, &cases, &mut known, true);
}

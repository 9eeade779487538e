//! Every operator with every choice of up to three operands, and every result.

use std::collections::BTreeMap;

use super::*;

/// Things to be named by index 0 and 1: memories and tables of both address sizes, globals, segments, functions.
const MODULE: &str = r#"(module
    (type $none (func)) (type $pair (func (param i32 i64) (result f32)))
    (memory 1) (memory i64 1)
    (table 1 funcref) (table i64 1 externref)
    (global (mut i64) (i64.const 0)) (global f64 (f64.const 0))
    (func $f (type $none)) (func $g (type $pair) unreachable)
    (elem func $f) (elem externref (ref.null extern))
    (data "a") (data "b"))"#;

const TYPES: [u8; 7] = [0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f];

/// Bytes after the operator: indices, alignments with offsets, lanes.
fn immediates() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> =
        vec![vec![], vec![0], vec![1], vec![2], vec![0; 8], vec![0; 16], vec![31; 16], vec![32; 16]];
    for (a, b) in (0..=5).flat_map(|a| [(a, 0), (a, 1)]) {
        all.push(vec![a, b]);
    }
    for lane in [1, 2, 3, 4, 7, 8, 15, 16] {
        all.push(vec![lane]);
        all.push(vec![0, 0, lane]);
    }
    all.extend([vec![3, 0, 1], vec![3, 0, 2], vec![0x42, 1, 0], vec![0x43, 1, 5], vec![0x40, 2, 0], vec![0xff, 0x7f]]);
    // Offsets and constants at the edges of their ranges.
    all.extend([
        vec![2, 0xff, 0xff, 0xff, 0xff, 0x0f],
        vec![2, 0x80, 0x80, 0x80, 0x80, 0x10],
        vec![1, 0x7f],
        vec![1, 0x70],
    ]);
    all
}

fn operators() -> Vec<Vec<u8>> {
    let prefixed = |prefix: u8, codes: std::ops::Range<u16>| {
        codes.map(move |code| {
            let mut bytes = vec![prefix];
            match code {
                0..0x80 => bytes.push(code as u8),
                _ => bytes.extend([code as u8 | 0x80, (code >> 7) as u8]),
            }
            bytes
        })
    };
    // Instructions that open blocks or name labels have their own tests; so has what is before 0x1a.
    let plain = (0x00..=0xff_u8).filter(|byte| !matches!(byte, 0x02..=0x0f | 0xfb..=0xfe)).map(|byte| vec![byte]);
    plain
        .chain(prefixed(0xfb, 0..0x30))
        .chain(prefixed(0xfc, 0..0x20))
        .chain(prefixed(0xfd, 0..0x120))
        .chain(prefixed(0xfe, 0..0x60))
        .collect()
}

/// Operators that are valid for the library and not accepted here, with how often.
type Declined = BTreeMap<Vec<u8>, usize>;

fn check(features: Features, immediates: &[Vec<u8>]) -> (usize, Declined) {
    let decoded = decode(&wat::parse_str(MODULE).unwrap(), &features).unwrap();
    let mut judges = Judges::new(&decoded).unwrap();
    let (mut accepted, mut declined) = (0, Declined::new());
    let func = FuncIdx(0);
    // A local of each type.
    let locals: Vec<u8> = [TYPES.len() as u8].into_iter().chain(TYPES.iter().flat_map(|&ty| [1, ty])).collect();
    let get = |local: usize| [0x20, local as u8];
    // Three operands are never floating-point numbers.
    let (pairs, triples) = (choices(&[0, 1, 2, 3, 4, 5, 6], 2), choices(&[0, 1, 4, 5, 6], 3));
    let all: Vec<_> = pairs.iter().chain(triples.iter().filter(|choice| choice.len() == 3)).cloned().collect();
    let few: Vec<_> = pairs.into_iter().filter(|choice| choice.len() < 2 || choice[0] == 0).collect();
    for operator in operators() {
        for immediate in immediates {
            // What is invalid for operands of every type is invalid for each.
            let mut body = vec![0x00, 0x00];
            body.extend(operator.iter().chain(immediate));
            body.extend([0x00, 0x0b]);
            judges.agree(func, &body);
            let choices = if judges.library(func, &body) { &all } else { &few };
            for operands in choices {
                let mut body = locals.clone();
                body.extend(operands.iter().flat_map(|&local| get(local)));
                body.extend(&operator);
                body.extend(immediate);
                let start = body.len();
                // Whatever is left on the stack goes with what is unreachable.
                body.extend([0x00, 0x0b]);
                if judges.agree(func, &body) {
                    accepted += 1;
                } else if judges.library(func, &body) {
                    *declined.entry(operator.clone()).or_default() += 1;
                    continue;
                } else {
                    continue;
                }
                // The result, of exactly one type; what is below it goes again.
                for local in 0..TYPES.len() {
                    body.truncate(start);
                    body.extend([0x21, local as u8, 0x00, 0x0b]);
                    let quick = judges.agree(func, &body);
                    assert_eq!(quick, judges.library(func, &body), "{body:02x?}");
                }
            }
        }
    }
    (accepted, declined)
}

/// Every choice of up to `most` of these locals.
fn choices(locals: &[usize], most: usize) -> Vec<Vec<usize>> {
    let mut choices: Vec<Vec<usize>> = vec![vec![]];
    let mut shorter = choices.clone();
    for _ in 0..most {
        let longer = shorter.iter().flat_map(|choice| {
            locals.iter().map(move |&local| choice.iter().copied().chain([local]).collect::<Vec<_>>())
        });
        shorter = longer.collect();
        choices.extend_from_slice(&shorter);
    }
    choices
}

#[test]
fn every_operator_with_every_operand() {
    let everything = feature_sets()[3];
    let (accepted, declined) = check(everything, &immediates());
    assert!(accepted > 2_000, "only {accepted} accepted");
    // What is left to the library although nothing is wrong with it. A whole operator that goes missing here would cost speed.
    let names: Vec<_> = declined.keys().map(|bytes| format!("{bytes:02x?}")).collect();
    for bytes in declined.keys() {
        let expected = match bytes[..] {
            // Comparing references, branches on null, calls of other types than by index, aggregates.
            [0xd0] | [0xd3] | [0xd5] | [0xfb, ..] => true,
            _ => false,
        };
        assert!(expected, "{names:?}");
    }
}

#[test]
fn operators_of_proposals_that_are_off() {
    let few = [vec![], vec![0], vec![0, 0], vec![0; 16]];
    let sets = feature_sets();
    // The module needs these.
    let base = Features::WASM2.with(Feature::Memory64).with(Feature::MultiMemory);
    for features in [
        base,
        base.without(Feature::SignExtensions).without(Feature::SaturatedFloatToInt),
        sets[3].without(Feature::TailCall).without(Feature::Threads),
        sets[3].without(Feature::RelaxedSimd).without(Feature::WideArithmetic),
        sets[3].without(Feature::TypedFunctionReferences).without(Feature::Gc),
        base.without(Feature::Simd).with(Feature::Threads),
    ] {
        check_simple(features, &few);
    }
}

/// The implication alone, with operands that suit many operators.
fn check_simple(features: Features, immediates: &[Vec<u8>]) {
    let decoded = decode(&wat::parse_str(MODULE).unwrap(), &features).unwrap();
    let mut judges = Judges::new(&decoded).unwrap();
    // Numbers only: vectors may be off.
    let locals = [4, 1, 0x7f, 1, 0x7e, 1, 0x7d, 1, 0x7c];
    for operator in operators() {
        for immediate in immediates {
            for choice in 0..64_u8 {
                let mut body = locals.to_vec();
                for local in [choice & 3, choice >> 2 & 3, choice >> 4] {
                    body.extend([0x20, local]);
                }
                body.extend(&operator);
                body.extend(immediate);
                body.extend([0x00, 0x0b]);
                judges.agree(FuncIdx(0), &body);
            }
        }
    }
}

//! The fuzzer itself: what it makes.

#![allow(clippy::unwrap_used, reason = "a test")]

use chalcid_differential::operators::Count;
use chalcid_differential::plan;
use chalcid_differential::program::{Subject, generate};

#[test]
fn every_operator_of_every_proposal_occurs() {
    let mut count = Count::default();
    for subject in Subject::ALL {
        for program in (0..1_000).filter_map(|seed| generate(seed, subject)) {
            count.add(&program).unwrap();
        }
    }
    let missing: Vec<_> = count.missing().collect();
    assert!(missing.is_empty(), "never: {missing:?}");
}

#[test]
fn programs_are_valid() {
    for subject in Subject::ALL {
        for seed in 0..300 {
            let Some(program) = generate(seed, subject) else { continue };
            let features = wasmparser::WasmFeatures::all();
            if let Err(error) = wasmparser::Validator::new_with_features(features).validate_all(&program) {
                panic!("seed {seed} of {}: {error}", subject.name());
            }
        }
    }
}

#[test]
fn most_seeds_give_a_program_with_calls() {
    for subject in Subject::ALL {
        let with_calls = (0..300).filter(|seed| {
            let Some(program) = generate(*seed, subject) else { return false };
            plan::plan(*seed, 0, &program, subject.for_javascript()).unwrap().is_some_and(|plan| !plan.calls.is_empty())
        });
        let with_calls = with_calls.count();
        assert!(with_calls > 150, "{} of 300 about {}", with_calls, subject.name());
    }
}

//! Engines agree about the programs of some seeds. `programs compare` takes more of them.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::ops::Range;

use chalcid_differential::program::{Subject, generate};
use chalcid_differential::{account, compare, engine, lower, operators, plan};

/// Compares two engines of this process; tells how many calls returned, and how many did not.
fn agree(one: &str, other: &str, subject: Subject, seeds: Range<u64>) -> (usize, usize) {
    let (mut one, mut other) = (engine::named(one).unwrap(), engine::named(other).unwrap());
    let (mut returned, mut failed) = (0, 0);
    for seed in seeds {
        let Some(program) = generate(seed, subject) else { continue };
        let Some(plan) = plan::plan(seed, 0, &program, subject.for_javascript()).unwrap() else { continue };
        let left = account::account(&mut *one, &program, &plan);
        let right = account::account(&mut *other, &program, &plan);
        if let Some((left, right)) = compare::difference(&left, &right) {
            panic!("seed {seed} of {}: {left}\n    other: {right}", subject.name());
        }
        returned += left.iter().filter(|line| line.contains(") = ")).count();
        failed += left.iter().filter(|line| line.contains("): ")).count();
    }
    (returned, failed)
}

#[test]
fn with_an_engine_that_shares_nothing() {
    let (returned, failed) = agree("optimizing", "wasmi", Subject::Core, 0..200);
    // The test is worth something only if programs get to do something.
    assert!(returned > 500 && failed > 100, "{returned} returned, {failed} failed");
    agree("baseline", "wasmi", Subject::Core, 200..400);
}

#[test]
fn what_is_lowered_does_the_same() {
    let (mut one, mut other) = (engine::named("baseline").unwrap(), engine::named("optimizing").unwrap());
    let mut replaced = 0;
    for seed in 400..600 {
        let Some(program) = generate(seed, Subject::Core) else { continue };
        let Some(mut plan) = plan::plan(seed, 0, &program, false).unwrap() else { continue };
        let account = account::account(&mut *one, &program, &plan);
        let lowered = lower::lower(&program).unwrap();
        let count = |program: &[u8]| {
            let mut count = operators::Count::default();
            count.add(program).unwrap();
            count.of("wide_arithmetic")
        };
        assert_eq!(count(&lowered), 0, "seed {seed}");
        replaced += count(&program);
        plan.length = lowered.len();
        assert_eq!(account::account(&mut *other, &lowered, &plan), account, "seed {seed}");
    }
    assert!(replaced > 50, "{replaced}");
}

#[test]
fn the_tiers_with_each_other() {
    for subject in Subject::ALL {
        agree("baseline", "optimizing", subject, 0..60);
    }
    agree("auto", "optimizing", Subject::Everything, 60..120);
}

#[test]
fn when_collections_are_forced() {
    agree("baseline+stress", "optimizing", Subject::Objects, 60..120);
    agree("baseline", "optimizing+stress", Subject::Gc, 60..120);
}

#[test]
fn without_signals_and_with_interruptions() {
    agree("baseline", "optimizing+no-signals", Subject::Everything, 120..180);
    agree("baseline+no-signals+interruptible", "optimizing", Subject::Everything, 180..240);
}

#[test]
fn unoptimized_and_for_an_old_cpu() {
    agree("optimizing", "optimizing+unoptimized", Subject::Everything, 240..300);
    agree("baseline+old-cpu", "optimizing+old-cpu", Subject::Everything, 300..360);
}

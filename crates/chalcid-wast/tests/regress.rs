//! Scripts of our own: every `tests/regress/*.wast`, each named by the behaviour that it keeps, one test a file and mode.
//!
//! A script whose first line is `;; features: LIST` runs with other features than the defaults, as `chalcid wast --features LIST` has it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use chalcid::{Engine, Features, UnknownFeature};
use libtest_mimic::{Arguments, Trial};
use mode::Mode;

mod mode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/regress");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wast"));
    paths.sort();
    let mut trials = Vec::new();
    let mut engines = HashMap::new();
    for &mode in Mode::ALL {
        for path in &paths {
            let path = path.clone();
            let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let features = features(&source).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let engine = engines.entry((features, mode)).or_insert_with(|| {
                Engine::new(mode.config().features(features)).unwrap_or_else(|error| panic!("no engine: {error}"))
            });
            let engine = engine.clone();
            let name = format!("{}{}", path.file_stem().unwrap_or_default().to_string_lossy(), mode.suffix());
            trials.push(Trial::test(name.clone(), move || {
                let report = chalcid_wast::run(&engine, &name, &source, |_| {});
                if report.passed() { Ok(()) } else { Err(report.to_string().into()) }
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The features that a script asks for.
fn features(source: &str) -> Result<Features, UnknownFeature> {
    let first = source.lines().next().unwrap_or_default();
    first.strip_prefix(";; features: ").unwrap_or_default().parse()
}

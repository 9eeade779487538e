//! Scripts of our own: every `tests/regress/*.wast`, each named by the behaviour that it keeps, one test a file.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use chalcid::Engine;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/regress");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wast"));
    paths.sort();
    let engine = Engine::default();
    let trials = paths.into_iter().map(|path| {
        let engine = engine.clone();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(name.clone(), move || {
            let source = fs::read_to_string(&path)?;
            let report = chalcid_wast::run(&engine, &name, &source);
            if report.passed() { Ok(()) } else { Err(report.to_string().into()) }
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

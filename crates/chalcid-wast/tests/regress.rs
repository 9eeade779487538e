//! Scripts of our own: every `tests/regress/*.wast`, each named by the behaviour that it keeps, one test a file and mode.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use chalcid::Engine;
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
    for &mode in Mode::ALL {
        let engine = Engine::new(mode.config()).unwrap_or_else(|error| panic!("no engine: {error}"));
        for path in &paths {
            let (engine, path) = (engine.clone(), path.clone());
            let name = format!("{}{}", path.file_stem().unwrap_or_default().to_string_lossy(), mode.suffix());
            trials.push(Trial::test(name.clone(), move || {
                let source = fs::read_to_string(&path)?;
                let report = chalcid_wast::run(&engine, &name, &source, |_| {});
                if report.passed() { Ok(()) } else { Err(report.to_string().into()) }
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

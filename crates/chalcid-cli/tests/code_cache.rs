//! The command keeps compiled code between runs, says so when asked, and gives the same results without.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Computes 10! in a loop.
const PROGRAM: &str = "
const bytes = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 126, 1, 126, 3, 2, 1, 0, 7, 7, 1, 3, 102, 97, 99, 0, 0, 10, 33, 1, 31, 1, 1, 126,
  66, 1, 33, 1, 3, 64, 32, 1, 32, 0, 126, 33, 1, 32, 0, 66, 1, 125, 34, 0, 80, 69, 13, 0, 11, 32, 1, 11);
console.log(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.fac(10n));
";

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("code-cache-{name}-{}", std::process::id()));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(caches: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chalcid"));
    command.env("XDG_CACHE_HOME", caches).args(["--wasm-stats", "--wasm-tier=optimizing"]).args(flags);
    let output = command.args(["-e", PROGRAM]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "3628800n\n", "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The line of the statistics that begins with a word.
fn line(output: &Output, word: &str) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| line.trim_start().starts_with(word));
    line.unwrap_or_else(|| panic!("no {word} in {text}")).trim_start().to_owned()
}

#[test]
fn the_second_run_compiles_nothing() {
    let caches = folder("second");
    let first = run(&caches, &[]);
    assert!(line(&first, "code cache").starts_with("code cache  0 found, 1 not found; 1 entries"));
    assert!(line(&first, "optimizing").starts_with("optimizing  1 functions"));
    assert!(caches.join("chalcid/code").is_dir());
    let second = run(&caches, &[]);
    assert!(line(&second, "code cache").starts_with("code cache  1 found, 0 not found; 1 functions"));
    assert_eq!(line(&second, "optimizing"), "optimizing  0 functions");
    fs::remove_dir_all(caches).unwrap();
}

#[test]
fn the_directory_is_the_users_choice_and_so_is_having_none() {
    let caches = folder("choice");
    run(&caches, &["--no-code-cache"]);
    assert_eq!(fs::read_dir(&caches).unwrap().count(), 0);
    let chosen = caches.join("chosen");
    run(&caches, &["--code-cache-dir", chosen.to_str().unwrap()]);
    assert_eq!(fs::read_dir(&chosen).unwrap().count(), 1);
    assert!(!caches.join("chalcid").exists());
    fs::remove_dir_all(caches).unwrap();
}

#[test]
fn a_directory_that_others_may_write_to_is_warned_of_and_not_used() {
    let caches = folder("others");
    let chosen = caches.join("chosen");
    fs::create_dir(&chosen).unwrap();
    fs::set_permissions(&chosen, fs::Permissions::from_mode(0o777)).unwrap();
    let output = run(&caches, &["--code-cache-dir", chosen.to_str().unwrap()]);
    assert_eq!(
        line(&output, "Warning"),
        format!("Warning: the code cache in {} is not used: others may write to it", chosen.display())
    );
    assert_eq!(fs::read_dir(&chosen).unwrap().count(), 0);
    fs::remove_dir_all(caches).unwrap();
}

#[test]
fn no_home_means_no_cache_and_no_complaint() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chalcid"));
    command.env_remove("XDG_CACHE_HOME").env_remove("HOME");
    let output = command.args(["-e", PROGRAM]).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &[][..]));
}

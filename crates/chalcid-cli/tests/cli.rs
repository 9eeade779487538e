//! Runs every script in `tests/cli/` under the command and compares what it prints with the file beside it.
//!
//! `NAME.mjs` (or `.cjs`, `.js`) is the script, `NAME.out` what it must print, `NAME.err` what it must print to standard error (if
//! the file is there; else that must stay empty). Its first lines may say how to run it:
//!
//! ```text
//! // status: 1            the expected exit status, 0 if not given
//! // args: a b            arguments after the file name
//! // stdin: text          standard input
//! // flags: -p 1+1        runs the command with these instead of the file
//! ```
//!
//! The folder's path is printed as `DIR`, a module's name after "in module" as `MODULE`. `BLESS=1 cargo test -p chalcid-cli` writes the expected files anew.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Ran {
    stdout: String,
    stderr: String,
    status: i32,
}

fn directive<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    source
        .lines()
        .map_while(|line| line.strip_prefix("// "))
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn run(script: &Path, source: &str) -> Ran {
    let folder = script.parent().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chalcid"));
    command.current_dir(folder).env("NO_COLOR", "1").env_remove("NODE_PATH");
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    match directive(source, "flags") {
        Some(flags) => command.args(flags.split(' ')),
        None => command.arg(script),
    };
    command.args(directive(source, "args").into_iter().flat_map(|args| args.split(' ')));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let input = directive(source, "stdin").unwrap_or_default().replace("\\n", "\n");
    // A script need not read its input.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let plain =
        |bytes: &[u8]| without_module_names(&String::from_utf8_lossy(bytes)).replace(folder.to_str().unwrap(), "DIR");
    Ran { stdout: plain(&output.stdout), stderr: plain(&output.stderr), status: output.status.code().unwrap_or(-1) }
}

/// QuickJS cuts the names of modules in its messages after 63 bytes: where, depends on the length of the folder's path.
fn without_module_names(text: &str) -> String {
    const BEFORE: &str = "in module '";
    let mut parts = text.split(BEFORE);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once('\'').map_or("", |(_, rest)| rest);
        plain.push_str(&format!("{BEFORE}MODULE'{rest}"));
    }
    plain
}

/// Compares `found` with the file `expected`, or writes it there when blessing.
fn compare(expected: &Path, found: &str, bless: bool, failures: &mut Vec<String>) {
    let wanted = fs::read_to_string(expected).unwrap_or_default();
    if wanted == found {
        return;
    }
    if bless {
        if found.is_empty() {
            drop(fs::remove_file(expected));
        } else {
            fs::write(expected, found).unwrap();
        }
        return;
    }
    let different = wanted.lines().zip(found.lines()).position(|(wanted, found)| wanted != found);
    let line = different.unwrap_or_else(|| wanted.lines().count().min(found.lines().count()));
    failures.push(format!(
        "{}:{}\n  expected: {}\n  found:    {}",
        expected.display(),
        line + 1,
        wanted.lines().nth(line).unwrap_or("(end)"),
        found.lines().nth(line).unwrap_or("(end)"),
    ));
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").canonicalize().unwrap();
    let mut scripts: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension().is_some_and(|extension| ["mjs", "cjs", "js"].iter().any(|known| extension == *known))
        })
        .collect();
    scripts.sort();
    scripts
}

#[test]
fn scripts_print_what_they_should() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut failures = Vec::new();
    for script in scripts() {
        let source = fs::read_to_string(&script).unwrap();
        let ran = run(&script, &source);
        let status: i32 = directive(&source, "status").map_or(0, |status| status.parse().unwrap());
        if ran.status != status {
            failures.push(format!("{}: status {} instead of {status}\n{}", script.display(), ran.status, ran.stderr));
            continue;
        }
        compare(&script.with_extension("out"), &ran.stdout, bless, &mut failures);
        compare(&script.with_extension("err"), &ran.stderr, bless, &mut failures);
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

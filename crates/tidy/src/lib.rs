//! What can be checked of the source tree by reading it: the crates' arrows, where `unsafe` may stand, how long files are, what every
//! file begins with, loose ends, and whether the paths that the documents name exist.
//!
//! Each check returns the violations it found, one line each; `tests/tidy.rs` expects none.

#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

/// The longest a source file may be.
pub const MAX_LINES: usize = 1000;

/// Which crates of this workspace each crate may use in the built product.
const ARROWS: &[(&str, &[&str])] = &[
    ("chalcid-module", &[]),
    ("chalcid-compiler", &["chalcid-module"]),
    ("chalcid-vm", &["chalcid-module"]),
    ("chalcid", &["chalcid-module", "chalcid-compiler", "chalcid-vm"]),
    ("chalcid-js", &["chalcid"]),
    ("chalcid-quickjs", &["chalcid", "chalcid-js"]),
    ("chalcid-cli", &["chalcid", "chalcid-js", "chalcid-quickjs", "chalcid-wast"]),
    ("chalcid-wast", &["chalcid"]),
    ("tidy", &[]),
];

/// Crates in which `unsafe` may stand: the running side, and the FFI of a host.
const UNSAFE_HOUSES: &[&str] = &["chalcid-vm", "chalcid-quickjs"];

/// The one file outside them: it hands code that the compiler made to the running side, which has to believe it.
const UNSAFE_EXCEPTION: &str = "crates/chalcid/src/code.rs";

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Dependencies between the workspace's crates that [`ARROWS`] does not allow. Development dependencies are free.
pub fn arrows(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for dir in children(&root.join("crates")) {
        let name = file_name(&dir);
        let Some((_, allowed)) = ARROWS.iter().find(|(krate, _)| *krate == name) else {
            found.push(format!("crates/{name}: not in the table of arrows"));
            continue;
        };
        let manifest = read(&dir.join("Cargo.toml"));
        let mut in_dependencies = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                in_dependencies = line.trim() == "[dependencies]";
                continue;
            }
            let used = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let ours = ARROWS.iter().any(|(krate, _)| *krate == used);
            if in_dependencies && ours && !allowed.contains(&used) {
                found.push(format!("crates/{name}: may not use {used}"));
            }
        }
    }
    found
}

/// Source files that break a rule of form: length, missing module page, `unsafe` outside its houses, loose ends.
pub fn sources(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for dir in children(&root.join("crates")) {
        let krate = file_name(&dir);
        let mut files = Vec::new();
        collect(&dir, "rs", &mut files);
        for file in files {
            let text = read(&file);
            let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            let lines = text.lines().count();
            if lines > MAX_LINES {
                found.push(format!("{shown}: {lines} lines, more than {MAX_LINES}"));
            }
            if !text.starts_with("//!") {
                found.push(format!("{shown}: does not begin with a `//!` page"));
            }
            if krate == "tidy" {
                continue;
            }
            let in_house = UNSAFE_HOUSES.contains(&krate.as_str())
                || shown == UNSAFE_EXCEPTION
                || ["/tests/", "/benches/", "/examples/"].iter().any(|part| shown.contains(part));
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if !in_house && ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|what| code.contains(what)) {
                    found.push(format!("{shown}:{}: unsafe outside its houses", number + 1));
                }
                if ["todo!(", "unimplemented!(", "#[ignore"].iter().any(|what| code.contains(what)) {
                    found.push(format!("{shown}:{}: a loose end", number + 1));
                }
            }
        }
    }
    found
}

/// Paths in backticks and link targets in the Markdown files of the root and `docs/` that name no file of the tree.
pub fn documents(root: &Path) -> Vec<String> {
    let mut files: Vec<PathBuf> =
        children(root).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "md")).collect();
    collect(&root.join("docs"), "md", &mut files);
    let mut found = Vec::new();
    for file in files {
        let text = read(&file);
        let base = file.parent().unwrap_or(root);
        for (number, line) in text.lines().enumerate() {
            for path in named_paths(line) {
                if !exists(root, base, path) {
                    let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
                    found.push(format!("{shown}:{}: no such path: {path}", number + 1));
                }
            }
        }
    }
    found
}

/// The words of a line that claim to be paths of this tree.
fn named_paths(line: &str) -> impl Iterator<Item = &str> {
    let ticks = line.split('`').skip(1).step_by(2).filter(|word| {
        ["crates/", "examples/", "tests/", "docs/", "benches/", ".ci/", "chalcid-"].iter().any(|p| word.starts_with(p))
            && word.contains('/')
            && !word.contains([' ', '*', '…', '<'])
    });
    let links = line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|target| {
        !target.contains("://") && !target.starts_with('#') && !target.starts_with("mailto:") && !target.contains(' ')
    });
    ticks.chain(links)
}

fn exists(root: &Path, base: &Path, path: &str) -> bool {
    let path = path.split('#').next().unwrap_or(path);
    [root.join(path), root.join("crates").join(path), base.join(path)].iter().any(|candidate| candidate.exists())
}

fn collect(dir: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for path in children(dir) {
        if path.is_dir() {
            if !matches!(file_name(&path).as_str(), "target" | "node_modules") {
                collect(&path, extension, files);
            }
        } else if path.extension().is_some_and(|ext| ext == extension) {
            files.push(path);
        }
    }
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    //! The checks themselves find what they are for.

    use super::*;

    #[test]
    fn paths_are_told_from_other_words() {
        let line =
            "see `crates/x/src/lib.rs`, `Module`, [a](docs/b.md#c), [site](https://example.org) and `cargo test`";
        assert_eq!(named_paths(line).collect::<Vec<_>>(), ["crates/x/src/lib.rs", "docs/b.md#c"]);
    }

    #[test]
    fn a_missing_path_is_found() {
        let root = root();
        assert!(exists(&root, &root, "crates/tidy/src/lib.rs"));
        assert!(!exists(&root, &root, "crates/tidy/src/absent.rs"));
    }
}

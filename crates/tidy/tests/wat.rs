//! The `.wasm` files of the examples and tests are what the `.wat` files beside them say. `BLESS=1` writes them anew.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

fn wat_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("node_modules") {
            wat_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "wat") {
            found.push(path);
        }
    }
}

#[test]
fn binaries_are_what_the_text_says() {
    let mut files = Vec::new();
    wat_files(&tidy::root().join("examples"), &mut files);
    assert!(!files.is_empty());
    for file in files {
        let assembled = wat::parse_file(&file).unwrap();
        let binary = file.with_extension("wasm");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&binary, &assembled).unwrap();
        }
        assert!(fs::read(&binary).unwrap_or_default() == assembled, "{} is out of date: BLESS=1", binary.display());
    }
}

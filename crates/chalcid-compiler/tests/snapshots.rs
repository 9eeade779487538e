//! What becomes of small functions, kept as files: each `snapshots/NAME.wat` has its last function's optimised representation and machine
//! code in `snapshots/NAME.txt`. `BLESS=1` accepts what the compiler makes now.
//!
//! The code is for one fixed x86-64 CPU, whatever the test runs on.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]
#![cfg(target_arch = "x86_64")]

mod common;

use std::fs;
use std::path::Path;

use chalcid_compiler::{Compiler, Settings};
use chalcid_module::index::DefinedFuncIdx;
use common::Module;

/// A CPU of 2015.
const CPU: [&str; 11] = [
    "has_cmpxchg16b",
    "has_sse3",
    "has_ssse3",
    "has_sse41",
    "has_sse42",
    "has_popcnt",
    "has_lzcnt",
    "has_bmi1",
    "has_bmi2",
    "has_avx",
    "has_avx2",
];

fn listing(text: &str) -> String {
    let isa_flags = CPU.iter().map(|name| ((*name).to_owned(), true)).collect();
    let settings = Settings { verify: true, isa_flags: Some(isa_flags), ..Settings::default() };
    let module = Module::text(text);
    let last = module.declarations.bodies.len() - 1;
    let range = &module.declarations.bodies.all(&module.bytes)[last];
    let (start, end) = (range.start as usize, range.end as usize);
    let func = DefinedFuncIdx::new(last);
    let compiler = Compiler::new(settings).unwrap();
    let listing =
        compiler.list_function(&module.declarations, &module.layout, func, &module.bytes[start..end], start).unwrap();
    format!("{}\n{}", listing.optimized, listing.assembly)
}

#[test]
fn code_is_what_the_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let bless = std::env::var_os("BLESS").is_some();
    let mut different = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "wat") {
            continue;
        }
        seen += 1;
        let found = listing(&fs::read_to_string(&path).unwrap());
        let expected = path.with_extension("txt");
        if bless {
            fs::write(expected, found).unwrap();
        } else if fs::read_to_string(expected).unwrap_or_default() != found {
            different.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(seen > 0);
    assert!(different.is_empty(), "BLESS=1 accepts this:\n{}", different.join("\n"));
}

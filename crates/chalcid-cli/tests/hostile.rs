//! Small modules that are expensive: each is compiled, instantiated and called, or refused, in little memory. `benches/hostile.py` also times
//! them, and larger ones.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::Command;

/// What `tests/hostile/run.mjs` prints, by line, when this tier compiles.
fn run(tier: &str, arguments: &[&str]) -> Vec<String> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/hostile/run.mjs");
    let output = Command::new(env!("CARGO_BIN_EXE_chalcid"))
        .args(["--no-code-cache", &format!("--wasm-tier={tier}")])
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_byte_costs_at_most_a_kilobyte() {
    for name in run("auto", &["small"]) {
        for tier in ["auto", "optimizing"] {
            let lines = run(tier, &[&name]);
            let [size, ended, grown] = &lines[..] else { panic!("{name}: {lines:?}") };
            assert!(ended == "ran" || ended.starts_with("CompileError: "), "{name}, {tier}: {ended}");
            let (size, grown): (u64, u64) = (size.parse().unwrap(), grown.parse().unwrap());
            // And a megabyte for what every module needs.
            assert!(grown * 1024 <= size * 1000 + (1 << 20), "{name}, {tier}: {grown} kB for {size} bytes");
        }
    }
}

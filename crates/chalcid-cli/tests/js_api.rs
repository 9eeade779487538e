//! The interface's own tests of what needs more than a JavaScript engine: streaming, and structured clones of modules.

#![allow(clippy::unwrap_used)]

use std::process::Command;

fn run(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_chalcid"))
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .args(args)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_interfaces_own_tests() {
    let printed =
        run(&[concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/js-api/run.cjs"), "streaming", "serialization"]);
    assert!(printed.ends_with("passed, 0 failed\n"), "{printed}");
}

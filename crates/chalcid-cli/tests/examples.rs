//! The programs in `examples/` print what `tests/examples/NAME.out` says; `BLESS=1` writes those files anew. That they print the same
//! under Node is checked by `examples/run-packages.sh`.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn examples_print_what_they_should() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut failures = Vec::new();
    for name in ["hello", "streaming", "memory-views", "callback-table", "throwing-imports"] {
        // From another directory: addresses are relative to the script, not to where it is run.
        let script = root.join("../../examples").join(name).join("main.mjs");
        let output = Command::new(env!("CARGO_BIN_EXE_chalcid"))
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .arg(script)
            .current_dir("/")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let expected = root.join("tests/examples").join(name).with_extension("out");
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(expected.parent().unwrap()).unwrap();
            fs::write(&expected, printed.as_bytes()).unwrap();
        }
        if !output.status.success() || printed != fs::read_to_string(&expected).unwrap_or_default() {
            failures.push(format!("{name}: {}\n{printed}{}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

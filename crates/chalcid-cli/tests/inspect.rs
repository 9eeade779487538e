//! `chalcid inspect` shows what is in a module, and the instructions of a function beside its machine code.

#![cfg(feature = "inspect")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const WAT: &str = r#"(module $example
  (type (func (param i32) (result i32)))
  (type (func (param externref f64)))
  (import "env" "log\n" (func $log (type 1)))
  (memory (export "memory") 1 4)
  (global (export "counter") (mut i64) (i64.const 0))
  (func $load (export "load") (type 0)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 7))
      (else (i32.load offset=16 (local.get 0)))))
  (func $small))"#;

fn module(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("inspect-{name}-{}.wasm", std::process::id()));
    fs::write(&path, wat::parse_str(WAT).unwrap()).unwrap();
    path
}

fn inspect(arguments: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chalcid")).arg("inspect").args(arguments).arg(file).output().unwrap()
}

fn shown(arguments: &[&str], file: &Path) -> String {
    let output = inspect(arguments, file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_module_is_shown_in_full() {
    let file = module("full");
    let text = shown(&[], &file);
    for line in [
        "needs: mutableGlobals, referenceTypes",
        "     0  func (i32) -> (i32)",
        "     1  func (externref, f64) -> ()",
        "  \"env\" \"log\\n\": function (externref, f64) -> ()",
        "  \"memory\": memory with 1 to 4 pages",
        "  \"counter\": mutable global of type i64",
        "  \"load\": function (i32) -> (i32)",
        "         1         16  load (i32) -> (i32)",
        "         2          2  small () -> ()",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line:?} in\n{text}");
    }
    assert!(text.starts_with("wasm://wasm/") && text.contains("\"example\""));
    for section in ["type", "import", "code", "custom \"name\""] {
        assert!(text.lines().any(|line| line.trim_start().starts_with("0x") && line.ends_with(section)), "{section}");
    }
    fs::remove_file(file).unwrap();
}

#[test]
fn a_function_is_shown_beside_its_machine_code() {
    let file = module("function");
    for function in ["load", "1"] {
        let text = shown(&["--disassemble", function], &file);
        let (mut wasm, mut machine) = (Vec::new(), 0);
        for line in text.lines().skip(3) {
            let left: String = line.chars().take(52).collect();
            wasm.extend(left.trim().split_once(' ').map(|(_, instruction)| instruction.trim().to_owned()));
            machine += usize::from(line.chars().count() > 53);
        }
        let expected = [
            "local.get 0",
            "i32.eqz",
            "if Type(I32)",
            "i32.const 7",
            "else",
            "local.get 0",
            "i32.load offset=16",
            "end",
            "end",
        ];
        assert_eq!(wasm, expected, "{text}");
        if cfg!(target_arch = "x86_64") {
            assert!(machine > 5 && text.contains("; traps: out of bounds memory access"), "{text}");
        }
    }
    fs::remove_file(file).unwrap();
}

#[test]
fn what_cannot_be_shown_is_an_error() {
    let file = module("error");
    for (arguments, message) in [
        (&["--disassemble", "absent"][..], "it defines no function absent"),
        (&["--disassemble", "0"], "it defines no function 0"),
    ] {
        let output = inspect(arguments, &file);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains(message));
    }
    fs::write(&file, b"\0asm\x01\0\0").unwrap();
    assert!(String::from_utf8_lossy(&inspect(&[], &file).stderr).contains("expected version"));
    fs::remove_file(file).unwrap();
}

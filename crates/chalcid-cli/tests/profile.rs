//! `--profile` tells `perf` what lies where.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::{Command, Stdio};

/// Calls a function that returns 42, and prints how its process maps the memory that it runs from.
const PROGRAM: &str = "
const bytes = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11,
  0, 14, 4, 110, 97, 109, 101, 1, 7, 1, 0, 4, 108, 105, 10, 101);
console.log(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f());
console.log(require('fs').readFileSync('/proc/self/maps', 'utf8'));
";

#[test]
fn every_function_has_a_line_in_the_map() {
    let child = Command::new(env!("CARGO_BIN_EXE_chalcid"))
        .args(["--profile", "--no-code-cache", "--wasm-tier=optimizing", "-e", PROGRAM])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let map = format!("/tmp/perf-{}.map", child.id());
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let lines = fs::read_to_string(&map).unwrap();
    fs::remove_file(map).unwrap();
    assert!(printed.starts_with("42\n"), "{printed}");
    // The name in the module has a line break in it.
    let function = lines.lines().find(|line| line.ends_with("li?e wasm-function[0] optimizing")).unwrap();
    let mut numbers = function.split(' ').map(|number| usize::from_str_radix(number, 16));
    let (start, len) = (numbers.next().unwrap().unwrap(), numbers.next().unwrap().unwrap());
    // It lies in memory that `perf` takes for generated code, which nothing can write to.
    let mapped = printed.lines().find(|line| {
        let bounds = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
        bounds.is_some_and(|(low, high)| {
            let [Ok(low), Ok(high)] = [low, high].map(|bound| usize::from_str_radix(bound, 16)) else { return false };
            (low..high).contains(&start) && start + len <= high
        })
    });
    assert!(mapped.is_some_and(|line| line.contains(" r-xs ") && line.contains("/dev/zero")), "{mapped:?}");
}

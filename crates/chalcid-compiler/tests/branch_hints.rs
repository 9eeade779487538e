//! Branches that a producer calls unlikely lead to blocks that lie apart.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use chalcid_compiler::{Compiler, Settings};
use chalcid_module::index::DefinedFuncIdx;
use common::Module;

/// The function that a text defines, as it was translated.
fn translated(text: &str) -> String {
    let module = Module::text(text);
    let range = &module.declarations.bodies.all(&module.bytes)[0];
    let (start, end) = (range.start as usize, range.end as usize);
    let compiler = Compiler::new(Settings::default()).unwrap();
    let body = &module.bytes[start..end];
    compiler.list_function(&module.declarations, &module.layout, DefinedFuncIdx(0), body, start).unwrap().translated
}

/// What the blocks that lie apart do.
fn cold(translated: &str) -> Vec<String> {
    let mut lines = translated.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.contains("cold:") {
            found.push(lines.next().unwrap_or_default().to_owned());
        }
    }
    found
}

fn hinted_if(hint: &str) -> Vec<String> {
    let text = format!(
        "(module (func (param i32) (result i32) (local.get 0) {hint}
           (if (result i32) (then (i32.const 111)) (else (i32.const 222)))))"
    );
    cold(&translated(&text))
}

#[test]
fn the_branch_of_an_if_that_is_unlikely_is_cold() {
    assert!(hinted_if("").is_empty());
    let unlikely = hinted_if(r#"(@metadata.code.branch_hint "\00")"#);
    assert!(unlikely.len() == 1 && unlikely[0].contains("111"), "{unlikely:?}");
    let likely = hinted_if(r#"(@metadata.code.branch_hint "\01")"#);
    assert!(likely.len() == 1 && likely[0].contains("222"), "{likely:?}");
}

fn hinted_br_if(hint: &str) -> Vec<String> {
    let text = format!(
        "(module (func (param i32) (result i32)
           (block $b (result i32)
             (i32.const 111)
             (local.get 0) {hint} (br_if $b)
             (drop)
             (i32.add (local.get 0) (local.get 0)))))"
    );
    cold(&translated(&text))
}

#[test]
fn the_way_of_a_br_if_that_is_unlikely_is_cold() {
    assert!(hinted_br_if("").is_empty());
    let unlikely = hinted_br_if(r#"(@metadata.code.branch_hint "\00")"#);
    assert!(unlikely.len() == 1 && unlikely[0].contains(" jump block1(v2)"), "{unlikely:?}");
    let likely = hinted_br_if(r#"(@metadata.code.branch_hint "\01")"#);
    assert!(likely.len() == 1 && likely[0].contains("iadd"), "{likely:?}");
}

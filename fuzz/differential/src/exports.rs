//! Gives the exports of a wasm-smith program plain names, and exports its fuel.
//!
//! A program counts its calls and loops by a global of its own and traps when that is used up. It is filled again before each call, so that one endless
//! loop does not end everything that comes after it.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{ExportKind, ExportSection, Module};
use wasmparser::{Parser, Payload, TypeRef};

/// The name of the fuel.
pub const FUEL: &str = "fuel";

/// The program with other names; `None` where it has no types, and so nothing to call.
pub fn rewrite(program: &[u8]) -> Option<Vec<u8>> {
    let (mut globals, mut has_types) = (0, false);
    for payload in Parser::new(0).parse_all(program) {
        match payload.ok()? {
            Payload::TypeSection(section) => has_types = section.count() > 0,
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    globals += u32::from(matches!(import.ok()?.ty, TypeRef::Global(_)));
                }
            }
            Payload::GlobalSection(section) => globals += section.count(),
            _ => {}
        }
    }
    let mut module = Module::new();
    // The fuel is the last global.
    Pass { count: 0, fuel: globals.checked_sub(1)? }.parse_core_module(&mut module, Parser::new(0), program).ok()?;
    has_types.then(|| module.finish())
}

struct Pass {
    /// Exports so far.
    count: usize,
    fuel: u32,
}

impl Reencode for Pass {
    type Error = Infallible;

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        wasm_encoder::reencode::utils::parse_export_section(self, exports, section)?;
        exports.export(FUEL, ExportKind::Global, self.fuel);
        Ok(())
    }

    fn parse_export(
        &mut self,
        exports: &mut ExportSection,
        export: wasmparser::Export<'_>,
    ) -> Result<(), Error<Infallible>> {
        let kind = self.export_kind(export.kind)?;
        let letter = match kind {
            ExportKind::Func => 'f',
            ExportKind::Table => 't',
            ExportKind::Memory => 'm',
            ExportKind::Global => 'g',
            ExportKind::Tag => 'e',
        };
        exports.export(&format!("{letter}{}", self.count), kind, export.index);
        self.count += 1;
        Ok(())
    }
}

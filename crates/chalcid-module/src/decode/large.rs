//! Import and export sections of a size that the standard's limits allow and the library's do not: it counts the sizes of all types of
//! imports and exports together, to a million, and a function without parameters counts two.
//!
//! Large ones are therefore judged here, and the library is told what follows needs. As in [`quick`](super::quick) this only ever accepts:
//! `None` means that the library is to judge, and to word the error.

use std::collections::HashSet;

use wasmparser::{self as wp, BinaryReader, TypeRef, Validator, WasmFeatures};

use crate::declarations::Declarations;
use crate::limits;

/// Entries from which on a section is looked at here.
const LARGE: u32 = 100_000;

/// The section is not valid.
pub(super) struct Refused;

/// Judges a large import section and enters what it imports. Functions are entered as if the module defined them, which for what the
/// library still does with them is the same; everything else as imports.
pub(super) fn imports(
    bytes: &[u8],
    section: &wp::ImportSectionReader<'_>,
    validator: &mut Validator,
    features: WasmFeatures,
) -> Option<Result<(), Refused>> {
    let count = section.count();
    if count < LARGE || count as usize > limits::MAX_IMPORTS || features.custom_descriptors() {
        return None;
    }
    let (mut functions, mut others) = (Vec::new(), Vec::new());
    let (mut function_count, mut other_count) = (0, 0);
    let mut entries = section.clone().into_iter_with_offsets().peekable();
    while let Some(entry) = entries.next() {
        let (start, wp::Imports::Single(_, import)) = entry.ok()? else { return None };
        if let TypeRef::Func(ty) = import.ty {
            unsigned(&mut functions, ty);
            function_count += 1;
        } else {
            let end = match entries.peek() {
                Some(Ok((next, _))) => *next,
                Some(Err(_)) => return None,
                None => section.range().end,
            };
            others.extend_from_slice(bytes.get(start as usize..end as usize)?);
            other_count += 1;
        }
    }
    let (functions, others) = (counted(function_count, &functions), counted(other_count, &others));
    let reader = |bytes| BinaryReader::new_features(bytes, section.range().start, features);
    let others = wp::ImportSectionReader::new(reader(&others)).ok()?;
    let functions = wp::FunctionSectionReader::new(reader(&functions)).ok()?;
    let entered = validator.import_section(&others).and_then(|()| validator.function_section(&functions));
    Some(entered.map_err(|_| Refused))
}

/// Judges a large export section; gives the functions that it refers to, ascending.
pub(super) fn exports(
    section: &wp::ExportSectionReader<'_>,
    declarations: &Declarations,
    features: WasmFeatures,
) -> Option<Vec<u32>> {
    let count = section.count();
    if count < LARGE || count as usize > limits::MAX_EXPORTS || features.custom_descriptors() {
        return None;
    }
    let mut names = HashSet::with_capacity(count as usize);
    let mut functions = Vec::new();
    for export in section.clone() {
        let export = export.ok()?;
        let index = export.index as usize;
        let exists = match export.kind {
            wp::ExternalKind::Func => {
                functions.push(export.index);
                index < declarations.functions.len()
            }
            wp::ExternalKind::Table => index < declarations.tables.len(),
            wp::ExternalKind::Memory => index < declarations.memories.len(),
            wp::ExternalKind::Global => {
                let global = declarations.globals.get(index);
                global.is_some_and(|global| features.mutable_global() || !global.ty.mutable)
            }
            wp::ExternalKind::Tag => index < declarations.tags.len(),
            wp::ExternalKind::FuncExact => false,
        };
        if !exists || !names.insert(export.name) {
            return None;
        }
    }
    functions.sort_unstable();
    functions.dedup();
    Some(functions)
}

fn counted(count: u32, entries: &[u8]) -> Vec<u8> {
    let mut section = Vec::with_capacity(entries.len() + 5);
    unsigned(&mut section, count);
    section.extend_from_slice(entries);
    section
}

/// Appends an integer of variable length.
fn unsigned(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::decode_and_validate;
    use crate::features::Features;

    fn section(module: &mut Vec<u8>, id: u8, contents: &[u8]) {
        module.push(id);
        unsigned(module, contents.len() as u32);
        module.extend_from_slice(contents);
    }

    /// A module that imports and exports so many functions, among them one memory; `damage` may change the entries.
    fn module(count: u32, damage: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        section(&mut bytes, 1, &[1, 0x60, 0, 0]);
        let mut imports = Vec::new();
        for index in 0..count - 1 {
            if index == 77 {
                imports.extend([1, b'm', 1, b'm', 2, 0, 1]);
            }
            imports.extend([0, 0, 0, 0]);
        }
        let mut exports = Vec::new();
        for index in 0..count - 1 {
            let name = format!("{index:x}");
            exports.push(name.len() as u8);
            exports.extend(name.bytes());
            exports.push(0);
            unsigned(&mut exports, index);
        }
        exports.extend([1, b'm', 2, 0]);
        damage(&mut imports, &mut exports);
        section(&mut bytes, 2, &counted(count, &imports));
        // One more function: its body takes a reference to one that is only exported, in a way that is left to the library.
        section(&mut bytes, 3, &[1, 0]);
        section(&mut bytes, 7, &counted(count, &exports));
        let body = [0, 0xd2, 5, 0xd0, 0x71, 0x1a, 0x1a, 0x0b];
        section(
            &mut bytes,
            10,
            &[1, body.len() as u8, body[0], body[1], body[2], body[3], body[4], body[5], body[6], body[7]],
        );
        bytes
    }

    fn error(count: u32, damage: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) -> String {
        decode_and_validate(&module(count, damage), &Features::WASM3, None).unwrap_err().to_string()
    }

    #[test]
    fn a_million_imports_and_exports_are_allowed_and_no_more() {
        let count = limits::MAX_IMPORTS as u32;
        let declarations = decode_and_validate(&module(count, |_, _| {}), &Features::WASM3, None).unwrap();
        assert_eq!((declarations.imports.len(), declarations.exports.len()), (count as usize, count as usize));
        assert_eq!(declarations.imported.functions, count - 1);
        let message = error(count + 1, |_, _| {});
        assert!(message.contains("imports count exceeds limit"), "{message}");
    }

    #[test]
    fn faults_in_large_sections_are_found() {
        let message = error(LARGE, |imports, _| *imports.last_mut().unwrap() = 1);
        assert!(message.contains("unknown type 1"), "{message}");
        let message = error(LARGE, |_, exports| *exports.last_mut().unwrap() = 1);
        assert!(message.contains("unknown memory 1"), "{message}");
        let message = error(LARGE, |_, exports| {
            let end = exports.len();
            exports[end - 3] = b'7';
        });
        assert!(message.contains("duplicate export name"), "{message}");
        let message = error(LARGE, |imports, _| {
            imports.truncate(imports.len() - 1);
        });
        assert!(message.contains("unexpected end"), "{message}");
    }
}

//! Sections of a size that the limits allow and the library's own do not. It counts the sizes of all types of imports and exports
//! together, to a million, and a function without parameters counts two; and it takes 100,000 element segments.
//!
//! Large ones are therefore judged here, and the library is told what follows needs. As in [`quick`](super::quick), where exports of any number
//! are, imports are only ever accepted: `None` means that the library is to judge, and to word the error. Of element segments it judges those
//! that are not plain, as if the module had no others.

use wasmparser::{self as wp, BinaryReader, TypeRef, Validator, WasmFeatures};

use super::resources::Elements;
use crate::declarations::Declarations;
use crate::error::CompileError;
use crate::limits;
use crate::types::{AbsHeapType, AddressType, HeapType};

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

/// Judges an element section that has more segments than the library takes. `None` where it may have the section.
pub(super) fn elements(
    bytes: &[u8],
    section: &wp::ElementSectionReader<'_>,
    validator: &mut Validator,
    declarations: &Declarations,
    features: WasmFeatures,
) -> Option<Result<Elements, CompileError>> {
    if section.count() <= LARGE {
        return None;
    }
    Some(if section.count() as usize > limits::MAX_ELEMENT_SEGMENTS {
        let (count, limit) = (section.count(), limits::MAX_ELEMENT_SEGMENTS);
        let message = format!("{count} element segments, at most {limit} are allowed");
        Err(CompileError::at(section.range().start as usize, message))
    } else {
        judge_elements(bytes, section, validator, declarations, features)
    })
}

fn judge_elements(
    bytes: &[u8],
    section: &wp::ElementSectionReader<'_>,
    validator: &mut Validator,
    declarations: &Declarations,
    features: WasmFeatures,
) -> Result<Elements, CompileError> {
    let mut elements = Elements { count: section.count(), ..Elements::default() };
    // The segments for the library, and where each begins there and in the module.
    let (mut others, mut places) = (Vec::new(), Vec::new());
    for (index, element) in section.clone().into_iter().enumerate() {
        let element = element?;
        if !accept_element(&element, declarations, features, &mut elements.functions) {
            elements.others.push(index as u32);
            places.push((others.len(), element.range.start as usize));
            others.extend_from_slice(&bytes[element.range.start as usize..element.range.end as usize]);
        }
    }
    elements.functions.sort_unstable();
    elements.functions.dedup();
    let segments = counted(elements.others.len() as u32, &others);
    let before = segments.len() - others.len();
    let reader = wp::ElementSectionReader::new(BinaryReader::new_features(&segments, 0, features))?;
    validator.element_section(&reader).map_err(|error| {
        let mut error = CompileError::from(error);
        // Back from what the library was shown to the module.
        error.offset = error.offset.map(|offset| {
            let at = offset.saturating_sub(before);
            let place =
                places.partition_point(|(start, _)| *start <= at).checked_sub(1).and_then(|place| places.get(place));
            place.map_or(section.range().start as usize, |(start, original)| original + (at - start))
        });
        error
    })?;
    Ok(elements)
}

/// Whether a segment is a list of functions that is passive, declared, or put into a table of functions at a constant place, and valid; adds
/// the functions.
fn accept_element(
    element: &wp::Element<'_>,
    declarations: &Declarations,
    features: WasmFeatures,
    functions: &mut Vec<u32>,
) -> bool {
    let wp::ElementItems::Functions(items) = &element.items else { return false };
    let is_placed = match &element.kind {
        wp::ElementKind::Active { table_index, offset_expr } => {
            declarations.tables.get(table_index.unwrap_or(0) as usize).is_some_and(|table| {
                table.ty.element.heap == HeapType::Abstract(AbsHeapType::Func)
                    && is_constant(offset_expr, table.ty.address)
            })
        }
        wp::ElementKind::Passive | wp::ElementKind::Declared => features.bulk_memory(),
    };
    if !is_placed || items.count() as usize > limits::MAX_TABLE_ENTRIES {
        return false;
    }
    let start = functions.len();
    for func in items.clone() {
        match func {
            Ok(func) if (func as usize) < declarations.functions.len() => functions.push(func),
            _ => {
                functions.truncate(start);
                return false;
            }
        }
    }
    true
}

/// Whether an expression is one constant of an address type.
fn is_constant(expr: &wp::ConstExpr<'_>, address: AddressType) -> bool {
    let mut operators = expr.get_operators_reader();
    let is_right = match operators.read() {
        Ok(wp::Operator::I32Const { .. }) => address == AddressType::I32,
        Ok(wp::Operator::I64Const { .. }) => address == AddressType::I64,
        _ => false,
    };
    is_right && matches!(operators.read(), Ok(wp::Operator::End)) && operators.eof()
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

    /// A module with so many element segments. `unusual` replaces the one of each index in it; a body uses segments `last` and 70.
    fn with_elements(count: u32, unusual: &[(u32, &[u8])]) -> Vec<u8> {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        section(&mut bytes, 1, &[1, 0x60, 0, 0]);
        section(&mut bytes, 3, &[2, 0, 0]);
        section(&mut bytes, 4, &[2, 0x70, 0, 5, 0x6f, 0, 5]);
        let mut elements = Vec::new();
        for index in 0..count {
            match unusual.iter().find(|(at, _)| *at == index) {
                Some((_, segment)) => elements.extend_from_slice(segment),
                None => elements.extend([0, 0x41, 0, 0x0b, 1, 1]),
            }
        }
        section(&mut bytes, 9, &counted(count, &elements));
        let mut body = vec![0, 0xd2, 1, 0x1a];
        for (segment, table) in [(70, 1), (count - 1, 0)] {
            body.extend([0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 12]);
            unsigned(&mut body, segment);
            body.push(table);
        }
        // In dead code, so that the library is the one to judge.
        body.extend([0x00, 0xd5, 0, 0x1a, 0x0b]);
        let mut code = vec![2, 2, 0, 0x0b];
        unsigned(&mut code, body.len() as u32);
        code.extend(body);
        section(&mut bytes, 10, &code);
        bytes
    }

    #[test]
    fn more_element_segments_than_the_library_takes_are_allowed() {
        // A passive segment of externrefs, an active one whose place is computed, a declared one.
        let unusual: &[(u32, &[u8])] = &[
            (70, &[5, 0x6f, 1, 0xd0, 0x6f, 0x0b]),
            (99, &[0, 0x41, 1, 0x41, 2, 0x6a, 0x0b, 1, 0]),
            (100, &[3, 0, 1, 0]),
        ];
        let declarations = decode_and_validate(&with_elements(LARGE + 5, unusual), &Features::WASM3, None).unwrap();
        assert_eq!(declarations.elements.len(), LARGE as usize + 5);
        assert_eq!(declarations.func_refs.len(), 2);
        // The same module as the library judges it, with as many segments as it takes.
        let small = decode_and_validate(&with_elements(LARGE, unusual), &Features::WASM3, None).unwrap();
        assert_eq!(small.elements[..], declarations.elements[..LARGE as usize]);
    }

    #[test]
    fn faults_in_large_element_sections_are_where_they_are() {
        for (segment, message) in [
            (&[0, 0x41, 0, 0x0b, 1, 9][..], "unknown function 9"),
            (&[2, 1, 0x41, 0, 0x0b, 0, 1, 1], "type mismatch"),
            (&[0, 0x42, 0, 0x0b, 1, 1], "type mismatch"),
            (&[5, 0x6f, 1, 0xd0, 0x70, 0x0b], "type mismatch"),
            (&[8, 0, 0, 0, 0, 0], "invalid flags"),
        ] {
            let fault = |count| {
                let unusual: &[(u32, &[u8])] = &[(70, &[5, 0x6f, 0]), (90_000, segment)];
                decode_and_validate(&with_elements(count, unusual), &Features::WASM3, None).unwrap_err()
            };
            let (large, small) = (fault(LARGE + 5), fault(LARGE));
            assert!(large.message.contains(message), "{large}");
            assert_eq!(large, small);
        }
        // What a body does with a segment is judged, too.
        let wrong = decode_and_validate(&with_elements(LARGE + 5, &[]), &Features::WASM3, None).unwrap_err();
        assert!(wrong.message.contains("type mismatch"), "{wrong}");
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

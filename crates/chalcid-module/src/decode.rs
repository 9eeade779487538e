//! From bytes to [`Declarations`]: the binary format read section by section, each validated before it is believed.

mod const_expr;
mod large;
mod quick;
mod resources;
mod sections;
pub mod stream;
mod types;

use std::num::NonZero;
use std::sync::Arc;

use wasmparser::{BinaryReader, Chunk, FunctionBody, Parser, Payload, Validator, ValidatorResources};

use crate::bodies;
use crate::declarations::*;
use crate::error::CompileError;
use crate::features::Features;
use crate::leb;
use crate::limits;
use crate::validate;

pub(crate) use const_expr::{array_too_long, const_expr};
pub(crate) use resources::Resources;

const MAGIC: [u8; 4] = *b"\0asm";
const VERSION: [u8; 4] = [1, 0, 0, 0];

/// Decodes and validates a whole module. Function bodies are validated by this thread and as many others as `helpers` says; how many are worth it for
/// these bytes, [`helpers_for`](crate::helpers_for) knows.
pub fn decode_and_validate(
    bytes: &[u8],
    features: &Features,
    helpers: Option<NonZero<usize>>,
) -> Result<Declarations, CompileError> {
    let decoded = decode(bytes, features)?;
    validate::function_bodies(bytes, &decoded, helpers)?;
    Ok(decoded.declarations)
}

/// Decodes a module that is known to be valid by these features: it is only read, and nobody judges it. The caller vouches that the very same
/// bytes passed before.
pub fn decode_validated(bytes: &[u8], features: &Features) -> Result<Declarations, CompileError> {
    decode_by(Decoder::believing(features), bytes).map(|decoded| decoded.declarations)
}

/// A module whose sections are valid and whose function bodies nobody has looked into.
pub(crate) struct Decoded {
    pub(crate) declarations: Declarations,
    /// What validating the bodies asks about the module; absent where there are none.
    pub(crate) resources: Option<Resources>,
    pub(crate) features: wasmparser::WasmFeatures,
    /// What the data count section says; instructions that name data segments need it.
    pub(crate) data_count: Option<u32>,
}

/// Decodes and validates everything but function bodies.
pub(crate) fn decode(bytes: &[u8], features: &Features) -> Result<Decoded, CompileError> {
    decode_by(Decoder::new(features), bytes)
}

fn decode_by(mut decoder: Decoder, bytes: &[u8]) -> Result<Decoded, CompileError> {
    check_preamble(bytes)?;
    decoder.advance(bytes, true)?;
    Ok(decoder.finish())
}

/// Decodes a module whose bytes may not be there yet.
struct Decoder {
    features: Features,
    wasm_features: wasmparser::WasmFeatures,
    /// Absent for a module that is known to be valid.
    validator: Option<Validator>,
    parser: Parser,
    sections: sections::Sections,
    /// The library's answers about the module, once there is a body.
    resources: Option<ValidatorResources>,
    /// Whether the library has not seen the exports.
    exports_apart: bool,
    elements: Option<resources::Elements>,
    data_count: Option<u32>,
    /// What bodies are validated against, where that began before the module was whole.
    head: Option<Arc<Decoded>>,
    /// A data section of which some is there.
    data: Option<quick::DataSection>,
    /// Bytes that were read.
    position: usize,
    is_whole: bool,
}

impl Decoder {
    fn new(features: &Features) -> Self {
        let validator = Validator::new_with_features(features.to_wasmparser());
        Self { validator: Some(validator), ..Self::believing(features) }
    }

    /// For a module that is known to be valid.
    fn believing(features: &Features) -> Self {
        let wasm_features = features.to_wasmparser();
        let mut parser = Parser::new(0);
        parser.set_features(wasm_features);
        Self {
            features: *features,
            wasm_features,
            validator: None,
            parser,
            sections: sections::Sections::default(),
            resources: None,
            exports_apart: false,
            elements: None,
            data_count: None,
            head: None,
            data: None,
            position: 0,
            is_whole: false,
        }
    }

    /// Reads on. `bytes` are those of the module from its beginning, all of them if `is_whole`; without the rest a section that is not whole waits,
    /// but that of code, which is read body by body.
    fn advance(&mut self, bytes: &[u8], is_whole: bool) -> Result<(), CompileError> {
        loop {
            let payload = match self.parser.parse(&bytes[self.position..], is_whole)? {
                Chunk::Parsed { consumed, payload } => {
                    self.position += consumed;
                    payload
                }
                Chunk::NeedMoreData(_) if !is_whole => {
                    self.read_ahead(bytes);
                    return Ok(());
                }
                // The parser was told that there are no more bytes, so it does not ask for them.
                Chunk::NeedMoreData(_) => return Err(CompileError::at(bytes.len(), "unexpected end")),
            };
            let is_end = matches!(payload, Payload::End(_));
            self.payload(bytes, payload)?;
            if is_end {
                self.is_whole = true;
                return Ok(());
            }
        }
    }

    /// Reads what there is of a data section that is not whole. Should what comes next be something else that looks like one, nothing comes of it:
    /// the segments are only taken for the section that they were read from.
    fn read_ahead(&mut self, bytes: &[u8]) {
        const DATA: u8 = 11;
        let Some((&DATA, rest)) = bytes[self.position..].split_first() else { return };
        let Some((size, contents)) = leb::u32(rest) else { return };
        let start = bytes.len() - contents.len();
        let section = start..start + size as usize;
        if self.data.as_ref().is_none_or(|data| !data.is_at(&section)) {
            self.data = quick::DataSection::new(bytes, section);
        }
        let known = self.head.as_ref().map_or(self.sections.declarations(), |head| &head.declarations);
        if let Some(data) = &mut self.data {
            data.read(bytes, known, self.wasm_features);
        }
    }

    fn payload(&mut self, bytes: &[u8], payload: Payload<'_>) -> Result<(), CompileError> {
        let sections = &mut self.sections;
        let known = self.head.as_ref().map_or(sections.declarations(), |head| &head.declarations);
        match &payload {
            Payload::CodeSectionStart { count, size, .. } => {
                self.validator.as_mut().map_or(Ok(()), |validator| validator.payload(&payload).map(drop))?;
                let contents = self.position..self.position.saturating_add(*size as usize);
                let section = contents.start as u32..contents.end as u32;
                if self.validator.is_none() && bytes.len() >= contents.end {
                    sections.leave_bodies(section, *count);
                    self.parser.skip_section();
                    self.position = contents.end;
                    return Ok(());
                }
                if let Some(bodies) = bodies::entries(bytes, contents.clone(), *count) {
                    // The first entry stands for all: what is known about the module is the same for each.
                    if let (Some(body), Some(validator)) = (bodies.first(), &mut self.validator) {
                        let body = &bytes[body.start as usize..body.end as usize];
                        let body = FunctionBody::new(BinaryReader::new(body, self.position as u64));
                        self.resources = Some(validator.code_section_entry(&body)?.resources);
                    }
                    sections.add_bodies(bodies);
                    self.parser.skip_section();
                    self.position = contents.end;
                    return Ok(());
                }
                return sections.add(bytes, payload);
            }
            Payload::DataSection(section) if self.validator.is_some() => {
                let contents = section.range().start as usize..section.range().end as usize;
                let begun = self.data.take().filter(|data| data.is_at(&contents));
                let data = begun.or_else(|| quick::DataSection::new(bytes, contents));
                if let Some(segments) = data.and_then(|data| data.finish(bytes, known, self.wasm_features)) {
                    sections.add_data(segments);
                    return Ok(());
                }
            }
            Payload::ExportSection(section) => {
                let contents = section.range().start as usize..section.range().end as usize;
                let is_valid = self.validator.is_none();
                if let Some(exports) = quick::exports(bytes, contents, known, self.wasm_features, is_valid) {
                    self.exports_apart = true;
                    sections.add_exports(exports);
                    return Ok(());
                }
            }
            _ => {}
        }
        self.judge(bytes, &payload)?;
        self.sections.add(bytes, payload)
    }

    /// Judges what is not read quickly, unless the module is known to be valid.
    fn judge(&mut self, bytes: &[u8], payload: &Payload<'_>) -> Result<(), CompileError> {
        let Some(validator) = &mut self.validator else { return Ok(()) };
        let known = self.head.as_ref().map_or(self.sections.declarations(), |head| &head.declarations);
        match payload {
            Payload::CodeSectionEntry(body) => {
                let function = validator.code_section_entry(body)?;
                self.resources.get_or_insert(function.resources);
            }
            Payload::DataCountSection { count, .. } => {
                validator.payload(payload)?;
                self.data_count = Some(*count);
            }
            Payload::ImportSection(section) => {
                sections::check_compact_imports(section, &self.features)?;
                match large::imports(bytes, section, validator, self.wasm_features) {
                    Some(Ok(())) => {}
                    // Half of the section may have been entered: the library words the error, and nothing else comes of it.
                    Some(Err(large::Refused)) => {
                        validator.payload(payload)?;
                        return Err(CompileError::at(section.range().start as usize, "invalid import section"));
                    }
                    None => drop(validator.payload(payload)?),
                }
            }
            Payload::ElementSection(section) => {
                match large::elements(bytes, section, validator, known, self.wasm_features) {
                    Some(elements) => self.elements = Some(elements?),
                    None => drop(validator.payload(payload)?),
                }
            }
            _ => drop(validator.payload(payload)?),
        }
        Ok(())
    }

    /// What validating bodies asks about the module, where there is a body.
    fn take_resources(&mut self) -> Option<Resources> {
        let library = self.resources.take()?;
        let exported = if self.exports_apart { self.sections.exported_functions() } else { Vec::new() };
        Some(Resources { library, exported, elements: self.elements.take() })
    }

    /// The module has ended, and nothing was done before.
    fn finish(mut self) -> Decoded {
        let resources = self.take_resources();
        let declarations = self.sections.finish();
        Decoded { declarations, resources, features: self.wasm_features, data_count: self.data_count }
    }
}

/// Checks the size and the first eight bytes.
fn check_preamble(bytes: &[u8]) -> Result<(), CompileError> {
    if bytes.is_empty() {
        return Err(CompileError::at(0, "module is empty"));
    }
    if bytes.len() > limits::MAX_MODULE_SIZE {
        let (size, limit) = (bytes.len(), limits::MAX_MODULE_SIZE);
        return Err(CompileError::new(format!("module of {size} bytes, at most {limit} are allowed")));
    }
    check_word(bytes, 0, "magic word", MAGIC)?;
    check_word(bytes, 4, "version", VERSION)
}

fn check_word(bytes: &[u8], offset: usize, what: &str, expected: [u8; 4]) -> Result<(), CompileError> {
    let rest = bytes.get(offset..).unwrap_or_default();
    let found = &rest[..rest.len().min(expected.len())];
    if found == expected {
        return Ok(());
    }
    let found = if found.is_empty() { "the end".to_owned() } else { hex(found) };
    Err(CompileError::at(offset, format!("expected {what} {}, found {found}", hex(&expected))))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(crate) mod tests;

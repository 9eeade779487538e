//! Lines of source: what the DWARF sections of a module say about where its code comes from (`.debug_info`, `.debug_line` and those that they refer
//! to). Read when somebody asks, unit by unit, and believed as far as they can be read: like names they change no meaning.
//!
//! Addresses in them count from the beginning of the code section's contents.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use gimli::{AttributeValue, ColumnType, DebugInfoOffset, Dwarf, EndianSlice, LineProgramHeader, LittleEndian, Unit};

use crate::declarations::Declarations;
use crate::leb;

/// A place in a source file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceLine {
    /// Path of the file, as the producer wrote it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, where it is known.
    pub column: Option<u32>,
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// The lines of a module.
#[derive(Default)]
pub struct SourceLines {
    /// Where the code section's contents begin.
    code: u32,
    /// Addresses of units, by ascending start.
    ranges: Vec<(Range<u64>, usize)>,
    units: Vec<DebugInfoOffset>,
    /// The lines of units that were asked for.
    known: Mutex<HashMap<usize, Arc<UnitLines>>>,
}

/// The lines of a unit.
#[derive(Default)]
struct UnitLines {
    files: Vec<Arc<str>>,
    /// By ascending address; a row holds up to the next one.
    rows: Vec<Row>,
}

#[derive(Clone, Copy)]
struct Row {
    address: u64,
    /// Index into the files; `NO_FILE` where nothing is known.
    file: u32,
    line: u32,
    column: u32,
}

const NO_FILE: u32 = u32::MAX;
/// Most bytes of a path that are shown.
const MOST_PATH: usize = 1024;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

impl SourceLines {
    /// Finds out which unit has what code, where the module has such sections.
    pub fn find(bytes: &[u8], declarations: &Declarations) -> Self {
        let has = |name: &str| declarations.custom_sections.iter().any(|section| &*section.name == name);
        if !has(".debug_info") || !has(".debug_line") {
            return Self::default();
        }
        let mut lines = Self { code: code_section(bytes).unwrap_or(0), ..Self::default() };
        let dwarf = dwarf(bytes, declarations);
        let mut headers = dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            let Some(offset) = header.debug_info_offset() else { continue };
            let Ok(unit) = dwarf.unit(header) else { continue };
            let index = lines.units.len();
            lines.units.push(offset);
            let Ok(mut ranges) = dwarf.unit_ranges(&unit) else { continue };
            while let Ok(Some(range)) = ranges.next() {
                // What a linker left out is said to be at 0, or where nothing can be.
                if range.begin > 0 && range.begin < range.end && range.end <= bytes.len() as u64 {
                    lines.ranges.push((range.begin..range.end, index));
                }
            }
        }
        lines.ranges.sort_by_key(|(range, _)| range.start);
        lines
    }

    /// The line that an instruction of the module comes from, by its offset in the module's bytes: those that the lines were found in.
    pub fn at(&self, bytes: &[u8], declarations: &Declarations, offset: u32) -> Option<SourceLine> {
        let address = u64::from(offset.checked_sub(self.code)?);
        let before = self.ranges.partition_point(|(range, _)| range.start <= address);
        let (range, unit) = self.ranges.get(before.checked_sub(1)?)?;
        if !range.contains(&address) {
            return None;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = known.entry(*unit).or_insert_with(|| {
            Arc::new(UnitLines::read(&dwarf(bytes, declarations), self.units[*unit]).unwrap_or_default())
        });
        lines.at(address)
    }
}

impl UnitLines {
    fn read(dwarf: &Dwarf<Slice<'_>>, offset: DebugInfoOffset) -> gimli::Result<Self> {
        let unit = dwarf.unit(dwarf.unit_header(offset)?)?;
        let Some(program) = unit.line_program.clone() else { return Ok(Self::default()) };
        let mut lines = Self::default();
        let mut files = HashMap::new();
        let mut rows = program.rows();
        // Up to the first fault.
        while let Ok(Some((header, row))) = rows.next_row() {
            let line = row.line().and_then(|line| u32::try_from(line.get()).ok());
            let file = match line {
                Some(_) if !row.end_sequence() => *files.entry(row.file_index()).or_insert_with(|| {
                    path(dwarf, &unit, header, row.file_index()).map_or(NO_FILE, |path| {
                        lines.files.push(path.into());
                        lines.files.len() as u32 - 1
                    })
                }),
                _ => NO_FILE,
            };
            let column = match row.column() {
                ColumnType::LeftEdge => 0,
                ColumnType::Column(column) => u32::try_from(column.get()).unwrap_or(0),
            };
            lines.rows.push(Row { address: row.address(), file, line: line.unwrap_or(0), column });
        }
        // Of rows at one address the last one counts; the end of a sequence only where no other begins.
        lines.rows.sort_by_key(|row| (row.address, row.file != NO_FILE));
        Ok(lines)
    }

    fn at(&self, address: u64) -> Option<SourceLine> {
        let before = self.rows.partition_point(|row| row.address <= address);
        let row = self.rows.get(before.checked_sub(1)?)?;
        let file = self.files.get(row.file as usize)?.clone();
        Some(SourceLine { file, line: row.line, column: (row.column > 0).then_some(row.column) })
    }
}

/// The path of a file of a unit.
fn path(
    dwarf: &Dwarf<Slice<'_>>,
    unit: &Unit<Slice<'_>>,
    header: &LineProgramHeader<Slice<'_>>,
    file: u64,
) -> Option<String> {
    let file = header.file(file)?;
    let text = |value: AttributeValue<Slice<'_>>| {
        let bytes = dwarf.attr_string(unit, value).ok()?;
        // Nothing that would break the line that it stands in.
        let text = String::from_utf8_lossy(bytes.slice()).replace(char::is_control, "\u{fffd}");
        Some(text)
    };
    let mut path = text(file.path_name())?;
    for before in [file.directory(header), unit.comp_dir.map(AttributeValue::String)] {
        if let Some(folder) = before.and_then(text)
            && !is_absolute(&path)
            && !folder.is_empty()
        {
            path = format!("{}/{path}", folder.trim_end_matches(['/', '\\']));
        }
    }
    (path.len() <= MOST_PATH).then_some(path)
}

fn is_absolute(path: &str) -> bool {
    path.starts_with(['/', '\\']) || path.as_bytes().get(1) == Some(&b':')
}

fn dwarf<'a>(bytes: &'a [u8], declarations: &Declarations) -> Dwarf<Slice<'a>> {
    let section = |id: gimli::SectionId| {
        let section = declarations.custom_sections.iter().find(|section| &*section.name == id.name());
        let data = section.and_then(|section| bytes.get(section.data.start as usize..section.data.end as usize));
        Ok::<_, std::convert::Infallible>(Slice::new(data.unwrap_or_default(), LittleEndian))
    };
    match Dwarf::load(section) {
        Ok(dwarf) => dwarf,
        Err(never) => match never {},
    }
}

/// Where the contents of a valid module's code section begin.
fn code_section(bytes: &[u8]) -> Option<u32> {
    let mut rest = bytes.get(8..)?;
    loop {
        let (&id, after) = rest.split_first()?;
        let (size, contents) = leb::u32(after)?;
        if id == 10 {
            return u32::try_from(bytes.len() - contents.len()).ok();
        }
        rest = contents.get(size as usize..)?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::decode_validated;
    use crate::features::Features;

    /// A module of one function, whose code is at 2 to 9, with a unit for it: line 10 of `src/a.c` from 2, line 12 from 5.
    fn module() -> Vec<u8> {
        let abbreviations = [1, 0x11, 0, 0x10, 0x17, 0x11, 1, 0x12, 6, 0x1b, 8, 0, 0, 0];
        let info = [&[4, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0][..], b"/work\0"].concat();
        let folders =
            [&[1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1][..], b"src\0\0", b"a.c\0\x01\0\0\0"].concat();
        let program = [0, 5, 2, 2, 0, 0, 0, 3, 9, 5, 4, 1, 2, 3, 3, 2, 5, 0, 1, 2, 4, 0, 1, 1];
        let sized = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
        let lines = sized(&[&[4, 0][..], &sized(&folders), &program].concat());
        let text = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
        let sections = [(".debug_abbrev", &abbreviations[..]), (".debug_info", &sized(&info)), (".debug_line", &lines)];
        let custom = sections.map(|(name, bytes)| format!(r#"(@custom "{name}" "{}")"#, text(bytes))).concat();
        wat::parse_str(format!("(module (func nop nop nop nop nop) {custom})")).unwrap()
    }

    fn lines(bytes: &[u8]) -> Vec<Option<String>> {
        let declarations = decode_validated(bytes, &Features::WASM3).unwrap();
        let lines = SourceLines::find(bytes, &declarations);
        let code = code_section(bytes).unwrap();
        (0..12).map(|address| Some(lines.at(bytes, &declarations, code + address)?.to_string())).collect()
    }

    #[test]
    fn lines_are_found_by_the_offset_of_an_instruction() {
        let (first, second) = (Some("/work/src/a.c:10:4"), Some("/work/src/a.c:12"));
        let expected = [None, None, first, first, first, second, second, second, second, None, None, None];
        assert_eq!(lines(&module()), expected.map(|line| line.map(str::to_owned)));
    }

    #[test]
    fn damage_is_no_error() {
        let whole = module();
        let declarations = decode_validated(&whole, &Features::WASM3).unwrap();
        for section in &declarations.custom_sections {
            for at in section.data.start as usize..section.data.end as usize {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] = value;
                    assert_eq!(lines(&damaged).len(), 12);
                }
            }
        }
    }
}

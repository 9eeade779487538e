//! Instructions as text, for people to read.
//!
//! The names are the text format's, derived from those of the reading library; immediates follow in its order. It is not meant to be read back.

use std::fmt::Write as _;

use wasmparser::{BinaryReader, FunctionBody, Operator};

use crate::declarations::Declarations;
use crate::error::CompileError;
use crate::index::DefinedFuncIdx;

/// An instruction of a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// Its offset in the module.
    pub offset: u32,
    /// How many blocks it lies in.
    pub depth: u32,
    /// What it says.
    pub text: String,
}

/// The locals and instructions of a function; none of a function that does not exist.
pub fn instructions(
    bytes: &[u8],
    declarations: &Declarations,
    func: DefinedFuncIdx,
) -> Result<Vec<Instruction>, CompileError> {
    let Some(range) = declarations.bodies.get(bytes, func) else { return Ok(Vec::new()) };
    let code = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
    let body = FunctionBody::new(BinaryReader::new(code, range.start.into()));
    let mut lines = Vec::new();
    let mut locals = body.get_locals_reader()?;
    for _ in 0..locals.get_count() {
        let offset = locals.original_position();
        let (count, ty) = locals.read()?;
        lines.push(Instruction { offset: offset as u32, depth: 1, text: format!("local {count} × {ty}") });
    }
    let mut reader = body.get_operators_reader()?;
    let mut depth = 1u32;
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset()?;
        let closes = matches!(operator, Operator::End | Operator::Else | Operator::Catch { .. } | Operator::CatchAll);
        depth -= u32::from(closes && depth > 0);
        lines.push(Instruction { offset: offset as u32, depth, text: text(&operator) });
        depth += u32::from(opens(&operator) || closes && !matches!(operator, Operator::End));
    }
    Ok(lines)
}

fn opens(operator: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(operator, Block { .. } | Loop { .. } | If { .. } | TryTable { .. } | Try { .. })
}

/// An operator with its immediates.
fn text(operator: &Operator<'_>) -> String {
    match operator {
        Operator::F32Const { value } => return format!("f32.const {:?}", f32::from_bits(value.bits())),
        Operator::F64Const { value } => return format!("f64.const {:?}", f64::from_bits(value.bits())),
        Operator::V128Const { value } => return format!("v128.const i128x1 {:#034x}", value.i128()),
        Operator::BrTable { targets } => {
            let mut line = "br_table".to_owned();
            for target in targets.targets().flatten().chain([targets.default()]) {
                let _ = write!(line, " {target}");
            }
            return line;
        }
        _ => {}
    }
    let described = format!("{operator:?}");
    let (name, rest) = described.split_once(' ').unwrap_or((&described, ""));
    let mut line = name_of(name);
    immediates(rest, &mut line);
    line
}

/// Families of instructions, whose names have a dot behind them.
const FAMILIES: [&str; 21] = [
    "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2", "local", "global",
    "table", "memory", "ref", "elem", "data", "struct", "array", "atomic",
];

/// `I32Load8S` as `i32.load8_s`.
fn name_of(camel: &str) -> String {
    let mut words = String::new();
    for (position, letter) in camel.chars().enumerate() {
        if letter.is_ascii_uppercase() && position > 0 {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    // Control instructions of references are no family: `ref_` begins none of them, `br_on_null` and the like stay as they are.
    if let Some((family, rest)) = words.split_once('_')
        && FAMILIES.contains(&family)
    {
        words = format!("{family}.{rest}");
    } else if let Some(rest) = words.strip_prefix("i31_").or(words.strip_prefix("ref_i31_")) {
        words = format!("i31.{rest}");
    }
    words = words.replace(".atomic_", ".atomic.");
    if let Some(start) = words.find(".rmw") {
        let rest = &words[start + 4..];
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if rest[digits..].starts_with('_') {
            words.replace_range(start + 4 + digits..start + 5 + digits, ".");
        }
    }
    words
}

/// The values of `{ name: value, … }`, one after the other; what stands within another's braces keeps its name.
fn immediates(fields: &str, line: &mut String) {
    let inner = fields.trim().trim_start_matches('{').trim_end_matches('}').trim();
    if inner.is_empty() {
        return;
    }
    if let Some(memarg) = inner.strip_prefix("memarg: MemArg {") {
        return memory_argument(memarg, line);
    }
    let mut depth = 0usize;
    let mut start = 0;
    let mut parts = Vec::new();
    for (position, letter) in inner.char_indices() {
        match letter {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&inner[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    for part in parts {
        let value = part.split_once(": ").map_or(part, |(_, value)| value).trim();
        if value != "Empty" {
            let _ = write!(line, " {value}");
        }
    }
}

/// `offset` and `align` as the text format has them, and the memory if it is not the first.
fn memory_argument(fields: &str, line: &mut String) {
    let (fields, lane) = fields.split_once('}').unwrap_or((fields, ""));
    let value = |name: &str| {
        let field = fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix(": "));
        field.and_then(|value| value.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    let (memory, offset, align) = (value("memory"), value("offset"), value("align"));
    if memory != 0 {
        let _ = write!(line, " {memory}");
    }
    if offset != 0 {
        let _ = write!(line, " offset={offset}");
    }
    if align != value("max_align") {
        let _ = write!(line, " align={}", 1u64.wrapping_shl(align as u32));
    }
    if let Some((_, lane)) = lane.split_once("lane: ") {
        let _ = write!(line, " {}", lane.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_text_format() {
        let names = [
            ("I32Load8S", "i32.load8_s"),
            ("I64AtomicRmw8AddU", "i64.atomic.rmw8.add_u"),
            ("I32AtomicRmwCmpxchg", "i32.atomic.rmw.cmpxchg"),
            ("MemoryAtomicWait32", "memory.atomic.wait32"),
            ("AtomicFence", "atomic.fence"),
            ("I16x8ExtendLowI8x16S", "i16x8.extend_low_i8x16_s"),
            ("CallIndirect", "call_indirect"),
            ("LocalGet", "local.get"),
            ("RefNull", "ref.null"),
            ("BrOnCastFail", "br_on_cast_fail"),
            ("TryTable", "try_table"),
            ("I32WrapI64", "i32.wrap_i64"),
        ];
        for (camel, text) in names {
            assert_eq!(name_of(camel), text);
        }
    }

    #[test]
    fn immediates_are_values() {
        let mut line = String::new();
        immediates("{ memarg: MemArg { align: 0, max_align: 2, offset: 16, memory: 0 } }", &mut line);
        immediates("{ type_index: 3, table_index: 0 }", &mut line);
        immediates("{ memarg: MemArg { align: 0, max_align: 0, offset: 0, memory: 1 }, lane: 7 }", &mut line);
        immediates("{ blockty: Type(I32) }", &mut line);
        assert_eq!(line, " offset=16 align=1 3 0 1 7 Type(I32)");
    }
}

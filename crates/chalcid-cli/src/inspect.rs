//! `chalcid inspect FILE.wasm`: what a module holds and needs, and what the compilers make of its functions.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use chalcid::inspect::{Function, MachineCode};
use chalcid::{Config, Engine, Feature, Features, Module, Tier};
use clap::{Parser, ValueEnum};
use iced_x86::{Decoder, DecoderOptions, FastFormatter};

/// Shows what a WebAssembly module holds: sections, types, imports, exports, functions and the proposals it needs.
#[derive(Parser)]
#[command(name = "chalcid inspect", bin_name = "chalcid inspect")]
struct Arguments {
    /// Show every function, not only the largest
    #[arg(short, long)]
    functions: bool,

    /// Show the instructions of a function, by its index or name, beside the machine code that is made of them
    #[arg(short, long, value_name = "FUNCTION")]
    disassemble: Option<String>,

    /// The compiler that makes the machine code
    #[arg(long, value_name = "TIER", value_enum, default_value = "optimizing", requires = "disassemble")]
    wasm_tier: WhichTier,

    /// The module
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
}

#[derive(ValueEnum, Clone, Copy)]
enum WhichTier {
    Baseline,
    Optimizing,
}

/// Functions that are shown if not all are wanted.
const LARGEST: usize = 20;

type Failure = Box<dyn std::error::Error>;

/// Runs the command; the first of the arguments is its name.
pub(crate) fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = Arguments::parse_from(arguments);
    let text = match inspect(&arguments) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("chalcid: {}: {error}", arguments.file.display());
            return ExitCode::FAILURE;
        }
    };
    // A reader that has seen enough closes the pipe.
    drop(std::io::stdout().lock().write_all(text.as_bytes()));
    ExitCode::SUCCESS
}

fn inspect(arguments: &Arguments) -> Result<String, Failure> {
    let bytes = fs::read(&arguments.file)?;
    let all: Features = "all".parse().unwrap_or_default();
    let engine = Engine::new(Config::new().features(all))?;
    let module = Module::new(&engine, bytes)?;
    match &arguments.disassemble {
        Some(wanted) => disassemble(&module, wanted, arguments.wasm_tier),
        None => Ok(overview(&module, arguments.functions)?),
    }
}

fn overview(module: &Module, all_functions: bool) -> Result<String, Failure> {
    let (bytes, engine) = (module.bytes(), module.engine());
    let mut out = String::new();
    let name = module.name().map(|name| format!(" \"{}\"", plain(name))).unwrap_or_default();
    writeln!(out, "{}{name}: {} bytes", module.url(), bytes.len())?;
    let needed: Vec<_> = needed(engine, bytes)?.iter().map(ToString::to_string).collect();
    writeln!(out, "needs: {}", if needed.is_empty() { "nothing but version 1".to_owned() } else { needed.join(", ") })?;

    writeln!(out, "\nsections\n    offset      bytes")?;
    for section in sections(bytes) {
        let Section { name, start, len } = section;
        writeln!(out, "{start:>#10x} {len:>10}  {}", plain(&name))?;
    }
    writeln!(out, "\ntypes")?;
    for (index, ty) in module.type_texts().enumerate() {
        writeln!(out, "{index:>6}  {ty}")?;
    }
    writeln!(out, "\nimports")?;
    for import in module.imports() {
        writeln!(out, "  \"{}\" \"{}\": {}", plain(import.module), plain(import.name), engine.describe(&import.ty))?;
    }
    writeln!(out, "\nexports")?;
    for export in module.exports() {
        writeln!(out, "  \"{}\": {}", plain(export.name), engine.describe(&export.ty))?;
    }
    let mut functions: Vec<_> = module.functions().filter(|function| function.body.is_some()).collect();
    let total: usize = functions.iter().map(size).sum();
    write!(out, "\n{} functions of {total} bytes", functions.len())?;
    if !all_functions && functions.len() > LARGEST {
        functions.sort_by_key(|function| std::cmp::Reverse(size(function)));
        functions.truncate(LARGEST);
        write!(out, ", the largest of them (--functions shows all)")?;
    }
    writeln!(out, "\n     index      bytes")?;
    for function in &functions {
        let name = function.name.map(|name| format!("{} ", plain(name))).unwrap_or_default();
        writeln!(out, "{:>10} {:>10}  {name}{}", function.index, size(function), function.signature())?;
    }
    Ok(out)
}

fn size(function: &Function<'_>) -> usize {
    function.body.as_ref().map_or(0, |body| body.len())
}

/// A name from the module in one line.
fn plain(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// The proposals without which the module is not valid.
fn needed(engine: &Engine, bytes: &[u8]) -> Result<Vec<Feature>, Failure> {
    let mut needed = Vec::new();
    for feature in engine.features().iter() {
        let without = Engine::new(Config::new().features(engine.features().without(feature)))?;
        if Module::validate(&without, bytes).is_err() {
            needed.push(feature);
        }
    }
    Ok(needed)
}

/// A section as the file has it.
struct Section {
    name: String,
    start: usize,
    len: usize,
}

/// The sections of a valid module.
fn sections(bytes: &[u8]) -> Vec<Section> {
    const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    let mut sections = Vec::new();
    let mut at = 8;
    while let Some(&id) = bytes.get(at) {
        let Some((len, start)) = number(bytes, at + 1) else { break };
        let mut name = NAMES.get(usize::from(id)).map_or_else(|| format!("section {id}"), ToString::to_string);
        if id == 0
            && let Some((length, from)) = number(bytes, start)
            && let Some(custom) = bytes.get(from..from.saturating_add(length))
        {
            name = format!("custom \"{}\"", String::from_utf8_lossy(custom));
        }
        sections.push(Section { name, start, len });
        at = start.saturating_add(len);
    }
    sections
}

/// An unsigned LEB128 number and where it ends.
fn number(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(at)?;
        value |= usize::from(byte & 0x7f) << shift;
        at += 1;
        if byte < 0x80 {
            return Some((value, at));
        }
    }
    None
}

/// Columns that the wasm side takes.
const LEFT: usize = 52;

fn disassemble(module: &Module, wanted: &str, tier: WhichTier) -> Result<String, Failure> {
    let function = module.functions().find(|function| {
        function.body.is_some() && (wanted.parse() == Ok(function.index) || function.name == Some(wanted))
    });
    let function = function.ok_or_else(|| format!("it defines no function {wanted}"))?;
    let tier = match tier {
        WhichTier::Baseline => Tier::Baseline,
        WhichTier::Optimizing => Tier::Optimizing,
    };
    let code = module.machine_code(function.index, tier)?;
    let mut machine = lines_of(&code);

    let mut out = String::new();
    let name = function.name.map(|name| format!(" {}", plain(name))).unwrap_or_default();
    writeln!(out, "function {}{name} {}", function.index, function.signature())?;
    let (wasm, native) = (size(&function), code.bytes.len());
    let by = match code.tier {
        Tier::Baseline => "baseline",
        Tier::Optimizing => "optimizing",
    };
    writeln!(out, "{wasm} bytes of wasm, {native} bytes of {} code by the {by} tier\n", std::env::consts::ARCH)?;
    let mut row = |left: &str, right: &mut dyn Iterator<Item = String>| {
        let first = right.next().unwrap_or_default();
        let _ = writeln!(out, "{}", format!("{left:<LEFT$} {first}").trim_end());
        for line in right {
            let _ = writeln!(out, "{:LEFT$} {line}", "");
        }
    };
    row("", &mut machine.remove(&None).unwrap_or_default().into_iter());
    for instruction in module.instructions(function.index)? {
        let indent = 2 * instruction.depth.min(12) as usize;
        let mut left = format!("{:>8x} {:indent$}{}", instruction.offset, "", instruction.text);
        if left.chars().count() >= LEFT {
            left = left.chars().take(LEFT - 1).chain(['…']).collect();
        }
        row(&left, &mut machine.remove(&Some(instruction.offset)).unwrap_or_default().into_iter());
    }
    // What comes from a place that is no instruction's: the beginning of the body.
    for (_, lines) in machine {
        row("", &mut lines.into_iter());
    }
    Ok(out)
}

/// Machine code as text, by the instruction that it comes from, in the order of addresses.
fn lines_of(code: &MachineCode) -> BTreeMap<Option<u32>, Vec<String>> {
    let mut lines: BTreeMap<Option<u32>, Vec<String>> = BTreeMap::new();
    if !cfg!(target_arch = "x86_64") {
        return lines;
    }
    let (mut formatter, mut text) = (FastFormatter::new(), String::new());
    for instruction in Decoder::with_ip(64, &code.bytes, 0, DecoderOptions::NONE) {
        let offset = instruction.ip() as u32;
        let next = code.sources.partition_point(|(start, _)| *start <= offset);
        let source = next.checked_sub(1).and_then(|index| code.sources[index].1);
        text.clear();
        formatter.format(&instruction, &mut text);
        let trap = code.traps.binary_search_by_key(&offset, |trap| trap.0);
        let trap = trap.map_or(String::new(), |index| format!("  ; traps: {}", code.traps[index].1));
        lines.entry(source).or_default().push(format!("{offset:>6x}  {text}{trap}"));
    }
    lines
}

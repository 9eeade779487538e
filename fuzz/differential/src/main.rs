//! Makes random programs for `run.mjs`, which any JavaScript engine with WebAssembly runs.
//!
//! ```text
//! programs make FIRST LAST FILE [SUBJECT]     programs of the seeds FIRST..LAST, in FILE.bin and FILE.json
//! programs operators FIRST LAST [SUBJECT]     how often each operator occurs in them, and which never does
//! programs one SEED [SUBJECT]                 one program, to standard output
//! ```
//!
//! A `SUBJECT` is what the programs are about and who can run them: see [`Subject`]. `FILE.bin` holds the modules one after another,
//! `FILE.json` one line for each: its seed, where it lies, and the types of its imports and exported functions.

#![forbid(unsafe_code)]

mod describe;
mod objects;
mod operators;
mod program;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

use program::Subject;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["make", first, last, file, subject @ ..] => make(first, last, file, subject),
        ["operators", first, last, subject @ ..] => operators(first, last, subject),
        ["one", seed, subject @ ..] => one(seed, subject),
        _ => {
            Err("usage: programs make FIRST LAST FILE [SUBJECT] | operators FIRST LAST [SUBJECT] | one SEED [SUBJECT]"
                .into())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn subject(args: &[&str]) -> Result<Subject, String> {
    match args {
        [] => Ok(Subject::Common),
        [name, ..] => Subject::named(name).ok_or_else(|| format!("unknown subject {name}")),
    }
}

fn make(first: &str, last: &str, file: &str, rest: &[&str]) -> Outcome {
    let subject = subject(rest)?;
    let mut modules = BufWriter::new(File::create(format!("{file}.bin"))?);
    let mut lines = BufWriter::new(File::create(format!("{file}.json"))?);
    let mut offset = 0;
    for seed in first.parse::<u64>()?..last.parse()? {
        let Some(program) = program::generate(seed, subject) else { continue };
        modules.write_all(&program)?;
        writeln!(lines, "{}", describe::line(seed, offset, &program)?)?;
        offset += program.len();
    }
    modules.flush()?;
    lines.flush()?;
    Ok(())
}

fn operators(first: &str, last: &str, rest: &[&str]) -> Outcome {
    let subject = subject(rest)?;
    let mut count = operators::Count::default();
    for seed in first.parse::<u64>()?..last.parse()? {
        if let Some(program) = program::generate(seed, subject) {
            count.add(&program)?;
        }
    }
    print!("{count}");
    Ok(())
}

fn one(seed: &str, rest: &[&str]) -> Outcome {
    let program = program::generate(seed.parse()?, subject(rest)?).ok_or("this seed gives no program")?;
    std::io::stdout().write_all(&program)?;
    Ok(())
}

//! Random programs on the command line.
//!
//! ```text
//! programs compare ONE OTHER FIRST..LAST SUBJECT [JUDGE]   by two engines, compared; the status is 1 if anything differs
//! programs run ENGINE FILE [SEED]                  what an engine of this program writes about a file, or what of it comes after a seed
//! programs make FIRST..LAST SUBJECT FILE           programs in FILE.bin, and what to do with them in FILE.json
//! programs one SEED SUBJECT                        one program, to standard output
//! programs operators FIRST..LAST SUBJECT           how often each operator occurs, and which never does
//! ```
//!
//! An engine is `wasmi`; Chalcid, as `baseline`, `optimizing`, `auto`, each perhaps with `+stress`, `+no-signals`, `+interruptible`, `+unoptimized`,
//! `+old-cpu`; or `js:COMMAND`, where the command runs a JavaScript file. Subjects: see the README.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use chalcid_differential::compare::{self, Comparison, Coverage, Runner};
use chalcid_differential::operators::Count;
use chalcid_differential::program::{self, Subject};
use chalcid_differential::{account, engine};

const USAGE: &str = "usage: programs compare ONE OTHER FIRST..LAST SUBJECT [JUDGE] | run ENGINE FILE [SEED] | make FIRST..LAST SUBJECT FILE | \
                     one SEED SUBJECT | operators FIRST..LAST SUBJECT";

/// Programs that a process of an engine runs.
const BATCH: u64 = 500;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["compare", one, other, range, name, judge @ ..] => compare(one, other, range, name, judge.first().copied()),
        ["run", engine, file, after @ ..] => run(engine, Path::new(file), after.first().copied()),
        ["make", range, name, file] => make(range, name, Path::new(file)),
        ["one", seed, name] => one(seed, name),
        ["operators", range, name] => seeds(range).and_then(|seeds| operators(seeds, subject(name)?)),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

type Outcome = Result<bool, Box<dyn Error>>;

fn seeds(range: &str) -> Result<Range<u64>, Box<dyn Error>> {
    let (first, last) = range.split_once("..").ok_or("a range of seeds is FIRST..LAST")?;
    Ok(first.parse()?..last.parse()?)
}

fn subject(name: &str) -> Result<Subject, String> {
    Subject::named(name).ok_or_else(|| format!("unknown subject {name}"))
}

fn compare(one: &str, other: &str, range: &str, name: &str, judge: Option<&str>) -> Outcome {
    let folder = std::env::temp_dir().join(format!("programs-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (one, other) = (Runner::named(one)?, Runner::named(other)?);
    let judge = judge.map(Runner::named).transpose()?;
    let comparison = Comparison { one, other, judge, subject: subject(name)?, folder };
    let (seeds, began, mut total) = (seeds(range)?, Instant::now(), Coverage::default());
    for first in seeds.clone().step_by(BATCH as usize) {
        total += comparison.run(first..(first + BATCH).min(seeds.end), &mut |text| println!("{text}"))?;
    }
    std::fs::remove_dir_all(&comparison.folder)?;
    println!("{total} in {:.0} s", began.elapsed().as_secs_f64());
    Ok(total.differences == 0)
}

fn make(range: &str, name: &str, file: &Path) -> Outcome {
    let subject = subject(name)?;
    compare::write(seeds(range)?, subject, subject.for_javascript(), file)?;
    Ok(true)
}

fn run(name: &str, file: &Path, after: Option<&str>) -> Outcome {
    let (mut engine, (modules, plans)) = (engine::named(name)?, compare::read(file)?);
    let after = after.map(str::parse::<u64>).transpose()?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for plan in plans.iter().filter(|plan| after.is_none_or(|after| plan.seed > after)) {
        writeln!(out, "program {}", plan.seed)?;
        out.flush()?;
        let program = modules.get(plan.offset..plan.offset + plan.length).ok_or("the file of modules is too short")?;
        for line in account::account(&mut *engine, program, plan) {
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    Ok(true)
}

fn one(seed: &str, name: &str) -> Outcome {
    let program = program::generate(seed.parse()?, subject(name)?).ok_or("this seed gives no program")?;
    std::io::stdout().write_all(&program)?;
    Ok(true)
}

fn operators(seeds: Range<u64>, subject: Subject) -> Outcome {
    let mut count = Count::default();
    for program in seeds.filter_map(|seed| program::generate(seed, subject)) {
        count.add(&program)?;
    }
    print!("{count}");
    Ok(true)
}

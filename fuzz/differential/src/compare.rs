//! The same programs by two engines, each of which is a process that writes its accounts to standard output.
//!
//! A process that crashes or hangs is a difference; the programs after it are given to another one.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::ops::{AddAssign, Range};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::lower;
use crate::plan::{self, Plan};
use crate::program::{self, Subject};

/// Why a comparison could not be made.
pub type Fault = Box<dyn Error>;

/// The longest that a program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A way to run programs.
#[derive(Clone, Debug)]
pub struct Runner {
    command: Vec<String>,
}

impl Runner {
    /// `js:COMMAND` for a JavaScript engine; anything else is an engine that this program runs itself, see [`crate::engine::named`].
    pub fn named(name: &str) -> Result<Self, String> {
        let command = match name.strip_prefix("js:") {
            Some(command) => {
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/run.mjs");
                command.split_whitespace().map(str::to_owned).chain([script.to_owned()]).collect()
            }
            None => {
                crate::engine::named(name)?;
                let program = std::env::current_exe().map_err(|error| error.to_string())?;
                vec![program.display().to_string(), "run".to_owned(), name.to_owned()]
            }
        };
        Ok(Self { command })
    }

    fn start(&self, file: &Path, after: Option<u64>) -> std::io::Result<Child> {
        let [program, args @ ..] = &self.command[..] else { return Err(std::io::ErrorKind::InvalidInput.into()) };
        let after = after.map(|seed| seed.to_string());
        Command::new(program)
            .args(args)
            .arg(file)
            .args(after)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }
}

/// What was compared.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// Programs that both engines have given an account of.
    pub programs: usize,
    /// Those that both instantiated.
    pub instances: usize,
    /// Calls that returned.
    pub returned: usize,
    /// Calls that trapped.
    pub trapped: usize,
    /// Calls that ended in an exception.
    pub threw: usize,
    /// Programs that could not be compared to their end.
    pub exhausted: usize,
    /// Programs about which the judge was with the one engine and against the other.
    pub theirs: usize,
    /// Programs that differ.
    pub differences: usize,
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { programs, instances, returned, trapped, threw, exhausted, theirs, differences } = self;
        write!(
            f,
            "{programs} programs, {instances} instances: {returned} calls returned, {trapped} trapped, {threw} threw, \
             {exhausted} programs ended early; {theirs} faults of the other, {differences} differences"
        )
    }
}

/// Two engines to compare, and a third that is asked, as JavaScript sees the program, where they differ.
pub struct Comparison {
    /// The engine that is looked at.
    pub one: Runner,
    /// The engine that it should agree with.
    pub other: Runner,
    /// An engine that shares nothing with either.
    pub judge: Option<Runner>,
    /// What the programs are about.
    pub subject: Subject,
    /// Where files are kept meanwhile.
    pub folder: PathBuf,
}

impl Comparison {
    /// Compares by the programs of some seeds; `tell` gets each difference.
    pub fn run(&self, seeds: Range<u64>, tell: &mut dyn FnMut(String)) -> Result<Coverage, Fault> {
        let subject = self.subject;
        let file = self.folder.join("programs");
        let plans = write(seeds, subject, subject.for_javascript(), &file)?;
        let (one, other) = (accounts(&self.one, &file, &plans)?, accounts(&self.other, &file, &plans)?);
        let mut coverage = Coverage::default();
        for plan in &plans {
            let (Some(left), Some(right)) = (one.get(&plan.seed), other.get(&plan.seed)) else {
                coverage.differences += 1;
                tell(format!("seed {} of {}: no account", plan.seed, subject.name()));
                continue;
            };
            coverage.add(left, right);
            let Some((left, right)) = difference(left, right) else { continue };
            if self.is_fault_of_the_other(plan.seed)? {
                coverage.theirs += 1;
                continue;
            }
            coverage.differences += 1;
            tell(format!("seed {} of {}: {left:.300}\n    other: {right:.300}", plan.seed, subject.name()));
        }
        Ok(coverage)
    }

    /// Whether the other engine gives the one's account of the same program in other words, or the judge agrees with the one and not with the other.
    fn is_fault_of_the_other(&self, seed: u64) -> Result<bool, Fault> {
        if self.judge.is_none() {
            return Ok(false);
        }
        let (file, lowered) = (self.folder.join("disputed"), self.folder.join("lowered"));
        for javascript in [self.subject.for_javascript(), true] {
            let plans = write(seed..seed + 1, self.subject, javascript, &file)?;
            let lowered_plans = write_with(seed..seed + 1, self.subject, javascript, &lowered, lower::lower)?;
            let [one, other] = [&self.one, &self.other].map(|engine| accounts(engine, &file, &plans));
            let (one, other) = (one?, other?);
            let witnesses = match (&self.judge, javascript) {
                (Some(judge), true) => vec![judge],
                _ => vec![&self.one, &self.other],
            };
            let mut agrees = true;
            for witness in witnesses {
                let found = accounts(witness, &lowered, &lowered_plans)?;
                agrees &= are_same(found.get(&seed), one.get(&seed));
            }
            if agrees && !are_same(one.get(&seed), other.get(&seed)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether there are two accounts, which do not differ.
fn are_same(left: Option<&Vec<String>>, right: Option<&Vec<String>>) -> bool {
    matches!((left, right), (Some(left), Some(right)) if difference(left, right).is_none())
}

/// Writes programs for engines: `FILE.bin` holds the modules one after another, `FILE.json` a line for each.
pub fn write(seeds: Range<u64>, subject: Subject, javascript: bool, file: &Path) -> Result<Vec<Plan>, Fault> {
    write_with(seeds, subject, javascript, file, |program| Some(program.to_vec()))
}

/// The same, with the programs rewritten so that the plans stay.
fn write_with(
    seeds: Range<u64>,
    subject: Subject,
    javascript: bool,
    file: &Path,
    rewrite: fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Vec<Plan>, Fault> {
    let mut modules = BufWriter::new(File::create(with(file, "bin"))?);
    let mut lines = BufWriter::new(File::create(with(file, "json"))?);
    let (mut offset, mut plans) = (0, Vec::new());
    for seed in seeds {
        let Some(program) = program::generate(seed, subject) else { continue };
        let Some(mut plan) = plan::plan(seed, offset, &program, javascript)? else { continue };
        let program = rewrite(&program).ok_or("a program that cannot be rewritten")?;
        plan.length = program.len();
        modules.write_all(&program)?;
        writeln!(lines, "{}", serde_json::to_string(&plan)?)?;
        offset += program.len();
        plans.push(plan);
    }
    modules.flush()?;
    lines.flush()?;
    Ok(plans)
}

/// The programs of a file, and their plans.
pub fn read(file: &Path) -> Result<(Vec<u8>, Vec<Plan>), Fault> {
    let mut modules = Vec::new();
    File::open(with(file, "bin"))?.read_to_end(&mut modules)?;
    let mut plans = Vec::new();
    for line in BufReader::new(File::open(with(file, "json"))?).lines() {
        plans.push(serde_json::from_str(&line?)?);
    }
    Ok((modules, plans))
}

fn with(file: &Path, extension: &str) -> PathBuf {
    file.with_extension(extension)
}

/// What an engine writes about each program, by seed. How its process failed is part of the account of the program at hand.
fn accounts(runner: &Runner, file: &Path, plans: &[Plan]) -> Result<HashMap<u64, Vec<String>>, Fault> {
    let mut found: HashMap<u64, Vec<String>> = HashMap::new();
    let mut after = None;
    loop {
        let mut child = runner.start(file, after)?;
        let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err("the engine has no output".into());
        };
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let lines = lines(stdout);
        let mut at = None;
        let in_time = loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => match line.strip_prefix("program ").and_then(|seed| seed.parse().ok()) {
                    Some(seed) => {
                        at = Some(seed);
                        found.insert(seed, Vec::new());
                    }
                    None => {
                        if let Some(account) = at.and_then(|seed| found.get_mut(&seed)) {
                            account.push(line);
                        }
                    }
                },
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => {
                    child.kill()?;
                    break false;
                }
            }
        };
        let status = child.wait()?;
        if status.success() {
            return Ok(found);
        }
        let errors = errors.join().unwrap_or_default();
        let how = if in_time { format!("the engine ended with {status}: {errors:.500}") } else { "hangs".to_owned() };
        let Some(seed) = at else { return Err(how.into()) };
        found.entry(seed).or_default().push(how);
        if plans.last().is_none_or(|plan| plan.seed == seed) {
            return Ok(found);
        }
        after = Some(seed);
    }
}

fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(10_000);
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The first place where two accounts differ.
pub fn difference<'a>(one: &'a [String], other: &'a [String]) -> Option<(&'a str, &'a str)> {
    let mut rest = (one.iter(), other.iter());
    loop {
        let (left, right) = (rest.0.next(), rest.1.next());
        let (left, right) = match (left, right) {
            (None, None) => return None,
            (left, right) => (left.map_or("(nothing)", String::as_str), right.map_or("(nothing)", String::as_str)),
        };
        if left == "exhausted" || right == "exhausted" {
            return None;
        }
        if !same(left, right) {
            return Some((left, right));
        }
    }
}

/// Whether two lines agree; detail after `; ` counts where both have it, what follows ` # ` never.
fn same(left: &str, right: &str) -> bool {
    let [left, right] = [left, right].map(|line| line.split_once(" # ").map_or(line, |(line, _)| line));
    let split = |line: &str| line.split_once("; ").map(|(line, detail)| (line.to_owned(), detail.to_owned()));
    left == right
        || match (split(left), split(right)) {
            (Some((line, _)), None) => line == right,
            (None, Some((line, _))) => left == line,
            _ => false,
        }
}

impl Coverage {
    fn add(&mut self, one: &[String], other: &[String]) {
        self.programs += 1;
        self.instances += usize::from(!one.first().is_some_and(|line| line.starts_with("not instantiated")));
        self.exhausted += usize::from(one.iter().chain(other).any(|line| line == "exhausted"));
        for line in one.iter().filter(|line| !line.starts_with(' ')) {
            if line.contains(") = ") {
                self.returned += 1;
            } else if line.contains("): trap") {
                self.trapped += 1;
            } else if line.contains("): an exception") || line.contains("): object") {
                self.threw += 1;
            }
        }
    }
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.programs += other.programs;
        self.instances += other.instances;
        self.returned += other.returned;
        self.trapped += other.trapped;
        self.threw += other.threw;
        self.exhausted += other.exhausted;
        self.theirs += other.theirs;
        self.differences += other.differences;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn accounts_agree_up_to_where_one_is_exhausted() {
        assert_eq!(difference(&lines("a|exhausted"), &lines("a|b|c")), None);
        assert_eq!(difference(&lines("a|b"), &lines("a|c")), Some(("b", "c")));
        assert_eq!(difference(&lines("a|b"), &lines("a")), Some(("b", "(nothing)")));
    }

    #[test]
    fn detail_counts_where_both_tell_it() {
        assert_eq!(difference(&lines("trap: memory; unaligned"), &lines("trap: memory")), None);
        assert!(difference(&lines("trap: memory; unaligned"), &lines("trap: memory; out of bounds")).is_some());
        assert!(difference(&lines("trap: memory; unaligned"), &lines("trap: table")).is_some());
    }
}

//! What running a script gives.

use std::fmt;
use std::ops::AddAssign;

/// The outcomes of a script's directives, in order.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The script, as its user called it.
    pub path: String,
    /// One outcome a directive.
    pub outcomes: Vec<Outcome>,
}

/// What became of one directive.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Line in the script, from 1.
    pub line: usize,
    /// Column in the line, from 1, in bytes.
    pub column: usize,
    /// The directive's keyword, for example `assert_return`.
    pub directive: &'static str,
    /// Nothing, or why it failed.
    pub result: Result<(), String>,
}

/// How many directives passed and failed, of one script or several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Those that did what was expected.
    pub passed: usize,
    /// Those that did not.
    pub failed: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Report {
    /// Whether every directive passed.
    pub fn passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The directives that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.result.is_err())
    }

    /// How many directives passed and failed.
    pub fn counts(&self) -> Counts {
        let failed = self.failures().count();
        Counts { passed: self.outcomes.len() - failed, failed }
    }
}

impl fmt::Display for Report {
    /// A line for every failure, `file:line:column: directive: reason`, and one with the counts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in self.failures() {
            if let Err(reason) = &outcome.result {
                writeln!(f, "{}:{}:{}: {}: {reason}", self.path, outcome.line, outcome.column, outcome.directive)?;
            }
        }
        let Counts { passed, failed } = self.counts();
        write!(f, "{}: {passed} passed, {failed} failed", self.path)
    }
}

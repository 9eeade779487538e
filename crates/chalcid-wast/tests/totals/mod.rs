//! How many directives of each suite passed and failed: the table that comes after the tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chalcid_wast::Counts;

/// Counts by suite and mode.
#[derive(Clone, Default)]
pub struct Totals(Arc<Mutex<BTreeMap<(String, &'static str), Total>>>);

/// The counts of one suite in one mode.
pub struct OfSuite {
    totals: Totals,
    suite: (String, &'static str),
}

#[derive(Clone, Copy, Default)]
struct Total {
    files: usize,
    passed: usize,
    failed: usize,
    /// Failed directives of files that are listed as failing.
    expected: usize,
}

impl Totals {
    /// Where the counts of a suite go.
    pub fn of(&self, suite: &str, mode: &'static str) -> OfSuite {
        OfSuite { totals: self.clone(), suite: (suite.to_owned(), mode) }
    }

    /// Prints a row for every suite that ran, and their sum.
    pub fn print(&self) {
        let totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if totals.is_empty() {
            return;
        }
        println!("{:<52} {:>5} {:>7} {:>7} {:>9}", "suite", "files", "passed", "failed", "expected");
        let mut sum = Total::default();
        for ((suite, mode), total) in &*totals {
            row(&format!("{suite}{mode}"), total);
            sum.files += total.files;
            sum.passed += total.passed;
            sum.failed += total.failed;
            sum.expected += total.expected;
        }
        row("all", &sum);
    }
}

fn row(name: &str, total: &Total) {
    println!("{name:<52} {:>5} {:>7} {:>7} {:>9}", total.files, total.passed, total.failed, total.expected);
}

impl OfSuite {
    /// Adds a file.
    pub fn add(&self, counts: Counts, expected_to_fail: bool) {
        let mut totals = self.totals.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total = totals.entry(self.suite.clone()).or_default();
        total.files += 1;
        total.passed += counts.passed;
        if expected_to_fail {
            total.expected += counts.failed;
        } else {
            total.failed += counts.failed;
        }
    }
}

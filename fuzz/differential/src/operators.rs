//! How often operators occur: a comparison proves nothing about an operator that is never made.

use std::collections::BTreeMap;
use std::fmt;

use wasmparser::{Operator, Parser, Payload};

/// Occurrences of each operator, and of each proposal's.
#[derive(Default)]
pub struct Count {
    operators: BTreeMap<&'static str, u64>,
    proposals: BTreeMap<&'static str, u64>,
}

macro_rules! names {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        fn name(operator: &Operator<'_>) -> Option<(&'static str, &'static str)> {
            match operator {
                $(Operator::$op { .. } => Some((stringify!($proposal), stringify!($op))),)*
                _ => None,
            }
        }

        /// Every operator that the library knows.
        const ALL: &[(&str, &str)] = &[$((stringify!($proposal), stringify!($op))),*];
    };
}

wasmparser::for_each_operator!(names);

/// Proposals that Chalcid does not have.
const ELSEWHERE: &[&str] =
    &["shared_everything_threads", "stack_switching", "acquire_release_atomics", "memory_control"];

/// Operators that no valid program has: `select` of several values.
const INVALID: &[&str] = &["TypedSelectMulti"];

impl Count {
    /// Counts the operators of a program.
    pub fn add(&mut self, program: &[u8]) -> Result<(), wasmparser::BinaryReaderError> {
        for payload in Parser::new(0).parse_all(program) {
            if let Payload::CodeSectionEntry(body) = payload? {
                for operator in body.get_operators_reader()? {
                    if let Some((proposal, name)) = name(&operator?) {
                        *self.operators.entry(name).or_default() += 1;
                        *self.proposals.entry(proposal).or_default() += 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// How many operators of a proposal there were.
    pub fn of(&self, proposal: &str) -> u64 {
        self.proposals.get(proposal).copied().unwrap_or_default()
    }

    /// Operators that have not occurred, each with its proposal, of the proposals that Chalcid has.
    pub fn missing(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let known = ALL.iter().filter(|(proposal, _)| !ELSEWHERE.contains(proposal));
        known
            .filter(|(_, name)| !self.operators.contains_key(name) && !INVALID.contains(name))
            .map(|(proposal, name)| (*name, *proposal))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (proposal, count) in &self.proposals {
            writeln!(f, "{count:12}  {proposal}")?;
        }
        for (name, count) in &self.operators {
            writeln!(f, "{count:12}    {name}")?;
        }
        for (name, proposal) in self.missing() {
            writeln!(f, "       never    {name} ({proposal})")?;
        }
        Ok(())
    }
}

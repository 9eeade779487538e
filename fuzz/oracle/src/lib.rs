//! Random programs, run by Chalcid and by another engine, which have to agree on everything that can be seen: the results of each exported
//! function or the trap it ends with, and after each call the contents of memories and globals.
//!
//! Programs come from wasm-smith, made so that they end and that no NaN's payload can be told; the other engine is wasmi, an interpreter
//! that shares nothing with Chalcid but the validating library.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

mod other;
mod ours;
mod program;

pub use other::Other;
pub use ours::Ours;
pub use program::{Random, generate};

/// A value that both engines can name. Of references only whether they are null.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// 32-bit float, by its bits.
    F32(u32),
    /// 64-bit float, by its bits.
    F64(u64),
    /// Vector.
    V128(u128),
    /// Function reference.
    FuncRef(Null),
    /// Reference to a value of the host.
    ExternRef(Null),
}

/// Whether a reference is null.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Null {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// How a call ended, or a step of instantiation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// With results.
    Returned(Vec<Value>),
    /// With a trap, by the words both engines can be brought to agree on.
    Trapped(&'static str),
    /// In a way that depends on the engine's resources, so that nothing after it can be compared.
    Exhausted,
}

/// What can be seen of an instance.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Visible {
    /// Contents of the exported memories, by name.
    pub memories: BTreeMap<String, Vec<u8>>,
    /// Values of the exported globals, by name.
    pub globals: BTreeMap<String, Value>,
}

/// An engine with one instance of one program.
pub trait Instance {
    /// Calls an exported function.
    fn call(&mut self, name: &str, args: &[Value]) -> Outcome;
    /// Exported functions and the zero or null values of their parameters, in the order of the module.
    fn functions(&self) -> Vec<(String, Vec<Value>)>;
    /// What can be seen now.
    fn visible(&mut self) -> Visible;
}

/// What a comparison covered.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// Programs that both engines instantiated.
    pub instances: usize,
    /// Calls that returned.
    pub returned: usize,
    /// Calls that trapped.
    pub trapped: usize,
}

/// Runs a program by both engines. The error says where they differ.
pub fn compare(
    engine: &chalcid::Engine,
    program: &[u8],
    random: &mut Random,
    coverage: &mut Coverage,
) -> Result<(), String> {
    let ours = Ours::instantiate(engine, program);
    let other = Other::instantiate(program);
    let (mut ours, mut other) = match (ours, other) {
        (Ok(ours), Ok(other)) => (ours, other),
        (Err(Outcome::Exhausted), _) | (_, Err(Outcome::Exhausted)) => return Ok(()),
        (Err(ours), Err(other)) if ours == other => return Ok(()),
        (ours, other) => return Err(format!("instantiation: {:?}, expected {:?}", ours.err(), other.err())),
    };
    coverage.instances += 1;
    agree("after instantiation", &ours.visible(), &other.visible())?;
    for (name, params) in ours.functions() {
        for _ in 0..2 {
            let args: Vec<_> = params.iter().map(|param| random.value(*param)).collect();
            let (found, expected) = (ours.call(&name, &args), other.call(&name, &args));
            match (&found, &expected) {
                (Outcome::Exhausted, _) | (_, Outcome::Exhausted) => return Ok(()),
                (Outcome::Returned(_), _) => coverage.returned += 1,
                (Outcome::Trapped(_), _) => coverage.trapped += 1,
            }
            if found != expected {
                return Err(format!("{name} {args:?}: {found:?}, expected {expected:?}"));
            }
            agree(&format!("after {name} {args:?}"), &ours.visible(), &other.visible())?;
        }
    }
    Ok(())
}

fn agree(when: &str, found: &Visible, expected: &Visible) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    for (found, expected) in found.globals.iter().zip(&expected.globals) {
        if found != expected {
            return Err(format!("{when}: global {found:?}, expected {expected:?}"));
        }
    }
    for ((name, found), (_, expected)) in found.memories.iter().zip(&expected.memories) {
        if found.len() != expected.len() {
            return Err(format!("{when}: memory {name} has {} bytes, expected {}", found.len(), expected.len()));
        }
        if let Some(at) = found.iter().zip(expected).position(|(found, expected)| found != expected) {
            return Err(format!("{when}: memory {name} at {at:#x}: {:#x}, expected {:#x}", found[at], expected[at]));
        }
    }
    Err(format!("{when}: other exports"))
}

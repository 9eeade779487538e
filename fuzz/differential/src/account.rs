//! The account of a program: what an engine writes down about it, a line a step. `run.mjs` writes the same.

use std::cell::RefCell;
use std::rc::Rc;

use crate::plan::{Call, Plan, Watch, Watched};

/// The lines written so far; imported functions write among them.
pub type Log = Rc<RefCell<Vec<String>>>;

/// How a step ended.
pub enum End {
    /// With these results.
    Returned(Vec<String>),
    /// In another way. What follows `; ` is detail that not every engine tells, what follows ` # ` is for people.
    Failed(String),
    /// In a way that depends on what the engine has left: nothing after it can be compared.
    Exhausted,
}

/// An engine that can run programs.
pub trait Engine {
    /// Instantiates a program.
    fn instantiate(&mut self, program: &[u8], plan: &Plan, log: &Log) -> Result<Box<dyn Instance>, End>;
}

/// An instance of a program.
pub trait Instance {
    /// Does a call.
    fn call(&mut self, call: &Call) -> End;
    /// Sets an exported global.
    fn set(&mut self, name: &str, value: i32);
    /// Writes bytes at the beginning of an exported memory, as far as there is room.
    fn fill(&mut self, name: &str, bytes: &[u8]);
    /// Tells what there is to see of an export now.
    fn look(&mut self, watch: &Watch) -> String;
}

/// What an engine writes about a program.
pub fn account(engine: &mut dyn Engine, program: &[u8], plan: &Plan) -> Vec<String> {
    let log = Log::default();
    write(engine, program, plan, &log);
    log.take()
}

fn write(engine: &mut dyn Engine, program: &[u8], plan: &Plan, log: &Log) {
    let say = |line: String| log.borrow_mut().push(line);
    let mut instance = match engine.instantiate(program, plan, log) {
        Ok(instance) => instance,
        Err(End::Exhausted) => return say("exhausted".to_owned()),
        Err(End::Failed(how)) => return say(format!("not instantiated: {how}")),
        Err(End::Returned(_)) => return,
    };
    let pattern: Vec<u8> = (0..PATTERN).map(pattern).collect();
    for watch in &plan.watch {
        if let Watched::Memory { .. } = watch.what {
            instance.fill(&watch.name, &pattern);
        }
    }
    let mut seen = vec![String::new(); plan.watch.len()];
    let mut look = |instance: &mut dyn Instance| {
        for (watch, seen) in plan.watch.iter().zip(&mut seen) {
            let sight = instance.look(watch);
            // Only what has changed.
            if *seen != sight {
                say(format!("  {}: {sight}", watch.name));
                *seen = sight;
            }
        }
    };
    look(&mut *instance);
    for call in &plan.calls {
        if let Some((name, fuel)) = &plan.fuel {
            instance.set(name, *fuel);
        }
        let what = format!("{}({})", call.name, call.args.join(", "));
        match instance.call(call) {
            End::Returned(results) => say(format!("{what} = {}", results.join(", "))),
            End::Failed(how) => say(format!("{what}: {how}")),
            End::Exhausted => return say("exhausted".to_owned()),
        }
        look(&mut *instance);
    }
}

/// Bytes of a memory that are not left to be zeros, as most would stay.
pub const PATTERN: u32 = 1 << 16;

/// The byte at an address of a fresh memory: every other group of 32 is zeros.
pub fn pattern(at: u32) -> u8 {
    if at & 32 == 0 { 0 } else { (at.wrapping_mul(0x9e37_79b1) >> 23) as u8 }
}

/// The sum over a memory's bytes, eight at a time.
pub fn sum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0, |sum: u64, bytes| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        (sum.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b5)
    })
}

/// A float as accounts show it.
pub fn f32(bits: u32) -> String {
    if f32::from_bits(bits).is_nan() { "nan".to_owned() } else { format!("{bits:x}") }
}

/// A float as accounts show it.
pub fn f64(bits: u64) -> String {
    if f64::from_bits(bits).is_nan() { "nan".to_owned() } else { format!("{bits:x}") }
}

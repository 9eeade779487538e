//! Copies and fills of a constant number of bytes, which small ones are done on the spot: they do what the running side does for others, overlapping
//! or not, and write nothing when they trap.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;

use chalcid::{Agent, Config, Engine, Error, Feature, Features, Instance, Memory, Module, TierPolicy, TrapCode, Val};

const LEN: usize = 65_536;
/// Lengths on both sides of what is done on the spot.
const LENGTHS: [usize; 22] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 100];

struct Setup {
    instance: Instance,
    memory: Memory,
    wide: bool,
    /// What the memory holds before each run.
    pattern: Vec<u8>,
}

fn setup(config: &Config, declaration: &str) -> Setup {
    let wide = declaration.starts_with("i64");
    let ty = if wide { "i64" } else { "i32" };
    let mut text = format!("(module (memory (export \"memory\") {declaration})\n");
    for len in LENGTHS {
        write!(
            text,
            "(func (export \"copy{len}\") (param {ty} {ty}) (memory.copy (local.get 0) (local.get 1) ({ty}.const {len})))
             (func (export \"fill{len}\") (param {ty} i32) (memory.fill (local.get 0) (local.get 1) ({ty}.const {len})))
             (func (export \"zero{len}\") (param {ty}) (memory.fill (local.get 0) (i32.const 0) ({ty}.const {len})))"
        )
        .unwrap();
    }
    text.push(')');
    let features = Feature::ALL.iter().fold(Features::default(), |features, &feature| features.with(feature));
    let agent = Agent::new(&Engine::new(config.clone().features(features)).unwrap());
    let module = Module::new(agent.engine(), wat::parse_str(&text).unwrap()).unwrap();
    let instance = Instance::new(&agent, &module, &[]).unwrap();
    let memory = instance.get_memory("memory").unwrap();
    let pattern = (0..LEN).map(|at| (at * 7 + at / 251) as u8).collect();
    Setup { instance, memory, wide, pattern }
}

impl Setup {
    fn address(&self, address: u64) -> Val {
        if self.wide { Val::I64(address as i64) } else { Val::I32(address as i32) }
    }

    /// Runs a function over a memory with a pattern, and compares with what `model` does to the bytes; `None` if it traps.
    fn check(&self, name: &str, args: &[Val], model: impl FnOnce(&mut Vec<u8>) -> Option<()>) {
        let mut bytes = self.pattern.clone();
        self.memory.write(0, &bytes).unwrap();
        let outcome = self.instance.get_func(name).unwrap().call(args, &mut []);
        match (outcome, model(&mut bytes)) {
            (Ok(()), Some(())) => {}
            (Err(Error::Trap(trap)), None) => assert_eq!(trap.code(), TrapCode::MemoryOutOfBounds),
            (outcome, model) => panic!("{name} {args:?}: {outcome:?}, expected {model:?}"),
        }
        assert!(self.memory.read_vec(0, LEN).unwrap() == bytes, "{name} {args:?} left other bytes");
    }
}

fn check(config: &Config, declaration: &str) {
    for tier in [TierPolicy::Baseline, TierPolicy::Optimizing] {
        check_tier(&config.clone().tier(tier), declaration);
    }
}

fn check_tier(config: &Config, declaration: &str) {
    let setup = setup(config, declaration);
    let largest = if setup.wide { u64::MAX } else { u32::MAX.into() };
    for len in LENGTHS {
        let end = (LEN - len) as u64;
        for (dst, src) in [
            (0, 100),
            (100, 101),
            (101, 100),
            (100, 100),
            (100, 107),
            (107, 100),
            (100, 116),
            (116, 100),
            (4090, 8190),
            (end, 0),
            (0, end),
            (end, end),
            (end + 1, 0),
            (0, end + 1),
            (end + 1, end + 1),
            (LEN as u64, 0),
            (0, LEN as u64),
            (largest, 0),
            (0, largest),
        ] {
            setup.check(&format!("copy{len}"), &[setup.address(dst), setup.address(src)], |bytes| {
                let within = |start: u64| start.checked_add(len as u64).is_some_and(|end| end <= LEN as u64);
                (within(dst) && within(src)).then(|| bytes.copy_within(src as usize..src as usize + len, dst as usize))
            });
        }
        for dst in [0, 1, 4095, end, end + 1, LEN as u64, largest] {
            for value in [0, 0x5a, 0x1ff, -1] {
                let model = |bytes: &mut Vec<u8>| {
                    let end = dst.checked_add(len as u64).filter(|&end| end <= LEN as u64)?;
                    bytes[dst as usize..end as usize].fill(value as u8);
                    Some(())
                };
                setup.check(&format!("fill{len}"), &[setup.address(dst), Val::I32(value)], model);
                if value == 0 {
                    setup.check(&format!("zero{len}"), &[setup.address(dst)], model);
                }
            }
        }
    }
}

#[test]
fn with_a_guard() {
    check(&Config::new(), "1");
    check(&Config::new(), "1 1 shared");
    check(&Config::new().optimize(false), "1");
}

#[test]
fn with_checks() {
    check(&Config::new(), "i64 1");
    check(&Config::new(), "65536 (pagesize 1)");
    check(&Config::new().signals(false), "1");
    check(&Config::new().signals(false).optimize(false), "i64 1");
}

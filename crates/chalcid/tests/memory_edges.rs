//! Accesses at the edges of memories: every memory instruction reaches the last byte and not one further, whichever way the address comes about,
//! with every kind of memory.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;

use chalcid::{Agent, Config, Engine, Error, Feature, Features, Instance, Module, TierPolicy, TrapCode, Val};

/// The compiler's list of operators, with their types.
const TABLE: &str = include_str!("../../chalcid-compiler/tests/operators.txt");

struct Access {
    operands: Vec<&'static str>,
    results: Vec<&'static str>,
    instruction: &'static str,
    size: u64,
}

impl Access {
    fn is_atomic(&self) -> bool {
        self.instruction.contains("atomic")
    }
}

fn accesses() -> Vec<Access> {
    let mut accesses = Vec::new();
    for line in TABLE.lines().filter(|line| line.starts_with("addr ")) {
        let (types, instructions) = line.split_once(": ").unwrap();
        let (operands, results) = types.split_once("->").unwrap();
        for instruction in instructions.split(", ") {
            // Waiting on a memory that is not shared traps otherwise, and would wait on others.
            if instruction.starts_with("memory.") {
                continue;
            }
            accesses.push(Access {
                operands: operands.split_whitespace().collect(),
                results: results.split_whitespace().collect(),
                instruction,
                size: size(instruction),
            });
        }
    }
    accesses
}

/// Bytes that an instruction accesses, from its name: the first number behind what it does, in bits, or the size of its type.
fn size(instruction: &str) -> u64 {
    let (ty, rest) = instruction.split_once('.').unwrap();
    let rest = rest.trim_start_matches("atomic.").trim_start_matches(|c: char| c.is_ascii_lowercase());
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    if rest.contains('x') && number.parse().is_ok_and(|lane: u64| rest.starts_with(&format!("{lane}x"))) {
        return 8;
    }
    match (number.parse::<u64>(), ty) {
        (Ok(bits), _) => bits / 8,
        (_, "i32" | "f32") => 4,
        (_, "v128") => 16,
        _ => 8,
    }
}

#[test]
fn sizes_are_read_from_names() {
    for (instruction, expected) in [
        ("i32.load", 4),
        ("i64.load16_s", 2),
        ("f64.store", 8),
        ("v128.load", 16),
        ("v128.load8x8_s", 8),
        ("v128.load32x2_u", 8),
        ("v128.load16_lane 7", 2),
        ("v128.store64_lane 1", 8),
        ("v128.load32_zero", 4),
        ("i32.atomic.rmw8.add_u", 1),
        ("i64.atomic.rmw.cmpxchg", 8),
        ("i64.atomic.store32", 4),
    ] {
        assert_eq!(size(instruction), expected, "{instruction}");
    }
}

/// A kind of memory.
struct Memory {
    declaration: &'static str,
    wide: bool,
    len: u64,
}

const MEMORIES: &[Memory] = &[
    Memory { declaration: "1", wide: false, len: 65_536 },
    Memory { declaration: "1 2 shared", wide: false, len: 65_536 },
    Memory { declaration: "0", wide: false, len: 0 },
    Memory { declaration: "i64 1", wide: true, len: 65_536 },
    Memory { declaration: "i64 1 2 shared", wide: true, len: 65_536 },
    Memory { declaration: "i64 0", wide: true, len: 0 },
    Memory { declaration: "1000 (pagesize 1)", wide: false, len: 1000 },
];

/// Constant offsets of the instructions.
fn offsets(memory: &Memory) -> Vec<u64> {
    let mut offsets = vec![0, 1, 8, 4080, 4096, 65_528, 0x7fff_fff0, 0x8000_0000, 0xffff_ffff];
    if memory.wide {
        offsets.extend([1 << 32, 1 << 63, u64::MAX - 7, u64::MAX]);
    }
    offsets
}

/// Addresses that are told apart by whether the access is within the memory, and whether a sum overflows.
fn addresses(access: &Access, memory: &Memory, offset: u64) -> Vec<u64> {
    let last = memory.len.wrapping_sub(access.size);
    let largest = if memory.wide { u64::MAX } else { u32::MAX.into() };
    let mut addresses = vec![0, largest, 1 << 31, memory.len, 0_u64.wrapping_sub(offset)];
    for step in [0, 1, access.size, access.size - 1] {
        addresses.push(last.wrapping_sub(offset).wrapping_add(step));
        addresses.push(last.wrapping_add(step));
    }
    addresses.iter_mut().for_each(|address| *address &= largest);
    addresses
}

/// What the specification says of an access.
fn expected(access: &Access, memory: &Memory, address: u64, offset: u64) -> Option<TrapCode> {
    let effective = u128::from(address) + u128::from(offset);
    if access.is_atomic() && effective % u128::from(access.size) != 0 {
        return Some(TrapCode::UnalignedAtomic);
    }
    (effective + u128::from(access.size) > u128::from(memory.len)).then_some(TrapCode::MemoryOutOfBounds)
}

fn agent(config: &Config) -> Agent {
    let features = Feature::ALL.iter().fold(Features::default(), |features, &feature| features.with(feature));
    Agent::new(&Engine::new(config.clone().features(features)).unwrap())
}

fn instantiate(agent: &Agent, text: &str) -> Instance {
    let wasm = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    Instance::new(agent, &Module::new(agent.engine(), wasm).unwrap(), &[]).unwrap()
}

fn outcome(result: Result<(), Error>) -> Option<TrapCode> {
    match result {
        Ok(()) => None,
        Err(Error::Trap(trap)) => Some(trap.code()),
        Err(error) => panic!("{error}"),
    }
}

fn check_edges(config: &Config) {
    for tier in [TierPolicy::Baseline, TierPolicy::Optimizing] {
        check_edges_of(&config.clone().tier(tier));
    }
}

fn check_edges_of(config: &Config) {
    let accesses = accesses();
    assert!(accesses.len() > 100);
    for memory in MEMORIES {
        let address_type = if memory.wide { "i64" } else { "i32" };
        let offsets = offsets(memory);
        let mut text = format!("(module (memory {})\n", memory.declaration);
        for (number, access) in accesses.iter().enumerate() {
            for (position, offset) in offsets.iter().enumerate() {
                let mut words = access.instruction.split(' ');
                write!(
                    text,
                    "(func (export \"{number}_{position}\") (param {address_type}) (result {})",
                    access.results.join(" ")
                )
                .unwrap();
                text.push_str(" local.get 0");
                for ty in &access.operands[1..] {
                    text.push_str(match *ty {
                        "v128" => " v128.const i64x2 0 0",
                        "i32" => " i32.const 0",
                        "i64" => " i64.const 0",
                        "f32" => " f32.const 0",
                        _ => " f64.const 0",
                    });
                }
                writeln!(text, " {} offset={offset} {})", words.next().unwrap(), words.collect::<Vec<_>>().join(" "))
                    .unwrap();
            }
        }
        text.push(')');
        let instance = instantiate(&agent(config), &text);
        for (number, access) in accesses.iter().enumerate() {
            for (position, &offset) in offsets.iter().enumerate() {
                let func = instance.get_func(&format!("{number}_{position}")).unwrap();
                let mut results = vec![Val::I32(0); access.results.len()];
                for address in addresses(access, memory, offset) {
                    let argument = if memory.wide { Val::I64(address as i64) } else { Val::I32(address as i32) };
                    assert_eq!(
                        outcome(func.call(&[argument], &mut results)),
                        expected(access, memory, address, offset),
                        "{} offset={offset:#x} at {address:#x} of memory {}",
                        access.instruction,
                        memory.declaration,
                    );
                }
            }
        }
    }
}

#[test]
fn accesses_end_where_the_memory_does() {
    check_edges(&Config::new());
}

#[test]
fn accesses_end_where_the_memory_does_without_signals() {
    check_edges(&Config::new().signals(false));
}

#[test]
fn accesses_end_where_the_memory_does_unoptimised() {
    check_edges(&Config::new().optimize(false));
}

/// How an address is computed: in text, and in Rust, from two numbers.
type Address = (&'static str, fn(u32, u64) -> u32);

/// Addresses whose computation must wrap at 32 bits before anything is added: an addressing mode of the CPU would not.
const COMPUTED: &[Address] = &[
    ("(i32.shl (local.get 0) (i32.const 1))", |x, _| x << 1),
    ("(i32.shl (local.get 0) (i32.const 2))", |x, _| x << 2),
    ("(i32.shl (local.get 0) (i32.const 3))", |x, _| x << 3),
    ("(i32.add (local.get 0) (i32.const 16))", |x, _| x.wrapping_add(16)),
    ("(i32.sub (local.get 0) (i32.const 16))", |x, _| x.wrapping_sub(16)),
    ("(i32.add (local.get 0) (local.get 0))", |x, _| x.wrapping_add(x)),
    ("(i32.add (i32.shl (local.get 0) (i32.const 3)) (local.get 0))", |x, _| (x << 3).wrapping_add(x)),
    ("(i32.mul (local.get 0) (i32.const 9))", |x, _| x.wrapping_mul(9)),
    ("(i32.wrap_i64 (local.get 1))", |_, y| y as u32),
    ("(i32.wrap_i64 (i64.shl (local.get 1) (i64.const 3)))", |_, y| (y << 3) as u32),
    ("(i32.add (i32.wrap_i64 (local.get 1)) (local.get 0))", |x, y| (y as u32).wrapping_add(x)),
    ("(i32.extend8_s (local.get 0))", |x, _| x as i8 as u32),
    ("(i32.shr_s (local.get 0) (i32.const 4))", |x, _| ((x as i32) >> 4) as u32),
    ("(i32.and (local.get 0) (i32.const -8))", |x, _| x & !7),
    ("(i32.wrap_i64 (i64.extend_i32_s (local.get 0)))", |x, _| x),
    ("(select (local.get 0) (i32.wrap_i64 (local.get 1)) (i32.wrap_i64 (local.get 1)))", |x, y| {
        if y as u32 != 0 { x } else { 0 }
    }),
    ("(i32.load8_u (i32.and (local.get 0) (i32.const 0xffff)))", |x, _| u32::from(pattern(x & 0xffff))),
];

/// What the memory holds at an address.
fn pattern(address: u32) -> u8 {
    (address ^ (address >> 8)).wrapping_mul(151) as u8
}

fn check_computed(config: &Config) {
    for tier in [TierPolicy::Baseline, TierPolicy::Optimizing] {
        check_computed_of(&config.clone().tier(tier));
    }
}

fn check_computed_of(config: &Config) {
    const OFFSETS: [u32; 4] = [0, 16, 0x7fff_ffff, 0xffff_fff0];
    const LEN: u32 = 65_536;
    let mut text = String::from("(module (memory (export \"memory\") 1)\n");
    for (number, (address, _)) in COMPUTED.iter().enumerate() {
        for offset in OFFSETS {
            writeln!(
                text,
                "(func (export \"{number}_{offset}\") (param i32 i64) (result i32) (i32.load8_u offset={offset} {address}))"
            )
            .unwrap();
        }
    }
    text.push(')');
    let instance = instantiate(&agent(config), &text);
    let bytes: Vec<u8> = (0..LEN).map(pattern).collect();
    instance.get_memory("memory").unwrap().write(0, &bytes).unwrap();

    let edges = [0, 1, 8, 15, 16, 0x1fff, 0x2000, 0xfff0, 0xffff, 0x1_0000, 0x1000_0000, 0x2000_0000];
    let mut xs: Vec<u32> = edges.iter().flat_map(|&edge| [edge, 0_u32.wrapping_sub(edge), edge | 1 << 31]).collect();
    xs.extend([0x1fff_ffff, 0x2000_1fff, 0x4000_0001, 0x7fff_ffff, 0x1c71_c71d]);
    for (number, (address, compute)) in COMPUTED.iter().enumerate() {
        for offset in OFFSETS {
            let func = instance.get_func(&format!("{number}_{offset}")).unwrap();
            for &x in &xs {
                for y in [u64::from(x), u64::from(x) | 0xdead_beef_0000_0000, 0, 1 << 32] {
                    let mut results = [Val::I32(0)];
                    let found = func.call(&[Val::I32(x as i32), Val::I64(y as i64)], &mut results);
                    let at = u64::from(compute(x, y)) + u64::from(offset);
                    let what = format!("{address} offset={offset:#x} with {x:#x} {y:#x}");
                    if at < u64::from(LEN) {
                        assert_eq!(outcome(found), None, "{what}");
                        assert_eq!(results[0].i32(), Some(pattern(at as u32).into()), "{what}");
                    } else {
                        assert_eq!(outcome(found), Some(TrapCode::MemoryOutOfBounds), "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn computed_addresses_wrap_before_offsets_are_added() {
    check_computed(&Config::new());
    check_computed(&Config::new().signals(false));
    check_computed(&Config::new().optimize(false));
}

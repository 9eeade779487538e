//! Damaged copies of valid bodies and modules.

use super::*;

/// A generator of numbers that is the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Damages a few bytes, most often such that an instruction becomes another.
    fn damage(&mut self, bytes: &mut Vec<u8>, from: usize) {
        const LIKELY: [u8; 48] = [
            0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x1a, 0x1b, 0x1c, 0x20,
            0x21, 0x22, 0x23, 0x24, 0x25, 0x28, 0x29, 0x36, 0x37, 0x3f, 0x40, 0x41, 0x42, 0x45, 0x6a, 0x7c, 0x7b, 0x7d,
            0x7e, 0x7f, 0x92, 0xa0, 0xa7, 0xac, 0xd0, 0xd1, 0xd2, 0xfc, 0xfd, 0xfe,
        ];
        for _ in 0..=self.below(3) {
            if bytes.len() <= from {
                return;
            }
            let at = from + self.below(bytes.len() - from);
            match self.below(8) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 | 2 => bytes[at] = self.pick(&LIKELY),
                3 => bytes[at] = bytes[at].wrapping_add(1),
                4 => drop(bytes.remove(at)),
                5 => bytes.insert(at, self.pick(&LIKELY)),
                // A piece from elsewhere.
                6 => {
                    let (start, len) = (from + self.below(bytes.len() - from), 1 + self.below(8));
                    let piece = bytes[start..(start + len).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => bytes[at] = self.next() as u8,
            }
        }
    }
}

#[test]
fn damaged_bodies() {
    let mut random = Random(0x5eed_0001);
    let features = feature_sets()[3];
    let (mut mutants, mut accepted) = (0, 0);
    for module in suite().iter().chain(&generated()) {
        let Ok(decoded) = decode(module, &features) else { continue };
        let Some(mut judges) = Judges::new(&decoded) else { continue };
        let bodies = decoded.declarations.bodies.len();
        for _ in 0..bodies.min(24) {
            let position = random.below(bodies);
            let func = decoded.declarations.func_index(DefinedFuncIdx::new(position));
            let body = &decoded.declarations.bodies.all(module)[position];
            let body = &module[body.start as usize..body.end as usize];
            if body.len() > 20_000 || !judges.quick(func, body) {
                continue;
            }
            for _ in 0..8 {
                let mut mutant = body.to_vec();
                random.damage(&mut mutant, 0);
                mutants += 1;
                accepted += usize::from(judges.agree(func, &mutant));
            }
        }
    }
    println!("{mutants} damaged bodies, {accepted} of them still accepted");
    assert!(mutants > 50_000 && accepted > 2_000, "{mutants} {accepted}");
}

#[test]
fn damaged_modules() {
    let mut random = Random(0x5eed_0002);
    let features = feature_sets()[3];
    let flags = features.to_wasmparser();
    let mut accepted = 0;
    for module in suite().iter().chain(&generated()).filter(|module| (9..5_000).contains(&module.len())) {
        for _ in 0..6 {
            let mut mutant = module.clone();
            random.damage(&mut mutant, 8);
            if crate::decode_and_validate(&mutant, &features, None).is_ok() {
                accepted += 1;
                if let Err(error) = Validator::new_with_features(flags).validate_all(&mutant) {
                    panic!("accepted, but {error}: {mutant:02x?}");
                }
            }
        }
    }
    assert!(accepted > 1_000, "{accepted}");
}

/// Modules with long bodies of many kinds of instructions, grown by appending valid pieces.
fn generated() -> Vec<Vec<u8>> {
    const PIECES: [&str; 24] = [
        "(local.set 0 (i32.add (local.get 0) (i32.const 7)))",
        "(local.set 1 (i64.mul (local.get 1) (i64.const -99999999999)))",
        "(block (br_if 0 (local.get 0)) (local.set 2 (f32.const 1)))",
        "(loop (br_if 0 (i32.eqz (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))",
        "(if (i64.eqz (local.get 1)) (then nop) (else (local.set 0 (i32.const 5))))",
        "(local.set 0 (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 2))))",
        "(block (block (block (br_table 0 1 2 0 (local.get 0)))))",
        "(drop (block (result i64) (br_table 0 0 0 (local.get 1) (local.get 0))))",
        "(drop (call $pair (local.get 0) (local.get 1)))",
        "(drop (call_indirect (type $pair) (local.get 0) (local.get 1) (i32.const 0)))",
        "(i32.store offset=200000 (local.get 0) (i32.load8_u (local.get 0)))",
        "(f64.store $wide offset=8589934592 (local.get 1) (f64.const 2))",
        "(local.set 3 (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (local.get 3) (i32x4.splat (local.get 0))))",
        "(drop (f32x4.extract_lane 3 (v128.load offset=16 (local.get 0))))",
        "(global.set 0 (i64.add (global.get 0) (i64.extend_i32_u (local.get 0))))",
        "(memory.copy (local.get 0) (i32.const 0) (i32.const 5)) (memory.fill $wide (local.get 1) (i32.const 0) (i64.const 9))",
        "(drop (i32.atomic.rmw.add (local.get 0) (i32.const 1)))",
        "(local.set 0 (select (local.get 0) (i32.const 4) (i32.trunc_sat_f32_s (local.get 2))))",
        "(table.set 0 (local.get 0) (ref.func $pair)) (drop (ref.is_null (table.get 0 (i32.const 0))))",
        "(local.set 2 (call_ref $pair (local.get 0) (local.get 1) (ref.func $pair)))",
        "(block (result i32 i64) (i32.const 1) (i64.const 2)) (local.set 1) (local.set 0)",
        "(i32.const 1) (i64.const 2) (loop (param i32 i64) (result f32) (call $pair)) (local.set 2)",
        "(block (return) (drop (i32.add (unreachable))) (br 0) (drop))",
        "(drop (ref.as_non_null (select (result funcref) (ref.null func) (ref.func $pair) (local.get 0))))",
    ];
    let mut random = Random(0x5eed_0003);
    let module = |random: &mut Random| {
        let functions: String = (0..1 + random.below(12))
            .map(|_| {
                let pieces: String = (0..1 + random.below(40)).map(|_| random.pick(&PIECES)).collect();
                format!("(func (local i32 i64 f32 v128) {pieces})")
            })
            .collect();
        let text = format!(
            "(module (type $pair (func (param i32 i64) (result f32))) (memory 1) (memory $wide i64 1) (table 3 funcref)
                     (global (mut i64) (i64.const 0)) (elem declare func $pair)
                     (func $pair (type $pair) (f32.convert_i64_u (local.get 1)))
                     {functions} (data (i32.const 3) \"data\") (data \"more\"))"
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    };
    (0..500).map(|_| module(&mut random)).collect()
}

//! Bodies that nobody validated break the compiler's assumptions; its boundary holds nevertheless. A process of its own, since it
//! silences the panics on their way there.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod common;

use chalcid_compiler::{Compiler, Settings, Tier};
use chalcid_module::index::DefinedFuncIdx;
use common::Module;

#[test]
fn broken_bodies_are_errors() {
    let module = Module::text(
        r#"(module (memory 1) (table 1 funcref) (global (mut i32) (i32.const 0)) (type $t (func (param i32) (result i32)))
            (func (param i32 i64 f32) (result i32) (local externref)
              (block $b (result i32)
                (loop $l (br_if $l (i32.load (local.get 0))))
                (block $c (br_table $c $c (local.get 0)))
                (i32.const 7))
              (call_indirect (type $t) (global.get 0))
              (select (i32.const 3) (i32.wrap_i64 (local.get 1)) (i32.trunc_sat_f32_s (local.get 2)))
              (drop)))"#,
    );
    let range = &module.declarations.bodies.all(&module.bytes)[0];
    let body = &module.bytes[range.start as usize..range.end as usize];
    let compiler = Compiler::new(Settings { verify: true, ..Settings::default() }).unwrap();
    std::panic::set_hook(Box::new(|_| {}));
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let (mut compiled, mut failed) = (0, 0);
    for _ in 0..3000 {
        let mut broken = body.to_vec();
        for _ in 0..=random % 3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = (random >> 8) as usize % broken.len();
            broken[at] = random as u8;
        }
        // A huge number of locals is valid in itself, and validation's to refuse.
        let outcome = compiler.compile_function(
            Tier::Optimizing,
            &module.declarations,
            &module.layout,
            DefinedFuncIdx(0),
            &broken,
            range.start as usize,
        );
        match outcome {
            Ok(_) => compiled += 1,
            Err(_) => failed += 1,
        }
    }
    let _ = std::panic::take_hook();
    assert!(compiled > 0 && failed > 0, "{compiled} compiled, {failed} failed");
}

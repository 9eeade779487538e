//! What the system has given is given back: mappings and resident memory stay flat however many instances come and go.
//!
//! One test in a process of its own: other tests make mappings, too.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use chalcid_quickjs::Options;
use chalcid_quickjs::chalcid::{Config, Engine, Feature, Features};
use chalcid_quickjs::rquickjs::{Context, Runtime};
use common::{add_helpers, run_in};

const SETUP: &str = r#"
    globalThis.module = new WebAssembly.Module(wat(`(module
        (import "" "f" (func $f (param i32) (result i32)))
        (memory (export "memory") 1)
        (table (export "table") 4 externref)
        (func (export "g") (param i32) (result i32) (call $f (local.get 0))))`));
"#;

/// Each the body of a function; what it makes is garbage when it returns.
const ROUNDS: [&str; 4] = [
    "const { exports } = new WebAssembly.Instance(module, { '': { f: (x) => x } }); exports.g(1); new Uint8Array(exports.memory.buffer)[0] = 1;",
    "const instance = new WebAssembly.Instance(module, { '': { f: () => instance } }); instance.exports.g(1); instance.exports.table.set(0, instance);",
    "const memory = new WebAssembly.Memory({ initial: 1, maximum: 3 }); const old = memory.buffer; memory.grow(1);
     const buffer = memory.toResizableBuffer(); buffer.resize(3 * 65536); new Uint8Array(buffer).fill(1); buffer.memory = memory;",
    "const memory = new WebAssembly.Memory({ initial: 1, maximum: 3, shared: true }); const fixed = memory.buffer; memory.grow(1);
     const growable = memory.toResizableBuffer(); growable.grow(3 * 65536); new Uint8Array(growable).fill(1);",
];

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

fn resident_pages() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn mappings_and_resident_memory_stay_flat() {
    let rounds: usize = std::env::var("CHALCID_LIFETIMES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let engine = Engine::new(Config::new().features(Features::default().with(Feature::Threads))).unwrap();
    for round in ROUNDS {
        let runtime = Runtime::new().unwrap();
        let context = Context::full(&runtime).unwrap();
        context.with(|ctx| {
            let options = Options { engine: Some(engine.clone()), ..Options::default() };
            chalcid_quickjs::init_with(&ctx, options).unwrap();
            add_helpers(&ctx);
            run_in(&ctx, SETUP);
            run_in(
                &ctx,
                &format!("globalThis.rounds = (n) => {{ while (n-- > 0) {{ {round} }} gc(); }}; rounds({rounds})"),
            );
            let before = (mappings(), resident_pages());
            run_in(&ctx, &format!("rounds({rounds})"));
            let after = (mappings(), resident_pages());
            assert!(after.0 <= before.0 + 8, "{round}\n{} mappings became {}", before.0, after.0);
            assert!(after.1 <= before.1 + 1024, "{round}\n{} resident pages became {}", before.1, after.1);
        });
    }
}

//! Objects that are gone do not make the process grow. Alone in its process, since it looks at the process's memory.

#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

use chalcid::{Agent, ArrayRef, Config, Engine, Features, Instance, Module, StructRef, Val};

/// Bytes of memory that the process has.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn a_gigabyte_of_short_lived_objects_leaves_the_process_small() {
    let wasm = wat::parse_str(
        "(module
            (type $bytes (array (mut i8)))
            (type $pair (struct (field (mut anyref) (mut i32))))
            (global (export \"bytes\") (ref $bytes) (array.new_default $bytes (i32.const 0)))
            (global (export \"pair\") (ref $pair) (struct.new_default $pair)))",
    )
    .unwrap();
    let engine = Engine::new(Config::new().features(Features::WASM3)).unwrap();
    let agent = Agent::new(&engine);
    let instance = Instance::new(&agent, &Module::new(&engine, wasm).unwrap(), &[]).unwrap();
    let ty = |name| instance.get_global(name).unwrap().get().any().unwrap().ty().unwrap();
    let (bytes, pair) = (ty("bytes"), ty("pair"));

    // What lives meanwhile: a list of 20,000 pairs.
    let mut list = StructRef::new_default(&agent, pair).unwrap();
    for i in 0..20_000 {
        list = StructRef::new(&agent, pair, &[list.into(), Val::I32(i)]).unwrap();
    }
    let before = resident();
    let mut most = before;
    let mut allocated = 0u64;
    for i in 0..40_000u32 {
        // From 12 bytes to 16 KiB in the blocks, and every tenth a large one.
        let len = if i % 10 == 0 { 100_000 + i } else { i.wrapping_mul(2_654_435_761) >> 18 };
        drop(ArrayRef::new_default(&agent, bytes, len).unwrap());
        allocated += u64::from(len);
        if i % 500 == 0 {
            most = most.max(resident());
        }
    }
    assert!(allocated > 700 << 20, "{allocated}");
    // A gigabyte at once, and gone.
    let gigabyte = ArrayRef::new(&agent, bytes, Val::I32(1), (1 << 30) - 1000).unwrap();
    assert!(resident() > 1 << 30);
    drop(gigabyte);
    agent.collect_garbage();
    most = most.max(resident());
    assert!(most - before < 24 << 20, "grew by {} KiB", (most - before) >> 10);
    assert_eq!(list.field(1).unwrap().i32(), Some(19_999));
    drop(list);
}

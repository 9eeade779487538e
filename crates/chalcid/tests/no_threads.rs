//! Where the system refuses threads, everything is done by those that there are: validating, compiling, optimising, saving.
//!
//! One test in a process of its own: it takes the process's address space away.

#![allow(clippy::unwrap_used)]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use chalcid::{Agent, CodeCache, Config, Engine, Instance, Module, ModuleBuilder, TierPolicy, Val};

/// Less than a thread's stack.
const LEFT: u64 = 6 << 20;

/// Bytes of address space that the process has.
fn used() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096
}

fn call(instance: &Instance, argument: i32) -> Option<i32> {
    let mut results = [Val::I32(0)];
    instance.get_func("f").unwrap().call(&[Val::I32(argument)], &mut results).unwrap();
    results[0].i32()
}

#[test]
fn without_threads_the_same_happens_here() {
    let folder = std::env::temp_dir().join(format!("chalcid-no-threads-{}", std::process::id()));
    let config = || Config::new().tier(TierPolicy::Auto).hot_after(1);
    let wat = r#"(module (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 6))))"#;
    let wasm = wat::parse_str(wat).unwrap();
    // What a process has once: memory for code, a stack to compile on.
    let before = Engine::new(config().tier(TierPolicy::Optimizing)).unwrap();
    let module = Module::new(&before, wasm.clone()).unwrap();
    let instance = Instance::new(&Agent::new(&before), &module, &[]).unwrap();
    assert_eq!(call(&instance, 7), Some(42));

    let limit = Some(used() + LEFT);
    rustix::process::setrlimit(
        rustix::process::Resource::As,
        rustix::process::Rlimit { current: limit, maximum: limit },
    )
    .unwrap();
    assert!(std::thread::Builder::new().stack_size(8 << 20).spawn(|| ()).is_err());

    let engine = Engine::new(config().code_cache(CodeCache::new(&folder).worth_saving(1))).unwrap();
    // In pieces, which are decoded and validated as they come.
    let builder = ModuleBuilder::new(&engine);
    wasm.chunks(10).for_each(|piece| builder.push(piece));
    let module = builder.finish().unwrap();
    let instance = Instance::new(&Agent::new(&engine), &module, &[]).unwrap();
    for argument in 0..20 {
        assert_eq!(call(&instance, argument), Some(6 * argument));
    }
    let stats = engine.stats();
    assert_eq!((stats.baseline.functions, stats.optimizing.functions, stats.tier_ups), (1, 1, 1));
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let sets = done.clone();
    engine.spawn(move || sets.store(true, std::sync::atomic::Ordering::Relaxed));
    assert!(done.load(std::sync::atomic::Ordering::Relaxed));
    // The module goes, and is saved in what would be the background.
    drop((instance, module));
    engine.save_code();
    assert_eq!(engine.stats().saved, 1);
    std::fs::remove_dir_all(folder).unwrap();
}

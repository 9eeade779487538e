//! The code cache: what it saves, that nothing read from it can be wrong, and that it never stands in the way.
//!
//! Some tests start this program again as `the_other_process`, which tells by its environment what it is to do.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use chalcid::{Agent, CodeCache, CodeCacheError, Config, Engine, Error, Instance, Module, Stats, Val};
use common::{call_i32, try_call};

/// A directory that goes when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("chalcid-cache-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        Self(path)
    }

    fn cache(&self) -> CodeCache {
        CodeCache::new(&self.0).worth_saving(1)
    }

    /// The entries, and nothing else.
    fn entries(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "code"));
        files.sort();
        files
    }

    fn only_entry(&self) -> PathBuf {
        let [entry] = self.entries().try_into().unwrap();
        entry
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700)));
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A module with every kind of table beside its code: relocations (with the CPU that `config` asks for), traps, references across calls.
const WAT: &str = r#"(module
    (memory 1)
    (table 4 externref)
    (func $inner (param i32) (result i32)
      (i32.div_u (i32.const 1000) (local.get 0)))
    (func $middle (param i32) (result i32)
      (local externref)
      (local.set 1 (table.get (i32.const 0)))
      (call $inner (local.get 0))
      (table.set (i32.const 1) (local.get 1)))
    (func (export "traps") (param i32) (result i32)
      (i32.add (call $middle (local.get 0)) (i32.load (i32.const 0))))
    (func (export "rounds") (param i32) (result i32)
      (i32.trunc_f64_s (f64.ceil (f64.div (f64.convert_i32_s (local.get 0)) (f64.const 2)))))
    (func (export "loops") (param i32) (result i32)
      (local i32)
      (loop
        (local.set 1 (i32.add (local.get 1) (local.get 0)))
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get 1))
    (func (export "unused") (result i32) (i32.const 42)))"#;

fn config() -> Config {
    // A CPU without instructions for rounding, so that code needs relocations.
    Config::new().cpu_features([])
}

fn engine(cache: CodeCache) -> Engine {
    Engine::new(config().code_cache(cache)).unwrap()
}

fn instance(engine: &Engine) -> Instance {
    let module = Module::new(engine, wat::parse_str(WAT).unwrap()).unwrap();
    Instance::new(&Agent::new(engine), &module, &[]).unwrap()
}

/// Runs everything but `unused` and checks what it gives.
fn run(engine: &Engine) {
    let instance = instance(engine);
    assert_eq!(call_i32(&instance, "traps", &[10]), 100);
    assert_eq!(call_i32(&instance, "rounds", &[7]), 4);
    assert_eq!(call_i32(&instance, "loops", &[10]), 55);
    let Err(Error::Trap(trap)) = try_call(&instance, "traps", &[Val::I32(0)]) else { panic!("no trap") };
    let frames: Vec<_> = trap.frames().iter().map(|frame| (frame.func, frame.offset)).collect();
    assert_eq!(frames, expected_frames());
}

/// The frames of the trap, by an engine without a cache.
fn expected_frames() -> Vec<(u32, Option<u32>)> {
    static FRAMES: std::sync::OnceLock<Vec<(u32, Option<u32>)>> = std::sync::OnceLock::new();
    let frames = FRAMES.get_or_init(|| {
        let instance = instance(&Engine::new(config()).unwrap());
        let Err(Error::Trap(trap)) = try_call(&instance, "traps", &[Val::I32(0)]) else { panic!("no trap") };
        trap.frames().iter().map(|frame| (frame.func, frame.offset)).collect()
    });
    assert_eq!(frames.len(), 3);
    frames.clone()
}

/// Runs everything and saves it.
fn run_and_save(cache: CodeCache) -> Stats {
    let engine = engine(cache);
    run(&engine);
    engine.save_code();
    engine.stats()
}

fn compiled(stats: &Stats) -> u64 {
    stats.baseline.functions + stats.optimizing.functions
}

#[test]
fn what_was_compiled_once_is_not_compiled_again() {
    let folder = Folder::new();
    let first = run_and_save(folder.cache());
    assert_eq!((compiled(&first), first.loaded.functions, first.saved), (5, 0, 1));
    assert_eq!((first.cache_hits, first.cache_misses), (0, 1));
    let second = run_and_save(folder.cache());
    assert_eq!((compiled(&second), second.loaded.functions, second.saved), (0, 5, 0));
    assert_eq!((second.cache_hits, second.cache_misses), (1, 0));
}

#[test]
fn what_is_new_is_added_to_what_there_was() {
    let folder = Folder::new();
    run_and_save(folder.cache());
    let engine = engine(folder.cache());
    assert_eq!(call_i32(&instance(&engine), "unused", &[]), 42);
    assert_eq!(compiled(&engine.stats()), 1);
    engine.save_code();
    drop(engine);
    let third = self::engine(folder.cache());
    assert_eq!(call_i32(&instance(&third), "unused", &[]), 42);
    run(&third);
    assert_eq!((compiled(&third.stats()), third.stats().loaded.functions), (0, 6));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn what_ran_hot_is_optimised_the_next_time() {
    let folder = Folder::new();
    let auto = |calls| {
        let config = config().tier(chalcid::TierPolicy::Auto).hot_after(calls).code_cache(folder.cache());
        Engine::new(config).unwrap()
    };
    // Optimised the first time: so it is the second time.
    let first = auto(10);
    let instance = instance(&first);
    (0..20).for_each(|_| assert_eq!(call_i32(&instance, "loops", &[10]), 55));
    first.finish_compiling();
    // Half way to that: optimised when it is called again.
    (0..6).for_each(|_| assert_eq!(call_i32(&instance, "unused", &[]), 42));
    first.save_code();
    assert_eq!((first.stats().baseline.functions, first.stats().tier_ups), (2, 1));

    let second = auto(10);
    let instance = self::instance(&second);
    assert_eq!((call_i32(&instance, "loops", &[10]), call_i32(&instance, "unused", &[])), (55, 42));
    second.finish_compiling();
    let stats = second.stats();
    assert_eq!((stats.baseline.functions, stats.loaded.functions, stats.tier_ups), (0, 2, 1));
    second.save_code();

    let third = auto(10);
    let instance = self::instance(&third);
    assert_eq!((call_i32(&instance, "loops", &[10]), call_i32(&instance, "unused", &[])), (55, 42));
    assert_eq!((compiled(&third.stats()), third.stats().loaded.functions), (0, 2));
}

#[test]
fn a_module_that_goes_is_saved_without_being_asked_for() {
    let folder = Folder::new();
    let engine = engine(folder.cache());
    run(&engine);
    // Only the write in the background is waited for: there is no module any more.
    engine.save_code();
    assert_eq!(engine.stats().saved, 1);
    assert_eq!(compiled(&run_and_save(folder.cache())), 0);
}

#[test]
fn engines_that_make_other_code_have_other_entries() {
    let folder = Folder::new();
    run_and_save(folder.cache());
    let others = [
        config().interruptible(true),
        config().signals(false),
        config().optimize(false),
        Config::new().cpu_features([("has_sse3", true)]),
        config().features(chalcid::Features::WASM2),
    ];
    for (count, config) in others.into_iter().enumerate() {
        let engine = Engine::new(config.code_cache(folder.cache())).unwrap();
        run(&engine);
        engine.save_code();
        assert_eq!(engine.stats().loaded.functions, 0);
        assert_eq!(folder.entries().len(), count + 2);
    }
}

#[test]
fn a_directory_that_is_not_there_is_made_for_the_user_alone() {
    let folder = Folder::new();
    let deep = folder.0.join("a/b/c");
    let cache = CodeCache::new(&deep).worth_saving(1);
    assert_eq!(run_and_save(cache.clone()).saved, 1);
    for path in [deep.clone(), folder.0.join("a/b"), folder.0.join("a")] {
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o700);
    }
    let entry = fs::read_dir(&deep).unwrap().next().unwrap().unwrap();
    assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(compiled(&run_and_save(cache)), 0);
}

/// The reason for which a directory is refused; what is run must give the right results all the same.
fn refused(directory: &Path) -> String {
    let engine = engine(CodeCache::new(directory).worth_saving(1));
    run(&engine);
    engine.save_code();
    assert_eq!((engine.stats().saved, engine.stats().loaded.functions), (0, 0));
    match engine.code_cache_error() {
        Some(CodeCacheError::Refused { reason, .. } | CodeCacheError::Unavailable { reason, .. }) => reason.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_directory_that_others_can_change_is_refused() {
    let folder = Folder::new();
    run_and_save(folder.cache());
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(refused(&folder.0), "others may write to it");
    }
}

#[test]
fn a_link_or_a_file_is_refused() {
    let folder = Folder::new();
    let (target, link, file) = (folder.0.join("target"), folder.0.join("link"), folder.0.join("file"));
    fs::create_dir(&target).unwrap();
    symlink(&target, &link).unwrap();
    fs::write(&file, "").unwrap();
    for path in [link, file.clone()] {
        assert_eq!(refused(&path), "it is not a directory, or a symbolic link to one");
    }
    assert!(refused(&file.join("below")).contains("directory"));
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    let folder = Folder::new();
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    // Root can give a directory away; anybody else finds one of root's.
    let others = if root {
        std::os::unix::fs::chown(&folder.0, Some(12_345), None).unwrap();
        folder.0.clone()
    } else {
        PathBuf::from("/usr")
    };
    assert_eq!(refused(&others), "it belongs to another user");
}

#[test]
fn an_entry_that_others_can_change_or_that_is_no_file_is_not_read() {
    let folder = Folder::new();
    run_and_save(folder.cache());
    let entry = folder.only_entry();
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
    let stats = run_and_save(folder.cache());
    assert_eq!((stats.loaded.functions, stats.saved), (0, 1));
    let elsewhere = folder.0.join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    let stats = run_and_save(folder.cache());
    assert_eq!((stats.loaded.functions, stats.saved), (0, 1));
    // It was replaced by an entry, and what it led to is untouched.
    assert!(entry.symlink_metadata().unwrap().is_file() && elsewhere.is_file());
    assert_eq!(compiled(&run_and_save(folder.cache())), 0);
}

#[test]
fn a_directory_that_cannot_be_written_to_is_read() {
    let folder = Folder::new();
    run_and_save(folder.cache());
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o500)).unwrap();
    assert_eq!(compiled(&run_and_save(folder.cache())), 0);
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).unwrap();
    fs::remove_file(folder.only_entry()).unwrap();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o500)).unwrap();
    let engine = engine(folder.cache());
    run(&engine);
    engine.save_code();
    // Root may write everywhere.
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        assert!(matches!(engine.code_cache_error(), Some(CodeCacheError::NotWritten { .. })));
    }
}

#[test]
fn an_entry_with_a_flipped_bit_gives_the_right_result_and_is_replaced() {
    let folder = Folder::new();
    run_and_save(folder.cache());
    let entry = folder.only_entry();
    let good = fs::read(&entry).unwrap();
    let mut damaged = 0;
    for step in 0..1000 {
        let mut bytes = good.clone();
        // Every byte of the header and the index, then places all over the code.
        let position = if step < 300 { step } else { step * 7919 % good.len() };
        bytes[position] ^= 1 << (step % 8);
        fs::write(&entry, &bytes).unwrap();
        let stats = run_and_save(folder.cache());
        damaged += stats.damaged;
        // All the code is one chunk, and nothing of it was believed.
        assert_eq!((compiled(&stats), stats.loaded.functions, stats.saved), (5, 0, 1), "byte {position}");
        let now = fs::read(&entry).unwrap();
        assert_eq!(now.len(), good.len(), "byte {position}");
    }
    assert!(damaged > 500);
    assert_eq!(compiled(&run_and_save(folder.cache())), 0);
}

#[test]
fn an_entry_of_any_other_length_is_ignored() {
    let folder = Folder::new();
    run_and_save(folder.cache());
    let entry = folder.only_entry();
    let good = fs::read(&entry).unwrap();
    for len in (0..good.len()).step_by(41) {
        fs::write(&entry, &good[..len]).unwrap();
        assert_eq!(compiled(&run_and_save(folder.cache())), 5, "{len}");
    }
    // What follows an entry is not part of it.
    fs::write(&entry, [&good[..], b"more"].concat()).unwrap();
    assert_eq!(compiled(&run_and_save(folder.cache())), 0);
}

#[test]
fn an_entry_under_the_name_of_another_is_ignored() {
    let folder = Folder::new();
    let other = folder.cache();
    let engine = Engine::new(config().interruptible(true).code_cache(other)).unwrap();
    run(&engine);
    engine.save_code();
    let foreign = folder.only_entry();
    run_and_save(folder.cache());
    let ours = folder.entries().into_iter().find(|entry| *entry != foreign).unwrap();
    fs::copy(&foreign, &ours).unwrap();
    let stats = run_and_save(folder.cache());
    assert_eq!((compiled(&stats), stats.saved), (5, 1));
}

#[test]
fn clocks_do_not_matter() {
    let folder = Folder::new();
    run_and_save(folder.cache());
    let entry = fs::File::options().write(true).open(folder.only_entry()).unwrap();
    for seconds in [0, 1 << 33] {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        entry.set_modified(time).unwrap();
        assert_eq!(compiled(&run_and_save(folder.cache())), 0);
        // Using an entry marks it.
        assert_ne!(entry.metadata().unwrap().modified().unwrap(), time);
    }
}

#[test]
fn the_entries_that_were_not_used_for_longest_make_room() {
    let folder = Folder::new();
    let save = |number: i32, max: u64| {
        let engine = engine(folder.cache().max_bytes(max));
        let wat = format!(r#"(module (func (export "f") (result i32) (i32.const {number})))"#);
        let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
        let instance = Instance::new(&Agent::new(&engine), &module, &[]).unwrap();
        assert_eq!(call_i32(&instance, "f", &[]), number);
        engine.save_code();
        engine.stats()
    };
    save(0, u64::MAX);
    let size = fs::metadata(folder.only_entry()).unwrap().len();
    for number in 1..8 {
        save(number, u64::MAX);
    }
    assert_eq!(folder.entries().len(), 8);
    let abandoned = fs::File::create(folder.0.join("writing-1-2-3")).unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    for entry in folder.entries() {
        fs::File::options().write(true).open(entry).unwrap().set_modified(old).unwrap();
    }
    abandoned.set_modified(old).unwrap();
    assert_eq!(save(3, u64::MAX).cache_hits, 1);
    // Room for four: those just used and written are among them.
    save(8, 4 * size + 8);
    assert!((2..=4).contains(&folder.entries().len()));
    assert_eq!((save(3, u64::MAX).cache_hits, save(8, u64::MAX).cache_hits), (1, 1));
    assert!(!folder.0.join("writing-1-2-3").exists());
    // An entry larger than everything is not written at all.
    assert_eq!(save(100, size - 1).saved, 0);
}

/// Starts this program again.
fn other_process(task: &str, folder: &Folder) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_other_process", "--nocapture", "--test-threads=1"])
        .env("CODE_CACHE_TASK", task)
        .env("CODE_CACHE_FOLDER", &folder.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn the_other_process() {
    let Ok(task) = std::env::var("CODE_CACHE_TASK") else { return };
    let cache = CodeCache::new(std::env::var("CODE_CACHE_FOLDER").unwrap()).worth_saving(1);
    match task.split_once(' ').unwrap_or((&task, "")) {
        ("write", count) => {
            for _ in 0..count.parse().unwrap() {
                // A reader's entry is whole at any time; each writer starts anew now and then.
                if std::process::id().is_multiple_of(2) {
                    for entry in fs::read_dir(cache.directory()).unwrap().flatten() {
                        drop(fs::remove_file(entry.path()));
                    }
                }
                assert_eq!(run_and_save(cache.clone()).damaged, 0);
            }
        }
        ("write-forever", _) => {
            println!("\nwriting");
            loop {
                drop(fs::read_dir(cache.directory()).unwrap().flatten().try_for_each(|e| fs::remove_file(e.path())));
                run_and_save(cache.clone());
            }
        }
        ("full", limit) => {
            let limit = limit.parse().ok();
            let limits = rustix::process::Rlimit { current: limit, maximum: limit };
            // SAFETY: to ignore a signal is always allowed.
            unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
            let engine = engine(cache);
            let instance = instance(&engine);
            assert_eq!(call_i32(&instance, "traps", &[10]), 100);
            // Memory for machine code is a file, too: it is there by now.
            rustix::process::setrlimit(rustix::process::Resource::Fsize, limits).unwrap();
            engine.save_code();
            assert!(matches!(engine.code_cache_error(), Some(CodeCacheError::NotWritten { .. })));
        }
        _ => panic!("unknown task {task}"),
    }
}

#[test]
fn many_processes_may_write_one_entry() {
    let folder = Folder::new();
    let rounds = std::env::var("CODE_CACHE_ROUNDS").unwrap_or_else(|_| "25".to_owned());
    let children: Vec<_> = (0..4).map(|_| other_process(&format!("write {rounds}"), &folder)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    run_and_save(folder.cache());
    assert_eq!(compiled(&run_and_save(folder.cache())), 0);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}

#[test]
fn a_process_killed_while_it_writes_leaves_nothing_that_is_believed() {
    let folder = Folder::new();
    for round in 0..20 {
        let mut child = other_process("write-forever", &folder);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while lines.next().unwrap().unwrap() != "writing" {}
        std::thread::sleep(std::time::Duration::from_micros(997 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(run_and_save(folder.cache()).damaged, 0);
        assert_eq!(compiled(&run_and_save(folder.cache())), 0);
    }
}

#[test]
fn a_disk_that_is_full_costs_nothing_but_the_cache() {
    let folder = Folder::new();
    for limit in [0, 100, 400] {
        let output = other_process(&format!("full {limit}"), &folder).wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        // Not even half a file is left.
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
    }
}

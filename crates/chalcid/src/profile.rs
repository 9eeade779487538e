//! The map by which `perf` shows the names of wasm functions: `/tmp/perf-PID.map`, a line for every function that is published.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, Once, PoisonError};

use chalcid_compiler::Tier;
use chalcid_vm::CodeEvent;
use rustix::fs::OFlags;

use crate::module::ModuleData;

/// Begins to write the map, once in a process. Where it cannot be written, nothing is: a profile without names is still one.
pub(crate) fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        if let Ok(file) = open() {
            let file = Mutex::new(file);
            chalcid_vm::watch_code(Box::new(move |event| {
                let line = line(&event);
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                // A full disk leaves functions without names.
                let _ = file.write_all(line.as_bytes());
            }));
        }
    });
}

/// The folder is everybody's: a file that somebody else put there, or a link, is not written to.
fn open() -> io::Result<File> {
    let path = PathBuf::from(format!("/tmp/perf-{}.map", std::process::id()));
    // What a former process of this number left.
    let _ = std::fs::remove_file(&path);
    let no_links = OFlags::NOFOLLOW.bits() as i32;
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(no_links).open(path)
}

/// `START LENGTH NAME`, the numbers in hexadecimal digits.
fn line(event: &CodeEvent<'_>) -> String {
    let mut line = format!("{:x} {:x} ", event.start, event.len);
    let _ = match event.function {
        None => writeln!(line, "wasm {}", event.other),
        Some((module, func, tier)) => {
            let func = module.declarations().func_index(func);
            let name = ModuleData::of(module).and_then(|data| data.names(module).function(func));
            let tier = match tier {
                Tier::Baseline => "baseline",
                Tier::Optimizing => "optimizing",
            };
            // A name is the module's choice; a line is one line.
            let name: String = name.unwrap_or_default().chars().map(|c| if c.is_control() { '?' } else { c }).collect();
            let space = if name.is_empty() { "" } else { " " };
            writeln!(line, "{name}{space}wasm-function[{}] {tier}", func.0)
        }
    };
    line
}

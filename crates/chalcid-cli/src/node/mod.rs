//! Node's own modules, one file a module. What needs nothing of Rust is a JavaScript file alone.

pub mod buffer;
pub mod fs;
pub mod fs_operations;
pub mod os;
pub mod process;
pub mod system_error;

use crate::modules::commonjs;
use crate::runtime::builtins::Builtin;

/// The JavaScript pieces of this folder.
pub const BUILTINS: &[Builtin] = &[
    commonjs::BUILTIN,
    process::BUILTIN,
    buffer::BUILTIN,
    fs::BUILTIN,
    os::BUILTIN,
    Builtin::script("assert", "node/assert"),
    Builtin::script("assert/strict", "node/assert_strict"),
    Builtin::script("console", "node/console"),
    Builtin::script("crypto", "node/crypto"),
    Builtin::script("events", "node/events"),
    Builtin::script("fs/promises", "node/fs_promises"),
    Builtin::script("module", "node/module"),
    Builtin::script("path", "node/path"),
    Builtin::script("path/posix", "node/path_posix"),
    Builtin::script("perf_hooks", "node/perf_hooks"),
    Builtin::script("querystring", "node/querystring"),
    Builtin::script("string_decoder", "node/string_decoder"),
    Builtin::script("timers", "node/timers"),
    Builtin::script("timers/promises", "node/timers_promises"),
    Builtin::script("tty", "node/tty"),
    Builtin::script("url", "node/url"),
    Builtin::script("util", "node/util"),
    Builtin::script("util/types", "node/util_types"),
    Builtin::script("worker_threads", "node/worker_threads"),
];

/// The name without `node:` of a module that a program may ask for.
pub fn public_name(specifier: &str) -> Option<&'static str> {
    let name = specifier.strip_prefix("node:").unwrap_or(specifier);
    BUILTINS.iter().map(|builtin| builtin.name).find(|known| *known == name && !known.starts_with("internal/"))
}

/// The names of all modules that a program may ask for.
pub fn public_names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|builtin| builtin.name).filter(|name| !name.starts_with("internal/"))
}

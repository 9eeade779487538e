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
    Builtin::script("assert", include_str!("../js/node/assert.js")),
    Builtin::script("assert/strict", "module.exports = require('assert').strict;"),
    Builtin::script("console", "module.exports = require('web/console').console;"),
    Builtin::script("crypto", include_str!("../js/node/crypto.js")),
    Builtin::script("events", include_str!("../js/node/events.js")),
    Builtin::script("fs/promises", "module.exports = require('fs').promises;"),
    Builtin::script("module", "module.exports = require('internal/commonjs').Module;"),
    Builtin::script("path", include_str!("../js/node/path.js")),
    Builtin::script("path/posix", "module.exports = require('path');"),
    Builtin::script("perf_hooks", "exports.performance = globalThis.performance;"),
    Builtin::script("querystring", include_str!("../js/node/querystring.js")),
    Builtin::script("string_decoder", include_str!("../js/node/string_decoder.js")),
    Builtin::script("timers", "Object.assign(exports, require('web/timers'));"),
    Builtin::script("timers/promises", include_str!("../js/node/timers_promises.js")),
    Builtin::script("tty", include_str!("../js/node/tty.js")),
    Builtin::script("url", include_str!("../js/node/url.js")),
    Builtin::script("util", include_str!("../js/node/util.js")),
    Builtin::script("util/types", "module.exports = require('util').types;"),
    Builtin::script("worker_threads", include_str!("../js/node/worker_threads.js")),
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

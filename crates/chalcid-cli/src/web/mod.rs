//! The globals of the web platform, one file an API. What needs nothing of Rust is a JavaScript file alone.

pub mod console;
pub mod crypto;
pub mod encoding;
pub mod fetch;
pub mod performance;
pub mod timers;
pub mod url;
pub mod webassembly;

use crate::runtime::builtins::Builtin;

/// The JavaScript pieces of this folder.
pub const BUILTINS: &[Builtin] = &[
    console::BUILTIN,
    console::INSPECT,
    performance::BUILTIN,
    timers::BUILTIN,
    encoding::BUILTIN,
    url::BUILTIN,
    crypto::BUILTIN,
    fetch::BUILTIN,
    Builtin::script("web/console_more", "web/console_more"),
    Builtin::script("web/events", "web/events"),
    webassembly::STRUCTURED_CLONE,
    Builtin::script("web/blob", "web/blob"),
    Builtin::script("web/streams", "web/streams"),
    Builtin::script("web/headers", "web/headers"),
];

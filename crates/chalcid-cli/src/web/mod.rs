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
    Builtin::script("web/console_more", include_str!("../js/web/console_more.js")),
    Builtin::script("web/events", include_str!("../js/web/events.js")),
    webassembly::STRUCTURED_CLONE,
    Builtin::script("web/blob", include_str!("../js/web/blob.js")),
    Builtin::script("web/streams", include_str!("../js/web/streams.js")),
    Builtin::script("web/headers", include_str!("../js/web/headers.js")),
];

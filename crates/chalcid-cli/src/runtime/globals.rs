//! The global object: every name but `WebAssembly` is a getter that loads what it stands for and puts that in its own place.

use std::rc::Rc;

use rquickjs::object::{Accessor, Property};
use rquickjs::{Ctx, Object, Persistent, Result, Value};

use super::Shell;
use crate::web::webassembly;

/// Names by the builtin that defines them.
const GLOBALS: &[(&str, &[&str])] = &[
    ("web/console", &["console"]),
    ("web/timers", &["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate"]),
    ("web/encoding", &["TextEncoder", "TextDecoder"]),
    ("web/url", &["URL", "URLSearchParams"]),
    ("web/structured_clone", &["structuredClone"]),
    ("web/performance", &["performance", "Performance", "PerformanceEntry"]),
    ("web/crypto", &["crypto", "Crypto", "CryptoKey", "SubtleCrypto"]),
    ("web/events", &["Event", "EventTarget", "CustomEvent", "AbortController", "AbortSignal"]),
    ("web/blob", &["Blob", "File"]),
    ("web/streams", &["ReadableStream", "ReadableStreamDefaultReader", "ReadableStreamDefaultController"]),
    ("web/headers", &["Headers"]),
    ("web/fetch", &["fetch", "Request", "Response"]),
    ("buffer", &["Buffer"]),
];

/// Defines the globals of the runtime.
pub fn install<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>) -> Result<()> {
    chalcid_quickjs::enable_growable_shared_buffers(ctx);
    let global = ctx.globals();
    let engine: Object = global.get("performance")?;
    *shell.engine_performance.borrow_mut() = Some(Persistent::save(ctx, engine));
    for (builtin, names) in GLOBALS {
        for name in *names {
            lazy(&global, shell, name, builtin, Some(name))?;
        }
    }
    lazy(&global, shell, "process", "process", None)?;
    // No getter: the JavaScript interface says that it is a data property.
    webassembly::install(ctx, shell)?;
    global.prop("global", Property::from(global.clone()).writable().configurable())?;
    Ok(())
}

/// Defines `name` as the export `export` of `builtin`, or as its exports as a whole.
fn lazy<'js>(
    target: &Object<'js>,
    shell: &Rc<Shell>,
    name: &'static str,
    builtin: &'static str,
    export: Option<&'static str>,
) -> Result<()> {
    let shell = Rc::clone(shell);
    let get = move |ctx: Ctx<'js>| -> Result<Value<'js>> {
        let exports = shell.builtin(&ctx, builtin)?;
        let value = match export {
            Some(export) => Object::from_value(exports)?.get(export)?,
            None => exports,
        };
        replace(&ctx, name, value.clone())?;
        Ok(value)
    };
    let set = move |ctx: Ctx<'js>, value: Value<'js>| replace(&ctx, name, value);
    target.prop(name, Accessor::new(get, set).configurable())
}

fn replace<'js>(ctx: &Ctx<'js>, name: &str, value: Value<'js>) -> Result<()> {
    ctx.globals().prop(name, Property::from(value).writable().configurable())
}

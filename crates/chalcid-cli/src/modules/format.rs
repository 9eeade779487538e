//! What a file holds: by its extension, by the nearest `package.json`, and where neither says, by its text.

use std::path::Path;
use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::{Ctx, Error, Function, Module, Persistent, Result};

use super::commonjs;
use crate::runtime::Shell;

/// The kinds of file that can be loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// An ES module.
    Module,
    /// A CommonJS module.
    CommonJs,
    /// A script of either kind: only its text can tell.
    Ambiguous,
    /// JSON.
    Json,
    /// A WebAssembly module.
    Wasm,
    /// Nothing this program can load.
    Unknown,
}

impl Format {
    /// The name that `js/internal/commonjs.js` knows it by.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Module => "module",
            Format::CommonJs => "commonjs",
            Format::Ambiguous => "ambiguous",
            Format::Json => "json",
            Format::Wasm => "wasm",
            Format::Unknown => "unknown",
        }
    }
}

/// What the file `path` holds, without looking into it.
pub fn of(path: &Path) -> Format {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("mjs") => Format::Module,
        Some("cjs") => Format::CommonJs,
        Some("json") => Format::Json,
        Some("wasm") => Format::Wasm,
        Some("node") => Format::Unknown,
        _ => package_type(path),
    }
}

/// What the nearest `package.json` says of scripts.
fn package_type(path: &Path) -> Format {
    for directory in path.ancestors().skip(1) {
        if directory.ends_with("node_modules") {
            break;
        }
        let Ok(text) = std::fs::read(directory.join("package.json")) else { continue };
        let package: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        return match package.get("type").and_then(serde_json::Value::as_str) {
            Some("module") => Format::Module,
            Some("commonjs") => Format::CommonJs,
            _ => Format::Ambiguous,
        };
    }
    Format::Ambiguous
}

/// Decides what the script `path` is by trying: CommonJS if it parses as such, else a module. What was compiled is kept.
pub fn sniff(ctx: &Ctx<'_>, shell: &Rc<Shell>, path: &Path, source: &str) -> Result<Format> {
    match commonjs::compile(ctx, source, &path.to_string_lossy()) {
        Ok(function) => {
            let function = Persistent::save(ctx, function);
            shell.modules.compiled.borrow_mut().insert(path.to_path_buf(), function);
            Ok(Format::CommonJs)
        }
        Err(error) if error.is_exception() => {
            let thrown = ctx.catch();
            if speaks_of_modules(source) {
                return Ok(Format::Module);
            }
            Err(ctx.throw(thrown))
        }
        Err(error) => Err(error),
    }
}

/// Takes the function that [`sniff`] compiled for `path`.
pub fn take_compiled<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, path: &Path) -> Option<Function<'js>> {
    let function = shell.modules.compiled.borrow_mut().remove(path)?;
    function.restore(ctx).ok()
}

/// Whether `code` can only be a module: it is no script, and it has a module's syntax.
pub fn is_module_text(ctx: &Ctx<'_>, code: &str, name: &str) -> bool {
    if !speaks_of_modules(code) {
        return false;
    }
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.to_owned());
    // Compiled, not run: the value of the expression is a function.
    match ctx.eval_with_options::<Function, _>(format!("(function () {{ {code}\n}})"), options) {
        Ok(_) => false,
        Err(error) => {
            if error.is_exception() {
                ctx.catch();
            }
            true
        }
    }
}

/// Whether a word that only means something in a module occurs at all.
fn speaks_of_modules(source: &str) -> bool {
    ["import", "export", "await"].iter().any(|word| source.contains(word))
}

/// Declares the ES module `name`.
pub fn declare<'js>(ctx: &Ctx<'js>, name: &str, source: String) -> Result<Module<'js>> {
    match Module::declare(ctx.clone(), name, source) {
        Err(Error::InvalidString(_)) => Err(crate::runtime::throw::throw(
            ctx,
            crate::runtime::throw::Kind::Syntax,
            &format!("{name} holds a NUL character"),
        )),
        result => result,
    }
}

//! The native half of CommonJS (`js/internal/commonjs.js`).

use std::path::Path;
use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::{Ctx, Error, Function, Object, Result, Value};

use super::{evaluate_now, format, path};
use crate::node;
use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};
use crate::runtime::throw::{self, Kind};

/// `internal/commonjs`.
pub const BUILTIN: Builtin = Builtin::native("internal/commonjs", "internal/commonjs", natives);

fn natives<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    let of = Rc::clone(shell);
    method(&native, "resolve", move |ctx: Ctx<'js>, directory: String, specifier: String| -> Result<String> {
        let file = of.modules.resolvers.require(&ctx, Path::new(&directory), &specifier)?;
        Ok(file.to_string_lossy().into_owned())
    })?;
    native.set("builtinNames", node::public_names().collect::<Vec<_>>())?;
    method(&native, "publicName", |name: String| node::public_name(&name))?;
    let of = Rc::clone(shell);
    method(&native, "builtin", move |ctx: Ctx<'js>, name: String| of.builtin(&ctx, &name))?;
    method(&native, "read", |ctx: Ctx<'js>, file: String| read(&ctx, Path::new(&file)))?;
    let of = Rc::clone(shell);
    method(&native, "format", move |ctx: Ctx<'js>, file: String| -> Result<&'static str> {
        let file = Path::new(&file);
        let format = match format::of(file) {
            format::Format::Ambiguous => format::sniff(&ctx, &of, file, &read(&ctx, file)?)?,
            format => format,
        };
        Ok(format.name())
    })?;
    let of = Rc::clone(shell);
    method(&native, "compile", move |ctx: Ctx<'js>, file: String| -> Result<Function<'js>> {
        match format::take_compiled(&ctx, &of, Path::new(&file)) {
            Some(function) => Ok(function),
            None => compile(&ctx, &read(&ctx, Path::new(&file))?, &file),
        }
    })?;
    method(&native, "compileText", |ctx: Ctx<'js>, source: String, file: String| compile(&ctx, &source, &file))?;
    let of = Rc::clone(shell);
    method(&native, "evaluateModule", move |ctx: Ctx<'js>, file: String| -> Result<Value<'js>> {
        let url = path::file_url(Path::new(&file)).ok_or(Error::Unknown)?;
        Ok(evaluate_now(&ctx, &of, url.as_str())?.into_value())
    })?;
    Ok(native)
}

/// The text of a source file.
pub fn read(ctx: &Ctx<'_>, file: &Path) -> Result<String> {
    match std::fs::read(file) {
        Ok(bytes) => {
            let text =
                String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            Ok(match text.strip_prefix('\u{feff}') {
                Some(rest) => rest.to_owned(),
                None => text,
            })
        }
        Err(error) => {
            let message = format!("Cannot read '{}': {error}", file.display());
            let code = match error.kind() {
                std::io::ErrorKind::NotFound => "ENOENT",
                std::io::ErrorKind::PermissionDenied => "EACCES",
                std::io::ErrorKind::IsADirectory => "EISDIR",
                _ => "EIO",
            };
            Err(throw::throw_code(ctx, Kind::Error, &message, Some(code)))
        }
    }
}

/// Compiles a CommonJS file to the function that Node's wrapper would make of it. Line numbers stay those of the file.
pub fn compile<'js>(ctx: &Ctx<'js>, source: &str, file: &str) -> Result<Function<'js>> {
    const HEAD: &str = "(function (exports, require, module, __filename, __dirname) { ";
    let mut wrapped = String::with_capacity(HEAD.len() + source.len() + 3);
    wrapped.push_str(HEAD);
    if source.starts_with("#!") {
        wrapped.push_str("//");
    }
    wrapped.push_str(source);
    wrapped.push_str("\n})");
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(file.to_owned());
    ctx.eval_with_options(wrapped, options)
}

//! The engine's module hooks: whatever a file holds, it becomes an ES module here.
//!
//! What is not a module already is wrapped in one: a few generated lines that fetch the value when they are evaluated, so a
//! CommonJS file runs in its turn among the modules that import it. Only its export names have to be known before
//! ([`cjs_exports`]).

use std::fmt::Write;
use std::path::Path;
use std::rc::{Rc, Weak};

use data_url::DataUrl;
use rquickjs::atom::PredefinedAtom;
use rquickjs::loader::ImportAttributes;
use rquickjs::{Ctx, Function, Module, Object, Result, Value, loader};

use super::format::{self, Format};
use super::{cjs_exports, commonjs, meta, path};
use crate::runtime::Shell;
use crate::runtime::throw::{self, Kind};

/// Resolves on the engine's behalf.
pub struct Resolver(Weak<Shell>);

/// Loads on the engine's behalf.
pub struct Loader(Weak<Shell>);

impl Resolver {
    /// The resolver of `shell`.
    pub fn new(shell: &Rc<Shell>) -> Resolver {
        Resolver(Rc::downgrade(shell))
    }
}

impl Loader {
    /// The loader of `shell`.
    pub fn new(shell: &Rc<Shell>) -> Loader {
        Loader(Rc::downgrade(shell))
    }
}

impl loader::Resolver for Resolver {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        let shell = self.0.upgrade().ok_or(rquickjs::Error::Unknown)?;
        shell.modules.resolvers.import(ctx, base, name)
    }
}

impl loader::Loader for Loader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js>> {
        let shell = self.0.upgrade().ok_or(rquickjs::Error::Unknown)?;
        let kind = attributes.and_then(|attributes| attributes.get_type().transpose()).transpose()?;
        load(ctx, &shell, name, kind.as_deref())
    }
}

/// Loads the module `name`, imported with the attribute `type: kind` if there is one.
pub fn load<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, name: &str, kind: Option<&str>) -> Result<Module<'js>> {
    if let Some(kind) = kind
        && kind != "json"
    {
        let message = format!("Import attribute \"type\" with value \"{kind}\" is not supported");
        return Err(throw::throw_code(ctx, Kind::Type, &message, Some("ERR_IMPORT_ATTRIBUTE_UNSUPPORTED")));
    }
    if let Some(builtin) = name.strip_prefix("node:") {
        return builtin_module(ctx, shell, name, builtin);
    }
    if name.starts_with("data:") {
        return data_module(ctx, shell, name, kind);
    }
    let Some(file) = path::of_module(name) else {
        return Err(throw::throw(ctx, Kind::Error, &format!("Cannot load module '{name}'")));
    };
    let mut format = if kind == Some("json") { Format::Json } else { format::of(&file) };
    let extension = file.extension().and_then(|extension| extension.to_str());
    if extension.is_some_and(|extension| !matches!(extension, "js" | "mjs" | "cjs" | "json" | "wasm")) && kind.is_none()
    {
        format = Format::Unknown;
    }
    match format {
        Format::Unknown | Format::Wasm => {
            let message =
                format!("Unknown file extension \".{}\" for {}", extension.unwrap_or_default(), file.display());
            Err(throw::throw_code(ctx, Kind::Type, &message, Some("ERR_UNKNOWN_FILE_EXTENSION")))
        }
        Format::Json => json_module(ctx, name, commonjs::read(ctx, &file)?),
        Format::Module => declare(ctx, shell, name, commonjs::read(ctx, &file)?),
        Format::CommonJs => commonjs_module(ctx, shell, name, &file),
        Format::Ambiguous => {
            let source = commonjs::read(ctx, &file)?;
            match format::sniff(ctx, shell, &file, &source)? {
                Format::Module => declare(ctx, shell, name, source),
                _ => commonjs_module(ctx, shell, name, &file),
            }
        }
    }
}

/// Declares the ES module `name` and fills in its `import.meta`.
pub fn declare<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, name: &str, source: String) -> Result<Module<'js>> {
    let module = format::declare(ctx, name, source)?;
    meta::fill(ctx, shell, &module, name)?;
    Ok(module)
}

/// A module around a value that `load` gives when the module is evaluated.
fn wrap<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    exports: &[String],
    load: impl Fn(&Ctx<'js>) -> Result<Value<'js>> + 'js,
) -> Result<Module<'js>> {
    let mut source = String::from("const { load, get } = import.meta, value = load();\nexport default value;\n");
    let mut clauses = String::new();
    for (index, export) in exports.iter().filter(|export| *export != "default").enumerate() {
        let quoted = serde_json::Value::String(export.clone());
        // Writing to a String cannot fail.
        let _ = writeln!(source, "const v{index} = get(value, {quoted});");
        let _ = write!(clauses, "v{index} as {quoted},");
    }
    let _ = writeln!(source, "export {{ {clauses} }};");
    let module = format::declare(ctx, name, source)?;
    let meta: Object = module.meta()?;
    meta.set("load", Function::new(ctx.clone(), move |ctx: Ctx<'js>| load(&ctx))?)?;
    meta.set("get", Function::new(ctx.clone(), property)?)?;
    Ok(module)
}

/// A property of a value that may be anything; what cannot be read is undefined.
fn property<'js>(ctx: Ctx<'js>, value: Value<'js>, name: String) -> Value<'js> {
    let found = value.as_object().map(|object| object.get::<_, Value>(name.as_str()));
    match found {
        Some(Ok(found)) => found,
        Some(Err(error)) => {
            if error.is_exception() {
                ctx.catch();
            }
            Value::new_undefined(ctx)
        }
        None => Value::new_undefined(ctx),
    }
}

fn builtin_module<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, name: &str, builtin: &str) -> Result<Module<'js>> {
    let exports = shell.builtin(ctx, builtin)?;
    let mut names = Vec::new();
    if let Some(object) = exports.as_object() {
        for key in object.keys::<String>() {
            names.push(key?);
        }
    }
    let shell = Rc::clone(shell);
    let builtin = builtin.to_owned();
    wrap(ctx, name, &names, move |ctx| shell.builtin(ctx, &builtin))
}

fn commonjs_module<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, name: &str, file: &Path) -> Result<Module<'js>> {
    let names = cjs_exports::of_file(ctx, shell, file);
    let shell = Rc::clone(shell);
    let file = file.to_string_lossy().into_owned();
    wrap(ctx, name, &names, move |ctx| shell.builtin_function(ctx, "internal/commonjs", "load")?.call((file.as_str(),)))
}

fn json_module<'js>(ctx: &Ctx<'js>, name: &str, text: String) -> Result<Module<'js>> {
    let label = name.to_owned();
    wrap(ctx, name, &[], move |ctx| parse_json(ctx, &text, &label))
}

/// Parses the JSON of the file `label`, which an error names.
fn parse_json<'js>(ctx: &Ctx<'js>, text: &str, label: &str) -> Result<Value<'js>> {
    ctx.json_parse(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let thrown = throw::caught(ctx, error);
        if let Some(object) = thrown.as_object() {
            let message: String = object.get(PredefinedAtom::Message).unwrap_or_default();
            let place = path::of_module(label).map_or_else(|| label.to_owned(), |file| file.display().to_string());
            drop(object.set(PredefinedAtom::Message, format!("{place}: {message}")));
        }
        ctx.throw(thrown)
    })
}

fn data_module<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, name: &str, kind: Option<&str>) -> Result<Module<'js>> {
    let invalid = |ctx: &Ctx<'js>| throw::throw_code(ctx, Kind::Type, "Invalid data: URL", Some("ERR_INVALID_URL"));
    let url = DataUrl::process(name).map_err(|_| invalid(ctx))?;
    let (body, _) = url.decode_to_vec().map_err(|_| invalid(ctx))?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let mime = url.mime_type();
    match (mime.type_.as_str(), mime.subtype.as_str()) {
        ("application", "json") => json_module(ctx, name, text),
        ("text" | "application", "javascript") if kind.is_none() => declare(ctx, shell, name, text),
        (kind, subtype) => {
            let message = format!("Unknown module format: {kind}/{subtype} for URL {name}");
            Err(throw::throw_code(ctx, Kind::Type, &message, Some("ERR_UNKNOWN_MODULE_FORMAT")))
        }
    }
}

//! Finding and loading programs.
//!
//! A module's name is its address: a `file:` URL, a `data:` URL, or `node:NAME`. [`resolve`] turns a specifier into a name by
//! Node's rules, [`format`] says what a file holds, [`loader`] makes an ES module of it, whatever it holds. CommonJS itself
//! lives in `js/internal/commonjs.js` over the functions of [`commonjs`].

pub mod cjs_exports;
pub mod commonjs;
pub mod format;
pub mod loader;
pub mod meta;
pub mod path;
pub mod resolve;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::{Ctx, Function, Module, Object, Persistent, Promise, Result, Value};

use crate::runtime::Shell;
use crate::runtime::throw::{self, Kind};
use format::Format;
use resolve::Resolvers;

/// Resolution and its caches.
#[derive(Default)]
pub struct Modules {
    resolvers: Resolvers,
    /// CommonJS files compiled to find out that they are CommonJS, until they are run.
    compiled: RefCell<HashMap<PathBuf, Persistent<Function<'static>>>>,
}

/// Tells the engine how to resolve and load.
pub fn install(shell: &Rc<Shell>) {
    shell.runtime.set_loader(loader::Resolver::new(shell), loader::Loader::new(shell));
}

/// Runs the program in the file `given` on the command line; a module's promise comes back.
pub fn run_file<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, given: &Path) -> Result<Option<Promise<'js>>> {
    let wanted = path::absolute(given);
    let file = match wanted.canonicalize() {
        Ok(file) if file.is_file() => file,
        _ => shell.modules.resolvers.require(ctx, Path::new("/"), &wanted.to_string_lossy())?,
    };
    *shell.base.borrow_mut() = path::file_url(&file);
    let format = match format::of(&file) {
        Format::Ambiguous => format::sniff(ctx, shell, &file, &commonjs::read(ctx, &file)?)?,
        format => format,
    };
    match (format, path::file_url(&file)) {
        (Format::Module, Some(url)) => {
            let module = loader::load(ctx, shell, url.as_str(), None)?;
            module.meta()?.set("main", true)?;
            Ok(Some(module.eval()?.1))
        }
        (Format::Unknown, _) => Err(throw::throw_code(
            ctx,
            Kind::Type,
            &format!("Unknown file extension for {}", file.display()),
            Some("ERR_UNKNOWN_FILE_EXTENSION"),
        )),
        _ => {
            let run: Function = shell.builtin_function(ctx, "internal/commonjs", "runMain")?;
            run.call::<_, ()>((file.to_string_lossy().as_ref(),))?;
            Ok(None)
        }
    }
}

/// Runs code that is not in a file, as a classic script unless only a module can hold it.
pub fn run_code<'js>(
    ctx: &Ctx<'js>,
    shell: &Rc<Shell>,
    code: String,
    name: &'static str,
    print: bool,
) -> Result<Option<Promise<'js>>> {
    let directory = path::current_directory();
    if format::is_module_text(ctx, &code, name) {
        let url = path::directory_url(&directory).and_then(|base| base.join(name).ok());
        let url = url.map_or_else(|| name.to_owned(), |url| url.to_string());
        let module = loader::declare(ctx, shell, &url, code)?;
        return Ok(Some(module.eval()?.1));
    }
    let prepare = shell.builtin_function(ctx, "internal/commonjs", "prepareGlobal")?;
    prepare.call::<_, ()>((name, directory.to_string_lossy().as_ref()))?;
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.to_owned());
    let value: Value = ctx.eval_with_options(code, options)?;
    if print {
        let console: Object = ctx.globals().get("console")?;
        console.get::<_, Function>("log")?.call::<_, ()>((value,))?;
    }
    Ok(None)
}

/// Evaluates the module `name` at once and gives its namespace; an error if it has to wait for something.
pub fn evaluate_now<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, name: &str) -> Result<Object<'js>> {
    let module: Module<'js> = loader::load(ctx, shell, name, None)?;
    let (module, promise) = module.eval()?;
    match promise.result::<Value>() {
        Some(result) => {
            result?;
            module.namespace()
        }
        None => Err(throw::throw_code(
            ctx,
            Kind::Error,
            &format!("require() cannot be used on {name}: it has a top-level await. Use import() instead"),
            Some("ERR_REQUIRE_ASYNC_MODULE"),
        )),
    }
}

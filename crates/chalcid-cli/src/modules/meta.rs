//! `import.meta`.

use std::rc::Rc;

use rquickjs::object::Property;
use rquickjs::{Ctx, Function, Module, Object, Result};

use super::path;
use crate::runtime::Shell;

/// Fills in `import.meta` of the module `name`.
pub fn fill<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, module: &Module<'js>, name: &str) -> Result<()> {
    let meta: Object = module.meta()?;
    if let Some(file) = path::of_module(name) {
        let directory = file.parent().unwrap_or(&file).to_string_lossy().into_owned();
        meta.prop("dirname", Property::from(directory).writable().enumerable().configurable())?;
        let file = file.to_string_lossy().into_owned();
        meta.prop("filename", Property::from(file).writable().enumerable().configurable())?;
    }
    let base = name.to_owned();
    let shell = Rc::clone(shell);
    let resolve = move |ctx: Ctx<'js>, specifier: String| shell.modules.resolvers.address(&ctx, &base, &specifier);
    let resolve = Function::new(ctx.clone(), resolve)?.with_name("resolve")?;
    meta.prop("resolve", Property::from(resolve).writable().enumerable().configurable())?;
    meta.prop("url", Property::from(name).writable().enumerable().configurable())
}

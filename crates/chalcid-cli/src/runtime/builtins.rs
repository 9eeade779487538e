//! The JavaScript pieces of the runtime, each run the first time something needs it.
//!
//! A [`Builtin`] is one file of JavaScript, the body of a function `(module, exports, require, native)`: `require` gives
//! another builtin's exports, `native` is an object with the Rust functions made for this file alone. The build script has
//! compiled the files to bytecode, so that loading one costs no parsing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use rquickjs::function::Func;
use rquickjs::loader::Loader;
use rquickjs::loader::bundle::Bundle;
use rquickjs::{Ctx, Function, Object, Persistent, Result, Value};

use super::Shell;
use super::throw::{self, Kind};
use crate::{node, web};

/// Makes the `native` object of a builtin.
pub type Natives = for<'js> fn(&Ctx<'js>, &Rc<Shell>) -> Result<Object<'js>>;

/// One JavaScript piece of the runtime.
pub struct Builtin {
    /// Its name: that of the Node module it is, or a path below `js/`.
    pub name: &'static str,
    /// Its file below `js/`, without extension.
    pub file: &'static str,
    /// Its native half.
    pub natives: Option<Natives>,
}

impl Builtin {
    /// A builtin without a native half.
    pub const fn script(name: &'static str, file: &'static str) -> Builtin {
        Builtin { name, file, natives: None }
    }

    /// A builtin with a native half.
    pub const fn native(name: &'static str, file: &'static str, natives: Natives) -> Builtin {
        Builtin { name, file, natives: Some(natives) }
    }
}

/// The exports of the builtins that have been loaded.
#[derive(Default)]
pub struct Builtins {
    loaded: RefCell<HashMap<&'static str, Persistent<Object<'static>>>>,
}

/// The builtin called `name`.
fn find(name: &str) -> Option<&'static Builtin> {
    web::BUILTINS.iter().chain(node::BUILTINS).find(|builtin| builtin.name == name)
}

impl Shell {
    /// The exports of the builtin `name`, loaded now if it has not been.
    pub fn builtin<'js>(self: &Rc<Shell>, ctx: &Ctx<'js>, name: &str) -> Result<Value<'js>> {
        let loaded = self.builtins.loaded.borrow().get(name).cloned();
        if let Some(module) = loaded {
            return module.restore(ctx)?.get("exports");
        }
        let Some(builtin) = find(name) else {
            return Err(throw::throw(ctx, Kind::Error, &format!("no such piece of the runtime: {name}")));
        };
        let module = Object::new(ctx.clone())?;
        let exports = Object::new(ctx.clone())?;
        module.set("exports", exports.clone())?;
        // Known before it runs, so that two builtins may need each other.
        let saved = Persistent::save(ctx, module.clone());
        self.builtins.loaded.borrow_mut().insert(builtin.name, saved);
        let natives = match builtin.natives {
            Some(natives) => natives(ctx, self)?.into_value(),
            None => Value::new_undefined(ctx.clone()),
        };
        let shell = Rc::clone(self);
        let require = Function::new(ctx.clone(), move |ctx: Ctx<'js>, name: String| shell.builtin(&ctx, &name))?;
        let run = compiled(ctx, builtin)?;
        if let Err(error) = run.call::<_, ()>((module.clone(), exports, require, natives)) {
            self.builtins.loaded.borrow_mut().remove(builtin.name);
            return Err(error);
        }
        module.get("exports")
    }

    /// The function `function` of the builtin `name`.
    pub fn builtin_function<'js>(
        self: &Rc<Shell>,
        ctx: &Ctx<'js>,
        name: &str,
        function: &str,
    ) -> Result<Function<'js>> {
        let exports = self.builtin(ctx, name)?;
        Object::from_value(exports)?.get(function)
    }
}

include!(concat!(env!("OUT_DIR"), "/bytecode.rs"));

/// The function that a builtin's file is the body of.
fn compiled<'js>(ctx: &Ctx<'js>, builtin: &Builtin) -> Result<Function<'js>> {
    let module = Bundle(BYTECODE).load(ctx, &format!("chalcid:{}", builtin.file), None)?;
    let (module, evaluated) = module.eval()?;
    evaluated.result::<()>().transpose()?;
    module.get("default")
}

/// Adds the Rust function `function` to `target` under `name`.
pub fn method<'js, F, P>(target: &Object<'js>, name: &str, function: F) -> Result<()>
where
    F: rquickjs::function::IntoJsFunc<'js, P> + 'js,
    P: 'js,
{
    target.set(name, Func::new(function))
}

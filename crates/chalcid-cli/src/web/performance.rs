//! `performance`, over the engine's own clock.

use std::rc::Rc;

use rquickjs::{Ctx, Object, Persistent, Result};

use crate::runtime::Shell;
use crate::runtime::builtins::Builtin;

/// `web/performance`.
pub const BUILTIN: Builtin = Builtin::native("web/performance", "web/performance", natives);

fn natives<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    let engine = shell.engine_performance.borrow().clone().ok_or(rquickjs::Error::Unknown)?;
    native.set("engine", Persistent::restore(engine, ctx)?)?;
    Ok(native)
}

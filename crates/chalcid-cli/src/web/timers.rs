//! `setTimeout` and its family.

use std::rc::Rc;

use rquickjs::{Ctx, Function, Object, Persistent, Result};

use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};
use crate::runtime::event_loop::Dispatch;

/// `web/timers`.
pub const BUILTIN: Builtin = Builtin::native("web/timers", "web/timers", natives);

fn natives<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    let of = Rc::clone(shell);
    method(&native, "setDispatch", move |ctx: Ctx<'js>, fire: Function<'js>, immediate: Function<'js>| {
        of.event_loop.set_dispatch(Dispatch {
            fire: Persistent::save(&ctx, fire),
            immediate: Persistent::save(&ctx, immediate),
        });
    })?;
    let of = Rc::clone(shell);
    method(&native, "schedule", move |id: u32, delay: f64| of.event_loop.schedule(id, delay))?;
    let of = Rc::clone(shell);
    method(&native, "cancel", move |id: u32| of.event_loop.cancel(id).is_some())?;
    let of = Rc::clone(shell);
    method(&native, "keepAlive", move |id: u32, keeps_alive: bool| of.event_loop.keep_alive(id, keeps_alive))?;
    let of = Rc::clone(shell);
    method(&native, "wantImmediates", move || of.event_loop.want_immediates())?;
    Ok(native)
}

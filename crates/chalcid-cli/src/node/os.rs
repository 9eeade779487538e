//! `os`.

use std::rc::Rc;

use rquickjs::{Ctx, Object, Result};

use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};

/// `os`.
pub const BUILTIN: Builtin = Builtin::native("os", "node/os", natives);

fn natives<'js>(ctx: &Ctx<'js>, _shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    method(&native, "uname", |ctx: Ctx<'js>| -> Result<Object<'js>> {
        let uname = rustix::system::uname();
        let names = Object::new(ctx)?;
        names.set("system", uname.sysname().to_string_lossy().as_ref())?;
        names.set("host", uname.nodename().to_string_lossy().as_ref())?;
        names.set("release", uname.release().to_string_lossy().as_ref())?;
        names.set("version", uname.version().to_string_lossy().as_ref())?;
        names.set("machine", uname.machine().to_string_lossy().as_ref())?;
        Ok(names)
    })?;
    method(&native, "parallelism", || std::thread::available_parallelism().map_or(1, std::num::NonZero::get))?;
    #[cfg(target_os = "linux")]
    method(&native, "system", |ctx: Ctx<'js>| -> Result<Object<'js>> {
        let info = rustix::system::sysinfo();
        let unit = f64::from(info.mem_unit.max(1));
        let state = Object::new(ctx)?;
        state.set("uptime", info.uptime as f64)?;
        state.set("total", info.totalram as f64 * unit)?;
        state.set("free", info.freeram as f64 * unit)?;
        state.set("loads", info.loads.map(|load| load as f64 / 65536.0).to_vec())?;
        Ok(state)
    })?;
    Ok(native)
}

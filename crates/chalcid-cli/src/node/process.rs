//! `process`.

use std::io::IsTerminal;
use std::rc::Rc;
use std::time::Instant;

use rquickjs::{Array, Ctx, Object, Promise, Result, TypedArray};

use super::system_error::SystemError;
use crate::bytes;
use crate::modules::path;
use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};
use crate::web::console;

/// `process`.
pub const BUILTIN: Builtin = Builtin::native("process", "node/process", natives);

fn natives<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    native.set("argv", shell.process.argv.clone())?;
    native.set("version", env!("CARGO_PKG_VERSION"))?;
    native.set("platform", platform())?;
    native.set("arch", arch())?;
    native.set("pid", std::process::id())?;
    native.set("ppid", std::os::unix::process::parent_id())?;
    native.set(
        "terminals",
        [std::io::stdin().is_terminal(), std::io::stdout().is_terminal(), std::io::stderr().is_terminal()].to_vec(),
    )?;
    hooks(&native, shell)?;
    surroundings(&native)?;
    streams(&native, shell)?;
    Ok(native)
}

/// How the runtime and `process` take part in each other.
fn hooks<'js>(native: &Object<'js>, shell: &Rc<Shell>) -> Result<()> {
    let of = Rc::clone(shell);
    method(native, "setHooks", move |ctx: Ctx<'js>, hooks: Object<'js>| of.process.set_hooks(&ctx, hooks))?;
    let of = Rc::clone(shell);
    method(native, "wantTicks", move || of.process.ticks.set(true))?;
    let of = Rc::clone(shell);
    method(native, "getExitCode", move || of.process.exit_code.get())?;
    let of = Rc::clone(shell);
    method(native, "setExitCode", move |code: Option<i32>| of.process.exit_code.set(code))?;
    let of = Rc::clone(shell);
    method(native, "exit", move |ctx: Ctx<'js>, code: Option<i32>| -> Result<()> { of.exit(&ctx, code) })?;
    method(native, "abort", || -> () { std::process::abort() })
}

/// Environment, directory, time and identity.
fn surroundings<'js>(native: &Object<'js>) -> Result<()> {
    method(native, "env", |ctx: Ctx<'js>| -> Result<Object<'js>> {
        let env = Object::new(ctx)?;
        for (name, value) in std::env::vars_os() {
            env.set(name.to_string_lossy().as_ref(), value.to_string_lossy().as_ref())?;
        }
        Ok(env)
    })?;
    method(native, "cwd", || path::current_directory().to_string_lossy().into_owned())?;
    method(native, "chdir", |ctx: Ctx<'js>, directory: String| {
        std::env::set_current_dir(&directory)
            .map_err(|error| SystemError::new(&error, "chdir", Some(&directory), None).throw(&ctx))
    })?;
    let started = Instant::now();
    method(native, "nanoseconds", move |ctx: Ctx<'js>| -> Result<Array<'js>> {
        let elapsed = started.elapsed();
        let parts = Array::new(ctx)?;
        parts.set(0, elapsed.as_secs() as f64)?;
        parts.set(1, elapsed.subsec_nanos())?;
        Ok(parts)
    })?;
    method(native, "residentBytes", resident_bytes)?;
    method(native, "ids", |ctx: Ctx<'js>| -> Result<Array<'js>> {
        let ids = Array::new(ctx)?;
        ids.set(0, rustix::process::getuid().as_raw())?;
        ids.set(1, rustix::process::getgid().as_raw())?;
        Ok(ids)
    })
}

/// Standard input, output and error.
fn streams<'js>(native: &Object<'js>, shell: &Rc<Shell>) -> Result<()> {
    method(native, "write", |to_stderr: bool, input: TypedArray<'js, u8>| -> Result<()> {
        console::write(to_stderr, &bytes::copy(&input)?);
        Ok(())
    })?;
    method(native, "windowSize", |ctx: Ctx<'js>, fd: i32| -> Result<Option<Array<'js>>> {
        let size = match fd {
            1 => rustix::termios::tcgetwinsize(rustix::stdio::stdout()),
            _ => rustix::termios::tcgetwinsize(rustix::stdio::stderr()),
        };
        let Ok(size) = size else { return Ok(None) };
        let array = Array::new(ctx)?;
        array.set(0, size.ws_col)?;
        array.set(1, size.ws_row)?;
        Ok(Some(array))
    })?;
    let of = Rc::clone(shell);
    method(native, "readInput", move |ctx: Ctx<'js>| -> Result<Promise<'js>> {
        of.in_background(&ctx, false, || {
            let mut piece = vec![0; 1 << 16];
            let result = std::io::Read::read(&mut std::io::stdin().lock(), &mut piece);
            Box::new(move |ctx| match result {
                Ok(count) => {
                    piece.truncate(count);
                    bytes::uint8_array(ctx, piece)
                }
                Err(error) => Err(SystemError::new(&error, "read", None, None).throw(ctx)),
            })
        })
    })
}

const fn platform() -> &'static str {
    if cfg!(target_os = "macos") { "darwin" } else { "linux" }
}

const fn arch() -> &'static str {
    if cfg!(target_arch = "x86_64") {
        "x64"
    } else if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        std::env::consts::ARCH
    }
}

/// The memory that the process holds, by the kernel's account.
fn resident_bytes() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok())
        .unwrap_or(0.0);
    pages * rustix::param::page_size() as f64
}

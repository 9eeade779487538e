//! `console`, and the inspection of values that it prints.

use std::io::Write;
use std::rc::Rc;

use rquickjs::promise::PromiseState;
use rquickjs::{Array, Ctx, Object, Promise, Result, Value};

use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};

/// `web/console`.
pub const BUILTIN: Builtin = Builtin::native("web/console", "web/console", console);

/// `internal/inspect`.
pub const INSPECT: Builtin = Builtin::native("internal/inspect", "internal/inspect", inspect);

fn console<'js>(ctx: &Ctx<'js>, _shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    method(&native, "write", |to_stderr: bool, text: String| write(to_stderr, text.as_bytes()))?;
    Ok(native)
}

/// Writes to standard output or standard error at once.
///
/// A program whose output nobody reads any more ends, as others do by SIGPIPE; that a stream was closed from the start is no error of
/// the program's.
pub fn write(to_stderr: bool, bytes: &[u8]) {
    if to_stderr {
        drop(std::io::stderr().lock().write_all(bytes));
        return;
    }
    let mut stdout = std::io::stdout().lock();
    let result = stdout.write_all(bytes).and_then(|()| stdout.flush());
    if result.is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
        std::process::exit(1);
    }
}

fn inspect<'js>(ctx: &Ctx<'js>, _shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    method(&native, "isProxy", |value: Value<'js>| value.is_proxy())?;
    method(&native, "isError", |value: Value<'js>| value.is_error())?;
    method(&native, "promiseState", |ctx: Ctx<'js>, promise: Promise<'js>| -> Result<Array<'js>> {
        let state = Array::new(ctx.clone())?;
        match promise.state() {
            PromiseState::Pending => state.set(0, "pending")?,
            PromiseState::Resolved => {
                state.set(0, "fulfilled")?;
                if let Some(value) = promise.result::<Value>() {
                    state.set(1, value?)?;
                }
            }
            PromiseState::Rejected => {
                state.set(0, "rejected")?;
                if let Some(Err(_)) = promise.result::<Value>() {
                    state.set(1, ctx.catch())?;
                }
            }
        }
        Ok(state)
    })?;
    Ok(native)
}

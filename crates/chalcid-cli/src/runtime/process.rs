//! The part of `process` that the runtime itself needs: arguments, exit code, and the hooks by which `js/node/process.js`
//! takes part in uncaught errors, ticks and the end of the program.
//!
//! The hooks exist only if the program has used `process`, so a program that does not never loads it.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::rc::Rc;

use rquickjs::function::IntoArgs;
use rquickjs::{Ctx, FromJs, Function, Object, Persistent, Result, Value};

use super::{Entry, Shell};
use crate::modules::path;

/// Arguments, exit code and hooks.
pub struct ProcessState {
    /// `process.argv`.
    pub argv: Vec<String>,
    /// The status the process will end with, if anything has set one.
    pub exit_code: Cell<Option<i32>>,
    /// Whether callbacks of `process.nextTick` are waiting.
    pub ticks: Cell<bool>,
    /// Whether a person types the program, so that errors do not end it.
    pub interactive: Cell<bool>,
    hooks: RefCell<Option<Persistent<Object<'static>>>>,
    exiting: Cell<bool>,
}

impl ProcessState {
    /// The state of a program about to start.
    pub fn new(entry: &Entry, arguments: Vec<OsString>) -> ProcessState {
        let mut argv = vec![executable()];
        if let Entry::File(file) = entry {
            argv.push(path::absolute(file).to_string_lossy().into_owned());
        }
        argv.extend(arguments.iter().map(|argument| argument.to_string_lossy().into_owned()));
        ProcessState {
            argv,
            exit_code: Cell::new(None),
            ticks: Cell::new(false),
            interactive: Cell::new(matches!(entry, Entry::Repl)),
            hooks: RefCell::new(None),
            exiting: Cell::new(false),
        }
    }

    /// Sets the object whose methods are the hooks.
    pub fn set_hooks<'js>(&self, ctx: &Ctx<'js>, hooks: Object<'js>) {
        *self.hooks.borrow_mut() = Some(Persistent::save(ctx, hooks));
    }

    /// Calls the hook `name`, if `process` is in use.
    fn call<'js, R: FromJs<'js>>(
        &self,
        ctx: &Ctx<'js>,
        name: &str,
        arguments: impl IntoArgs<'js>,
    ) -> Result<Option<R>> {
        let Some(hooks) = self.hooks.borrow().clone() else { return Ok(None) };
        let hook: Function = hooks.restore(ctx)?.get(name)?;
        hook.call(arguments).map(Some)
    }
}

/// The path of this program.
fn executable() -> String {
    std::env::current_exe().map_or_else(|_| "chalcid".to_owned(), |path| path.to_string_lossy().into_owned())
}

/// Runs the waiting ticks.
pub fn run_ticks(ctx: &Ctx<'_>, shell: &Shell) -> Result<()> {
    shell.process.call::<()>(ctx, "ticks", ()).map(|_| ())
}

/// Emits `beforeExit`.
pub fn emit_before_exit(ctx: &Ctx<'_>, shell: &Shell) -> Result<()> {
    shell.process.call::<()>(ctx, "beforeExit", (shell.process.exit_code.get().unwrap_or(0),)).map(|_| ())
}

/// Emits `exit`, once. What its handlers throw cannot change anything any more but the status.
pub fn emit_exit(ctx: &Ctx<'_>, shell: &Rc<Shell>) {
    if shell.process.exiting.replace(true) {
        return;
    }
    let code = shell.process.exit_code.get().unwrap_or(0);
    if let Err(error) = shell.process.call::<()>(ctx, "exit", (code,)) {
        let value = super::throw::caught(ctx, error);
        crate::errors::print(ctx, shell, &value, false);
        shell.process.exit_code.set(Some(7));
    }
}

/// Offers an uncaught error to the program's own handlers; tells whether one took it.
pub fn emit_uncaught<'js>(ctx: &Ctx<'js>, shell: &Shell, value: &Value<'js>, origin: &str) -> Result<bool> {
    Ok(shell.process.call(ctx, "uncaught", (value.clone(), origin))?.unwrap_or(false))
}

/// Offers an unhandled rejection to the program's own handlers; tells whether one took it.
pub fn emit_rejection<'js>(ctx: &Ctx<'js>, shell: &Shell, reason: &Value<'js>, promise: Value<'js>) -> Result<bool> {
    Ok(shell.process.call(ctx, "rejection", (reason.clone(), promise))?.unwrap_or(false))
}

//! The JavaScript engine of one program and everything that program's run needs: the [`Shell`].
//!
//! A run is: make the engine and its global object, load the entry, then turn the [`event_loop`] until nothing is left to do,
//! and end the process. The engine is not torn down: the process's memory goes as a whole.

pub mod builtins;
pub mod event_loop;
pub mod globals;
pub mod jobs;
pub mod process;
pub mod tasks;
pub mod throw;

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use rquickjs::{Context, Ctx, Object, Persistent, Promise, Result, Runtime, promise::PromiseState};
use url::Url;

use crate::wasm::{self, Wasm};
use crate::{errors, modules, repl};
use builtins::Builtins;
use event_loop::EventLoop;
use jobs::Rejections;
use process::ProcessState;
use tasks::Tasks;

/// What a process was asked to run.
pub enum Entry {
    /// A file.
    File(PathBuf),
    /// Code from the command line or standard input.
    Code {
        /// The text.
        code: String,
        /// What stands for a file name in stack traces.
        name: &'static str,
        /// Whether the value of the last expression is printed.
        print: bool,
    },
    /// The prompt.
    Repl,
}

/// One running program: the engine and the state of every part of the runtime.
pub struct Shell {
    /// The engine.
    pub runtime: Runtime,
    /// Its only realm.
    pub context: Context,
    /// Timers and what ends a wait.
    pub event_loop: EventLoop,
    /// Work that goes on outside the JavaScript thread.
    pub tasks: Tasks,
    /// Promises rejected with nobody listening.
    pub rejections: Rejections,
    /// The JavaScript pieces of the runtime that have been loaded.
    pub builtins: Builtins,
    /// The engine of WebAssembly, once it is used.
    pub wasm: Wasm,
    /// Module resolution and its caches.
    pub modules: modules::Modules,
    /// Arguments, exit code and the hooks of the `process` object.
    pub process: ProcessState,
    /// The `performance` that the engine came with.
    pub engine_performance: RefCell<Option<Persistent<Object<'static>>>>,
    /// The address that relative addresses given to `fetch` are resolved against.
    pub base: RefCell<Option<Url>>,
}

impl Shell {
    /// Makes the engine and its global object.
    pub fn new(entry: &Entry, arguments: Vec<OsString>, wasm: wasm::Options) -> Result<Rc<Shell>> {
        let runtime = Runtime::new()?;
        runtime.set_max_stack_size(usable_stack());
        runtime.set_gc_threshold(8 << 20);
        let context = Context::full(&runtime)?;
        let shell = Rc::new(Shell {
            event_loop: EventLoop::new(),
            tasks: Tasks::new(),
            rejections: Rejections::default(),
            builtins: Builtins::default(),
            wasm: Wasm::new(wasm),
            modules: modules::Modules::default(),
            process: ProcessState::new(entry, arguments),
            engine_performance: RefCell::new(None),
            base: RefCell::new(modules::path::directory_url(&modules::path::current_directory())),
            runtime,
            context,
        });
        shell.rejections.install(&shell);
        modules::install(&shell);
        shell.context.with(|ctx| globals::install(&ctx, &shell))?;
        Ok(shell)
    }

    /// Runs the entry and whatever it starts, and ends the process.
    pub fn run(self: Rc<Shell>, entry: Entry) -> ExitCode {
        if let Entry::Repl = entry {
            repl::run(&self);
        } else {
            let main = self.context.with(|ctx| match self.start(&ctx, entry) {
                Ok(main) => main,
                Err(error) => {
                    let value = throw::caught(&ctx, error);
                    errors::uncaught(&ctx, &self, value, errors::Origin::Exception);
                    None
                }
            });
            if main.is_some() {
                // A module is itself evaluated by a promise job, so the others come before any tick.
                self.run_promise_jobs();
            }
            self.turn_until_idle();
            if let Some(main) = main {
                self.context.with(|ctx| self.check_settled(&ctx, main));
            }
        }
        self.context.with(|ctx| self.exit(&ctx, None))
    }

    /// Loads and evaluates the entry. A module's evaluation may still be going on when this returns.
    fn start<'js>(self: &Rc<Shell>, ctx: &Ctx<'js>, entry: Entry) -> Result<Option<Persistent<Promise<'static>>>> {
        let promise = match entry {
            Entry::File(path) => modules::run_file(ctx, self, &path)?,
            Entry::Code { code, name, print } => modules::run_code(ctx, self, code, name, print)?,
            Entry::Repl => None,
        };
        Ok(promise.map(|promise| Persistent::save(ctx, promise)))
    }

    /// A main module that waits for something nobody will ever deliver.
    fn check_settled(&self, ctx: &Ctx<'_>, main: Persistent<Promise<'static>>) {
        let Ok(main) = main.restore(ctx) else { return };
        if main.state() == PromiseState::Pending && self.process.exit_code.get().is_none() {
            errors::warn("Warning: Detected unsettled top-level await: nothing is left that could settle it");
            self.process.exit_code.set(Some(13));
        }
    }

    /// Ends the process with `code`, or with the one that the program left in `process.exitCode`, after its `exit` handlers.
    pub fn exit(self: &Rc<Shell>, ctx: &Ctx<'_>, code: Option<i32>) -> ! {
        if let Some(code) = code {
            self.process.exit_code.set(Some(code));
        }
        process::emit_exit(ctx, self);
        self.wasm.finish();
        std::process::exit(self.process.exit_code.get().unwrap_or(0))
    }

    /// Calls a function of the event loop's, reporting what it throws as uncaught and running the jobs it leaves.
    pub fn callback(self: &Rc<Shell>, call: impl for<'js> FnOnce(&Ctx<'js>) -> Result<()>) {
        self.context.with(|ctx| {
            if let Err(error) = call(&ctx) {
                let value = throw::caught(&ctx, error);
                errors::uncaught(&ctx, self, value, errors::Origin::Exception);
            }
        });
        self.run_jobs();
    }
}

/// How much of the main thread's stack JavaScript may use: all of it but what the native frames on top may need.
fn usable_stack() -> usize {
    const DEFAULT: u64 = 8 << 20;
    const RESERVE: u64 = 1 << 20;
    const MOST: u64 = 256 << 20;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Stack).current.unwrap_or(MOST).min(MOST);
    let limit = if limit == 0 { DEFAULT } else { limit };
    usize::try_from(limit.saturating_sub(RESERVE).max(limit / 2)).unwrap_or(usize::MAX)
}

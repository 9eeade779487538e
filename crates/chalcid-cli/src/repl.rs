//! The prompt: reads a line, evaluates it, prints what it gives.
//!
//! Lines are read on a thread of their own, so that timers and finished work go on while somebody types. The two sides take
//! turns: the reader waits until its line has been dealt with before it asks for the next.

use std::io::IsTerminal;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};

use rquickjs::context::EvalOptions;
use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Function, Object, Persistent, Promise, Result, Value};
use rustyline::error::ReadlineError;

use crate::errors::{self, Origin};
use crate::modules::path;
use crate::runtime::Shell;
use crate::runtime::tasks::Inbox;
use crate::runtime::throw;

/// What the reader's thread tells.
enum Read {
    Line(String),
    /// The line under way was given up.
    Interrupted,
    End,
}

/// What the evaluating side tells.
enum Next {
    /// Ask for a new command.
    Fresh,
    /// The command is not complete.
    More,
}

/// Reads, evaluates and prints until the input ends.
pub fn run(shell: &Rc<Shell>) {
    let (lines_in, lines) = mpsc::channel();
    let (next, next_out) = mpsc::channel();
    let inbox = shell.tasks.inbox();
    if std::io::stdin().is_terminal() {
        println!("Chalcid {}. Type .exit or press Ctrl+D to leave.", env!("CARGO_PKG_VERSION"));
    }
    shell.context.with(|ctx| {
        let prepared = shell.builtin_function(&ctx, "internal/commonjs", "prepareGlobal").and_then(|prepare| {
            prepare.call::<_, ()>(("[repl]", path::current_directory().to_string_lossy().as_ref()))
        });
        if let Err(error) = prepared {
            errors::uncaught(&ctx, shell, throw::caught(&ctx, error), Origin::Exception);
        }
    });
    std::thread::spawn(move || read_lines(&lines_in, &next_out, &inbox));
    let mut command = String::new();
    if next.send(Next::Fresh).is_err() {
        return;
    }
    while let Some(line) = wait_for_line(shell, &lines) {
        let answer = match line {
            Read::End => break,
            Read::Interrupted => {
                command.clear();
                Next::Fresh
            }
            Read::Line(line) => {
                command.push_str(&line);
                command.push('\n');
                if command.trim() == ".exit" {
                    break;
                }
                if evaluate(shell, &command) {
                    command.clear();
                    Next::Fresh
                } else {
                    Next::More
                }
            }
        };
        if next.send(answer).is_err() {
            break;
        }
    }
    shell.process.interactive.set(false);
}

/// Turns the event loop until a line has arrived.
fn wait_for_line(shell: &Rc<Shell>, lines: &Receiver<Read>) -> Option<Read> {
    loop {
        match lines.try_recv() {
            Ok(line) => return Some(line),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => shell.turn_once(),
        }
    }
}

/// The reader's side.
fn read_lines(lines: &Sender<Read>, next: &Receiver<Next>, inbox: &Arc<Inbox>) {
    let Ok(mut editor) = rustyline::DefaultEditor::new() else { return };
    while let Ok(next) = next.recv() {
        let prompt = match next {
            Next::Fresh => "> ",
            Next::More => "... ",
        };
        let read = match editor.readline(prompt) {
            Ok(line) => {
                // A history that is full or switched off is no reason to stop.
                let _ = editor.add_history_entry(&line);
                Read::Line(line)
            }
            Err(ReadlineError::Interrupted) => Read::Interrupted,
            Err(_) => Read::End,
        };
        let ended = matches!(read, Read::End);
        let sent = lines.send(read);
        inbox.wake();
        if ended || sent.is_err() {
            return;
        }
    }
}

/// Evaluates a command and prints its value or error; false if it needs more lines.
fn evaluate(shell: &Rc<Shell>, command: &str) -> bool {
    let started = shell.context.with(|ctx| match start(&ctx, command) {
        Ok(promise) => Some(Some(Persistent::save(&ctx, promise))),
        Err(error) => {
            let thrown = throw::caught(&ctx, error);
            if wants_more(&thrown) {
                return None;
            }
            errors::uncaught(&ctx, shell, thrown, Origin::Exception);
            Some(None)
        }
    });
    let Some(started) = started else { return false };
    let Some(promise) = started else { return true };
    let settled = || {
        shell
            .context
            .with(|ctx| promise.clone().restore(&ctx).is_ok_and(|promise| promise.state() != PromiseState::Pending))
    };
    shell.turn_while(|| !settled());
    shell.context.with(|ctx| {
        let printed = promise.clone().restore(&ctx).and_then(|promise| print(&ctx, shell, &promise));
        if let Err(error) = printed {
            errors::uncaught(&ctx, shell, throw::caught(&ctx, error), Origin::Exception);
        }
    });
    shell.run_jobs();
    true
}

/// Evaluates a command as a script that may await; an object literal is taken for one, not for a block.
fn start<'js>(ctx: &Ctx<'js>, command: &str) -> Result<Promise<'js>> {
    let options = || {
        let mut options = EvalOptions::default();
        options.strict = false;
        options.promise = true;
        options.filename = Some("[repl]".to_owned());
        options
    };
    let trimmed = command.trim_end();
    let promise: Promise = if trimmed.starts_with('{') && trimmed.ends_with('}') {
        match ctx.eval_with_options(format!("({trimmed}\n)"), options()) {
            Ok(promise) => promise,
            Err(_) => {
                ctx.catch();
                ctx.eval_with_options(command, options())?
            }
        }
    } else {
        ctx.eval_with_options(command, options())?
    };
    // Its failure is printed here; nobody else is to report it.
    let ignore = Function::new(ctx.clone(), || {})?;
    promise.catch()?.call::<_, ()>((rquickjs::function::This(promise.clone()), ignore))?;
    Ok(promise)
}

/// Whether a syntax error only says that the text ends too early.
fn wants_more(thrown: &Value<'_>) -> bool {
    let Some(error) = thrown.as_object() else { return false };
    let name: String = error.get("name").unwrap_or_default();
    let message: String = error.get("message").unwrap_or_default();
    name == "SyntaxError"
        && ["unexpected end", "unterminated template", "unexpected token in expression: ''", "got ''", "end of input"]
            .iter()
            .any(|sign| message.contains(sign))
}

fn print<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, promise: &Promise<'js>) -> Result<()> {
    let value: Value = match promise.result::<Object>() {
        Some(result) => result?.get("value")?,
        None => {
            println!("(still waiting)");
            return Ok(());
        }
    };
    ctx.globals().set("_", value.clone())?;
    let options = Object::new(ctx.clone())?;
    options.set("colors", std::io::stdout().is_terminal())?;
    let inspect = shell.builtin_function(ctx, "internal/inspect", "inspect")?;
    let text: String = inspect.call((value, options))?;
    println!("{text}");
    Ok(())
}

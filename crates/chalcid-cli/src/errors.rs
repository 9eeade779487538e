//! What a program that failed prints, and what happens to it then.

use std::io::Write;
use std::rc::Rc;

use rquickjs::{Ctx, Object, Value};

use crate::modules::path;
use crate::runtime::{Shell, process, throw};

/// How a value came to be uncaught.
pub enum Origin<'js> {
    /// It was thrown.
    Exception,
    /// This promise was rejected with it.
    Rejection(Value<'js>),
}

/// A value that nobody caught: the program's own handlers may take it, else it is printed and the program ends with status 1.
pub fn uncaught<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, value: Value<'js>, origin: Origin<'js>) {
    let taken = match &origin {
        Origin::Exception => process::emit_uncaught(ctx, shell, &value, "uncaughtException"),
        Origin::Rejection(promise) => {
            process::emit_rejection(ctx, shell, &value, promise.clone()).and_then(|taken| match taken {
                true => Ok(true),
                false => process::emit_uncaught(ctx, shell, &value, "unhandledRejection"),
            })
        }
    };
    let in_promise = matches!(origin, Origin::Rejection(_));
    let status = match taken {
        Ok(true) => return,
        Ok(false) => {
            print(ctx, shell, &value, in_promise);
            1
        }
        // A handler that fails itself ends the program, as in Node.
        Err(error) => {
            let value = throw::caught(ctx, error);
            print(ctx, shell, &value, false);
            7
        }
    };
    if !shell.process.interactive.get() {
        shell.exit(ctx, Some(status));
    }
}

/// Prints an uncaught value: the line of source it comes from, and the value as `console.log` would show it.
pub fn print<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, value: &Value<'js>, in_promise: bool) {
    let mut text = String::new();
    if !shell.process.interactive.get()
        && let Some(frame) = stack(value).as_deref().and_then(source_line)
    {
        text.push_str(&frame);
        text.push('\n');
    }
    text.push_str("Uncaught ");
    if in_promise && !value.is_error() {
        text.push_str("(in promise) ");
    }
    text.push_str(&describe(ctx, shell, value));
    text.push('\n');
    to_stderr(&text);
}

/// Prints a line to standard error.
pub fn warn(line: &str) {
    to_stderr(&format!("{line}\n"));
}

fn to_stderr(text: &str) {
    // Nobody is left to be told that standard error is closed.
    drop(std::io::stderr().write_all(text.as_bytes()));
}

/// The value as `console.log` shows it; if that fails too (no memory, no stack), what can be said without running JavaScript.
pub fn describe<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, value: &Value<'js>) -> String {
    let inspected = shell
        .builtin_function(ctx, "internal/inspect", "inspect")
        .and_then(|inspect| inspect.call::<_, String>((value.clone(),)));
    match inspected {
        Ok(text) => text,
        Err(error) => {
            if error.is_exception() {
                ctx.catch();
            }
            plain(value)
        }
    }
}

fn plain(value: &Value<'_>) -> String {
    let property = |name: &str| value.as_object().and_then(|object| object.get::<_, String>(name).ok());
    match (property("name"), property("message"), property("stack")) {
        (Some(name), Some(message), stack) => {
            format!("{name}: {message}\n{}", stack.unwrap_or_default().trim_end())
        }
        _ => format!("a value of type {}", value.type_name()),
    }
}

fn stack(value: &Value<'_>) -> Option<String> {
    if !value.is_error() {
        return None;
    }
    Object::from_value(value.clone()).ok()?.get("stack").ok()
}

/// The line of source that the first frame of `stack` names, with a mark under the column.
fn source_line(stack: &str) -> Option<String> {
    let frame = stack.lines().find(|line| line.trim_start().starts_with("at "))?;
    let place = match (frame.rfind('('), frame.rfind(')')) {
        (Some(open), Some(close)) if open < close => &frame[open + 1..close],
        _ => frame.trim_start().trim_start_matches("at "),
    };
    let (place, column) = place.rsplit_once(':')?;
    let (file, line) = place.rsplit_once(':')?;
    let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
    let source = std::fs::read_to_string(path::of_module(file)?).ok()?;
    let text = source.lines().nth(line.checked_sub(1)?)?;
    if text.len() > 300 {
        return None;
    }
    let indent: String = text
        .chars()
        .take(column.saturating_sub(1))
        .map(|character| if character == '\t' { '\t' } else { ' ' })
        .collect();
    Some(format!("{file}:{line}\n{text}\n{indent}^\n"))
}

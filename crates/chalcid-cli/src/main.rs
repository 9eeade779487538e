//! The command `chalcid`: runs JavaScript programs and npm packages that use WebAssembly.
//!
//! `main` reads the arguments and hands over to [`runtime`], which owns the JavaScript engine and the event loop. Around it:
//! [`modules`] finds and loads programs (ES modules, CommonJS, JSON), [`web`] holds the globals of the web platform, [`node`]
//! Node's own modules, [`wasm`] the engine of WebAssembly, [`errors`] what a failed program prints, [`repl`] the interactive prompt. A first argument that names a command
//! ([`wast`], [`inspect`]) is not a program.
//!
//! Start-up is the point of this program. Nothing is set up before something asks for it: a global is a getter that replaces
//! itself, the JavaScript pieces of the runtime are compiled when first needed, and there is no thread, no I/O reactor and no
//! TLS until a program waits, fetches or reads a file asynchronously.

#![forbid(unsafe_code)]

mod bytes;
mod errors;
#[cfg(feature = "inspect")]
mod inspect;
mod modules;
mod node;
mod repl;
mod runtime;
mod wasm;
#[cfg(feature = "wast")]
mod wast;
mod web;

use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use runtime::{Entry, Shell};

/// Runs JavaScript programs and npm packages that use WebAssembly.
#[derive(Parser)]
#[command(
    name = "chalcid",
    version,
    about,
    override_usage = "chalcid [OPTIONS] [FILE [ARGS…]]\n       chalcid wast [OPTIONS] SCRIPT…\n       chalcid inspect [OPTIONS] FILE.wasm"
)]
struct Arguments {
    /// Run CODE instead of a file
    #[arg(short, long, value_name = "CODE")]
    eval: Option<String>,

    /// Run CODE and print the value of its last expression
    #[arg(short, long, value_name = "CODE", conflicts_with = "eval")]
    print: Option<String>,

    /// Open the prompt even if standard input is not a terminal
    #[arg(short, long, conflicts_with_all = ["eval", "print"])]
    interactive: bool,

    #[command(flatten)]
    wasm: wasm::Options,

    /// The program (`-` for standard input) and its arguments
    #[arg(value_name = "FILE", trailing_var_arg = true)]
    rest: Vec<OsString>,
}

fn main() -> ExitCode {
    #[cfg(feature = "wast")]
    if std::env::args_os().nth(1).is_some_and(|first| first == "wast") {
        return wast::main(std::env::args_os().skip(1));
    }
    #[cfg(feature = "inspect")]
    if std::env::args_os().nth(1).is_some_and(|first| first == "inspect") {
        return inspect::main(std::env::args_os().skip(1));
    }
    let mut arguments = Arguments::parse();
    let wasm = std::mem::take(&mut arguments.wasm);
    let (entry, script_arguments) = match entry(arguments) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("chalcid: {error}");
            return ExitCode::from(2);
        }
    };
    match Shell::new(&entry, script_arguments, wasm) {
        Ok(shell) => shell.run(entry),
        Err(error) => {
            eprintln!("chalcid: the JavaScript engine could not be started: {error}");
            ExitCode::from(70)
        }
    }
}

/// What the arguments ask for, and the arguments that are the program's own.
fn entry(arguments: Arguments) -> std::io::Result<(Entry, Vec<OsString>)> {
    let mut rest = arguments.rest.into_iter();
    if let Some(code) = arguments.eval {
        return Ok((Entry::Code { code, name: "[eval]", print: false }, rest.collect()));
    }
    if let Some(code) = arguments.print {
        return Ok((Entry::Code { code, name: "[eval]", print: true }, rest.collect()));
    }
    if arguments.interactive {
        return Ok((Entry::Repl, rest.collect()));
    }
    match rest.next() {
        Some(file) if file != "-" => Ok((Entry::File(PathBuf::from(file)), rest.collect())),
        None if std::io::stdin().is_terminal() => Ok((Entry::Repl, Vec::new())),
        _ => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes)?;
            let code = String::from_utf8_lossy(&bytes).into_owned();
            Ok((Entry::Code { code, name: "[stdin]", print: false }, rest.collect()))
        }
    }
}

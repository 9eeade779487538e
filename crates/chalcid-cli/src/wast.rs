//! `chalcid wast SCRIPT…`: runs the test scripts of WebAssembly's specification, or of somebody who looks for a fault.
//!
//! A line for every directive that fails, one for every script, one for all; the status is 1 if anything failed.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chalcid::{Config, Engine, Features, Val};
use chalcid_wast::Counts;
use clap::Parser;

use crate::wasm::Tier;

/// Runs WebAssembly test scripts (.wast).
#[derive(Parser)]
#[command(name = "chalcid wast", bin_name = "chalcid wast")]
struct Arguments {
    /// Proposals that are on: `threads,-simd` changes the defaults; `all`, `none`, `wasm1`, `wasm2`, `wasm3` as the first word starts from that set
    #[arg(long, value_name = "NAMES", default_value = "", allow_hyphen_values = true, hide_default_value = true)]
    features: Features,

    /// Check every memory access and division by code, in place of signal handlers
    #[arg(long)]
    no_signals: bool,

    /// Which compilers to use
    #[arg(long, value_name = "TIER", value_enum)]
    wasm_tier: Option<Tier>,

    /// Collect garbage at every allocation and call
    #[arg(long)]
    gc_stress: bool,

    /// Print nothing for scripts that pass, nor what they print
    #[arg(short, long)]
    quiet: bool,

    /// Scripts, or folders that hold them
    #[arg(required = true, value_name = "SCRIPT")]
    scripts: Vec<PathBuf>,
}

/// Runs the command; the first of the arguments is its name.
pub(crate) fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = Arguments::parse_from(arguments);
    let mut config = Config::new();
    if let Some(tier) = arguments.wasm_tier {
        config = config.tier(tier.into());
    }
    config = config.features(arguments.features).signals(!arguments.no_signals).heap_stress(arguments.gc_stress);
    let engine = match Engine::new(config) {
        Ok(engine) => engine,
        Err(error) => {
            eprintln!("chalcid: {error}");
            return ExitCode::from(70);
        }
    };
    let (mut scripts, mut unreadable) = (Vec::new(), false);
    for path in arguments.scripts {
        if let Err(error) = collect(&path, &mut scripts) {
            println!("{}: {error}", path.display());
            unreadable = true;
        }
    }
    let mut total = Counts::default();
    for path in &scripts {
        match fs::read_to_string(path) {
            Ok(source) => {
                let print = if arguments.quiet { |_: &[Val]| {} } else { print };
                let report = chalcid_wast::run(&engine, &path.display().to_string(), &source, print);
                if !(arguments.quiet && report.passed()) {
                    println!("{report}");
                }
                total += report.counts();
            }
            Err(error) => {
                println!("{}: {error}", path.display());
                unreadable = true;
            }
        }
    }
    println!("total: {} passed, {} failed", total.passed, total.failed);
    if unreadable || total.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The script of a path, or those in its folder and the folders there, by name.
fn collect(path: &Path, scripts: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        scripts.push(path.to_owned());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "wast") {
            collect(&entry, scripts)?;
        }
    }
    Ok(())
}

/// What the `print` functions of the module `spectest` do.
fn print(values: &[Val]) {
    let values: Vec<_> = values.iter().map(|value| chalcid_wast::display(value).to_string()).collect();
    println!("{}", values.join(", "));
}

//! Runs the interface's own tests: every file of `tests/js-api` in the root, in a context of its own, by each compiler.
//!
//! `CHALCID_JS_API=memory` runs the files whose names contain "memory".
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::path::{Path, PathBuf};
use std::{env, fs};

use chalcid_quickjs::Options;
use chalcid_quickjs::chalcid::{Config, Engine, Feature, Features, TierPolicy};
use chalcid_quickjs::rquickjs::context::EvalOptions;
use chalcid_quickjs::rquickjs::{CatchResultExt, Context, Ctx, Function, Promise};

/// Everything that the checks look at, whatever is on by default.
fn install(ctx: &Ctx<'_>, config: Config) -> Result<(), String> {
    let engine =
        Engine::new(config.features(Features::WASM3.with(Feature::Threads))).map_err(|error| error.to_string())?;
    let options = Options { engine: Some(engine), ..Options::default() };
    chalcid_quickjs::init_with(ctx, options).map_err(|error| error.to_string())
}

fn sloppy(file: &Path) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = file.file_name().map(|name| name.to_string_lossy().into_owned());
    options
}

fn evaluate(ctx: &Ctx<'_>, file: &Path) -> Result<(), String> {
    evaluate_source(ctx, file, fs::read_to_string(file).unwrap())
}

fn evaluate_source(ctx: &Ctx<'_>, file: &Path, source: String) -> Result<(), String> {
    ctx.eval_with_options::<(), _>(source, sloppy(file)).catch(ctx).map_err(|error| error.to_string())
}

/// Runs a file: the checks that failed, and how many there were.
fn run(harness: &Path, file: &Path, config: Config) -> Result<(Vec<String>, usize), String> {
    let runtime = common::runtime();
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        install(&ctx, config)?;
        evaluate(&ctx, harness)?;
        evaluate(&ctx, file)?;
        let report: Promise<'_> = ctx.eval("harness.run()").catch(&ctx).map_err(|error| error.to_string())?;
        chalcid_quickjs::pump_blocking(&ctx);
        let report: Option<Result<String, _>> = report.result();
        let Some(Ok(report)) = report else { return Err("the checks did not end".into()) };
        ctx.globals().set("report", report).map_err(|error| error.to_string())?;
        let failed =
            ctx.eval(r#"JSON.parse(report).filter((r) => r.error !== null).map((r) => `${r.name}: ${r.error}`)"#);
        let count = ctx.eval("JSON.parse(report).length");
        Ok((failed.map_err(|error| error.to_string())?, count.map_err(|error| error.to_string())?))
    })
}

/// Runs a file with a collection before and after each check: how many instances, memories, tables, globals and host functions are left
/// when its scope is gone.
fn left_over(harness: &Path, file: &Path) -> Result<usize, String> {
    let runtime = common::runtime();
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        install(&ctx, Config::new())?;
        let agent = chalcid_quickjs::agent(&ctx).ok_or("no agent")?;
        ctx.globals().set("gc", Function::new(ctx.clone(), |ctx: Ctx<'_>| ctx.run_gc())).unwrap();
        evaluate(&ctx, harness)?;
        let collect = "{ const plain = test;
            globalThis.test = (name, steps, options) => plain(name, async () => { gc(); await steps(); gc(); }, options); }";
        ctx.eval::<(), _>(collect).catch(&ctx).map_err(|error| error.to_string())?;
        let source = fs::read_to_string(file).unwrap().replacen("\"use strict\";", "", 1);
        evaluate_source(&ctx, file, format!("(() => {{ \"use strict\"; {source}\n}})();"))?;
        ctx.eval::<(), _>("harness.run()").catch(&ctx).map_err(|error| error.to_string())?;
        chalcid_quickjs::pump_blocking(&ctx);
        ctx.run_gc();
        Ok(agent.entities())
    })
}

/// The harness, and the files whose names contain `CHALCID_JS_API`.
fn files() -> (PathBuf, Vec<PathBuf>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/js-api");
    let harness = folder.join("harness.js");
    let filter = env::var("CHALCID_JS_API").unwrap_or_default();
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "js") && *path != harness)
        .filter(|path| path.to_string_lossy().contains(&filter))
        .collect();
    files.sort();
    (harness, files)
}

/// The same without `limits.js`, whose modules are large and run nothing.
fn files_that_run() -> (PathBuf, Vec<PathBuf>) {
    let (harness, mut files) = files();
    files.retain(|file| !file.ends_with("limits.js"));
    (harness, files)
}

/// Runs files with engines of a configuration; fails if a check does.
fn check((harness, files): (PathBuf, Vec<PathBuf>), config: impl Fn() -> Config) {
    let (mut problems, mut checks) = (Vec::new(), 0);
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy();
        match run(&harness, file, config()) {
            Ok((failed, count)) => {
                checks += count;
                problems.extend(failed.into_iter().map(|problem| format!("{name}: {problem}")));
            }
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    println!("{} files, {checks} checks, {} failed", files.len(), problems.len());
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn nothing_is_left_when_the_checks_are_done() {
    let (harness, files) = files_that_run();
    for file in &files {
        assert_eq!(left_over(&harness, file), Ok(0), "{}", file.display());
    }
}

#[test]
fn the_interfaces_own_tests() {
    check(files(), Config::new);
}

#[test]
fn the_interfaces_own_tests_by_the_baseline_tier() {
    check(files_that_run(), || Config::new().tier(TierPolicy::Baseline));
}

#[test]
fn the_interfaces_own_tests_by_the_optimizing_tier() {
    check(files_that_run(), || Config::new().tier(TierPolicy::Optimizing));
}

#[test]
fn the_interfaces_own_tests_where_everything_is_hot_at_once() {
    check(files_that_run(), || Config::new().tier(TierPolicy::Auto).hot_after(1));
}

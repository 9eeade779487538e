//! Compiles the JavaScript pieces of the runtime (`src/js/`) to the engine's bytecode, so that a program that needs one does not pay
//! for parsing it. A syntax error in one of them is an error of the build.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rquickjs::module::{WriteOptions, WriteOptionsEndianness};
use rquickjs::{CatchResultExt, Context, Module, Runtime};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/js");
    if knows_packed_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let sources = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("src/js");
    let context = Context::full(&Runtime::new()?)?;
    let mut table =
        String::from("/// The bytecode of every file below `src/js/`, by `chalcid:` and its path without extension.\n");
    table.push_str("static BYTECODE: &[(&str, &[u8])] = &[\n");
    for (index, file) in files(&sources)?.into_iter().enumerate() {
        let name = format!("chalcid:{}", file.strip_prefix(&sources)?.with_extension("").display());
        let source = fs::read_to_string(&file)?;
        let bytecode = compile(&context, &name, &source)?;
        let target = out.join(format!("{index}.bytecode"));
        fs::write(&target, bytecode)?;
        writeln!(table, "    ({name:?}, include_bytes!({target:?})),")?;
    }
    table.push_str("];\n");
    fs::write(out.join("bytecode.rs"), table)?;
    Ok(())
}

/// Whether the system's loader, for which the command is built, knows packed relocations: they take a twentieth of the room, and less of the file has to be
/// read when it starts. The GNU C library has them since 2.36.
fn knows_packed_relocations() -> bool {
    let variable = |name| std::env::var(name).unwrap_or_default();
    if variable("TARGET") != variable("HOST") || variable("CARGO_CFG_TARGET_ENV") != "gnu" {
        return false;
    }
    let Ok(said) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let said = String::from_utf8_lossy(&said.stdout);
    let version = said.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    let version = version.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    version.is_some_and(|version: (u32, u32)| version >= (2, 36))
}

/// The files below a folder, in order.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The bytecode of a module that exports one function: the file's text is its body. Line numbers stay those of the file.
fn compile(context: &Context, name: &str, source: &str) -> Result<Vec<u8>, String> {
    let module = format!("export default function (module, exports, require, native) {{ {source}\n}}");
    let endianness = match std::env::var("CARGO_CFG_TARGET_ENDIAN").as_deref() {
        Ok("big") => WriteOptionsEndianness::Big,
        _ => WriteOptionsEndianness::Little,
    };
    context.with(|ctx| {
        let module =
            Module::declare(ctx.clone(), name, module).catch(&ctx).map_err(|error| format!("{name}: {error}"))?;
        let options = WriteOptions { endianness, strip_source: true, ..WriteOptions::default() };
        module.write(options).catch(&ctx).map_err(|error| format!("{name}: {error}"))
    })
}

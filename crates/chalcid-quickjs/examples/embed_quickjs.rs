//! WebAssembly in a program that embeds QuickJS, without an asynchronous runtime.
//!
//! `cargo run -p chalcid-quickjs --example embed_quickjs`

use chalcid_quickjs::rquickjs::{CatchResultExt, Context, Ctx, Function, Result, Runtime, TypedArray};

const MODULE: &str = r#"(module
    (import "host" "log" (func $log (param i32)))
    (memory (export "memory") 1)
    (func (export "squares") (param $n i32) (local $i i32)
      (loop $next
        (call $log (i32.mul (local.get $i) (local.get $i)))
        (i32.store (i32.mul (local.get $i) (i32.const 4)) (i32.mul (local.get $i) (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (local.get $n))))))"#;

const PROGRAM: &str = r#"
    WebAssembly.instantiate(bytes, { host: { log: (n) => print(`from wasm: ${n}`) } }).then(({ instance }) => {
        instance.exports.squares(5);
        print(`in memory: ${new Int32Array(instance.exports.memory.buffer, 0, 5).join()}`);
    })"#;

fn program(ctx: &Ctx<'_>) -> Result<()> {
    chalcid_quickjs::init(ctx)?;
    ctx.globals().set("print", Function::new(ctx.clone(), |line: String| println!("{line}"))?)?;
    let bytes = wat::parse_str(MODULE).map_err(std::io::Error::other)?;
    ctx.globals().set("bytes", TypedArray::<u8>::new(ctx.clone(), bytes)?)?;
    ctx.eval::<(), _>(PROGRAM)?;
    // Compiling runs in the background; this waits for it and runs what follows. A program with a loop of its own would call
    // `pump` from it, and be told when by `Options::on_ready`.
    chalcid_quickjs::pump_blocking(ctx);
    Ok(())
}

fn main() -> Result<()> {
    let runtime = Runtime::new()?;
    let context = Context::full(&runtime)?;
    context.with(|ctx| {
        if let Err(error) = program(&ctx).catch(&ctx) {
            eprintln!("{error}");
        }
    });
    Ok(())
}

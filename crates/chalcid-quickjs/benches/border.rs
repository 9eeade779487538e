//! Times calls between the two languages, in processor time; an argument chooses those whose names contain it.
//!
//! `cargo run --release -p chalcid-quickjs --example call_overhead`

use chalcid_quickjs::rquickjs::{CatchResultExt, Context, Ctx, Result, Runtime, TypedArray};

const MODULE: &str = r#"(module
    (import "" "nothing" (func $nothing))
    (import "" "add" (func $add (param i32 i32) (result i32)))
    (func (export "nothing"))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "mul") (param f64 f64) (result f64) (f64.mul (local.get 0) (local.get 1)))
    (func (export "same") (param externref) (result externref) (local.get 0))
    (func (export "callNothing") (param $n i32)
      (loop $next (call $nothing) (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "callAdd") (param $n i32) (local $sum i32)
      (loop $next (local.set $sum (call $add (local.get $sum) (local.get $n)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#;

const N: u32 = 1_000_000;

/// Nanoseconds of processor time that this thread has used.
fn processor_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the struct.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Nanoseconds for each of `N` rounds; the best of three.
fn time(ctx: &Ctx<'_>, script: &str) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let start = processor_time();
        ctx.eval::<(), _>(script)?;
        best = best.min((processor_time() - start) / f64::from(N));
    }
    Ok(best)
}

fn program(ctx: &Ctx<'_>) -> Result<()> {
    chalcid_quickjs::init(ctx)?;
    let bytes = wat::parse_str(MODULE).map_err(std::io::Error::other)?;
    ctx.globals().set("bytes", TypedArray::<u8>::new(ctx.clone(), bytes)?)?;
    ctx.eval::<(), _>(
        "globalThis.e = new WebAssembly.Instance(new WebAssembly.Module(bytes), { '': { nothing() {}, add: (a, b) => a + b } }).exports;
         for (let i = 1; i < 1000; i++) { e.nothing(); e.add(i, i); e.mul(i, i); e.same(i); e.callNothing(1); e.callAdd(1); }",
    )?;
    let of = |body: &str| {
        format!(
            "(() => {{ const {{ nothing, add, mul, same }} = e, plain = () => {{}}; for (let i = 0; i < {N}; i++) {{ {body} }} }})()"
        )
    };
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let empty = time(ctx, &of(""))?;
    for (name, body) in [
        ("JavaScript to JavaScript, no arguments", "plain();"),
        ("JavaScript to wasm, no arguments", "nothing();"),
        ("JavaScript to wasm, two i32, one result", "add(i, 1);"),
        ("JavaScript to wasm, two f64, one result", "mul(i, 0.5);"),
        ("JavaScript to wasm, externref", "same(e);"),
    ] {
        if name.contains(&wanted) {
            println!("{name:45} {:6.1} ns", time(ctx, &of(body))? - empty);
        }
    }
    for (name, script) in [
        ("wasm to JavaScript, no arguments", format!("e.callNothing({N})")),
        ("wasm to JavaScript, two i32, one result", format!("e.callAdd({N})")),
    ] {
        if name.contains(&wanted) {
            println!("{name:45} {:6.1} ns", time(ctx, &script)?);
        }
    }
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

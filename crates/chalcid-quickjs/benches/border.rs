//! Times calls between the two languages, in processor time, beside what QuickJS itself needs for a call of a function in C and for a call
//! from C; an argument chooses those whose names contain it.
//!
//! `cargo bench -p chalcid-quickjs -- 'two i32'`. With `CHALCID_ROUNDS=10000000` each runs so often, once: for `perf stat`.

use std::ffi::c_int;

use chalcid_quickjs::rquickjs::{CatchResultExt, Context, Ctx, Result, Runtime, TypedArray, Value, qjs};

const MODULE: &str = r#"(module
    (import "" "nothing" (func $nothing))
    (import "" "add" (func $add (param i32 i32) (result i32)))
    (import "" "mul" (func $mul (param f64 f64) (result f64)))
    (func (export "nothing"))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "mul") (param f64 f64) (result f64) (f64.mul (local.get 0) (local.get 1)))
    (func (export "long") (param i64) (result i64) (local.get 0))
    (func (export "same") (param externref) (result externref) (local.get 0))
    (func (export "callNothing") (param $n i32)
      (loop $next (call $nothing) (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "callAdd") (param $n i32) (local $sum i32)
      (loop $next (local.set $sum (call $add (local.get $sum) (local.get $n)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "callMul") (param $n i32) (local $x f64)
      (loop $next (local.set $x (call $mul (local.get $x) (f64.const 0.5)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#;

/// Rounds that are timed together, and how often.
#[derive(Clone, Copy)]
struct Rounds {
    count: u32,
    times: u32,
}

/// Nanoseconds of processor time that this thread has used.
fn processor_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the struct.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Nanoseconds for one round, the best of all times.
fn time(rounds: Rounds, mut steps: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..rounds.times {
        let start = processor_time();
        steps()?;
        best = best.min((processor_time() - start) / f64::from(rounds.count));
    }
    Ok(best)
}

/// `add` in C.
unsafe extern "C" fn add_in_c(
    _: *mut qjs::JSContext,
    _: qjs::JSValue,
    _: c_int,
    argv: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: a function of length 2 has two arguments, which are integers here.
    let (a, b) = unsafe { (qjs::JS_VALUE_GET_INT(*argv), qjs::JS_VALUE_GET_INT(*argv.add(1))) };
    qjs::JS_MKVAL(qjs::JS_TAG_INT, a.wrapping_add(b))
}

/// `add` of JavaScript, called from native code as often as wasm would.
fn call_from_native(ctx: &Ctx<'_>, count: u32) -> Result<()> {
    let add: Value<'_> = ctx.eval("plainAdd")?;
    for i in 0..count {
        let mut args = [qjs::JS_MKVAL(qjs::JS_TAG_INT, i as i32), qjs::JS_MKVAL(qjs::JS_TAG_INT, 1)];
        // SAFETY: the function lives, and the arguments and the result are integers, which nobody counts.
        unsafe { qjs::JS_Call(ctx.as_raw().as_ptr(), add.as_raw(), qjs::JS_UNDEFINED, 2, args.as_mut_ptr()) };
    }
    Ok(())
}

fn prepare(ctx: &Ctx<'_>) -> Result<()> {
    chalcid_quickjs::init(ctx)?;
    let bytes = wat::parse_str(MODULE).map_err(std::io::Error::other)?;
    ctx.globals().set("bytes", TypedArray::<u8>::new(ctx.clone(), bytes)?)?;
    // SAFETY: the context is live, the result is an owned count.
    let add_in_c = unsafe {
        let kind = qjs::JSCFunctionEnum_JS_CFUNC_generic;
        let function = qjs::JS_NewCFunction2(ctx.as_raw().as_ptr(), Some(add_in_c), c"addInC".as_ptr(), 2, kind, 0);
        Value::from_raw(ctx.clone(), function)
    };
    ctx.globals().set("addInC", add_in_c)?;
    ctx.eval::<(), _>(
        "globalThis.plainAdd = (a, b) => a + b;
         globalThis.e = new WebAssembly.Instance(new WebAssembly.Module(bytes),
             { '': { nothing() {}, add: (a, b) => a + b, mul: (a, b) => a * b } }).exports;
         for (let i = 1; i < 3000; i++) {
             e.nothing(); e.add(i, i); e.mul(i, i); e.long(1n); e.same(i); e.callNothing(1); e.callAdd(1); e.callMul(1);
         }",
    )
}

fn program(ctx: &Ctx<'_>) -> Result<()> {
    prepare(ctx)?;
    let given = std::env::var("CHALCID_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds = match given {
        Some(count) => Rounds { count, times: 1 },
        None => Rounds { count: 1_000_000, times: 5 },
    };
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let print = |name: &str, nanoseconds: f64| println!("{name:48} {nanoseconds:6.1} ns");
    let looped = |body: &str| {
        let script = format!(
            "(() => {{ const {{ nothing, add, mul, long, same }} = e; for (let i = 0; i < {}; i++) {{ {body} }} }})()",
            rounds.count
        );
        time(rounds, || ctx.eval::<(), _>(script.as_str()))
    };
    let empty = if given.is_none() { looped("")? } else { 0.0 };
    for (name, body) in [
        ("an empty turn of the loop", ""),
        ("JavaScript to JavaScript, two i32, one result", "plainAdd(i, 1);"),
        ("JavaScript to C, two i32, one result", "addInC(i, 1);"),
        ("JavaScript to wasm, no arguments", "nothing();"),
        ("JavaScript to wasm, two i32, one result", "add(i, 1);"),
        ("JavaScript to wasm, two f64, one result", "mul(i, 0.5);"),
        ("JavaScript to wasm, i64", "long(1n);"),
        ("JavaScript to wasm, externref", "same(e);"),
    ] {
        if name.contains(&wanted) {
            let nanoseconds = looped(body)?;
            print(name, if body.is_empty() { nanoseconds } else { nanoseconds - empty });
        }
    }
    let name = "native to JavaScript, two i32, one result";
    if name.contains(&wanted) {
        print(name, time(rounds, || call_from_native(ctx, rounds.count))?);
    }
    for (name, function) in [
        ("wasm to JavaScript, no arguments", "callNothing"),
        ("wasm to JavaScript, two i32, one result", "callAdd"),
        ("wasm to JavaScript, two f64, one result", "callMul"),
    ] {
        if name.contains(&wanted) {
            let script = format!("e.{function}({})", rounds.count);
            print(name, time(rounds, || ctx.eval::<(), _>(script.as_str()))?);
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

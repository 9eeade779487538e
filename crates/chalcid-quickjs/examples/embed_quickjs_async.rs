//! WebAssembly in a program that embeds QuickJS in an asynchronous runtime: nothing has to be pumped.
//!
//! `cargo run -p chalcid-quickjs --example embed_quickjs_async`

use chalcid_quickjs::rquickjs::{AsyncContext, AsyncRuntime, CatchResultExt, Ctx, Promise, Result, TypedArray};

const MODULE: &str = r#"(module
    (func $fib (export "fib") (param $n i32) (result i32)
      (if (result i32) (i32.lt_s (local.get $n) (i32.const 2))
        (then (local.get $n))
        (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
                       (call $fib (i32.sub (local.get $n) (i32.const 2))))))))"#;

async fn program(ctx: &Ctx<'_>) -> Result<i32> {
    chalcid_quickjs::init_async(ctx)?;
    let bytes = wat::parse_str(MODULE).map_err(std::io::Error::other)?;
    ctx.globals().set("bytes", TypedArray::<u8>::new(ctx.clone(), bytes)?)?;
    let answer: Promise<'_> =
        ctx.eval("WebAssembly.instantiate(bytes).then(({ instance }) => instance.exports.fib(20))")?;
    answer.into_future().await
}

async fn run() -> Result<()> {
    let runtime = AsyncRuntime::new()?;
    let context = AsyncContext::full(&runtime).await?;
    context
        .async_with(async |ctx| match program(&ctx).await.catch(&ctx) {
            Ok(answer) => println!("fib(20) = {answer}"),
            Err(error) => eprintln!("{error}"),
        })
        .await;
    runtime.idle().await;
    Ok(())
}

fn main() -> Result<()> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(run())
}

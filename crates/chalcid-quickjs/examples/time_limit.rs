//! A program that gives scripts a time limit by the runtime's own interrupt handler, which stops WebAssembly as it stops JavaScript.
//!
//!     cargo run -p chalcid-quickjs --example time_limit

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use chalcid_quickjs::rquickjs::{CatchResultExt, Context, Runtime, TypedArray};

/// How long a script may run.
const LIMIT: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::new()?;
    let context = Context::full(&runtime)?;
    let started = Rc::new(Cell::new(Instant::now()));
    let since = started.clone();
    runtime.set_interrupt_handler(Some(Box::new(move || since.get().elapsed() > LIMIT)));
    context.with(|ctx| {
        chalcid_quickjs::init(&ctx)?;
        let wasm = wat::parse_str(r#"(module (func (export "spin") (loop $again (br $again))))"#)?;
        ctx.globals().set("wasm", TypedArray::<u8>::new(ctx.clone(), wasm)?)?;
        for script in ["for (;;);", "new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports.spin()"] {
            started.set(Instant::now());
            if let Err(error) = ctx.eval::<(), _>(script).catch(&ctx) {
                let late = started.get().elapsed().saturating_sub(LIMIT);
                println!(
                    "{script}\n    ended {:.1} ms after its time: {}",
                    late.as_secs_f64() * 1e3,
                    error.to_string().trim()
                );
            }
        }
        Ok(())
    })
}

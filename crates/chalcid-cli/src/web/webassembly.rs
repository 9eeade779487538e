//! `WebAssembly`, and what the two sides must know of each other: when compilations are finished, and what a `Response` is.

use std::rc::{Rc, Weak};

use chalcid_quickjs::chalcid::ModuleBuilder;
use chalcid_quickjs::{Options, Response, Streaming};
use rquickjs::{Ctx, Function, Object, Result, TypedArray, Value};

use crate::bytes;
use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};

/// `web/structured_clone`, which must know modules: they are what WebAssembly lets be cloned.
pub const STRUCTURED_CLONE: Builtin = Builtin::native("web/structured_clone", "web/structured_clone", structured_clone);

fn structured_clone<'js>(ctx: &Ctx<'js>, _shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    method(&native, "cloneModule", |ctx: Ctx<'js>, value: Value<'js>| {
        match chalcid_quickjs::serialize_module(&value) {
            Some(module) => chalcid_quickjs::deserialize_module(&ctx, &module).map(Some),
            None => Ok(None),
        }
    })?;
    Ok(native)
}

/// Defines `WebAssembly` on the global object.
pub fn install(ctx: &Ctx<'_>, shell: &Rc<Shell>) -> Result<()> {
    let inbox = shell.tasks.inbox();
    let engine = shell.wasm.engine().map_err(|error| rquickjs::Error::Io(std::io::Error::other(error.to_string())))?;
    let options = Options {
        engine: Some(engine),
        on_ready: Some(Box::new(move || inbox.wake())),
        streaming: Some(Box::new(Responses(Rc::downgrade(shell)))),
        ..Options::default()
    };
    chalcid_quickjs::init_with(ctx, options)?;
    // A program's own thread may wait, as in Node.
    chalcid_quickjs::set_can_block(ctx, true);
    Ok(())
}

impl Shell {
    /// Whether a compilation is under way or has not been delivered.
    pub fn compiles(&self) -> bool {
        self.context.with(|ctx| !chalcid_quickjs::is_idle(&ctx))
    }

    /// Runs the tasks of finished compilations, each followed by the jobs it leaves.
    pub fn deliver_compilations(self: &Rc<Shell>) {
        let mut ran = true;
        while ran {
            self.callback(|ctx| {
                ran = chalcid_quickjs::run_task(ctx);
                Ok(())
            });
        }
    }
}

/// The `Response` objects of `fetch`, for `WebAssembly.compileStreaming` and `WebAssembly.instantiateStreaming`.
struct Responses(Weak<Shell>);

impl Streaming for Responses {
    fn response<'js>(&self, value: &Value<'js>) -> Result<Option<Response>> {
        let Some(shell) = self.0.upgrade() else { return Ok(None) };
        let describe = shell.builtin_function(value.ctx(), "web/fetch", "describeForStreaming")?;
        let Some(described) = describe.call::<_, Option<Object>>((value.clone(),))? else { return Ok(None) };
        Ok(Some(Response {
            content_type: described.get("contentType")?,
            ok: described.get("ok")?,
            status: described.get("status")?,
            cors_same_origin: true,
        }))
    }

    fn consume_body<'js>(&self, response: &Value<'js>, module: &ModuleBuilder) -> Result<Value<'js>> {
        let ctx = response.ctx();
        let shell = self.0.upgrade().ok_or(rquickjs::Error::Unknown)?;
        let consume = shell.builtin_function(ctx, "web/fetch", "consumeForStreaming")?;
        let module = module.clone();
        let push = Function::new(ctx.clone(), move |piece: TypedArray<'js, u8>| -> Result<()> {
            module.push(bytes::copy(&piece)?);
            Ok(())
        })?;
        consume.call((response.clone(), push))
    }
}

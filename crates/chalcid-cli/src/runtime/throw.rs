//! JavaScript errors made in Rust, and Rust errors turned into JavaScript values.

use rquickjs::function::Constructor;
use rquickjs::{Ctx, Error, Object, Value};

/// The constructors of the errors that the runtime throws.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `Error`
    Error,
    /// `TypeError`
    Type,
    /// `SyntaxError`
    Syntax,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Error => "Error",
            Kind::Type => "TypeError",
            Kind::Syntax => "SyntaxError",
        }
    }
}

/// Makes an error object; with a `code`, as Node's errors have.
pub fn make<'js>(ctx: &Ctx<'js>, kind: Kind, message: &str, code: Option<&str>) -> rquickjs::Result<Object<'js>> {
    let constructor: Constructor = ctx.globals().get(kind.name())?;
    let object: Object = constructor.construct((message,))?;
    if let Some(code) = code {
        object.set("code", code)?;
    }
    Ok(object)
}

/// Throws an error of `kind`; returns what a native function passes on.
pub fn throw(ctx: &Ctx<'_>, kind: Kind, message: &str) -> Error {
    throw_code(ctx, kind, message, None)
}

/// Throws an error of `kind` with a `code`.
pub fn throw_code(ctx: &Ctx<'_>, kind: Kind, message: &str, code: Option<&str>) -> Error {
    match make(ctx, kind, message, code) {
        Ok(object) => ctx.throw(object.into_value()),
        Err(error) => error,
    }
}

/// The JavaScript value behind an error that came back from the engine.
pub fn caught<'js>(ctx: &Ctx<'js>, error: Error) -> Value<'js> {
    if error.is_exception() {
        return ctx.catch();
    }
    let kind = match error {
        Error::FromJs { .. } | Error::IntoJs { .. } | Error::MissingArgs { .. } | Error::TooManyArgs { .. } => {
            Kind::Type
        }
        _ => Kind::Error,
    };
    match make(ctx, kind, &error.to_string(), None) {
        Ok(object) => object.into_value(),
        Err(_) => ctx.catch(),
    }
}

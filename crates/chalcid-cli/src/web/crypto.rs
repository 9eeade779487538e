//! Randomness and digests: what `crypto` and Node's `crypto` share. The digests are those of `ring`, which TLS brings anyway.

use std::cell::RefCell;
use std::rc::Rc;

use ring::digest::{self, Algorithm};
use ring::hmac;
use rquickjs::{Ctx, Function, Object, Result, TypedArray, Value};

use crate::bytes;
use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};
use crate::runtime::throw::{self, Kind};

/// `web/crypto`.
pub const BUILTIN: Builtin = Builtin::native("web/crypto", "web/crypto", natives);

fn natives<'js>(ctx: &Ctx<'js>, _shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    method(&native, "fillRandom", |ctx: Ctx<'js>, target: TypedArray<'js, u8>| -> Result<()> {
        let mut random = vec![0; target.len()];
        getrandom::fill(&mut random)
            .map_err(|error| throw::throw(&ctx, Kind::Error, &format!("the system gives no random bytes: {error}")))?;
        bytes::write(&target, &random);
        Ok(())
    })?;
    method(&native, "hash", |ctx: Ctx<'js>, name: String| -> Result<Option<Value<'js>>> {
        let Some(algorithm) = algorithm(&name) else { return Ok(None) };
        let state = RefCell::new(digest::Context::new(algorithm));
        streaming(&ctx, move |input| match input {
            Some(input) => {
                state.borrow_mut().update(input);
                None
            }
            None => Some(state.borrow().clone().finish().as_ref().to_vec()),
        })
        .map(Some)
    })?;
    method(&native, "hmac", |ctx: Ctx<'js>, name: String, key: TypedArray<'js, u8>| -> Result<Option<Value<'js>>> {
        let Some(algorithm) = hmac_algorithm(&name) else { return Ok(None) };
        let key = hmac::Key::new(algorithm, &bytes::copy(&key)?);
        let state = RefCell::new(hmac::Context::with_key(&key));
        streaming(&ctx, move |input| match input {
            Some(input) => {
                state.borrow_mut().update(input);
                None
            }
            None => Some(state.borrow().clone().sign().as_ref().to_vec()),
        })
        .map(Some)
    })?;
    Ok(native)
}

/// A function that takes in bytes, or, called with nothing, gives the digest of what it has taken in.
fn streaming<'js>(ctx: &Ctx<'js>, step: impl Fn(Option<&[u8]>) -> Option<Vec<u8>> + 'js) -> Result<Value<'js>> {
    let call = move |ctx: Ctx<'js>, input: Option<TypedArray<'js, u8>>| -> Result<Value<'js>> {
        match step(input.as_ref().map(bytes::copy).transpose()?.as_deref()) {
            Some(digest) => bytes::uint8_array(&ctx, digest),
            None => Ok(Value::new_undefined(ctx)),
        }
    };
    Ok(Function::new(ctx.clone(), call)?.into_value())
}

/// A name without dashes and in lower case, so that `SHA-256` and `sha256` are one.
fn plain(name: &str) -> String {
    name.chars().filter(|character| *character != '-').collect::<String>().to_ascii_lowercase()
}

fn algorithm(name: &str) -> Option<&'static Algorithm> {
    Some(match plain(name).as_str() {
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &digest::SHA256,
        "sha384" => &digest::SHA384,
        "sha512" => &digest::SHA512,
        "sha512/256" | "sha512256" => &digest::SHA512_256,
        _ => return None,
    })
}

fn hmac_algorithm(name: &str) -> Option<hmac::Algorithm> {
    Some(match plain(name).as_str() {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return None,
    })
}

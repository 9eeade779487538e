//! The transport under `fetch`: `file:`, `data:` and `http(s):`.
//!
//! The HTTP client and TLS exist from the first request on, no sooner. A response's body stays in Rust and is read piece by
//! piece.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use data_url::DataUrl;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, redirect};
use rquickjs::{Array, Ctx, Function, Object, Promise, Result, TypedArray, Value};
use tokio::sync::Mutex;

use crate::bytes;
use crate::node::fs_operations;
use crate::node::system_error::SystemError;
use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};
use crate::runtime::tasks::Outcome;
use crate::runtime::throw::{self, Kind};

/// `web/fetch`.
pub const BUILTIN: Builtin = Builtin::native("web/fetch", "web/fetch", natives);

/// A response whose body has not been read to its end.
type Body = Arc<Mutex<Option<Response>>>;

/// Redirects followed before giving up, as browsers do.
const MOST_REDIRECTS: usize = 20;

/// The HTTP clients: one follows redirects, one does not.
#[derive(Default)]
struct Clients {
    following: OnceCell<Client>,
    staying: OnceCell<Client>,
}

impl Clients {
    fn get(&self, follow: bool) -> std::result::Result<&Client, String> {
        let cell = if follow { &self.following } else { &self.staying };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        // A second call finds one installed, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let policy = if follow { redirect::Policy::limited(MOST_REDIRECTS) } else { redirect::Policy::none() };
        let client = Client::builder()
            .user_agent(concat!("chalcid/", env!("CARGO_PKG_VERSION")))
            .redirect(policy)
            .build()
            .map_err(|error| reason(&error))?;
        Ok(cell.get_or_init(|| client))
    }
}

fn natives<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    let of = Rc::clone(shell);
    method(&native, "base", move || of.base.borrow().as_ref().map(ToString::to_string))?;
    let of = Rc::clone(shell);
    method(&native, "file", move |ctx: Ctx<'js>, url: String| read_file(&ctx, &of, &url))?;
    method(&native, "data", |ctx: Ctx<'js>, url: String| -> Result<Option<Array<'js>>> {
        let Ok(url) = DataUrl::process(&url) else { return Ok(None) };
        let Ok((body, _)) = url.decode_to_vec() else { return Ok(None) };
        let result = Array::new(ctx.clone())?;
        result.set(0, url.mime_type().to_string())?;
        result.set(1, bytes::uint8_array(&ctx, body)?)?;
        Ok(Some(result))
    })?;
    let of = Rc::clone(shell);
    let clients = Clients::default();
    method(
        &native,
        "http",
        move |ctx: Ctx<'js>,
              method: String,
              url: String,
              headers: Vec<String>,
              body: Option<TypedArray<'js, u8>>,
              follow: bool|
              -> Result<Array<'js>> { http(&ctx, &of, &clients, &method, url, &headers, body, follow) },
    )?;
    Ok(native)
}

/// Reads a file's bytes.
fn read_file<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, url: &str) -> Result<Promise<'js>> {
    let Some(path) = url::Url::parse(url).ok().and_then(|url| url.to_file_path().ok()) else {
        return Err(throw::throw(ctx, Kind::Type, &format!("{url} is not the address of a file")));
    };
    shell.in_background(ctx, fs_operations::is_small_file(&path), move || {
        let result = std::fs::read(&path);
        Box::new(move |ctx| match result {
            Ok(content) => bytes::uint8_array(ctx, content),
            Err(error) => Err(SystemError::new(&error, "open", Some(&path.to_string_lossy()), None).throw(ctx)),
        })
    })
}

/// Starts a request: a promise of the response and a function that gives it up.
#[allow(clippy::too_many_arguments)]
fn http<'js>(
    ctx: &Ctx<'js>,
    shell: &Rc<Shell>,
    clients: &Clients,
    method: &str,
    url: String,
    headers: &[String],
    body: Option<TypedArray<'js, u8>>,
    follow: bool,
) -> Result<Array<'js>> {
    let refuse = |message: String| throw::throw(ctx, Kind::Type, &message);
    let client = clients.get(follow).map_err(refuse)?;
    let method = Method::from_bytes(method.as_bytes()).map_err(|error| refuse(error.to_string()))?;
    let mut request = client.request(method, &url).headers(header_map(headers).map_err(refuse)?);
    if let Some(body) = &body {
        request = request.body(bytes::copy(body)?);
    }
    // The response waits here for its body to be read.
    let slot: Body = Arc::default();
    let filled = Arc::clone(&slot);
    let (promise, handle) = shell.in_reactor(ctx, async move {
        match request.send().await {
            Ok(response) => {
                let outcome = head(&response, &url);
                *filled.lock().await = Some(response);
                outcome
            }
            Err(error) => fail(&error),
        }
    })?;
    let given_up = Arc::clone(&slot);
    let give_up = Function::new(ctx.clone(), move || {
        if let Some(handle) = &handle {
            handle.abort();
        }
        if let Ok(mut response) = given_up.try_lock() {
            response.take();
        }
    })?;
    let shell = Rc::clone(shell);
    let read = Function::new(ctx.clone(), move |ctx: Ctx<'js>| read_body(&ctx, &shell, Arc::clone(&slot)))?;
    let result = Array::new(ctx.clone())?;
    result.set(0, promise)?;
    result.set(1, read)?;
    result.set(2, give_up)?;
    Ok(result)
}

/// A promise of the next piece of a body; of undefined at its end.
fn read_body<'js>(ctx: &Ctx<'js>, shell: &Rc<Shell>, slot: Body) -> Result<Promise<'js>> {
    let (promise, _) = shell.in_reactor(ctx, async move {
        let mut response = slot.lock().await;
        let piece = match response.as_mut() {
            Some(response) => response.chunk().await,
            None => Ok(None),
        };
        let outcome: Outcome = match piece {
            Ok(Some(piece)) => Box::new(move |ctx| bytes::uint8_array(ctx, piece.to_vec())),
            Ok(None) => {
                response.take();
                Box::new(|ctx| Ok(Value::new_undefined(ctx.clone())))
            }
            Err(error) => fail(&error),
        };
        outcome
    })?;
    Ok(promise)
}

fn header_map(headers: &[String]) -> std::result::Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for pair in headers.chunks_exact(2) {
        let name = HeaderName::from_bytes(pair[0].as_bytes()).map_err(|error| error.to_string())?;
        let value = pair[1].encode_utf16().map(|unit| unit.to_le_bytes()[0]).collect::<Vec<u8>>();
        map.append(name, HeaderValue::from_bytes(&value).map_err(|error| error.to_string())?);
    }
    Ok(map)
}

/// An error and its causes, in one line.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn fail(error: &reqwest::Error) -> Outcome {
    let message = reason(error);
    Box::new(move |ctx| Err(throw::throw(ctx, Kind::Error, &message)))
}

/// What is known of a response before its body: `[status, statusText, url, redirected, headers]`.
fn head(response: &Response, asked: &str) -> Outcome {
    let status = response.status();
    let url = response.url().to_string();
    let redirected = url::Url::parse(asked).is_ok_and(|asked| asked != *response.url());
    let headers: Vec<String> = response
        .headers()
        .iter()
        .flat_map(|(name, value)| {
            let value = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
            [name.as_str().to_owned(), value]
        })
        .collect();
    Box::new(move |ctx| {
        let result = Array::new(ctx.clone())?;
        result.set(0, status.as_u16())?;
        result.set(1, status.canonical_reason().unwrap_or_default())?;
        result.set(2, url)?;
        result.set(3, redirected)?;
        result.set(4, headers)?;
        Ok(result.into_value())
    })
}

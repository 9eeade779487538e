//! `URL` and the parsing under it, over the `url` crate, which implements the standard.

use std::rc::Rc;

use rquickjs::{Array, Ctx, Object, Result};
use url::{Url, quirks};

use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};

/// `web/url`.
pub const BUILTIN: Builtin = Builtin::native("web/url", "web/url", natives);

fn natives<'js>(ctx: &Ctx<'js>, _shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    method(&native, "parse", |ctx: Ctx<'js>, input: String, base: Option<String>| -> Result<Option<Array<'js>>> {
        let base = match base.as_deref().map(Url::parse).transpose() {
            Ok(base) => base,
            Err(_) => return Ok(None),
        };
        match Url::options().base_url(base.as_ref()).parse(&input) {
            Ok(url) => record(&ctx, &url).map(Some),
            Err(_) => Ok(None),
        }
    })?;
    method(&native, "set", |ctx: Ctx<'js>, href: String, part: String, value: String| -> Result<Option<Array<'js>>> {
        let Ok(mut url) = Url::parse(&href) else { return Ok(None) };
        // The standard's setters leave the URL as it was when a value does not fit.
        let _ = match part.as_str() {
            "protocol" => quirks::set_protocol(&mut url, &value),
            "username" => quirks::set_username(&mut url, &value),
            "password" => quirks::set_password(&mut url, &value),
            "host" => quirks::set_host(&mut url, &value),
            "hostname" => quirks::set_hostname(&mut url, &value),
            "port" => quirks::set_port(&mut url, &value),
            "pathname" => {
                quirks::set_pathname(&mut url, &value);
                Ok(())
            }
            "search" => {
                quirks::set_search(&mut url, &value);
                Ok(())
            }
            _ => {
                quirks::set_hash(&mut url, &value);
                Ok(())
            }
        };
        record(&ctx, &url).map(Some)
    })?;
    method(&native, "domainToASCII", |domain: String| quirks::domain_to_ascii(&domain))?;
    method(&native, "domainToUnicode", |domain: String| quirks::domain_to_unicode(&domain))?;
    Ok(native)
}

/// The parts of a URL in the order that `js/web/url.js` expects.
fn record<'js>(ctx: &Ctx<'js>, url: &Url) -> Result<Array<'js>> {
    let origin = quirks::origin(url);
    let parts = [
        quirks::href(url),
        &origin,
        quirks::protocol(url),
        quirks::username(url),
        quirks::password(url),
        quirks::host(url),
        quirks::hostname(url),
        quirks::port(url),
        quirks::pathname(url),
        quirks::search(url),
        quirks::hash(url),
    ];
    let array = Array::new(ctx.clone())?;
    for (index, part) in parts.into_iter().enumerate() {
        array.set(index, part)?;
    }
    Ok(array)
}

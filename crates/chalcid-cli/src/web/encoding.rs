//! `TextEncoder` and `TextDecoder`, over `encoding_rs`.

use std::cell::RefCell;
use std::rc::Rc;

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, UTF_8};
use rquickjs::{Array, Ctx, Function, Object, Result, String as JsString, TypedArray, Value};

use crate::bytes;
use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};
use crate::runtime::throw::{self, Kind};

/// `web/encoding`.
pub const BUILTIN: Builtin = Builtin::native("web/encoding", "web/encoding", natives);

fn natives<'js>(ctx: &Ctx<'js>, _shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    method(&native, "encode", |ctx: Ctx<'js>, text: String| bytes::uint8_array(&ctx, text.into_bytes()))?;
    method(&native, "encodeInto", encode_into)?;
    method(&native, "label", |label: String| -> Option<String> {
        let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
        Some(encoding.name().to_ascii_lowercase())
    })?;
    method(&native, "decodeUtf8", decode_utf8)?;
    method(&native, "decoder", decoder)?;
    Ok(native)
}

/// Writes as much of `text` as fits; gives the UTF-16 units read and the bytes written.
fn encode_into<'js>(ctx: Ctx<'js>, text: String, target: TypedArray<'js, u8>) -> Result<Array<'js>> {
    let mut end = text.len().min(target.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    bytes::write(&target, &text.as_bytes()[..end]);
    let result = Array::new(ctx)?;
    result.set(0, text[..end].encode_utf16().count())?;
    result.set(1, end)?;
    Ok(result)
}

/// Decodes a whole UTF-8 text. `fatal` throws on malformed bytes; a byte order mark goes unless `ignore_bom`.
fn decode_utf8<'js>(ctx: Ctx<'js>, input: TypedArray<'js, u8>, fatal: bool, ignore_bom: bool) -> Result<JsString<'js>> {
    let mut input = bytes::copy(&input)?;
    if !ignore_bom && input.starts_with(b"\xef\xbb\xbf") {
        input.drain(..3);
    }
    match String::from_utf8(input) {
        Ok(text) => JsString::from_str(ctx, &text),
        Err(_) if fatal => Err(malformed(&ctx, "utf-8")),
        Err(error) => JsString::from_str(ctx, &UTF_8.decode_without_bom_handling(error.as_bytes()).0),
    }
}

fn malformed(ctx: &Ctx<'_>, encoding: &str) -> rquickjs::Error {
    let message = format!("The encoded data was not valid for encoding {encoding}");
    throw::throw_code(ctx, Kind::Type, &message, Some("ERR_ENCODING_INVALID_ENCODED_DATA"))
}

/// A function `(bytes, last)` that decodes a stream piece by piece; after the last piece it starts anew.
fn decoder<'js>(ctx: Ctx<'js>, label: String, fatal: bool, ignore_bom: bool) -> Result<Value<'js>> {
    let encoding = Encoding::for_label_no_replacement(label.as_bytes()).unwrap_or(UTF_8);
    let fresh = move || {
        if ignore_bom { encoding.new_decoder_without_bom_handling() } else { encoding.new_decoder_with_bom_removal() }
    };
    let state = RefCell::new(fresh());
    let decode = move |ctx: Ctx<'js>, input: TypedArray<'js, u8>, last: bool| -> Result<JsString<'js>> {
        let text = decode_piece(&mut state.borrow_mut(), &bytes::copy(&input)?, fatal, last);
        if last || text.is_none() {
            *state.borrow_mut() = fresh();
        }
        match text {
            Some(text) => JsString::from_str(ctx, &text),
            None => Err(malformed(&ctx, &encoding.name().to_ascii_lowercase())),
        }
    };
    Ok(Function::new(ctx, decode)?.into_value())
}

/// Decodes one piece of a stream; nothing if it is malformed and that is fatal.
fn decode_piece(decoder: &mut Decoder, mut input: &[u8], fatal: bool, last: bool) -> Option<String> {
    let mut text = String::new();
    loop {
        text.reserve(decoder.max_utf8_buffer_length(input.len()).unwrap_or(input.len()).max(16));
        if fatal {
            let (result, read) = decoder.decode_to_string_without_replacement(input, &mut text, last);
            input = &input[read..];
            match result {
                DecoderResult::InputEmpty => return Some(text),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => return None,
            }
        } else {
            let (result, read, _) = decoder.decode_to_string(input, &mut text, last);
            input = &input[read..];
            if result == CoderResult::InputEmpty {
                return Some(text);
            }
        }
    }
}

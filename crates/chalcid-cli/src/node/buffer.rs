//! The encodings of `Buffer`.

use std::rc::Rc;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD};
use rquickjs::{Ctx, Object, Result, String as JsString, TypedArray, Value};

use crate::bytes;
use crate::runtime::Shell;
use crate::runtime::builtins::{Builtin, method};

/// `buffer`.
pub const BUILTIN: Builtin = Builtin::native("buffer", "node/buffer", natives);

/// Base64 as Node reads it: padding or none, and loose bits at the end do not matter.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn natives<'js>(ctx: &Ctx<'js>, _shell: &Rc<Shell>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    method(
        &native,
        "decode",
        |ctx: Ctx<'js>, encoding: String, input: TypedArray<'js, u8>| -> Result<JsString<'js>> {
            JsString::from_str(ctx, &decode(&encoding, &bytes::copy(&input)?))
        },
    )?;
    method(&native, "encode", |ctx: Ctx<'js>, encoding: String, text: String| -> Result<Value<'js>> {
        bytes::uint8_array(&ctx, encode(&encoding, text))
    })?;
    method(&native, "utf8Length", |text: String| text.len())?;
    method(&native, "compare", |left: TypedArray<'js, u8>, right: TypedArray<'js, u8>| -> Result<i32> {
        Ok(bytes::copy(&left)?.cmp(&bytes::copy(&right)?) as i32)
    })?;
    method(
        &native,
        "indexOf",
        |haystack: TypedArray<'js, u8>, needle: TypedArray<'js, u8>, from: usize, backwards: bool| -> Result<i64> {
            Ok(find(&bytes::copy(&haystack)?, &bytes::copy(&needle)?, from, backwards))
        },
    )?;
    Ok(native)
}

/// The text that `input` stands for.
fn decode(encoding: &str, input: &[u8]) -> String {
    match encoding {
        "latin1" => input.iter().map(|byte| char::from(*byte)).collect(),
        "ascii" => input.iter().map(|byte| char::from(*byte & 0x7f)).collect(),
        "hex" => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
            input.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
        }
        "base64" => STANDARD.encode(input),
        "base64url" => URL_SAFE_NO_PAD.encode(input),
        _ => String::from_utf8_lossy(input).into_owned(),
    }
}

/// The bytes that `text` stands for; what does not belong to the encoding ends it or is passed over, as in Node.
fn encode(encoding: &str, text: String) -> Vec<u8> {
    match encoding {
        // The low byte of each UTF-16 unit.
        "latin1" | "ascii" => text.encode_utf16().map(|unit| unit.to_le_bytes()[0]).collect(),
        "hex" => text
            .as_bytes()
            .chunks_exact(2)
            .map_while(|pair| {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                Some(digit(pair[0])? << 4 | digit(pair[1])?)
            })
            .collect(),
        "base64" | "base64url" => {
            let mut symbols: Vec<u8> = text
                .bytes()
                .take_while(|byte| *byte != b'=')
                .filter_map(|byte| match byte {
                    b'-' => Some(b'+'),
                    b'_' => Some(b'/'),
                    byte if byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/' => Some(byte),
                    _ => None,
                })
                .collect();
            // A single symbol left over holds less than a byte.
            if symbols.len() % 4 == 1 {
                symbols.pop();
            }
            LENIENT.decode(&symbols).unwrap_or_default()
        }
        _ => text.into_bytes(),
    }
}

/// Where `needle` stands in `haystack`, searching from `from` on or back; -1 if nowhere.
fn find(haystack: &[u8], needle: &[u8], from: usize, backwards: bool) -> i64 {
    let Some(last) = haystack.len().checked_sub(needle.len()) else { return -1 };
    let matches = |at: &usize| haystack[*at..].starts_with(needle);
    let found = if backwards { (0..=last.min(from)).rev().find(matches) } else { (from..=last).find(matches) };
    found.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)
}

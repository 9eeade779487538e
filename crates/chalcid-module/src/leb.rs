//! Integers of variable length, read from the front of a slice. `None` for what is malformed or ends early.
//!
//! Nearly all are one byte long: callers look at that byte themselves and come here for the rest.

/// The value and what follows it.
pub type Read<'a, T> = Option<(T, &'a [u8])>;

/// An unsigned integer of 32 bits.
#[inline]
pub fn u32(code: &[u8]) -> Read<'_, u32> {
    match code {
        [byte, rest @ ..] if *byte < 0x80 => Some((u32::from(*byte), rest)),
        _ => long_u32(code),
    }
}

#[inline(never)]
fn long_u32(code: &[u8]) -> Read<'_, u32> {
    let (value, rest) = unsigned(code, 32)?;
    Some((value as u32, rest))
}

/// An unsigned integer of 64 bits.
#[inline(never)]
pub fn u64(code: &[u8]) -> Read<'_, u64> {
    unsigned(code, 64)
}

fn unsigned(code: &[u8], bits: u32) -> Read<'_, u64> {
    if let Some((value, _, rest)) = short(code) {
        return Some((u64::from(value), rest));
    }
    let mut value = 0;
    let mut shift = 0;
    for (position, &byte) in code.iter().enumerate() {
        // The last byte may not carry bits beyond the width, nor say that more follow.
        if shift + 7 > bits && byte >> (bits - shift) != 0 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((value, &code[position + 1..]));
        }
        shift += 7;
    }
    None
}

/// What the first bytes say if they are at most four, their number of bits, and what follows: no width that is read here is that small.
#[inline(always)]
fn short(code: &[u8]) -> Option<(u32, u32, &[u8])> {
    let mut value = 0;
    for position in 0..4 {
        let byte = *code.get(position)?;
        let shift = 7 * position as u32;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((value, shift + 7, &code[position + 1..]));
        }
    }
    None
}

/// A signed integer of 32 bits.
#[inline(never)]
pub fn i32(code: &[u8]) -> Read<'_, i32> {
    let (value, rest) = signed(code, 32)?;
    Some((value as i32, rest))
}

/// A signed integer of 64 bits.
#[inline(never)]
pub fn i64(code: &[u8]) -> Read<'_, i64> {
    signed(code, 64)
}

/// A signed integer of 33 bits.
#[inline(never)]
pub fn i33(code: &[u8]) -> Read<'_, i64> {
    signed(code, 33)
}

fn signed(code: &[u8], bits: u32) -> Read<'_, i64> {
    if let Some((value, read, rest)) = short(code) {
        let unused = u32::BITS - read;
        return Some((i64::from((value << unused) as i32 >> unused), rest));
    }
    let mut value = 0_i64;
    let mut shift = 0;
    for (position, &byte) in code.iter().enumerate() {
        if shift + 7 >= bits {
            // The last byte: the bits beyond the width repeat the sign, and nothing follows.
            let sign_and_beyond = ((byte << 1) as i8) >> (bits - shift);
            if byte >= 0x80 || (sign_and_beyond != 0 && sign_and_beyond != -1) {
                return None;
            }
        }
        value |= i64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            let value = if shift < 64 { value << (64 - shift) >> (64 - shift) } else { value };
            return Some((value, &code[position + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasmparser::BinaryReader;

    use super::*;

    /// Every encoding of up to eleven bytes whose bytes are among a few that matter.
    fn encodings(mut check: impl FnMut(&[u8])) {
        let last = [0x00, 0x01, 0x02, 0x03, 0x04, 0x07, 0x08, 0x0f, 0x10, 0x3f, 0x40, 0x70, 0x78, 0x7c, 0x7e, 0x7f];
        for middle in [0x80, 0xff, 0xc0, 0xbf, 0x81] {
            for length in 1..=11 {
                for end in (0..=0xff).filter(|byte| *byte >= 0x80 || length < 4 || last.contains(byte)) {
                    let mut bytes = vec![middle; length - 1];
                    bytes.push(end);
                    check(&bytes);
                    bytes.push(0x55);
                    check(&bytes);
                    bytes.truncate(length - 1);
                    check(&bytes);
                }
            }
        }
    }

    /// Agrees with the library on value, length and refusal.
    fn compare<T: PartialEq + std::fmt::Debug>(
        ours: impl Fn(&[u8]) -> Read<'_, T>,
        theirs: impl Fn(&mut BinaryReader<'_>) -> wasmparser::Result<T>,
    ) {
        encodings(|bytes| {
            let mut reader = BinaryReader::new(bytes, 0);
            let expected = theirs(&mut reader).ok().map(|value| (value, &bytes[reader.current_position()..]));
            assert_eq!(ours(bytes), expected, "{bytes:x?}");
        });
    }

    #[test]
    fn integers_are_what_the_library_reads() {
        compare(u32, |reader| reader.read_var_u32());
        compare(u64, |reader| reader.read_var_u64());
        compare(i32, |reader| reader.read_var_i32());
        compare(i64, |reader| reader.read_var_i64());
        compare(i33, |reader| reader.read_var_s33());
    }
}

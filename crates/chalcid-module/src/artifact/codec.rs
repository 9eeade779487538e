//! Bundles as bytes, for the disk.
//!
//! Numbers are LEB128, ascending offsets are differences from the one before. Nothing in the bytes depends on addresses or on the process that wrote them.
//! Reading believes nothing: every count is checked against the bytes that are left before anything is allocated for it,
//! every offset against the code. What it cannot tell is whether machine code is what it is said to be; that is for the reader's caller, who
//! checks where the bytes come from and that they are whole.
//!
//! ```text
//! bundle     = code_len code alignment functions relocations traps references stack_maps source_map handlers
//! functions  = count (func tier:u8 gap len)*          gap: bytes between the end of the function before and this one's start
//! relocation = offset:delta target:u8 addend:signed
//! trap       = offset:delta code:u8
//! references = count (offset:signed delta)*           a list of a stack map
//! stack_map  = offset:delta frame_size references:index
//! position   = offset:delta wasm_offset:signed delta
//! handler    = offset:delta frame_size landing
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::bundle::{BundledFunction, CodeBundle};
use super::check::is_in_frame;
use super::{CompiledCode, HandlerSite, Relocation, RelocationTarget, SourcePosition, StackMap, Tier, TrapSite};
use crate::index::DefinedFuncIdx;
use crate::trap_code::TrapCode;

/// Number of the format; part of the key of everything that is written in it.
pub const FORMAT: u32 = 3;

/// Largest alignment that is believed.
const MAX_ALIGNMENT: u32 = 4096;

/// Bytes that are no bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed artifact: {0}")]
pub struct Malformed(pub &'static str);

impl CodeBundle {
    /// The bundle as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let joined = &self.joined;
        let mut to = Writer(Vec::with_capacity(joined.code.len() + joined.code.len() / 4 + 64));
        to.number(joined.code.len() as u32);
        to.0.extend_from_slice(&joined.code);
        to.number(joined.alignment);

        to.number(self.functions.len() as u32);
        let mut end = 0;
        for function in &self.functions {
            to.number(function.func.0);
            to.byte(function.tier as u8);
            to.number(function.start - end);
            to.number(function.len);
            end = function.start + function.len;
        }
        to.number(joined.relocations.len() as u32);
        let mut last = 0;
        for relocation in &joined.relocations {
            to.delta(&mut last, relocation.offset);
            to.byte(relocation.target as u8);
            to.signed(relocation.addend);
        }
        to.number(joined.traps.len() as u32);
        let mut last = 0;
        for site in &joined.traps {
            to.delta(&mut last, site.offset);
            to.byte(site.code as u8);
        }
        to.stack_maps(&joined.stack_maps);
        to.number(joined.source_map.len() as u32);
        let (mut last, mut wasm) = (0, 0);
        for position in &joined.source_map {
            to.delta(&mut last, position.offset);
            to.signed(i64::from(position.wasm_offset.wrapping_sub(wasm) as i32));
            wasm = position.wasm_offset;
        }
        to.number(joined.handlers.len() as u32);
        let mut last = 0;
        for site in &joined.handlers {
            to.delta(&mut last, site.return_offset);
            to.number(site.frame_size);
            to.number(site.landing);
        }
        to.0
    }

    /// The bundle that bytes say, all of them.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader { bytes };
        let len = from.number()?;
        if len > i32::MAX as u32 {
            return Err(Malformed("code too long"));
        }
        let code = from.take(len as usize)?.to_vec();
        let alignment = from.number()?;
        if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
            return Err(Malformed("alignment"));
        }
        let bundle = Self {
            functions: functions(&mut from, len)?,
            joined: CompiledCode {
                tier: Tier::default(),
                code,
                alignment,
                relocations: relocations(&mut from, len)?,
                traps: traps(&mut from, len)?,
                stack_maps: stack_maps(&mut from, len)?,
                source_map: source_map(&mut from, len)?,
                handlers: handlers(&mut from, len)?,
            },
        };
        if from.bytes.is_empty() { Ok(bundle) } else { Err(Malformed("bytes left over")) }
    }
}

fn functions(from: &mut Reader<'_>, code: u32) -> Result<Vec<BundledFunction>, Malformed> {
    let mut end = 0u32;
    from.list(4, |from| {
        let func = DefinedFuncIdx(from.number()?);
        let tier = Tier::from_u8(from.byte()?).ok_or(Malformed("tier"))?;
        let start = end.checked_add(from.number()?).ok_or(Malformed("function start"))?;
        let len = from.number()?;
        end = start.checked_add(len).filter(|end| *end <= code).ok_or(Malformed("function length"))?;
        if len == 0 {
            return Err(Malformed("empty function"));
        }
        Ok(BundledFunction { func, tier, start, len })
    })
}

fn relocations(from: &mut Reader<'_>, code: u32) -> Result<Vec<Relocation>, Malformed> {
    let mut last = 0;
    from.list(3, |from| {
        let offset = from.delta(&mut last, code)?;
        if code - offset < 8 {
            return Err(Malformed("relocation outside the code"));
        }
        let target = *RelocationTarget::ALL.get(usize::from(from.byte()?)).ok_or(Malformed("relocation target"))?;
        Ok(Relocation { offset, target, addend: from.signed()? })
    })
}

fn traps(from: &mut Reader<'_>, code: u32) -> Result<Vec<TrapSite>, Malformed> {
    let mut last = 0;
    from.list(2, |from| {
        let offset = from.delta(&mut last, code)?;
        Ok(TrapSite { offset, code: TrapCode::from_u8(from.byte()?).ok_or(Malformed("trap code"))? })
    })
}

fn stack_maps(from: &mut Reader<'_>, code: u32) -> Result<Vec<StackMap>, Malformed> {
    // With each, the frame that all of its references need.
    let lists: Vec<(Arc<[i32]>, u32)> = from.list(1, |from| {
        let (mut last, mut needs) = (0i32, 0);
        let references = from.list(1, |from| {
            last = last.wrapping_add(from.signed()? as i32);
            if last < 0 {
                needs = needs.max(last.unsigned_abs());
            }
            if is_in_frame(last, needs) { Ok(last) } else { Err(Malformed("reference outside its frame")) }
        })?;
        Ok((references.into(), needs))
    })?;
    let mut last = 0;
    from.list(3, |from| {
        let return_offset = from.delta(&mut last, code)?;
        let frame_size = from.number()?;
        let (references, needs) = lists.get(from.number()? as usize).ok_or(Malformed("references"))?;
        if *needs > frame_size {
            return Err(Malformed("reference outside its frame"));
        }
        Ok(StackMap { return_offset, frame_size, references: Arc::clone(references) })
    })
}

fn source_map(from: &mut Reader<'_>, code: u32) -> Result<Vec<SourcePosition>, Malformed> {
    let (mut last, mut wasm) = (0, 0u32);
    from.list(2, |from| {
        let offset = from.delta(&mut last, code)?;
        wasm = wasm.wrapping_add(from.signed()? as u32);
        Ok(SourcePosition { offset, wasm_offset: wasm })
    })
}

fn handlers(from: &mut Reader<'_>, code: u32) -> Result<Vec<HandlerSite>, Malformed> {
    let mut last = 0;
    from.list(3, |from| {
        let return_offset = from.delta(&mut last, code)?;
        let frame_size = from.number()?;
        let landing = from.number()?;
        if landing >= code {
            return Err(Malformed("landing outside the code"));
        }
        Ok(HandlerSite { return_offset, frame_size, landing })
    })
}

struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn number(&mut self, value: u32) {
        self.wide(value.into());
    }

    fn wide(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn signed(&mut self, value: i64) {
        self.wide(((value << 1) ^ (value >> 63)) as u64);
    }

    /// The distance from the last value of an ascending sequence.
    fn delta(&mut self, last: &mut u32, value: u32) {
        self.number(value.wrapping_sub(*last));
        *last = value;
    }

    /// Stack maps, behind the lists that they share.
    fn stack_maps(&mut self, maps: &[StackMap]) {
        let mut known: HashMap<&[i32], u32, RandomState> = HashMap::default();
        let mut lists: Vec<&[i32]> = Vec::new();
        let mut indices = Vec::with_capacity(maps.len());
        for map in maps {
            let index = *known.entry(&map.references).or_insert_with(|| {
                lists.push(&map.references);
                lists.len() as u32 - 1
            });
            indices.push(index);
        }
        self.number(lists.len() as u32);
        for list in lists {
            self.number(list.len() as u32);
            let mut last = 0;
            for &offset in list {
                self.signed(i64::from(offset.wrapping_sub(last)));
                last = offset;
            }
        }
        self.number(maps.len() as u32);
        let mut last = 0;
        for (map, index) in maps.iter().zip(indices) {
            self.delta(&mut last, map.return_offset);
            self.number(map.frame_size);
            self.number(index);
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(Malformed("truncated"))?;
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.bytes.split_first().ok_or(Malformed("truncated"))?;
        self.bytes = rest;
        Ok(*first)
    }

    #[inline]
    fn number(&mut self) -> Result<u32, Malformed> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        u32::try_from(self.rest_of_wide(first)?).map_err(|_| Malformed("number too large"))
    }

    #[inline]
    fn wide(&mut self) -> Result<u64, Malformed> {
        let first = self.byte()?;
        if first < 0x80 { Ok(first.into()) } else { self.rest_of_wide(first) }
    }

    fn rest_of_wide(&mut self, first: u8) -> Result<u64, Malformed> {
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed("number too long"))
    }

    fn signed(&mut self) -> Result<i64, Malformed> {
        let value = self.wide()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The next of an ascending sequence of offsets that the code bounds.
    #[inline]
    fn delta(&mut self, last: &mut u32, code: u32) -> Result<u32, Malformed> {
        let value = last.checked_add(self.number()?).filter(|value| *value <= code);
        *last = value.ok_or(Malformed("offset outside the code"))?;
        Ok(*last)
    }

    /// A count and as many items, each of `least` bytes at least.
    fn list<T>(
        &mut self,
        least: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.number()? as usize;
        if count > self.bytes.len() / least {
            return Err(Malformed("truncated"));
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "failing is how a test reports")]
mod tests {
    use super::*;

    fn function(seed: u32, len: u32) -> CompiledCode {
        CompiledCode {
            tier: if seed.is_multiple_of(2) { Tier::Baseline } else { Tier::Optimizing },
            code: (0..len).map(|byte| (byte * seed) as u8).collect(),
            alignment: 16,
            relocations: vec![Relocation {
                offset: 3,
                target: RelocationTarget::X86Pshufb,
                addend: -(i64::from(seed)),
            }],
            traps: vec![
                TrapSite { offset: 0, code: TrapCode::CallStackExhausted },
                TrapSite { offset: len - 1, code: TrapCode::Unreachable },
            ],
            // The last is a parameter on the stack.
            stack_maps: vec![
                StackMap { return_offset: len - 2, frame_size: 304, references: [-304, -296, -104, 24].into() },
                StackMap { return_offset: len, frame_size: 300, references: [-8].into() },
            ],
            source_map: vec![
                SourcePosition { offset: 0, wasm_offset: u32::MAX },
                SourcePosition { offset: 5, wasm_offset: 1000 * seed },
                SourcePosition { offset: 9, wasm_offset: 7 },
            ],
            handlers: vec![HandlerSite { return_offset: len, frame_size: 300, landing: 2 }],
        }
    }

    fn bundle() -> CodeBundle {
        let mut bundle = CodeBundle::default();
        for index in 1..12 {
            // The first is as long as its alignment, so that its end is the next one's start.
            bundle.push(DefinedFuncIdx(index * 7 % 19), function(index, 13 * index + 3)).unwrap();
        }
        bundle
    }

    fn same(a: &CompiledCode, b: &CompiledCode) -> bool {
        format!("{a:?}") == format!("{b:?}")
    }

    #[test]
    fn what_was_joined_and_written_is_read_and_taken_apart() {
        let read = CodeBundle::decode(&bundle().encode()).unwrap();
        for (index, (func, code)) in (1..12).zip(read.split()) {
            assert_eq!(func.0, index * 7 % 19);
            let expected = function(index, 13 * index + 3);
            assert!(same(&CompiledCode { alignment: 16, ..code.clone() }, &expected), "{code:?}\n{expected:?}");
            assert!(code.alignment >= 16);
        }
        assert!(
            CodeBundle::decode(
                &CodeBundle { joined: CompiledCode { alignment: 1, ..Default::default() }, functions: Vec::new() }
                    .encode()
            )
            .is_ok()
        );
    }

    #[test]
    fn equal_lists_of_references_are_written_and_kept_once() {
        let calls = |from: u32, to: u32| {
            let references: Vec<i32> = (1..500).map(|slot| -8 * slot).collect();
            let map = |call| StackMap { return_offset: call, frame_size: 4000, references: references.clone().into() };
            let mut bundle = CodeBundle::default();
            let code = CompiledCode { stack_maps: (from..to).map(map).collect(), ..function(1, 2000) };
            bundle.push(DefinedFuncIdx(0), code).unwrap();
            bundle
        };
        let (one, many) = (calls(1, 2).encode(), calls(1, 1001).encode());
        assert!(many.len() - one.len() < 5 * 1000, "{}, {}", one.len(), many.len());
        let read = CodeBundle::decode(&many).unwrap();
        let maps = &read.joined.stack_maps;
        assert!(maps.len() == 1000 && maps.iter().all(|map| Arc::ptr_eq(&map.references, &maps[0].references)));
        assert!(same(&read.joined, &calls(1, 1001).joined));
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_as_something_else_but_never_panic() {
        let good = bundle().encode();
        for len in 0..good.len() {
            assert!(CodeBundle::decode(&good[..len]).is_err(), "{len}");
        }
        let longer = [&good[..], &[0]].concat();
        assert_eq!(CodeBundle::decode(&longer).unwrap_err(), Malformed("bytes left over"));
        for position in 0..good.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, good[position] ^ 0x10] {
                let mut bytes = good.clone();
                bytes[position] = value;
                if let Ok(read) = CodeBundle::decode(&bytes) {
                    assert_eq!(read.split().count(), read.functions.len());
                }
            }
        }
    }

    #[test]
    fn counts_that_the_bytes_cannot_hold_allocate_nothing() {
        // No code, alignment 16, and four thousand million functions.
        assert_eq!(CodeBundle::decode(&[0, 16, 0xff, 0xff, 0xff, 0xff, 0x0f]).unwrap_err(), Malformed("truncated"));
    }
}

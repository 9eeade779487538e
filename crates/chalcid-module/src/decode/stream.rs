//! Modules decoded and validated while their bytes arrive.
//!
//! ```text
//!   push ──► sections, one after another ──► the first body: the head is frozen, what follows belongs to the tail
//!                                     └────► Batch ──► validated by any thread, against the head
//!   finish ──► head and tail together
//! ```
//!
//! As elsewhere in this folder the rule is that this only ever accepts: where anything is wrong, [`Stream::finish`] gives the bytes alone, and
//! whoever has them validates them as a whole, which words the error. So an error does not depend on how the bytes were cut.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::{Decoded, Decoder, check_preamble};
use crate::declarations::Declarations;
use crate::features::Features;
use crate::hash::{ModuleHash, ModuleHasher};
use crate::index::DefinedFuncIdx;
use crate::limits;
use crate::validate;

/// Bytes of code that are handed out together, at least.
const BATCH: usize = 64 * 1024;
/// The same for each type and global of the module: for every batch there is work to do for all of them.
const BATCH_PER_TYPE: usize = 8;

/// A module on its way.
pub struct Stream {
    bytes: Vec<u8>,
    hasher: ModuleHasher,
    /// Gone when something was found wrong.
    decoder: Option<Decoder>,
    /// Bodies that were handed out.
    handed_out: usize,
    /// What validating bodies has taken so far.
    work: Arc<AtomicU64>,
}

/// Bodies to be validated.
pub struct Batch {
    head: Arc<Decoded>,
    first: DefinedFuncIdx,
    ranges: Vec<Range<u32>>,
    /// The bytes that the ranges lie in.
    bytes: Vec<u8>,
    work: Arc<AtomicU64>,
}

impl Batch {
    /// Whether all bodies are valid.
    pub fn is_valid(&self) -> bool {
        let base = self.ranges.first().map_or(0, |range| range.start);
        validate::part_is_valid(&self.head, self.first, &self.ranges, &self.bytes, base, &self.work)
    }
}

impl Stream {
    /// The beginning of a module of which about so many bytes are expected.
    pub fn new(features: &Features, expected: usize) -> Self {
        let bytes = Vec::with_capacity(expected.min(limits::MAX_MODULE_SIZE));
        let decoder = Some(Decoder::new(features));
        Self { bytes, hasher: ModuleHasher::default(), decoder, handed_out: 0, work: Arc::default() }
    }

    /// Takes the next bytes, and gives code that can be validated now. Of a module that is too large nothing is kept that lies beyond the
    /// first byte too many.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Batch> {
        let room = (limits::MAX_MODULE_SIZE + 1).saturating_sub(self.bytes.len());
        let bytes = &bytes[..bytes.len().min(room)];
        self.bytes.extend_from_slice(bytes);
        self.hasher.add(bytes);
        if self.decoder.is_none() || self.bytes.len() < 8 {
            return None;
        }
        if self.advance(false).is_none() {
            self.decoder = None;
        }
        self.batch(false)
    }

    /// The module is whole: gives code that is still to be validated.
    pub fn end(&mut self) -> Option<Batch> {
        if self.advance(true).is_none() {
            self.decoder = None;
        }
        self.batch(true)
    }

    /// The bytes, their hash, and what they declare, if [`end`](Self::end) was called and nothing wrong was found. It is for the caller to know that
    /// each batch is valid; they must have been dropped.
    pub fn finish(self) -> (Vec<u8>, ModuleHash, Option<Declarations>) {
        let declarations = self.decoder.filter(|decoder| decoder.is_whole).and_then(|mut decoder| {
            Some(match decoder.head.take() {
                None => decoder.finish().declarations,
                Some(head) => decoder.sections.finish_with(Arc::into_inner(head)?.declarations),
            })
        });
        (self.bytes, self.hasher.finish(), declarations)
    }

    fn advance(&mut self, is_whole: bool) -> Option<()> {
        let decoder = self.decoder.as_mut()?;
        if decoder.position == 0 {
            check_preamble(&self.bytes).ok()?;
        }
        if self.bytes.len() > limits::MAX_MODULE_SIZE {
            return None;
        }
        decoder.advance(&self.bytes, is_whole).ok()
    }

    fn batch(&mut self, all: bool) -> Option<Batch> {
        let decoder = self.decoder.as_mut()?;
        let head = match &decoder.head {
            Some(head) => head.clone(),
            None => {
                let (features, data_count) = (decoder.wasm_features, decoder.data_count);
                let resources = Some(decoder.take_resources()?);
                let declarations = decoder.sections.take_head();
                let head = Arc::new(Decoded { declarations, resources, features, data_count });
                decoder.head.insert(head).clone()
            }
        };
        let ranges = decoder.sections.bodies().get(self.handed_out..)?;
        let (start, end) = (ranges.first()?.start as usize, ranges.last()?.end as usize);
        let declared = head.declarations.types.len() + head.declarations.globals.len();
        if !all && end - start < BATCH.max(BATCH_PER_TYPE * declared) {
            return None;
        }
        let (ranges, first) = (ranges.to_vec(), DefinedFuncIdx::new(self.handed_out));
        self.handed_out += ranges.len();
        let bytes = self.bytes[start..end].to_vec();
        Some(Batch { head, first, ranges, bytes, work: self.work.clone() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::decode_and_validate;

    fn features() -> Features {
        Features::WASM3
    }

    /// What a module says that arrives in pieces of a size; nothing if anything is wrong.
    fn streamed(bytes: &[u8], piece: usize) -> Option<Declarations> {
        let mut stream = Stream::new(&features(), 0);
        let mut valid = true;
        for piece in bytes.chunks(piece) {
            valid &= stream.push(piece).is_none_or(|batch| batch.is_valid());
        }
        valid &= stream.end().is_none_or(|batch| batch.is_valid());
        let (collected, hash, declarations) = stream.finish();
        assert_eq!((&collected[..], hash), (bytes, ModuleHash::of(bytes, None)));
        declarations.filter(|_| valid)
    }

    /// Something in every section, and enough code for several batches.
    fn module() -> Vec<u8> {
        let function = "(func (param i32) (result i32) (block (result i32) (local.get 0) (i32.const 77) (i32.add)))";
        let text = format!(
            r#"(module (type $t (func)) (import "m" "f" (func)) (import "m" "g" (global i32))
                 (memory 1) (table 3 funcref) (global (mut i64) (i64.const 1)) (tag)
                 (export "f" (func 1)) (start $start) (elem (i32.const 0) func 1 2) (elem declare func 3)
                 (func $start (type $t) (drop (ref.func 3)) (data.drop 1))
                 {}
                 (data (i32.const 8) "abc") (data "passive") (data (offset (global.get 0)) "computed")
                 (@custom "after" (after data) "contents"))"#,
            function.repeat(18_000)
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn a_module_in_pieces_says_what_it_says_as_a_whole() {
        let data =
            format!(r#"(data (i64.const 3) "{}") (data "x") (data (memory 1) (i32.const 9) "yz")"#, "long".repeat(30));
        let much_data = format!("(module (memory i64 1) (memory 1) (func) {})", data.repeat(30));
        for bytes in [
            module(),
            wat::parse_str(much_data).unwrap(),
            wat::parse_str(r#"(module (memory 1) (data (i32.const 0) "x"))"#).unwrap(),
            module()[..8].to_vec(),
        ] {
            let whole = format!("{:?}", decode_and_validate(&bytes, &features(), None).unwrap());
            for piece in [1, 13, 1000, 65_536, bytes.len()] {
                if bytes.len() / piece > 50_000 {
                    continue;
                }
                assert!(format!("{:?}", streamed(&bytes, piece).unwrap()) == whole, "pieces of {piece}");
            }
        }
    }

    #[test]
    fn code_is_handed_out_before_the_module_is_whole() {
        let bytes = module();
        let mut stream = Stream::new(&features(), bytes.len());
        let mut early = 0;
        for piece in bytes.chunks(1000) {
            early += stream.push(piece).map_or(0, |batch| batch.bytes.len());
        }
        let late = stream.end().map_or(0, |batch| batch.bytes.len());
        assert!(early >= 2 * BATCH && late < BATCH, "{early} bytes before, {late} bytes after the end");
    }

    #[test]
    fn what_is_wrong_anywhere_is_not_accepted() {
        let bytes = module();
        assert!(streamed(&bytes[..bytes.len() - 1], 1000).is_none());
        assert!(streamed(&[], 1).is_none());
        assert!(streamed(&bytes[..5], 1).is_none());
        // Damage that validation as a whole finds, at places all over the module.
        for at in (0..bytes.len()).step_by(bytes.len() / 150) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x15;
            let whole = decode_and_validate(&damaged, &features(), None);
            assert_eq!(streamed(&damaged, 5000).is_some(), whole.is_ok(), "byte {at}: {:?}", whole.err());
        }
    }
}

//! The identity of a module's bytes.

use std::num::NonZero;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use blake3::Hasher;
use blake3::hazmat::{self, ChainingValue, HasherExt, Mode};

use crate::helpers::together;

/// Bytes from which on a helper saves time.
const WORTH_HELP: usize = 1 << 20;
/// Bytes that a thread takes at a time, at most: a power of two.
const PIECE: usize = 256 << 10;

/// The BLAKE3 hash of a module's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ModuleHash(pub [u8; 32]);

impl ModuleHash {
    /// The hash of `bytes`. Helpers, where there may be any, take subtrees of the tree that the hash is of, as this thread does.
    pub fn of(bytes: &[u8], helpers: Option<NonZero<usize>>) -> Self {
        match helpers {
            Some(helpers) if bytes.len() >= WORTH_HELP => Self::together(bytes, helpers),
            _ => Self(*blake3::hash(bytes).as_bytes()),
        }
    }

    fn together(bytes: &[u8], helpers: NonZero<usize>) -> Self {
        let mut pieces = Vec::with_capacity(bytes.len() / PIECE + 1);
        split(0..bytes.len(), &mut pieces);
        let done: Vec<OnceLock<ChainingValue>> = pieces.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let subtree = |piece: &Range<usize>| {
            Hasher::new().set_input_offset(piece.start as u64).update(&bytes[piece.clone()]).finalize_non_root()
        };
        let worker = || ();
        together(helpers, worker, |()| {
            let taken = next.fetch_add(1, Ordering::Relaxed);
            let (Some(piece), Some(done)) = (pieces.get(taken), done.get(taken)) else { return false };
            done.get_or_init(|| subtree(piece));
            true
        });
        let done = pieces.iter().zip(done).map(|(piece, done)| done.into_inner().unwrap_or_else(|| subtree(piece)));
        let mut done = done.collect::<Vec<_>>().into_iter();
        match merge(bytes.len(), &mut done) {
            Some((left, right)) => Self(*hazmat::merge_subtrees_root(&left, &right, Mode::Hash).as_bytes()),
            None => Self::of(bytes, None),
        }
    }

    /// The URL that stack traces name the module by where it was not loaded from one: `wasm://wasm/` and eight digits.
    pub fn url(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        format!("wasm://wasm/{:08x}", u32::from_be_bytes([a, b, c, d]))
    }
}

/// The pieces of a subtree, from left to right.
fn split(bytes: Range<usize>, pieces: &mut Vec<Range<usize>>) {
    if bytes.len() <= PIECE {
        return pieces.push(bytes);
    }
    let middle = bytes.start + hazmat::left_subtree_len(bytes.len() as u64) as usize;
    split(bytes.start..middle, pieces);
    split(middle..bytes.end, pieces);
}

/// The two halves of a subtree of so many bytes, of whose pieces the values are given; nothing if it is a piece.
fn merge(len: usize, pieces: &mut impl Iterator<Item = ChainingValue>) -> Option<(ChainingValue, ChainingValue)> {
    fn subtree(len: usize, pieces: &mut impl Iterator<Item = ChainingValue>) -> Option<ChainingValue> {
        if len <= PIECE {
            return pieces.next();
        }
        merge(len, pieces).map(|(left, right)| hazmat::merge_subtrees_non_root(&left, &right, Mode::Hash))
    }
    if len <= PIECE {
        return None;
    }
    let left = hazmat::left_subtree_len(len as u64) as usize;
    Some((subtree(left, pieces)?, subtree(len - left, pieces)?))
}

/// Computes a hash of bytes that arrive piece by piece.
#[derive(Default)]
pub struct ModuleHasher(Box<blake3::Hasher>);

impl ModuleHasher {
    /// Adds the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes.
    pub fn finish(self) -> ModuleHash {
        ModuleHash(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_the_hash_of_the_bytes() {
        let hash = ModuleHash::of(b"\0asm\x01\0\0\0", None);
        assert_eq!(hash.url(), ModuleHash::of(b"\0asm\x01\0\0\0", None).url());
        assert_ne!(hash.url(), ModuleHash::of(b"\0asm\x01\0\0\x01", None).url());
        assert_eq!(ModuleHash::of(b"", None).url().len(), "wasm://wasm/".len() + 8);
    }

    #[test]
    fn pieces_make_the_same_hash() {
        let len = |of: usize| [of - 1, of, of + 1];
        for len in
            [len(WORTH_HELP), len(2 * WORTH_HELP), len(3 * WORTH_HELP - 1023), len(5 * WORTH_HELP + PIECE)].concat()
        {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
            for helpers in [NonZero::new(1), NonZero::new(3)] {
                assert_eq!(ModuleHash::of(&bytes, helpers), ModuleHash::of(&bytes, None), "{len} {helpers:?}");
            }
        }
    }
}

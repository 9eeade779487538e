//! The identity of a module's bytes.

use std::num::NonZero;

use blake3::Hasher;
use blake3::hazmat::{self, HasherExt};

use crate::helpers::both;

/// Bytes from which on a helper saves time.
const WORTH_HELP: usize = 1 << 20;

/// The BLAKE3 hash of a module's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ModuleHash(pub [u8; 32]);

impl ModuleHash {
    /// The hash of `bytes`. A helper, where there may be one, does half of it: the right subtree of the tree that the hash is of.
    pub fn of(bytes: &[u8], helpers: Option<NonZero<usize>>) -> Self {
        if helpers.is_none() || bytes.len() < WORTH_HELP {
            return Self(*blake3::hash(bytes).as_bytes());
        }
        let middle = hazmat::left_subtree_len(bytes.len() as u64);
        let (left, right) = bytes.split_at(middle as usize);
        let subtree = |start, bytes| Hasher::new().set_input_offset(start).update(bytes).finalize_non_root();
        let (left, right) = both(|| subtree(0, left), || subtree(middle, right));
        Self(*hazmat::merge_subtrees_root(&left, &right, hazmat::Mode::Hash).as_bytes())
    }

    /// The URL that stack traces name the module by where it was not loaded from one: `wasm://wasm/` and eight digits.
    pub fn url(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        format!("wasm://wasm/{:08x}", u32::from_be_bytes([a, b, c, d]))
    }
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
    fn two_halves_make_the_same_hash() {
        for len in
            [0, WORTH_HELP - 1, WORTH_HELP, WORTH_HELP + 1, 2 * WORTH_HELP, 3 * WORTH_HELP - 1023, 5 * WORTH_HELP + 7]
        {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
            let alone = *blake3::hash(&bytes).as_bytes();
            assert_eq!(
                (ModuleHash::of(&bytes, None).0, ModuleHash::of(&bytes, NonZero::new(3)).0),
                (alone, alone),
                "{len}"
            );
        }
    }
}

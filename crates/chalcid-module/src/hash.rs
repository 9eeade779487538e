//! The identity of a module's bytes.

use std::sync::OnceLock;

/// The BLAKE3 hash of a module's bytes, computed when it is first asked for.
#[derive(Debug, Default)]
pub struct ModuleHash(OnceLock<[u8; 32]>);

impl ModuleHash {
    /// A hash that nobody has asked for yet.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The hash of `bytes`, which must be the same at every call.
    pub fn get(&self, bytes: &[u8]) -> &[u8; 32] {
        self.0.get_or_init(|| *blake3::hash(bytes).as_bytes())
    }

    /// The URL that stack traces name the module by where it was not loaded from one: `wasm://wasm/` and eight digits.
    pub fn url(&self, bytes: &[u8]) -> String {
        let [a, b, c, d, ..] = *self.get(bytes);
        format!("wasm://wasm/{:08x}", u32::from_be_bytes([a, b, c, d]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_the_hash_of_the_bytes() {
        let hash = ModuleHash::new();
        assert_eq!(hash.url(b"\0asm\x01\0\0\0"), ModuleHash::new().url(b"\0asm\x01\0\0\0"));
        assert_ne!(hash.url(b"\0asm\x01\0\0\0"), ModuleHash::new().url(b"\0asm\x01\0\0\x01"));
        assert_eq!(hash.url(b"").len(), "wasm://wasm/".len() + 8);
    }
}

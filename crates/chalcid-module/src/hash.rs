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

    /// The hash of `bytes`, computed by a pool's threads together.
    pub fn get_by(&self, bytes: &[u8], pool: Option<&rayon::ThreadPool>) -> &[u8; 32] {
        if let (None, Some(pool)) = (self.0.get(), pool) {
            // Not within `get_or_init`: a thread that waits for others may do work that asks for the same hash.
            let hash = pool.install(|| *blake3::Hasher::new().update_rayon(bytes).finalize().as_bytes());
            return self.0.get_or_init(|| hash);
        }
        self.get(bytes)
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
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().ok();
        let bytes = vec![7; 1 << 20];
        assert_eq!(ModuleHash::new().get_by(&bytes, pool.as_ref()), ModuleHash::new().get(&bytes));
        assert_eq!(hash.url(b"").len(), "wasm://wasm/".len() + 8);
    }
}

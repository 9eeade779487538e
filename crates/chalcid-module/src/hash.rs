//! The identity of a module's bytes.

/// The BLAKE3 hash of a module's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ModuleHash(pub [u8; 32]);

impl ModuleHash {
    /// The hash of `bytes`, computed by a pool's threads together where there is one.
    pub fn of(bytes: &[u8], pool: Option<&rayon::ThreadPool>) -> Self {
        let hash = match pool {
            Some(pool) => pool.install(|| blake3::Hasher::new().update_rayon(bytes).finalize()),
            None => blake3::hash(bytes),
        };
        Self(*hash.as_bytes())
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
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().ok();
        let bytes = vec![7; 1 << 20];
        assert_eq!(ModuleHash::of(&bytes, pool.as_ref()), ModuleHash::of(&bytes, None));
        assert_eq!(ModuleHash::of(b"", None).url().len(), "wasm://wasm/".len() + 8);
    }
}

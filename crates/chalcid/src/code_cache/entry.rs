//! An entry: the file that holds what was compiled of one module.
//!
//! ```text
//! header     magic[8] format:u32 0:u32 key[32] functions:u32 chunks:u32 hash[32]     the hash of all before it and the index
//! index      (function:u32, chunk << 2 | state:u32)*  by ascending function
//!            (offset:u64 len:u32 0:u32 hash[32])*     by chunk
//! chunks     each a `CodeBundle`, as `chalcid_module::artifact` writes it
//! ```
//!
//! All numbers are little-endian. A chunk is some tens of kilobytes and is read, checked and published when one of its functions is
//! called. So opening an entry costs as much for a large module as for a small one, but for the index: eight bytes a function.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;

use chalcid_module::artifact::{CodeBundle, CompiledCode, FORMAT, Tier};
use chalcid_module::hash::ModuleHash;
use chalcid_module::index::DefinedFuncIdx;

const MAGIC: [u8; 8] = *b"\0chalcid";
const HASH: usize = 32;
/// Offset of the header's hash.
const HASHED: usize = 8 + 4 + 4 + 32 + 4 + 4;
const HEADER: usize = HASHED + HASH;
/// Bytes of the index for a function.
const FUNCTION: usize = 8;
/// Bytes of the index for a chunk.
const CHUNK: usize = 8 + 4 + 4 + HASH;
/// Bytes that are read at once when an entry is opened: small ones are there as a whole then.
const HEAD: usize = 32 << 10;
/// Machine code from which on a chunk is complete.
const CHUNK_CODE: usize = 48 << 10;
/// Most chunks: their number shares its word with the tier.
const MAX_CHUNKS: usize = 1 << 20;
/// Most functions that a module may have.
const MAX_FUNCTIONS: usize = 1_000_000;

/// What an entry is found by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// The key of a module, by its hash and length, under what all keys of an engine have in common.
    pub(super) fn new(base: &[u8; 32], module: &ModuleHash, len: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(base).update(&module.0).update(&len.to_le_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An entry whose header and index are as they were written.
pub(super) struct Entry {
    file: File,
    /// The first bytes of the file.
    head: Vec<u8>,
    /// Functions and chunks.
    index: Vec<u8>,
    functions: usize,
}

impl Entry {
    /// Reads and checks header and index. `None` for what is not the entry of the key, or not whole.
    pub(super) fn read(file: File, key: &Key) -> Option<Self> {
        let size = usize::try_from(file.metadata().ok()?.len()).ok()?;
        let mut head = vec![0; size.min(HEAD)];
        file.read_exact_at(&mut head, 0).ok()?;
        let header = head.get(..HEADER)?;
        if header[..8] != MAGIC || number(header, 8)? != FORMAT || header[16..48] != key.0 {
            return None;
        }
        let functions = number(header, 48)? as usize;
        let chunks = number(header, 52)? as usize;
        if functions > MAX_FUNCTIONS || chunks > MAX_CHUNKS {
            return None;
        }
        let index_len = functions * FUNCTION + chunks * CHUNK;
        // What the file does not hold is not allocated.
        if index_len > size - HEADER {
            return None;
        }
        let index = match head.get(HEADER..HEADER + index_len) {
            Some(index) => index.to_vec(),
            None => {
                let mut index = vec![0; index_len];
                file.read_exact_at(&mut index, HEADER as u64).ok()?;
                index
            }
        };
        (header[HASHED..] == hash_of_index(&header[..HASHED], &index)).then_some(Self { file, head, index, functions })
    }

    /// The chunk of a function, and its state.
    pub(super) fn find(&self, func: DefinedFuncIdx) -> Option<(usize, State)> {
        let (mut low, mut high) = (0, self.functions);
        while low < high {
            let middle = low.midpoint(high);
            let (found, chunk, state) = self.function(middle)?;
            match found.0.cmp(&func.0) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some((chunk, state)),
            }
        }
        None
    }

    /// How many chunks it has.
    pub(super) fn chunks(&self) -> usize {
        (self.index.len() - self.functions * FUNCTION) / CHUNK
    }

    fn function(&self, position: usize) -> Option<(DefinedFuncIdx, usize, State)> {
        let at = position * FUNCTION;
        let word = number(&self.index, at + 4)?;
        Some((DefinedFuncIdx(number(&self.index, at)?), (word >> 2) as usize, State::from_bits(word & 3)?))
    }

    /// The bytes of a chunk, if they are as they were written.
    pub(super) fn chunk(&self, chunk: usize) -> Option<Vec<u8>> {
        let at = self.functions * FUNCTION + chunk.checked_mul(CHUNK)?;
        let described = self.index.get(at..at + CHUNK)?;
        let offset = u64::from(number(described, 0)?) | u64::from(number(described, 4)?) << 32;
        let len = number(described, 8)? as usize;
        let start = usize::try_from(offset).ok()?;
        let bytes = match self.head.get(start..start.checked_add(len)?) {
            Some(bytes) => bytes.to_vec(),
            None => {
                let size = usize::try_from(self.file.metadata().ok()?.len()).ok()?;
                if start.checked_add(len)? > size {
                    return None;
                }
                let mut bytes = vec![0; len];
                self.file.read_exact_at(&mut bytes, offset).ok()?;
                bytes
            }
        };
        (blake3::hash(&bytes).as_bytes()[..] == described[16..]).then_some(bytes)
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn hash_of_index(header: &[u8], index: &[u8]) -> [u8; HASH] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(header).update(index);
    *hasher.finalize().as_bytes()
}

/// What is known of a function's code without looking at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct State {
    pub(super) tier: Tier,
    /// Whether it was on its way to a better tier.
    pub(super) hot: bool,
}

impl State {
    fn bits(self) -> u32 {
        if self.hot && self.tier == Tier::Baseline { 3 } else { self.tier as u32 }
    }

    fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            3 => Some(Self { tier: Tier::Baseline, hot: true }),
            bits => Some(Self { tier: Tier::from_u8(bits as u8)?, hot: false }),
        }
    }
}

/// Makes an entry.
#[derive(Default)]
pub(super) struct EntryWriter {
    /// With the number of the chunk.
    functions: Vec<(DefinedFuncIdx, u32, State)>,
    chunks: Vec<Vec<u8>>,
    open: CodeBundle,
    /// Those of the open chunk that are hot.
    hot: HashSet<DefinedFuncIdx>,
}

impl EntryWriter {
    /// Adds a chunk that is complete.
    pub(super) fn add_chunk(&mut self, bytes: Vec<u8>, bundle: &CodeBundle, hot: impl Fn(DefinedFuncIdx) -> bool) {
        let number = self.chunks.len() as u32;
        self.functions.extend(bundle.functions.iter().map(|function| {
            let state = State { tier: function.tier, hot: hot(function.func) };
            (function.func, number, state)
        }));
        self.chunks.push(bytes);
    }

    /// Adds a function.
    pub(super) fn add_function(&mut self, func: DefinedFuncIdx, code: CompiledCode, hot: bool) {
        // A function that does not fit into an empty chunk is left to be compiled again.
        if let Err(code) = self.open.push(func, code) {
            self.close_chunk();
            let _ = self.open.push(func, *code);
        }
        if hot {
            self.hot.insert(func);
        }
        if self.open.joined.code.len() >= CHUNK_CODE {
            self.close_chunk();
        }
    }

    fn close_chunk(&mut self) {
        if !self.open.functions.is_empty() {
            let bundle = std::mem::take(&mut self.open);
            let hot = std::mem::take(&mut self.hot);
            self.add_chunk(bundle.encode(), &bundle, |func| hot.contains(&func));
        }
    }

    /// The entry, as pieces to write one after the other.
    pub(super) fn finish(mut self, key: &Key) -> Vec<Vec<u8>> {
        self.close_chunk();
        self.functions.sort_unstable_by_key(|function| function.0.0);
        let index_len = self.functions.len() * FUNCTION + self.chunks.len() * CHUNK;
        let mut index = Vec::with_capacity(index_len);
        for (func, chunk, state) in &self.functions {
            index.extend_from_slice(&func.0.to_le_bytes());
            index.extend_from_slice(&(chunk << 2 | state.bits()).to_le_bytes());
        }
        let mut offset = (HEADER + index_len) as u64;
        for chunk in &self.chunks {
            index.extend_from_slice(&offset.to_le_bytes());
            index.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
            index.extend_from_slice(&[0; 4]);
            index.extend_from_slice(blake3::hash(chunk).as_bytes());
            offset += chunk.len() as u64;
        }
        let mut header = Vec::with_capacity(HEADER + index_len);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&FORMAT.to_le_bytes());
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&key.0);
        header.extend_from_slice(&(self.functions.len() as u32).to_le_bytes());
        header.extend_from_slice(&(self.chunks.len() as u32).to_le_bytes());
        let hash = hash_of_index(&header, &index);
        header.extend_from_slice(&hash);
        header.extend_from_slice(&index);
        let mut parts = vec![header];
        parts.append(&mut self.chunks);
        parts
    }
}

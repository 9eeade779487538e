//! Linear memories.

use std::sync::Arc;

use chalcid_vm::{MemInst, Strong};

use crate::host::raw;
use crate::types::MemoryType;
use crate::{Agent, Misuse};

pub use chalcid_vm::{LinearMemory, MemoryError, OutOfBounds, SharedMemory};

/// A memory. Cloning gives another handle to the same one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Memory(Strong<MemInst>);

raw! {
    Memory: MemInst;
}

impl Memory {
    /// A memory of its minimum size, all zero.
    pub fn new(agent: &Agent, ty: MemoryType) -> Result<Self, MemoryError> {
        MemInst::new(agent.raw(), ty, agent.engine().memories()).map(Self)
    }

    /// The memory that another agent of the same engine shares.
    pub fn from_shared(agent: &Agent, shared: &SharedMemory) -> Self {
        Self(MemInst::from_shared(agent.raw(), shared))
    }

    /// What another agent needs to have the same memory; `None` unless its type says that it is shared.
    pub fn share(&self) -> Option<SharedMemory> {
        self.0.share()
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        Agent::from_raw(self.0.agent())
    }

    /// Its type. The minimum is the one it was made with, not its current size.
    pub fn ty(&self) -> MemoryType {
        *self.0.ty()
    }

    /// Current size in pages.
    pub fn size(&self) -> u64 {
        self.0.pages()
    }

    /// Current size in bytes.
    pub fn byte_len(&self) -> usize {
        self.0.byte_len()
    }

    /// Adds pages; returns the size before.
    pub fn grow(&self, delta: u64) -> Result<u64, MemoryError> {
        self.0.grow(delta)
    }

    /// The bytes, counted apart from the memory: they stay mapped while this is held, even when the memory is gone or has moved
    /// elsewhere to grow.
    pub fn bytes(&self) -> Arc<LinearMemory> {
        self.0.mapping()
    }

    /// The address of the first byte. It changes when a memory that is checked by code grows; [`Memory::bytes`] keeps it mapped.
    pub fn data_ptr(&self) -> *mut u8 {
        self.0.mapping().base()
    }

    /// Copies bytes out.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        self.0.read(address, bytes)
    }

    /// Copies bytes in.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.0.write(address, bytes)
    }

    /// Copies out as many bytes as asked for.
    pub fn read_vec(&self, address: u64, len: usize) -> Result<Vec<u8>, OutOfBounds> {
        // The length is checked before anything of that size is allocated.
        if len > self.byte_len() {
            return Err(OutOfBounds);
        }
        let mut bytes = vec![0; len];
        self.read(address, &mut bytes)?;
        Ok(bytes)
    }
}

impl From<OutOfBounds> for Misuse {
    fn from(_: OutOfBounds) -> Self {
        Self::OutOfBounds
    }
}

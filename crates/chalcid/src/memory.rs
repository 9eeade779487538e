//! Linear memories.

use std::sync::Arc;
use std::time::Duration;

use chalcid_vm::{MemInst, Strong};

use crate::host::raw;
use crate::types::MemoryType;
use crate::{Agent, Error, Misuse};

pub use chalcid_vm::{LinearMemory, MemoryError, OutOfBounds, SharedMemory, WaitOutcome};

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

    /// The memory that another agent shares. Fails where that is an agent of an engine whose memories are laid out otherwise.
    pub fn from_shared(agent: &Agent, shared: &SharedMemory) -> Result<Self, MemoryError> {
        MemInst::from_shared(agent.raw(), shared, agent.engine().memories()).map(Self)
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

/// Waiting and notifying, as `memory.atomic.wait32`, `wait64` and `notify` do it. They fail with the traps of those instructions.
impl Memory {
    /// Wakes at most `count` of the threads that wait at an address; returns how many.
    pub fn atomic_notify(&self, address: u64, count: u32) -> Result<u32, Error> {
        self.0.notify(address, count).map_err(Error::from_failure)
    }

    /// Waits at an address of a shared memory until another thread notifies it, if the value there is as expected; `None` waits for
    /// ever.
    pub fn atomic_wait32(&self, address: u64, expected: u32, timeout: Option<Duration>) -> Result<WaitOutcome, Error> {
        self.0.wait32(address, expected, nanoseconds(timeout)).map_err(Error::from_failure)
    }

    /// The same for a value of 64 bits.
    pub fn atomic_wait64(&self, address: u64, expected: u64, timeout: Option<Duration>) -> Result<WaitOutcome, Error> {
        self.0.wait64(address, expected, nanoseconds(timeout)).map_err(Error::from_failure)
    }
}

/// The same for a shared memory that the agent need not have.
impl Agent {
    /// Wakes at most `count` of the threads that wait at an address; returns how many.
    pub fn atomic_notify(&self, memory: &SharedMemory, address: u64, count: u32) -> Result<u32, Error> {
        memory.notify(self.raw(), address, count).map_err(Error::from_failure)
    }

    /// Waits as [`Memory::atomic_wait32`] does.
    pub fn atomic_wait32(
        &self,
        memory: &SharedMemory,
        address: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitOutcome, Error> {
        memory.wait32(self.raw(), address, expected, nanoseconds(timeout)).map_err(Error::from_failure)
    }

    /// Waits as [`Memory::atomic_wait64`] does.
    pub fn atomic_wait64(
        &self,
        memory: &SharedMemory,
        address: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitOutcome, Error> {
        memory.wait64(self.raw(), address, expected, nanoseconds(timeout)).map_err(Error::from_failure)
    }
}

/// What the instructions call a time; one that is too long never ends.
fn nanoseconds(timeout: Option<Duration>) -> i64 {
    timeout.and_then(|timeout| i64::try_from(timeout.as_nanos()).ok()).unwrap_or(-1)
}

impl From<OutOfBounds> for Misuse {
    fn from(_: OutOfBounds) -> Self {
        Self::OutOfBounds
    }
}

//! Linear memories.
//!
//! ```text
//!  MemInst (entity, one an agent)         LinearMemory (counted apart: instances of MemInst and buffers share it)
//!    VMMemory { base, length } ───────►   | guard | accessible ......... | reserved, inaccessible ..... | guard |
//!                                                 ^ base                 ^ length, grows in place
//! ```
//!
//! A *static* memory (32-bit, 64 KiB pages) reserves every 32-bit address and a guard: it grows in place, its base never changes, and an access
//! out of bounds faults. Other memories are checked by the code; they reserve what their maximum asks for as far as there is room, grow in place within
//! that, and move when it is used up: then a buffer on the old mapping keeps that mapping until it is let go.
//!
//! Freed address space goes back to the system at once.

pub(crate) mod image;
mod linear;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use chalcid_module::layout::{MemoryPlan, STATIC_MEMORY_GUARD, STATIC_MEMORY_RESERVATION};
use chalcid_module::types::{AddressType, MemoryType};

use image::Part;
pub use linear::LinearMemory;
pub(crate) use linear::reserved_range_contains;

use crate::agent::Agent;
use crate::entity::{Entity, Sealed, Strong, Tracer};
use crate::sys::image::ImageFile;
use crate::vmcontext::VMMemory;

/// How memories are laid out; the same for a whole engine, since code is compiled for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemorySettings {
    /// Whether code relies on faults being handled: then 32-bit memories with 64 KiB pages are static.
    pub signals: bool,
    /// Bytes of address space that a memory which is not static reserves for growing in place, where its maximum does not ask for less.
    pub reservation: u64,
    /// Inaccessible bytes before a static memory.
    pub guard_before: u64,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self { signals: true, reservation: 1 << 32, guard_before: 1 << 31 }
    }
}

impl MemorySettings {
    /// Whether a memory of a type is static.
    pub fn is_static(&self, ty: &MemoryType) -> bool {
        MemoryPlan::of(ty, self.signals) == MemoryPlan::Static
    }
}

/// Most bytes of a 32-bit memory: 65,536 pages of 64 KiB.
pub const MAX_BYTES_32: u64 = 1 << 32;
/// Most bytes of a 64-bit memory: 262,144 pages of 64 KiB.
pub const MAX_BYTES_64: u64 = 262_144 << 16;

/// What a memory adds to [`Agent::footprint`] beside its bytes: a process has room for some ten thousand reservations.
const MEMORY_COST: usize = 256 << 10;

/// Why a memory could not be made or grown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MemoryError {
    /// More than the declared maximum or the implementation's limit.
    #[error("memory size of {bytes} bytes exceeds its limit of {limit} bytes")]
    Limit {
        /// Bytes asked for (saturated).
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The system gives no more address space or memory.
    #[error("could not reserve {bytes:#x} bytes of memory")]
    System {
        /// Bytes asked for.
        bytes: u64,
    },
    /// A page size that no memory type has.
    #[error("invalid page size")]
    PageSize,
    /// A shared memory of an engine whose memories are laid out otherwise.
    #[error("the memory belongs to an engine with other settings")]
    Settings,
}

/// An access outside a memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("out of bounds memory access")]
pub struct OutOfBounds;

/// A memory instance.
pub struct MemInst {
    ty: MemoryType,
    is_static: bool,
    reservation: u64,
    /// What code reads; for shared memories the one in `LinearMemory` is used in its place.
    vm: VMMemory,
    linear: RefCell<Arc<LinearMemory>>,
}

impl MemInst {
    /// Makes a memory of its minimum size, all zero.
    pub fn new(agent: &Agent, ty: MemoryType, settings: &MemorySettings) -> Result<Strong<Self>, MemoryError> {
        if ty.page_size_log2 > 16 {
            return Err(MemoryError::PageSize);
        }
        let limit = byte_limit(&ty);
        let bytes = ty.limits.min.saturating_mul(ty.page_size());
        if bytes > limit {
            return Err(MemoryError::Limit { bytes, limit });
        }
        let is_static = settings.is_static(&ty);
        let linear = if is_static {
            LinearMemory::new(settings.guard_before, bytes, STATIC_MEMORY_RESERVATION, STATIC_MEMORY_GUARD)?
        } else {
            // Other agents see a shared memory where it is: it can never move.
            let wanted = if ty.shared { limit } else { settings.reservation.min(limit).max(bytes) };
            // Less room to grow in place is better than no memory.
            LinearMemory::new(0, bytes, wanted, 0).or_else(|_| LinearMemory::new(0, bytes, bytes, 0))?
        };
        Ok(Self::with_mapping(agent, ty, is_static, settings.reservation, Arc::new(linear)))
    }

    /// A further memory instance over the bytes of a shared memory of another agent.
    pub fn from_shared(
        agent: &Agent,
        shared: &SharedMemory,
        settings: &MemorySettings,
    ) -> Result<Strong<Self>, MemoryError> {
        // Code that checks nothing needs the guards; code that checks can do with them.
        if settings.is_static(&shared.ty) && !shared.is_static {
            return Err(MemoryError::Settings);
        }
        Ok(Self::with_mapping(agent, shared.ty, shared.is_static, 0, Arc::clone(&shared.linear)))
    }

    fn with_mapping(
        agent: &Agent,
        ty: MemoryType,
        is_static: bool,
        reservation: u64,
        linear: Arc<LinearMemory>,
    ) -> Strong<Self> {
        let vm = VMMemory { base: AtomicPtr::new(linear.base()), length: AtomicUsize::new(linear.len()) };
        agent.charge(MEMORY_COST + if ty.shared { 0 } else { linear.len() });
        Strong::new(agent, Self { ty, is_static, reservation, vm, linear: RefCell::new(linear) })
    }

    /// Its type, with the limits it was made with.
    pub fn ty(&self) -> &MemoryType {
        &self.ty
    }

    /// Whether code may access it without checks.
    pub fn is_static(&self) -> bool {
        self.is_static
    }

    /// Current size in pages.
    pub fn pages(&self) -> u64 {
        self.byte_len() as u64 >> self.ty.page_size_log2
    }

    /// Current size in bytes.
    pub fn byte_len(&self) -> usize {
        self.vm().length.load(Ordering::Acquire)
    }

    /// The bytes, counted apart from the memory: the mapping stays while this is held, even when the memory is gone or has moved.
    pub fn mapping(&self) -> Arc<LinearMemory> {
        Arc::clone(&self.linear.borrow())
    }

    /// What another agent needs to have the same memory; `None` unless it is shared.
    pub fn share(&self) -> Option<SharedMemory> {
        self.ty.shared.then(|| SharedMemory { ty: self.ty, is_static: self.is_static, linear: self.mapping() })
    }

    /// Lets pages be those of an image. Fails without effect where the system refuses; a memory that is lost by that is empty.
    pub(crate) fn map_image(&self, part: &Part, file: &ImageFile) -> Result<(), MemoryError> {
        let linear = self.mapping();
        let mapped = linear.map_image(part.offset, part.len, file, part.at);
        if linear.is_empty() {
            self.vm.length.store(0, Ordering::Release);
        }
        mapped
    }

    /// Copies bytes out.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        let source = self.range(address, bytes.len() as u64)?;
        // SAFETY: `range` found the bytes inside the accessible part, which neither moves nor shrinks meanwhile; a Rust slice never overlaps a mapping of ours.
        unsafe { std::ptr::copy_nonoverlapping(source, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    /// Copies bytes in.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let target = self.range(address, bytes.len() as u64)?;
        // SAFETY: as in `read`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
        Ok(())
    }

    /// The start of a range of bytes that lies within the current size.
    pub(crate) fn range(&self, address: u64, len: u64) -> Result<*mut u8, OutOfBounds> {
        range(self.vm(), address, len)
    }

    /// What code reads.
    pub(crate) fn vm(&self) -> &VMMemory {
        if self.ty.shared {
            let linear = Arc::as_ptr(&self.linear.borrow());
            // SAFETY: a shared memory never changes its mapping, so the `Arc` in `self` keeps it as long as `self`.
            unsafe { &(*linear).vm }
        } else {
            &self.vm
        }
    }
}

impl Strong<MemInst> {
    /// Adds pages; returns the size before. The host hears of it, also when `delta` is 0.
    pub fn grow(&self, delta: u64) -> Result<u64, MemoryError> {
        let before = self.grow_bytes(delta)?;
        if let Some(keeper) = self.host_object() {
            // SAFETY: it is the memory's keeper, and `self` holds a count of it.
            unsafe { self.agent().hooks().memory_grown(keeper) }
        }
        Ok(before)
    }

    fn grow_bytes(&self, delta: u64) -> Result<u64, MemoryError> {
        let limit = byte_limit(&self.ty);
        let added = delta.saturating_mul(self.ty.page_size());
        if self.ty.shared {
            let before = self.mapping().grow_shared(added, limit)?;
            return Ok(before as u64 >> self.ty.page_size_log2);
        }
        let before = self.byte_len();
        let bytes = (before as u64).saturating_add(added);
        if bytes > limit {
            return Err(MemoryError::Limit { bytes, limit });
        }
        if added > 0 {
            let linear = self.mapping();
            if bytes <= linear.capacity() as u64 {
                linear.set_len(bytes as usize)?;
            } else {
                self.move_to(&linear, bytes, limit)?;
            }
            self.vm.length.store(bytes as usize, Ordering::Release);
            self.agent().charge(added as usize);
        }
        Ok(before as u64 >> self.ty.page_size_log2)
    }

    /// Grows a memory that has no room left where it lies.
    fn move_to(&self, from: &LinearMemory, bytes: u64, limit: u64) -> Result<(), MemoryError> {
        if self.is_static {
            return Err(MemoryError::System { bytes });
        }
        let wanted = bytes.saturating_mul(2).max(self.reservation).min(limit).max(bytes);
        let moved = LinearMemory::new(0, bytes, wanted, 0).or_else(|_| LinearMemory::new(0, bytes, bytes, 0))?;
        // SAFETY: both mappings are accessible for as long as the older is, and they are apart.
        unsafe { std::ptr::copy_nonoverlapping(from.base(), moved.base(), from.len()) };
        self.vm.base.store(moved.base(), Ordering::Release);
        let before = self.linear.replace(Arc::new(moved));
        drop(before);
        Ok(())
    }
}

/// A shared memory on its way to another agent.
#[derive(Clone, Debug)]
pub struct SharedMemory {
    ty: MemoryType,
    is_static: bool,
    linear: Arc<LinearMemory>,
}

impl SharedMemory {
    /// The start of a range of bytes that lies within the current size.
    pub(crate) fn range(&self, address: u64, len: u64) -> Result<*mut u8, OutOfBounds> {
        range(&self.linear.vm, address, len)
    }
}

/// The start of a range of bytes that lies within a memory.
fn range(vm: &VMMemory, address: u64, len: u64) -> Result<*mut u8, OutOfBounds> {
    let end = address.checked_add(len).ok_or(OutOfBounds)?;
    if end > vm.length.load(Ordering::Acquire) as u64 {
        return Err(OutOfBounds);
    }
    Ok(vm.base.load(Ordering::Acquire).wrapping_add(address as usize))
}

/// Bytes that a memory of a type may grow to.
pub fn byte_limit(ty: &MemoryType) -> u64 {
    let implementation = match ty.address {
        AddressType::I32 => MAX_BYTES_32,
        AddressType::I64 => MAX_BYTES_64,
    };
    // Whole pages only; a page is at most 64 KiB.
    let largest = implementation >> ty.page_size_log2;
    // The size of a 32-bit memory with pages of a byte is itself an `i32`: 2^32 pages cannot be told from -1 or 0.
    let largest = if ty.address == AddressType::I32 { largest.min(u64::from(u32::MAX)) } else { largest };
    ty.limits.max.unwrap_or(largest).min(largest) << ty.page_size_log2
}

impl Sealed for MemInst {}

impl Entity for MemInst {
    fn trace(&self, _tracer: &mut Tracer<'_>) {}

    fn clear(&self, agent: &Agent) {
        agent.refund(MEMORY_COST);
        if !self.ty.shared {
            agent.refund(self.byte_len());
            self.vm.length.store(0, Ordering::Release);
            self.vm.base.store(std::ptr::null_mut(), Ordering::Release);
            let before = self.linear.replace(Arc::new(LinearMemory::empty()));
            drop(before);
        }
    }
}

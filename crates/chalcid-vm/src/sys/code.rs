//! Memory that is mapped twice: executable at one address, writable at another.

use std::ptr::NonNull;

use rustix::fd::OwnedFd;
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The mapping; it stays for the life of the process unless it is dropped.
pub(crate) struct DualMapping {
    /// What is mapped; absent for memory without a file.
    file: Option<OwnedFd>,
    executable: NonNull<u8>,
    writable: NonNull<u8>,
    len: usize,
}

// SAFETY: two address ranges and a file; who may touch which bytes is the arena's affair.
unsafe impl Send for DualMapping {}

impl DualMapping {
    /// Maps `len` bytes, a multiple of the page size, all zero. `profiled` memory looks to profilers as they expect of generated code, where the
    /// system can do that: they look for symbols of what is mapped from a file in the file.
    pub(crate) fn new(len: usize, profiled: bool) -> Result<Self, Errno> {
        #[cfg(target_os = "linux")]
        if profiled {
            return Self::without_file(len);
        }
        let _ = profiled;
        // A kernel that wants to be told that the memory will be executed says so by refusing the mapping; older ones do not know the flag.
        let file = memfd_create(c"chalcid-code", MemfdFlags::CLOEXEC | MemfdFlags::EXEC)
            .or_else(|_| memfd_create(c"chalcid-code", MemfdFlags::CLOEXEC))?;
        ftruncate(&file, len as u64)?;
        let executable = map(&file, len, ProtFlags::READ | ProtFlags::EXEC)?;
        match map(&file, len, ProtFlags::READ | ProtFlags::WRITE) {
            Ok(writable) => Ok(Self { file: Some(file), executable, writable, len }),
            Err(error) => {
                unmap(executable, len);
                Err(error)
            }
        }
    }

    /// Shared memory of no file, mapped a second time by the one way that there is.
    #[cfg(target_os = "linux")]
    fn without_file(len: usize) -> Result<Self, Errno> {
        use rustix::mm::{MprotectFlags, MremapFlags, mmap_anonymous, mprotect, mremap};
        // SAFETY: a new mapping at an address of the system's choice touches no memory in use.
        let start =
            unsafe { mmap_anonymous(std::ptr::null_mut(), len, ProtFlags::READ | ProtFlags::EXEC, MapFlags::SHARED) }?;
        let executable = NonNull::new(start.cast::<u8>()).ok_or(Errno::NOMEM)?;
        let writable = || {
            // SAFETY: an old length of 0 asks for a second mapping of the same shared memory, at an address of the system's choice; the
            // second one is nobody's yet when its protection changes.
            unsafe {
                let second = mremap(start, 0, len, MremapFlags::MAYMOVE)?;
                let second = NonNull::new(second.cast::<u8>()).ok_or(Errno::NOMEM)?;
                mprotect(second.as_ptr().cast(), len, MprotectFlags::READ | MprotectFlags::WRITE)
                    .inspect_err(|_| unmap(second, len))?;
                Ok(second)
            }
        };
        match writable() {
            Ok(writable) => Ok(Self { file: None, executable, writable, len }),
            Err(error) => {
                unmap(executable, len);
                Err(error)
            }
        }
    }

    pub(crate) fn executable(&self) -> *const u8 {
        self.executable.as_ptr()
    }

    pub(crate) fn writable(&self) -> *mut u8 {
        self.writable.as_ptr()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Gives the pages of a range back to the system; they read as zero from then on.
    pub(crate) fn give_back(&self, offset: usize, len: usize) {
        // Where the system cannot, the pages stay allocated until they are used again; a profiled process keeps them.
        if let Some(file) = &self.file {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = fallocate(file, flags, offset as u64, len as u64);
        }
    }
}

fn map(file: &OwnedFd, len: usize, protection: ProtFlags) -> Result<NonNull<u8>, Errno> {
    // SAFETY: a new mapping at an address of the system's choice touches no memory in use.
    let start = unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, file, 0) }?;
    NonNull::new(start.cast()).ok_or(Errno::NOMEM)
}

fn unmap(start: NonNull<u8>, len: usize) {
    // SAFETY: the mapping is ours and has no user any more. If it fails, address space is lost, and nothing worse.
    let _ = unsafe { munmap(start.as_ptr().cast(), len) };
}

impl Drop for DualMapping {
    fn drop(&mut self) {
        unmap(self.executable, self.len);
        unmap(self.writable, self.len);
    }
}

//! A file without a name that is written once, and then only mapped.

use rustix::fd::OwnedFd;
use rustix::io::Errno;

/// The file.
pub(crate) struct ImageFile(OwnedFd);

impl ImageFile {
    /// A file with these contents, which nobody can change any more.
    #[cfg(target_os = "linux")]
    pub(crate) fn new(contents: &[u8]) -> Result<Self, Errno> {
        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

        let file = memfd_create(c"chalcid-data", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let mut rest = contents;
        while !rest.is_empty() {
            match rustix::io::write(&file, rest) {
                Ok(0) => return Err(Errno::NOSPC),
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        // Mappings rely on its length; who holds the descriptor cannot take that away.
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
        Ok(Self(file))
    }

    /// There are no such files here: segments are copied.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new(_contents: &[u8]) -> Result<Self, Errno> {
        Err(Errno::NOSYS)
    }

    pub(crate) fn descriptor(&self) -> &OwnedFd {
        &self.0
    }
}

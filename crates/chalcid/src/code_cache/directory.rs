//! The directory of a cache: whether it may be trusted, finding, writing and throwing out entries.
//!
//! Everything below it is reached through the open directory, so that what was checked is what is used. Entries are never changed: a new
//! one is written beside the old one and renamed over it, so that a reader sees one or the other. Nothing is synced: an entry that a crash of the
//! system left half written does not pass its hashes.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, fstat, futimens, mkdirat, openat,
    renameat, statat, unlinkat,
};
use rustix::io::Errno;

use super::CodeCacheError;
use super::entry::Key;

/// How the names of entries end.
const SUFFIX: &str = ".code";
/// How the names of files begin that are being written.
const TEMPORARY: &str = "writing-";
/// A file that is still being written after this long was left by a process that died.
const ABANDONED: Duration = Duration::from_secs(600);
/// An entry that was used is marked so if the mark is older than this.
const MARK: Duration = Duration::from_secs(3600);
/// What is thrown out makes room for some more entries: down to this part, in quarters.
const KEPT_QUARTERS: u64 = 3;

/// How much is written before the directory is looked through again, as a part of what it may hold.
const UNSEEN_PART: u64 = 16;

/// A directory that was found to be trustworthy.
pub(super) struct Directory {
    fd: OwnedFd,
    /// Bytes that this process may still write before it looks again how much there is.
    unseen: AtomicU64,
}

/// An entry as the directory lists it.
struct Listed {
    name: Vec<u8>,
    size: u64,
    used: SystemTime,
}

impl Directory {
    /// Opens a directory. `None` when it is not there and was not to be made; an error says why it is not used.
    pub(super) fn open(path: &Path, make: bool) -> Result<Option<Self>, CodeCacheError> {
        let refused =
            |reason: &str| Err(CodeCacheError::Refused { directory: path.to_owned(), reason: reason.to_owned() });
        let unavailable = |what: &str, error: io::Error| CodeCacheError::Unavailable {
            directory: path.to_owned(),
            reason: format!("{what}{error}"),
        };
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let mut opened = openat(CWD, path, flags, Mode::empty());
        if make && opened.as_ref().is_err_and(|error| *error == Errno::NOENT) {
            make_all(path).map_err(|error| unavailable("it cannot be made: ", error))?;
            opened = openat(CWD, path, flags, Mode::empty());
        }
        let directory = match opened {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(None),
            // Which of the two a symbolic link gives is the system's choice.
            Err(Errno::LOOP | Errno::NOTDIR) => {
                return refused("it is not a directory, or a symbolic link to one");
            }
            Err(error) => return Err(unavailable("", error.into())),
        };
        let stat = fstat(&directory).map_err(|error| unavailable("", error.into()))?;
        match distrust(&stat) {
            Some(reason) => refused(reason),
            None => Ok(Some(Self { fd: directory, unseen: AtomicU64::new(0) })),
        }
    }

    /// The file of an entry, if there is one that may be trusted. It is marked as used.
    pub(super) fn open_entry(&self, key: &Key) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.fd, name(key), flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stat = fstat(&file)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() || distrust(&stat).is_some() {
            return Ok(None);
        }
        if distance(modified(&stat), SystemTime::now()) > MARK {
            // On a file system that is read-only, entries stay as old as they are.
            let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
            let _ = futimens(&file, &Timestamps { last_access: now, last_modification: now });
        }
        Ok(Some(file.into()))
    }

    /// Writes an entry in place of what was there, and throws out others if together they are larger than `max_bytes`.
    pub(super) fn write_entry(&self, key: &Key, parts: &[&[u8]], max_bytes: u64) -> io::Result<()> {
        let temporary = temporary_name();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.fd, &temporary, flags, Mode::RUSR | Mode::WUSR)?);
        let written = parts
            .iter()
            .try_for_each(|part| file.write_all(part))
            .and_then(|()| renameat(&self.fd, &temporary, &self.fd, name(key)).map_err(io::Error::from));
        if written.is_err() {
            // Half an entry is of no use; if it cannot be removed now, it is removed when it is old.
            let _ = unlinkat(&self.fd, &temporary, AtFlags::empty());
        }
        written?;
        let size = parts.iter().map(|part| part.len() as u64).sum();
        let enough = self.unseen.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(size));
        if enough.is_err() {
            self.unseen.store(max_bytes / UNSEEN_PART, Ordering::Relaxed);
            self.make_room(key, max_bytes)?;
        }
        Ok(())
    }

    /// Throws out the entries that were not used for longest, and files that nobody writes any more.
    fn make_room(&self, newest: &Key, max_bytes: u64) -> io::Result<()> {
        let newest = name(newest).into_bytes();
        let mut entries = self.list()?;
        let mut total: u64 = entries.iter().map(|entry| entry.size).sum();
        if total <= max_bytes {
            return Ok(());
        }
        entries.sort_by_key(|entry| entry.used);
        for entry in entries {
            if total <= max_bytes / 4 * KEPT_QUARTERS {
                break;
            }
            // Another process may have been faster.
            if entry.name != newest && unlinkat(&self.fd, &entry.name[..], AtFlags::empty()).is_ok() {
                total -= entry.size;
            }
        }
        Ok(())
    }

    /// The entries; removes abandoned files on the way.
    fn list(&self) -> io::Result<Vec<Listed>> {
        let mut entries = Vec::new();
        let now = SystemTime::now();
        for found in Dir::read_from(&self.fd)? {
            let found = found?;
            let name = found.file_name().to_bytes();
            let temporary = name.starts_with(TEMPORARY.as_bytes());
            if !temporary && !name.ends_with(SUFFIX.as_bytes()) {
                continue;
            }
            let Ok(stat) = statat(&self.fd, found.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let used = modified(&stat);
            if !temporary {
                entries.push(Listed { name: name.to_vec(), size: stat.st_size.max(0) as u64, used });
            } else if distance(used, now) > ABANDONED {
                let _ = unlinkat(&self.fd, found.file_name(), AtFlags::empty());
            }
        }
        Ok(entries)
    }
}

/// Makes a directory and those above it, for nobody but the user.
fn make_all(path: &Path) -> io::Result<()> {
    match mkdirat(CWD, path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => return Ok(()),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => make_all(parent)?,
        _ => return Err(Errno::NOENT.into()),
    }
    match mkdirat(CWD, path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Why a file or directory must not be trusted.
fn distrust(stat: &Stat) -> Option<&'static str> {
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Some("it belongs to another user");
    }
    let writable = Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH);
    writable.then_some("others may write to it")
}

fn modified(stat: &Stat) -> SystemTime {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

/// How far apart two times are, whichever is first: clocks are set back, and files come from machines whose clocks were wrong.
fn distance(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|error| error.duration())
}

fn name(key: &Key) -> String {
    format!("{key}{SUFFIX}")
}

/// A name that no other writer has: another thread's, another process's, or that of a process which had this one's number.
fn temporary_name() -> String {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let count = WRITTEN.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY}{}-{count}-{now}", std::process::id())
}

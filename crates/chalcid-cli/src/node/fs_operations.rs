//! The operations of `fs`, away from JavaScript: each takes plain data and gives plain data, on whatever thread.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::system_error::SystemError;

/// What to do.
#[derive(Debug)]
pub enum Operation {
    /// Opens a file with POSIX flags.
    Open { path: String, flags: i32, mode: u32 },
    /// Closes a descriptor.
    Close { fd: i32 },
    /// Reads at most `length` bytes, at `position` or where the descriptor stands.
    Read { fd: i32, length: usize, position: Option<u64> },
    /// Writes bytes, at `position` or where the descriptor stands.
    Write { fd: i32, bytes: Vec<u8>, position: Option<u64> },
    /// Reads a file to its end.
    ReadFile { path: String },
    /// Reads a descriptor to its end.
    ReadAll { fd: i32 },
    /// Writes a whole file with POSIX flags.
    WriteFile { path: String, bytes: Vec<u8>, flags: i32, mode: u32 },
    /// Describes a path; `follow` says whether a link's target is meant.
    Stat { path: String, follow: bool },
    /// Describes an open file.
    FStat { fd: i32 },
    /// Lists a directory.
    ReadDir { path: String },
    /// Makes a directory; `recursive` makes its parents too and is content with one that exists.
    MakeDir { path: String, recursive: bool, mode: u32 },
    /// Makes a directory whose name begins with `prefix`.
    MakeTempDir { prefix: String },
    /// Removes a file.
    Unlink { path: String },
    /// Removes an empty directory.
    RemoveDir { path: String },
    /// Removes anything; `recursive` with what is in it, `force` without complaint if it is not there.
    Remove { path: String, recursive: bool, force: bool },
    /// Renames.
    Rename { path: String, dest: String },
    /// Copies a file; `exclusive` if there must be none yet.
    Copy { path: String, dest: String, exclusive: bool },
    /// Makes a symbolic link at `path` to `target`.
    Symlink { target: String, path: String },
    /// Makes a hard link at `dest` to `path`.
    Link { path: String, dest: String },
    /// Reads a symbolic link.
    ReadLink { path: String },
    /// The path without links.
    RealPath { path: String },
    /// Whether the path may be used in the way of `mode`.
    Access { path: String, mode: u32 },
    /// Changes permissions.
    ChangeMode { path: String, mode: u32 },
    /// Changes a file's length.
    Truncate { path: String, length: u64 },
    /// Changes an open file's length.
    FTruncate { fd: i32, length: u64 },
    /// Writes an open file through to the disk.
    Sync { fd: i32 },
    /// Sets the times of last access and change, in seconds.
    SetTimes { path: String, accessed: f64, modified: f64 },
}

/// What came of it.
#[derive(Debug)]
pub enum Reply {
    /// Nothing to tell.
    Done,
    /// A descriptor or a count.
    Number(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A path, if there is one to tell.
    Text(Option<String>),
    /// The fields of `fs.Stats`, in its order.
    Stat(Box<[f64; 14]>),
    /// Names with the type bits of `mode`.
    Entries(Vec<(String, u32)>),
}

/// The files a program has open, by descriptor. Those of the process itself (0, 1, 2) are not among them.
#[derive(Clone, Default)]
pub struct Files(Arc<Mutex<HashMap<i32, Arc<File>>>>);

impl Files {
    fn put(&self, file: File) -> i32 {
        let fd = file.as_raw_fd();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(fd, Arc::new(file));
        fd
    }

    fn take(&self, fd: i32) -> io::Result<Arc<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&fd).ok_or_else(bad_descriptor)
    }

    fn get(&self, fd: i32) -> io::Result<Arc<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&fd).cloned().ok_or_else(bad_descriptor)
    }
}

fn bad_descriptor() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

/// Whether a path is that of a regular file so small that reading it takes less time than starting a thread.
pub fn is_small_file(path: impl AsRef<Path>) -> bool {
    const SMALL: u64 = 1 << 20;
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= SMALL)
}

impl Operation {
    /// Whether it is over sooner than a thread could begin.
    pub fn is_quick(&self) -> bool {
        match self {
            Operation::Access { .. } | Operation::Stat { .. } | Operation::FStat { .. } | Operation::Close { .. } => {
                true
            }
            Operation::ReadFile { path } => is_small_file(path),
            _ => false,
        }
    }

    /// Does it.
    pub fn run(self, files: &Files) -> Result<Reply, SystemError> {
        let (syscall, path, dest) = self.about();
        let reads = matches!(self, Operation::ReadFile { .. });
        self.attempt(files).map_err(|error| match error.raw_os_error() {
            // A directory opens; it is the reading that fails.
            Some(libc::EISDIR) if reads => SystemError::new(&error, "read", None, None),
            _ => SystemError::new(&error, syscall, path.as_deref(), dest.as_deref()),
        })
    }

    /// What an error says it was about.
    fn about(&self) -> (&'static str, Option<String>, Option<String>) {
        use Operation as O;
        let one = |name, path: &String| (name, Some(path.clone()), None);
        let two = |name, path: &String, dest: &String| (name, Some(path.clone()), Some(dest.clone()));
        match self {
            O::Open { path, .. } | O::ReadFile { path } | O::WriteFile { path, .. } | O::Truncate { path, .. } => {
                one("open", path)
            }
            O::Close { .. } => ("close", None, None),
            O::Read { .. } | O::ReadAll { .. } => ("read", None, None),
            O::Write { .. } => ("write", None, None),
            O::Stat { path, follow: true } => one("stat", path),
            O::Stat { path, follow: false } => one("lstat", path),
            O::FStat { .. } => ("fstat", None, None),
            O::ReadDir { path } => one("scandir", path),
            O::MakeDir { path, .. } => one("mkdir", path),
            O::MakeTempDir { prefix } => ("mkdtemp", Some(format!("{prefix}XXXXXX")), None),
            O::Unlink { path } => one("unlink", path),
            O::RemoveDir { path } => one("rmdir", path),
            O::Remove { path, .. } => one("rm", path),
            O::Rename { path, dest } => two("rename", path, dest),
            O::Copy { path, dest, .. } => two("copyfile", path, dest),
            O::Symlink { target, path } => two("symlink", target, path),
            O::Link { path, dest } => two("link", path, dest),
            O::ReadLink { path } => one("readlink", path),
            O::RealPath { path } => one("realpath", path),
            O::Access { path, .. } => one("access", path),
            O::ChangeMode { path, .. } => one("chmod", path),
            O::FTruncate { .. } => ("ftruncate", None, None),
            O::Sync { .. } => ("fsync", None, None),
            O::SetTimes { path, .. } => one("utime", path),
        }
    }

    fn attempt(self, files: &Files) -> io::Result<Reply> {
        use Operation as O;
        Ok(match self {
            O::Open { path, flags, mode } => Reply::Number(f64::from(files.put(open(&path, flags, mode)?))),
            O::Close { fd } => {
                drop(files.take(fd)?);
                Reply::Done
            }
            O::Read { fd, length, position } => Reply::Bytes(read(files, fd, length, position)?),
            O::Write { fd, bytes, position } => Reply::Number(write(files, fd, &bytes, position)? as f64),
            O::ReadFile { path } => Reply::Bytes(fs::read(path)?),
            O::ReadAll { fd } => {
                let mut bytes = Vec::new();
                match fd {
                    0 => io::stdin().lock().read_to_end(&mut bytes)?,
                    fd => files.get(fd)?.as_ref().read_to_end(&mut bytes)?,
                };
                Reply::Bytes(bytes)
            }
            O::WriteFile { path, bytes, flags, mode } => {
                open(&path, flags, mode)?.write_all(&bytes)?;
                Reply::Done
            }
            O::Stat { path, follow: true } => stat(&fs::metadata(path)?),
            O::Stat { path, follow: false } => stat(&fs::symlink_metadata(path)?),
            O::FStat { fd } => match fd {
                0..=2 => stat(&fs::metadata(format!("/dev/fd/{fd}"))?),
                fd => stat(&files.get(fd)?.metadata()?),
            },
            O::ReadDir { path } => Reply::Entries(read_dir(&path)?),
            O::MakeDir { path, recursive, mode } => Reply::Text(make_dir(&path, recursive, mode)?),
            O::MakeTempDir { prefix } => Reply::Text(Some(make_temp_dir(&prefix)?)),
            O::Unlink { path } => done(fs::remove_file(path))?,
            O::RemoveDir { path } => done(fs::remove_dir(path))?,
            O::Remove { path, recursive, force } => done(remove(&path, recursive, force))?,
            O::Rename { path, dest } => done(fs::rename(path, dest))?,
            O::Copy { path, dest, exclusive } => {
                if exclusive && Path::new(&dest).exists() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                fs::copy(path, dest)?;
                Reply::Done
            }
            O::Symlink { target, path } => done(std::os::unix::fs::symlink(target, path))?,
            O::Link { path, dest } => done(fs::hard_link(path, dest))?,
            O::ReadLink { path } => Reply::Text(Some(text(fs::read_link(path)?.into_os_string()))),
            O::RealPath { path } => Reply::Text(Some(text(fs::canonicalize(path)?.into_os_string()))),
            O::Access { path, mode } => {
                rustix::fs::access(path, rustix::fs::Access::from_bits_truncate(mode))?;
                Reply::Done
            }
            O::ChangeMode { path, mode } => done(fs::set_permissions(path, fs::Permissions::from_mode(mode)))?,
            O::Truncate { path, length } => done(OpenOptions::new().write(true).open(path)?.set_len(length))?,
            O::FTruncate { fd, length } => done(files.get(fd)?.set_len(length))?,
            O::Sync { fd } => done(files.get(fd)?.sync_all())?,
            O::SetTimes { path, accessed, modified } => {
                let times = fs::FileTimes::new().set_accessed(time(accessed)?).set_modified(time(modified)?);
                done(File::open(path)?.set_times(times))?
            }
        })
    }
}

fn done(result: io::Result<()>) -> io::Result<Reply> {
    result.map(|()| Reply::Done)
}

fn text(name: OsString) -> String {
    name.to_string_lossy().into_owned()
}

fn time(seconds: f64) -> io::Result<SystemTime> {
    let distance = Duration::try_from_secs_f64(seconds.abs()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let time = if seconds < 0.0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    time.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn open(path: &str, flags: i32, mode: u32) -> io::Result<File> {
    let access = flags & libc::O_ACCMODE;
    let mut options = OpenOptions::new();
    options
        .read(access == libc::O_RDONLY || access == libc::O_RDWR)
        .write(access == libc::O_WRONLY || access == libc::O_RDWR)
        .mode(mode)
        .custom_flags(flags & !(libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_EXCL | libc::O_APPEND));
    if flags & libc::O_APPEND != 0 {
        options.append(true);
    }
    if flags & libc::O_TRUNC != 0 {
        options.truncate(true);
    }
    if flags & libc::O_CREAT != 0 {
        if flags & libc::O_EXCL != 0 {
            options.create_new(true);
        } else {
            options.create(true);
        }
    }
    options.open(path)
}

fn read(files: &Files, fd: i32, length: usize, position: Option<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.resize(length, 0);
    let count = match (fd, position) {
        (0, _) => io::stdin().lock().read(&mut bytes)?,
        (fd, Some(position)) => files.get(fd)?.read_at(&mut bytes, position)?,
        (fd, None) => files.get(fd)?.as_ref().read(&mut bytes)?,
    };
    bytes.truncate(count);
    Ok(bytes)
}

fn write(files: &Files, fd: i32, bytes: &[u8], position: Option<u64>) -> io::Result<usize> {
    match (fd, position) {
        (1, _) => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()?;
            Ok(bytes.len())
        }
        (2, _) => io::stderr().lock().write_all(bytes).map(|()| bytes.len()),
        (fd, Some(position)) => files.get(fd)?.write_at(bytes, position),
        (fd, None) => files.get(fd)?.as_ref().write(bytes),
    }
}

fn stat(metadata: &Metadata) -> Reply {
    let milliseconds = |seconds: i64, nanoseconds: i64| seconds as f64 * 1000.0 + nanoseconds as f64 / 1e6;
    let born = metadata
        .created()
        .ok()
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map_or_else(|| milliseconds(metadata.ctime(), metadata.ctime_nsec()), |time| time.as_secs_f64() * 1000.0);
    Reply::Stat(Box::new([
        metadata.dev() as f64,
        f64::from(metadata.mode()),
        metadata.nlink() as f64,
        f64::from(metadata.uid()),
        f64::from(metadata.gid()),
        metadata.rdev() as f64,
        metadata.blksize() as f64,
        metadata.ino() as f64,
        metadata.size() as f64,
        metadata.blocks() as f64,
        milliseconds(metadata.atime(), metadata.atime_nsec()),
        milliseconds(metadata.mtime(), metadata.mtime_nsec()),
        milliseconds(metadata.ctime(), metadata.ctime_nsec()),
        born,
    ]))
}

fn read_dir(path: &str) -> io::Result<Vec<(String, u32)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        entries.push((text(entry.file_name()), type_bits(entry.file_type()?)));
    }
    entries.sort();
    Ok(entries)
}

/// The type part of a `mode`.
fn type_bits(kind: fs::FileType) -> u32 {
    if kind.is_dir() {
        0o040_000
    } else if kind.is_symlink() {
        0o120_000
    } else if kind.is_fifo() {
        0o010_000
    } else if kind.is_socket() {
        0o140_000
    } else if kind.is_char_device() {
        0o020_000
    } else if kind.is_block_device() {
        0o060_000
    } else {
        0o100_000
    }
}

/// Makes a directory; tells the first one made, if several may have been.
fn make_dir(path: &str, recursive: bool, mode: u32) -> io::Result<Option<String>> {
    let build = |path: &Path| {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
        builder.create(path)
    };
    if !recursive {
        return build(Path::new(path)).map(|()| None);
    }
    let mut missing = Vec::new();
    let mut at = Path::new(path);
    loop {
        match fs::metadata(at) {
            Ok(metadata) if metadata.is_dir() => break,
            Ok(_) if missing.is_empty() => return Err(io::Error::from_raw_os_error(libc::EEXIST)),
            Ok(_) => return Err(io::Error::from_raw_os_error(libc::ENOTDIR)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(at),
            Err(error) => return Err(error),
        }
        match at.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => at = parent,
            _ => break,
        }
    }
    let first = missing.last().map(|first| first.to_string_lossy().into_owned());
    for directory in missing.into_iter().rev() {
        match build(directory) {
            // Somebody else was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
            result => result?,
        }
    }
    Ok(first)
}

fn make_temp_dir(prefix: &str) -> io::Result<String> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    loop {
        let mut random = [0u8; 6];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let suffix: String =
            random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
        let path = format!("{prefix}{suffix}");
        match make_dir(&path, false, 0o700) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|_| path),
        }
    }
}

fn remove(path: &str, recursive: bool, force: bool) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if force && error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result?,
    };
    match (metadata.is_dir(), recursive) {
        (true, true) => fs::remove_dir_all(path),
        (true, false) => Err(io::Error::from_raw_os_error(libc::EISDIR)),
        (false, _) => fs::remove_file(path),
    }
}

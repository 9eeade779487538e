//! What the operating system refuses, as Node says it: `ENOENT: no such file or directory, open 'name'`.

use rquickjs::{Ctx, Error};

use crate::runtime::throw::{self, Kind};

/// An operation that failed.
#[derive(Debug)]
pub struct SystemError {
    errno: i32,
    code: &'static str,
    description: String,
    syscall: &'static str,
    path: Option<String>,
    dest: Option<String>,
}

impl SystemError {
    /// The failure `error` of `syscall`, about up to two paths.
    pub fn new(error: &std::io::Error, syscall: &'static str, path: Option<&str>, dest: Option<&str>) -> SystemError {
        let errno = error.raw_os_error().unwrap_or_else(|| of_kind(error.kind()));
        let (code, description) = known(errno)
            .map_or_else(|| ("UNKNOWN", error.to_string()), |(code, description)| (code, description.to_owned()));
        SystemError { errno, code, description, syscall, path: path.map(str::to_owned), dest: dest.map(str::to_owned) }
    }

    /// Throws it as the JavaScript error that Node makes of it.
    pub fn throw(&self, ctx: &Ctx<'_>) -> Error {
        let mut message = format!("{}: {}, {}", self.code, self.description, self.syscall);
        if let Some(path) = &self.path {
            message.push_str(&format!(" '{path}'"));
        }
        if let Some(dest) = &self.dest {
            message.push_str(&format!(" -> '{dest}'"));
        }
        let thrown = throw::make(ctx, Kind::Error, &message, None).and_then(|object| {
            object.set("errno", -self.errno)?;
            object.set("code", self.code)?;
            object.set("syscall", self.syscall)?;
            if let Some(path) = &self.path {
                object.set("path", path.as_str())?;
            }
            if let Some(dest) = &self.dest {
                object.set("dest", dest.as_str())?;
            }
            Ok(object)
        });
        match thrown {
            Ok(object) => ctx.throw(object.into_value()),
            Err(error) => error,
        }
    }
}

/// The number of an error that the standard library made itself.
fn of_kind(kind: std::io::ErrorKind) -> i32 {
    use std::io::ErrorKind;
    match kind {
        ErrorKind::NotFound => libc::ENOENT,
        ErrorKind::PermissionDenied => libc::EACCES,
        ErrorKind::AlreadyExists => libc::EEXIST,
        ErrorKind::InvalidInput | ErrorKind::InvalidData => libc::EINVAL,
        ErrorKind::OutOfMemory => libc::ENOMEM,
        ErrorKind::Unsupported => libc::ENOTSUP,
        _ => libc::EIO,
    }
}

fn known(errno: i32) -> Option<(&'static str, &'static str)> {
    Some(match errno {
        libc::E2BIG => ("E2BIG", "argument list too long"),
        libc::EACCES => ("EACCES", "permission denied"),
        libc::EAGAIN => ("EAGAIN", "resource temporarily unavailable"),
        libc::EBADF => ("EBADF", "bad file descriptor"),
        libc::EBUSY => ("EBUSY", "resource busy or locked"),
        libc::EEXIST => ("EEXIST", "file already exists"),
        libc::EFBIG => ("EFBIG", "file too large"),
        libc::EINTR => ("EINTR", "interrupted system call"),
        libc::EINVAL => ("EINVAL", "invalid argument"),
        libc::EIO => ("EIO", "i/o error"),
        libc::EISDIR => ("EISDIR", "illegal operation on a directory"),
        libc::ELOOP => ("ELOOP", "too many symbolic links encountered"),
        libc::EMFILE => ("EMFILE", "too many open files"),
        libc::EMLINK => ("EMLINK", "too many links"),
        libc::ENAMETOOLONG => ("ENAMETOOLONG", "name too long"),
        libc::ENFILE => ("ENFILE", "file table overflow"),
        libc::ENODEV => ("ENODEV", "no such device"),
        libc::ENOENT => ("ENOENT", "no such file or directory"),
        libc::ENOMEM => ("ENOMEM", "not enough memory"),
        libc::ENOSPC => ("ENOSPC", "no space left on device"),
        libc::ENOSYS => ("ENOSYS", "function not implemented"),
        libc::ENOTDIR => ("ENOTDIR", "not a directory"),
        libc::ENOTEMPTY => ("ENOTEMPTY", "directory not empty"),
        libc::ENOTSUP => ("ENOTSUP", "operation not supported on socket"),
        libc::ENXIO => ("ENXIO", "no such device or address"),
        libc::EOVERFLOW => ("EOVERFLOW", "value too large for defined data type"),
        libc::EPERM => ("EPERM", "operation not permitted"),
        libc::EPIPE => ("EPIPE", "broken pipe"),
        libc::EROFS => ("EROFS", "read-only file system"),
        libc::ESPIPE => ("ESPIPE", "invalid seek"),
        libc::ESRCH => ("ESRCH", "no such process"),
        libc::ETXTBSY => ("ETXTBSY", "text file is busy"),
        libc::EXDEV => ("EXDEV", "cross-device link not permitted"),
        _ => return None,
    })
}

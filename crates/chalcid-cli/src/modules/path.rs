//! Paths and the addresses of files.

use std::path::{Component, Path, PathBuf};

use url::Url;

/// The current directory, or the root if it is gone.
pub fn current_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}

/// `path` as an absolute path without `.` and `..`.
pub fn absolute(path: &Path) -> PathBuf {
    let mut absolute = PathBuf::new();
    for component in current_directory().join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                absolute.pop();
            }
            part => absolute.push(part),
        }
    }
    absolute
}

/// The `file:` address of a directory, to resolve relative addresses against.
pub fn directory_url(directory: &Path) -> Option<Url> {
    Url::from_directory_path(directory).ok()
}

/// The `file:` address of an absolute path.
pub fn file_url(path: &Path) -> Option<Url> {
    Url::from_file_path(path).ok()
}

/// The path behind a module's name: a `file:` address or a path.
pub fn of_module(name: &str) -> Option<PathBuf> {
    if name.starts_with("file:") {
        return Url::parse(name).ok()?.to_file_path().ok();
    }
    let path = Path::new(name);
    path.is_absolute().then(|| path.to_path_buf())
}

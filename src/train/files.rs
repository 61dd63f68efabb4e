//! I/O errors that name the file.

use std::error::Error;
use std::path::{Path, PathBuf};

/// A file that could not be read or written, with the cause.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}: {cause}", path.display())]
pub struct FileError {
    verb: &'static str,
    path: PathBuf,
    cause: Box<dyn Error + Send + Sync>,
}

impl FileError {
    pub fn reading<E: Into<Box<dyn Error + Send + Sync>>>(path: &Path) -> impl FnOnce(E) -> Self {
        |cause| Self { verb: "read", path: path.to_owned(), cause: cause.into() }
    }

    pub fn writing<E: Into<Box<dyn Error + Send + Sync>>>(path: &Path) -> impl FnOnce(E) -> Self {
        |cause| Self { verb: "write", path: path.to_owned(), cause: cause.into() }
    }
}

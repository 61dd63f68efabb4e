//! At most one run at a time per folder.

use anyhow::{Context as _, bail};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

/// An exclusive lock on a folder, released on drop.
///
/// It is an advisory lock on the file `.lock`, which the operating system releases when the process ends, also
/// after a kill. The file contains the process id. It is never removed: otherwise two processes could hold locks
/// on two different files of that name.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks an existing folder. Fails if another process holds the lock.
    pub fn take(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(".lock");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.with_context(|| cannot_write(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                // The other process may not have written its id yet.
                let _ = file.read_to_string(&mut process);
                let process = match process.trim() {
                    "" => String::new(),
                    process => format!(" (process {process})"),
                };
                bail!(
                    "{} is in use by another run{process}; wait until it ends, or choose another --out",
                    folder.display()
                );
            }
            // On file systems without locks, runs are not protected from each other.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        let mut tell = || {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(format!("{}\n", std::process::id()).as_bytes())
        };
        tell().with_context(|| cannot_write(&path))?;
        Ok(Self { _file: file })
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

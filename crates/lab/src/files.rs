//! Files that survive: read with their name in the error, written so that a crash leaves the old or the new.

use crate::{Error, Result};
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

/// Reads a text file.
///
/// # Errors
/// [`Error::Read`] with the path.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Reads a file.
///
/// # Errors
/// [`Error::Read`] with the path.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Replaces a file: writes beside it, syncs, renames. A reader sees the old content or the new, whatever happens.
///
/// # Errors
/// [`Error::Write`]; the old content is still there.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        match path.parent().filter(|p| !p.as_os_str().is_empty()) {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| {
        // Nothing more can be done about the partial file if this fails too.
        let _ = fs::remove_file(&partial);
        Error::Write { path: path.to_owned(), source }
    })
}

/// Creates a directory and its parents.
///
/// # Errors
/// [`Error::Write`] with the path.
pub fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|source| Error::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        write_atomic(&path, b"old").unwrap();
        // A directory where the partial file would go makes the write fail, as a full disk would.
        fs::create_dir(path.with_extension("partial")).unwrap();
        assert!(write_atomic(&path, b"new").unwrap_err().to_string().contains("checkpoint"));
        assert_eq!(read_bytes(&path).unwrap(), b"old");
    }
}

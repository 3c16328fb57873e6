//! Whether results could be written to a directory, found out before the work that would be lost.

use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Fails unless a directory can be made, or is, at `dir`. Leaves nothing behind.
///
/// # Errors
/// What stands in the way, and where.
pub(crate) fn check(dir: &Path) -> Result<()> {
    let place = nearest_existing(dir);
    if !place.is_dir() {
        bail!("{}: {} is not a directory, expected one to write to", dir.display(), place.display());
    }
    let probe = place.join(format!(".trimtab-{}", std::process::id()));
    let written = fs::File::create_new(&probe).and_then(|_| fs::remove_file(&probe));
    written.with_context(|| format!("{}: cannot write to {}", dir.display(), place.display()))
}

fn nearest_existing(dir: &Path) -> PathBuf {
    let found = dir.ancestors().find(|place| place.exists());
    found.filter(|place| !place.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned)
}

//! Ctrl-C and SIGTERM: the first asks the work to stop at its next safe point, the second stops at once.

use anyhow::{Context, Result};
use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The exit status of a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// A flag that is set once a stop is asked for.
///
/// # Errors
/// When the system lets no handler be set.
#[expect(clippy::exit, reason = "the second Ctrl-C means: at once; what is on disk is whole at any moment")]
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if shared.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        let _ = writeln!(std::io::stderr(), "\nstopping at the next safe point; once more stops at once");
    })
    .context("cannot watch for Ctrl-C")?;
    Ok(flag)
}

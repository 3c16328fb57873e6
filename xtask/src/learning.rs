//! `cargo xtask learn`: every learning gate over ten seeds, and the page with the curves.
//!
//! Training is an example of `rl`, which knows no files but what it is told, and drawing one of `lab`, which has the
//! charts: `rl` may depend on neither. Left out: Stable-Baselines3's curves, made once by `bench/peers/learning_curves.py`.

use crate::command;
use anyhow::Result;
use std::path::Path;

const PAGE: &str = "docs/reference";
const OURS: &str = "docs/reference/learning-curves/ours";
const SEEDS: &str = "10";

/// Trains the gates of these names, or all, and writes the page.
pub(crate) fn learn(root: &Path, gates: &[&str]) -> Result<()> {
    let train = ["run", "--release", "-p", "trimtab-rl", "--example", "learn", "--", OURS, SEEDS];
    command::cargo(root, &[&train[..], gates].concat())?;
    command::cargo(
        root,
        &["run", "--release", "-p", "trimtab-lab", "--example", "learning_curves", "--", PAGE],
    )
}

//! The directory of a run: where its configuration, progress, checkpoints and policy are.
//!
//! ```text
//! config.toml             resolved configuration, calibration included
//! progress.jsonl          one line an iteration, Stable-Baselines3's keys
//! episodes.csv            one line an episode
//! checkpoints/<steps>/    learner.safetensors, learner.json, environment.bin
//! checkpoints/latest      name of the newest complete checkpoint
//! policy.safetensors      the trained policy, written at the end
//! ```
//!
//! A checkpoint counts only once `latest` names it, so a crash or a full disk at any moment leaves the one before.

use crate::{
    Error, Result,
    config::{Layer, RunConfig, resolve},
    files,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use trimtab_rl::Checkpoint;

/// Checkpoints that are kept.
const KEEP: usize = 2;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

/// A checkpoint as read.
#[derive(Debug)]
pub struct Saved {
    /// The learner.
    pub learner: Checkpoint,
    /// The environments.
    pub environment: Vec<u8>,
    /// Environment steps made.
    pub timesteps: u64,
}

impl RunDir {
    /// The directory at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether it holds a run.
    pub fn exists(&self) -> bool {
        self.file("config.toml").exists()
    }

    /// Starts a run: writes the configuration.
    ///
    /// # Errors
    /// [`Error::Run`] if there is a run already, [`Error::Write`].
    pub fn create(&self, config: &RunConfig) -> Result<()> {
        if self.exists() {
            return Err(Error::run(
                &self.path,
                "holds a run already, expected --resume or another directory",
            ));
        }
        files::create_dir(&self.file("checkpoints"))?;
        files::write_atomic(&self.file("config.toml"), config.to_toml().as_bytes())
    }

    /// The run's configuration.
    ///
    /// # Errors
    /// [`Error::Run`] where there is no run, or whatever is wrong with the file.
    pub fn config(&self) -> Result<RunConfig> {
        if !self.exists() {
            return Err(Error::run(&self.path, "holds no run, expected a directory with a config.toml"));
        }
        let path = self.file("config.toml");
        let text = files::read_text(&path)?;
        resolve(&[Layer::file(&path.to_string_lossy(), &text)?])
    }

    /// Where the checkpoint after so many environment steps is.
    pub fn checkpoint(&self, timesteps: u64) -> PathBuf {
        self.file("checkpoints").join(format!("{timesteps:012}"))
    }

    /// Writes a checkpoint and, once it is complete, makes it the latest.
    ///
    /// # Errors
    /// [`Error::Write`]; the latest checkpoint is then still the one before.
    pub fn save(&self, saved: &Saved) -> Result<()> {
        let dir = self.checkpoint(saved.timesteps);
        let name = format!("{:012}", saved.timesteps);
        files::create_dir(&dir)?;
        files::write_atomic(&dir.join("learner.safetensors"), &saved.learner.tensors)?;
        files::write_atomic(&dir.join("learner.json"), &saved.learner.description)?;
        files::write_atomic(&dir.join("environment.bin"), &saved.environment)?;
        files::write_atomic(&self.file("checkpoints").join("latest"), name.as_bytes())?;
        self.prune(&name);
        Ok(())
    }

    /// Removes all but the newest checkpoints. Failing to is no failure of the run.
    fn prune(&self, latest: &str) {
        let Ok(entries) = fs::read_dir(self.file("checkpoints")) else { return };
        let mut names: Vec<String> = entries
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|n| n.bytes().all(|b| b.is_ascii_digit()) && n.as_str() <= latest)
            .collect();
        names.sort();
        for name in names.iter().rev().skip(KEEP) {
            let _ = fs::remove_dir_all(self.file("checkpoints").join(name));
        }
    }

    /// The latest checkpoint; `None` before the first.
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::Run`] for one that is not complete.
    pub fn latest(&self) -> Result<Option<Saved>> {
        let pointer = self.file("checkpoints").join("latest");
        if !pointer.exists() {
            return Ok(None);
        }
        let name = files::read_text(&pointer)?;
        let timesteps = name.trim().parse().map_err(|_| {
            Error::run(&pointer, format!("is {:?}, expected the name of a checkpoint", name.trim()))
        })?;
        let dir = self.file("checkpoints").join(name.trim());
        Ok(Some(Saved {
            learner: Checkpoint {
                tensors: files::read_bytes(&dir.join("learner.safetensors"))?,
                description: files::read_bytes(&dir.join("learner.json"))?,
            },
            environment: files::read_bytes(&dir.join("environment.bin"))?,
            timesteps,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(timesteps: u64) -> Saved {
        let learner = Checkpoint { tensors: vec![1], description: vec![2] };
        Saved { learner, environment: vec![timesteps as u8], timesteps }
    }

    #[test]
    fn the_latest_checkpoint_is_read_back_and_old_ones_go() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("run"));
        dir.create(&RunConfig::default()).unwrap();
        for timesteps in [10, 20, 30] {
            dir.save(&saved(timesteps)).unwrap();
        }
        assert_eq!(dir.latest().unwrap().unwrap().environment, [30]);
        assert_eq!(fs::read_dir(dir.file("checkpoints")).unwrap().count(), 3);
    }

    #[test]
    fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("run"));
        dir.create(&RunConfig::default()).unwrap();
        dir.save(&saved(10)).unwrap();
        // A file where the directory would go stands for a disk that takes no more.
        fs::write(dir.file("checkpoints").join(format!("{:012}", 20)), "full").unwrap();
        assert!(matches!(dir.save(&saved(20)), Err(Error::Write { .. })));
        assert_eq!(dir.latest().unwrap().unwrap().timesteps, 10);
    }

    #[test]
    fn a_directory_with_a_run_is_not_overwritten() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path());
        dir.create(&RunConfig::default()).unwrap();
        let text = dir.create(&RunConfig::default()).unwrap_err().to_string();
        assert!(text.contains("holds a run already"), "{text}");
        assert_eq!(dir.config().unwrap(), RunConfig::default());
    }
}

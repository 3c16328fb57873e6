//! The directory of a run: where its configuration, progress, checkpoints and policy are.
//!
//! ```text
//! config.toml             resolved configuration, calibration included
//! progress.jsonl          one line an iteration, Stable-Baselines3's keys
//! progress.csv            the same as a table, written when the run ends or is stopped
//! episodes.csv            one line an episode
//! tensorboard/            the same figures in event files
//! cloning.json            how well a clone of a teacher does, where it starts from one
//! evaluations.csv, best/  validation, where it is on (see `training::selection`)
//! checkpoints/<steps>/    learner.safetensors, learner.json, environment.bin, callbacks.bin
//! checkpoints/latest      name of the newest complete checkpoint
//! checkpoints/failed-<steps>/   where a number was not finite: the same, and the last sound policy
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
    /// What callbacks remember.
    pub callbacks: Vec<u8>,
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

    /// Writes a checkpoint and, once it is complete, makes it the latest; `keep` of them, at least one, are kept.
    ///
    /// # Errors
    /// [`Error::Write`]; the latest checkpoint is then still the one before.
    pub fn save(&self, saved: &Saved, keep: usize) -> Result<()> {
        let name = format!("{:012}", saved.timesteps);
        write(saved, &self.checkpoint(saved.timesteps))?;
        files::write_atomic(&self.file("checkpoints").join("latest"), name.as_bytes())?;
        self.prune(&name, keep.max(1));
        Ok(())
    }

    /// Keeps the state of a run that cannot go on, with its last sound policy, where no checkpoint is: the latest one
    /// stays what it was. Returns where; what an earlier failure at the same step left stays too.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn keep_failed(&self, saved: &Saved, policy: &[u8]) -> Result<PathBuf> {
        let dir = self.file("checkpoints").join(format!("failed-{:012}", saved.timesteps));
        if !dir.exists() {
            write(saved, &dir)?;
            files::write_atomic(&dir.join("policy.safetensors"), policy)?;
        }
        Ok(dir)
    }

    /// Removes all but the newest checkpoints. Failing to is no failure of the run.
    fn prune(&self, latest: &str, keep: usize) {
        let Ok(entries) = fs::read_dir(self.file("checkpoints")) else { return };
        let mut names: Vec<String> = entries
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|n| n.bytes().all(|b| b.is_ascii_digit()) && n.as_str() <= latest)
            .collect();
        names.sort();
        for name in names.iter().rev().skip(keep) {
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
            callbacks: files::read_bytes(&dir.join("callbacks.bin"))?,
            timesteps,
        }))
    }
}

fn write(saved: &Saved, dir: &Path) -> Result<()> {
    files::create_dir(dir)?;
    files::write_atomic(&dir.join("learner.safetensors"), &saved.learner.tensors)?;
    files::write_atomic(&dir.join("learner.json"), &saved.learner.description)?;
    files::write_atomic(&dir.join("environment.bin"), &saved.environment)?;
    files::write_atomic(&dir.join("callbacks.bin"), &saved.callbacks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(timesteps: u64) -> Saved {
        let learner = Checkpoint { tensors: vec![1], description: vec![2] };
        Saved { learner, environment: vec![timesteps as u8], callbacks: vec![], timesteps }
    }

    #[test]
    fn the_latest_checkpoint_is_read_back_and_old_ones_go() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("run"));
        dir.create(&RunConfig::default()).unwrap();
        for timesteps in [10, 20, 30] {
            dir.save(&saved(timesteps), 2).unwrap();
        }
        assert_eq!(dir.latest().unwrap().unwrap().environment, [30]);
        assert_eq!(fs::read_dir(dir.file("checkpoints")).unwrap().count(), 3);
    }

    #[test]
    fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("run"));
        dir.create(&RunConfig::default()).unwrap();
        dir.save(&saved(10), 2).unwrap();
        // A file where the directory would go stands for a disk that takes no more.
        fs::write(dir.file("checkpoints").join(format!("{:012}", 20)), "full").unwrap();
        assert!(matches!(dir.save(&saved(20), 2), Err(Error::Write { .. })));
        assert_eq!(dir.latest().unwrap().unwrap().timesteps, 10);
    }

    #[test]
    fn a_failure_is_kept_beside_the_checkpoints() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("run"));
        dir.create(&RunConfig::default()).unwrap();
        dir.save(&saved(10), 2).unwrap();
        let kept = dir.keep_failed(&saved(10), b"sound").unwrap();
        assert_eq!(dir.keep_failed(&saved(10), b"other").unwrap(), kept);
        assert_eq!(fs::read(kept.join("policy.safetensors")).unwrap(), b"sound");
        dir.save(&saved(20), 1).unwrap();
        assert_eq!(dir.latest().unwrap().unwrap().timesteps, 20);
        assert!(kept.exists() && !dir.checkpoint(10).exists());
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

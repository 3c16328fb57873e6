//! The training loop, for any environment: iterations, callbacks, logs, checkpoints, and going on after a kill.
//!
//! Left out: what an algorithm does in an iteration, which is `trimtab-rl`'s; what an environment needs before and after.

use super::{
    Callback, Progress,
    callback::{Flow, Moment},
    learner::{new_learner, policy_of, same_learner},
    logs::Logs,
    probe::Probe,
};
use crate::{
    Error, Result,
    config::RunConfig,
    environments::{
        Env,
        watched::{Step, Watched},
    },
    policy_file,
    run_dir::{RunDir, Saved},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};
use trimtab_rl::{Learner, learner};

/// A run that is to be made or to go on.
pub(super) struct Run<'a> {
    pub(super) config: &'a RunConfig,
    pub(super) dir: &'a RunDir,
    /// Whether to go on from the latest checkpoint.
    pub(super) resume: bool,
    /// Set when it is to stop.
    pub(super) stop: &'a AtomicBool,
}

impl Run<'_> {
    /// Trains in `env` until the end; `None` if it was stopped before, and a checkpoint is written then if anything was
    /// learned. `begin` is given a learner that starts afresh, `probe` looks at it after iterations.
    ///
    /// # Errors
    /// As [`super::train_with`].
    pub(super) fn learn(
        &self,
        env: &mut dyn Env,
        begin: &mut dyn FnMut(&mut dyn Learner) -> Result<()>,
        mut probe: Option<Probe>,
        callbacks: &mut [&mut dyn Callback],
        report: &mut dyn FnMut(&Progress),
    ) -> Result<Option<Box<dyn Learner>>> {
        let Self { config, dir, .. } = *self;
        let (mut learner, mut memory) = match self.latest(env)? {
            Some(saved) => saved,
            None => (self.fresh(env, begin)?, Memory::default()),
        };
        for callback in &mut *callbacks {
            let remembered = memory.callbacks.get(callback.name()).map(Vec::as_slice);
            callback.begin(dir, learner.timesteps(), remembered)?;
        }
        let mut logs = Logs::open(dir, learner.timesteps(), &env.episode_columns())?;
        let checkpoint =
            |memory: &mut Memory, callbacks: &[&mut dyn Callback], learner: &dyn Learner, env: &_| {
                memory.remember(callbacks);
                dir.save(&saved_now(learner, env, memory), config.keep_checkpoints)
            };
        let mut next_checkpoint = learner.timesteps() + config.checkpoint_timesteps;
        while !memory.ended && learner.timesteps() < config.total_timesteps {
            if self.stop.load(Ordering::Relaxed) {
                checkpoint(&mut memory, callbacks, learner.as_ref(), env)?;
                logs.table()?;
                return Ok(None);
            }
            let before = learner.timesteps();
            let mut tell =
                |step: &Step<'_>| callbacks.iter_mut().for_each(|callback| callback.after_step(step));
            let iterated = learner.iterate(&mut Watched { env: &mut *env, after_step: &mut tell });
            let mut iteration = match iterated {
                Ok(iteration) => iteration,
                Err(source) => {
                    memory.remember(callbacks);
                    let policy = policy_file::to_bytes(&policy_of(learner.as_ref()), config);
                    let kept = dir.keep_failed(&saved_now(learner.as_ref(), env, &memory), &policy)?;
                    return Err(Error::Diverged { kept, source });
                }
            };
            if let Some(probe) = &mut probe {
                probe.look(learner.as_mut(), before, &mut iteration.log)?;
            }
            let mut moment = Moment {
                learner: learner.as_ref(),
                dir,
                before,
                total_timesteps: config.total_timesteps,
                log: &mut iteration.log,
            };
            for callback in &mut *callbacks {
                memory.ended |= callback.after_iteration(&mut moment)? == Flow::Stop;
            }
            let total = config.total_timesteps;
            report(&logs.iteration(iteration.timesteps, total, &iteration.log, env)?);
            if learner.timesteps() >= next_checkpoint {
                checkpoint(&mut memory, callbacks, learner.as_ref(), env)?;
                next_checkpoint = learner.timesteps() + config.checkpoint_timesteps;
            }
        }
        checkpoint(&mut memory, callbacks, learner.as_ref(), env)?;
        logs.table()?;
        Ok(Some(learner))
    }

    /// Learner and memory of the latest checkpoint, which `env` takes on too; `None` where a run is to start.
    fn latest(&self, env: &mut dyn Env) -> Result<Option<(Box<dyn Learner>, Memory)>> {
        let Self { config, dir, resume, .. } = *self;
        let saved = if resume { dir.latest()? } else { None };
        let Some(saved) = saved else { return Ok(None) };
        let blame = |source| Error::Checkpoint { path: dir.checkpoint(saved.timesteps), source };
        let learner = learner::load(&saved.learner, env.spec()).map_err(blame)?;
        same_learner(config, env, learner.as_ref()).map_err(blame)?;
        env.restore(&saved.environment).map_err(|message| {
            Error::run(dir.file("checkpoints"), format!("the environments' state is {message}"))
        })?;
        Ok(Some((learner, Memory::read(&saved.callbacks, dir)?)))
    }

    fn fresh(
        &self,
        env: &mut dyn Env,
        begin: &mut dyn FnMut(&mut dyn Learner) -> Result<()>,
    ) -> Result<Box<dyn Learner>> {
        let Self { config, dir, resume, .. } = *self;
        let mut learner = new_learner(config, env)?;
        if !resume || !dir.exists() {
            dir.create(config)?;
        }
        begin(learner.as_mut())?;
        learner.start(env, config.total_timesteps)?;
        Ok(learner)
    }
}

/// What a run remembers besides learner and environments.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// A callback had enough.
    ended: bool,
    /// Of each callback, by name.
    callbacks: BTreeMap<String, Vec<u8>>,
}

impl Memory {
    fn read(bytes: &[u8], dir: &RunDir) -> Result<Self> {
        postcard::from_bytes(bytes).map_err(|e| {
            Error::run(dir.file("checkpoints"), format!("the callbacks' memory is not whole: {e}"))
        })
    }

    fn remember(&mut self, callbacks: &[&mut dyn Callback]) {
        self.callbacks = callbacks.iter().map(|c| (c.name().to_owned(), c.memory())).collect();
    }
}

fn saved_now(learner: &dyn Learner, env: &dyn Env, memory: &Memory) -> Saved {
    Saved {
        learner: learner.save(),
        environment: env.save(),
        callbacks: postcard::to_stdvec(memory).expect("a memory has a binary form"),
        timesteps: learner.timesteps(),
    }
}

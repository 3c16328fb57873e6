//! A batch of a task of `trimtab_rl::control` as an environment that a run can be made of: rules in one file, and
//! episodes, means and traces from here.
//!
//! Left out: environments that step their batch together, which implement [`Env`] themselves.

use super::{Env, Episode, EpisodeColumns};
use serde::{Deserialize, Serialize};
use trimtab_rl::{
    Actions, ConstraintConfig, EnvSpec, Presence, StepBuffers, StepError, VecEnv,
    control::{Batch, Task},
    on_policy::Log,
};

/// A task with something to tell of each step.
pub trait LoggedTask: Task<State: Send> + Send {
    /// What the start of an episode is called in `episodes.csv`, such as `row`.
    const START: &'static str;

    /// Where the episode that `state` belongs to started.
    fn start_of(&self, state: &Self::State) -> String;

    /// Names of the figures of a step; their means are logged and in `episodes.csv`.
    fn figures(&self) -> Vec<&'static str>;

    /// Writes the figures of the step that led to `state`; `NaN` where there is none, which does not count.
    fn write_figures(&self, state: &Self::State, figures: &mut [f64]);

    /// See [`Env::trace_columns`].
    fn trace_columns(&self) -> Vec<String>;

    /// See [`Env::trace_row`]; `state` is what the step led to.
    fn trace_row(&self, state: &Self::State) -> Vec<String>;

    /// See [`Env::neutral`].
    fn neutral(&self) -> Option<Vec<u32>> {
        None
    }

    /// See [`Env::notes`].
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// See [`Env::constraints`].
    fn constraints(&self) -> Vec<ConstraintConfig> {
        Vec::new()
    }

    /// See [`Env::graph`].
    fn graph(&self) -> Option<(usize, usize)> {
        None
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct TaskEnv<T: Task> {
    batch: Batch<T>,
    figures: Vec<&'static str>,
    lanes: Vec<Lane>,
    episodes: Vec<Episode>,
    /// Since they were last taken.
    means: Vec<Mean>,
    step: Vec<f64>,
}

/// An episode so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lane {
    length: u32,
    episode_return: f64,
    means: Vec<Mean>,
}

/// A mean that is being taken.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        if !value.is_nan() {
            self.sum += value;
            self.count += 1;
        }
    }

    /// `NaN` of nothing.
    fn of(&self) -> f64 {
        self.sum / self.count as f64
    }
}

/// The changing part of a [`TaskEnv`].
#[derive(Serialize, Deserialize)]
struct Saved {
    batch: Vec<u8>,
    lanes: Vec<Lane>,
}

impl<T: LoggedTask> TaskEnv<T> {
    /// `n_envs` environments of a task.
    pub fn new(task: T, n_envs: usize) -> Self {
        let figures = task.figures();
        let means = vec![Mean::default(); figures.len()];
        let lane = Lane { length: 0, episode_return: 0.0, means: means.clone() };
        Self {
            lanes: vec![lane; n_envs],
            episodes: Vec::new(),
            means,
            step: vec![0.0; figures.len()],
            figures,
            batch: Batch::of(task, n_envs),
        }
    }
}

impl Lane {
    fn clear(&mut self) {
        (self.length, self.episode_return) = (0, 0.0);
        self.means.fill(Mean::default());
    }
}

impl<T: LoggedTask> VecEnv for TaskEnv<T> {
    fn spec(&self) -> &EnvSpec {
        self.batch.spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.batch.reset(seed, obs);
        self.lanes.iter_mut().for_each(Lane::clear);
        self.episodes.clear();
        self.means.fill(Mean::default());
    }

    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        self.batch.step(actions, out)?;
        let agents = self.batch.spec().n_agents;
        for (env, lane) in self.lanes.iter_mut().enumerate() {
            let state = self.batch.reached(env);
            self.batch.task().write_figures(state, &mut self.step);
            for ((own, all), figure) in lane.means.iter_mut().zip(&mut self.means).zip(&self.step) {
                own.add(*figure);
                all.add(*figure);
            }
            lane.length += 1;
            let rewards = &out.rewards[env * agents..(env + 1) * agents];
            lane.episode_return += rewards.iter().map(|reward| f64::from(*reward)).sum::<f64>();
            if out.terminated[env] || out.truncated[env] {
                self.episodes.push(Episode {
                    env,
                    start: self.batch.task().start_of(state),
                    length: lane.length,
                    episode_return: lane.episode_return,
                    figures: lane.means.iter().map(Mean::of).collect(),
                });
                lane.clear();
            }
        }
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        self.batch.action_masks(masks);
    }

    fn presence(&self, presence: &mut [Presence]) {
        self.batch.presence(presence);
    }

    fn save(&self) -> Vec<u8> {
        let saved = Saved { batch: self.batch.save(), lanes: self.lanes.clone() };
        postcard::to_stdvec(&saved).expect("a state in memory has a binary form")
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let Saved { batch, lanes } =
            postcard::from_bytes(state).map_err(|e| format!("not the state of an environment: {e}"))?;
        let figures = self.figures.len();
        if lanes.len() != self.lanes.len() || lanes.iter().any(|lane| lane.means.len() != figures) {
            return Err(format!("expected {} environments with {figures} figures", self.lanes.len()));
        }
        self.batch.restore(&batch)?;
        self.lanes = lanes;
        Ok(())
    }
}

impl<T: LoggedTask> Env for TaskEnv<T> {
    fn episode_columns(&self) -> EpisodeColumns {
        EpisodeColumns { start: T::START, figures: self.figures.clone() }
    }

    fn take_episodes(&mut self) -> Vec<Episode> {
        std::mem::take(&mut self.episodes)
    }

    fn take_means(&mut self) -> Log {
        let means = self.figures.iter().zip(&self.means).map(|(name, mean)| ((*name).into(), mean.of()));
        let means = means.collect();
        self.means.fill(Mean::default());
        means
    }

    fn neutral(&self) -> Option<Vec<u32>> {
        self.batch.task().neutral()
    }

    fn constraints(&self) -> Vec<ConstraintConfig> {
        self.batch.task().constraints()
    }

    fn graph(&self) -> Option<(usize, usize)> {
        self.batch.task().graph()
    }

    fn trace_columns(&self) -> Vec<String> {
        self.batch.task().trace_columns()
    }

    fn trace_row(&self) -> Vec<String> {
        self.batch.task().trace_row(self.batch.reached(0))
    }

    fn notes(&self) -> Vec<String> {
        self.batch.task().notes()
    }
}

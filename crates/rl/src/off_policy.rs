//! What off-policy algorithms share: a run whose every round collects a few steps with exploration, keeps them for replay,
//! and improves the networks by batches drawn from all that was kept.
//!
//! [`OffPolicy::iterate`] reads top to bottom in that order. An algorithm is its networks and one gradient step, an
//! [`Update`]; replay, n-step returns, priorities, several agents, agents that wait or leave, masks, constraints, logs and
//! checkpoints are the same for all.
//!
//! Left out: evaluation, callbacks, files and clocks, which belong to whoever runs it.

mod collect;
mod config;
pub mod network;
pub mod noise;
mod state;
mod terms;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use trimtab_nn::{ActionSliceMut, Policy, Tensors};

pub use self::config::{OffPolicyConfig, ReplayConfig};
pub use self::terms::Terms;
use crate::env::checks::{check_finite, compare_specs};
use crate::env::{ActionSpace, EnvSpec, Presence, StepBuffers, VecEnv};
use crate::episodes::Episodes;
use crate::error::{Error, Result};
use crate::lagrangian::{ConstraintConfig, Multiplier};
use crate::on_policy::{Iteration, Log};
use crate::range::check;
use crate::replay::n_step::{WindowShape, Windows};
use crate::replay::{ReplayBatch, ReplayBuffer, ReplayShape};
use noise::Noise;

pub(crate) use self::collect::draw_random;

/// What Adam adds to the root of the second moment: `PyTorch`'s default, which Stable-Baselines3's off-policy algorithms keep.
pub(crate) const ADAM_EPS: f32 = 1e-8;

/// One set of networks, how it acts while it learns, and how it learns from a batch.
pub trait Update: Debug + Send + Sized + 'static {
    /// Hyper-parameters.
    type Config: OffPolicyConfig;
    /// Name in checkpoints and configurations.
    const ALGORITHM: &'static str;
    /// Version of its checkpoints.
    const VERSION: u32;

    /// Fresh networks, for a valid configuration.
    ///
    /// # Errors
    /// [`Error::Network`] for networks that cannot be built.
    fn new(config: &Self::Config, spec: &EnvSpec, rng: &mut Pcg64) -> Result<Self>;

    /// Actions to explore with, before any [`Noise`]. Allocates nothing.
    fn explore(&mut self, seen: Seen<'_>, rng: &mut Pcg64, actions: ActionSliceMut<'_>);

    /// Takes note of a step of every environment, for what is counted in those.
    fn stepped(&mut self) {}

    /// One gradient step on a batch, with each row's absolute temporal-difference error into `learning.errors`. Allocates
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Gradient`] if a gradient is not finite.
    fn improve(&mut self, batch: &ReplayBatch, learning: &mut Learning<'_>) -> Result<()>;

    /// Adds figures that are no means over gradient steps.
    fn log(&self, _log: &mut Log) {}

    /// A copy of what acts without exploration.
    fn policy(&self) -> Policy;

    /// Puts networks, targets and moments into `tensors` and returns the counters that go with them.
    fn write(&self, tensors: &mut Tensors) -> Vec<u64>;

    /// Takes on what [`Update::write`] gave.
    ///
    /// # Errors
    /// A tensor or counter is missing or does not fit.
    fn read(&mut self, counters: &[u64], tensors: &mut Tensors) -> Result<()>;
}

/// What a member acts on.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// `rows × obs_dim`.
    pub obs: &'a [f32],
    /// `rows × choices`, true where allowed.
    pub masks: Option<&'a [bool]>,
    /// 1 at the start, 0 at the end.
    pub progress_remaining: f64,
}

/// What goes with a batch.
#[derive(Debug)]
pub struct Learning<'a> {
    /// The run's generator.
    pub rng: &'a mut Pcg64,
    /// 1 at the start, 0 at the end.
    pub progress_remaining: f64,
    /// Gradient steps made before.
    pub n_updates: u64,
    /// `rows`: absolute temporal-difference errors, to be written.
    pub errors: &'a mut [f32],
    /// Figures for the log.
    pub terms: &'a mut Terms,
}

/// A set of networks with what it learns from.
#[derive(Debug)]
struct Member<U> {
    update: U,
    replay: ReplayBuffer,
}

/// A run of an off-policy algorithm.
#[derive(Debug)]
pub struct OffPolicy<U: Update> {
    config: U::Config,
    spec: EnvSpec,
    seed: u64,
    rng: Pcg64,
    /// One for each set of weights, see [`Learners`](crate::Learners).
    members: Vec<Member<U>>,
    multipliers: Vec<Multiplier>,
    noise: Noise,
    windows: Windows,
    episodes: Episodes,
    timesteps: u64,
    /// 0 until the run is started.
    total_timesteps: u64,
    n_updates: u64,
    costs: Costs,
    view: View,
    scratch: Scratch,
}

/// What to act on next.
#[derive(Debug)]
struct View {
    /// `rows × obs_dim`.
    obs: Vec<f32>,
    /// `rows × choices`; empty where nothing is masked.
    masks: Vec<bool>,
    /// `rows`.
    presence: Vec<Presence>,
}

/// Sums of the costs since the multipliers were last moved.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Costs {
    sums: Vec<f64>,
    /// Of rows that were there.
    rows: u64,
    /// Of every environment.
    steps: u64,
}

/// Buffers whose contents do not outlive an iteration.
#[derive(Debug)]
struct Scratch {
    step: StepBuffers,
    /// `rows × width`: what the environment is told; the one that fits the space.
    choices: Vec<u32>,
    numbers: Vec<f32>,
    /// The same as numbers, for replay.
    actions: Vec<f32>,
    /// One member's observations, masks and actions.
    member_obs: Vec<f32>,
    member_masks: Vec<bool>,
    member_choices: Vec<u32>,
    member_numbers: Vec<f32>,
    batch: ReplayBatch,
    errors: Vec<f32>,
    multipliers: Vec<f64>,
    terms: Terms,
    /// Sums of each cost over the iteration, and rows that were there.
    cost_sums: Vec<f64>,
    cost_rows: u64,
}

impl Scratch {
    fn new(spec: &EnvSpec, batch: ReplayBatch, constraints: usize) -> Self {
        let entries = spec.rows() * spec.action_space.width();
        let continuous = matches!(spec.action_space, ActionSpace::Box(_));
        let (choices, numbers) = if continuous { (0, entries) } else { (entries, 0) };
        Self {
            step: StepBuffers::new(spec),
            choices: vec![0; choices],
            numbers: vec![0.0; numbers],
            actions: vec![0.0; entries],
            member_obs: vec![0.0; spec.rows() * spec.obs_dim],
            member_masks: vec![true; spec.rows() * mask_width(spec)],
            member_choices: vec![0; choices],
            member_numbers: vec![0.0; numbers],
            errors: vec![0.0; batch.rows],
            batch,
            multipliers: vec![0.0; constraints],
            terms: Terms::default(),
            cost_sums: vec![0.0; spec.costs.len()],
            cost_rows: 0,
        }
    }
}

/// Entries of a row's mask; 0 where nothing is masked.
fn mask_width(spec: &EnvSpec) -> usize {
    if spec.masked { spec.action_space.choices() } else { 0 }
}

impl<U: Update> OffPolicy<U> {
    /// A fresh run for environments of a given shape. Everything random in it comes from `seed`.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Network`] for a configuration that cannot work, or an action space that the
    /// algorithm cannot act in.
    pub fn new(
        config: U::Config,
        spec: &EnvSpec,
        constraints: Vec<ConstraintConfig>,
        seed: u64,
    ) -> Result<Self> {
        let rows = spec.rows();
        check("environment", rows > 0, "at least one environment and agent", rows)?;
        let replay = config.replay();
        replay.validate()?;
        config.validate(spec)?;
        for (at, constraint) in constraints.iter().enumerate() {
            let fresh = constraints[..at].iter().all(|other| other.name != constraint.name);
            check("constraint", fresh, "one for each cost", format!("two for {:?}", constraint.name))?;
        }
        let multipliers: Vec<Multiplier> = constraints
            .into_iter()
            .map(|config| Multiplier::new(config, &spec.costs))
            .collect::<Result<_>>()?;
        let mut rng = Pcg64::seed_from_u64(seed);
        let signals = 1 + multipliers.len();
        let members = (0..replay.learners.members(spec.n_agents))
            .map(|_| {
                let update = U::new(&config, spec, &mut rng)?;
                let replay = ReplayBuffer::new(Self::replay_shape(&replay, spec, signals), replay.priority);
                Ok(Member { update, replay })
            })
            .collect::<Result<Vec<_>>>()?;
        let batch = members[0].replay.batch(replay.batch_size);
        Ok(Self {
            noise: Noise::new(replay.action_noise, rows, spec.action_space.width()),
            windows: Windows::new(Self::window_shape(&replay, spec, signals)),
            episodes: Episodes::new(spec.n_envs),
            costs: Costs { sums: vec![0.0; spec.costs.len()], ..Costs::default() },
            view: View {
                obs: vec![0.0; rows * spec.obs_dim],
                masks: vec![true; rows * mask_width(spec)],
                presence: vec![Presence::Acting; rows],
            },
            scratch: Scratch::new(spec, batch, multipliers.len()),
            spec: spec.clone(),
            timesteps: 0,
            total_timesteps: 0,
            n_updates: 0,
            config,
            seed,
            rng,
            members,
            multipliers,
        })
    }

    fn replay_shape(replay: &ReplayConfig, spec: &EnvSpec, signals: usize) -> ReplayShape {
        ReplayShape {
            capacity: replay.buffer_size,
            obs_dim: spec.obs_dim,
            width: spec.action_space.width(),
            signals,
            choices: mask_width(spec),
        }
    }

    fn window_shape(replay: &ReplayConfig, spec: &EnvSpec, signals: usize) -> WindowShape {
        WindowShape {
            rows: spec.rows(),
            n: replay.n_step,
            gamma: replay.gamma,
            obs_dim: spec.obs_dim,
            width: spec.action_space.width(),
            signals,
            choices: mask_width(spec),
        }
    }

    /// Resets the environments with the run's seed; what was learned and kept before, if anything, stays. Schedules end
    /// after `total_timesteps` environment steps; the run itself goes on as long as it is iterated.
    ///
    /// # Errors
    /// The environment is another than the run was made for, `total_timesteps` is 0, the first observation is not finite,
    /// or the first mask allows nothing.
    pub fn start(&mut self, env: &mut dyn VecEnv, total_timesteps: u64) -> Result<()> {
        compare_specs(&self.spec, env.spec())?;
        check("total_timesteps", total_timesteps > 0, "at least 1", total_timesteps)?;
        env.reset(self.seed, &mut self.view.obs);
        let per_env = self.view.obs.len() / self.spec.n_envs;
        check_finite("observation", &self.view.obs, per_env, self.steps())?;
        self.look(env)?;
        self.episodes.restart();
        self.windows.clear();
        (0..self.spec.rows()).for_each(|row| self.noise.reset(row));
        self.total_timesteps = total_timesteps;
        Ok(())
    }

    /// `rounds` times: `train_freq` steps in every environment, then the gradient steps that go with them. Allocates nothing
    /// but its log.
    ///
    /// # Errors
    /// The run was not started, the environment is another one or refused a step, or a number is not finite; the run
    /// cannot go on but from a checkpoint made before.
    pub fn iterate(&mut self, env: &mut dyn VecEnv) -> Result<Iteration> {
        compare_specs(&self.spec, env.spec())?;
        if self.total_timesteps == 0 {
            return Err(Error::NotStarted);
        }
        let replay = self.config.replay();
        self.scratch.cost_sums.fill(0.0);
        self.scratch.cost_rows = 0;
        for _ in 0..replay.rounds {
            for _ in 0..replay.train_freq {
                self.step(env, &replay)?;
                if self.costs.steps == replay.constraint_steps {
                    self.move_multipliers();
                }
            }
            if self.timesteps > replay.learning_starts {
                let collected = replay.train_freq * self.spec.n_envs;
                let gradient_steps = usize::try_from(replay.gradient_steps).unwrap_or(collected);
                for _ in 0..gradient_steps {
                    self.improve(&replay)?;
                }
            }
        }
        Ok(Iteration { timesteps: self.timesteps, log: self.take_log() })
    }

    /// One gradient step of every member that has something to learn from.
    fn improve(&mut self, replay: &ReplayConfig) -> Result<()> {
        let progress_remaining = self.progress_remaining();
        let beta = replay.priority.map_or(1.0, |priority| priority.beta_at(progress_remaining));
        let Scratch { batch, errors, multipliers, terms, .. } = &mut self.scratch;
        multipliers.iter_mut().zip(&self.multipliers).for_each(|(value, now)| *value = now.value());
        for member in self.members.iter_mut().filter(|member| !member.replay.is_empty()) {
            member.replay.sample(&mut self.rng, multipliers, beta, batch);
            let mut learning = Learning {
                rng: &mut self.rng,
                progress_remaining,
                n_updates: self.n_updates,
                errors: &mut *errors,
                terms: &mut *terms,
            };
            member.update.improve(batch, &mut learning)?;
            member.replay.update_priorities(batch, errors);
        }
        self.n_updates += 1;
        Ok(())
    }

    /// Moves every constraint's multiplier by the mean cost since it was last moved.
    fn move_multipliers(&mut self) {
        for multiplier in &mut self.multipliers {
            if self.costs.rows > 0 {
                multiplier.update(self.costs.sums[multiplier.cost()] / self.costs.rows as f64);
            }
        }
        self.costs.sums.fill(0.0);
        (self.costs.rows, self.costs.steps) = (0, 0);
    }

    fn take_log(&mut self) -> Log {
        let mut log = Log::with_capacity(16);
        self.scratch.terms.take(&mut log);
        self.config.log(self.progress_remaining(), &mut log);
        self.members[0].update.log(&mut log);
        log.push(("train/n_updates".into(), self.n_updates as f64));
        for multiplier in &self.multipliers {
            let key = format!("train/lagrange_multiplier/{}", multiplier.config().name);
            log.push((key.into(), multiplier.value()));
        }
        if let Some((total, length)) = self.episodes.means() {
            log.push(("rollout/ep_rew_mean".into(), total));
            log.push(("rollout/ep_len_mean".into(), length));
        }
        let rows = self.scratch.cost_rows.max(1) as f64;
        for (name, sum) in self.spec.costs.iter().zip(&self.scratch.cost_sums) {
            log.push((format!("rollout/cost_mean/{name}").into(), sum / rows));
        }
        log
    }

    /// Copies of what acts without exploration, one for each set of weights.
    pub fn policies(&self) -> Vec<Policy> {
        self.members.iter().map(|member| member.update.policy()).collect()
    }

    /// A copy of the first agent's policy as it is now; all have the same unless each learns for itself.
    pub fn policy(&self) -> Policy {
        self.members[0].update.policy()
    }

    /// Hyper-parameters.
    pub fn config(&self) -> &U::Config {
        &self.config
    }

    /// Constraints with their multipliers.
    pub fn multipliers(&self) -> &[Multiplier] {
        &self.multipliers
    }

    /// The same, to be told what was measured.
    pub fn multipliers_mut(&mut self) -> &mut [Multiplier] {
        &mut self.multipliers
    }

    /// Environment steps since the start: environments × steps.
    pub fn timesteps(&self) -> u64 {
        self.timesteps
    }

    /// Environment steps at which schedules end; 0 before the start.
    pub fn total_timesteps(&self) -> u64 {
        self.total_timesteps
    }

    /// Episodes so far.
    pub fn episodes(&self) -> &Episodes {
        &self.episodes
    }

    /// Transitions kept, over all sets of weights.
    pub fn transitions(&self) -> usize {
        self.members.iter().map(|member| member.replay.len()).sum()
    }

    /// Steps that every environment has made.
    fn steps(&self) -> u64 {
        self.timesteps / self.spec.n_envs as u64
    }

    fn progress_remaining(&self) -> f64 {
        (1.0 - self.timesteps as f64 / self.total_timesteps.max(1) as f64).max(0.0)
    }
}

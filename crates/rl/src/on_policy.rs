//! What on-policy algorithms share: a run whose every iteration collects a rollout with the current policy, moves the
//! constraints' multipliers by its costs, estimates advantages, and improves the policy by them.
//!
//! [`OnPolicy::iterate`] reads top to bottom in that order. An algorithm is its last step, an [`Update`]; rollouts,
//! several agents, masks, constraints, logs and checkpoints are the same for all.
//!
//! Left out: evaluation, callbacks, files and clocks, which belong to whoever runs it.

mod collect;
mod state;

use std::borrow::Cow;
use std::fmt::Debug;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::{Serialize, de::DeserializeOwned};
use trimtab_nn::{ActionHead, ActorCritic, Architecture, Memory, Policy, Tensors, Workspace};

use crate::buffer::{RolloutBuffer, RolloutShape};
use crate::env::checks::{check_finite, compare_specs};
use crate::env::{EnvSpec, StepBuffers, VecEnv};
use crate::episodes::Episodes;
use crate::error::{Error, Result};
use crate::lagrangian::{ConstraintConfig, Multiplier};
use crate::network::NetworkConfig;
use crate::normalize::RewardNormalizer;
use crate::range::{at_least_one, check, share};

/// Figures under Stable-Baselines3's keys; one that is undefined is absent.
pub type Log = Vec<(Cow<'static, str>, f64)>;

/// What one [`OnPolicy::iterate`] did.
#[derive(Clone, Debug, PartialEq)]
pub struct Iteration {
    /// Environment steps since the start: environments × steps, whatever the number of agents.
    pub timesteps: u64,
    /// Figures in a fixed order.
    pub log: Log,
}

/// The hyper-parameters that collecting a rollout and estimating its advantages need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutConfig {
    /// Steps of every environment in a rollout, at least 1.
    pub n_steps: usize,
    /// Discount, 0 to 1.
    pub gamma: f64,
    /// λ of the advantage estimate, 0 to 1.
    pub gae_lambda: f64,
    /// Whether rewards are scaled by the running standard deviation of the discounted return.
    pub normalize_reward: bool,
}

impl RolloutConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        at_least_one("n_steps", self.n_steps)?;
        share("gamma", self.gamma)?;
        share("gae_lambda", self.gae_lambda)
    }
}

/// An algorithm's hyper-parameters.
pub trait UpdateConfig: Clone + Debug + Serialize + DeserializeOwned + Send + 'static {
    /// Checks every number, for environments with `rows` rows (environments × agents).
    ///
    /// # Errors
    /// [`Error::Config`] for the first one outside its range.
    fn validate(&self, rows: usize) -> Result<()>;

    /// Those of the rollout.
    fn rollout(&self) -> RolloutConfig;

    /// Those of the networks.
    fn network(&self) -> &NetworkConfig;
}

/// How an algorithm improves its policy by a rollout.
pub trait Update: Debug + Send + Sized + 'static {
    /// Hyper-parameters.
    type Config: UpdateConfig;
    /// Name in checkpoints and configurations.
    const ALGORITHM: &'static str;
    /// Version of its checkpoints.
    const VERSION: u32;

    /// An update that has not been made yet, for a valid configuration.
    fn new(config: Self::Config, policy: &ActorCritic, shape: &RolloutShape) -> Self;

    /// Hyper-parameters.
    fn config(&self) -> &Self::Config;

    /// Improves the policy and logs what it found. Allocates nothing.
    ///
    /// # Errors
    /// [`Error::Gradient`] if a gradient is not finite; the policy is then the one before it.
    fn improve(&mut self, learning: Learning<'_>, log: &mut Log) -> Result<()>;

    /// Puts the optimiser's moments into `tensors` and returns the steps it has made, if it counts them.
    fn write_optimiser(&self, tensors: &mut Tensors) -> Option<u64>;

    /// Takes on what [`Update::write_optimiser`] gave.
    ///
    /// # Errors
    /// A tensor or the steps are missing or do not fit.
    fn read_optimiser(&mut self, steps: Option<u64>, tensors: &mut Tensors) -> Result<()>;
}

/// What an [`Update`] works on.
#[derive(Debug)]
pub struct Learning<'a> {
    /// The policy to improve, which has collected the rollout.
    pub policy: &'a mut ActorCritic,
    /// The rollout with its advantages.
    pub rollout: &'a mut RolloutBuffer,
    /// The policy's buffers.
    pub ws: &'a mut Workspace,
    /// The run's generator.
    pub rng: &'a mut Pcg64,
    /// 1 at the start, 0 at the end; the rollout has been counted, as in Stable-Baselines3.
    pub progress_remaining: f64,
    /// Passes over rollouts since the start, to be counted up.
    pub n_updates: &'a mut u64,
}

/// A run of an on-policy algorithm.
#[derive(Debug)]
pub struct OnPolicy<U> {
    update: U,
    spec: EnvSpec,
    seed: u64,
    rng: Pcg64,
    policy: ActorCritic,
    multipliers: Vec<Multiplier>,
    reward_normalizer: Option<RewardNormalizer>,
    episodes: Episodes,
    timesteps: u64,
    /// 0 until the run is started.
    total_timesteps: u64,
    n_updates: u64,
    /// `rows × obs_dim`: what to act on next.
    obs: Vec<f32>,
    scratch: Scratch,
}

/// Buffers whose contents do not outlive an iteration.
#[derive(Debug)]
struct Scratch {
    ws: Workspace,
    memory: Memory,
    step: StepBuffers,
    rollout: RolloutBuffer,
    /// Continuous actions as the environment sees them.
    clipped: Vec<f32>,
    /// Sum of each cost over the rollout.
    cost_sums: Vec<f64>,
    /// Each constraint's multiplier.
    multipliers: Vec<f64>,
}

impl Scratch {
    fn new(n_steps: usize, spec: &EnvSpec, policy: &ActorCritic) -> Self {
        let Architecture { head, value_heads: signals, .. } = policy.architecture();
        let shape = RolloutShape {
            n_steps,
            n_envs: spec.n_envs,
            n_agents: spec.n_agents,
            obs_dim: spec.obs_dim,
            head: head.clone(),
            signals: *signals,
            masked: spec.masked && !head.choices().is_empty(),
        };
        let continuous = matches!(head, ActionHead::Gaussian(_));
        Self {
            ws: policy.workspace(),
            memory: policy.memory(spec.rows()),
            step: StepBuffers::new(spec),
            clipped: if continuous { vec![0.0; spec.rows() * head.width()] } else { vec![] },
            cost_sums: vec![0.0; spec.costs.len()],
            multipliers: vec![0.0; signals - 1],
            rollout: RolloutBuffer::new(shape),
        }
    }
}

impl<U: Update> OnPolicy<U> {
    /// A fresh run for environments of a given shape. Everything random in it comes from `seed`.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Network`] for a configuration that cannot work.
    pub fn new(
        config: U::Config,
        spec: &EnvSpec,
        constraints: Vec<ConstraintConfig>,
        seed: u64,
    ) -> Result<Self> {
        if spec.rows() == 0 {
            let (expected, found) = ("at least one environment and agent".into(), "none".into());
            return Err(Error::Config { key: "environment".into(), expected, found });
        }
        config.validate(spec.rows())?;
        for (at, constraint) in constraints.iter().enumerate() {
            if constraints[..at].iter().any(|other| other.name == constraint.name) {
                let (expected, found) =
                    ("one for each cost".into(), format!("two for {:?}", constraint.name));
                return Err(Error::Config { key: "constraint".into(), expected, found });
            }
        }
        let multipliers: Vec<Multiplier> = constraints
            .into_iter()
            .map(|config| Multiplier::new(config, &spec.costs))
            .collect::<Result<_>>()?;
        let RolloutConfig { n_steps, gamma, normalize_reward, .. } = config.rollout();
        let architecture = config.network().architecture(spec, 1 + multipliers.len());
        let mut rng = Pcg64::seed_from_u64(seed);
        let start = config.network().initialisation();
        let policy = ActorCritic::new(architecture, &start, &mut rng).map_err(Error::Network)?;
        let scratch = Scratch::new(n_steps, spec, &policy);
        Ok(Self {
            update: U::new(config, &policy, &scratch.rollout.shape),
            reward_normalizer: normalize_reward.then(|| RewardNormalizer::new(spec.rows(), gamma)),
            episodes: Episodes::new(spec.n_envs),
            obs: vec![0.0; spec.rows() * spec.obs_dim],
            spec: spec.clone(),
            timesteps: 0,
            total_timesteps: 0,
            n_updates: 0,
            seed,
            rng,
            policy,
            multipliers,
            scratch,
        })
    }

    /// Resets the environments with the run's seed; what was learned before, if anything, stays. Schedules end
    /// after `total_timesteps` environment steps; the run itself goes on as long as it is iterated.
    ///
    /// # Errors
    /// The environment is another than the run was made for, `total_timesteps` is 0, or the first observation
    /// is not finite.
    pub fn start(&mut self, env: &mut dyn VecEnv, total_timesteps: u64) -> Result<()> {
        compare_specs(&self.spec, env.spec())?;
        check("total_timesteps", total_timesteps > 0, "at least 1", total_timesteps)?;
        env.reset(self.seed, &mut self.obs);
        check_finite("observation", &self.obs, self.obs.len() / self.spec.n_envs, self.steps())?;
        self.episodes.restart();
        if let Some(normalizer) = &mut self.reward_normalizer {
            (0..self.spec.rows()).for_each(|row| normalizer.end_episode(row));
        }
        self.total_timesteps = total_timesteps;
        Ok(())
    }

    /// One rollout of `n_steps` in every environment, then one update. Allocates nothing but its log.
    ///
    /// # Errors
    /// The run was not started, the environment is another one or refused a step, or a number is not finite. The
    /// policy is then the last one whose numbers were; the run cannot go on but from a checkpoint made before.
    pub fn iterate(&mut self, env: &mut dyn VecEnv) -> Result<Iteration> {
        compare_specs(&self.spec, env.spec())?;
        if self.total_timesteps == 0 {
            return Err(Error::NotStarted);
        }
        let RolloutConfig { n_steps, gamma, gae_lambda, .. } = self.update.config().rollout();
        self.collect(env)?;
        self.timesteps += (n_steps * self.spec.n_envs) as u64;

        let Scratch { ws, rollout, cost_sums, multipliers, .. } = &mut self.scratch;
        let transitions = rollout.shape.transitions() as f64;
        for (multiplier, value) in self.multipliers.iter_mut().zip(&mut *multipliers) {
            multiplier.update(cost_sums[multiplier.cost()] / transitions);
            *value = multiplier.value();
        }

        rollout.compute_advantages(gamma, gae_lambda);
        rollout.combine_advantages(multipliers);

        let learning = Learning {
            policy: &mut self.policy,
            rollout,
            ws,
            rng: &mut self.rng,
            progress_remaining: (1.0 - self.timesteps as f64 / self.total_timesteps as f64).max(0.0),
            n_updates: &mut self.n_updates,
        };
        let mut log = Log::with_capacity(20);
        self.update.improve(learning, &mut log)?;
        self.complete(&mut log);
        Ok(Iteration { timesteps: self.timesteps, log })
    }

    /// Adds what is logged whatever the algorithm.
    fn complete(&self, log: &mut Log) {
        let rollout = &self.scratch.rollout;
        if let Some(share) = rollout.explained_variance() {
            log.push(("train/explained_variance".into(), share));
        }
        let log_stds = self.policy.log_stds();
        if !log_stds.is_empty() {
            let sum: f64 = log_stds.iter().map(|log_std| f64::from(*log_std).exp()).sum();
            log.push(("train/std".into(), sum / log_stds.len() as f64));
        }
        log.push(("train/n_updates".into(), self.n_updates as f64));
        for multiplier in &self.multipliers {
            let key = format!("train/lagrange_multiplier/{}", multiplier.config().name);
            log.push((key.into(), multiplier.value()));
        }
        if let Some((total, length)) = self.episodes.means() {
            log.push(("rollout/ep_rew_mean".into(), total));
            log.push(("rollout/ep_len_mean".into(), length));
        }
        let transitions = rollout.shape.transitions() as f64;
        for (name, sum) in self.spec.costs.iter().zip(&self.scratch.cost_sums) {
            log.push((format!("rollout/cost_mean/{name}").into(), sum / transitions));
        }
    }

    /// The networks as they are now.
    pub fn actor_critic(&self) -> &ActorCritic {
        &self.policy
    }

    /// A copy of the policy as it is now.
    pub fn policy(&self) -> Policy {
        Policy::from(self.policy.clone())
    }

    /// Hyper-parameters.
    pub fn config(&self) -> &U::Config {
        self.update.config()
    }

    /// Constraints with their multipliers.
    pub fn multipliers(&self) -> &[Multiplier] {
        &self.multipliers
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

    /// Steps that every environment has made.
    fn steps(&self) -> u64 {
        self.timesteps / self.spec.n_envs as u64
    }
}

#[cfg(test)]
pub(crate) mod tests;

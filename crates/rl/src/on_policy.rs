//! What on-policy algorithms share: a run whose every iteration collects a rollout with the current policy, moves the
//! constraints' multipliers by its costs, estimates advantages, and improves the policy by them.
//!
//! [`OnPolicy::iterate`] reads top to bottom in that order. An algorithm is its last step, an [`Update`]; rollouts,
//! several agents, masks, constraints, logs and checkpoints are the same for all.
//!
//! Left out: evaluation, callbacks, files and clocks, which belong to whoever runs it.

mod collect;
mod config;
mod member;
mod state;

use std::borrow::Cow;
use std::fmt::Debug;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::{Serialize, de::DeserializeOwned};
use trimtab_nn::actor_critic::Group;
use trimtab_nn::graph::Graph;
use trimtab_nn::{ActorCritic, Policy, Tensors, Workspace};

pub use self::config::{RolloutConfig, UpdateConfig};
use self::member::Member;
use crate::buffer::{ActionBuffer, RolloutBuffer, RolloutShape};
use crate::env::checks::{check_finite, compare_specs};
use crate::env::{EnvSpec, Presence, StepBuffers, VecEnv};
use crate::episodes::Episodes;
use crate::error::{Error, Result};
use crate::lagrangian::{ConstraintConfig, Multiplier};
use crate::network::action_head;
use crate::normalize::{ObservationNormalizer, RewardNormalizer};
use crate::range::check;

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

/// How an algorithm improves its policy by a rollout.
pub trait Update: Debug + Send + Sized + 'static {
    /// Hyper-parameters.
    type Config: UpdateConfig;
    /// What an update remembers beside the optimiser's moments.
    type State: Serialize + DeserializeOwned;
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

    /// Puts the optimiser's moments into `tensors` and returns what else the update remembers.
    fn write(&self, tensors: &mut Tensors) -> Self::State;

    /// Takes on what [`Update::write`] gave.
    ///
    /// # Errors
    /// A tensor is missing or does not fit, or the state belongs to another configuration.
    fn read(&mut self, state: Self::State, tensors: &mut Tensors) -> Result<()>;
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
    spec: EnvSpec,
    seed: u64,
    rng: Pcg64,
    /// One for all agents, or one for each; at least one.
    members: Vec<Member<U>>,
    multipliers: Vec<Multiplier>,
    observation_normalizer: Option<ObservationNormalizer>,
    reward_normalizer: Option<RewardNormalizer>,
    episodes: Episodes,
    timesteps: u64,
    /// 0 until the run is started.
    total_timesteps: u64,
    /// `rows × obs_dim`: what to act on next, brought to scale.
    obs: Vec<f32>,
    scratch: Scratch,
}

/// Buffers whose contents do not outlive an iteration.
#[derive(Debug)]
struct Scratch {
    step: StepBuffers,
    /// What every agent is at the next step; empty if all always act.
    presence: Vec<Presence>,
    masks: Vec<bool>,
    /// As the environment sees them.
    actions: ActionBuffer,
    /// Rewards as they are learned from.
    rewards: Vec<f32>,
    /// Sum of each cost over the rollout.
    cost_sums: Vec<f64>,
    /// Rows that these are sums over: all in which an agent was there.
    costed: u64,
    /// Each constraint's cost.
    constrained: Vec<usize>,
    /// Each constraint's multiplier.
    multipliers: Vec<f64>,
}

impl Scratch {
    fn new(spec: &EnvSpec, multipliers: &[Multiplier]) -> Self {
        let (rows, head) = (spec.rows(), action_head(&spec.action_space));
        Self {
            step: StepBuffers::new(spec),
            presence: vec![Presence::Acting; if spec.varying { rows } else { 0 }],
            masks: vec![true; if spec.masked { rows * spec.action_space.choices() } else { 0 }],
            actions: ActionBuffer::new(&head, rows),
            rewards: vec![0.0; rows],
            cost_sums: vec![0.0; spec.costs.len()],
            costed: 0,
            constrained: multipliers.iter().map(Multiplier::cost).collect(),
            multipliers: vec![0.0; multipliers.len()],
        }
    }
}

impl<U: Update> OnPolicy<U> {
    /// A fresh run for environments of a given shape. Everything random in it comes from `seed`.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Network`] for a configuration that cannot work.
    #[expect(clippy::needless_pass_by_value, reason = "the run keeps it, a copy in each member")]
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
        let RolloutConfig { gamma, normalize_observation, normalize_reward, learners, critic, .. } =
            config.rollout();
        config.validate(learners.rows(spec))?;
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
        let architecture = config.network().architecture(spec, 1 + multipliers.len(), critic);
        let scalable = architecture.graph().map_or(spec.obs_dim, Graph::scalable);
        let start = config.network().initialisation();
        let mut rng = Pcg64::seed_from_u64(seed);
        let members = (0..learners.members(spec.n_agents))
            .map(|member| {
                let policy =
                    ActorCritic::new(architecture.clone(), &start, &mut rng).map_err(Error::Network)?;
                Ok(Member::new(config.clone(), spec, member, config.network().frozen(policy)))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            members,
            observation_normalizer: normalize_observation
                .then(|| ObservationNormalizer::new(spec.obs_dim, scalable)),
            reward_normalizer: normalize_reward.then(|| RewardNormalizer::new(spec.rows(), gamma)),
            episodes: Episodes::new(spec.n_envs),
            obs: vec![0.0; spec.rows() * spec.obs_dim],
            scratch: Scratch::new(spec, &multipliers),
            spec: spec.clone(),
            timesteps: 0,
            total_timesteps: 0,
            seed,
            rng,
            multipliers,
        })
    }

    /// Gives some parts of the networks of all agents the weights of another network, such as a cloned teacher or another
    /// run's policy, whose other parts may differ. Optimisers forget what they had learned. The scale of observations is
    /// not taken over.
    ///
    /// # Errors
    /// [`Error::Tensors`] with the first tensor that does not fit; nothing is changed then.
    pub fn adopt(&mut self, from: &ActorCritic, groups: &[Group]) -> Result<()> {
        for member in &mut self.members {
            member.policy.copy_weights(from, groups).map_err(Error::Tensors)?;
            member.update = U::new(member.update.config().clone(), &member.policy, &member.rollout.shape);
        }
        Ok(())
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
        env.reset(self.seed, &mut self.scratch.step.obs);
        let first = &self.scratch.step.obs;
        check_finite("observation", first, first.len() / self.spec.n_envs, self.steps())?;
        self.look(env);
        self.members.iter_mut().for_each(|member| member.memory.forget_all());
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
        self.collect(env)?;
        self.timesteps += (self.config().rollout().n_steps * self.spec.n_envs) as u64;

        let Scratch { cost_sums, costed, multipliers, .. } = &mut self.scratch;
        for (multiplier, value) in self.multipliers.iter_mut().zip(&mut *multipliers) {
            multiplier.update(cost_sums[multiplier.cost()] / (*costed).max(1) as f64);
            *value = multiplier.value();
        }

        let progress_remaining = (1.0 - self.timesteps as f64 / self.total_timesteps as f64).max(0.0);
        let mut log = Log::with_capacity(24);
        let mut found = Log::new();
        for (at, member) in self.members.iter_mut().enumerate() {
            if at == 0 {
                member.improve(multipliers, &mut self.rng, progress_remaining, &mut log)?;
                continue;
            }
            found.clear();
            member.improve(multipliers, &mut self.rng, progress_remaining, &mut found)?;
            blend(&mut log, &found, 1.0 / (at + 1) as f64);
        }
        self.complete(&mut log);
        Ok(Iteration { timesteps: self.timesteps, log })
    }

    /// Adds what is logged whatever the algorithm.
    fn complete(&self, log: &mut Log) {
        for multiplier in &self.multipliers {
            let key = format!("train/lagrange_multiplier/{}", multiplier.config().name);
            log.push((key.into(), multiplier.value()));
        }
        if let Some((total, length)) = self.episodes.means() {
            log.push(("rollout/ep_rew_mean".into(), total));
            log.push(("rollout/ep_len_mean".into(), length));
        }
        for (name, sum) in self.spec.costs.iter().zip(&self.scratch.cost_sums) {
            let mean = sum / self.scratch.costed.max(1) as f64;
            log.push((format!("rollout/cost_mean/{name}").into(), mean));
        }
    }

    /// The networks of all agents, or of the first if each has its own, as they are now.
    pub fn actor_critic(&self) -> &ActorCritic {
        &self.members[0].policy
    }

    /// Copies of the policies as they are now: one for all agents, or one for each.
    pub fn policies(&self) -> Vec<Policy> {
        let scale = self.observation_normalizer.as_ref().map(ObservationNormalizer::scale);
        let policy = |member: &Member<U>| Policy { scale: scale.clone(), ..member.policy.clone().into() };
        self.members.iter().map(policy).collect()
    }

    /// Hyper-parameters.
    pub fn config(&self) -> &U::Config {
        self.members[0].update.config()
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

    /// Steps that every environment has made.
    fn steps(&self) -> u64 {
        self.timesteps / self.spec.n_envs as u64
    }
}

/// Moves every figure of `log` by a share of its distance to that of another member; one that a member alone found is
/// its own.
fn blend(log: &mut Log, found: &Log, share: f64) {
    for (key, value) in found {
        match log.iter_mut().find(|(name, _)| name == key) {
            Some((_, mean)) => *mean += share * (value - *mean),
            None => log.push((key.clone(), *value)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

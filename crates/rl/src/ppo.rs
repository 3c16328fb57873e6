//! Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347) as Stable-Baselines3 runs it, with action
//! masks, several agents that share their weights, and Lagrangian constraints.
//!
//! One [`Ppo::iterate`] reads top to bottom: collect a rollout with the current policy, move the multipliers by its
//! costs, estimate advantages, and improve the policy over shuffled minibatches.
//!
//! Left out: evaluation, callbacks, files and clocks, which belong to whoever runs it.

mod checks;
mod config;
mod loss;
mod state;

use std::borrow::Cow;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use trimtab_nn::policy::Samples;
use trimtab_nn::{ActionHead, ActionSlice, ActorCritic, Adam, Architecture, Workspace};

use self::checks::{check_costs, check_finite, check_masks, compare_specs, in_env};
pub use self::config::{NetworkConfig, PpoConfig};
pub use self::loss::{Loss, LossScratch, LossTerms};
use crate::buffer::{Minibatch, RolloutBuffer, RolloutShape};
use crate::env::{ActionSpace, Actions, EnvSpec, StepBuffers, StepError, VecEnv};
use crate::episodes::Episodes;
use crate::error::{Error, Result};
use crate::lagrangian::{ConstraintConfig, Multiplier};
use crate::normalize::RewardNormalizer;

/// What one [`Ppo::iterate`] did.
#[derive(Clone, Debug, PartialEq)]
pub struct Iteration {
    /// Environment steps since the start: environments × steps, whatever the number of agents.
    pub timesteps: u64,
    /// Figures under Stable-Baselines3's keys, in a fixed order.
    pub log: Vec<(Cow<'static, str>, f64)>,
}

/// A run of PPO.
#[derive(Debug)]
pub struct Ppo {
    config: PpoConfig,
    spec: EnvSpec,
    seed: u64,
    rng: Pcg64,
    policy: ActorCritic,
    adam: Adam,
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
    loss: LossScratch,
    grads: Vec<f32>,
    step: StepBuffers,
    buffer: RolloutBuffer,
    minibatch: Minibatch,
    order: Vec<u32>,
    /// Continuous actions as the environment sees them.
    clipped: Vec<f32>,
    /// Sum of each cost over the rollout.
    cost_sums: Vec<f64>,
    /// Each constraint's multiplier.
    multipliers: Vec<f64>,
}

/// The head whose actions fit a space.
fn action_head(space: &ActionSpace) -> ActionHead {
    match space {
        ActionSpace::Discrete(choices) => ActionHead::Discrete(*choices),
        ActionSpace::MultiDiscrete(choices) => ActionHead::MultiDiscrete(choices.clone()),
        ActionSpace::Box(length) => ActionHead::Gaussian(*length),
    }
}

impl Scratch {
    fn new(config: &PpoConfig, spec: &EnvSpec, policy: &ActorCritic) -> Self {
        let Architecture { head, value_heads: signals, .. } = policy.architecture();
        let shape = RolloutShape {
            n_steps: config.n_steps,
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
            loss: LossScratch::new(*signals),
            grads: vec![0.0; policy.params().len()],
            step: StepBuffers::new(spec),
            minibatch: Minibatch::new(&shape, config.batch_size),
            order: vec![0; shape.transitions()],
            clipped: if continuous { vec![0.0; spec.rows() * head.width()] } else { vec![] },
            cost_sums: vec![0.0; spec.costs.len()],
            multipliers: vec![0.0; signals - 1],
            buffer: RolloutBuffer::new(shape),
        }
    }
}

impl Ppo {
    /// A fresh run for environments of a given shape. Everything random in it comes from `seed`.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Network`] for a configuration that cannot work.
    pub fn new(
        config: PpoConfig,
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
        let architecture = Architecture {
            obs_dim: spec.obs_dim,
            head: action_head(&spec.action_space),
            value_heads: 1 + multipliers.len(),
            hidden: config.network.hidden.clone(),
            activation: config.network.activation,
            shared_trunk: config.network.shared_trunk,
        };
        let mut rng = Pcg64::seed_from_u64(seed);
        let start = config.network.initialisation();
        let policy = ActorCritic::new(architecture, &start, &mut rng).map_err(Error::Network)?;
        Ok(Self {
            scratch: Scratch::new(&config, spec, &policy),
            adam: Adam::new(policy.params().len()),
            reward_normalizer: config
                .normalize_reward
                .then(|| RewardNormalizer::new(spec.rows(), config.gamma)),
            episodes: Episodes::new(spec.n_envs),
            obs: vec![0.0; spec.rows() * spec.obs_dim],
            spec: spec.clone(),
            timesteps: 0,
            total_timesteps: 0,
            n_updates: 0,
            config,
            seed,
            rng,
            policy,
            multipliers,
        })
    }

    /// Resets the environments with the run's seed; what was learned before, if anything, stays. Schedules end after `total_timesteps` environment steps; the
    /// run itself goes on as long as it is iterated.
    ///
    /// # Errors
    /// The environment is another than the run was made for, `total_timesteps` is 0, or the first observation
    /// is not finite.
    pub fn start(&mut self, env: &mut dyn VecEnv, total_timesteps: u64) -> Result<()> {
        self.check_spec(env.spec())?;
        if total_timesteps == 0 {
            let (expected, found) = ("at least 1".into(), "0".into());
            return Err(Error::Config { key: "total_timesteps".into(), expected, found });
        }
        env.reset(self.seed, &mut self.obs);
        check_finite("observation", &self.obs, self.obs.len() / self.spec.n_envs, self.steps())?;
        self.episodes.restart();
        if let Some(normalizer) = &mut self.reward_normalizer {
            (0..self.spec.rows()).for_each(|row| normalizer.end_episode(row));
        }
        self.total_timesteps = total_timesteps;
        Ok(())
    }

    /// The policy as it is now.
    pub fn policy(&self) -> &ActorCritic {
        &self.policy
    }

    /// Hyper-parameters.
    pub fn config(&self) -> &PpoConfig {
        &self.config
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

    /// One rollout of `n_steps` in every environment, then one update. Allocates nothing but its log.
    ///
    /// # Errors
    /// The run was not started, the environment is another one or refused a step, or a number is not finite. The
    /// policy is then the last one whose numbers were; the run cannot go on but from a checkpoint made before.
    pub fn iterate(&mut self, env: &mut dyn VecEnv) -> Result<Iteration> {
        self.check_spec(env.spec())?;
        if self.total_timesteps == 0 {
            return Err(Error::NotStarted);
        }
        self.collect(env)?;
        self.timesteps += (self.config.n_steps * self.spec.n_envs) as u64;
        let transitions = self.scratch.order.len() as f64;
        for (multiplier, value) in self.multipliers.iter_mut().zip(&mut self.scratch.multipliers) {
            multiplier.update(self.scratch.cost_sums[multiplier.cost()] / transitions);
            *value = multiplier.value();
        }
        let buffer = &mut self.scratch.buffer;
        buffer.compute_advantages(self.config.gamma, self.config.gae_lambda);
        buffer.combine_advantages(&self.scratch.multipliers);
        let update = self.update()?;
        Ok(Iteration { timesteps: self.timesteps, log: self.log(&update) })
    }

    /// Fills the rollout buffer.
    fn collect(&mut self, env: &mut dyn VecEnv) -> Result<()> {
        let first_step = self.steps();
        let EnvSpec { n_envs, n_agents, obs_dim, .. } = self.spec;
        let rows = n_envs * n_agents;
        let Scratch { ws, step: out, buffer, clipped, cost_sums, .. } = &mut self.scratch;
        let RolloutShape { signals, masked, .. } = buffer.shape;
        let (width, outputs) = (buffer.shape.head.width(), buffer.shape.head.outputs());
        cost_sums.fill(0.0);
        for step in 0..self.config.n_steps {
            let now = first_step + step as u64;
            let at = step * rows;

            if masked {
                let masks = &mut buffer.masks[at * outputs..(at + rows) * outputs];
                env.action_masks(masks);
                check_masks(masks, buffer.shape.head.choices(), now)?;
            }
            let masks = masked.then(|| &buffer.masks[at * outputs..(at + rows) * outputs]);
            buffer.obs[at * obs_dim..(at + rows) * obs_dim].copy_from_slice(&self.obs);
            let samples = Samples {
                actions: buffer.actions.part_mut(at * width, rows * width),
                log_probs: &mut buffer.log_probs[at..at + rows],
                values: &mut buffer.values[at * signals..(at + rows) * signals],
            };
            self.policy.sample(&self.obs, masks, &mut self.rng, ws, samples);
            check_finite("log-probability", &buffer.log_probs[at..at + rows], n_agents, now)?;

            // What was drawn is stored; only the environment sees it clipped.
            let actions = match buffer.actions.part(at * width, rows * width) {
                ActionSlice::Choices(choices) => Actions::Discrete(choices),
                ActionSlice::Numbers(numbers) => {
                    clipped.iter_mut().zip(numbers).for_each(|(out, x)| *out = x.clamp(-1.0, 1.0));
                    Actions::Continuous(clipped)
                }
            };
            env.step(actions, out).map_err(|source| match source {
                StepError::NotFinite { term, env, value } => {
                    Error::NotFinite { term: term.into(), env, step: now, value }
                }
                source @ StepError::OutsideSpace { .. } => Error::Step { step: now, source },
            })?;
            check_finite("reward", &out.rewards, n_agents, now)?;
            check_finite("observation", &out.obs, n_agents * obs_dim, now)?;
            let costs = self.spec.costs.len();
            check_costs(&self.spec.costs, &out.costs, n_agents, now)?;

            let stored = &mut buffer.signals[at * signals..(at + rows) * signals];
            match &mut self.reward_normalizer {
                Some(normalizer) => normalizer.normalize(&out.rewards, stored, signals),
                None => {
                    stored.iter_mut().step_by(signals).zip(&out.rewards).for_each(|(to, from)| *to = *from);
                }
            }
            for row in 0..rows {
                let costs = &out.costs[row * costs..(row + 1) * costs];
                cost_sums.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += f64::from(*cost));
                for (signal, multiplier) in self.multipliers.iter().enumerate() {
                    stored[row * signals + 1 + signal] = costs[multiplier.cost()];
                }
            }

            buffer.terminated[step * n_envs..(step + 1) * n_envs].copy_from_slice(&out.terminated);
            buffer.truncated[step * n_envs..(step + 1) * n_envs].copy_from_slice(&out.truncated);
            for env in 0..n_envs {
                let ended = out.terminated[env] || out.truncated[env];
                let agents = env * n_agents..(env + 1) * n_agents;
                self.episodes.step(env, &out.rewards[agents.clone()], ended);
                if let (true, Some(normalizer)) = (ended, &mut self.reward_normalizer) {
                    agents.clone().for_each(|row| normalizer.end_episode(row));
                }
                if out.truncated[env] && !out.terminated[env] {
                    let last = &out.final_obs[agents.start * obs_dim..agents.end * obs_dim];
                    check_finite("final observation", last, last.len(), now)
                        .map_err(|error| in_env(error, env))?;
                    let values =
                        &mut buffer.final_values[(at + agents.start) * signals..(at + agents.end) * signals];
                    self.policy.values(last, ws, values);
                }
            }
            self.obs.copy_from_slice(&out.obs);
        }
        self.policy.values(&self.obs, ws, &mut buffer.last_values);
        check_finite(
            "value",
            &buffer.last_values,
            n_agents * signals,
            first_step + self.config.n_steps as u64,
        )
    }

    /// Improves the policy over `n_epochs` passes of shuffled minibatches.
    fn update(&mut self) -> Result<Update> {
        // As in Stable-Baselines3, schedules are read after the rollout has been counted.
        let progress_remaining = (1.0 - self.timesteps as f64 / self.total_timesteps as f64).max(0.0);
        let learning_rate = self.config.learning_rate.at(progress_remaining);
        let clip_range = self.config.clip_range.at(progress_remaining);
        let loss = Loss {
            clip_range: clip_range as f32,
            clip_range_vf: self.config.clip_range_vf.map(|range| range.at(progress_remaining) as f32),
            ent_coef: self.config.ent_coef as f32,
            vf_coef: self.config.vf_coef as f32,
        };
        let mut update = Update { learning_rate, clip_range, terms: LossTerms::default() };
        let mut minibatches = 0.0;
        let Scratch { ws, loss: loss_scratch, grads, buffer, minibatch, order, .. } = &mut self.scratch;
        order.iter_mut().zip(0..).for_each(|(entry, row)| *entry = row);
        let mut moved_too_far = false;
        for _ in 0..self.config.n_epochs {
            shuffle(order, &mut self.rng);
            for rows in order.chunks(self.config.batch_size) {
                minibatch.gather(buffer, rows);
                if self.config.normalize_advantage {
                    minibatch.normalize_advantages();
                }
                let terms = loss.gradient(&self.policy, minibatch, ws, loss_scratch, grads);
                update.terms.add(&terms);
                minibatches += 1.0;
                moved_too_far = self.config.target_kl.is_some_and(|target| terms.approx_kl > 1.5 * target);
                if moved_too_far {
                    break;
                }
                let max_grad_norm = self.config.max_grad_norm;
                self.adam
                    .step(self.policy.params_mut(), grads, learning_rate, max_grad_norm)
                    .map_err(|source| Error::Gradient { update: self.n_updates, source })?;
            }
            self.n_updates += 1;
            if moved_too_far {
                break;
            }
        }
        let last = update.terms.loss;
        update.terms.scale(1.0 / minibatches);
        update.terms.loss = last;
        Ok(update)
    }

    fn log(&self, update: &Update) -> Vec<(Cow<'static, str>, f64)> {
        let mut log: Vec<(Cow<'static, str>, f64)> = Vec::with_capacity(20);
        if let Some((total, length)) = self.episodes.means() {
            log.push(("rollout/ep_rew_mean".into(), total));
            log.push(("rollout/ep_len_mean".into(), length));
        }
        let transitions = self.scratch.order.len() as f64;
        for (name, sum) in self.spec.costs.iter().zip(&self.scratch.cost_sums) {
            log.push((format!("rollout/cost_mean/{name}").into(), sum / transitions));
        }
        let terms = &update.terms;
        log.extend([
            ("train/learning_rate".into(), update.learning_rate),
            ("train/entropy_loss".into(), terms.entropy_loss),
            ("train/policy_gradient_loss".into(), terms.policy_gradient_loss),
            ("train/value_loss".into(), terms.value_loss),
            ("train/approx_kl".into(), terms.approx_kl),
            ("train/clip_fraction".into(), terms.clip_fraction),
            ("train/loss".into(), terms.loss),
            ("train/explained_variance".into(), self.scratch.buffer.explained_variance()),
        ]);
        let log_stds = self.policy.log_stds();
        if !log_stds.is_empty() {
            let sum: f64 = log_stds.iter().map(|log_std| f64::from(*log_std).exp()).sum();
            log.push(("train/std".into(), sum / log_stds.len() as f64));
        }
        log.push(("train/n_updates".into(), self.n_updates as f64));
        log.push(("train/clip_range".into(), update.clip_range));
        for multiplier in &self.multipliers {
            let key = format!("train/lagrange_multiplier/{}", multiplier.config().name);
            log.push((key.into(), multiplier.value()));
        }
        log
    }

    fn check_spec(&self, found: &EnvSpec) -> Result<()> {
        compare_specs(&self.spec, found)
    }
}

/// What an update used and found.
struct Update {
    learning_rate: f64,
    clip_range: f64,
    terms: LossTerms,
}

/// Fisher–Yates.
fn shuffle(order: &mut [u32], rng: &mut Pcg64) {
    for last in (1..order.len()).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests;

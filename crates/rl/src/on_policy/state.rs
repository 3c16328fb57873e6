//! Saving a run and going on from there.
//!
//! Left out: files, and the environment's own state.

use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use trimtab_nn::{ActorCritic, Tensor};

use super::{OnPolicy, RolloutConfig, Scratch, Update, UpdateConfig};
use crate::checkpoint::Checkpoint;
use crate::env::EnvSpec;
use crate::env::checks::compare_specs;
use crate::episodes::Episodes;
use crate::error::{Error, Result};
use crate::lagrangian::Multiplier;
use crate::network::action_head;
use crate::normalize::RewardNormalizer;

const OBS: &str = "rollout.obs";

/// All of a run that is not a tensor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description<C> {
    format: String,
    config: C,
    environment: Environment,
    seed: u64,
    rng: Pcg64,
    /// Steps of Adam, for its bias corrections; absent with an optimiser that does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adam_steps: Option<u64>,
    timesteps: u64,
    total_timesteps: u64,
    n_updates: u64,
    multipliers: Vec<Multiplier>,
    reward_normalizer: Option<RewardNormalizer>,
    episodes: Episodes,
}

/// The part of an [`EnvSpec`] that a network does not show.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Environment {
    n_envs: usize,
    n_agents: usize,
    obs_dim: usize,
    costs: Vec<String>,
    masked: bool,
}

impl Environment {
    fn check(&self, spec: &EnvSpec) -> Result<()> {
        let saved = EnvSpec {
            n_envs: self.n_envs,
            n_agents: self.n_agents,
            obs_dim: self.obs_dim,
            masked: self.masked,
            ..spec.clone()
        };
        compare_specs(&saved, spec)?;
        if self.costs != spec.costs {
            let (expected, found) = (format!("{:?}", self.costs), format!("{:?}", spec.costs));
            return Err(Error::OtherSpec { key: "costs", expected, found });
        }
        Ok(())
    }
}

impl<U: Update> OnPolicy<U> {
    /// The run as it stands between two iterations. The environment's state is the caller's to save with it
    /// ([`VecEnv::save`](crate::VecEnv::save)).
    pub fn save(&self) -> Checkpoint {
        let mut tensors = self.policy.to_tensors();
        let adam_steps = self.update.write_optimiser(&mut tensors);
        let shape = vec![self.spec.rows(), self.spec.obs_dim];
        tensors.insert(OBS, Tensor::new(shape, self.obs.clone()));
        let description = Description {
            format: Checkpoint::format(U::ALGORITHM, U::VERSION),
            config: self.config().clone(),
            environment: Environment {
                n_envs: self.spec.n_envs,
                n_agents: self.spec.n_agents,
                obs_dim: self.spec.obs_dim,
                costs: self.spec.costs.iter().map(ToString::to_string).collect(),
                masked: self.spec.masked,
            },
            seed: self.seed,
            rng: self.rng.clone(),
            adam_steps,
            timesteps: self.timesteps,
            total_timesteps: self.total_timesteps,
            n_updates: self.n_updates,
            multipliers: self.multipliers.clone(),
            reward_normalizer: self.reward_normalizer.clone(),
            episodes: self.episodes.clone(),
        };
        Checkpoint::new(tensors, &description)
    }

    /// A saved run, ready to be iterated with an environment in the state it had then
    /// ([`VecEnv::restore`](crate::VecEnv::restore)). It goes on bit for bit as if it had not been stopped.
    ///
    /// # Errors
    /// The checkpoint is damaged, torn, of another format, or made for another environment than `spec`.
    pub fn load(checkpoint: &Checkpoint, spec: &EnvSpec) -> Result<Self> {
        checkpoint.check_format(U::ALGORITHM, U::VERSION)?;
        let (mut tensors, state) = checkpoint.parts::<Description<U::Config>>()?;
        state.environment.check(spec)?;
        state.config.validate(spec.rows())?;
        let policy = ActorCritic::from_tensors(&mut tensors).map_err(Error::Tensors)?;
        let (expected, found) = (&policy.architecture().head, &action_head(&spec.action_space));
        if expected != found {
            let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
            return Err(Error::OtherSpec { key: "action_space", expected, found });
        }
        let RolloutConfig { n_steps, normalize_reward, .. } = state.config.rollout();
        let scratch = Scratch::new(n_steps, spec, &policy);
        let mut update = U::new(state.config, &policy, &scratch.rollout.shape);
        update.read_optimiser(state.adam_steps, &mut tensors)?;
        let obs = tensors.take(OBS, &[spec.rows(), spec.obs_dim]).map_err(Error::Tensors)?;
        tensors.finish().map_err(Error::Tensors)?;
        let signals = 1 + state.multipliers.len();
        let normalizer_fits = state.reward_normalizer.as_ref().is_none_or(|n| n.fits(spec.rows()));
        if policy.architecture().obs_dim != spec.obs_dim
            || policy.architecture().value_heads != signals
            || state.multipliers.iter().any(|multiplier| multiplier.cost() >= spec.costs.len())
            || normalize_reward != state.reward_normalizer.is_some()
            || !normalizer_fits
            || !state.episodes.fits(spec.n_envs)
        {
            return Err(Error::TornCheckpoint);
        }
        Ok(Self {
            update,
            scratch,
            spec: spec.clone(),
            seed: state.seed,
            rng: state.rng,
            policy,
            multipliers: state.multipliers,
            reward_normalizer: state.reward_normalizer,
            episodes: state.episodes,
            timesteps: state.timesteps,
            total_timesteps: state.total_timesteps,
            n_updates: state.n_updates,
            obs,
        })
    }
}

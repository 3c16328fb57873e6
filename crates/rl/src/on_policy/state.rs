//! Saving a run and going on from there.
//!
//! Left out: files, and the environment's own state.

use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use trimtab_nn::{ActorCritic, Tensor, Tensors};

use super::{Member, OnPolicy, RolloutConfig, Scratch, Update, UpdateConfig};
use crate::checkpoint::Checkpoint;
use crate::env::EnvSpec;
use crate::env::checks::compare_specs;
use crate::episodes::Episodes;
use crate::error::{Error, Result};
use crate::lagrangian::Multiplier;
use crate::network::action_head;
use crate::normalize::{ObservationNormalizer, RewardNormalizer};

const OBS: &str = "rollout.obs";
const MEMORY: &str = "rollout.memory";

/// All of a run that is not a tensor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description<C, S> {
    format: String,
    config: C,
    environment: Environment,
    seed: u64,
    rng: Pcg64,
    timesteps: u64,
    total_timesteps: u64,
    members: Vec<MemberState<S>>,
    multipliers: Vec<Multiplier>,
    observation_normalizer: Option<ObservationNormalizer>,
    reward_normalizer: Option<RewardNormalizer>,
    episodes: Episodes,
}

/// All of a member that is not a tensor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberState<S> {
    n_updates: u64,
    update: S,
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
    varying: bool,
}

impl Environment {
    fn check(&self, spec: &EnvSpec) -> Result<()> {
        let saved = EnvSpec {
            n_envs: self.n_envs,
            n_agents: self.n_agents,
            obs_dim: self.obs_dim,
            masked: self.masked,
            varying: self.varying,
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

/// What the names of a member's tensors start with.
fn prefix(member: usize) -> String {
    format!("member.{member}.")
}

/// Takes the tensors whose names start with `prefix`, which is cut off.
fn take_prefixed(tensors: &mut Tensors, prefix: &str) -> Result<Tensors> {
    let names: Vec<String> =
        tensors.names().filter(|name| name.starts_with(prefix)).map(Into::into).collect();
    let mut taken = Tensors::default();
    for name in names {
        let shape = tensors.get(&name).map_or_else(Vec::new, |tensor| tensor.shape().to_vec());
        let data = tensors.take(&name, &shape).map_err(Error::Tensors)?;
        taken.insert(&name[prefix.len()..], Tensor::new(shape, data));
    }
    let texts = tensors
        .metadata
        .iter()
        .filter_map(|(key, text)| key.strip_prefix(prefix).map(|key| (key.to_owned(), text.clone())));
    taken.metadata.extend(texts);
    Ok(taken)
}

impl<U: Update> Member<U> {
    fn save(&self, member: usize, tensors: &mut Tensors) -> MemberState<U::State> {
        let mut own = self.policy.to_tensors();
        let update = self.update.write(&mut own);
        if self.policy.is_recurrent() {
            let shape = vec![self.memory.rows(), self.memory.width()];
            own.insert(MEMORY, Tensor::new(shape, self.memory.as_slice().to_vec()));
        }
        let prefix = prefix(member);
        for name in own.names() {
            if let Some(tensor) = own.get(name) {
                tensors.insert(format!("{prefix}{name}"), tensor.clone());
            }
        }
        let texts = own.metadata.into_iter().map(|(key, text)| (format!("{prefix}{key}"), text));
        tensors.metadata.extend(texts);
        MemberState { n_updates: self.n_updates, update }
    }

    fn load(
        config: &U::Config,
        spec: &EnvSpec,
        (member, state): (usize, MemberState<U::State>),
        tensors: &mut Tensors,
    ) -> Result<Self> {
        let mut own = take_prefixed(tensors, &prefix(member))?;
        let policy = ActorCritic::from_tensors(&mut own).map_err(Error::Tensors)?;
        let (expected, found) = (&policy.architecture().head, &action_head(&spec.action_space));
        if expected != found {
            let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
            return Err(Error::OtherSpec { key: "action_space", expected, found });
        }
        let architecture =
            config.network().architecture(spec, policy.architecture().value_heads, config.rollout().critic);
        if *policy.architecture() != architecture {
            return Err(Error::TornCheckpoint);
        }
        let mut loaded = Self::new(config.clone(), spec, member, policy);
        loaded.n_updates = state.n_updates;
        loaded.update.read(state.update, &mut own)?;
        if loaded.policy.is_recurrent() {
            let shape = [loaded.memory.rows(), loaded.memory.width()];
            let memory = own.take(MEMORY, &shape).map_err(Error::Tensors)?;
            loaded.memory.as_mut_slice().copy_from_slice(&memory);
        }
        own.finish().map_err(Error::Tensors)?;
        Ok(loaded)
    }
}

impl<U: Update> OnPolicy<U> {
    /// The run as it stands between two iterations. The environment's state is the caller's to save with it
    /// ([`VecEnv::save`](crate::VecEnv::save)). After an error of [`OnPolicy::iterate`] it still can be loaded, and
    /// holds the last policy whose numbers were finite, but not the state of an iteration's start.
    pub fn save(&self) -> Checkpoint {
        let mut tensors = Tensors::default();
        let members =
            self.members.iter().enumerate().map(|(at, member)| member.save(at, &mut tensors)).collect();
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
                varying: self.spec.varying,
            },
            seed: self.seed,
            rng: self.rng.clone(),
            timesteps: self.timesteps,
            total_timesteps: self.total_timesteps,
            members,
            multipliers: self.multipliers.clone(),
            observation_normalizer: self.observation_normalizer.clone(),
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
        let (mut tensors, state) = checkpoint.parts::<Description<U::Config, U::State>>()?;
        state.environment.check(spec)?;
        let RolloutConfig { learners, normalize_observation, normalize_reward, .. } = state.config.rollout();
        state.config.validate(learners.rows(spec))?;
        if state.members.len() != learners.members(spec.n_agents) {
            return Err(Error::TornCheckpoint);
        }
        let members = state.members.into_iter().enumerate();
        let members: Vec<Member<U>> = members
            .map(|member| Member::load(&state.config, spec, member, &mut tensors))
            .collect::<Result<_>>()?;
        let obs = tensors.take(OBS, &[spec.rows(), spec.obs_dim]).map_err(Error::Tensors)?;
        tensors.finish().map_err(Error::Tensors)?;
        let signals = 1 + state.multipliers.len();
        let observation_fits = state.observation_normalizer.as_ref().is_none_or(|n| n.fits(spec.obs_dim));
        let reward_fits = state.reward_normalizer.as_ref().is_none_or(|n| n.fits(spec.rows()));
        if members.iter().any(|member| member.policy.architecture().value_heads != signals)
            || state.multipliers.iter().any(|multiplier| multiplier.cost() >= spec.costs.len())
            || normalize_observation != state.observation_normalizer.is_some()
            || normalize_reward != state.reward_normalizer.is_some()
            || !observation_fits
            || !reward_fits
            || !state.episodes.fits(spec.n_envs)
        {
            return Err(Error::TornCheckpoint);
        }
        Ok(Self {
            scratch: Scratch::new(spec, &state.multipliers),
            spec: spec.clone(),
            seed: state.seed,
            rng: state.rng,
            members,
            multipliers: state.multipliers,
            observation_normalizer: state.observation_normalizer,
            reward_normalizer: state.reward_normalizer,
            episodes: state.episodes,
            timesteps: state.timesteps,
            total_timesteps: state.total_timesteps,
            obs,
        })
    }
}

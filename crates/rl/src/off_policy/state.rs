//! Saving a run and going on from there, replay buffer and all.
//!
//! Left out: files, and the environment's own state.

use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use trimtab_nn::{Tensor, Tensors};

use super::{Costs, Member, OffPolicy, OffPolicyConfig, Update, mask_width};
use crate::checkpoint::Checkpoint;
use crate::env::saved::SavedSpec;
use crate::env::{EnvSpec, Presence};
use crate::episodes::Episodes;
use crate::error::{Error, Result};
use crate::lagrangian::Multiplier;
use crate::replay::n_step::Ring;
use crate::replay::{Cursor, ReplayBuffer, as_numbers};

const OBS: &str = "view.obs";
const MASKS: &str = "view.masks";
const PRESENCE: &str = "view.presence";
const NOISE: &str = "noise";
const WINDOWS: &str = "windows.";

/// All of a run that is not a tensor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description<C> {
    format: String,
    config: C,
    environment: SavedSpec,
    seed: u64,
    rng: Pcg64,
    members: Vec<MemberState>,
    timesteps: u64,
    total_timesteps: u64,
    n_updates: u64,
    multipliers: Vec<Multiplier>,
    costs: Costs,
    windows: Vec<Ring>,
    episodes: Episodes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberState {
    counters: Vec<u64>,
    replay: Cursor,
}

fn network_prefix(member: usize) -> String {
    format!("member.{member}.network.")
}

fn replay_prefix(member: usize) -> String {
    format!("member.{member}.replay.")
}

impl<U: Update> OffPolicy<U> {
    /// The run as it stands between two iterations. The environment's state is the caller's to save with it
    /// ([`VecEnv::save`](crate::VecEnv::save)).
    pub fn save(&self) -> Checkpoint {
        let mut tensors = Tensors::default();
        let mut members = Vec::with_capacity(self.members.len());
        for (index, member) in self.members.iter().enumerate() {
            let (mut network, mut replay) = (Tensors::default(), Tensors::default());
            let counters = member.update.write(&mut network);
            member.replay.write(&mut replay);
            tensors.insert_all(&network_prefix(index), network);
            tensors.insert_all(&replay_prefix(index), replay);
            members.push(MemberState { counters, replay: member.replay.cursor() });
        }
        let mut windows = Tensors::default();
        self.windows.write(&mut windows);
        tensors.insert_all(WINDOWS, windows);
        let rows = self.spec.rows();
        let mut put = |name: &str, data: Vec<f32>| {
            tensors.insert(name, Tensor::new(vec![rows, data.len() / rows], data));
        };
        put(OBS, self.view.obs.clone());
        put(MASKS, as_numbers(&self.view.masks));
        put(PRESENCE, self.view.presence.iter().map(|presence| number_of(*presence)).collect());
        put(NOISE, self.noise.processes().to_vec());
        let description = Description {
            format: Checkpoint::format(U::ALGORITHM, U::VERSION),
            config: self.config.clone(),
            environment: SavedSpec::new(&self.spec),
            seed: self.seed,
            rng: self.rng.clone(),
            members,
            timesteps: self.timesteps,
            total_timesteps: self.total_timesteps,
            n_updates: self.n_updates,
            multipliers: self.multipliers.clone(),
            costs: self.costs.clone(),
            windows: self.windows.rings().to_vec(),
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
        let constraints = state.multipliers.iter().map(|multiplier| multiplier.config().clone()).collect();
        let mut run = Self::new(state.config, spec, constraints, state.seed)?;
        let replay = run.config.replay();
        let signals = 1 + run.multipliers.len();
        let matches = state.multipliers.iter().zip(&run.multipliers);
        if state.members.len() != run.members.len()
            || matches.into_iter().any(|(saved, fresh)| saved.cost() != fresh.cost())
            || state.costs.sums.len() != spec.costs.len()
            || !state.episodes.fits(spec.n_envs)
        {
            return Err(Error::TornCheckpoint);
        }
        for (index, (member, saved)) in run.members.iter_mut().zip(&state.members).enumerate() {
            let Member { update, replay: buffer } = member;
            let mut network = tensors.take_all(&network_prefix(index));
            update.read(&saved.counters, &mut network)?;
            network.finish().map_err(Error::Tensors)?;
            let mut kept = tensors.take_all(&replay_prefix(index));
            let shape = Self::replay_shape(&replay, spec, signals);
            *buffer = ReplayBuffer::read(shape, replay.priority, saved.replay, &mut kept)
                .map_err(Error::Tensors)?;
            kept.finish().map_err(Error::Tensors)?;
        }
        let mut windows = tensors.take_all(WINDOWS);
        run.windows.read(state.windows, &mut windows).map_err(Error::Tensors)?;
        windows.finish().map_err(Error::Tensors)?;
        let rows = spec.rows();
        let mut take = |name: &str, width: usize| tensors.take(name, &[rows, width]).map_err(Error::Tensors);
        run.view.obs = take(OBS, spec.obs_dim)?;
        run.view.masks = take(MASKS, mask_width(spec))?.into_iter().map(|x| x != 0.0).collect();
        run.view.presence = take(PRESENCE, 1)?.into_iter().map(presence_of).collect::<Result<_>>()?;
        let processes = run.noise.processes_mut();
        processes.copy_from_slice(&take(NOISE, processes.len() / rows)?);
        tensors.finish().map_err(Error::Tensors)?;
        (run.rng, run.multipliers, run.costs) = (state.rng, state.multipliers, state.costs);
        (run.timesteps, run.total_timesteps) = (state.timesteps, state.total_timesteps);
        (run.n_updates, run.episodes) = (state.n_updates, state.episodes);
        Ok(run)
    }
}

fn number_of(presence: Presence) -> f32 {
    match presence {
        Presence::Acting => 0.0,
        Presence::Waiting => 1.0,
        Presence::Absent => 2.0,
    }
}

fn presence_of(number: f32) -> Result<Presence> {
    let all = [Presence::Acting, Presence::Waiting, Presence::Absent];
    all.into_iter().find(|presence| number_of(*presence) == number).ok_or(Error::TornCheckpoint)
}

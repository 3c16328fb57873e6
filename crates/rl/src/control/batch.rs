//! A batch of one task: what every environment of this library does alike, so that a task's file holds its rules alone.
//!
//! A [`Task`] says how an episode starts, what its agents see and what a step does to them; [`Batch`] makes a
//! [`VecEnv`] of it, with a generator for each environment, actions checked against their space, time limits,
//! same-step autoreset, saving and restoring.
//!
//! Left out: sharing work between environments, which a task with much arithmetic may want to do itself.

use std::fmt::Debug;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::env::{ActionSpace, Actions, EnvSpec, Presence, StepBuffers, StepError, VecEnv};

/// The rules of one environment, with one or more agents.
pub trait Task: Clone + Debug {
    /// What an episode is at one moment, all but its generator.
    type State: Clone + Debug + Serialize + DeserializeOwned;
    /// `u32` where actions are choices, `f32` where they are numbers.
    type Entry: Entry;

    /// Sizes of a batch of `n_envs`.
    fn spec(&self, n_envs: usize) -> EnvSpec;

    /// Steps after which an episode is truncated; none where every episode ends of itself.
    fn max_steps(&self) -> Option<u32>;

    /// A fresh episode.
    fn start(&self, rng: &mut Pcg64) -> Self::State;

    /// Writes `n_agents × obs_dim` numbers, all of them.
    fn observe(&self, state: &Self::State, obs: &mut [f32]);

    /// One step with the `n_agents × width` entries of the agents' actions, each in its space. Returns whether the
    /// episode reached a terminal state.
    fn step(
        &self,
        state: &mut Self::State,
        actions: &[Self::Entry],
        rng: &mut Pcg64,
        signals: Signals<'_>,
    ) -> bool;

    /// Writes `n_agents × choices` flags; asked only of a masked task. A forbidden choice never reaches [`Task::step`].
    fn masks(&self, _state: &Self::State, masks: &mut [bool]) {
        masks.fill(true);
    }

    /// Writes what each of the `n_agents` is at the next step; asked only of a varying task.
    fn presence(&self, _state: &Self::State, presence: &mut [Presence]) {
        presence.fill(Presence::Acting);
    }

    /// Whether a state read from bytes has the sizes that this task needs.
    fn fits(&self, _state: &Self::State) -> bool {
        true
    }
}

/// What a step writes beside the state; zeros before it.
#[derive(Debug)]
pub struct Signals<'a> {
    /// `n_agents`.
    pub rewards: &'a mut [f32],
    /// `n_agents × costs`.
    pub costs: &'a mut [f32],
}

/// One number of an action.
pub trait Entry: Copy + Debug + Sized {
    /// The actions, if they are of this kind.
    fn of(actions: Actions<'_>) -> Option<&[Self]>;

    /// The first entry of one agent's action that lies outside `space` or is not allowed by `masks` (empty: all are).
    fn outside(action: &[Self], space: &ActionSpace, masks: &[bool]) -> Option<f32>;
}

impl Entry for u32 {
    fn of(actions: Actions<'_>) -> Option<&[Self]> {
        match actions {
            Actions::Discrete(choices) => Some(choices),
            Actions::Continuous(_) => None,
        }
    }

    fn outside(action: &[Self], space: &ActionSpace, masks: &[bool]) -> Option<f32> {
        let mut first = 0;
        for (at, choice) in action.iter().enumerate() {
            let count = match space {
                ActionSpace::Discrete(count) => *count,
                ActionSpace::MultiDiscrete(counts) => counts[at],
                ActionSpace::Box(_) => 0,
            };
            let choice = *choice as usize;
            if choice >= count || (!masks.is_empty() && !masks[first + choice]) {
                return Some(choice as f32);
            }
            first += count;
        }
        None
    }
}

impl Entry for f32 {
    fn of(actions: Actions<'_>) -> Option<&[Self]> {
        match actions {
            Actions::Discrete(_) => None,
            Actions::Continuous(numbers) => Some(numbers),
        }
    }

    fn outside(action: &[Self], _space: &ActionSpace, _masks: &[bool]) -> Option<f32> {
        action.iter().copied().find(|number| !(-1.0..=1.0).contains(number))
    }
}

/// One environment of a batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lane<S> {
    state: S,
    steps: u32,
    rng: Pcg64,
    /// Where the episode that the last step ended was then; none in mid-episode.
    #[serde(skip, default = "Option::default")]
    ended: Option<S>,
}

/// Environments that step together; to be reset before the first step.
#[derive(Clone, Debug)]
pub struct Batch<T: Task> {
    task: T,
    spec: EnvSpec,
    max_steps: u32,
    lanes: Vec<Lane<T::State>>,
    /// One environment's masks, if the task is masked.
    masks: Vec<bool>,
    /// One environment's agents, if they vary.
    presence: Vec<Presence>,
}

impl<T: Task> Batch<T> {
    /// `n_envs` environments of a task.
    pub fn of(task: T, n_envs: usize) -> Self {
        let spec = task.spec(n_envs);
        let lanes = (0..n_envs)
            .map(|env| {
                let mut rng = lane_rng(0, env);
                Lane { state: task.start(&mut rng), steps: 0, rng, ended: None }
            })
            .collect();
        Self {
            max_steps: task.max_steps().unwrap_or(u32::MAX),
            masks: vec![true; if spec.masked { spec.n_agents * spec.action_space.choices() } else { 0 }],
            presence: vec![Presence::Acting; if spec.varying { spec.n_agents } else { 0 }],
            task,
            spec,
            lanes,
        }
    }

    /// The rules.
    pub fn task(&self) -> &T {
        &self.task
    }

    /// What environment `env` is now.
    ///
    /// # Panics
    /// There is no such environment.
    pub fn state(&self, env: usize) -> &T::State {
        &self.lanes[env].state
    }

    /// What the last step of environment `env` led to, also where its episode ended with it and the next one began.
    ///
    /// # Panics
    /// There is no such environment.
    pub fn reached(&self, env: usize) -> &T::State {
        let lane = &self.lanes[env];
        lane.ended.as_ref().unwrap_or(&lane.state)
    }

    /// Starts an episode of environment `env` from a state of the caller's choice. Writes its `n_agents × obs_dim`
    /// numbers.
    ///
    /// # Panics
    /// There is no such environment.
    pub fn start_from(&mut self, env: usize, state: T::State, obs: &mut [f32]) {
        let lane = &mut self.lanes[env];
        (lane.state, lane.steps, lane.ended) = (state, 0, None);
        self.task.observe(&lane.state, obs);
    }

    /// The first action of environment `env` that may not be taken there.
    fn refused(&mut self, env: usize, actions: &[T::Entry]) -> Option<StepError> {
        let Self { task, spec, lanes, masks, presence, .. } = self;
        let (state, width) = (&lanes[env].state, spec.action_space.width());
        if spec.masked {
            task.masks(state, masks);
        }
        if spec.varying {
            task.presence(state, presence);
        }
        let choices = masks.len() / spec.n_agents;
        let mut agents = actions.chunks_exact(width).enumerate();
        agents.find_map(|(agent, action)| {
            if presence.get(agent).is_some_and(|presence| *presence != Presence::Acting) {
                return None;
            }
            let masks = &masks[agent * choices..(agent + 1) * choices];
            let action = T::Entry::outside(action, &spec.action_space, masks)?;
            let allowed = if spec.masked { ", as the mask allows" } else { "" };
            let expected = format!("{:?}{allowed}", spec.action_space);
            Some(StepError::OutsideSpace { row: env * spec.n_agents + agent, action, expected })
        })
    }
}

impl<T: Task> VecEnv for Batch<T> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        let per_env = self.spec.n_agents * self.spec.obs_dim;
        for (env, (lane, obs)) in self.lanes.iter_mut().zip(obs.chunks_exact_mut(per_env)).enumerate() {
            lane.rng = lane_rng(seed, env);
            (lane.state, lane.steps, lane.ended) = (self.task.start(&mut lane.rng), 0, None);
            self.task.observe(&lane.state, obs);
        }
    }

    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        let EnvSpec { n_agents, obs_dim, .. } = self.spec;
        let (entries, n_costs) = (n_agents * self.spec.action_space.width(), self.spec.costs.len());
        let Some(actions) = T::Entry::of(actions) else {
            let expected = format!("{:?}", self.spec.action_space);
            return Err(StepError::OutsideSpace { row: 0, action: f32::NAN, expected });
        };
        for (env, actions) in actions.chunks_exact(entries).enumerate() {
            if let Some(error) = self.refused(env, actions) {
                return Err(error);
            }
            let (task, lane) = (&self.task, &mut self.lanes[env]);
            let (rows, obs) = (env * n_agents..(env + 1) * n_agents, n_agents * obs_dim);
            let (rewards, costs) =
                (&mut out.rewards[rows.clone()], &mut out.costs[rows.start * n_costs..rows.end * n_costs]);
            rewards.fill(0.0);
            costs.fill(0.0);
            let obs = env * obs..(env + 1) * obs;
            lane.steps += 1;
            lane.ended = None;
            let terminated = task.step(&mut lane.state, actions, &mut lane.rng, Signals { rewards, costs });
            let truncated = lane.steps >= self.max_steps;
            (out.terminated[env], out.truncated[env]) = (terminated, truncated);
            if terminated || truncated {
                task.observe(&lane.state, &mut out.final_obs[obs.clone()]);
                let next = task.start(&mut lane.rng);
                lane.ended = Some(std::mem::replace(&mut lane.state, next));
                lane.steps = 0;
            }
            task.observe(&lane.state, &mut out.obs[obs]);
        }
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        if !self.spec.masked {
            masks.fill(true);
            return;
        }
        let per_env = self.spec.n_agents * self.spec.action_space.choices();
        for (lane, masks) in self.lanes.iter().zip(masks.chunks_exact_mut(per_env)) {
            self.task.masks(&lane.state, masks);
        }
    }

    fn presence(&self, presence: &mut [Presence]) {
        for (lane, presence) in self.lanes.iter().zip(presence.chunks_exact_mut(self.spec.n_agents)) {
            self.task.presence(&lane.state, presence);
        }
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&self.lanes).unwrap_or_default()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let lanes: Vec<Lane<T::State>> = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        if lanes.len() != self.lanes.len() {
            return Err(format!("expected {} environments, found {}", self.lanes.len(), lanes.len()));
        }
        if let Some(env) = lanes.iter().position(|lane| !self.task.fits(&lane.state)) {
            return Err(format!("environment {env} is of another size"));
        }
        self.lanes = lanes;
        Ok(())
    }
}

/// Generator of environment `env` in a batch seeded with `seed`.
fn lane_rng(seed: u64, env: usize) -> Pcg64 {
    // Weyl's sequence keeps neighbouring lanes of neighbouring seeds apart.
    Pcg64::seed_from_u64(seed.wrapping_add((env as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

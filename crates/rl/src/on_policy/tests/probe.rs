//! An environment that does what a test needs: several agents, any action space, masks, chosen ends and faults.

use serde::{Deserialize, Serialize};

use crate::env::{ActionSpace, Actions, EnvSpec, StepBuffers, StepError, VecEnv};

/// How an episode ends after its last step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Terminated,
    Truncated,
}

/// A number that is not finite, put where and when a test wants it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Observation,
    FinalObservation,
    Reward,
    Cost,
    Refused,
    AllForbidden,
}

/// Observation: 1, and the step in the episode as a share of its length, plus the agent's number. Reward: 1 for
/// numbers or choices at 0, less further off. Cost: 0.5.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) spec: EnvSpec,
    pub(crate) episode_steps: u32,
    pub(crate) end: End,
    /// Whether the observation tells the step.
    pub(crate) blind: bool,
    /// Whether it shows the largest finite numbers.
    pub(crate) huge: bool,
    /// At this step, in environment 1.
    pub(crate) fault: Option<(u32, Fault)>,
    pub(crate) state: State,
    /// Every action that was forbidden when it was asked.
    pub(crate) violations: usize,
    /// Choices or numbers seen, for a test to look at.
    pub(crate) extremes: (f32, f32),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    steps: u32,
    in_episode: u32,
}

impl Probe {
    pub(crate) fn new(action_space: ActionSpace) -> Self {
        let masked = action_space.choices() > 0;
        let spec = EnvSpec {
            n_envs: 3,
            n_agents: 2,
            obs_dim: 2,
            action_space,
            costs: vec!["idle", "heat"],
            masked,
            varying: false,
        };
        Self {
            spec,
            episode_steps: 7,
            end: End::Truncated,
            blind: false,
            huge: false,
            fault: None,
            state: State { steps: 0, in_episode: 0 },
            violations: 0,
            extremes: (f32::INFINITY, f32::NEG_INFINITY),
        }
    }

    fn observe(&self, obs: &mut [f32], in_episode: u32) {
        let share = if self.blind { 0.0 } else { in_episode as f32 / self.episode_steps as f32 };
        for (row, obs) in obs.chunks_exact_mut(2).enumerate() {
            obs.copy_from_slice(&[1.0, share + (row % self.spec.n_agents) as f32]);
            if self.huge {
                obs.copy_from_slice(&[f32::MAX, -f32::MAX]);
            }
        }
    }

    /// All but one choice of a head is forbidden now and then, at least one always.
    fn allowed(&self, row: usize, choice: usize, count: usize) -> bool {
        (choice + row + self.state.steps as usize).is_multiple_of(3)
            || choice == self.state.steps as usize % count
    }

    fn faulty(&self, fault: Fault) -> bool {
        self.fault == Some((self.state.steps, fault))
    }
}

impl VecEnv for Probe {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, _seed: u64, obs: &mut [f32]) {
        self.state = State { steps: 0, in_episode: 0 };
        self.observe(obs, 0);
    }

    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        let width = self.spec.action_space.width();
        let mut masks = vec![true; self.spec.rows() * self.spec.action_space.choices()];
        self.action_masks(&mut masks);
        for row in 0..self.spec.rows() {
            let seen: Vec<f32> = match actions {
                Actions::Discrete(choices) => {
                    choices[row * width..][..width].iter().map(|choice| *choice as f32).collect()
                }
                Actions::Continuous(numbers) => numbers[row * width..][..width].to_vec(),
            };
            if let (Actions::Discrete(_), true) = (actions, self.spec.masked) {
                let mut at = row * self.spec.action_space.choices();
                let counts = match &self.spec.action_space {
                    ActionSpace::MultiDiscrete(counts) => counts.clone(),
                    other => vec![other.choices()],
                };
                for (choice, count) in seen.iter().zip(counts) {
                    self.violations += usize::from(!masks[at + *choice as usize]);
                    at += count;
                }
            }
            for x in &seen {
                self.extremes = (self.extremes.0.min(*x), self.extremes.1.max(*x));
            }
            out.rewards[row] = 1.0 - seen.iter().map(|x| x.abs()).sum::<f32>() / width as f32;
            out.costs[row * 2..row * 2 + 2].copy_from_slice(&[0.5, seen[0].abs()]);
        }
        if self.faulty(Fault::Refused) {
            return Err(StepError::OutsideSpace { row: 2, action: 9.0, expected: "less".into() });
        }
        self.state.in_episode += 1;
        let ended = self.state.in_episode == self.episode_steps;
        out.terminated.fill(ended && self.end == End::Terminated);
        out.truncated.fill(ended && self.end == End::Truncated);
        if ended {
            self.observe(&mut out.final_obs, self.state.in_episode);
            self.state.in_episode = 0;
        }
        self.observe(&mut out.obs, self.state.in_episode);
        if self.faulty(Fault::Observation) {
            out.obs[5] = f32::NAN;
        }
        if self.faulty(Fault::FinalObservation) {
            out.final_obs[5] = f32::INFINITY;
        }
        if self.faulty(Fault::Reward) {
            out.rewards[3] = f32::NEG_INFINITY;
        }
        if self.faulty(Fault::Cost) {
            out.costs[5] = f32::NAN;
        }
        self.state.steps += 1;
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        let counts = match &self.spec.action_space {
            ActionSpace::MultiDiscrete(counts) => counts.clone(),
            other => vec![other.choices()],
        };
        let total: usize = counts.iter().sum();
        if total == 0 {
            return;
        }
        for (row, masks) in masks.chunks_exact_mut(total).enumerate() {
            let mut at = 0;
            for count in &counts {
                for choice in 0..*count {
                    let forbidden = row == 2 && at > 0 && self.faulty(Fault::AllForbidden);
                    masks[at + choice] = self.allowed(row, choice, *count) && !forbidden;
                }
                at += count;
            }
        }
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&self.state).unwrap()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.state = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        Ok(())
    }
}

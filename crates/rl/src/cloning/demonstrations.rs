//! What a teacher saw, chose and got.
//!
//! Left out: who the teacher is.

use trimtab_nn::{ActionHead, ActionSlice, ActorCritic};

use super::CloningConfig;
use crate::buffer::{ActionBuffer, RolloutBuffer, RolloutShape};
use crate::env::checks::check_finite;
use crate::error::Result;
use crate::range::{at_least_one, check};

/// Decisions in the order they were made, step by step for several lanes side by side (as rows of a batch of
/// environments): entry `step × lanes + lane`.
#[derive(Clone, Debug, PartialEq)]
pub struct Demonstrations {
    /// Lanes, at least 1.
    pub lanes: usize,
    /// `steps × lanes × obs_dim`, brought to the scale that the network is to see.
    pub obs: Vec<f32>,
    /// `steps × lanes × critic_obs_dim`; empty if the critic has no observations of its own, or no returns are given.
    pub critic_obs: Vec<f32>,
    /// `steps × lanes × choices`, true where allowed; empty: everything was.
    pub masks: Vec<bool>,
    /// `steps × lanes × width`.
    pub actions: ActionBuffer,
    /// `steps × lanes`: whether an episode began there; empty: none did after the first step. Needed for recurrent
    /// policies only.
    pub starts: Vec<bool>,
    /// `steps × lanes × value heads`: what followed, see [`discounted_returns`]; empty: unknown, and the critic's heads
    /// learn nothing.
    pub returns: Vec<f32>,
}

impl Demonstrations {
    /// Checks the demonstrations against a network and lays them out as a rollout.
    pub(super) fn rollout(&self, config: &CloningConfig, policy: &ActorCritic) -> Result<RolloutBuffer> {
        let architecture = policy.architecture();
        let (head, signals) = (&architecture.head, architecture.value_heads);
        at_least_one("demonstrations.lanes", self.lanes)?;
        let rows = self.obs.len() / architecture.obs_dim;
        let whole =
            rows > 0 && rows.is_multiple_of(self.lanes) && rows * architecture.obs_dim == self.obs.len();
        let expected = format!("whole steps of {} lanes × {} numbers", self.lanes, architecture.obs_dim);
        check("demonstrations.obs", whole, expected, self.obs.len())?;
        let n_steps = rows / self.lanes;
        let length = match config.sequence_length {
            _ if !policy.is_recurrent() => 1,
            None => n_steps,
            Some(length) => {
                let divides = length > 0 && n_steps.is_multiple_of(length);
                check("sequence_length", divides, format!("a divisor of the {n_steps} steps"), length)?;
                length
            }
        };
        let shape = RolloutShape {
            n_steps,
            n_envs: self.lanes,
            n_agents: 1,
            obs_dim: architecture.obs_dim,
            critic_dim: architecture.critic_obs_dim.unwrap_or(0),
            head: head.clone(),
            signals,
            masked: !self.masks.is_empty(),
            varying: false,
            memory: policy.memory(1).width(),
            sequence_length: length,
        };
        let mut rollout = RolloutBuffer::new(shape);
        check_finite("demonstrated observation", &self.obs, architecture.obs_dim, 0)?;
        fill("obs", &mut rollout.obs, &self.obs)?;
        if !self.critic_obs.is_empty() || !self.returns.is_empty() {
            fill("critic_obs", &mut rollout.critic_obs, &self.critic_obs)?;
        }
        fill("masks", &mut rollout.masks, &self.masks)?;
        if !self.returns.is_empty() {
            check_finite("demonstrated return", &self.returns, signals, 0)?;
            fill("returns", &mut rollout.returns, &self.returns)?;
        }
        if !self.starts.is_empty() {
            let mut ends = vec![false; rows];
            fill("starts", &mut ends, &self.starts)?;
            // An episode that begins at a step was ended by the step before.
            rollout.terminated[..rows - self.lanes].copy_from_slice(&ends[self.lanes..]);
        }
        self.check_actions(head, rows)?;
        rollout.actions = self.actions.clone();
        Ok(rollout)
    }

    fn check_actions(&self, head: &ActionHead, rows: usize) -> Result<()> {
        let (key, expected) = ("demonstrations.actions", format!("{rows} actions of {head:?}"));
        match (self.actions.all(), head) {
            (ActionSlice::Numbers(numbers), ActionHead::Gaussian(width)) => {
                check(key, numbers.len() == rows * width, expected, numbers.len())?;
                check_finite("demonstrated action", numbers, *width, 0)
            }
            (ActionSlice::Choices(choices), ActionHead::Discrete(_) | ActionHead::MultiDiscrete(_)) => {
                check(key, choices.len() == rows * head.width(), expected, choices.len())?;
                for (row, choices) in choices.chunks_exact(head.width()).enumerate() {
                    let mut at = row * head.outputs();
                    for (choice, count) in choices.iter().zip(head.choices()) {
                        let inside = (*choice as usize) < *count;
                        check(key, inside, format!("choices below {count}"), choice)?;
                        let allowed = self.masks.get(at + *choice as usize).copied().unwrap_or(true);
                        check(key, allowed, "what its mask allows", format!("{choice} in row {row}"))?;
                        at += count;
                    }
                }
                Ok(())
            }
            _ => check(key, false, expected, "the other kind"),
        }
    }
}

fn fill<T: Copy>(name: &str, to: &mut [T], from: &[T]) -> Result<()> {
    let key = format!("demonstrations.{name}");
    check(&key, to.len() == from.len(), format!("{} entries", to.len()), from.len())?;
    to.copy_from_slice(from);
    Ok(())
}

/// Discounted sums of what follows each step up to the end of its episode or of the lane: `steps × lanes × signals`
/// numbers from `steps × lanes × signals` signals (the reward, then the constrained costs) and the flags of
/// [`Demonstrations::starts`].
pub fn discounted_returns(signals: &[f32], starts: &[bool], lanes: usize, gamma: f64) -> Vec<f32> {
    let mut returns = signals.to_vec();
    let width = signals.len() / starts.len().max(1);
    for row in (0..starts.len().saturating_sub(lanes)).rev().filter(|row| !starts[row + lanes]) {
        for signal in 0..width {
            returns[row * width + signal] += gamma as f32 * returns[(row + lanes) * width + signal];
        }
    }
    returns
}

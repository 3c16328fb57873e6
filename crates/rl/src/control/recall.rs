//! A task that needs memory and nothing else: a cue, a wait, a question.
//!
//! Left out: distractors; what is seen in between is blank.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, Signals, Task};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

/// The first observation shows one of several cues (as a 1 in its place), the next ones are blank, and the last has a 1
/// in its last place: that is the question, and the action that answers it should be the cue.
///
/// Reward 1 for the right answer and 0 otherwise; the answer is terminal, other actions do nothing. The best return is
/// 1. Without memory nothing is better than guessing, `1 / cues`.
pub type Recall = Batch<Cue>;

/// Rules of [`Recall`].
#[derive(Clone, Copy, Debug)]
pub struct Cue {
    cues: usize,
    delay: u32,
}

/// An episode of [`Recall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CueState {
    /// What was shown.
    cue: u32,
    /// Steps until the question.
    left: u32,
}

impl Recall {
    /// `n_envs` episodes with one of `cues` (at least 1) and `delay` blank observations between cue and question.
    pub fn new(n_envs: usize, cues: usize, delay: u32) -> Self {
        Self::of(Cue { cues, delay }, n_envs)
    }
}

impl Task for Cue {
    type State = CueState;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        single(n_envs, self.cues + 1, ActionSpace::Discrete(self.cues))
    }

    fn max_steps(&self) -> Option<u32> {
        None
    }

    fn start(&self, rng: &mut Pcg64) -> CueState {
        CueState { cue: rng.random_range(0..self.cues as u32), left: self.delay + 1 }
    }

    fn observe(&self, state: &CueState, obs: &mut [f32]) {
        obs.fill(0.0);
        if state.left == self.delay + 1 {
            obs[state.cue as usize] = 1.0;
        } else if state.left == 0 {
            obs[self.cues] = 1.0;
        }
    }

    fn step(&self, state: &mut CueState, actions: &[u32], _: &mut Pcg64, signals: Signals<'_>) -> bool {
        if state.left == 0 {
            signals.rewards[0] = f32::from(actions[0] == state.cue);
            return true;
        }
        state.left -= 1;
        false
    }

    fn fits(&self, state: &CueState) -> bool {
        (state.cue as usize) < self.cues && state.left <= self.delay + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    #[test]
    fn the_cue_is_seen_once_and_asked_for_after_the_delay() {
        let mut env = Recall::new(1, 3, 2);
        let mut out = StepBuffers::new(env.spec());
        env.reset(4, &mut out.obs);
        for answer_right in [true, false, true] {
            let cue = out.obs.iter().position(|x| *x == 1.0).unwrap() as u32;
            for question in [false, false, true] {
                env.step(Actions::Discrete(&[0]), &mut out).unwrap();
                assert_eq!(out.obs, [0.0, 0.0, 0.0, f32::from(question)]);
                assert_eq!((out.rewards[0], out.terminated[0]), (0.0, false));
            }
            let answer = if answer_right { cue } else { (cue + 1) % 3 };
            env.step(Actions::Discrete(&[answer]), &mut out).unwrap();
            assert_eq!((out.rewards[0], out.terminated[0]), (f32::from(answer_right), true));
        }
    }
}

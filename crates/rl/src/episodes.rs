//! Returns and lengths of the latest episodes, for the log.
//!
//! Left out: costs, which are logged as means over the rollout.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Episodes that means are taken over, as in Stable-Baselines3.
const WINDOW: usize = 100;

/// Running totals of every environment and the latest finished episodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episodes {
    returns: Vec<f64>,
    lengths: Vec<u64>,
    latest: VecDeque<(f64, u64)>,
    finished: u64,
}

impl Episodes {
    /// For `n_envs` environments that have just been reset.
    pub fn new(n_envs: usize) -> Self {
        Self {
            returns: vec![0.0; n_envs],
            lengths: vec![0; n_envs],
            latest: VecDeque::with_capacity(WINDOW + 1),
            finished: 0,
        }
    }

    /// Takes in one step of environment `env`; `rewards` are those of the agents that are there, and their mean counts.
    pub fn step(&mut self, env: usize, rewards: impl Iterator<Item = f32>, ended: bool) {
        let (sum, agents) = rewards.fold((0.0, 0), |(sum, n), reward| (sum + f64::from(reward), n + 1));
        if agents > 0 {
            self.returns[env] += sum / f64::from(agents);
        }
        self.lengths[env] += 1;
        if ended {
            self.latest.push_back((self.returns[env], self.lengths[env]));
            if self.latest.len() > WINDOW {
                self.latest.pop_front();
            }
            self.finished += 1;
            (self.returns[env], self.lengths[env]) = (0.0, 0);
        }
    }

    /// Forgets the running episodes, after a reset; those that have finished stay.
    pub(crate) fn restart(&mut self) {
        self.returns.fill(0.0);
        self.lengths.fill(0);
    }

    /// Mean return and length of the latest (up to 100) episodes; none before the first has ended.
    pub fn means(&self) -> Option<(f64, f64)> {
        let n = self.latest.len() as f64;
        let total = self.latest.iter().fold((0.0, 0), |sum, (total, length)| (sum.0 + total, sum.1 + length));
        (n > 0.0).then(|| (total.0 / n, total.1 as f64 / n))
    }

    /// Episodes finished since the start.
    pub fn finished(&self) -> u64 {
        self.finished
    }

    /// Whether this belongs to so many environments.
    pub(crate) fn fits(&self, n_envs: usize) -> bool {
        self.returns.len() == n_envs && self.lengths.len() == n_envs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_finished_episodes_and_agents() {
        let mut episodes = Episodes::new(2);
        assert_eq!(episodes.means(), None);
        episodes.step(0, [1.0, 3.0].into_iter(), false);
        episodes.step(1, [9.0, 9.0].into_iter(), false);
        episodes.step(0, [0.0, 2.0].into_iter(), true);
        assert_eq!(episodes.means(), Some((3.0, 2.0)));
        for _ in 0..WINDOW {
            episodes.step(0, [7.0].into_iter(), true);
        }
        assert_eq!(episodes.means(), Some((7.0, 1.0)));
        assert_eq!(episodes.finished(), 101);
    }
}

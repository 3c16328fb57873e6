//! Agents that wait and agents that leave.

use trimtab_nn::Tensors;

use super::dqn;
use crate::env::{ActionSpace, Actions, EnvSpec, Presence, StepBuffers, StepError, VecEnv};
use crate::{Dqn, DqnConfig, Learners};

/// Two agents take turns; agent 1 leaves before step 4 of an episode of six and is back at the next. Observation: the step
/// and the agent. Reward: `2ˢᵗᵉᵖ` for each.
struct Turns {
    spec: EnvSpec,
    step: u32,
}

impl Turns {
    fn new() -> Self {
        let spec = EnvSpec {
            n_envs: 1,
            n_agents: 2,
            obs_dim: 2,
            action_space: ActionSpace::Discrete(2),
            costs: vec![],
            masked: true,
            varying: true,
        };
        Self { spec, step: 0 }
    }

    fn observe(obs: &mut [f32], step: u32) {
        obs.copy_from_slice(&[step as f32, 0.0, step as f32, 1.0]);
    }
}

impl VecEnv for Turns {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, _seed: u64, obs: &mut [f32]) {
        self.step = 0;
        Self::observe(obs, 0);
    }

    fn step(&mut self, _: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        out.rewards.fill(2f32.powi(self.step as i32));
        self.step += 1;
        out.truncated[0] = self.step == 6;
        if out.truncated[0] {
            Self::observe(&mut out.final_obs, 6);
            self.step = 0;
        }
        Self::observe(&mut out.obs, self.step);
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        // Whoever does not act is allowed nothing.
        let mut presence = [Presence::Acting; 2];
        self.presence(&mut presence);
        for (masks, presence) in masks.chunks_exact_mut(2).zip(presence) {
            masks.fill(presence == Presence::Acting);
        }
    }

    fn presence(&self, presence: &mut [Presence]) {
        let turn = self.step as usize % 2;
        for (agent, presence) in presence.iter_mut().enumerate() {
            *presence = if agent == turn { Presence::Acting } else { Presence::Waiting };
        }
        if self.step >= 4 {
            presence[1] = Presence::Absent;
        }
    }

    fn save(&self) -> Vec<u8> {
        vec![self.step as u8]
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.step = state.first().copied().unwrap_or_default().into();
        Ok(())
    }
}

/// First step, reward, discount and step seen next of every transition of an agent.
fn transitions(dqn: &Dqn, member: usize, agent: f32) -> Vec<[f32; 4]> {
    let mut tensors = Tensors::default();
    let replay = &dqn.members[member].replay;
    replay.write(&mut tensors);
    let data = |name: &str| tensors.get(name).unwrap().data().to_vec();
    let (obs, next) = (data("obs"), data("next_obs"));
    let (rewards, discounts) = (data("signals"), data("discounts"));
    (0..replay.len())
        .filter(|at| obs[at * 2 + 1] == agent)
        .map(|at| [obs[at * 2], rewards[at], discounts[at], next[at * 2]])
        .collect()
}

#[test]
fn waiting_agents_earn_for_their_last_action_and_leaving_ends_their_trajectory() {
    for learners in [Learners::Shared, Learners::Independent] {
        let config = DqnConfig { n_step: 1, gamma: 0.9, train_freq: 6, rounds: 1, learners, ..dqn() };
        let mut env = Turns::new();
        let mut learner = Dqn::new(config, env.spec(), vec![], 1).unwrap();
        learner.start(&mut env, 1000).unwrap();
        learner.iterate(&mut env).unwrap();
        let second = usize::from(learners == Learners::Independent);
        // Agent 0 acts at 0, 2 and 4 and is cut off at 6; it earns 1 + 2, 4 + 8 and 16 + 32.
        let first = [[0.0, 3.0, 0.9, 2.0], [2.0, 12.0, 0.9, 4.0], [4.0, 48.0, 0.9, 6.0]];
        assert_eq!(transitions(&learner, 0, 0.0), first);
        // Agent 1 acts at 1 and 3 and leaves with step 3: what it earns before its first action is nobody's.
        assert_eq!(transitions(&learner, second, 1.0), [[1.0, 6.0, 0.9, 3.0], [3.0, 8.0, 0.0, 4.0]]);
        for _ in 0..20 {
            learner.iterate(&mut env).unwrap();
        }
        assert!(learner.n_updates > 0);
    }
}

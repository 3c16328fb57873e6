//! Several agents: who learns for whom, who sees what, and who is there.

use super::tasks::train;
use crate::a2c::A2cUpdate;
use crate::control::{Budget, BudgetRoster, BudgetTurns, CartPole};
use crate::env::{Actions, EnvSpec, Presence, StepBuffers, VecEnv};
use crate::evaluation::evaluate;
use crate::on_policy::{Update, UpdateConfig};
use crate::ppo::{Ppo, PpoUpdate};
use crate::{A2cConfig, CriticView, Learners, NetworkConfig, PpoConfig, Schedule};

/// With much exploration: who claims less because others may claim too much learns it from what they tried.
fn config() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::Constant(3e-3),
        n_steps: 40,
        batch_size: 320,
        n_epochs: 5,
        gamma: 0.0,
        ent_coef: 0.3,
        network: NetworkConfig { hidden: vec![32, 32], ..NetworkConfig::default() },
        ..PpoConfig::default()
    }
}

/// Mean return of agents that claim what the ones before them leave, on the demands that a policy is judged by.
fn modest(env: &mut dyn VecEnv, episodes: usize) -> f64 {
    let EnvSpec { n_envs, n_agents, obs_dim, varying, .. } = *env.spec();
    // With one absent, there are two units fewer than agents.
    let units = if varying && obs_dim == 2 { n_agents - 2 } else { n_agents } as f32;
    let mut out = StepBuffers::new(env.spec());
    let (mut left, mut total) = (vec![episodes; n_envs], 0.0);
    env.reset(9, &mut out.obs);
    let mut presence = vec![Presence::Acting; n_envs * n_agents];
    while left.iter().any(|left| *left > 0) {
        if varying {
            env.presence(&mut presence);
        }
        let claim = |obs: &[f32]| {
            let left = if obs_dim == 3 { units * obs[1] } else { units - 2.0 * n_agents as f32 * obs[1] };
            (2.0 * obs[0]).min(left.max(0.0)).round() as u32
        };
        let actions: Vec<u32> = out.obs.chunks_exact(obs_dim).map(claim).collect();
        env.step(Actions::Discrete(&actions), &mut out).unwrap();
        for env in (0..n_envs).filter(|env| left[*env] > 0) {
            let rewards = &out.rewards[env * n_agents..(env + 1) * n_agents];
            let there = presence[env * n_agents..(env + 1) * n_agents].iter();
            let (sum, counted) = there
                .zip(rewards)
                .filter(|(presence, _)| **presence != Presence::Absent)
                .fold((0.0, 0.0), |(sum, n), (_, reward)| (sum + f64::from(*reward), n + 1.0));
            total += sum / counted;
        }
        left.iter_mut()
            .zip(&out.truncated)
            .for_each(|(left, ended)| *left -= usize::from(*ended && *left > 0));
    }
    total / (episodes * n_envs) as f64
}

#[test]
fn one_agent_learns_alike_whoever_it_learns_for() {
    let params = |learners| {
        let mut env = CartPole::new(4);
        let config = PpoConfig { learners, batch_size: 80, ..config() };
        let mut ppo = Ppo::new(config, env.spec(), vec![], 1).unwrap();
        ppo.start(&mut env, 1000).unwrap();
        (0..3).for_each(|_| drop(ppo.iterate(&mut env).unwrap()));
        ppo.actor_critic().clone()
    };
    assert_eq!(params(Learners::Shared), params(Learners::Independent));
}

/// Fails unless trained policies earn 97 % of what agents do that claim what the ones before them leave.
fn serves<U: Update>(config: U::Config, make: &dyn Fn(usize) -> Box<dyn VecEnv>, steps: u64) {
    let rollout = config.rollout();
    let learner = train::<U>(config, &mut *make(16), vec![], 1, steps);
    assert_eq!(learner.policies().len(), rollout.learners.members(make(1).spec().n_agents));
    let found = evaluate(&learner.policies(), &mut *make(100), 9, 5).unwrap().mean_return();
    let best = modest(&mut *make(100), 5);
    println!("{:?}, {:?}: {found:.3} of {best:.3}", rollout.learners, rollout.critic);
    assert!(found > 0.97 * best, "{found} of {best}");
}

#[test]
fn shared_budget_is_served_by_shared_and_independent_learners_and_with_a_central_critic() {
    for (learners, critic) in [
        (Learners::Shared, CriticView::Own),
        (Learners::Shared, CriticView::Central),
        (Learners::Independent, CriticView::Own),
    ] {
        let config = PpoConfig { learners, critic, ..config() };
        serves::<PpoUpdate>(config, &|n_envs| Box::new(Budget::new(n_envs, 3)), 200_000);
    }
}

#[test]
fn agents_that_take_turns_learn_what_their_claims_leave_to_the_next() {
    for learners in [Learners::Shared, Learners::Independent] {
        let critic = CriticView::Central;
        let config = PpoConfig { learners, critic, gamma: 0.9, n_steps: 60, ent_coef: 0.2, ..config() };
        serves::<PpoUpdate>(config, &|n_envs| Box::new(BudgetTurns::new(n_envs, 3)), 200_000);
    }
}

#[test]
fn agents_that_join_and_leave_learn_from_what_they_met() {
    let config = PpoConfig { critic: CriticView::Central, ..config() };
    serves::<PpoUpdate>(config, &|n_envs| Box::new(BudgetRoster::new(n_envs, 4)), 200_000);
}

#[test]
fn a2c_learns_with_agents_that_take_turns() {
    let config = A2cConfig {
        learning_rate: Schedule::Constant(2e-3),
        n_steps: 15,
        gamma: 0.9,
        ent_coef: 0.2,
        critic: CriticView::Central,
        normalize_advantage: true,
        network: NetworkConfig { hidden: vec![32, 32], ..NetworkConfig::default() },
        ..A2cConfig::default()
    };
    serves::<A2cUpdate>(config, &|n_envs| Box::new(BudgetTurns::new(n_envs, 3)), 200_000);
}

//! Several agents: who learns for whom, who sees what, and who is there.

use super::tasks::train;
use crate::a2c::A2cUpdate;
use crate::control::{Budget, BudgetRoster, BudgetTurns, CartPole};
use crate::env::VecEnv;
use crate::evaluation::evaluate;
use crate::ppo::{Ppo, PpoUpdate};
use crate::{A2cConfig, CriticView, Learners, NetworkConfig, PpoConfig, Schedule};

fn config() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 40,
        batch_size: 160,
        n_epochs: 5,
        gamma: 0.5,
        network: NetworkConfig { hidden: vec![32, 32], ..NetworkConfig::default() },
        ..PpoConfig::default()
    }
}

#[test]
fn one_agent_learns_alike_whoever_it_learns_for() {
    let params = |learners| {
        let mut env = CartPole::new(4);
        let config = PpoConfig { learners, ..config() };
        let mut ppo = Ppo::new(config, env.spec(), vec![], 1).unwrap();
        ppo.start(&mut env, 1000).unwrap();
        (0..3).for_each(|_| drop(ppo.iterate(&mut env).unwrap()));
        ppo.actor_critic().clone()
    };
    assert_eq!(params(Learners::Shared), params(Learners::Independent));
}

#[test]
fn shared_budget_is_served_by_shared_and_independent_learners_with_own_and_central_critics() {
    let best = Budget::new(1, 3).task().best_return();
    for learners in [Learners::Shared, Learners::Independent] {
        for critic in [CriticView::Own, CriticView::Central] {
            let config = PpoConfig { learners, critic, ..config() };
            let learner = train::<PpoUpdate>(config, &mut Budget::new(16, 3), vec![], 1, 60_000);
            assert_eq!(learner.policies().len(), learners.members(3));
            let found = evaluate(&learner.policies(), &mut Budget::new(100, 3), 9, 5).unwrap();
            println!("{learners:?}, {critic:?}: {:.3} of {best:.3}", found.mean_return());
            assert!(found.mean_return() > 0.95 * best, "{learners:?}, {critic:?}: {}", found.mean_return());
        }
    }
}

#[test]
fn agents_that_take_turns_learn_what_their_claims_leave_to_the_next() {
    let best = BudgetTurns::new(1, 3).task().best_return();
    for learners in [Learners::Shared, Learners::Independent] {
        let config = PpoConfig { learners, critic: CriticView::Central, ..config() };
        let learner = train::<PpoUpdate>(config, &mut BudgetTurns::new(16, 3), vec![], 1, 150_000);
        let found = evaluate(&learner.policies(), &mut BudgetTurns::new(100, 3), 9, 5).unwrap();
        println!("{learners:?}: {:.3} of {best:.3}", found.mean_return());
        assert!(found.mean_return() > 0.95 * best, "{}", found.mean_return());
    }
}

/// Best return of an episode, mean over the agents that are there (one of four is not).
fn best_of_roster() -> f64 {
    BudgetRoster::new(1, 4).task().best_return() * 4.0 / 3.0
}

#[test]
fn agents_that_join_and_leave_learn_from_what_they_met() {
    for critic in [CriticView::Own, CriticView::Central] {
        let config = PpoConfig { critic, ..config() };
        let learner = train::<PpoUpdate>(config, &mut BudgetRoster::new(16, 4), vec![], 1, 60_000);
        let found = evaluate(&learner.policies(), &mut BudgetRoster::new(100, 4), 9, 5).unwrap();
        println!("{critic:?}: {:.3} of {:.3}", found.mean_return(), best_of_roster());
        assert!(found.mean_return() > 0.9 * best_of_roster(), "{critic:?}: {}", found.mean_return());
    }
}

#[test]
fn a2c_learns_with_agents_that_join_and_leave() {
    let network = NetworkConfig { hidden: vec![32, 32], ..NetworkConfig::default() };
    let config = A2cConfig {
        learning_rate: Schedule::linear(3e-3),
        gamma: 0.5,
        critic: CriticView::Central,
        network,
        ..A2cConfig::default()
    };
    let learner = train::<A2cUpdate>(config, &mut BudgetRoster::new(32, 4), vec![], 1, 150_000);
    let found = evaluate(&learner.policies(), &mut BudgetRoster::new(100, 4), 9, 5).unwrap();
    println!("{:.3} of {:.3}", found.mean_return(), best_of_roster());
    assert!(found.mean_return() > 0.85 * best_of_roster(), "{}", found.mean_return());
}

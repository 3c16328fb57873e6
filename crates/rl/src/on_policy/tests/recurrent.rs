//! Policies with memory in whole runs.

use trimtab_nn::{CriticRecurrence, Recurrence};

use super::probe::Probe;
use super::tasks::{figure, train};
use crate::a2c::A2cUpdate;
use crate::control::{BudgetRoster, CartPole, Doors, Recall};
use crate::env::{ActionSpace, VecEnv};
use crate::evaluation::evaluate;
use crate::ppo::PpoUpdate;
use crate::{A2cConfig, ConstraintConfig, CriticView, Learners, NetworkConfig, Ppo, PpoConfig, Schedule};

fn network(hidden_size: usize, critic: CriticRecurrence) -> NetworkConfig {
    let recurrence = Some(Recurrence { hidden_size, critic });
    NetworkConfig { hidden: vec![16], recurrence, output_gain: 1.0, ..NetworkConfig::default() }
}

/// Fails unless an update that moves nothing finds the probabilities that actions were drawn with.
fn finds_what_was_drawn(env: &mut dyn VecEnv, config: PpoConfig) {
    let mut ppo = Ppo::new(config, env.spec(), vec![], 5).unwrap();
    ppo.start(env, 10_000).unwrap();
    for _ in 0..4 {
        let found = ppo.iterate(env).unwrap();
        let kl = figure(&found, "train/approx_kl").unwrap();
        assert!(kl.abs() < 1e-9, "{kl}");
        let exact = figure(&found, "train/kl").unwrap();
        assert!(exact.abs() < 1e-7, "{exact}");
        assert_eq!(figure(&found, "train/clip_fraction"), Some(0.0));
    }
}

#[test]
fn probabilities_found_on_sequences_are_those_of_the_draws() {
    for critic in [CriticRecurrence::Separate, CriticRecurrence::Shared, CriticRecurrence::None] {
        for (sequence_length, learners) in [(None, Learners::Shared), (Some(8), Learners::Independent)] {
            let config = PpoConfig {
                learning_rate: Schedule::Constant(0.0),
                n_steps: 32,
                batch_size: 64,
                n_epochs: 2,
                kl_coeff: Some(0.2),
                sequence_length,
                learners,
                network: network(8, critic),
                ..PpoConfig::default()
            };
            finds_what_was_drawn(&mut CartPole::new(3), config.clone());
            finds_what_was_drawn(&mut Doors::new(2, 4), config.clone());
            finds_what_was_drawn(&mut Probe::new(ActionSpace::MultiDiscrete(vec![3, 2])), config.clone());
            finds_what_was_drawn(&mut Probe::new(ActionSpace::Box(2)), config.clone());
            let config = PpoConfig { critic: CriticView::Central, ..config };
            finds_what_was_drawn(&mut BudgetRoster::new(2, 4), config);
        }
    }
}

#[test]
fn what_was_shown_is_remembered() {
    let config = PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 32,
        batch_size: 256,
        n_epochs: 4,
        gamma: 0.98,
        ent_coef: 0.01,
        network: network(16, CriticRecurrence::Separate),
        ..PpoConfig::default()
    };
    let score = |config: &PpoConfig| {
        let learner = train::<PpoUpdate>(config.clone(), &mut Recall::new(16, 3, 4), vec![], 1, 60_000);
        evaluate(&learner.policies(), &mut Recall::new(50, 3, 4), 7, 4).unwrap().mean_return()
    };
    let with = score(&config);
    let without = score(&PpoConfig { network: NetworkConfig::default(), ..config });
    println!("right answers with memory {with}, without {without}");
    assert!(with > 0.95, "{with}");
    assert!(without < 0.6, "{without}");
}

#[test]
fn a2c_remembers_too() {
    let config = A2cConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 16,
        ent_coef: 0.01,
        network: network(16, CriticRecurrence::Shared),
        ..A2cConfig::default()
    };
    let learner = train::<A2cUpdate>(config, &mut Recall::new(16, 3, 2), vec![], 1, 150_000);
    let score = evaluate(&learner.policies(), &mut Recall::new(50, 3, 2), 7, 4).unwrap().mean_return();
    println!("right answers {score}");
    assert!(score > 0.95, "{score}");
}

#[test]
fn constraints_work_with_memory() {
    let config = PpoConfig {
        n_steps: 20,
        batch_size: 60,
        network: network(8, CriticRecurrence::Separate),
        ..PpoConfig::default()
    };
    let mut env = Probe::new(ActionSpace::Box(1));
    let bound = vec![ConstraintConfig::new("idle", 0.4)];
    let learner = train::<PpoUpdate>(config, &mut env, bound, 1, 600);
    assert!(learner.multipliers()[0].value() > 0.0, "the bound cannot be kept");
}

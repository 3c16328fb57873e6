//! Policies with memory: what an update reads is what was drawn.
//!
//! Left out: that they learn, see `tests/learning`.

use trimtab_nn::{CriticRecurrence, Recurrence};

use super::probe::Probe;
use super::tasks::{figure, train};
use crate::control::{BudgetRoster, CartPole, Doors};
use crate::env::{ActionSpace, VecEnv};
use crate::ppo::PpoUpdate;
use crate::{ConstraintConfig, CriticView, Learners, NetworkConfig, Ppo, PpoConfig, Schedule};

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
            // A critic with a view of its own cannot read the actor's memory.
            let own = critic == CriticRecurrence::Shared;
            let view = if own { CriticView::Own } else { CriticView::Central };
            let config = PpoConfig { critic: view, ..config };
            finds_what_was_drawn(&mut BudgetRoster::new(2, 4), config);
        }
    }
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

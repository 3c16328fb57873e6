//! A2C's loss, its gradient and three updates of a rollout.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::Deserialize;
use trimtab_nn::ActorCritic;
use trimtab_rl::a2c::{A2cConfig, A2cUpdate, Loss, LossScratch};
use trimtab_rl::buffer::{Minibatch, RolloutBuffer};
use trimtab_rl::on_policy::{Learning, Update};
use trimtab_rl::schedule::Schedule;

use super::fixture::{Case, Fixture, difference, shape};
use super::{TOLERANCE, agree};

#[derive(Deserialize)]
struct Settings {
    ent_coef: f64,
    vf_coef: f64,
    max_grad_norm: f64,
    learning_rate: f64,
    rows: usize,
}

/// The batch as a rollout of five environments, its advantages and returns given.
fn rollout(case: &Case, rows: usize, policy: &ActorCritic) -> RolloutBuffer {
    let architecture = policy.architecture();
    let (masks, actions) = case.batch.masks_and_actions(&architecture.head);
    let mut rollout = RolloutBuffer::new(shape(architecture, rows, !masks.is_empty()));
    rollout.obs.clone_from(&case.batch.obs);
    (rollout.masks, rollout.actions) = (masks, actions);
    rollout.policy_advantages.clone_from(&case.batch.advantages);
    rollout.returns.clone_from(&case.batch.returns);
    rollout
}

#[test]
fn a2c_updates_agree_with_pytorch() {
    let fixture: Fixture<Settings> = serde_json::from_str(include_str!("../fixtures/a2c.json")).unwrap();
    let Settings { ent_coef, vf_coef, max_grad_norm, learning_rate, rows } = fixture.settings;
    for case in &fixture.cases {
        let mut policy = case.policy();
        let given = rollout(case, rows, &policy);
        let mut ws = policy.workspace();

        let loss = Loss { ent_coef: ent_coef as f32, vf_coef: vf_coef as f32 };
        let (mut scratch, mut grads) =
            (LossScratch::new(given.shape.signals, rows), policy.params().to_vec());
        let mut batch = Minibatch::new(&given.shape, rows);
        batch.gather(&given, &(0..rows as u32).collect::<Vec<_>>());
        if case.normalize_advantage {
            batch.normalize_advantages();
        }
        let terms = loss.gradient(&policy, &batch, &mut ws, &mut scratch, &mut grads);
        agree(&case.name, "loss", terms.loss, case.terms["loss"]);
        let error = difference(&policy, &grads, &case.gradients);
        assert!(error < TOLERANCE, "{}: gradient differs by {error}", case.name);

        let config = A2cConfig {
            learning_rate: Schedule::Constant(learning_rate),
            ent_coef,
            vf_coef,
            max_grad_norm,
            normalize_advantage: case.normalize_advantage,
            ..A2cConfig::default()
        };
        let mut update = A2cUpdate::new(config, &policy, &given.shape);
        let (mut rng, mut n_updates, mut logs) = (Pcg64::seed_from_u64(0), 0, vec![]);
        for _ in &case.norms {
            let learning = Learning {
                policy: &mut policy,
                rollout: &mut given.clone(),
                ws: &mut ws,
                rng: &mut rng,
                progress_remaining: 1.0,
                n_updates: &mut n_updates,
            };
            update.improve(learning, &mut logs).unwrap();
        }
        for name in ["policy_loss", "value_loss", "entropy_loss"] {
            let key = format!("train/{name}");
            let found = logs.iter().find(|(found, _)| *found == key).unwrap();
            agree(&case.name, name, found.1, case.terms[name]);
        }
        assert_eq!(n_updates, case.norms.len() as u64);
        let error = difference(&policy, policy.params(), &case.end);
        println!("{}: parameters differ by {error:.1e} after {n_updates} updates", case.name);
        assert!(error < TOLERANCE, "{}: parameters differ by {error}", case.name);
    }
}

//! PPO's loss, its gradient and three updates of a minibatch.

use serde::Deserialize;
use trimtab_nn::{Adam, Architecture};
use trimtab_rl::buffer::Minibatch;
use trimtab_rl::ppo::{Loss, LossScratch};

use super::fixture::{Batch, Case, Fixture, difference, shape};
use super::{TOLERANCE, agree};

#[derive(Deserialize)]
struct Settings {
    clip_range: f32,
    clip_range_vf: f32,
    ent_coef: f32,
    vf_coef: f32,
    max_grad_norm: f64,
    learning_rate: f64,
    rows: usize,
}

fn minibatch(case: &Case, rows: usize, architecture: &Architecture) -> Minibatch {
    let mut batch = Minibatch::new(&shape(architecture, rows, true), rows);
    let Batch { obs, log_probs, advantages, returns, values, .. } = &case.batch;
    batch.rows = rows;
    (batch.masks, batch.actions) = case.batch.masks_and_actions(&architecture.head);
    batch.obs.clone_from(obs);
    batch.log_probs.clone_from(log_probs);
    batch.advantages.clone_from(advantages);
    batch.returns.clone_from(returns);
    batch.values.clone_from(values);
    batch.normalize_advantages();
    batch
}

#[test]
fn ppo_updates_agree_with_pytorch() {
    let fixture: Fixture<Settings> = serde_json::from_str(include_str!("../fixtures/ppo.json")).unwrap();
    let settings = &fixture.settings;
    let loss = Loss {
        clip_range: settings.clip_range,
        clip_range_vf: Some(settings.clip_range_vf),
        ent_coef: settings.ent_coef,
        vf_coef: settings.vf_coef,
        kl_coeff: None,
    };
    for case in &fixture.cases {
        let mut policy = case.policy();
        let architecture = policy.architecture().clone();
        let mut batch = minibatch(case, settings.rows, &architecture);
        let (mut ws, mut scratch) =
            (policy.workspace(), LossScratch::new(architecture.value_heads, settings.rows));
        let (mut adam, mut grads) =
            (Adam::new(policy.params().len(), 1e-5), vec![0.0; policy.params().len()]);
        for (update, expected_norm) in case.norms.iter().enumerate() {
            let terms = loss.gradient(&policy, None, &mut batch, &[], &mut ws, &mut scratch, &mut grads);
            if update == 0 {
                let found = [
                    ("loss", terms.loss),
                    ("policy_gradient_loss", terms.policy_gradient_loss),
                    ("value_loss", terms.value_loss),
                    ("entropy_loss", terms.entropy_loss),
                    ("approx_kl", terms.approx_kl),
                    ("clip_fraction", terms.clip_fraction),
                ];
                for (name, found) in found {
                    agree(&case.name, name, found, case.terms[name]);
                }
                let clipped = terms.clip_fraction;
                assert!(0.1 < clipped && clipped < 0.9, "{}: both branches must occur", case.name);
                let error = difference(&policy, &grads, &case.gradients);
                assert!(error < TOLERANCE, "{}: gradient differs by {error}", case.name);
            }
            let (rate, max_norm) = (settings.learning_rate, settings.max_grad_norm);
            let norm = adam.step(policy.params_mut(), &grads, rate, max_norm).unwrap();
            agree(&case.name, "norm", f64::from(norm), *expected_norm);
        }
        let error = difference(&policy, policy.params(), &case.end);
        println!("{}: parameters differ by {error:.1e} after {} updates", case.name, case.norms.len());
        assert!(error < TOLERANCE, "{}: parameters differ by {error}", case.name);
    }
}

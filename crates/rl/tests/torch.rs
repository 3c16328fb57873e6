//! PPO's loss, its gradient and three whole updates against `PyTorch`'s numbers (`fixtures/make.py`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use serde::Deserialize;
use trimtab_nn::{ActionHead, ActorCritic, Adam, Architecture, Tensor, Tensors};
use trimtab_rl::buffer::{ActionBuffer, Minibatch};
use trimtab_rl::ppo::{Loss, LossScratch};

const TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Fixture {
    settings: Settings,
    cases: Vec<Case>,
}

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

type Named = BTreeMap<String, Array>;

#[derive(Clone, Deserialize)]
struct Array {
    shape: Vec<usize>,
    data: Vec<f32>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    architecture: serde_json::Value,
    batch: Batch,
    start: Named,
    terms: BTreeMap<String, f64>,
    gradients: Named,
    norms: Vec<f64>,
    end: Named,
}

#[derive(Deserialize)]
struct Batch {
    obs: Vec<f32>,
    masks: Vec<bool>,
    actions: Vec<f32>,
    log_probs: Vec<f32>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
    values: Vec<f32>,
}

impl Case {
    fn policy(&self) -> ActorCritic {
        let mut tensors = Tensors::default();
        tensors.metadata.insert("architecture".into(), self.architecture.to_string());
        for (name, Array { shape, data }) in &self.start {
            tensors.insert(name, Tensor::new(shape.clone(), data.clone()));
        }
        let policy = ActorCritic::from_tensors(&mut tensors).unwrap();
        tensors.finish().unwrap();
        policy
    }

    fn minibatch(&self, rows: usize, Architecture { head, .. }: &Architecture) -> Minibatch {
        let Batch { obs, masks, actions, log_probs, advantages, returns, values } = &self.batch;
        let (masks, actions) = match head {
            ActionHead::Gaussian(_) => (vec![], ActionBuffer::Numbers(actions.clone())),
            _ => (masks.clone(), ActionBuffer::Choices(actions.iter().map(|x| *x as u32).collect())),
        };
        let mut batch = Minibatch {
            rows,
            obs: obs.clone(),
            masks,
            actions,
            log_probs: log_probs.clone(),
            advantages: advantages.clone(),
            returns: returns.clone(),
            values: values.clone(),
        };
        batch.normalize_advantages();
        batch
    }
}

/// Largest difference between flat parameters and `PyTorch`'s named ones.
fn difference(policy: &ActorCritic, params: &[f32], expected: &Named) -> f64 {
    let mut holder = policy.clone();
    holder.params_mut().copy_from_slice(params);
    let found = holder.to_tensors();
    assert_eq!(found.names().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let differences = expected.iter().flat_map(|(name, array)| {
        let found = found.get(name).unwrap();
        assert_eq!(found.shape(), array.shape);
        found.data().iter().zip(&array.data).map(|(a, b)| f64::from((a - b).abs()))
    });
    differences.fold(0.0, f64::max)
}

#[test]
fn updates_agree_with_pytorch() {
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/ppo.json")).unwrap();
    let settings = &fixture.settings;
    let loss = Loss {
        clip_range: settings.clip_range,
        clip_range_vf: Some(settings.clip_range_vf),
        ent_coef: settings.ent_coef,
        vf_coef: settings.vf_coef,
    };
    for case in &fixture.cases {
        let mut policy = case.policy();
        let architecture = policy.architecture().clone();
        let batch = case.minibatch(settings.rows, &architecture);
        let (mut ws, mut scratch) = (policy.workspace(), LossScratch::new(architecture.value_heads));
        let (mut adam, mut grads) = (Adam::new(policy.params().len()), vec![0.0; policy.params().len()]);
        for (update, expected_norm) in case.norms.iter().enumerate() {
            let terms = loss.gradient(&policy, &batch, &mut ws, &mut scratch, &mut grads);
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
                    let expected = case.terms[name];
                    assert!(
                        (found - expected).abs() < TOLERANCE,
                        "{}: {name} {found}, {expected}",
                        case.name
                    );
                }
                let clipped = terms.clip_fraction;
                assert!(0.1 < clipped && clipped < 0.9, "{}: both branches must occur", case.name);
                let error = difference(&policy, &grads, &case.gradients);
                assert!(error < TOLERANCE, "{}: gradient differs by {error}", case.name);
            }
            let (rate, max_norm) = (settings.learning_rate, settings.max_grad_norm);
            let norm = adam.step(policy.params_mut(), &grads, rate, max_norm).unwrap();
            assert!((f64::from(norm) - expected_norm).abs() < TOLERANCE, "{}: norm {norm}", case.name);
        }
        let error = difference(&policy, policy.params(), &case.end);
        println!("{}: parameters differ by {error:.1e} after {} updates", case.name, case.norms.len());
        assert!(error < TOLERANCE, "{}: parameters differ by {error}", case.name);
    }
}

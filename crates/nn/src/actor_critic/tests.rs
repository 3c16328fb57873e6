//! Whole policies: gradients, starts, files.

use rand_pcg::Pcg64;

use super::*;
use crate::distribution::{ActionSlice, ActionSliceMut};
use crate::{Activation, Tensors};

fn architecture(head: ActionHead, shared_trunk: bool, activation: Activation) -> Architecture {
    Architecture {
        obs_dim: 5,
        head,
        value_heads: 2,
        hidden: vec![12, 9],
        activation,
        shared_trunk,
        critic_obs_dim: None,
        recurrence: None,
        encoder: Encoder::None,
    }
}

fn policies() -> Vec<ActorCritic> {
    let mut rng = Pcg64::new(1, 9);
    let start = Initialisation { output_gain: 1.0, log_std: -0.3, ..Initialisation::default() };
    let mut policies = Vec::new();
    for head in [ActionHead::Discrete(4), ActionHead::MultiDiscrete(vec![3, 2]), ActionHead::Gaussian(3)] {
        for (shared, activation) in
            [(false, Activation::Tanh), (true, Activation::Tanh), (false, Activation::Relu)]
        {
            let architecture = architecture(head.clone(), shared, activation);
            policies.push(ActorCritic::new(architecture, &start, &mut rng).unwrap());
        }
    }
    policies
}

enum Drawn {
    Choices(Vec<u32>),
    Numbers(Vec<f32>),
}

impl Drawn {
    fn zeros(head: &ActionHead, rows: usize) -> Self {
        match head {
            ActionHead::Gaussian(width) => Self::Numbers(vec![0.0; rows * width]),
            head => Self::Choices(vec![0; rows * head.width()]),
        }
    }

    fn view(&self) -> ActionSlice<'_> {
        match self {
            Self::Choices(choices) => ActionSlice::Choices(choices),
            Self::Numbers(numbers) => ActionSlice::Numbers(numbers),
        }
    }

    fn view_mut(&mut self) -> ActionSliceMut<'_> {
        match self {
            Self::Choices(choices) => ActionSliceMut::Choices(choices),
            Self::Numbers(numbers) => ActionSliceMut::Numbers(numbers),
        }
    }
}

fn observations(rows: usize, rng: &mut Pcg64) -> Vec<f32> {
    (0..rows * 5).map(|_| rand::RngExt::sample(rng, rand_distr::StandardNormal)).collect()
}

/// `Σ g·log_prob + h·entropy + w·values` in double precision, from the network's own tensors.
fn exact_loss(
    tensors: &Tensors,
    policy: &ActorCritic,
    obs: &[f32],
    drawn: &Drawn,
    (g, h, w): (f64, f64, f64),
) -> f64 {
    let wide =
        |name: &str| tensors.get(name).unwrap().data().iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
    exact_loss_of(&wide, policy, obs, drawn, (g, h, w))
}

fn exact_loss_of(
    tensor: &dyn Fn(&str) -> Vec<f64>,
    policy: &ActorCritic,
    obs: &[f32],
    drawn: &Drawn,
    (g, h, w): (f64, f64, f64),
) -> f64 {
    let architecture = policy.architecture();
    let affine = |name: &str, x: &[f64]| -> Vec<f64> {
        let (weight, bias) = (tensor(&format!("{name}.weight")), tensor(&format!("{name}.bias")));
        let dot = |row: &[f64]| row.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
        weight.chunks_exact(x.len()).zip(&bias).map(|(row, bias)| dot(row) + bias).collect()
    };
    let trunk = |name: &str, x: &[f64]| -> Vec<f64> {
        let activate =
            |x: f64| if architecture.activation == Activation::Tanh { x.tanh() } else { x.max(0.0) };
        (0..2)
            .fold(x.to_vec(), |x, at| affine(&format!("{name}.{at}"), &x).into_iter().map(activate).collect())
    };
    let (actor, critic) = if architecture.shared_trunk { ("trunk", "trunk") } else { ("actor", "critic") };
    let mut loss = 0.0;
    for (row, obs) in obs.chunks_exact(5).enumerate() {
        let obs: Vec<f64> = obs.iter().map(|x| f64::from(*x)).collect();
        loss += w * affine("value", &trunk(critic, &obs)).iter().sum::<f64>();
        let outputs = affine("action", &trunk(actor, &obs));
        let width = architecture.head.width();
        match drawn {
            Drawn::Choices(choices) => {
                let mut at = 0;
                for (choice, count) in choices[row * width..].iter().zip(architecture.head.choices()) {
                    let logits = &outputs[at..at + count];
                    let log_sum = logits.iter().map(|x| x.exp()).sum::<f64>().ln();
                    loss += g * (logits[*choice as usize] - log_sum);
                    loss -= h * logits.iter().map(|x| (x - log_sum).exp() * (x - log_sum)).sum::<f64>();
                    at += count;
                }
            }
            Drawn::Numbers(numbers) => {
                for ((number, mean), log_std) in
                    numbers[row * width..].iter().zip(&outputs).zip(tensor("log_std"))
                {
                    let z = (f64::from(*number) - mean) / log_std.exp();
                    loss += g * (-0.5 * z * z - log_std) + h * log_std;
                }
            }
        }
    }
    loss
}

#[test]
fn gradients_of_whole_policies_agree_with_finite_differences() {
    let (rows, g, h, w) = (7, 0.6, -0.2, 0.3);
    for policy in policies() {
        let mut rng = Pcg64::new(5, 6);
        let obs = observations(rows, &mut rng);
        let mut ws = policy.workspace();
        let mut drawn = Drawn::zeros(&policy.architecture().head, rows);
        let (mut log_probs, mut values) = (vec![0.0; rows], vec![0.0; rows * 2]);
        let out = Samples { actions: drawn.view_mut(), log_probs: &mut log_probs, values: &mut values };
        policy.sample(Inputs::new(&obs, None), &mut policy.memory(rows), &mut rng, &mut ws, out);

        let found = policy.evaluate(Inputs::new(&obs, None), drawn.view(), None, &mut ws);
        assert!(found.log_probs.iter().zip(&log_probs).all(|(a, b)| (a - b).abs() < 1e-4));
        assert_eq!(found.values, values);
        policy.prepare_backward(&mut ws);
        let mut grads = vec![0.0; policy.params().len()];
        let gradient =
            EvaluationGradient { log_probs: &vec![g; rows], entropies: h, values: &vec![w; rows * 2] };
        policy.backward(Inputs::new(&obs, None), drawn.view(), gradient, &mut ws, &mut grads);

        // Read the gradient out through the same names as the parameters.
        let mut gradient_policy = policy.clone();
        gradient_policy.params_mut().copy_from_slice(&grads);
        let (gradients, parameters) = (gradient_policy.to_tensors(), policy.to_tensors());
        let factors = (f64::from(g), f64::from(h), f64::from(w));
        assert!(exact_loss(&parameters, &policy, &obs, &drawn, factors).is_finite());
        for name in parameters.names() {
            let count = parameters.get(name).unwrap().data().len();
            for at in (0..count).step_by(count.div_ceil(10)) {
                let moved = |by: f64| {
                    let tensor = |wanted: &str| {
                        let data = parameters.get(wanted).unwrap().data();
                        let mut data: Vec<f64> = data.iter().map(|x| f64::from(*x)).collect();
                        if wanted == name {
                            data[at] += by;
                        }
                        data
                    };
                    exact_loss_of(&tensor, &policy, &obs, &drawn, factors)
                };
                let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let found = f64::from(gradients.get(name).unwrap().data()[at]);
                assert!((found - expected).abs() < 1e-4, "{name}[{at}]: {found}, expected {expected}");
            }
        }
        assert_eq!(padding(&policy, &grads), 0.0, "padding has no gradient");
    }
}

/// Sum of the magnitudes of all entries that no tensor holds.
fn padding(policy: &ActorCritic, params: &[f32]) -> f64 {
    let sum = |values: &[f32]| values.iter().map(|x| f64::from(x.abs())).sum::<f64>();
    let mut holder = policy.clone();
    holder.params_mut().copy_from_slice(params);
    let mut tensors = holder.to_tensors();
    let clean = ActorCritic::from_tensors(&mut tensors).unwrap();
    sum(params) - sum(clean.params())
}

#[test]
fn fresh_policy_chooses_its_default_action() {
    let mut rng = Pcg64::new(2, 2);
    let obs: Vec<f32> = observations(100, &mut rng).iter().map(|x| 10.0 * x).collect();
    let start = Initialisation { default_action: Some(vec![2, 0]), ..Initialisation::default() };
    let head = ActionHead::MultiDiscrete(vec![3, 2]);
    let policy = ActorCritic::new(architecture(head, false, Activation::Tanh), &start, &mut rng).unwrap();
    let (mut ws, mut choices) = (policy.workspace(), vec![9; 200]);
    policy.act(
        Inputs::new(&obs, None),
        &mut policy.memory(0),
        &mut ws,
        ActionSliceMut::Choices(&mut choices),
    );
    assert!(choices.chunks(2).all(|choices| choices == [2, 0]));

    let start = Initialisation { default_action: Some(vec![]), ..Initialisation::default() };
    let head = ActionHead::Gaussian(3);
    let policy = ActorCritic::new(architecture(head, true, Activation::Tanh), &start, &mut rng).unwrap();
    let (mut ws, mut numbers) = (policy.workspace(), vec![9.0; 300]);
    policy.act(
        Inputs::new(&obs, None),
        &mut policy.memory(0),
        &mut ws,
        ActionSliceMut::Numbers(&mut numbers),
    );
    assert!(numbers.iter().all(|number| *number == 0.0));
}

#[test]
fn impossible_networks_are_named() {
    let mut rng = Pcg64::new(2, 2);
    let mut build = |change: &dyn Fn(&mut Architecture, &mut Initialisation)| {
        let mut architecture = architecture(ActionHead::Discrete(3), false, Activation::Tanh);
        let mut start = Initialisation::default();
        change(&mut architecture, &mut start);
        ActorCritic::new(architecture, &start, &mut rng).unwrap_err().to_string()
    };
    assert!(build(&|a, _| a.obs_dim = 0).starts_with("network obs_dim: expected at least 1"));
    assert!(build(&|a, _| a.hidden = vec![]).starts_with("network hidden"));
    assert!(build(&|a, _| a.head = ActionHead::MultiDiscrete(vec![2, 0])).starts_with("network head"));
    assert!(build(&|_, s| s.default_action = Some(vec![3])).starts_with("network default_action"));
    assert!(build(&|_, s| s.log_std = f32::NAN).starts_with("network log_std"));
}

#[test]
fn files_give_back_the_same_policy() {
    for policy in policies() {
        let bytes = policy.to_tensors().to_bytes();
        let mut tensors = Tensors::from_bytes(&bytes).unwrap();
        assert_eq!(ActorCritic::from_tensors(&mut tensors).unwrap(), policy);
        tensors.finish().unwrap();
    }
}

#[test]
fn actions_do_not_depend_on_the_batch_they_come_in() {
    let mut rng = Pcg64::new(3, 3);
    for policy in policies() {
        let rows = 2 * CHUNK + 5;
        let obs = observations(rows, &mut rng);
        let (head, mut ws) = (&policy.architecture().head, policy.workspace());
        let mut together = Drawn::zeros(head, rows);
        policy.act(Inputs::new(&obs, None), &mut policy.memory(0), &mut ws, together.view_mut());
        for row in [0, CHUNK, rows - 1] {
            let mut alone = Drawn::zeros(head, 1);
            policy.act(
                Inputs::new(&obs[row * 5..(row + 1) * 5], None),
                &mut policy.memory(0),
                &mut ws,
                alone.view_mut(),
            );
            let width = head.width();
            match (&alone, &together) {
                (Drawn::Choices(a), Drawn::Choices(b)) => assert_eq!(a[..], b[row * width..][..width]),
                (Drawn::Numbers(a), Drawn::Numbers(b)) => {
                    assert!(a.iter().zip(&b[row * width..]).all(|(a, b)| (a - b).abs() < 1e-6));
                }
                _ => unreachable!("both have the head's kind"),
            }
        }
    }
}

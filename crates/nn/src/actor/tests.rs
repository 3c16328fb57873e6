//! Actions, gradients and files of actors.

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

use super::*;
use crate::Tensors;
use crate::exact::{Exact, wide};

const ROWS: usize = 6;

fn actor(head: ActorHead, activation: Activation) -> Actor {
    let action = match &head {
        ActorHead::Choices(choices) => ActionHead::MultiDiscrete(choices.clone()),
        head => ActionHead::Gaussian(head.width()),
    };
    let architecture = ActorArchitecture { obs_dim: 5, head, action, hidden: vec![12, 9], activation };
    Actor::new(architecture, false, &mut Pcg64::new(4, 8)).unwrap()
}

fn numbers(stream: u128, count: usize) -> Vec<f32> {
    let mut rng = Pcg64::new(5, stream);
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

fn named(actor: &Actor, params: &[f32]) -> Tensors {
    let mut holder = actor.clone();
    holder.params_mut().copy_from_slice(params);
    holder.to_tensors()
}

fn outputs(exact: &Exact, obs: &[f32], row: usize) -> Vec<f64> {
    exact.feed_forward("actor", 2, &wide(&obs[row * 5..][..5]))
}

#[test]
fn deterministic_gradients_agree_with_finite_differences() {
    for (head, activation) in
        [(ActorHead::Tanh(3), Activation::Tanh), (ActorHead::Sigmoid(3), Activation::Relu)]
    {
        let actor = actor(head.clone(), activation);
        let (obs, weights) = (numbers(1, ROWS * 5), numbers(2, ROWS * 3));
        let squash = |x: f64| {
            if head == ActorHead::Tanh(3) { x.tanh() } else { 2.0 / (1.0 + (-x).exp()) - 1.0 }
        };
        let (mut ws, mut actions) = (actor.workspace(ROWS), vec![0.0; ROWS * 3]);
        actor.numbers(&obs, &mut ws, &mut actions);
        let exact = Exact::new(&actor.to_tensors(), activation);
        for row in 0..ROWS {
            for (found, x) in actions[row * 3..].iter().zip(outputs(&exact, &obs, row)) {
                assert!((f64::from(*found) - squash(x)).abs() < 1e-5);
            }
        }
        let mut grads = vec![0.0; actor.params().len()];
        actor.prepare_backward(&mut ws);
        actor.backward_numbers(&obs, &weights, &mut ws, &mut grads);
        exact.check(&named(&actor, &grads), |exact| {
            let row = |row: usize| -> f64 {
                let weighed = outputs(exact, &obs, row).into_iter().zip(&weights[row * 3..]);
                weighed.map(|(x, weight)| squash(x) * f64::from(*weight)).sum()
            };
            (0..ROWS).map(row).sum()
        });
        let mut taken = vec![0.0; ROWS * 3];
        actor.act(&obs, None, &mut ws, ActionSliceMut::Numbers(&mut taken));
        assert_eq!(taken, actions);
    }
}

#[test]
fn squashed_gaussians_and_their_gradients_agree_with_double_precision() {
    let actor = actor(ActorHead::SquashedGaussian(2), Activation::Relu);
    let (obs, noise, weights) = (numbers(1, ROWS * 5), numbers(2, ROWS * 2), numbers(3, ROWS * 2));
    let g = 0.7;
    let drawn = |exact: &Exact, row: usize| -> (Vec<f64>, f64) {
        let outputs = outputs(exact, &obs, row);
        let (mut actions, mut log_prob) = (Vec::new(), 0.0);
        for at in 0..2 {
            let (eps, log_std) = (f64::from(noise[row * 2 + at]), outputs[2 + at].clamp(-20.0, 2.0));
            let a = (outputs[at] + log_std.exp() * eps).tanh();
            log_prob -= 0.5 * eps * eps + log_std + 0.5 * std::f64::consts::TAU.ln();
            log_prob -= (1.0 - a * a + 1e-6).ln();
            actions.push(a);
        }
        (actions, log_prob)
    };
    let (mut ws, mut actions, mut log_probs) = (actor.workspace(ROWS), vec![0.0; ROWS * 2], vec![0.0; ROWS]);
    actor.sample(&obs, &noise, &mut ws, &mut actions, &mut log_probs);
    let exact = Exact::new(&actor.to_tensors(), Activation::Relu);
    for row in 0..ROWS {
        let (expected, log_prob) = drawn(&exact, row);
        assert!((f64::from(log_probs[row]) - log_prob).abs() < 1e-4);
        assert!(actions[row * 2..].iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5));
    }
    let mut grads = vec![0.0; actor.params().len()];
    actor.prepare_backward(&mut ws);
    actor.backward_sample(&obs, &noise, (&weights, g), &mut ws, &mut grads);
    exact.check(&named(&actor, &grads), |exact| {
        let row = |row: usize| -> f64 {
            let (actions, log_prob) = drawn(exact, row);
            let weighed = actions.iter().zip(&weights[row * 2..]);
            weighed.map(|(a, w)| a * f64::from(*w)).sum::<f64>() + f64::from(g) * log_prob
        };
        (0..ROWS).map(row).sum()
    });
}

#[test]
fn forbidden_choices_have_no_probability_and_no_gradient() {
    let actor = actor(ActorHead::Choices(vec![3, 2]), Activation::Tanh);
    let (obs, mut ws) = (numbers(1, ROWS * 5), actor.workspace(ROWS));
    let masks: Vec<bool> = (0..ROWS * 5).map(|at| at % 5 != 1).collect();
    actor.probabilities(&obs, Some(&masks), ROWS, &mut ws);
    for probs in ws.probs().chunks_exact(actor.stride()) {
        assert!((probs[0] + probs[2] - 1.0).abs() < 1e-5 && probs[1] == 0.0);
        assert!((probs[3] + probs[4] - 1.0).abs() < 1e-5);
    }
    let mut choices = vec![0; ROWS * 2];
    actor.act(&obs, Some(&masks), &mut ws, ActionSliceMut::Choices(&mut choices));
    assert!(choices.chunks_exact(2).all(|choices| choices[0] != 1));
    actor.probabilities(&obs, Some(&masks), ROWS, &mut ws);
    actor.draw(&mut Pcg64::new(1, 1), &ws, &mut choices, &mut [0.0; ROWS]);
    assert!(choices.chunks_exact(2).all(|choices| choices[0] != 1));
}

#[test]
fn actors_that_start_at_zero_put_out_the_middle() {
    for head in [ActorHead::Tanh(2), ActorHead::Sigmoid(2), ActorHead::SquashedGaussian(2)] {
        let architecture = actor(head, Activation::Relu).architecture().clone();
        let actor = Actor::new(architecture, true, &mut Pcg64::new(4, 8)).unwrap();
        let mut actions = vec![1.0; ROWS * 2];
        let mut ws = actor.workspace(4);
        actor.act(&numbers(1, ROWS * 5), None, &mut ws, ActionSliceMut::Numbers(&mut actions));
        assert_eq!(actions, [0.0; ROWS * 2]);
    }
}

#[test]
fn files_hold_the_whole_actor() {
    for head in [ActorHead::Tanh(2), ActorHead::SquashedGaussian(2), ActorHead::Choices(vec![3])] {
        let actor = actor(head, Activation::Tanh);
        let mut tensors = actor.to_tensors();
        assert!(Actor::is_in(&tensors));
        assert_eq!(Actor::from_tensors(&mut tensors).unwrap(), actor);
        tensors.finish().unwrap();
    }
}

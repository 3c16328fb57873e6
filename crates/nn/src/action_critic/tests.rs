//! Values and both gradients of critics of actions.

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

use super::*;
use crate::exact::{Exact, check_inputs, wide};

const ROWS: usize = 6;

#[test]
fn values_and_gradients_agree_with_double_precision() {
    let mut rng = Pcg64::new(2, 3);
    for activation in [Activation::Tanh, Activation::Relu] {
        let critics = ActionCritic::new((5, 3), &[12, 9], activation, 2, &mut rng).unwrap();
        let mut draw =
            |count: usize| -> Vec<f32> { (0..count).map(|_| rng.sample(StandardNormal)).collect() };
        let (obs, actions, weights) = (draw(ROWS * 5), draw(ROWS * 3), draw(ROWS * 2));
        let mut tensors = Tensors::default();
        critics.write(&mut tensors);
        let exact = Exact::new(&tensors, activation);
        let value = |exact: &Exact, critic: usize, row: usize, actions: &[f64]| {
            let mut input = wide(&obs[row * 5..][..5]);
            input.extend(&actions[row * 3..][..3]);
            exact.feed_forward(&format!("critic{critic}"), 2, &input)[0]
        };
        let loss = |exact: &Exact, actions: &[f64]| -> f64 {
            let rows = (0..2).flat_map(|critic| (0..ROWS).map(move |row| (critic, row)));
            rows.map(|(critic, row)| {
                f64::from(weights[critic * ROWS + row]) * value(exact, critic, row, actions)
            })
            .sum()
        };
        let (mut ws, mut values) = (critics.workspace(ROWS), vec![0.0; ROWS]);
        let mut grads = vec![0.0; critics.params().len()];
        let mut action_grads = vec![0.0; ROWS * 3];
        critics.join(&obs, &actions, &mut ws);
        critics.prepare_backward(&mut ws);
        for critic in 0..2 {
            let weights = &weights[critic * ROWS..][..ROWS];
            critics.values(critic, &mut ws, &mut values);
            for (row, found) in values.iter().enumerate() {
                let expected = value(&exact, critic, row, &wide(&actions));
                assert!((f64::from(*found) - expected).abs() < 1e-5);
            }
            critics.backward(critic, weights, &mut ws, &mut grads);
            critics.values(critic, &mut ws, &mut values);
            critics.action_gradient(critic, weights, &mut ws, &mut action_grads);
        }
        let mut holder = critics.clone();
        holder.params_mut().copy_from_slice(&grads);
        let mut named = Tensors::default();
        holder.write(&mut named);
        exact.check(&named, |exact| loss(exact, &wide(&actions)));
        check_inputs(&actions, &action_grads, |actions| loss(&exact, actions));
    }
}

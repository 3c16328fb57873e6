//! From a network's outputs to numbers in `[-1, 1]`, and the gradient back.
//!
//! Left out: choices.

use super::ActorHead;
use crate::kernel;

/// ln √(2π)
const LN_ROOT_TWO_PI: f32 = 0.918_938_5;
/// Keeps the logarithm of `1 − a²` finite where tanh has rounded to 1.
const EPS: f32 = 1e-6;
const LOG_STD: (f32, f32) = (-20.0, 2.0);

fn squashed(head: &ActorHead, numbers: &mut [f32]) {
    if let ActorHead::Sigmoid(_) = head {
        // 2σ(x) − 1 = tanh(x / 2)
        for x in numbers.iter_mut() {
            *x *= 0.5;
        }
    }
    kernel::tanh(numbers);
    // The approximation of tanh may leave the interval by a rounding error.
    for x in numbers.iter_mut() {
        *x = x.clamp(-1.0, 1.0);
    }
}

/// The numbers a deterministic actor puts out, or the squashed means.
pub(super) fn mode(head: &ActorHead, outputs: &[f32], stride: usize, numbers: &mut [f32]) {
    let width = head.width();
    for (numbers, outputs) in numbers.chunks_exact_mut(width).zip(outputs.chunks_exact(stride)) {
        numbers.copy_from_slice(&outputs[..width]);
    }
    squashed(head, numbers);
}

/// Gradient with respect to a deterministic actor's outputs, padding 0.
pub(super) fn mode_backward(
    head: &ActorHead,
    numbers: &[f32],
    number_grads: &[f32],
    stride: usize,
    output_grads: &mut [f32],
) {
    let width = head.width();
    let slope = if let ActorHead::Sigmoid(_) = head { 0.5 } else { 1.0 };
    let rows = numbers.chunks_exact(width).zip(number_grads.chunks_exact(width));
    for (out, (numbers, grads)) in output_grads.chunks_exact_mut(stride).zip(rows) {
        for (out, (a, grad)) in out.iter_mut().zip(numbers.iter().zip(grads)) {
            *out = grad * slope * (1.0 - a * a);
        }
        out[width..].fill(0.0);
    }
}

/// `a = tanh(μ + σ·ε)` and its log-density.
pub(super) fn sample(
    (width, stride): (usize, usize),
    outputs: &[f32],
    noise: &[f32],
    actions: &mut [f32],
    log_probs: &mut [f32],
) {
    let rows = actions.chunks_exact_mut(width).zip(noise.chunks_exact(width));
    for ((actions, noise), (outputs, log_prob)) in
        rows.zip(outputs.chunks_exact(stride).zip(log_probs.iter_mut()))
    {
        let (means, log_stds) = outputs.split_at(width);
        *log_prob = 0.0;
        for (((action, eps), mean), log_std) in actions.iter_mut().zip(noise).zip(means).zip(log_stds) {
            let log_std = log_std.clamp(LOG_STD.0, LOG_STD.1);
            *action = mean + log_std.exp() * eps;
            *log_prob -= 0.5 * eps * eps + log_std + LN_ROOT_TWO_PI;
        }
    }
    kernel::tanh(actions);
    for (actions, log_prob) in actions.chunks_exact_mut(width).zip(log_probs) {
        for action in actions {
            *action = action.clamp(-1.0, 1.0);
            *log_prob -= (1.0 - *action * *action + EPS).ln();
        }
    }
}

/// Gradient with respect to means and log standard deviations, in place of them, padding 0:
/// `∂a/∂u = 1 − a²` for `u = μ + σε`, `∂ln π/∂u = 2a(1 − a²)/(1 − a² + 1e-6)` and `∂ln π/∂ln σ = −1` besides.
pub(super) fn sample_backward(
    (width, stride): (usize, usize),
    actions: &[f32],
    noise: &[f32],
    (action_grads, log_prob_grad): (&[f32], f32),
    outputs: &mut [f32],
) {
    let rows =
        actions.chunks_exact(width).zip(noise.chunks_exact(width)).zip(action_grads.chunks_exact(width));
    for (outputs, ((actions, noise), grads)) in outputs.chunks_exact_mut(stride).zip(rows) {
        for at in 0..width {
            let a = actions[at];
            let slope = 1.0 - a * a;
            let u_grad = grads[at] * slope + log_prob_grad * 2.0 * a * slope / (slope + EPS);
            outputs[at] = u_grad;
            let log_std = outputs[width + at];
            let inside = (LOG_STD.0..=LOG_STD.1).contains(&log_std);
            let grad = u_grad * log_std.exp() * noise[at] - log_prob_grad;
            outputs[width + at] = if inside { grad } else { 0.0 };
        }
        outputs[2 * width..].fill(0.0);
    }
}

//! Distributions against double precision, counting and finite differences.

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

use super::*;

const CHOICES: [usize; 3] = [2, 5, 3];
const STRIDE: usize = 16;

fn masks() -> Vec<bool> {
    let mut masks = vec![true; 10];
    for forbidden in [1, 2, 4, 9] {
        masks[forbidden] = false;
    }
    masks
}

/// Log-probability of `choices` and entropy of one row of logits.
fn exact(logits: &[f64], masks: &[bool], choices: &[u32]) -> (f64, f64) {
    let (mut at, mut log_prob, mut entropy) = (0, 0.0, 0.0);
    for (choice, count) in choices.iter().zip(CHOICES) {
        let allowed: Vec<usize> = (at..at + count).filter(|i| masks[*i]).collect();
        let sum: f64 = allowed.iter().map(|i| logits[*i].exp()).sum();
        log_prob += logits[at + *choice as usize] - sum.ln();
        entropy -= allowed.iter().map(|i| logits[*i].exp() / sum * (logits[*i] - sum.ln())).sum::<f64>();
        at += count;
    }
    (log_prob, entropy)
}

fn logits(seed: u64) -> Vec<f32> {
    let mut rng = Pcg64::new(u128::from(seed), 5);
    (0..STRIDE).map(|i| if i < 10 { 2.0 * rng.sample::<f32, _>(StandardNormal) } else { 0.0 }).collect()
}

#[test]
fn log_probabilities_and_entropies_agree_with_double_precision() {
    let heads = MultiCategorical::new(&CHOICES, STRIDE);
    let mut cache = heads.cache(1);
    for (seed, masks) in [(1, vec![true; 10]), (2, masks()), (3, masks())] {
        let start = logits(seed);
        let choices = [0, 1, 1];
        let wide: Vec<f64> = start.iter().map(|x| f64::from(*x)).collect();
        let (log_prob, entropy) = exact(&wide, &masks, &choices);
        let (mut buffer, mut found) = (start.clone(), ([0.0], [0.0]));
        heads.normalise(&mut buffer, Some(&masks), 1, &mut cache);
        heads.evaluate(&buffer, &mut cache, &choices, &mut found.0, &mut found.1);
        assert!((f64::from(found.0[0]) - log_prob).abs() < 1e-5);
        assert!((f64::from(found.1[0]) - entropy).abs() < 1e-5);
    }
}

#[test]
fn categorical_gradients_agree_with_finite_differences() {
    let heads = MultiCategorical::new(&CHOICES, STRIDE);
    let mut cache = heads.cache(1);
    let (g, h, choices) = (0.7, -0.4, [0, 3, 0]);
    let (start, masks) = (logits(4), masks());
    let mut buffer = start.clone();
    heads.normalise(&mut buffer, Some(&masks), 1, &mut cache);
    heads.evaluate(&buffer, &mut cache, &choices, &mut [0.0], &mut [0.0]);
    heads.backward(&mut buffer, &cache, &choices, &[g], h);
    let loss = |logits: &[f64]| {
        let (log_prob, entropy) = exact(logits, &masks, &choices);
        f64::from(g) * log_prob + f64::from(h) * entropy
    };
    let wide: Vec<f64> = start.iter().map(|x| f64::from(*x)).collect();
    for at in 0..10 {
        let (mut up, mut down) = (wide.clone(), wide.clone());
        up[at] += 1e-6;
        down[at] -= 1e-6;
        let expected = (loss(&up) - loss(&down)) / 2e-6;
        assert!((f64::from(buffer[at]) - expected).abs() < 1e-5, "logit {at}");
        if !masks[at] {
            assert_eq!(buffer[at], 0.0, "a forbidden choice has no gradient");
        }
    }
    assert_eq!(buffer[10..], [0.0; 6], "padding has no gradient");
}

#[test]
fn forbidden_choices_are_never_drawn_and_the_rest_as_often_as_they_should() {
    let heads = MultiCategorical::new(&CHOICES, STRIDE);
    let (mut cache, masks, mut rng) = (heads.cache(1), masks(), Pcg64::new(1, 2));
    // The forbidden logits are by far the largest.
    let mut buffer: Vec<f32> =
        (0..STRIDE).map(|i| if masks.get(i) == Some(&false) { 50.0 } else { 0.0 }).collect();
    heads.normalise(&mut buffer, Some(&masks), 1, &mut cache);
    let (mut counts, mut choices, draws) = ([0u32; 10], [0; 3], 30_000);
    for _ in 0..draws {
        heads.sample(&buffer, &cache, &mut rng, &mut choices, &mut [0.0]);
        let mut at = 0;
        for (choice, count) in choices.iter().zip(CHOICES) {
            counts[at + *choice as usize] += 1;
            at += count;
        }
    }
    for (at, count) in counts.iter().enumerate() {
        let share = f64::from(*count) / f64::from(draws);
        let expected = if masks[at] { [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.5, 0.5, 0.0][at] } else { 0.0 };
        let expected = if (2..7).contains(&at) && masks[at] { 1.0 / 3.0 } else { expected };
        assert!((share - expected).abs() < 0.01, "choice {at}: {share}");
    }
}

#[test]
fn mode_is_the_best_allowed_choice() {
    let heads = MultiCategorical::new(&[3, 2], 8);
    let logits = [5.0, 1.0, 2.0, 0.0, 0.0, 9.0, 9.0, 9.0];
    let mut choices = [9, 9];
    heads.mode(&logits, None, &mut choices);
    assert_eq!(choices, [0, 0]);
    heads.mode(&logits, Some(&[false, true, true, false, true]), &mut choices);
    assert_eq!(choices, [2, 1]);
}

#[test]
fn gaussian_gradients_agree_with_finite_differences() {
    let gaussian = Gaussian::new(3, 8);
    let start = [0.3, -0.8, 1.4, 0.0, 0.0, 0.0, 0.0, 0.0];
    let (log_stds, numbers, g, h) = ([-0.5f32, 0.1, 0.4], [0.1f32, 0.2, -0.3], 0.7f32, -0.4f32);
    let loss = |inputs: &[f64]| -> f64 {
        (0..3)
            .map(|i| {
                let (mean, log_std) = (inputs[i], inputs[3 + i]);
                let z = (f64::from(numbers[i]) - mean) / log_std.exp();
                let half_ln = 0.5 * (2.0 * std::f64::consts::PI).ln();
                f64::from(g) * (-0.5 * z * z - log_std - half_ln) + f64::from(h) * (0.5 + half_ln + log_std)
            })
            .sum()
    };
    let (mut found, mut entropy) = ([0.0], [0.0]);
    gaussian.evaluate(&start, &log_stds, &numbers, &mut found, &mut entropy);
    let inputs: Vec<f64> = start[..3].iter().chain(&log_stds).map(|x| f64::from(*x)).collect();
    assert!((f64::from(g * found[0] + h * entropy[0]) - loss(&inputs)).abs() < 1e-5);
    let (mut means, mut log_std_grads) = (start, [0.0; 3]);
    gaussian.backward(&mut means, &log_stds, &numbers, (&[g], h), &mut log_std_grads);
    for at in 0..6 {
        let (mut up, mut down) = (inputs.clone(), inputs.clone());
        up[at] += 1e-6;
        down[at] -= 1e-6;
        let expected = (loss(&up) - loss(&down)) / 2e-6;
        let found = if at < 3 { means[at] } else { log_std_grads[at - 3] };
        assert!((f64::from(found) - expected).abs() < 1e-4, "input {at}");
    }
    assert_eq!(means[3..], [0.0; 5]);
}

#[test]
fn sampled_numbers_have_the_density_they_are_said_to_have() {
    let (gaussian, means, log_stds) =
        (Gaussian::new(2, 8), [0.5, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [-1.0, 0.3]);
    let mut rng = Pcg64::new(3, 4);
    let (mut numbers, mut sampled, mut evaluated) = ([0.0; 2], [0.0], [0.0]);
    for _ in 0..100 {
        gaussian.sample(&means, &log_stds, &mut rng, &mut numbers, &mut sampled);
        gaussian.evaluate(&means, &log_stds, &numbers, &mut evaluated, &mut [0.0]);
        assert!((sampled[0] - evaluated[0]).abs() < 1e-4);
    }
}

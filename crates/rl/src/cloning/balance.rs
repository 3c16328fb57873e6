//! Weights of decisions by how rare their choices are.
//!
//! Left out: weights of numbers, which have no frequencies.

use trimtab_nn::{ActionHead, ActionSlice};

use crate::buffer::ActionBuffer;

/// Writes the weight of each row's decision into `weights`; their mean is 1.
///
/// A choice weighs `min(n₁ / n, max)`, where it was made `n` times and the commonest choice of the same head `n₁` times; a
/// row weighs what its heaviest choice does.
pub(super) fn weigh(actions: &ActionBuffer, head: &ActionHead, max: f64, weights: &mut [f32]) {
    let width = head.width();
    let ActionSlice::Choices(choices) = actions.all() else {
        weights.fill(1.0);
        return;
    };
    weights.fill(0.0);
    for (at, count) in head.choices().iter().enumerate() {
        let mut made = vec![0u32; *count];
        for choice in choices.iter().skip(at).step_by(width) {
            made[*choice as usize] += 1;
        }
        let most = f64::from(made.iter().copied().max().unwrap_or(0));
        for (weight, choice) in weights.iter_mut().zip(choices.iter().skip(at).step_by(width)) {
            let rarity = (most / f64::from(made[*choice as usize])).min(max);
            *weight = weight.max(rarity as f32);
        }
    }
    let mean = weights.iter().map(|weight| f64::from(*weight)).sum::<f64>() / weights.len() as f64;
    for weight in weights {
        *weight = (f64::from(*weight) / mean) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(choices: Vec<u32>, head: &ActionHead, max: f64) -> Vec<f32> {
        let mut weights = vec![0.0; choices.len() / head.width()];
        weigh(&ActionBuffer::Choices(choices), head, max, &mut weights);
        weights
    }

    #[test]
    fn a_rare_choice_weighs_by_the_inverse_of_its_frequency_up_to_the_most() {
        let head = ActionHead::Discrete(3);
        let choices = vec![1, 1, 1, 1, 0, 0, 1, 1, 2, 1];
        // Seven, two and one: 1, 3.5 and 7 over their mean, 2.1.
        let expected: Vec<f32> = choices.iter().map(|c| [3.5, 1.0, 7.0][*c as usize] / 2.1).collect();
        for (weight, expected) in weights(choices.clone(), &head, 10.0).iter().zip(expected) {
            assert!((weight - expected).abs() < 1e-6);
        }
        let capped = weights(choices.clone(), &head, 2.0);
        assert!((capped[4] / capped[0] - 2.0).abs() < 1e-6 && capped[4] == capped[8]);
        assert_eq!(weights(choices, &head, 1.0), [1.0; 10]);
    }

    #[test]
    fn a_row_of_several_choices_weighs_as_its_rarest() {
        let head = ActionHead::MultiDiscrete(vec![2, 2]);
        let found = weights(vec![0, 0, 0, 0, 0, 0, 0, 1], &head, 9.0);
        assert!((found[3] / found[0] - 3.0).abs() < 1e-6 && found[1] == found[0]);
    }

    #[test]
    fn numbers_weigh_alike() {
        let mut weights = vec![0.0; 2];
        weigh(&ActionBuffer::Numbers(vec![0.0, 5.0]), &ActionHead::Gaussian(1), 9.0, &mut weights);
        assert_eq!(weights, [1.0, 1.0]);
    }
}

//! Independent choices, with masks.
//!
//! Left out: choices that depend on each other.

use rand::{Rng, RngExt};

use crate::kernel;

/// A forbidden choice's logit: far below any other, so that its probability and its gradient are exactly 0.
const FORBIDDEN: f32 = -1e8;

/// Independent categorical heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiCategorical {
    choices: Vec<usize>,
    stride: usize,
}

/// What [`MultiCategorical::normalise`] leaves for the other methods; reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct CategoricalCache {
    /// `rows × stride` probabilities.
    probs: Vec<f32>,
    /// `rows × heads` sums of exponentials, then their logarithms.
    logs: Vec<f32>,
    /// `rows × heads` entropies.
    entropies: Vec<f32>,
}

impl CategoricalCache {
    /// Probabilities of a row's choices.
    pub(crate) fn probabilities(&self, row: usize, stride: usize) -> &[f32] {
        &self.probs[row * stride..(row + 1) * stride]
    }
}

/// Index of the largest value, the first of equals.
fn argmax(values: impl Iterator<Item = f32>) -> u32 {
    let (mut best, mut at) = (f32::NEG_INFINITY, 0);
    for (i, value) in values.enumerate() {
        if value > best {
            (best, at) = (value, i);
        }
    }
    at as u32
}

impl MultiCategorical {
    /// Heads with these numbers of choices, in rows `stride` apart.
    pub fn new(choices: &[usize], stride: usize) -> Self {
        Self { choices: choices.to_vec(), stride }
    }

    /// A cache for at most `rows` rows at a time.
    pub fn cache(&self, rows: usize) -> CategoricalCache {
        let heads = vec![0.0; rows * self.choices.len()];
        CategoricalCache { probs: vec![0.0; rows * self.stride], logs: heads.clone(), entropies: heads }
    }

    fn total(&self) -> usize {
        self.choices.iter().sum()
    }

    /// The most probable allowed choice of each head, the first of equals; `masks` is `rows × total choices`,
    /// true where allowed.
    pub fn mode(&self, logits: &[f32], masks: Option<&[bool]>, choices: &mut [u32]) {
        let (heads, total) = (self.choices.len(), self.total());
        for (row, choices) in choices.chunks_exact_mut(heads).enumerate() {
            let mut at = 0;
            for (choice, count) in choices.iter_mut().zip(&self.choices) {
                let logits = &logits[row * self.stride + at..][..*count];
                *choice = match masks {
                    None => argmax(logits.iter().copied()),
                    Some(masks) => {
                        let allowed = &masks[row * total + at..][..*count];
                        let value =
                            |(x, allowed): (&f32, &bool)| if *allowed { *x } else { f32::NEG_INFINITY };
                        argmax(logits.iter().zip(allowed).map(value))
                    }
                };
                at += count;
            }
        }
    }

    /// Turns logits into log-probabilities in place, and fills the cache. Forbidden choices get a large negative
    /// logit before the softmax.
    pub fn normalise(
        &self,
        logits: &mut [f32],
        masks: Option<&[bool]>,
        rows: usize,
        cache: &mut CategoricalCache,
    ) {
        let (heads, total) = (self.choices.len(), self.total());
        let size = rows * self.stride;
        for (row, logits) in logits[..size].chunks_exact_mut(self.stride).enumerate() {
            if let Some(masks) = masks {
                let masks = &masks[row * total..][..total];
                logits
                    .iter_mut()
                    .zip(masks)
                    .for_each(|(x, allowed)| *x = if *allowed { *x } else { FORBIDDEN });
            }
            let mut at = 0;
            for count in &self.choices {
                let head = &mut logits[at..at + count];
                let max = head.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                for x in head {
                    *x -= max;
                }
                at += count;
            }
        }
        let probs = &mut cache.probs[..size];
        probs.copy_from_slice(&logits[..size]);
        kernel::exp(probs);
        let logs = &mut cache.logs[..rows * heads];
        for (probs, logs) in probs.chunks_exact_mut(self.stride).zip(logs.chunks_exact_mut(heads)) {
            let mut at = 0;
            for (sum, count) in logs.iter_mut().zip(&self.choices) {
                let head = &mut probs[at..at + count];
                *sum = head.iter().sum();
                let scale = 1.0 / *sum;
                for p in head {
                    *p *= scale;
                }
                at += count;
            }
        }
        kernel::ln(logs);
        for (logits, logs) in logits[..size].chunks_exact_mut(self.stride).zip(logs.chunks_exact(heads)) {
            let mut at = 0;
            for (log, count) in logs.iter().zip(&self.choices) {
                logits[at..at + count].iter_mut().for_each(|x| *x -= log);
                at += count;
            }
        }
    }

    /// Draws one choice for each head and gives each row's log-probability. A choice of probability 0 is never
    /// drawn.
    pub fn sample(
        &self,
        log_probs: &[f32],
        cache: &CategoricalCache,
        rng: &mut impl Rng,
        choices: &mut [u32],
        row_log_probs: &mut [f32],
    ) {
        let rows = choices.chunks_exact_mut(self.choices.len()).zip(row_log_probs);
        for (row, (choices, row_log_prob)) in rows.enumerate() {
            let (mut at, mut log_prob) = (row * self.stride, 0.0);
            for (choice, count) in choices.iter_mut().zip(&self.choices) {
                let picked = draw(&cache.probs[at..at + count], rng.random());
                log_prob += log_probs[at + picked];
                *choice = picked as u32;
                at += count;
            }
            *row_log_prob = log_prob;
        }
    }

    /// Log-probability of the given choices and entropy, each summed over the heads.
    ///
    /// # Panics
    /// If a choice is outside its head.
    pub fn evaluate(
        &self,
        log_probs: &[f32],
        cache: &mut CategoricalCache,
        choices: &[u32],
        row_log_probs: &mut [f32],
        row_entropies: &mut [f32],
    ) {
        let heads = self.choices.len();
        let rows = choices.chunks_exact(heads).zip(row_log_probs).zip(row_entropies);
        for (row, ((choices, row_log_prob), row_entropy)) in rows.enumerate() {
            let (mut at, mut log_prob, mut entropy) = (row * self.stride, 0.0, 0.0);
            for (head, (choice, count)) in choices.iter().zip(&self.choices).enumerate() {
                let logs = &log_probs[at..at + count];
                let probs = &cache.probs[at..at + count];
                log_prob += logs[*choice as usize];
                let head_entropy = -probs.iter().zip(logs).map(|(p, log)| p * log).sum::<f32>();
                cache.entropies[row * heads + head] = head_entropy;
                entropy += head_entropy;
                at += count;
            }
            (*row_log_prob, *row_entropy) = (log_prob, entropy);
        }
    }

    /// Replaces the log-probabilities by the gradient with respect to the logits, given that with respect to
    /// each row's log-probability and, the same for all rows, entropy: for one head with choice `a`
    /// `∂L/∂zⱼ = g·(1[j = a] − pⱼ) − h·pⱼ·(ln pⱼ + H)`. After [`MultiCategorical::evaluate`]; padding becomes 0.
    pub fn backward(
        &self,
        log_probs: &mut [f32],
        cache: &CategoricalCache,
        choices: &[u32],
        log_prob_grads: &[f32],
        entropy_grad: f32,
    ) {
        let (heads, total) = (self.choices.len(), self.total());
        for (row, (choices, g)) in choices.chunks_exact(heads).zip(log_prob_grads).enumerate() {
            let out = &mut log_probs[row * self.stride..][..self.stride];
            let probs = &cache.probs[row * self.stride..][..self.stride];
            let mut at = 0;
            for (head, (choice, count)) in choices.iter().zip(&self.choices).enumerate() {
                let entropy = cache.entropies[row * heads + head];
                for (out, p) in out[at..at + count].iter_mut().zip(&probs[at..at + count]) {
                    *out = -p * (g + entropy_grad * (*out + entropy));
                }
                out[at + *choice as usize] += g;
                at += count;
            }
            out[total..].fill(0.0);
        }
    }
}

/// The choice at which the cumulated probability passes `uniform`; where rounding leaves none, the last one
/// that has any probability.
fn draw(probs: &[f32], uniform: f32) -> usize {
    let (mut cumulated, mut last) = (0.0, 0);
    for (at, p) in probs.iter().enumerate() {
        if *p > 0.0 {
            cumulated += p;
            last = at;
            if uniform < cumulated {
                break;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_unit_interval_draw_possible_choices() {
        assert_eq!(draw(&[0.0, 0.5, 0.5, 0.0], 0.0), 1);
        assert_eq!(draw(&[0.0, 0.5, 0.499_999, 0.0], 0.999_999_9), 2);
    }
}

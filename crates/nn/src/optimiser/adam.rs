//! Adam, the optimiser of PPO.
//!
//! Left out: weight decay and other decays than the usual ones.

use super::clip;
use crate::kernel::{self, AdamStep};
use crate::{Result, Tensor, Tensors};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f32 = 1e-5;

/// Adam (Kingma & Ba 2015) with β₁ 0.9, β₂ 0.999 and ε 1e-5, the value PPO is published with; ε is added after
/// the second moment's bias correction, as in `PyTorch`.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: u64,
}

impl Adam {
    /// Zero moments for `parameters` parameters.
    pub fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], steps: 0 }
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Moves `params` against `grads`, scaled so that their norm is at most `max_grad_norm`, and returns the
    /// norm before scaling.
    ///
    /// # Errors
    /// [`Error::Gradient`](crate::Error::Gradient) if the norm is not finite; nothing is changed then.
    pub fn step(
        &mut self,
        params: &mut [f32],
        grads: &[f32],
        learning_rate: f64,
        max_grad_norm: f64,
    ) -> Result<f32> {
        let (norm, scale) = clip(grads, max_grad_norm)?;
        self.steps += 1;
        let steps = self.steps as f64;
        let step = AdamStep {
            scale,
            beta1: BETA1 as f32,
            beta2: BETA2 as f32,
            newest1: (1.0 - BETA1) as f32,
            newest2: (1.0 - BETA2) as f32,
            rate: (learning_rate / (1.0 - BETA1.powf(steps))) as f32,
            root_correction: (1.0 / (1.0 - BETA2.powf(steps)).sqrt()) as f32,
            eps: EPS,
        };
        kernel::adam(params, grads, &mut self.first, &mut self.second, step);
        Ok(norm)
    }

    /// Makes the moments of some parameters 0, so that a gradient of 0 leaves them as they are.
    pub fn forget(&mut self, parameters: std::ops::Range<usize>) {
        self.first[parameters.clone()].fill(0.0);
        self.second[parameters].fill(0.0);
    }

    /// Puts `adam.first` and `adam.second` into `tensors`; [`Adam::steps`] is the caller's to keep.
    pub fn write(&self, tensors: &mut Tensors) {
        tensors.insert("adam.first", Tensor::new(vec![self.first.len()], self.first.clone()));
        tensors.insert("adam.second", Tensor::new(vec![self.second.len()], self.second.clone()));
    }

    /// Takes the moments for `parameters` parameters that [`Adam::write`] put there.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(parameters: usize, steps: u64, tensors: &mut Tensors) -> Result<Self> {
        let first = tensors.take("adam.first", &[parameters])?;
        let second = tensors.take("adam.second", &[parameters])?;
        Ok(Self { first, second, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_step_is_the_learning_rate_against_the_sign() {
        let (mut params, mut adam) = ([1.0, 1.0, 1.0], Adam::new(3));
        let norm = adam.step(&mut params, &[3.0, -4.0, 0.0], 0.1, 100.0).unwrap();
        assert_eq!(norm, 5.0);
        assert!((params[0] - 0.9).abs() < 1e-5 && (params[1] - 1.1).abs() < 1e-5);
        assert_eq!(params[2], 1.0);
    }

    #[test]
    fn clipping_keeps_the_direction_and_bounds_the_norm() {
        let (mut clipped, mut scaled) = ([0.0; 2], [0.0; 2]);
        let (mut a, mut b) = (Adam::new(2), Adam::new(2));
        a.step(&mut clipped, &[3e-3, 4e-3], 0.1, 5e-4).unwrap();
        b.step(&mut scaled, &[3e-4, 4e-4], 0.1, 1.0).unwrap();
        assert!(clipped.iter().zip(&scaled).all(|(a, b)| (a - b).abs() < 1e-4), "{clipped:?} {scaled:?}");
    }

    #[test]
    fn gradients_that_are_not_finite_change_nothing() {
        let (mut params, mut adam) = ([1.0, 2.0], Adam::new(2));
        let before = adam.clone();
        assert!(adam.step(&mut params, &[f32::NAN, 0.0], 0.1, 1.0).is_err());
        assert!(adam.step(&mut params, &[f32::INFINITY, 0.0], 0.1, 1.0).is_err());
        assert_eq!((params, adam), ([1.0, 2.0], before));
    }
}

//! `RMSprop`, the optimiser of A2C.
//!
//! Left out: momentum, centring and weight decay.

use super::clip;
use crate::kernel::{self, RmsPropStep};
use crate::{Result, Tensor, Tensors};

const ALPHA: f64 = 0.99;
const SQUARE: &str = "rms_prop.square";

/// `RMSprop` (Tieleman & Hinton 2012) with decay 0.99: `v ← α·v + (1 − α)·g²`, `θ ← θ − rate·g / (√v + ε)`.
///
/// ε is outside the root and `v` starts at 0, as in `PyTorch`. (TensorFlow has ε inside and starts at 1; A2C's
/// first publications were made with that one, and the two do not learn alike.)
#[derive(Clone, Debug, PartialEq)]
pub struct RmsProp {
    square: Vec<f32>,
    eps: f32,
}

impl RmsProp {
    /// Zero mean squares for `parameters` parameters.
    pub fn new(parameters: usize, eps: f32) -> Self {
        Self { square: vec![0.0; parameters], eps }
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
        let step = RmsPropStep {
            scale,
            alpha: ALPHA as f32,
            newest: (1.0 - ALPHA) as f32,
            rate: learning_rate as f32,
            eps: self.eps,
        };
        kernel::rms_prop(params, grads, &mut self.square, step);
        Ok(norm)
    }

    /// Puts `rms_prop.square` into `tensors`.
    pub fn write(&self, tensors: &mut Tensors) {
        tensors.insert(SQUARE, Tensor::new(vec![self.square.len()], self.square.clone()));
    }

    /// Takes the mean squares for `parameters` parameters that [`RmsProp::write`] put there.
    ///
    /// # Errors
    /// The tensor is missing or has another shape.
    pub fn read(parameters: usize, eps: f32, tensors: &mut Tensors) -> Result<Self> {
        Ok(Self { square: tensors.take(SQUARE, &[parameters])?, eps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_step_is_ten_learning_rates_against_the_sign() {
        let (mut params, mut optimiser) = ([1.0, 1.0, 1.0], RmsProp::new(3, 1e-5));
        let norm = optimiser.step(&mut params, &[3.0, -4.0, 0.0], 0.01, 100.0).unwrap();
        assert_eq!(norm, 5.0);
        // √(0.01·g²) = |g|/10
        assert!((params[0] - 0.9).abs() < 1e-5 && (params[1] - 1.1).abs() < 1e-5, "{params:?}");
        assert_eq!(params[2], 1.0);
    }

    #[test]
    fn gradients_that_are_not_finite_change_nothing() {
        let (mut params, mut optimiser) = ([1.0, 2.0], RmsProp::new(2, 1e-5));
        let before = optimiser.clone();
        assert!(optimiser.step(&mut params, &[f32::NAN, 0.0], 0.1, 1.0).is_err());
        assert!(optimiser.step(&mut params, &[f32::INFINITY, 0.0], 0.1, 1.0).is_err());
        assert_eq!((params, optimiser), ([1.0, 2.0], before));
    }

    #[test]
    fn written_state_goes_on_as_before() {
        let (mut params, mut optimiser) = ([1.0, -2.0], RmsProp::new(2, 1e-5));
        optimiser.step(&mut params, &[0.3, -0.1], 0.1, 1.0).unwrap();
        let mut tensors = Tensors::default();
        optimiser.write(&mut tensors);
        let mut restored = RmsProp::read(2, 1e-5, &mut tensors).unwrap();
        assert_eq!(restored, optimiser);
        let mut other = params;
        optimiser.step(&mut params, &[0.2, 0.1], 0.1, 1.0).unwrap();
        restored.step(&mut other, &[0.2, 0.1], 0.1, 1.0).unwrap();
        assert_eq!(params, other);
        assert!(RmsProp::read(3, 1e-5, &mut tensors).is_err(), "nothing is left to take");
    }
}

//! First-order optimisers over one flat parameter vector, the gradient's global norm clipped in the same pass.
//!
//! Left out: schedules, which belong to the algorithm.

mod adam;
mod rms_prop;

pub use self::adam::Adam;
pub use self::rms_prop::RmsProp;

use crate::kernel;
use crate::{Error, Result};

/// The norm of a gradient, and the factor that brings it to at most `max_norm`, as `PyTorch`'s `clip_grad_norm_`.
///
/// # Errors
/// [`Error::Gradient`] if the norm is not finite.
fn clip(grads: &[f32], max_norm: f64) -> Result<(f32, f32)> {
    let norm = kernel::sum_of_squares(grads).sqrt();
    if !norm.is_finite() {
        return Err(Error::Gradient { norm });
    }
    Ok((norm, (max_norm / (f64::from(norm) + 1e-6)).min(1.0) as f32))
}

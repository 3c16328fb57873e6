//! The weight of the entropy: fixed, or moved so that the policy's entropy stays at a target.
//!
//! Left out: the entropy itself, which each kind of action has its own way of measuring.

use trimtab_nn::{Adam, Result, Tensor, Tensors};

use crate::off_policy::ADAM_EPS;

/// α, kept as its logarithm.
#[derive(Clone, Debug, PartialEq)]
pub struct Temperature {
    log: [f32; 1],
    adam: Option<Adam>,
}

impl Temperature {
    /// Starts at `ent_coef`, above 0; `auto` if it is to be learned.
    pub fn new(ent_coef: f64, auto: bool) -> Self {
        Self { log: [ent_coef.ln() as f32], adam: auto.then(|| Adam::new(1, ADAM_EPS)) }
    }

    /// α.
    pub fn value(&self) -> f32 {
        self.log[0].exp()
    }

    /// One step on `−ln α · excess`, where `excess` is the batch's mean of the log-probability plus the target entropy; returns
    /// that loss, none if α is fixed.
    ///
    /// # Errors
    /// If the excess is not finite.
    pub fn step(&mut self, excess: f32, learning_rate: f64) -> Result<Option<f64>> {
        let Some(adam) = &mut self.adam else { return Ok(None) };
        let loss = -f64::from(self.log[0]) * f64::from(excess);
        adam.step(&mut self.log, &[-excess], learning_rate, f64::INFINITY)?;
        Ok(Some(loss))
    }

    pub(super) fn write(&self, tensors: &mut Tensors) -> u64 {
        tensors.insert("log_ent_coef", Tensor::new(vec![1], self.log.to_vec()));
        self.adam.as_ref().map_or(0, |adam| {
            let mut moments = Tensors::default();
            adam.write(&mut moments);
            tensors.insert_all("moments.ent_coef.", moments);
            adam.steps()
        })
    }

    pub(super) fn read(&mut self, steps: u64, tensors: &mut Tensors) -> Result<()> {
        self.log = [tensors.take("log_ent_coef", &[1])?[0]];
        if let Some(adam) = &mut self.adam {
            *adam = Adam::read(1, ADAM_EPS, steps, &mut tensors.take_all("moments.ent_coef."))?;
        }
        Ok(())
    }
}

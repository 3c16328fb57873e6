//! Adam and `RMSprop` step for step.

use serde::Deserialize;
use trimtab_nn::{Adam, Result, RmsProp};

use super::{TOLERANCE, agree};

const LEARNING_RATE: f64 = 0.1;
const MAX_GRAD_NORM: f64 = 1.0;

#[derive(Deserialize)]
struct Fixture {
    adam: Steps,
    rms_prop: Steps,
}

#[derive(Deserialize)]
struct Steps {
    start: Vec<f32>,
    gradients: Vec<Vec<f32>>,
    norms: Vec<f64>,
    params: Vec<Vec<f32>>,
}

impl Steps {
    fn check(&self, name: &str, mut step: impl FnMut(&mut [f32], &[f32]) -> Result<f32>) {
        let mut params = self.start.clone();
        for (at, grads) in self.gradients.iter().enumerate() {
            let norm = step(&mut params, grads).unwrap();
            agree(name, "norm", f64::from(norm), self.norms[at]);
            for (found, expected) in params.iter().zip(&self.params[at]) {
                assert!(
                    f64::from((found - expected).abs()) < TOLERANCE,
                    "{name}, step {at}: {params:?}, expected {:?}",
                    self.params[at]
                );
            }
        }
    }
}

#[test]
fn optimisers_agree_with_pytorch_at_every_step() {
    let fixture: Fixture = serde_json::from_str(include_str!("../fixtures/optimisers.json")).unwrap();
    let mut adam = Adam::new(3, 1e-5);
    fixture.adam.check("adam", |params, grads| adam.step(params, grads, LEARNING_RATE, MAX_GRAD_NORM));
    let mut rms_prop = RmsProp::new(3, 1e-5);
    fixture
        .rms_prop
        .check("rms_prop", |params, grads| rms_prop.step(params, grads, LEARNING_RATE, MAX_GRAD_NORM));
}

//! Where to look next.

use super::{space::Space, study::Trial, tpe};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampler {
    /// Anywhere, evenly on each parameter's scale.
    Random,
    /// Tree-structured Parzen estimator (Bergstra et al. 2011); the first ten trials are random.
    #[default]
    Tpe,
}

impl Sampler {
    /// Coordinates for trial `number` of the study with `seed`, after the trials in `history`.
    pub(super) fn suggest(self, space: &Space, history: &[Trial], seed: u64, number: u64) -> Vec<f64> {
        // SplitMix64's increment keeps the streams of neighbouring trials and seeds apart.
        let mut rng = Pcg64Mcg::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number));
        match self {
            Self::Tpe if tpe::knows_enough(history) => tpe::suggest(space, history, &mut rng),
            _ => anywhere(space, &mut rng),
        }
    }
}

fn anywhere(space: &Space, rng: &mut Pcg64Mcg) -> Vec<f64> {
    let mut draw = |domain: &super::Domain| match (domain.ends(), domain) {
        (Some((low, high)), _) => rng.random_range(low..=high),
        (None, super::Domain::Choice(choices)) => rng.random_range(0..choices.len()) as f64,
        (None, _) => 0.0,
    };
    space.parameters().iter().map(|parameter| draw(&parameter.domain)).collect()
}

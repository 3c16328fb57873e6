//! Recommendations drawn at random: the smart-vpa system's `random` recommender.
//!
//! At each measurement the lower bound is drawn between nothing and the most, the target between it and the most, the upper bound between
//! that and the most, as that system samples its action space. Its most is 100 cores and 800 GB; here it is a multiple of what
//! the container started with, so that containers of all sizes meet the same rule. Left out: anything that looks at the use.

use super::cases::Case;
use rand::RngExt;
use rand_pcg::{Pcg64, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};
use trimtab_control::{
    Parameter,
    vertical::{ContainerUpdater, Managed, Mode, Recommend, UpdaterRule, UpdaterSettings, recommendation},
    vpa::{Amount, ContainerRecommendation, Running, Stamp, Vertical},
};

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RandomConfig {
    /// Seed.
    pub(super) seed: u64,
    /// The most, over what the container started with.
    pub(super) most: f64,
    /// When the container is touched.
    pub(super) rule: UpdaterRule,
    /// How.
    pub(super) mode: Mode,
}

impl Default for RandomConfig {
    fn default() -> Self {
        Self { seed: 1, most: 1.0, rule: UpdaterRule::Usage, mode: Mode::Recreate }
    }
}

/// What can be set.
pub(super) const PARAMETERS: &[Parameter] = &[
    Parameter::integer("seed", "", 0, i64::MAX, "seed of what is drawn").left_as_set(),
    Parameter::float("most", "", 0.01, 100.0, "the most, over what the container started with")
        .on_log_scale(),
    Parameter::choice("rule", UpdaterRule::NAMES, "when the container is touched"),
    Parameter::choice("mode", Mode::NAMES, "how it is touched"),
];

struct Random {
    rng: Pcg64,
    most: [f64; 2],
}

/// The rule for a container.
pub(super) fn build(config: &RandomConfig, case: &Case) -> Box<dyn Vertical> {
    let most = case.given().map(|given| given.0 as f64 * config.most);
    let settings = UpdaterSettings { rule: config.rule, mode: config.mode, ..UpdaterSettings::default() };
    let random = Random { rng: Pcg64::seed_from_u64(config.seed), most };
    Box::new(Managed::new(random, ContainerUpdater::new(settings)))
}

impl Recommend for Random {
    fn observe(&mut self, _: Stamp, _: [Amount; 2], _: &Running) {}

    fn out_of_memory(&mut self, _: Stamp, _: &Running) {}

    fn recommend(&mut self, _: Stamp, _: &Running) -> Option<ContainerRecommendation> {
        let mut bounds = [[Amount(1); 2]; 3];
        for slot in [0, 1] {
            let mut from = 0.0;
            for bound in &mut bounds {
                from += self.rng.random::<f64>() * (self.most[slot] - from);
                bound[slot] = Amount::truncated(from).max(Amount(1));
            }
        }
        Some(recommendation(bounds[0], bounds[1], bounds[2]))
    }
}

//! The last word on every decision, whoever proposed it: bounds and largest steps of replicas and of resources.
//!
//! Guards run in a fixed order (rate limit, then bounds; replicas, then resources) and each leaves its verdict, so that a
//! record can name the one that bound. An empty set of guards passes everything.
//!
//! Left out: whether a pod with these resources finds a node, which the plant answers.

mod resources;

pub use resources::ResourceGuard;

use crate::{Result, error::check};
use serde::{Deserialize, Serialize};
use trimtab_model::{Application, Decision, ReplicaBounds, Snapshot};

/// Largest change of a service's replicas in one decision: the larger of a number and a share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Pods.
    pub pods: u32,
    /// Percent of the current replicas.
    pub percent: f64,
}

/// Settings of the guardrails.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardrailsConfig {
    /// Keep the application's replica bounds.
    pub bounds: bool,
    /// Largest growth in one decision. The default is what an HPA without behaviour allows.
    pub up: RateLimit,
    /// Largest shrinkage in one decision. The default is 100 %, what an HPA allows.
    pub down: RateLimit,
    /// Bounds and largest step of the resources of a pod.
    pub resources: ResourceGuard,
}

impl Default for GuardrailsConfig {
    fn default() -> Self {
        Self {
            bounds: true,
            up: RateLimit { pods: 4, percent: 100.0 },
            down: RateLimit { pods: 0, percent: 100.0 },
            resources: ResourceGuard::default(),
        }
    }
}

/// What the guardrails did to one service's proposal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing.
    #[default]
    Passed,
    /// The rate limit bound.
    RateLimited,
    /// A replica bound bound.
    Bounded,
}

/// Guards of one application.
#[derive(Clone, Debug)]
pub struct Guardrails {
    config: GuardrailsConfig,
    bounds: Vec<ReplicaBounds>,
    verdicts: Vec<Verdict>,
}

impl Guardrails {
    /// Guards with the application's own replica bounds.
    ///
    /// # Errors
    /// A limit that would forbid every change in a direction, or is not a number.
    pub fn new(config: GuardrailsConfig, application: &Application) -> Result<Self> {
        for (key, limit) in [("guardrails.up", config.up), ("guardrails.down", config.down)] {
            let right = limit.percent >= 0.0 && (limit.pods > 0 || limit.percent > 0.0);
            check(key, right, "room for some change", format!("{} pods, {} %", limit.pods, limit.percent))?;
        }
        config.resources.validate()?;
        let bounds: Vec<_> = application.services.iter().map(|s| s.replicas).collect();
        Ok(Self { config, verdicts: vec![Verdict::Passed; bounds.len()], bounds })
    }

    /// Writes to `out` what may be carried out of `proposal`, and returns each service's verdict: the last
    /// guard that changed something.
    pub fn check(&mut self, seen: &Snapshot, proposal: &Decision, out: &mut Decision) -> &[Verdict] {
        out.services.clone_from(&proposal.services);
        for (i, wish) in out.services.iter_mut().enumerate() {
            self.verdicts[i] = self.config.resources.check(&seen.services[i].allocation, wish);
            let Some(wanted) = wish.replicas else { continue };
            let current = seen.services[i].replicas.spec;
            let reach = |limit: RateLimit| {
                // The cast rounds towards zero.
                limit.pods.max((f64::from(current) * limit.percent / 100.0) as u32)
            };
            let mut allowed = wanted
                .clamp(current.saturating_sub(reach(self.config.down)), current + reach(self.config.up));
            if allowed != wanted {
                self.verdicts[i] = Verdict::RateLimited;
            }
            if self.config.bounds {
                let bounded = allowed.clamp(self.bounds[i].min, self.bounds[i].max);
                if bounded != allowed {
                    self.verdicts[i] = Verdict::Bounded;
                }
                allowed = bounded;
            }
            wish.replicas = Some(allowed);
        }
        &self.verdicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use trimtab_model::{Replicas, ServiceDecision, ServiceState};

    fn guards(min: u32, max: u32) -> Guardrails {
        Guardrails {
            config: GuardrailsConfig::default(),
            bounds: vec![ReplicaBounds { min, max }],
            verdicts: vec![Verdict::Passed],
        }
    }

    fn check(guards: &mut Guardrails, current: u32, wanted: u32) -> (u32, Verdict) {
        let replicas = Replicas { spec: current, ready: current, starting: 0 };
        let seen = Snapshot {
            services: vec![ServiceState { replicas, ..ServiceState::default() }],
            ..Snapshot::default()
        };
        let wish = ServiceDecision { replicas: Some(wanted), ..ServiceDecision::default() };
        let mut out = Decision::default();
        let verdict = guards.check(&seen, &Decision { services: vec![wish] }, &mut out)[0];
        (out.services[0].replicas.unwrap(), verdict)
    }

    #[test]
    fn the_guard_that_bound_is_named() {
        assert_eq!(check(&mut guards(1, 20), 2, 5), (5, Verdict::Passed));
        assert_eq!(check(&mut guards(1, 20), 2, 9), (6, Verdict::RateLimited));
        assert_eq!(check(&mut guards(2, 20), 2, 1), (2, Verdict::Bounded));
    }

    proptest! {
        #[test]
        fn no_decision_leaves_its_bounds(min in 1u32..5, extra in 0u32..10, current in 0u32..40, wanted in 0u32..200) {
            let (allowed, _) = check(&mut guards(min, min + extra), current, wanted);
            prop_assert!((min..=min + extra).contains(&allowed));
        }

        #[test]
        fn a_checked_decision_passes_a_second_check(current in 1u32..10, wanted in 0u32..20) {
            let (first, _) = check(&mut guards(1, 10), current, wanted);
            prop_assert_eq!(check(&mut guards(1, 10), current, first), (first, Verdict::Passed));
        }
    }
}

//! Vertical autoscalers: rules that set what one container requests.
//!
//! Each rule is a file with its settings and a table of what can be tuned. Most of them only recommend ([`Recommend`]: lower
//! bound, target, upper bound and uncapped target of each resource) and leave it to one updater ([`ContainerUpdater`]) when
//! the container is touched and how; [`Managed`] is the two together. [`replay`](crate::vpa::replay()) plays recorded use to
//! them.
//!
//! Left out: pods of more than one container, and reading recordings.

pub mod autopilot;
pub mod bounds;
pub mod exact;
pub mod forecast;
pub mod ladder;
pub mod oracle;
pub mod simplified;
mod updater;
pub mod window;

pub use autopilot::{Autopilot, AutopilotConfig};
pub use bounds::{Bounds, BoundsConfig};
pub use exact::{ContainerVpa, ExactConfig, VpaRecommender};
pub use forecast::{Forecast, ForecastConfig};
pub use ladder::{Ladder, LadderConfig};
pub use oracle::{Oracle, OracleConfig};
pub use simplified::SimplifiedVpaConfig;
pub use updater::{ContainerUpdater, Mode, UpdaterRule, UpdaterSettings};
pub use window::{Window, WindowConfig};

use crate::vpa::{
    Amount, Change, ContainerRecommendation, Quantity, Resource, ResourceList, Running, Stamp, Vertical,
};

/// Name of the one container.
pub const CONTAINER: &str = "container";
/// Least CPU in millicores and least memory in bytes that a rule recommends: the VPA's own minimum of a pod.
pub const LEAST: [Amount; 2] = [Amount(25), Amount(250 << 20)];

/// Says what a container should request, and leaves it to an updater to act on it.
pub trait Recommend: Send {
    /// Takes the use of CPU and memory measured at `now`.
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], running: &Running);

    /// Takes an OOM kill.
    fn out_of_memory(&mut self, now: Stamp, running: &Running);

    /// Bounds and targets at `now`; nothing before there is anything to say.
    fn recommend(&mut self, now: Stamp, running: &Running) -> Option<ContainerRecommendation>;
}

impl<R: Recommend + ?Sized> Recommend for Box<R> {
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], running: &Running) {
        (**self).observe(now, usage, running);
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        (**self).out_of_memory(now, running);
    }

    fn recommend(&mut self, now: Stamp, running: &Running) -> Option<ContainerRecommendation> {
        (**self).recommend(now, running)
    }
}

/// A recommender with its updater.
#[derive(Clone, Debug)]
pub struct Managed<R> {
    recommender: R,
    updater: ContainerUpdater,
    usage: [Amount; 2],
}

impl<R: Recommend> Managed<R> {
    /// Puts the two together.
    pub fn new(recommender: R, updater: ContainerUpdater) -> Self {
        Self { recommender, updater, usage: [Amount(0); 2] }
    }
}

impl<R: Recommend> Vertical for Managed<R> {
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], running: &Running) {
        self.recommender.observe(now, usage, running);
        self.usage = usage;
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        self.recommender.out_of_memory(now, running);
    }

    fn decide(&mut self, now: Stamp, running: &Running) -> Option<Change> {
        let recommendation = self.recommender.recommend(now, running)?;
        self.updater.decide(now, running, self.usage, recommendation)
    }
}

/// A recommendation from amounts of CPU and memory; the uncapped target is the target.
pub fn recommendation(
    lower: [Amount; 2],
    target: [Amount; 2],
    upper: [Amount; 2],
) -> ContainerRecommendation {
    let target = list(target);
    ContainerRecommendation {
        container: CONTAINER.to_owned(),
        target,
        lower_bound: list(lower),
        upper_bound: list(upper),
        uncapped_target: target,
    }
}

/// A recommendation of `target`, at least [`LEAST`], with bounds `band_percent` below and above it.
fn around(target: [Amount; 2], band_percent: f64) -> ContainerRecommendation {
    let target = [target[0].max(LEAST[0]), target[1].max(LEAST[1])];
    let scaled = |factor: f64| target.map(|amount| amount.scaled(factor));
    recommendation(scaled(1.0 - band_percent / 100.0), target, scaled(1.0 + band_percent / 100.0))
}

/// Requests or limits of millicores and bytes.
pub fn list([cpu, memory]: [Amount; 2]) -> ResourceList {
    ResourceList::new(
        Quantity::from_amount(Resource::Cpu, cpu),
        Quantity::from_amount(Resource::Memory, memory),
    )
}

/// What a container must have needed when it was killed at its memory limit: a fifth more, at least 100 MiB more, as the VPA
/// assumes.
fn beyond_limit(running: &Running) -> Amount {
    let limit = running.resources.limits.memory.or(running.resources.requests.memory);
    let bytes = Amount(limit.unwrap_or_default().units());
    bytes.scaled(1.2).max(Amount(bytes.0 + (100 << 20)))
}

#[cfg(test)]
mod tests;

//! The clairvoyant: knows the traffic to come and the smallest allocation that meets the SLO at each rate.
//!
//! It cannot be run anywhere; it says how much is left to gain. For each service it prepares for the largest true rate
//! from now until a pod that is asked for at the next decision could be ready. It knows the rate, not the chance by which
//! single requests arrive.
//!
//! Left out: finding the smallest allocations, which needs the plant; and planning across intervals, so that an
//! allocation is smallest at each moment, not over a day.

use crate::{Autoscaler, RateSeries, Result, error::check};
use trimtab_model::{Application, Decision, Seconds, Snapshot, Time};

/// The smallest allocation for a rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Requests per second from outside, the largest that the allocation is enough for.
    pub rate: f64,
    /// Replicas of each service.
    pub replicas: Vec<u32>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Oracle {
    levels: Vec<Level>,
    future: Vec<RateSeries>,
    /// From a decision until the pods of the next one are ready, by service.
    leads: Vec<Seconds>,
}

impl Oracle {
    /// An oracle that decides every `interval`. Rates beyond the last level get that level's replicas; at times that
    /// `future` does not tell of it proposes nothing.
    ///
    /// # Errors
    /// Levels that are none, do not rise, or have another number of services.
    pub fn new(
        levels: Vec<Level>,
        future: Vec<RateSeries>,
        interval: Seconds,
        application: &Application,
    ) -> Result<Self> {
        let rising = levels.windows(2).all(|pair| pair[0].rate < pair[1].rate);
        check(
            "oracle.levels",
            !levels.is_empty() && rising,
            "at least one, with rising rates",
            levels.len(),
        )?;
        let services = application.services.len();
        for level in &levels {
            let found = level.replicas.len();
            check("oracle.levels.replicas", found == services, "one number a service", found)?;
        }
        let leads = application.services.iter().map(|service| {
            let start = &service.start;
            // CPU work is done at the pod's own limit.
            let work = start.cpu_work.0 / service.usable_cores().clamp(1e-3, f64::from(service.cores.max(1)));
            Seconds(interval.0 + start.schedule.0 + start.pull.0 + start.readiness.0 + work)
        });
        Ok(Self { levels, leads: leads.collect(), future })
    }

    fn peak(&self, from: Time, until: Time) -> Option<f64> {
        self.future.iter().filter_map(|series| series.peak(from, until)).reduce(f64::max)
    }
}

impl Autoscaler for Oracle {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        for (service, lead) in self.leads.iter().enumerate() {
            let Some(rate) = self.peak(seen.time, seen.time + *lead) else { continue };
            let place = self.levels.partition_point(|level| level.rate < rate);
            let level = &self.levels[place.min(self.levels.len() - 1)];
            proposal.services[service].replicas = Some(level.replicas[service]);
        }
    }

    fn reset(&mut self) {}
}

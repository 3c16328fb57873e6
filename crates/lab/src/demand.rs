//! What an application needs: for every rate of requests the smallest allocation that keeps the SLO, found in the same
//! simulated cluster that autoscalers are scored in. Elasticity and the shared score are measured against it.
//!
//! Each rate is simulated as a constant, without the randomness of arrivals: a clairvoyant autoscaler in a calm world.
//! What really arrives varies around the rate, so that supply must be a little above demand to keep the SLO always.
//!
//! Left out: start-up times and limits on how fast replicas may change; demand is what should be there, not how to get
//! there.

use crate::{Result, initial::replicas_for};
use trimtab_model::{Application, Time};
use trimtab_sim::{Arrivals, Cluster, SimConfig};

/// Rates at which demand is searched for, evenly spaced up to the largest capacity.
const LEVELS: usize = 64;
/// SLO windows that an allocation has to keep.
const WINDOWS: f64 = 4.0;

/// Replicas of each service that each rate needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Requests per second between two levels.
    step: f64,
    /// `[level][service]`.
    levels: Vec<Vec<u32>>,
    most: Vec<u32>,
    requests: Vec<f64>,
}

impl Demand {
    /// Searches for the demand of `application` in clusters like `sim`.
    ///
    /// # Errors
    /// Settings of the cluster that cannot work.
    pub fn new(application: &Application, sim: &SimConfig) -> Result<Self> {
        let mut search = Search::new(application, sim)?;
        let capacity = application.largest_capacity();
        let step = if capacity.is_finite() { capacity / LEVELS as f64 } else { 1.0 };
        let levels = (1..=LEVELS).map(|level| search.fewest(step * level as f64)).collect();
        let requests = application.services.iter().map(|s| s.allocation.cpu_request.cores()).collect();
        Ok(Self { step, levels, most: search.most, requests })
    }

    /// Replicas of each service that `rate` requests per second need: those of the next level above.
    pub fn at(&self, rate: f64) -> &[u32] {
        let level = (rate / self.step).ceil().max(1.0) as usize - 1;
        &self.levels[level.min(self.levels.len() - 1)]
    }

    /// Cores that `replicas` of each service request.
    pub fn cores(&self, replicas: &[u32]) -> f64 {
        replicas.iter().zip(&self.requests).map(|(&n, request)| f64::from(n) * request).sum()
    }

    /// The most replicas of each service.
    pub fn most(&self) -> &[u32] {
        &self.most
    }
}

struct Search<'a> {
    application: &'a Application,
    /// One lane for each service: the allocation with one replica of it fewer.
    cluster: Cluster,
    substeps: u32,
    most: Vec<u32>,
}

impl<'a> Search<'a> {
    fn new(application: &'a Application, sim: &SimConfig) -> Result<Self> {
        let calm = SimConfig { arrivals: Arrivals::Fluid, record_latency: false, ..sim.clone() };
        let cluster = Cluster::new(application, calm, application.services.len().max(1))?;
        let substeps = cluster.substeps_in(WINDOWS * application.slo.window.0);
        let most = application.services.iter().map(|s| s.replicas.max).collect();
        Ok(Self { application, cluster, substeps, most })
    }

    /// Removes replicas one by one, each time the one that frees the most CPU, while the SLO is kept.
    fn fewest(&mut self, rate: f64) -> Vec<u32> {
        let mut replicas = self.most.clone();
        let mut roomy = replicas.clone();
        replicas_for(self.application, rate, 0.5, &mut roomy);
        if self.kept(rate, &[roomy.clone()])[0] {
            replicas = roomy;
        }
        loop {
            let services = &self.application.services;
            let trials: Vec<Vec<u32>> = (0..services.len())
                .map(|service| {
                    let mut trial = replicas.clone();
                    trial[service] = trial[service].saturating_sub(1).max(services[service].replicas.min);
                    trial
                })
                .collect();
            let kept = self.kept(rate, &trials);
            let freed = |service: usize| services[service].allocation.cpu_request.0;
            let best = (0..services.len())
                .filter(|&service| kept[service] && trials[service] != replicas)
                .max_by_key(|&service| freed(service));
            match best {
                Some(service) => replicas.clone_from(&trials[service]),
                None => return replicas,
            }
        }
    }

    /// Whether each of `trials`, as many as lanes or fewer, keeps the SLO at `rate`.
    fn kept(&mut self, rate: f64, trials: &[Vec<u32>]) -> Vec<bool> {
        for lane in 0..self.cluster.lanes() {
            self.cluster.reset(lane, Time(0.0), &trials[lane.min(trials.len() - 1)], 0);
        }
        self.cluster.advance(self.substeps, &mut |_, _| rate);
        (0..trials.len())
            .map(|lane| {
                let tally = self.cluster.interval(lane);
                tally.windows > 0.0 && tally.violated_windows == 0.0 && tally.failed == 0.0
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::applications;

    #[test]
    fn demand_keeps_the_slo_and_one_replica_fewer_of_any_service_does_not() {
        let shop = applications::load("redis").unwrap();
        let sim = SimConfig::default();
        let demand = Demand::new(&shop, &sim).unwrap();
        let mut search = Search::new(&shop, &sim).unwrap();
        let rate = 0.5 * shop.largest_capacity();
        let found = demand.at(rate).to_vec();
        assert!(search.kept(rate, std::slice::from_ref(&found))[0]);
        for service in 0..found.len() {
            let mut fewer = found.clone();
            fewer[service] -= 1;
            let allowed = fewer[service] >= shop.services[service].replicas.min;
            assert!(!allowed || !search.kept(rate, &[fewer])[0], "{service}");
        }
    }

    #[test]
    fn more_traffic_needs_no_fewer_cores_and_what_is_too_much_needs_the_most() {
        let shop = applications::load("online_boutique").unwrap();
        let demand = Demand::new(&shop, &SimConfig::default()).unwrap();
        let capacity = shop.largest_capacity();
        let cores: Vec<f64> =
            (0..=20).map(|i| demand.cores(demand.at(capacity * f64::from(i) / 20.0))).collect();
        assert!(cores.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9), "{cores:?}");
        assert_eq!(demand.at(0.0).iter().sum::<u32>() as usize, shop.services.len());
        assert_eq!(demand.at(9.0 * capacity), demand.at(capacity));
        assert!(cores[20] <= demand.cores(demand.most()));
    }
}

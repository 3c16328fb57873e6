//! What an interval is worth to each row: its reward, and the costs that constraints bound.
//!
//! Left out: what happened in the interval, which is the cluster's.

use crate::{
    Result,
    config::{RunConfig, Signal},
    reward::{LATENCY_CAP, Reward, ServiceSignals, Signals},
};
use trimtab_model::{Application, Snapshot};
use trimtab_sim::Cluster;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    reward: Reward,
    /// Requested cores of one replica of each service, over their sum.
    cost_share: Vec<f32>,
    agents: usize,
    hold: u32,
}

/// An interval of a cluster's lane that has just passed.
pub(crate) struct Interval<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) lane: usize,
    /// What could be seen before it.
    pub(crate) seen: &'a Snapshot,
    /// Replicas asked for before the latest decision.
    pub(crate) before: &'a [u32],
    /// Services whose bounds the latest action would have left.
    pub(crate) invalid: u32,
}

impl Judge {
    /// For rows of an application of which there are `agents`: one for each service, or one.
    ///
    /// # Errors
    /// An unknown reward term.
    pub(crate) fn new(config: &RunConfig, application: &Application, agents: usize) -> Result<Self> {
        let requests = || application.services.iter().map(|s| s.allocation.cpu_request.cores());
        let total: f64 = requests().sum();
        Ok(Self {
            reward: Reward::new(&config.reward_weights())?,
            cost_share: requests().map(|cores| (cores / total) as f32).collect(),
            agents,
            hold: config.episode.hold,
        })
    }

    /// Services of the application.
    pub(crate) fn services(&self) -> usize {
        self.cost_share.len()
    }

    /// Adds the interval's part of the rewards (`agents`) and costs (`agents × signals`) of the action that was held in it.
    pub(crate) fn add(&self, interval: &Interval<'_>, rewards: &mut [f32], costs: &mut [f32]) {
        let Interval { cluster, lane, seen, before, invalid } = *interval;
        let tally = cluster.interval(lane);
        let windows = tally.windows.max(1.0);
        let bound = cluster.application().slo.p95.0;
        let signals = Signals {
            violation: tally.violation_share() as f32,
            latency: ((tally.p95_sum / windows / bound) as f32).min(LATENCY_CAP),
            slow: tally.bad_request_share() as f32,
            invalid: invalid as f32,
        };
        let weight = 1.0 / self.hold as f32;
        let shared = self.reward.shared(&signals);
        let shared_costs = [tally.mean_tail_used() as f32, signals.violation, signals.latency];
        for (row, reward) in rewards.iter_mut().enumerate() {
            let credit =
                if self.agents > 1 { self.agents as f32 * cluster.waiting_share(lane, row) } else { 1.0 };
            *reward += weight * credit * shared;
            let costs = &mut costs[row * Signal::NAMES.len()..(row + 1) * Signal::NAMES.len()];
            for (cost, shared) in costs.iter_mut().zip(shared_costs) {
                *cost += weight * credit * shared;
            }
        }
        for (service, share) in self.cost_share.iter().enumerate() {
            let replicas = cluster.replicas(lane, service);
            let own = self.reward.own(&ServiceSignals {
                cost: share * replicas as f32,
                churn: replicas.abs_diff(before[service]) as f32,
                desired: if self.reward.uses_desired() { at_desired(seen, service, replicas) } else { 0.0 },
            });
            // One row for each service, or one for them all.
            rewards[service.min(self.agents - 1)] += weight * own;
        }
    }

    /// The same cost shares as a slice, for tests.
    #[cfg(test)]
    pub(super) fn cost_share(&self) -> &[f32] {
        &self.cost_share
    }
}

/// 1 when `replicas` is what the reference systems' formula asks for: CPU at 75 % of the request.
fn at_desired(seen: &Snapshot, service: usize, replicas: u32) -> f32 {
    let view = &seen.services[service];
    let Some(cpu) = view.cpu else { return 0.0 };
    let target = 0.75 * f64::from(view.allocation.cpu_request.0);
    let desired = (f64::from(view.replicas.ready) * f64::from(cpu.value.0) / target).ceil().max(1.0);
    f32::from(f64::from(replicas) == desired)
}

//! Rules without learning that set the same limits: the published threshold rule, Kubernetes' HPA, and equal shares.
//!
//! Left out: their place in a comparison, see [`super::comparison`].

use super::{LocalizationConfig, Moment};

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The published heuristic.
    Threshold,
    /// Kubernetes' horizontal autoscaler: pods of 200 millicores, 2 to 5 of each service, 50 % of use.
    Hpa,
    /// The budget in equal shares.
    Equal,
}

/// Name and meaning of each.
pub const BASELINES: [(&str, Baseline, &str); 3] = [
    (
        "threshold",
        Baseline::Threshold,
        "25 millicores more above 60 % of the limit if the budget has them; 25 less below 30 % after it was given more",
    ),
    (
        "hpa",
        Baseline::Hpa,
        "2 to 5 pods of 200 millicores, 50 % of use, every 15 s; new pods serve after 5 s; not bound by the budget",
    ),
    ("equal", Baseline::Equal, "the budget in equal shares"),
];

/// Change of the threshold rule, millicores.
const STEP: u32 = 25;
/// Its bounds, percent of the limit.
const UPPER: f64 = 60.0;
const LOWER: f64 = 30.0;
/// Most of one pod under the threshold rule, millicores.
const MOST: u32 = 1000;
/// The HPA's pods.
const REPLICA: u32 = 200;
const REPLICAS: [u32; 2] = [2, 5];
/// Its target, percent of the limit, and within which part of it nothing is done.
const TARGET: f64 = 50.0;
const TOLERANCE: f64 = 0.1;
/// Seconds between two of its decisions.
const SYNC_SECS: f64 = 15.0;
/// Seconds until a new pod serves.
const START_SECS: f64 = 5.0;

/// A rule at work on the agents of one episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Player {
    baseline: Baseline,
    /// Whether the threshold rule has given an agent more.
    raised: Vec<bool>,
    /// Sum of use since the HPA's last decision, percent.
    percent: Vec<f64>,
    steps: u32,
    replicas: Vec<u32>,
    /// Steps until new pods serve.
    starting: Vec<u32>,
    serving: Vec<u32>,
}

impl Player {
    /// At the start of an episode.
    pub fn new(baseline: Baseline, agents: usize) -> Self {
        Self {
            baseline,
            raised: vec![false; agents],
            percent: vec![0.0; agents],
            steps: 0,
            replicas: vec![REPLICAS[0]; agents],
            starting: vec![0; agents],
            serving: vec![REPLICAS[0]; agents],
        }
    }

    /// Whether it may leave the budget: new pods are what the HPA asks a cluster for, not a share of something.
    pub fn beyond_budget(&self) -> bool {
        self.baseline == Baseline::Hpa
    }

    /// Writes the limits that it sets, those of who is absent as they are.
    pub fn decide(&mut self, moment: &Moment, config: &LocalizationConfig, limits: &mut [u32]) {
        limits.copy_from_slice(&moment.limits);
        match self.baseline {
            Baseline::Equal => {
                let share = moment.budget / moment.there().count().max(1) as u32;
                moment.there().for_each(|agent| limits[agent] = share);
            }
            Baseline::Threshold => self.threshold(moment, config, limits),
            Baseline::Hpa => self.hpa(moment, config, limits),
        }
    }

    /// One service after the other, each with what the ones before it left.
    fn threshold(&mut self, moment: &Moment, config: &LocalizationConfig, limits: &mut [u32]) {
        let mut left = moment.available();
        for agent in moment.there() {
            let (percent, limit) = (moment.percent[agent], &mut limits[agent]);
            let before = *limit;
            if percent > UPPER && left >= i64::from(STEP) {
                *limit = (*limit + STEP).min(MOST);
                self.raised[agent] = true;
            } else if self.raised[agent] && percent < LOWER {
                *limit = limit.saturating_sub(STEP).max(config.min_cpu);
            }
            left += i64::from(before) - i64::from(*limit);
        }
    }

    /// Replicas are one pod with the limit of them all, which flatters the HPA: no request waits at one while another is idle. It takes
    /// pods away after five minutes only, which no episode lasts.
    fn hpa(&mut self, moment: &Moment, config: &LocalizationConfig, limits: &mut [u32]) {
        self.steps += 1;
        let sync = ((SYNC_SECS / config.interval_secs).round() as u32).max(1);
        for agent in moment.there() {
            self.percent[agent] += moment.percent[agent];
            if self.steps.is_multiple_of(sync) {
                let ratio = self.percent[agent] / f64::from(sync) / TARGET;
                self.percent[agent] = 0.0;
                let wanted = (f64::from(self.serving[agent]) * ratio).ceil() as u32;
                let wanted = wanted.clamp(REPLICAS[0], REPLICAS[1]);
                if (ratio - 1.0).abs() > TOLERANCE && wanted > self.replicas[agent] {
                    self.replicas[agent] = wanted;
                    self.starting[agent] = (START_SECS / config.interval_secs).ceil() as u32;
                }
            }
            if self.starting[agent] > 0 {
                self.starting[agent] -= 1;
            }
            if self.starting[agent] == 0 {
                self.serving[agent] = self.replicas[agent];
            }
            limits[agent] = self.serving[agent] * REPLICA;
        }
    }
}

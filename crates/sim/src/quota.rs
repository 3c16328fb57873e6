//! How long a call takes in a pod, as a function of the pod's utilisation: processor sharing plus the wait
//! that a CPU quota (CFS bandwidth control) causes.
//!
//! The quota's wait comes from a table over (squared coefficient of variation of the demand, requests per
//! quota, utilisation) made by the request-level simulation in `examples/quota_table.rs`. The common
//! shortcut, a server of speed *limit* with `R = D / limit / (1 − ρ)`, is wrong by a mean 278 % against it.
//! Utilisation here is of the *usable* cores: the limit less what an idle pod uses.
//!
//! Left out: 5 ms per-CPU slices, quota stranded on other cores, burst.
#![expect(
    clippy::inline_always,
    reason = "a body must be compiled inside the function that chose the vectors"
)]

use crate::{
    elementary::{least, most},
    queueing::processor_sharing,
};
use trimtab_model::Service;

const CV2: [f64; 3] = [0.0, 1.0, 4.0];
const REQUESTS_PER_QUOTA: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
const UTILIZATION: [f64; 12] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95];
/// p95 over mean of an unthrottled call, for each entry of [`CV2`].
const P95_OVER_MEAN: [f64; 3] = [1.0, 3.0, 4.2];

/// Mean wait and p95 excess in quota periods, over `[cv2][requests per quota][utilisation]`.
#[derive(Clone, Debug)]
pub struct QuotaWait {
    mean: Vec<f64>,
    p95: Vec<f64>,
}

impl QuotaWait {
    /// The table that ships with the crate.
    ///
    /// # Panics
    /// Never for the shipped file; a test reads all of it.
    pub fn shipped() -> Self {
        let mut table = Self { mean: vec![0.0; 3 * 7 * 12], p95: vec![0.0; 3 * 7 * 12] };
        for line in include_str!("../data/quota_wait.csv").lines().skip(1) {
            let row: Vec<f64> =
                line.split(',').map(|n| n.parse().expect("the shipped table is numeric")).collect();
            let find = |axis: &[f64], value: f64| {
                axis.iter().position(|&x| (x - value).abs() < 1e-9).expect("the shipped table is on the grid")
            };
            let at = index(find(&CV2, row[0]), find(&REQUESTS_PER_QUOTA, row[1]), find(&UTILIZATION, row[2]));
            table.mean[at] = row[3];
            table.p95[at] = row[4];
        }
        table
    }

    /// Mean wait and p95 excess, both in quota periods; linear in cv², utilisation and the logarithm of
    /// `requests_per_quota` (clamped to 1…64).
    pub fn at(&self, cv2: f64, requests_per_quota: f64, utilization: f64) -> (f64, f64) {
        let (c, cw) = bracket(&CV2, cv2);
        let log: Vec<f64> = REQUESTS_PER_QUOTA.iter().map(|q| q.log2()).collect();
        let (q, qw) = bracket(&log, requests_per_quota.max(1.0).log2());
        let (u, uw) = bracket(&UTILIZATION, utilization);
        let read = |table: &[f64]| {
            let mut sum = 0.0;
            for (dc, wc) in [(0, 1.0 - cw), (1, cw)] {
                for (dq, wq) in [(0, 1.0 - qw), (1, qw)] {
                    for (du, wu) in [(0, 1.0 - uw), (1, uw)] {
                        sum += wc * wq * wu * table[index(c + dc, q + dq, u + du)];
                    }
                }
            }
            sum
        };
        (read(&self.mean), read(&self.p95))
    }
}

fn index(cv2: usize, requests: usize, utilization: usize) -> usize {
    (cv2 * REQUESTS_PER_QUOTA.len() + requests) * UTILIZATION.len() + utilization
}

/// Lower neighbour of `value` on `axis` and the weight of the upper one; clamped to the axis.
fn bracket(axis: &[f64], value: f64) -> (usize, f64) {
    let last = axis.len() - 2;
    let low = axis[1..=last].iter().take_while(|&&x| x <= value).count();
    (low, ((value - axis[low]) / (axis[low + 1] - axis[low])).clamp(0.0, 1.0))
}

const POINTS: usize = 64;

/// Mean and standard deviation of a call's time in one pod (seconds) over utilisation 0…`max`.
#[derive(Clone, Debug)]
pub struct ResponseCurve {
    /// Mean and its rise to the next point, standard deviation and its rise.
    points: [[f32; 4]; POINTS],
    scale: f32,
}

impl ResponseCurve {
    /// Tabulates `service` with pods of `limit` cores (`None`: unlimited), for a quota period in seconds.
    pub fn new(table: &QuotaWait, service: &Service, limit: Option<f64>, period: f64, max: f64) -> Self {
        let demand = service.cpu_per_call.0;
        let idle = service.idle_cpu.cores();
        let usable = limit.unwrap_or(f64::INFINITY).min(f64::from(service.cores)) - idle;
        let (c, w) = bracket(&CV2, service.cpu_cv2);
        let ratio = P95_OVER_MEAN[c] * (1.0 - w) + P95_OVER_MEAN[c + 1] * w;
        let mut curve = Self { points: [[0.0; 4]; POINTS], scale: (POINTS - 1) as f32 / max as f32 };
        for i in 0..POINTS {
            let utilization = max * i as f64 / (POINTS - 1) as f64;
            let sharing = demand * processor_sharing(service.cores, utilization * usable);
            let (wait, excess) = match limit {
                Some(limit) if limit < f64::from(service.cores) => {
                    table.at(service.cpu_cv2, (limit - idle) * period / demand, utilization)
                }
                _ => (0.0, 0.0),
            };
            let mean = sharing + period * wait;
            let p95 = ratio * sharing + period * excess;
            // An exponential time has p95 − mean = 2 deviations (2.0 to two digits).
            curve.points[i] = [mean as f32, 0.0, (0.5 * (p95 - mean)).max(0.0) as f32, 0.0];
        }
        for i in 1..POINTS {
            let next = curve.points[i];
            let point = &mut curve.points[i - 1];
            (point[1], point[3]) = (next[0] - point[0], next[2] - point[2]);
        }
        curve
    }

    /// Mean and standard deviation at `utilization`, clamped to the tabulated range.
    #[inline(always)]
    pub fn at(&self, utilization: f32) -> (f32, f32) {
        let x = most(least(utilization * self.scale, (POINTS - 1) as f32 - 1e-3), 0.0);
        let i = x as i32 as usize % POINTS;
        let w = x - i as f32;
        let [mean, rise, deviation, deviation_rise] = self.points[i];
        (mean + w * rise, deviation + w * deviation_rise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_points_come_back_unchanged() {
        let table = QuotaWait::shipped();
        // cv² 1, 8 requests per quota, utilisation 0.8: 0.220 periods in the reference excerpt.
        let (mean, p95) = table.at(1.0, 8.0, 0.8);
        assert!((mean - 0.22).abs() < 0.03, "{mean}");
        assert!(p95 > mean);
    }

    #[test]
    fn every_cell_is_filled_and_waits_grow_with_utilisation() {
        let table = QuotaWait::shipped();
        for cv2 in CV2 {
            for requests in REQUESTS_PER_QUOTA {
                let waits: Vec<f64> = UTILIZATION.iter().map(|&u| table.at(cv2, requests, u).0).collect();
                assert!(waits.windows(2).all(|w| w[1] + 2e-3 >= w[0]), "cv² {cv2}, q {requests}: {waits:?}");
                assert!(waits[11] > 0.0, "cv² {cv2}, q {requests}");
            }
        }
    }

    #[test]
    fn between_grid_points_the_wait_lies_between() {
        let table = QuotaWait::shipped();
        let (low, high) = (table.at(1.0, 4.0, 0.7).0, table.at(1.0, 4.0, 0.8).0);
        let middle = table.at(1.0, 4.0, 0.75).0;
        assert!(low < middle && middle < high);
    }
}

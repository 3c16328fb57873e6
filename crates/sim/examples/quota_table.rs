//! Makes `data/quota_wait.csv`: how long a CPU quota makes requests wait, from a request-level simulation of one
//! pod. Takes about two minutes of one core.
//!
//! `cargo run --release -p trimtab-sim --example quota_table > crates/sim/data/quota_wait.csv`
//!
//! One pod: Poisson arrivals, processor sharing over 4 cores at no more than one core a request, and a quota of
//! `limit × period` CPU-seconds in each period; when it is used up everything stops until the next. The wait
//! beyond processor sharing depends almost only on utilisation and on how many requests a quota can serve, so the
//! table averages over five limits. Times are in periods.

#![allow(clippy::print_stdout, reason = "the table is the output")]

use rand::SeedableRng;
use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_pcg::Pcg64Mcg;
use std::{cmp::Reverse, collections::BinaryHeap};
use trimtab_sim::queueing::processor_sharing;

const CORES: u32 = 4;
const CV2: [f64; 3] = [0.0, 1.0, 4.0];
const LIMITS: [f64; 5] = [0.1, 0.2, 0.4, 0.8, 1.6];
const REQUESTS_PER_QUOTA: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
const UTILIZATION: [f64; 11] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95];
/// p95 and p99 over the mean of an unthrottled request, by cv².
const TAIL: [(f64, f64); 3] = [(1.0, 1.05), (3.0, 4.6), (4.2, 9.5)];

/// Mean, p95, p99 of the response time, and the share of periods that ended throttled.
struct Outcome {
    mean: f64,
    p95: f64,
    p99: f64,
    throttled: f64,
}

/// A request's finish line on the clock of attained service.
struct Finish(f64, usize);
impl PartialEq for Finish {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Finish {}
impl PartialOrd for Finish {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Finish {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

fn simulate(arrival_rate: f64, demand: f64, cv2: f64, quota: f64, requests: usize, seed: u64) -> Outcome {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let wait = |rng: &mut Pcg64Mcg| -> f64 {
        let e: f64 = Exp1.sample(rng);
        e / arrival_rate
    };
    // `attained` is the service that every request in progress has had since it came: with equal shares the
    // one with the smallest `attained + demand` finishes first.
    let (mut now, mut attained, mut left, mut throttled) = (0.0, 0.0, quota, false);
    let (mut next_arrival, mut next_period) = (wait(&mut rng), 1.0);
    let (mut throttled_periods, mut periods) = (0u64, 0u64);
    let mut running: BinaryHeap<Reverse<Finish>> = BinaryHeap::new();
    let mut arrived: Vec<f64> = Vec::with_capacity(requests + requests / 4);
    let mut times: Vec<f64> = Vec::with_capacity(requests);
    let (warm_up, mut done) = (requests / 10, 0);
    while done < requests {
        let jobs = running.len() as f64;
        let share = if jobs > 0.0 { (f64::from(CORES) / jobs).min(1.0) } else { 0.0 };
        let mut event = next_arrival.min(next_period);
        let working = jobs > 0.0 && !throttled;
        let mut finish = f64::INFINITY;
        let mut exhausted = f64::INFINITY;
        if working {
            let first = running.peek().map_or(attained, |Reverse(f)| f.0);
            finish = now + (first - attained).max(0.0) / share;
            exhausted = now + left / (jobs * share);
            event = event.min(finish).min(exhausted);
            attained += (event - now) * share;
            left -= (event - now) * jobs * share;
        }
        now = event;
        if event == next_arrival {
            let factor = match cv2 {
                0.0 => 1.0,
                1.0 => Exp1.sample(&mut rng),
                _ => {
                    let sigma2 = (1.0 + cv2).ln();
                    let z: f64 = StandardNormal.sample(&mut rng);
                    (sigma2.sqrt() * z - 0.5 * sigma2).exp()
                }
            };
            running.push(Reverse(Finish(attained + demand * factor, arrived.len())));
            arrived.push(now);
            next_arrival = now + wait(&mut rng);
        } else if event == next_period {
            periods += 1;
            throttled_periods += u64::from(throttled);
            (throttled, left) = (false, quota);
            next_period += 1.0;
        } else if event == finish {
            if let Some(Reverse(Finish(_, id))) = running.pop() {
                done += 1;
                if done > warm_up {
                    times.push(now - arrived[id]);
                }
            }
        } else if event == exhausted {
            (throttled, left) = (true, 0.0);
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |q: f64| times[(q * times.len() as f64) as usize];
    Outcome {
        mean: times.iter().sum::<f64>() / times.len() as f64,
        p95: at(0.95),
        p99: at(0.99),
        throttled: throttled_periods as f64 / periods as f64,
    }
}

/// The table's row: waits beyond processor sharing, averaged over the limits.
fn row(cv2: usize, requests_per_quota: f64, utilization: f64, length: f64) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for limit in LIMITS {
        let demand = limit / requests_per_quota;
        let requests = length * if utilization > 0.85 { 3_000_000.0 } else { 800_000.0 };
        let key =
            [cv2 as u64, (limit * 10.0) as u64, requests_per_quota as u64, (utilization * 100.0) as u64];
        let seed =
            key.iter().fold(12_345, |seed: u64, part| seed.wrapping_mul(1_000_003).wrapping_add(*part));
        let outcome =
            simulate(utilization * limit / demand, demand, CV2[cv2], limit, requests as usize, seed);
        let sharing = demand * processor_sharing(CORES, utilization * limit);
        sums[0] += (outcome.mean - sharing).max(0.0);
        sums[1] += (outcome.p95 - TAIL[cv2].0 * sharing).max(0.0);
        sums[2] += (outcome.p99 - TAIL[cv2].1 * sharing).max(0.0);
        sums[3] += outcome.throttled;
    }
    sums.map(|sum| sum / LIMITS.len() as f64)
}

fn main() {
    // A share of the full length may be given, to look at the table quickly.
    let length: f64 = std::env::args().nth(1).and_then(|share| share.parse().ok()).unwrap_or(1.0);
    let grid: Vec<(usize, f64, f64)> = (0..CV2.len())
        .flat_map(|c| {
            REQUESTS_PER_QUOTA.into_iter().flat_map(move |q| UTILIZATION.into_iter().map(move |u| (c, q, u)))
        })
        .collect();
    println!("cv2,req_per_quota,rho,wait_mean_over_P,p95_excess_over_P,p99_excess_over_P,throttled_frac");
    let half = grid.len().div_ceil(2);
    let rows: Vec<[f64; 4]> = std::thread::scope(|scope| {
        let parts: Vec<_> = grid
            .chunks(half)
            .map(|part| {
                scope.spawn(|| part.iter().map(|&(c, q, u)| row(c, q, u, length)).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("no simulation panics")).collect()
    });
    for ((c, q, u), [mean, p95, p99, throttled]) in grid.into_iter().zip(rows) {
        println!("{},{q},{u},{mean:.5},{p95:.5},{p99:.5},{throttled:.5}", CV2[c]);
    }
}

//! The end of an SLO window: its percentiles, whether it was violated, and what the metrics make of it.
//!
//! Left out: what fills a window ([`super::dynamics`]).
#![expect(
    clippy::inline_always,
    reason = "a body must be compiled inside the function that chose the vectors"
)]

use super::Cluster;
use crate::{metrics::WindowLatency, tail::LogNormal};

/// Percentiles of a lane's window that ends with this sub-step; meaningful for those lanes only.
#[derive(Clone, Debug)]
pub(super) struct Percentiles {
    p95: Vec<f32>,
    p99: Vec<f32>,
    answered: Vec<f32>,
}

impl Percentiles {
    pub(super) fn new(lanes: usize) -> Self {
        let row = vec![0.0; lanes];
        Self { p95: row.clone(), p99: row.clone(), answered: row }
    }
}

impl Cluster {
    fn ends_window(&self, lane: usize) -> bool {
        self.state.lane[lane].substep.is_multiple_of(u64::from(self.periods.slo_window))
    }

    /// Percentiles of all windows, if one ends with this sub-step; most often all of them do.
    #[inline(always)]
    pub(super) fn find_percentiles(&mut self) {
        let lanes = self.lanes;
        if !(0..lanes).any(|lane| self.ends_window(lane)) {
            return;
        }
        // Percentiles end here: with more failures than a percentile leaves room for there is none.
        let longest = 10.0 * self.application.timeout.0 as f32;
        let windows = &self.state.windows;
        let mixtures = &mut self.work.mixtures;
        let Percentiles { p95, p99, answered } = &mut self.percentiles;
        let answered = &mut answered[..lanes];
        answered.fill(0.0);
        for endpoint in 0..self.application.endpoints.len() {
            let cells = endpoint * lanes..(endpoint + 1) * lanes;
            let (count, first) = (&windows.answered[cells.clone()], &windows.first[cells.clone()]);
            mixtures.set_part(endpoint, count, first, &windows.second[cells]);
            answered.iter_mut().zip(count).for_each(|(sum, count)| *sum += count);
        }
        for (share, percentile) in [(0.05, &mut *p95), (0.01, &mut *p99)] {
            for ((tail, requests), answered) in
                mixtures.tail.iter_mut().zip(&windows.requests).zip(&*answered)
            {
                // Failed requests are slower than any answer: they use up part of the tail.
                let left = (share * requests - (requests - answered)) / answered;
                *tail = if left > 1e-4 { left } else { 1e-4 };
            }
            mixtures.solve();
            let windows = windows.requests.iter().zip(&*answered).zip(&mixtures.quantile);
            for (percentile, ((requests, answered), quantile)) in percentile.iter_mut().zip(windows) {
                let none = if requests - answered > 0.0 { longest } else { 0.0 };
                let found = if *quantile < longest { *quantile } else { longest };
                *percentile = if *answered > 0.0 { found } else { none };
            }
        }
        for (p99, p95) in p99.iter_mut().zip(p95) {
            *p99 = if *p99 > *p95 { *p99 } else { *p95 };
        }
    }

    /// Ends a lane's window, if it ends with this sub-step.
    pub(super) fn close_window(&mut self, lane: usize) {
        if !self.ends_window(lane) {
            return;
        }
        let (lanes, bound) = (self.lanes, self.application.slo.p95.0);
        let windows = &mut self.state.windows;
        let this = &mut self.state.lane[lane];
        let Percentiles { p95, p99, answered } = &self.percentiles;
        let (p95, p99, answered) = (p95[lane], p99[lane], answered[lane]);
        let (requests, bad) = (windows.requests[lane], windows.bad[lane]);
        if let Some(histogram) = &mut this.histogram {
            for at in (lane..windows.answered.len()).step_by(lanes) {
                let count = windows.answered[at];
                if count > 0.0 {
                    histogram.add(count, LogNormal::from_sums(count, windows.first[at], windows.second[at]));
                }
            }
            histogram.add_failed(requests - answered);
        }
        let tally = &mut this.interval;
        tally.windows += 1.0;
        if bad > 0.05 * requests {
            tally.violated_windows += 1.0;
        }
        tally.p95_sum += f64::from(p95);
        tally.severity += (f64::from(p95) / bound - 1.0).max(0.0);
        if requests > 0.0 {
            tally.tail_used += f64::from((bad / (0.05 * requests)).powi(4).min(1.0));
            let total: f32 = windows.first.iter().skip(lane).step_by(lanes).sum();
            let mean = if answered > 0.0 { total / answered } else { 0.0 };
            let latency = WindowLatency { end: this.time, mean, p95, p99 };
            this.last_window = Some(latency);
            this.metrics.record_window(latency);
        }
        windows.restart(lane);
    }
}

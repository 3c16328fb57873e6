//! The metrics pipelines between what happens and what a controller sees, one set a lane.
//!
//! * resource metrics (metrics-server): mean CPU over one resolution window, latched at its end; the
//!   kubelet's own sampling makes some clusters see the previous window, which a lane draws at its start;
//! * application metrics (Prometheus): call counters scraped at an interval, `rate[w]` over whole scrapes;
//!   percentiles of the last SLO window that had ended when the scrape was made.
//!
//! Scrapes and windows have a phase that each lane draws at its start.

use crate::config::Periods;
use serde::{Deserialize, Serialize};

/// Per-service values of one latch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Latch {
    /// End of the window; before the first latch, minus infinity.
    pub(crate) at: f64,
    /// Mean millicores of a ready pod, by service.
    pub(crate) cpu: Vec<f32>,
    /// Bytes of a ready pod, by service.
    pub(crate) memory: Vec<f32>,
    /// Whether any pod was ready at all, by service.
    pub(crate) present: Vec<bool>,
}

/// Percentiles of the application's responses in one SLO window.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WindowLatency {
    pub(crate) end: f64,
    pub(crate) mean: f32,
    pub(crate) p95: f32,
    pub(crate) p99: f32,
}

/// Pipelines of one lane.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Metrics {
    resolution_phase: u32,
    scrape_phase: u32,
    /// Which of the two latches is visible: 0 the newest, 1 the one before.
    staleness: usize,
    latches: [Latch; 2],
    cpu_sum: Vec<f32>,
    memory_last: Vec<f32>,
    present_last: Vec<bool>,
    samples: u32,
    /// Ring of scraped counters: `(rate window / scrape + 1) × (services + 1)`; the last column is outside traffic.
    counters: Vec<f64>,
    scrapes: usize,
    running: Vec<f64>,
    scraped_at: f64,
    visible_latency: Option<WindowLatency>,
    window_latency: Option<WindowLatency>,
}

impl Metrics {
    pub(crate) fn new(services: usize, periods: &Periods) -> Self {
        let latch = Latch {
            at: f64::NEG_INFINITY,
            cpu: vec![0.0; services],
            memory: vec![0.0; services],
            present: vec![false; services],
        };
        let slots = (periods.rate_window / periods.scrape) as usize + 1;
        Self {
            resolution_phase: 0,
            scrape_phase: 0,
            staleness: 0,
            latches: [latch.clone(), latch],
            cpu_sum: vec![0.0; services],
            memory_last: vec![0.0; services],
            present_last: vec![false; services],
            samples: 0,
            counters: vec![0.0; slots * (services + 1)],
            scrapes: 0,
            running: vec![0.0; services + 1],
            scraped_at: f64::NEG_INFINITY,
            visible_latency: None,
            window_latency: None,
        }
    }

    /// Forgets everything and takes new phases, each in sub-steps.
    pub(crate) fn restart(&mut self, resolution_phase: u32, scrape_phase: u32, staleness: usize) {
        self.resolution_phase = resolution_phase;
        self.scrape_phase = scrape_phase;
        self.staleness = staleness;
        for latch in &mut self.latches {
            latch.at = f64::NEG_INFINITY;
        }
        self.cpu_sum.fill(0.0);
        self.samples = 0;
        self.counters.fill(0.0);
        self.running.fill(0.0);
        self.scrapes = 0;
        self.scraped_at = f64::NEG_INFINITY;
        self.visible_latency = None;
        self.window_latency = None;
    }

    /// One service's sub-step: millicores and bytes of a ready pod (`None` without one) and calls that arrived.
    #[inline]
    pub(crate) fn record(&mut self, service: usize, pod: Option<(f32, f32)>, calls: f32) {
        let (cpu, memory) = pod.unwrap_or_default();
        self.cpu_sum[service] += cpu;
        self.memory_last[service] = memory;
        self.present_last[service] = pod.is_some();
        self.running[service] += f64::from(calls);
    }

    pub(crate) fn record_requests(&mut self, requests: f32) {
        if let Some(total) = self.running.last_mut() {
            *total += f64::from(requests);
        }
    }

    pub(crate) fn record_window(&mut self, latency: WindowLatency) {
        self.window_latency = Some(latency);
    }

    /// Ends sub-step number `substep` (counted from 1) at time `now`.
    pub(crate) fn end_substep(&mut self, substep: u64, now: f64, periods: &Periods) {
        self.samples += 1;
        if (substep + u64::from(self.resolution_phase)).is_multiple_of(u64::from(periods.resolution)) {
            self.latches.swap(0, 1);
            let latch = &mut self.latches[0];
            latch.at = now;
            let scale = 1.0 / self.samples as f32;
            for (value, sum) in latch.cpu.iter_mut().zip(&mut self.cpu_sum) {
                *value = *sum * scale;
                *sum = 0.0;
            }
            latch.memory.copy_from_slice(&self.memory_last);
            latch.present.copy_from_slice(&self.present_last);
            self.samples = 0;
        }
        if (substep + u64::from(self.scrape_phase)).is_multiple_of(u64::from(periods.scrape)) {
            let width = self.running.len();
            let slot = self.scrapes % (self.counters.len() / width);
            self.counters[slot * width..(slot + 1) * width].copy_from_slice(&self.running);
            self.scrapes += 1;
            self.scraped_at = now;
            self.visible_latency = self.window_latency;
        }
    }

    /// The resource sample that a controller sees; absent before the first.
    pub(crate) fn resources(&self) -> Option<&Latch> {
        let latch = &self.latches[self.staleness];
        (latch.at > f64::NEG_INFINITY).then_some(latch)
    }

    /// Rate in calls per second of a service, or of outside traffic (`None`), with the time of its scrape.
    /// Absent before two scrapes; over a shorter window until enough have been made.
    pub(crate) fn rate(&self, service: Option<usize>, scrape_secs: f64) -> Option<(f64, f64)> {
        let width = self.running.len();
        let slots = self.counters.len() / width;
        let intervals = (slots - 1).min(self.scrapes.checked_sub(1)?);
        if intervals == 0 {
            return None;
        }
        let column = service.unwrap_or(width - 1);
        let newest = (self.scrapes - 1) % slots;
        let oldest = (self.scrapes - 1 - intervals) % slots;
        let calls = self.counters[newest * width + column] - self.counters[oldest * width + column];
        Some((calls / (intervals as f64 * scrape_secs), self.scraped_at))
    }

    pub(crate) fn latency(&self) -> Option<WindowLatency> {
        self.visible_latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIODS: Periods = Periods { resolution: 3, scrape: 3, rate_window: 12, slo_window: 3 };

    fn run(metrics: &mut Metrics, substeps: std::ops::RangeInclusive<u64>, cpu: f32, calls: f32) {
        for i in substeps {
            metrics.record(0, Some((cpu, 0.0)), calls);
            metrics.end_substep(i, 5.0 * i as f64, &PERIODS);
        }
    }

    #[test]
    fn nothing_is_visible_before_the_first_window_has_ended() {
        let mut metrics = Metrics::new(1, &PERIODS);
        metrics.restart(0, 0, 0);
        run(&mut metrics, 1..=2, 100.0, 50.0);
        assert!(metrics.resources().is_none() && metrics.rate(Some(0), 15.0).is_none());
    }

    #[test]
    fn cpu_is_the_mean_of_its_window_and_dated_at_its_end() {
        let mut metrics = Metrics::new(1, &PERIODS);
        metrics.restart(0, 0, 0);
        run(&mut metrics, 1..=3, 100.0, 50.0);
        run(&mut metrics, 4..=5, 900.0, 50.0);
        let latch = metrics.resources().unwrap();
        assert_eq!((latch.cpu[0], latch.at), (100.0, 15.0));
    }

    #[test]
    fn a_stale_lane_sees_the_window_before() {
        let mut metrics = Metrics::new(1, &PERIODS);
        metrics.restart(0, 0, 1);
        run(&mut metrics, 1..=3, 100.0, 50.0);
        assert!(metrics.resources().is_none());
        run(&mut metrics, 4..=6, 900.0, 50.0);
        assert_eq!(metrics.resources().unwrap().cpu[0], 100.0);
    }

    #[test]
    fn a_rate_lags_a_step_by_half_its_window() {
        let mut metrics = Metrics::new(1, &PERIODS);
        metrics.restart(0, 0, 0);
        run(&mut metrics, 1..=30, 0.0, 50.0);
        assert!((metrics.rate(Some(0), 15.0).unwrap().0 - 10.0).abs() < 1e-9);
        run(&mut metrics, 31..=36, 0.0, 100.0);
        assert!((metrics.rate(Some(0), 15.0).unwrap().0 - 15.0).abs() < 1e-9);
    }
}
